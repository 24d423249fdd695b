-- Last.fm, artists in the order in which users listened to them, with attributes of artists, in the
-- preprocessing of S3-Rec (RUCAIBox/CIKM2020-S3Rec).
--
--   SET VARIABLE folder = 's3rec_lastfm';   -- LastFM.txt, LastFM_item2attributes.json, LastFM_sample.txt
--   .read sql/datasets/s3rec_lastfm.sql
--
-- Creates plays (user_id, song_id, played_at), songs (song_id, tags), train_plays, validation_plays
-- (each user's last but one), test_plays (the last), and test_negatives (user_id, song_id): 99 songs
-- a user that the authors drew. An artist is a song here. There are no attributes of users.

CREATE OR REPLACE TABLE plays AS
WITH lines AS (
    SELECT string_split(line, ' ')[1] AS user_id, string_split(line, ' ')[2:] AS songs
    FROM read_csv(getvariable('folder') || '/LastFM.txt', columns = {line: 'VARCHAR'}, delim = '\t',
                  header = false)
)
SELECT CAST(user_id AS INTEGER) AS user_id, CAST(unnest(songs) AS INTEGER) AS song_id,
       generate_subscripts(songs, 1) AS played_at
FROM lines
ORDER BY user_id, played_at;

CREATE OR REPLACE TABLE songs AS
WITH file AS (
    SELECT json FROM read_json_objects(getvariable('folder') || '/LastFM_item2attributes.json')
)
SELECT CAST(key AS INTEGER) AS song_id, list_sort(list_distinct(CAST(value AS INTEGER[]))) AS tags
FROM file, json_each(json)
ORDER BY song_id;

CREATE OR REPLACE TABLE test_negatives AS
WITH lines AS (
    SELECT string_split(line, ' ')[1] AS user_id, string_split(line, ' ')[2:] AS songs
    FROM read_csv(getvariable('folder') || '/LastFM_sample.txt', columns = {line: 'VARCHAR'},
                  delim = '\t', header = false)
)
SELECT CAST(user_id AS INTEGER) AS user_id, CAST(unnest(songs) AS INTEGER) AS song_id FROM lines;

CREATE OR REPLACE TEMP TABLE ranked AS
SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY played_at DESC) AS place FROM plays;

CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id, played_at FROM temp.ranked WHERE place > 2 ORDER BY user_id, played_at;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id, played_at FROM temp.ranked WHERE place = 2 ORDER BY user_id;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id, played_at FROM temp.ranked WHERE place = 1 ORDER BY user_id;
DROP TABLE IF EXISTS temp.ranked;

-- Last.fm, artists in the order in which users listened to them, with attributes of artists, in the
-- preprocessing of S3-Rec (RUCAIBox/CIKM2020-S3Rec).
--
--   SET VARIABLE folder = 's3rec_lastfm';   -- LastFM.txt, LastFM_item2attributes.json, LastFM_sample.txt
--   .read sql/datasets/s3rec_lastfm.sql
--
-- Creates plays (user_id, song_id, played_at), songs (song_id, tags), train_plays, validation_plays
-- (each user's last but one), test_plays (the last), and test_negatives (user_id, song_id): 99 songs
-- a user that the authors drew. An artist is a song here. There are no attributes of users.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('s3rec_lastfm.sql: SET VARIABLE folder = ''…'' to the folder of its files, then read s3rec_lastfm.sql again')
        WHEN count(*) > 0
        THEN error(concat('s3rec_lastfm.sql: there is no ', string_agg(file, ', no '), ' in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has all, then read s3rec_lastfm.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('plays', 'songs', 'test_negatives', 'train_plays', 'validation_plays', 'test_plays'))
        THEN error('s3rec_lastfm.sql: a view has the name of a table that is to be made; drop it, then read s3rec_lastfm.sql again')
        ELSE getvariable('folder')
    END
    FROM (VALUES ('LastFM.txt'), ('LastFM_item2attributes.json'), ('LastFM_sample.txt')) AS needed(file)
    WHERE file NOT IN (SELECT parse_filename(file) FROM glob(coalesce(getvariable('folder') || '/*', '')))
);
ATTACH OR REPLACE ':memory:' AS s3rec_read;

CREATE TABLE s3rec_read.plays AS
WITH lines AS (
    SELECT string_split(line, ' ')[1] AS user_id, string_split(line, ' ')[2:] AS songs
    FROM read_csv(getvariable('checked_folder') || '/LastFM.txt', columns = {line: 'VARCHAR'}, delim = '\t',
                  header = false)
)
SELECT CAST(user_id AS INTEGER) AS user_id, CAST(unnest(songs) AS INTEGER) AS song_id,
       generate_subscripts(songs, 1) AS played_at
FROM lines
ORDER BY user_id, played_at;

CREATE TABLE s3rec_read.songs AS
WITH file AS (
    SELECT json FROM read_json_objects(getvariable('checked_folder') || '/LastFM_item2attributes.json')
)
SELECT CAST(key AS INTEGER) AS song_id, list_sort(list_distinct(CAST(value AS INTEGER[]))) AS tags
FROM file, json_each(json)
ORDER BY song_id;

CREATE TABLE s3rec_read.test_negatives AS
WITH lines AS (
    SELECT string_split(line, ' ')[1] AS user_id, string_split(line, ' ')[2:] AS songs
    FROM read_csv(getvariable('checked_folder') || '/LastFM_sample.txt', columns = {line: 'VARCHAR'},
                  delim = '\t', header = false)
)
SELECT CAST(user_id AS INTEGER) AS user_id, CAST(unnest(songs) AS INTEGER) AS song_id FROM lines;

CREATE TABLE s3rec_read.ranked AS
SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY played_at DESC) AS place FROM s3rec_read.plays;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 4 THEN error('s3rec_lastfm.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 's3rec_read'
);
CREATE OR REPLACE TABLE plays AS FROM s3rec_read.plays;
CREATE OR REPLACE TABLE songs AS FROM s3rec_read.songs;
CREATE OR REPLACE TABLE test_negatives AS FROM s3rec_read.test_negatives;
CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id, played_at FROM s3rec_read.ranked WHERE place > 2 ORDER BY user_id, played_at;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id, played_at FROM s3rec_read.ranked WHERE place = 2 ORDER BY user_id;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id, played_at FROM s3rec_read.ranked WHERE place = 1 ORDER BY user_id;
COMMIT;
DETACH s3rec_read;

-- LFM-1b (Schedl 2016), cleaned as in the COAT paper: listening from 2014 on, the 10,000 most played
-- songs, users with at least 10 of these; the latest play of each user and song.
--
--   SET VARIABLE folder = 'LFM-1b';   -- has LFM-1b_LEs.txt, LFM-1b_users.txt, LFM-1b_tracks.txt and
--                                     -- LFM-1b_artists.txt
--   SET VARIABLE top_songs = 10000;   -- these three have the values shown where they are not set
--   SET VARIABLE min_songs = 10;
--   SET VARIABLE since = TIMESTAMP '2014-01-01';
--   .read sql/datasets/lfm1b.sql
--
-- Creates plays (user_id, song_id, played_at), songs (song_id, title, artist), users (user_id, country,
-- age, gender); train_plays and test_plays (each user's last play), and fit_plays and
-- validation_plays: the training plays without, and only, each user's last of them. Plays at the same
-- second are put in order by chance.
-- Protocol: the test play among 99 songs that the user never played:
--   FROM evaluate('…', 'test_plays', k := 10, negatives := 99, protocol := 'history')
--
-- A billion listening events are read twice and never held: first songs are counted, then the plays of
-- the most played ones are kept.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('lfm1b.sql: SET VARIABLE folder = ''…'' to the folder of its files, then read lfm1b.sql again')
        WHEN count(*) > 0
        THEN error(concat('lfm1b.sql: there is no ', string_agg(file, ', no '), ' in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has all, then read lfm1b.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('plays', 'songs', 'users', 'train_plays', 'test_plays', 'fit_plays', 'validation_plays'))
        THEN error('lfm1b.sql: a view has the name of a table that is to be made; drop it, then read lfm1b.sql again')
        ELSE getvariable('folder')
    END
    FROM (VALUES ('LFM-1b_LEs.txt'), ('LFM-1b_users.txt'), ('LFM-1b_tracks.txt'), ('LFM-1b_artists.txt')) AS needed(file)
    WHERE file NOT IN (SELECT parse_filename(file) FROM glob(coalesce(getvariable('folder') || '/*', '')))
);
ATTACH OR REPLACE ':memory:' AS lfm1b_read;

CREATE MACRO lfm1b_read.events() AS TABLE
SELECT user_id, track_id AS song_id, make_timestamp(seconds * 1000000) AS played_at
FROM read_csv(getvariable('checked_folder') || '/LFM-1b_LEs.txt', delim = '\t', header = false, quote = '',
              columns = {user_id: 'BIGINT', artist_id: 'BIGINT', album_id: 'BIGINT', track_id: 'BIGINT',
                         seconds: 'BIGINT'})
WHERE seconds >= epoch(coalesce(getvariable('since'), TIMESTAMP '2014-01-01'));

CREATE TABLE lfm1b_read.popular AS
SELECT song_id
FROM lfm1b_read.events()
GROUP BY song_id
-- Ties go to the lower id.
ORDER BY count(*) DESC, song_id
LIMIT coalesce(getvariable('top_songs'), 10000);

CREATE TABLE lfm1b_read.plays AS
WITH latest AS (
    SELECT user_id, song_id, max(played_at) AS played_at
    FROM lfm1b_read.events()
    WHERE song_id IN (FROM lfm1b_read.popular)
    GROUP BY ALL
)
FROM latest
QUALIFY count(*) OVER (PARTITION BY user_id) >= coalesce(getvariable('min_songs'), 10)
ORDER BY user_id, played_at, song_id;

CREATE TABLE lfm1b_read.songs AS
SELECT song_id, title, artist
FROM read_csv(getvariable('checked_folder') || '/LFM-1b_tracks.txt', delim = '\t', header = false, quote = '',
              columns = {song_id: 'BIGINT', title: 'VARCHAR', artist_id: 'BIGINT'})
LEFT JOIN read_csv(getvariable('checked_folder') || '/LFM-1b_artists.txt', delim = '\t', header = false,
                   quote = '', columns = {artist_id: 'BIGINT', artist: 'VARCHAR'}) USING (artist_id)
WHERE song_id IN (SELECT song_id FROM lfm1b_read.plays)
ORDER BY song_id;

-- The first line has names. An age that was not given is negative, a gender or country empty.
CREATE TABLE lfm1b_read.users AS
SELECT CAST(user_id AS BIGINT) AS user_id, nullif(country, '') AS country,
       CASE WHEN TRY_CAST(age AS INTEGER) > 0 THEN CAST(age AS INTEGER) END AS age,
       CASE WHEN gender IN ('m', 'f') THEN gender END AS gender
FROM read_csv(getvariable('checked_folder') || '/LFM-1b_users.txt', delim = '\t', header = false, quote = '',
              columns = {user_id: 'VARCHAR', country: 'VARCHAR', age: 'VARCHAR', gender: 'VARCHAR',
                         playcount: 'VARCHAR', registered: 'VARCHAR'})
WHERE TRY_CAST(user_id AS BIGINT) IN (SELECT user_id FROM lfm1b_read.plays)
ORDER BY 1;

CREATE TABLE lfm1b_read.ranked AS
SELECT *, row_number() OVER (PARTITION BY user_id
                             ORDER BY played_at DESC, md5(concat_ws(':', user_id, song_id))) AS place
FROM lfm1b_read.plays;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 5 THEN error('lfm1b.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'lfm1b_read'
);
CREATE OR REPLACE TABLE plays AS FROM lfm1b_read.plays;
CREATE OR REPLACE TABLE songs AS FROM lfm1b_read.songs;
CREATE OR REPLACE TABLE users AS FROM lfm1b_read.users;
CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id, played_at FROM lfm1b_read.ranked WHERE place > 1 ORDER BY user_id, place DESC;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id, played_at FROM lfm1b_read.ranked WHERE place = 1 ORDER BY user_id;
CREATE OR REPLACE TABLE fit_plays AS
SELECT user_id, song_id, played_at FROM lfm1b_read.ranked WHERE place > 2 ORDER BY user_id, place DESC;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id, played_at FROM lfm1b_read.ranked WHERE place = 2 ORDER BY user_id;
COMMIT;
DETACH lfm1b_read;

-- #nowplaying: sessions of songs that people tweeted, in the split of CCIIPLab/GCE-GNN.
--
--   SET VARIABLE folder = 'nowplaying';   -- has train_sessions.parquet and test_sessions.parquet
--   .read sql/datasets/nowplaying.sql
--
-- Creates train_plays and test_plays (session_id, song_id, played_at), and fit_plays and
-- validation_plays: the training sessions without, and only, their latest tenth. Nobody is known by
-- name, so there are no users. Sessions are numbered in the order in which they began; there are no
-- clock times, so played_at counts the plays.
-- Protocol: every prefix of a test session predicts its next song, among all songs.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('nowplaying.sql: SET VARIABLE folder = ''…'' to the folder of its files, then read nowplaying.sql again')
        WHEN count(*) > 0
        THEN error(concat('nowplaying.sql: there is no ', string_agg(file, ', no '), ' in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has all, then read nowplaying.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('train_plays', 'test_plays', 'fit_plays', 'validation_plays'))
        THEN error('nowplaying.sql: a view has the name of a table that is to be made; drop it, then read nowplaying.sql again')
        ELSE getvariable('folder')
    END
    FROM (VALUES ('train_sessions.parquet'), ('test_sessions.parquet')) AS needed(file)
    WHERE file NOT IN (SELECT parse_filename(file) FROM glob(coalesce(getvariable('folder') || '/*', '')))
);
ATTACH OR REPLACE ':memory:' AS nowplaying_read;

CREATE TABLE nowplaying_read.train_plays AS
SELECT session AS session_id, item AS song_id, row_number() OVER (ORDER BY session, pos) AS played_at
FROM read_parquet(getvariable('checked_folder') || '/train_sessions.parquet')
ORDER BY session, pos;

-- The files number sessions anew.
CREATE TABLE nowplaying_read.test_plays AS
SELECT session + (SELECT max(session_id) + 1 FROM nowplaying_read.train_plays) AS session_id, item AS song_id,
       (SELECT max(played_at) FROM nowplaying_read.train_plays) + row_number() OVER (ORDER BY session, pos) AS played_at
FROM read_parquet(getvariable('checked_folder') || '/test_sessions.parquet')
ORDER BY session, pos;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 2 THEN error('nowplaying.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'nowplaying_read'
);
CREATE OR REPLACE TABLE train_plays AS FROM nowplaying_read.train_plays;
CREATE OR REPLACE TABLE test_plays AS FROM nowplaying_read.test_plays;
CREATE OR REPLACE TABLE fit_plays AS
FROM nowplaying_read.train_plays WHERE session_id < (SELECT 0.9 * (max(session_id) + 1) FROM nowplaying_read.train_plays);
CREATE OR REPLACE TABLE validation_plays AS
FROM nowplaying_read.train_plays WHERE session_id >= (SELECT 0.9 * (max(session_id) + 1) FROM nowplaying_read.train_plays);
COMMIT;
DETACH nowplaying_read;

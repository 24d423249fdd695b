-- HetRec 2011, Last.fm: which artists users listened to, and how often.
--
--   SET VARIABLE folder = 'hetrec_lastfm';   -- has user_artists.dat, artists.dat, tags.dat and
--                                            -- user_taggedartists_merged.csv
--   SET VARIABLE seed = 1;
--   .read sql/datasets/hetrec_lastfm.sql
--
-- Creates plays (user_id, song_id, plays), songs (song_id, name, tags) and, by chance and seed, eight
-- tenths of each user's artists as train_plays, one as validation_plays and one as test_plays. An
-- artist is a song here; nothing is known about the order of plays.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('hetrec_lastfm.sql: SET VARIABLE folder = ''…'' to the folder of its files, then read hetrec_lastfm.sql again')
        WHEN count(*) > 0
        THEN error(concat('hetrec_lastfm.sql: there is no ', string_agg(file, ', no '), ' in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has all, then read hetrec_lastfm.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('plays', 'songs', 'train_plays', 'validation_plays', 'test_plays'))
        THEN error('hetrec_lastfm.sql: a view has the name of a table that is to be made; drop it, then read hetrec_lastfm.sql again')
        ELSE getvariable('folder')
    END
    FROM (VALUES ('user_artists.dat'), ('artists.dat'), ('user_taggedartists_merged.csv')) AS needed(file)
    WHERE file NOT IN (SELECT parse_filename(file) FROM glob(coalesce(getvariable('folder') || '/*', '')))
);
ATTACH OR REPLACE ':memory:' AS hetrec_read;

CREATE TABLE hetrec_read.plays AS
SELECT userID AS user_id, artistID AS song_id, weight AS plays
FROM read_csv(getvariable('checked_folder') || '/user_artists.dat', delim = '\t', header = true)
ORDER BY userID, artistID;

CREATE TABLE hetrec_read.songs AS
WITH tagged AS (
    SELECT artistID, tagID, count(*) AS times
    FROM read_csv(getvariable('checked_folder') || '/user_taggedartists_merged.csv')
    GROUP BY ALL
),
tags AS (
    -- The ten tags that most users gave.
    SELECT artistID, list(tagID ORDER BY tagID) AS tags
    FROM (FROM tagged QUALIFY row_number() OVER (PARTITION BY artistID ORDER BY times DESC, tagID) <= 10)
    GROUP BY artistID
)
SELECT id AS song_id, name, tags
FROM read_csv(getvariable('checked_folder') || '/artists.dat', delim = '\t', header = true, quote = '')
LEFT JOIN tags ON artistID = id
ORDER BY id;

CREATE TABLE hetrec_read.ranked AS
SELECT user_id, song_id,
       row_number() OVER (PARTITION BY user_id
                          ORDER BY md5(concat_ws(':', user_id, song_id, coalesce(getvariable('seed'), 1))))
       / count(*) OVER (PARTITION BY user_id) AS share
FROM hetrec_read.plays;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 3 THEN error('hetrec_lastfm.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'hetrec_read'
);
CREATE OR REPLACE TABLE plays AS FROM hetrec_read.plays;
CREATE OR REPLACE TABLE songs AS FROM hetrec_read.songs;
CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id FROM hetrec_read.ranked WHERE share <= 0.8 ORDER BY user_id, song_id;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id FROM hetrec_read.ranked WHERE share > 0.8 AND share <= 0.9 ORDER BY user_id, song_id;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id FROM hetrec_read.ranked WHERE share > 0.9 ORDER BY user_id, song_id;
COMMIT;
DETACH hetrec_read;

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

CREATE OR REPLACE TABLE plays AS
SELECT userID AS user_id, artistID AS song_id, weight AS plays
FROM read_csv(getvariable('folder') || '/user_artists.dat', delim = '\t', header = true)
ORDER BY userID, artistID;

CREATE OR REPLACE TABLE songs AS
WITH tagged AS (
    SELECT artistID, tagID, count(*) AS times
    FROM read_csv(getvariable('folder') || '/user_taggedartists_merged.csv')
    GROUP BY ALL
),
tags AS (
    -- The ten tags that most users gave.
    SELECT artistID, list(tagID ORDER BY tagID) AS tags
    FROM (FROM tagged QUALIFY row_number() OVER (PARTITION BY artistID ORDER BY times DESC, tagID) <= 10)
    GROUP BY artistID
)
SELECT id AS song_id, name, tags
FROM read_csv(getvariable('folder') || '/artists.dat', delim = '\t', header = true, quote = '')
LEFT JOIN tags ON artistID = id
ORDER BY id;

CREATE OR REPLACE TEMP TABLE ranked AS
SELECT user_id, song_id,
       row_number() OVER (PARTITION BY user_id
                          ORDER BY md5(concat_ws(':', user_id, song_id, coalesce(getvariable('seed'), 1))))
       / count(*) OVER (PARTITION BY user_id) AS share
FROM plays;

CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id FROM temp.ranked WHERE share <= 0.8 ORDER BY user_id, song_id;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id FROM temp.ranked WHERE share > 0.8 AND share <= 0.9 ORDER BY user_id, song_id;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id FROM temp.ranked WHERE share > 0.9 ORDER BY user_id, song_id;
DROP TABLE IF EXISTS temp.ranked;

-- MovieLens-1M in the preprocessing of SASRec: every user's films in the order in which they rated them.
--
--   SET VARIABLE folder = 'ml1m';   -- has sas_sequences.parquet, movies.csv and users.csv
--   .read sql/datasets/ml1m.sql
--
-- Creates plays (user_id, song_id, played_at), songs (song_id, year, genres), users (user_id, gender,
-- age, occupation), and train_plays, validation_plays (each user's last but one) and test_plays (the
-- last). A film is a song here. The order of a user's ratings is known, not when they were made.
-- Protocol: the test play among all songs but those before it, or among 100 uniform negatives; the
-- model is told all plays before it: history := '(FROM train_plays UNION ALL FROM validation_plays)'.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('ml1m.sql: SET VARIABLE folder = ''…'' to the folder of its files, then read ml1m.sql again')
        WHEN count(*) > 0
        THEN error(concat('ml1m.sql: there is no ', string_agg(file, ', no '), ' in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has all, then read ml1m.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('plays', 'songs', 'users', 'train_plays', 'validation_plays', 'test_plays'))
        THEN error('ml1m.sql: a view has the name of a table that is to be made; drop it, then read ml1m.sql again')
        ELSE getvariable('folder')
    END
    FROM (VALUES ('sas_sequences.parquet'), ('movies.csv'), ('users.csv')) AS needed(file)
    WHERE file NOT IN (SELECT parse_filename(file) FROM glob(coalesce(getvariable('folder') || '/*', '')))
);
ATTACH OR REPLACE ':memory:' AS ml1m_read;

CREATE TABLE ml1m_read.plays AS
SELECT user AS user_id, item AS song_id, pos AS played_at
FROM read_parquet(getvariable('checked_folder') || '/sas_sequences.parquet')
ORDER BY user, pos;

CREATE TABLE ml1m_read.songs AS
WITH films AS (
    SELECT DISTINCT item AS song_id, orig_item
    FROM read_parquet(getvariable('checked_folder') || '/sas_sequences.parquet')
)
SELECT song_id, CAST(regexp_extract(title, '\((\d{4})\)\s*$', 1) AS INTEGER) AS year,
       string_split(genres, '|') AS genres
FROM films LEFT JOIN read_csv(getvariable('checked_folder') || '/movies.csv') USING (orig_item)
ORDER BY song_id;

CREATE TABLE ml1m_read.users AS
WITH people AS (
    SELECT DISTINCT user AS user_id, orig_user
    FROM read_parquet(getvariable('checked_folder') || '/sas_sequences.parquet')
)
-- Ages and occupations are codes.
SELECT user_id, gender, CAST(age AS VARCHAR) AS age, CAST(occupation AS VARCHAR) AS occupation
FROM people LEFT JOIN read_csv(getvariable('checked_folder') || '/users.csv') USING (orig_user)
ORDER BY user_id;

CREATE TABLE ml1m_read.ranked AS
SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY played_at DESC) AS place FROM ml1m_read.plays;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 4 THEN error('ml1m.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'ml1m_read'
);
CREATE OR REPLACE TABLE plays AS FROM ml1m_read.plays;
CREATE OR REPLACE TABLE songs AS FROM ml1m_read.songs;
CREATE OR REPLACE TABLE users AS FROM ml1m_read.users;
CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id, played_at FROM ml1m_read.ranked WHERE place > 2 ORDER BY user_id, played_at;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id, played_at FROM ml1m_read.ranked WHERE place = 2 ORDER BY user_id;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id, played_at FROM ml1m_read.ranked WHERE place = 1 ORDER BY user_id;
COMMIT;
DETACH ml1m_read;

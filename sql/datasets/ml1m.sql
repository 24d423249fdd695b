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

CREATE OR REPLACE TABLE plays AS
SELECT user AS user_id, item AS song_id, pos AS played_at
FROM read_parquet(getvariable('folder') || '/sas_sequences.parquet')
ORDER BY user, pos;

CREATE OR REPLACE TABLE songs AS
WITH films AS (
    SELECT DISTINCT item AS song_id, orig_item
    FROM read_parquet(getvariable('folder') || '/sas_sequences.parquet')
)
SELECT song_id, CAST(regexp_extract(title, '\((\d{4})\)\s*$', 1) AS INTEGER) AS year,
       string_split(genres, '|') AS genres
FROM films LEFT JOIN read_csv(getvariable('folder') || '/movies.csv') USING (orig_item)
ORDER BY song_id;

CREATE OR REPLACE TABLE users AS
WITH people AS (
    SELECT DISTINCT user AS user_id, orig_user
    FROM read_parquet(getvariable('folder') || '/sas_sequences.parquet')
)
-- Ages and occupations are codes.
SELECT user_id, gender, CAST(age AS VARCHAR) AS age, CAST(occupation AS VARCHAR) AS occupation
FROM people LEFT JOIN read_csv(getvariable('folder') || '/users.csv') USING (orig_user)
ORDER BY user_id;

CREATE OR REPLACE TEMP TABLE ranked AS
SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY played_at DESC) AS place FROM plays;

CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id, played_at FROM temp.ranked WHERE place > 2 ORDER BY user_id, played_at;
CREATE OR REPLACE TABLE validation_plays AS
SELECT user_id, song_id, played_at FROM temp.ranked WHERE place = 2 ORDER BY user_id;
CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id, played_at FROM temp.ranked WHERE place = 1 ORDER BY user_id;
DROP TABLE IF EXISTS temp.ranked;

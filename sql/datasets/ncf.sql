-- Data in the file format of NCF (He et al. 2017): leave-one-out with 99 given negatives a user.
--
--   SET VARIABLE folder = 'deepcf_lastfm/lastfm';   -- the files' common beginning
--   .read sql/datasets/ncf.sql
--
-- Creates train_plays and test_plays (user_id, song_id) and test_negatives (user_id, song_id).

CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id
FROM read_csv(getvariable('folder') || '.train.rating', delim = '\t', header = false,
              columns = {user_id: 'INTEGER', song_id: 'INTEGER', weight: 'DOUBLE'});

CREATE OR REPLACE TABLE test_plays AS
SELECT user_id, song_id
FROM read_csv(getvariable('folder') || '.test.rating', delim = '\t', header = false,
              columns = {user_id: 'INTEGER', song_id: 'INTEGER', weight: 'DOUBLE'});

-- A line begins with '(user,song)', the test play.
CREATE OR REPLACE TABLE test_negatives AS
WITH lines AS (
    SELECT string_split(line, '|') AS cells
    FROM (SELECT replace(line, chr(9), '|') AS line
          FROM read_csv(getvariable('folder') || '.test.negative', columns = {line: 'VARCHAR'},
                        delim = '\0', header = false))
)
SELECT CAST(regexp_extract(cells[1], '\((\d+),', 1) AS INTEGER) AS user_id,
       CAST(unnest(cells[2:]) AS INTEGER) AS song_id
FROM lines;

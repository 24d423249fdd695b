-- Data in the file format of NCF (He et al. 2017): leave-one-out with 99 given negatives a user.
--
--   SET VARIABLE folder = 'deepcf_lastfm/lastfm';   -- the files' common beginning
--   .read sql/datasets/ncf.sql
--
-- Creates train_plays and test_plays (user_id, song_id) and test_negatives (user_id, song_id).

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('ncf.sql: SET VARIABLE folder = ''…'' to the common beginning of its files, then read ncf.sql again')
        WHEN count(*) > 0
        THEN error(concat('ncf.sql: there is no ', string_agg(concat(getvariable('folder'), ending), ', no '), '; ',
                          'SET VARIABLE folder = ''…'' to the common beginning of its files, then read ncf.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('train_plays', 'test_plays', 'test_negatives'))
        THEN error('ncf.sql: a view has the name of a table that is to be made; drop it, then read ncf.sql again')
        ELSE getvariable('folder')
    END
    FROM (VALUES ('.train.rating'), ('.test.rating'), ('.test.negative')) AS needed(ending)
    WHERE NOT EXISTS (FROM glob(coalesce(getvariable('folder') || '.*', '')) AS found
                      WHERE ends_with(found.file, needed.ending))
);
ATTACH OR REPLACE ':memory:' AS ncf_read;

CREATE TABLE ncf_read.train_plays AS
SELECT user_id, song_id
FROM read_csv(getvariable('checked_folder') || '.train.rating', delim = '\t', header = false,
              columns = {user_id: 'INTEGER', song_id: 'INTEGER', weight: 'DOUBLE'});

CREATE TABLE ncf_read.test_plays AS
SELECT user_id, song_id
FROM read_csv(getvariable('checked_folder') || '.test.rating', delim = '\t', header = false,
              columns = {user_id: 'INTEGER', song_id: 'INTEGER', weight: 'DOUBLE'});

-- A line begins with '(user,song)', the test play.
CREATE TABLE ncf_read.test_negatives AS
WITH lines AS (
    SELECT string_split(line, '|') AS cells
    FROM (SELECT replace(line, chr(9), '|') AS line
          FROM read_csv(getvariable('checked_folder') || '.test.negative', columns = {line: 'VARCHAR'},
                        delim = '\0', header = false))
)
SELECT CAST(regexp_extract(cells[1], '\((\d+),', 1) AS INTEGER) AS user_id,
       CAST(unnest(cells[2:]) AS INTEGER) AS song_id
FROM lines;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 3 THEN error('ncf.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'ncf_read'
);
CREATE OR REPLACE TABLE train_plays AS FROM ncf_read.train_plays;
CREATE OR REPLACE TABLE test_plays AS FROM ncf_read.test_plays;
CREATE OR REPLACE TABLE test_negatives AS FROM ncf_read.test_negatives;
COMMIT;
DETACH ncf_read;

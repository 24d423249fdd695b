-- Chordonomicon (Kantarelis et al. 2024): chord progressions of some 666,000 songs, with the sections
-- in angle brackets: <intro_1> C <verse_1> F C E7 Amin.
--
--   SET VARIABLE file = 'chordonomicon_v2.csv';
--   .read sql/datasets/chordonomicon.sql
--
-- Creates chords (song_id, position, chord, section) and songs (song_id and whatever else the file has,
-- such as main_genre and release_date). Positions count from 1; section is NULL before the first one.
-- Symbols are as they are written, with s for sharp: Fsmin.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_file;
SET VARIABLE checked_file = (
    SELECT CASE
        WHEN getvariable('file') IS NULL
        THEN error('chordonomicon.sql: SET VARIABLE file = ''…'' to Chordonomicon''s CSV file, then read chordonomicon.sql again')
        WHEN count(*) = 0
        THEN error(concat('chordonomicon.sql: there is no file ''', getvariable('file'), '''; ',
                          'SET VARIABLE file = ''…'' to the CSV file, then read chordonomicon.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('songs', 'chords'))
        THEN error('chordonomicon.sql: a view has the name of a table that is to be made; drop it, then read chordonomicon.sql again')
        ELSE getvariable('file')
    END
    FROM glob(coalesce(getvariable('file'), ''))
);
ATTACH OR REPLACE ':memory:' AS chordonomicon_read;

CREATE TABLE chordonomicon_read.rows AS
FROM read_csv(getvariable('checked_file'), all_varchar = true, header = true, delim = ',', quote = '"', escape = '"');

CREATE TABLE chordonomicon_read.chords AS
WITH rows AS (
    SELECT id, chords FROM chordonomicon_read.rows WHERE chords IS NOT NULL
),
parts AS (
    -- What follows an opening bracket, and, first of all, what stands before any.
    SELECT id, unnest(string_split(chords, '<')) AS part, generate_subscripts(string_split(chords, '<'), 1) AS nr
    FROM rows
),
sections AS (
    SELECT
        id,
        nr,
        CASE WHEN contains(part, '>') THEN trim(split_part(part, '>', 1)) END AS section,
        string_split_regex(trim(regexp_replace(part, '^[^>]*>', '')), '\s+') AS symbols
    FROM parts
),
symbols AS (
    SELECT id, nr, section, unnest(symbols) AS chord, generate_subscripts(symbols, 1) AS place
    FROM sections
)
SELECT
    CAST(id AS BIGINT) AS song_id,
    row_number() OVER (PARTITION BY id ORDER BY nr, place) AS position,
    chord,
    section
FROM symbols
WHERE chord <> ''
ORDER BY song_id, position;

CREATE TABLE chordonomicon_read.songs AS
SELECT CAST(id AS BIGINT) AS song_id, * EXCLUDE (id, chords)
FROM chordonomicon_read.rows
ORDER BY song_id;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_file = (
    SELECT CASE WHEN count(*) < 3 THEN error('chordonomicon.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'chordonomicon_read'
);
CREATE OR REPLACE TABLE songs AS FROM chordonomicon_read.songs;
CREATE OR REPLACE TABLE chords AS FROM chordonomicon_read.chords;
COMMIT;
DETACH chordonomicon_read;

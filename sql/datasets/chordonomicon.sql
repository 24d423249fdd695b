-- Chordonomicon (Kantarelis et al. 2024): chord progressions of some 666,000 songs, with the sections
-- in angle brackets: <intro_1> C <verse_1> F C E7 Amin.
--
--   SET VARIABLE file = 'chordonomicon_v2.csv';
--   .read sql/datasets/chordonomicon.sql
--
-- Creates chords (song_id, position, chord, section) and songs (song_id and whatever else the file has,
-- such as main_genre and release_date). Positions count from 1; section is NULL before the first one.
-- Symbols are as they are written, with s for sharp: Fsmin.

CREATE OR REPLACE TABLE chords AS
WITH rows AS (
    SELECT id, chords FROM read_csv(getvariable('file'), all_varchar = true) WHERE chords IS NOT NULL
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

CREATE OR REPLACE TABLE songs AS
SELECT CAST(id AS BIGINT) AS song_id, * EXCLUDE (id, chords)
FROM read_csv(getvariable('file'), all_varchar = true)
ORDER BY song_id;

-- Chord annotations in .lab files (Isophonics, RWC, USPop and many others): a line for each chord with
-- its start and end in seconds and its symbol, parted by tabs or spaces.
--
--   SET VARIABLE folder = 'chordlab';   -- has .lab files, in folders of any depth
--   .read sql/datasets/lab.sql
--
-- Creates chords (song_id, position, chord, start_s, end_s). A song is a file: its path below the
-- folder without .lab. Positions count from 1. Symbols are as they are written, N for no chord
-- included; lines of another form, such as comments, are left out.

CREATE OR REPLACE TABLE chords AS
WITH lines AS (
    SELECT
        regexp_extract(substr(filename, len(getvariable('folder')) + 1), '^/*(.*)\.lab$', 1) AS song_id,
        unnest(regexp_split_to_array(content, '\r?\n')) AS line
    FROM read_text(getvariable('folder') || '/**/*.lab')
),
fields AS (
    SELECT song_id, regexp_extract(trim(line, E' \t'), '^(\S+)\s+(\S+)\s+(\S.*)$', ['start_s', 'end_s', 'chord']) AS field
    FROM lines
),
segments AS (
    SELECT song_id, field.chord, TRY_CAST(field.start_s AS DOUBLE) AS start_s, TRY_CAST(field.end_s AS DOUBLE) AS end_s
    FROM fields
)
SELECT song_id, row_number() OVER (PARTITION BY song_id ORDER BY start_s, end_s) AS position, chord, start_s, end_s
FROM segments
WHERE start_s IS NOT NULL AND end_s IS NOT NULL
ORDER BY song_id, position;

-- Chord annotations in JAMS files (Isophonics' and Billboard's in that form, ChoCo, and others).
--
--   SET VARIABLE folder = 'jams';       -- has .jams files, in folders of any depth
--   SET VARIABLE annotation = 2;        -- which, where a file has several; by default the first
--   .read sql/datasets/jams.sql
--
-- Creates songs (song_id, title, artist, duration_s) and chords (song_id, position, chord, start_s,
-- end_s). A song is a file: its path below the folder without .jams. Positions count from 1. Read are
-- annotations of the namespaces chord and chord_harte, as lists of observations and in the older form
-- as lists of times, durations and values.

CREATE OR REPLACE TEMP TABLE files AS
SELECT
    regexp_extract(substr(filename, len(getvariable('folder')) + 1), '^/*(.*)\.jams$', 1) AS song_id,
    content::JSON AS file
FROM read_text(getvariable('folder') || '/**/*.jams');

CREATE OR REPLACE TABLE songs AS
SELECT
    song_id,
    file->'file_metadata'->>'title' AS title,
    file->'file_metadata'->>'artist' AS artist,
    TRY_CAST(file->'file_metadata'->>'duration' AS DOUBLE) AS duration_s
FROM temp.files
ORDER BY song_id;

CREATE OR REPLACE TABLE chords AS
WITH annotations AS (
    SELECT song_id, unnest((file->'annotations')::JSON[]) AS annotation, generate_subscripts((file->'annotations')::JSON[], 1) AS place
    FROM temp.files
),
chosen AS (
    SELECT song_id, annotation->'data' AS data
    FROM annotations
    WHERE annotation->>'namespace' IN ('chord', 'chord_harte')
    QUALIFY row_number() OVER (PARTITION BY song_id ORDER BY place) = coalesce(getvariable('annotation'), 1)
),
observations AS (
    SELECT song_id, unnest(data::JSON[]) AS observation
    FROM chosen WHERE json_type(data) = 'ARRAY'
    UNION ALL
    SELECT
        song_id,
        json_object(
            'time', unnest((data->'time')::JSON[]),
            'duration', unnest((data->'duration')::JSON[]),
            'value', unnest((data->'value')::JSON[])
        )
    FROM chosen WHERE json_type(data) = 'OBJECT'
),
segments AS (
    SELECT
        song_id,
        observation->>'value' AS chord,
        (observation->>'time')::DOUBLE AS start_s,
        start_s + (observation->>'duration')::DOUBLE AS end_s
    FROM observations
)
SELECT song_id, row_number() OVER (PARTITION BY song_id ORDER BY start_s, end_s) AS position, chord, start_s, end_s
FROM segments
ORDER BY song_id, position;

DROP TABLE IF EXISTS temp.files;

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

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('jams.sql: SET VARIABLE folder = ''…'' to the folder with .jams files, then read jams.sql again')
        WHEN count(*) = 0
        THEN error(concat('jams.sql: there are no .jams files in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has them, then read jams.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('songs', 'chords'))
        THEN error('jams.sql: a view has the name of a table that is to be made; drop it, then read jams.sql again')
        ELSE rtrim(getvariable('folder'), '/')
    END
    FROM glob(coalesce(getvariable('folder') || '/**/*.jams', ''))
);
ATTACH OR REPLACE ':memory:' AS jams_read;

CREATE TABLE jams_read.files AS
SELECT
    regexp_extract(substr(filename, len(getvariable('checked_folder')) + 1), '^[/\\]*(.*)\.jams$', 1) AS song_id,
    CASE
        WHEN NOT json_valid(text)
        THEN error(concat('jams.sql: the file ''', filename, ''' is no JSON; mend it or take it out of the folder'))
        WHEN json_type(text, '$.annotations') IS DISTINCT FROM 'ARRAY'
        THEN error(concat('jams.sql: the file ''', filename, ''' is no JAMS, which has a list of annotations; ',
                          'mend it or take it out of the folder'))
        ELSE text::JSON
    END AS file
FROM (
    -- Some editors write a byte order mark first.
    SELECT filename, ltrim(content, chr(65279)) AS text
    FROM read_text(getvariable('checked_folder') || '/**/*.jams')
);

CREATE TABLE jams_read.songs AS
SELECT
    song_id,
    file->'file_metadata'->>'title' AS title,
    file->'file_metadata'->>'artist' AS artist,
    TRY_CAST(file->'file_metadata'->>'duration' AS DOUBLE) AS duration_s
FROM jams_read.files
ORDER BY song_id;

CREATE TABLE jams_read.chords AS
WITH annotations AS (
    SELECT song_id, unnest((file->'annotations')::JSON[]) AS annotation, generate_subscripts((file->'annotations')::JSON[], 1) AS place
    FROM jams_read.files
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
        TRY_CAST(observation->>'time' AS DOUBLE) AS start_s,
        start_s + TRY_CAST(observation->>'duration' AS DOUBLE) AS end_s
    FROM observations
),
found AS (
    SELECT
        song_id, chord, start_s,
        coalesce(end_s, error(concat('jams.sql: in ', song_id, '.jams a chord has no number as its time or duration; ',
                                     'mend the file or take it out of the folder'))) AS end_s
    FROM segments
    UNION ALL
    SELECT error(concat('jams.sql: the .jams files in ''', getvariable('checked_folder'), ''' have no chords in their ',
                        'annotations of the namespaces chord and chord_harte')), NULL, NULL, NULL
    WHERE NOT EXISTS (FROM segments)
)
SELECT song_id, row_number() OVER (PARTITION BY song_id ORDER BY start_s, end_s) AS position, chord, start_s, end_s
FROM found
ORDER BY song_id, position;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 3 THEN error('jams.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'jams_read'
);
CREATE OR REPLACE TABLE songs AS FROM jams_read.songs;
CREATE OR REPLACE TABLE chords AS FROM jams_read.chords;
COMMIT;
DETACH jams_read;

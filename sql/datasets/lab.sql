-- Chord annotations in .lab files (Isophonics, RWC, USPop and many others): a line for each chord with
-- its start and end in seconds and its symbol, parted by tabs or spaces.
--
--   SET VARIABLE folder = 'chordlab';   -- has .lab files, in folders of any depth
--   .read sql/datasets/lab.sql
--
-- Creates chords (song_id, position, chord, start_s, end_s). A song is a file: its path below the
-- folder without .lab. Positions count from 1. Symbols are as they are written, N for no chord
-- included; lines of another form, such as comments, are left out.

-- What is missing is said first.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('lab.sql: SET VARIABLE folder = ''…'' to the folder with .lab files, then read lab.sql again')
        WHEN count(*) = 0
        THEN error(concat('lab.sql: there are no .lab files in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has them, then read lab.sql again'))
        ELSE rtrim(getvariable('folder'), '/')
    END
    FROM glob(coalesce(getvariable('folder') || '/**/*.lab', ''))
);

CREATE OR REPLACE TABLE chords AS
WITH lines AS (
    SELECT
        regexp_extract(substr(filename, len(getvariable('checked_folder')) + 1), '^[/\\]*(.*)\.lab$', 1) AS song_id,
        -- Some editors write a byte order mark first.
        unnest(regexp_split_to_array(ltrim(content, chr(65279)), '\r\n?|\n')) AS line
    FROM read_text(getvariable('checked_folder') || '/**/*.lab')
),
fields AS (
    SELECT song_id, regexp_extract(line, '^\s*(\S+)\s+(\S+)\s+(\S.*?)\s*$', ['start_s', 'end_s', 'chord']) AS field
    FROM lines
),
segments AS (
    SELECT song_id, field.chord, TRY_CAST(field.start_s AS DOUBLE) AS start_s, TRY_CAST(field.end_s AS DOUBLE) AS end_s
    FROM fields
    WHERE start_s IS NOT NULL AND end_s IS NOT NULL
),
found AS (
    FROM segments
    UNION ALL
    SELECT error(concat('lab.sql: no line of the .lab files in ''', getvariable('checked_folder'), ''' has a start, ',
                        'an end and a chord, such as 0.0 1.5 C:maj')), NULL, NULL, NULL
    WHERE NOT EXISTS (FROM segments)
)
SELECT song_id, row_number() OVER (PARTITION BY song_id ORDER BY start_s, end_s) AS position, chord, start_s, end_s
FROM found
ORDER BY song_id, position;
RESET VARIABLE checked_folder;

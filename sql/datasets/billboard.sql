-- The McGill Billboard corpus (Burgoyne, Wild and Fujinaga 2011) in its annotation text: a file
-- salami_chords.txt for each song, in a folder that has the song's number.
--
--   SET VARIABLE folder = 'McGill-Billboard';
--   .read sql/datasets/billboard.sql
--
-- Creates songs (song_id, title, artist, metre, tonic) and chords (song_id, position, chord, section,
-- start_s, end_s). Metre and tonic are those at the beginning. Positions count from 1 in order of time;
-- a chord that goes on, as . says or as bars repeat it, is one row.
--
-- A line of the text is a phrase that begins at a given time: a letter and a name of the section, bars
-- between |, and instruments. Its bars share the time until the next line, and the chords of a bar the
-- time of the bar, evenly; x2 after the bars repeats them. What the text says beside chords, such as
-- (3/4), * and ->, is passed over; so is &pause, which has no length. Phrases without bars are N.

-- What is missing is said first, and no table is replaced before all is read.
RESET VARIABLE checked_folder;
SET VARIABLE checked_folder = (
    SELECT CASE
        WHEN getvariable('folder') IS NULL
        THEN error('billboard.sql: SET VARIABLE folder = ''…'' to the folder with files salami_chords.txt, then read billboard.sql again')
        WHEN count(*) = 0
        THEN error(concat('billboard.sql: there are no files salami_chords.txt in the folder ''', getvariable('folder'), '''; ',
                          'SET VARIABLE folder = ''…'' to the one that has them, then read billboard.sql again'))
        WHEN EXISTS (FROM duckdb_views() WHERE database_name = current_database() AND schema_name = current_schema()
                     AND lower(view_name) IN ('songs', 'chords'))
        THEN error('billboard.sql: a view has the name of a table that is to be made; drop it, then read billboard.sql again')
        ELSE rtrim(getvariable('folder'), '/')
    END
    FROM glob(coalesce(getvariable('folder') || '/**/salami_chords.txt', ''))
);
ATTACH OR REPLACE ':memory:' AS billboard_read;

CREATE TABLE billboard_read.files AS
SELECT
    regexp_extract(filename, '([^/\\]+)[/\\]salami_chords\.txt$', 1) AS song_id,
    -- Some editors write a byte order mark first.
    regexp_replace(ltrim(content, chr(65279)), '\r\n?', E'\n', 'g') AS content
FROM read_text(getvariable('checked_folder') || '/**/salami_chords.txt');

CREATE TABLE billboard_read.songs AS
SELECT
    song_id,
    nullif(regexp_extract(content, '(?m)^# title: *(.*?)\s*$', 1), '') AS title,
    nullif(regexp_extract(content, '(?m)^# artist: *(.*?)\s*$', 1), '') AS artist,
    nullif(regexp_extract(content, '(?m)^# metre: *(.*?)\s*$', 1), '') AS metre,
    nullif(regexp_extract(content, '(?m)^# tonic: *(.*?)\s*$', 1), '') AS tonic
FROM billboard_read.files
ORDER BY song_id;

CREATE TABLE billboard_read.chords AS
WITH lines AS (
    SELECT song_id, regexp_extract(unnest(string_split(content, E'\n')), '^([0-9.]+)\s+(.*)$', ['start_s', 'text']) AS line
    FROM billboard_read.files
),
phrases AS (
    SELECT
        song_id,
        TRY_CAST(line.start_s AS DOUBLE) AS start_s,
        lead(start_s) OVER (PARTITION BY song_id ORDER BY start_s) AS end_s,
        line.text AS text,
        nullif(regexp_extract(text, '^(?:[A-Z]''*, *)?([a-z][a-z -]*),', 1), '') AS name
    FROM lines
    WHERE TRY_CAST(line.start_s AS DOUBLE) IS NOT NULL
),
named AS (
    -- A name holds until the next one.
    SELECT *, last_value(name IGNORE NULLS) OVER (PARTITION BY song_id ORDER BY start_s) AS section
    FROM phrases
    WHERE end_s > start_s
),
bars AS (
    SELECT
        *,
        -- Between the first and the last line, as often as is written after it.
        CASE
            WHEN contains(text, '|') THEN string_split(regexp_extract(text, '\|(.*)\|', 1), '|')
            ELSE ['N']
        END AS once,
        coalesce(TRY_CAST(regexp_extract(text, '\| *x([0-9]+)', 1) AS INTEGER), 1) AS times,
        flatten(list_transform(range(times), lambda nr: once)) AS bars
    FROM named
),
placed AS (
    SELECT
        song_id, section, start_s, end_s, len(bars) AS count,
        unnest(bars) AS bar, generate_subscripts(bars, 1) - 1 AS nr
    FROM bars
),
slots AS (
    SELECT
        song_id, section,
        start_s + (end_s - start_s) * nr / count AS start_s,
        (end_s - start_s) / count AS length_s,
        list_filter(
            string_split_regex(trim(bar), '\s+'),
            lambda symbol: symbol = '.' OR regexp_matches(symbol, '^(N$|X$|[A-G])')
        ) AS symbols
    FROM placed
),
beats AS (
    SELECT
        song_id, section, unnest(symbols) AS symbol,
        start_s + length_s * (generate_subscripts(symbols, 1) - 1) / len(symbols) AS start_s,
        start_s + length_s * generate_subscripts(symbols, 1) / len(symbols) AS end_s
    FROM slots
),
filled AS (
    SELECT
        song_id, section, start_s, end_s,
        last_value(nullif(symbol, '.') IGNORE NULLS) OVER (PARTITION BY song_id ORDER BY start_s) AS chord
    FROM beats
),
changes AS (
    SELECT *, chord IS DISTINCT FROM lag(chord) OVER (PARTITION BY song_id ORDER BY start_s) AS begins
    FROM filled
),
runs AS (
    SELECT *, CAST(count_if(begins) OVER (PARTITION BY song_id ORDER BY start_s) AS BIGINT) AS position
    FROM changes
)
SELECT
    song_id, position, any_value(chord) AS chord, first(section ORDER BY start_s) AS section,
    round(min(start_s), 6) AS start_s, round(max(end_s), 6) AS end_s
FROM runs
GROUP BY song_id, position
UNION ALL
SELECT error(concat('billboard.sql: no line of the files salami_chords.txt in ''', getvariable('checked_folder'), ''' is a ',
                    'phrase with its time, such as 1.0 A, intro, | C:maj |')), NULL, NULL, NULL, NULL, NULL
WHERE NOT EXISTS (FROM runs)
ORDER BY song_id, position;

BEGIN TRANSACTION;
-- Where a statement above failed and the shell went on, all of the transaction fails.
SET VARIABLE checked_folder = (
    SELECT CASE WHEN count(*) < 3 THEN error('billboard.sql: not all was read, so no table is replaced') END
    FROM duckdb_tables() WHERE database_name = 'billboard_read'
);
CREATE OR REPLACE TABLE songs AS FROM billboard_read.songs;
CREATE OR REPLACE TABLE chords AS FROM billboard_read.chords;
COMMIT;
DETACH billboard_read;

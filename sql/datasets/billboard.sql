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

CREATE OR REPLACE TEMP TABLE files AS
SELECT regexp_extract(filename, '([^/\\]+)[/\\]salami_chords\.txt$', 1) AS song_id, content
FROM read_text(getvariable('folder') || '/**/salami_chords.txt');

CREATE OR REPLACE TABLE songs AS
SELECT
    song_id,
    nullif(regexp_extract(content, '(?m)^# title: *(.*?)\s*$', 1), '') AS title,
    nullif(regexp_extract(content, '(?m)^# artist: *(.*?)\s*$', 1), '') AS artist,
    nullif(regexp_extract(content, '(?m)^# metre: *(.*?)\s*$', 1), '') AS metre,
    nullif(regexp_extract(content, '(?m)^# tonic: *(.*?)\s*$', 1), '') AS tonic
FROM temp.files
ORDER BY song_id;

CREATE OR REPLACE TABLE chords AS
WITH lines AS (
    SELECT song_id, regexp_extract(unnest(regexp_split_to_array(content, '\r?\n')), '^([0-9.]+)\s+(.*)$', ['start_s', 'text']) AS line
    FROM temp.files
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
ORDER BY song_id, position;

DROP TABLE IF EXISTS temp.files;

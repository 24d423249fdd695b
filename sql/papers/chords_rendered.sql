-- How well chords are heard in rendered songs whose chords are known.
--
--   python tests/audio/rendered.py LABS music       -- LABS has .lab files; music gets a WAV of each
--   SET VARIABLE folder = 'LABS';
--   SET VARIABLE music = 'music';
--   SET VARIABLE seconds = 120;                     -- if not 120: how much of each was rendered
--   SET VARIABLE profile = 'chord_extractor';       -- if not chordino
--   SET VARIABLE silence = false;                   -- if not the profile's: whether silence is N
--   .read sql/papers/chords_rendered.sql
--
-- Creates chords (what was written, by sql/datasets/lab.sql), heard, and song_scores. Prints the scores of
-- mir_eval, in % of the time that each metric counts, pooled over songs and of each song, and what majmin
-- misses most.

.read sql/datasets/lab.sql

CREATE OR REPLACE TABLE heard AS
WITH files AS (
    SELECT parse_filename(file, true) AS song_id, file,
           {profile: coalesce(getvariable('profile'), 'chordino'), silence: CAST(getvariable('silence') AS BOOLEAN)} AS options
    FROM glob(getvariable('music') || '/*.wav')
)
SELECT song_id, unnest(extract_chords(file, options), recursive := true) FROM files;

CREATE OR REPLACE TABLE song_scores AS
WITH written AS (
    SELECT song_id, list({chord: chord, start_s: start_s, end_s: least(end_s, until)} ORDER BY start_s) AS chords
    FROM chords, (SELECT coalesce(getvariable('seconds'), 120) AS until)
    WHERE start_s < until
    GROUP BY song_id
),
found AS (
    SELECT song_id, list({chord: chord, start_s: start_s, end_s: end_s} ORDER BY start_s) AS chords
    FROM heard GROUP BY song_id
)
SELECT song_id, chord_score(written.chords, found.chords) AS score FROM written JOIN found USING (song_id) ORDER BY song_id;

CREATE OR REPLACE MACRO pooled(share, seconds) AS round(100 * sum(share * seconds) / sum(seconds), 1);
.print All songs, %
SELECT pooled(score.root, score.seconds.root) AS root, pooled(score.majmin, score.seconds.majmin) AS majmin,
       pooled(score.sevenths, score.seconds.sevenths) AS sevenths, pooled(score.mirex, score.seconds.mirex) AS mirex,
       pooled(score.seg, score.seconds.seg) AS segmentation
FROM song_scores;

.print Each song, %, and the seconds that majmin counts
SELECT song_id, round(100 * score.root, 1) AS root, round(100 * score.majmin, 1) AS majmin,
       round(100 * score.sevenths, 1) AS sevenths, round(100 * score.mirex, 1) AS mirex,
       round(100 * score.seg, 1) AS segmentation, round(score.seconds.majmin, 1) AS seconds
FROM song_scores ORDER BY song_id;

-- Up and down again, so that a note has one name. Where two spans meet, both sound.
CREATE OR REPLACE MACRO plain(chord) AS chord_transpose(chord_transpose(chord_simplify(chord, 'majmin'), 6), -6);
.print What was heard in place of what was written, as major, minor or neither: seconds
WITH spans AS (
    SELECT song_id, plain(chord) AS chord, start_s, least(end_s, coalesce(getvariable('seconds'), 120)) AS end_s, true AS is_written
    FROM chords
    UNION ALL
    SELECT song_id, plain(chord), start_s, end_s, false FROM heard
)
SELECT w.chord AS was_written, h.chord AS was_heard,
       round(sum(least(w.end_s, h.end_s) - greatest(w.start_s, h.start_s)), 1) AS seconds
FROM spans w JOIN spans h ON h.song_id = w.song_id AND w.is_written AND NOT h.is_written
     AND h.start_s < w.end_s AND w.start_s < h.end_s AND w.chord <> h.chord
WHERE w.chord <> 'X'
GROUP BY ALL ORDER BY seconds DESC LIMIT 15;

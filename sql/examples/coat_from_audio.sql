-- COAT from audio files alone: progressions are made sound, heard again, and learned from.
--
--   SET VARIABLE folder = 'music';                  -- one that is there, for 300 MB; if not the current one
--   SET VARIABLE songs = 200;                       -- if not 200
--   .read sql/examples/coat_from_audio.sql
--
-- In a new database. Makes up 300 listeners and 200 songs, whose chords the listeners go by; a song in five
-- is cold: nobody plays it before the test. Each song's first 16 chords, of a second each, are rendered to
-- a WAV file, the chords of the files are extracted, and COAT is trained on these. Prints how well they
-- were heard, and how often a cold song that a listener plays is among COAT's first five of 40 cold songs
-- (by chance in one case of eight), beside COAT on the chords as they were written, and on those of other songs.
--
-- To do this with music of your own: leave out all above extract_chords_batch, and give it your files.

CALL generate_listening(users := 300, songs := coalesce(getvariable('songs'), 200), plays := 20000, aspects := ['chords'], seed := 7);

CREATE OR REPLACE TABLE files AS
SELECT song_id, concat(coalesce(getvariable('folder') || '/', ''), 'song_', song_id, '.wav') AS path,
       list(chord ORDER BY position) AS written,
       ['ballad', 'rock', 'reggae', 'hymn'][1 + song_id % 4] AS style
FROM chords WHERE position < 16 GROUP BY song_id;

.print Rendering songs …
SELECT format('COPY (SELECT render_chords(written, style, 1.0, song_id) FROM files WHERE song_id = {}) '
              'TO ''{}'' (FORMAT blob)', song_id, replace(path, '''', ''''''))
FROM files ORDER BY song_id
.gexec

.print Listening …
SELECT status, count(*) AS files, sum(stored) AS chords, sum(seconds) AS seconds, sum(seconds) / sum(seconds / realtime) AS realtime
FROM extract_chords_batch('files', output := 'heard_chords', vocab := 'majmin')
GROUP BY ALL;

-- How well they were heard: what mir_eval's majmin and segmentation say, weighted by time.
WITH truth AS (
    SELECT song_id, list({chord: chord_simplify(chord, 'majmin'), start_s: place - 1, end_s: place} ORDER BY place) AS spans
    FROM (SELECT song_id, unnest(written) AS chord, generate_subscripts(written, 1) AS place FROM files)
    GROUP BY song_id
),
heard AS (
    SELECT song_id, list({chord: chord, start_s: start_s, end_s: end_s} ORDER BY position) AS spans
    FROM heard_chords GROUP BY song_id
)
SELECT style, sum(s.majmin * s.seconds.majmin) / sum(s.seconds.majmin) AS majmin,
       sum(s.seg * s.seconds.seg) / sum(s.seconds.seg) AS segmentation
FROM (SELECT style, chord_score(truth.spans, heard.spans) AS s
      FROM truth JOIN heard USING (song_id) JOIN files USING (song_id))
GROUP BY style ORDER BY style;

-- What listeners play; the test is one cold song a listener.
CREATE OR REPLACE TABLE train_plays AS SELECT DISTINCT user_id, song_id FROM plays WHERE song_id % 5 <> 0;
CREATE OR REPLACE TABLE test_plays AS
SELECT DISTINCT ON (user_id) user_id, song_id FROM plays WHERE song_id % 5 = 0 ORDER BY user_id, played_at DESC;

CREATE OR REPLACE TABLE written_chords AS SELECT song_id, list_transform(written, lambda c: chord_simplify(c, 'majmin')) AS chords FROM files;
CREATE OR REPLACE TABLE other_chords AS SELECT 1 + (song_id + 76) % (SELECT count(*) FROM written_chords) AS song_id, chords FROM written_chords;

FROM train_coat('train_plays', chords := 'heard_chords', model := 'heard', epochs := 20);
FROM train_coat('train_plays', chords := 'written_chords', model := 'written', epochs := 20);
FROM train_coat('train_plays', chords := 'other_chords', model := 'other', epochs := 20);

SELECT chords, value AS hit_rate, lower, upper FROM (
    SELECT 'heard' AS chords, * FROM evaluate('heard', 'test_plays', candidates := '(FROM files WHERE song_id % 5 = 0)', repeats := 'exclude', k := [5], metrics := ['hit_rate'])
    UNION ALL
    SELECT 'written', * FROM evaluate('written', 'test_plays', candidates := '(FROM files WHERE song_id % 5 = 0)', repeats := 'exclude', k := [5], metrics := ['hit_rate'])
    UNION ALL
    SELECT 'of other songs', * FROM evaluate('other', 'test_plays', candidates := '(FROM files WHERE song_id % 5 = 0)', repeats := 'exclude', k := [5], metrics := ['hit_rate'])
);

-- Cold songs for a listener, from what they sound like.
SELECT r.rank, f.style, f.written[:4] AS chords, r.score
FROM recommend(1, 5, model := 'heard', candidates := '(FROM files WHERE song_id % 5 = 0)') r
     JOIN files f ON f.song_id = r.song_id
ORDER BY r.rank;

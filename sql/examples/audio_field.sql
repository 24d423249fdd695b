-- HARM's audio field from audio files: a network learns to hear genres, and HARM hears what it heard.
--
--   SET VARIABLE folder = 'music';                  -- one that is there, for 250 MB; if not the current one
--   SET VARIABLE songs = 300;                       -- if not 300; a multiple of 25
--   SET VARIABLE seeds = 3;                         -- if not 3
--   .read sql/examples/audio_field.sql
--
-- In a new database. Renders 300 songs in five styles, different instruments and rhythms, with chords, pace
-- and tuning at random; cuts their spectrograms into tiles; learns the styles of 200 of the songs as genres,
-- and hears all of them. Then two sets of listeners: those whose sessions stay in a style, and others who
-- choose without listening. A song in five is cold: nobody plays it before the test. Prints how often the
-- style of a song that was not learned from is heard, and how often the cold song that a session goes on
-- with is among HARM's first ten of 60, by chance one in six: with the audio field, with that of other
-- songs' vectors, and without. Songs have another field as well, their pace, which says nothing of the style.

CREATE OR REPLACE TABLE songs AS
SELECT song_id, concat(coalesce(getvariable('folder') || '/', ''), 'piece_', song_id, '.wav') AS path,
       ['ballad', 'rock', 'reggae', 'waltz', 'hymn'][1 + song_id % 5] AS style,
       [['C', 'Am', 'F', 'G'], ['Dm', 'G7', 'C', 'A7'], ['Em', 'C', 'G', 'D'], ['F', 'Bb', 'C7', 'Dm'],
        ['A', 'E', 'F#m', 'D'], ['Bm', 'G', 'Em', 'F#'], ['Eb', 'Cm', 'Ab', 'Bb']][1 + (hash(song_id, 1) % 7)::INT] AS chords,
       0.6 + 0.1 * (hash(song_id, 2) % 8) AS seconds
FROM range(coalesce(getvariable('songs'), 300)) s(song_id);

.print Rendering songs …
SELECT format('COPY (SELECT render_chords(list_concat(chords, chords), style, seconds, song_id) FROM songs '
              'WHERE song_id = {}) TO ''{}'' (FORMAT blob)', song_id, replace(path, '''', ''''''))
FROM songs ORDER BY song_id
.gexec

.print Tiles …
SELECT status, count(*) AS files, sum(stored) AS tiles, sum(seconds) / sum(seconds / realtime) AS realtime
FROM extract_features_batch('songs', 'tiles', kind := 'tiles')
GROUP BY ALL;

-- Two songs of three have a genre to learn from.
FROM train_audio_cnn('tiles', songs := '(SELECT song_id, style FROM songs WHERE song_id % 3 > 0)', label := 'style');
CREATE OR REPLACE TABLE audio_vectors AS FROM audio_vectors('tiles');

SELECT s.style, count(*) AS songs, avg((v.genre = s.style)::INT) AS heard, avg(v.probability) AS probability
FROM songs s JOIN audio_vectors v USING (song_id)
WHERE s.song_id % 3 = 0
GROUP BY ROLLUP (s.style) ORDER BY s.style NULLS LAST;

-- Sessions of six songs: all of one of the user's two styles, or of any. The sixth is cold in the last two
-- sessions of a user, which are the test.
CREATE OR REPLACE MACRO sessions_of(follows) AS TABLE
WITH sessions AS (
    SELECT u AS user_id, n, (hash(u, hash(u, n, 3) % 2, 4) % 5)::INT AS style FROM range(300) a(u), range(8) b(n)
),
placed AS (
    SELECT user_id, n, p, if(follows, style, (hash(user_id, n, p, 6) % 5)::INT) AS style, n >= 6 AND p = 5 AS is_cold
    FROM sessions, range(6) c(p)
)
-- Song 5 i + j is of style j, and cold where i is a multiple of five: of every 25 songs the first five.
SELECT user_id, user_id * 8 + n AS session_id, n, 100 * n + p AS played_at,
       (25 * (hash(user_id, n, p, 5) % (coalesce(getvariable('songs'), 300) // 25)) + if(is_cold, 0, 5 + 5 * (hash(user_id, n, p, 7) % 4)) + style)::BIGINT AS song_id
FROM placed;
CREATE OR REPLACE TABLE plays_by_sound AS FROM sessions_of(true);
CREATE OR REPLACE TABLE plays_by_chance AS FROM sessions_of(false);
CREATE OR REPLACE TABLE cold_songs AS SELECT song_id FROM songs WHERE (song_id // 5) % 5 = 0;
CREATE OR REPLACE TABLE other_vectors AS
SELECT song_id, lead(vector, 1, first) OVER (ORDER BY hash(song_id, 8)) AS vector
FROM (SELECT *, first(vector) OVER (ORDER BY hash(song_id, 8)) AS first FROM audio_vectors);

CREATE OR REPLACE TABLE trials AS
SELECT concat(field, '_', plays) AS model, concat('plays_by_', plays) AS plays, field, seed,
       CASE field WHEN 'audio' THEN ', audio := ''(SELECT song_id, vector FROM audio_vectors)'''
                  WHEN 'other' THEN ', audio := ''other_vectors''' ELSE '' END AS audio
FROM unnest(['sound', 'chance']) p(plays), unnest(['audio', 'other', 'none']) f(field), range(1, coalesce(getvariable('seeds'), 3) + 1) s(seed);

SELECT format('FROM train_harm(''(FROM {} WHERE n < 6)'', songs := ''(SELECT song_id, seconds FROM songs)'', model := ''{}_{}'', seed := {}, epochs := 8{})',
              plays, model, seed, seed, audio)
FROM trials ORDER BY ALL
.gexec

-- Without vectors, cold songs of the same pace have the same score: they stand where they would in the mean
-- of all orders.
CREATE OR REPLACE TABLE hits (plays VARCHAR, field VARCHAR, seed BIGINT, hit_rate DOUBLE);
SELECT format('INSERT INTO hits SELECT ''{}'', ''{}'', {}, value FROM evaluate(''{}_{}'', ''(FROM {} WHERE n >= 6)'', targets := ''last'', candidates := ''cold_songs'', k := [10], metrics := [''hit_rate''], ties := ''mean'')',
              plays, field, seed, model, seed, plays)
FROM trials ORDER BY ALL
.gexec

SELECT plays, field, avg(hit_rate) AS hit_rate, stddev_samp(hit_rate) AS sd FROM hits GROUP BY ALL ORDER BY plays DESC, hit_rate DESC;

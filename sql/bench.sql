-- How fast Segue is on this machine, on data that it makes up; what `make bench` runs.
--
--   SET VARIABLE plays = 300000;   -- if not 300,000; a user has 300 of them, and a song 60
--   SET VARIABLE epochs = 2;       -- if not 2, of models that learn in epochs
--   SET VARIABLE files = 20;       -- if not 20 songs of a minute each
--   SET VARIABLE folder = 'music'; -- where they are rendered to, 100 MB; if not the current one
--   .read sql/bench.sql
--
-- In a new database, best with nothing else running; SET threads counts. Prints a row for each training
-- function: the shortest epoch and its plays a second; how many next songs a second are ranked among all
-- songs, with intervals, as evaluate does; how long a listener waits for a list of ten, and how many such
-- lists come a second where a table asks. Then how many times faster than real time files are
-- listened to, and how many tiles a second a network learns from and hears.

CREATE OR REPLACE MACRO size(name, usual) AS coalesce(getvariable(name), usual);
CALL generate_listening(plays := size('plays', 300000), users := greatest(10, size('plays', 300000) // 300),
                        songs := greatest(50, size('plays', 300000) // 60));
-- Few to test with: models of pairs take long over each.
CREATE OR REPLACE TABLE parts AS FROM split_sessions('plays', test := 0.01, validation := 0);
CREATE OR REPLACE TABLE train_plays AS SELECT * EXCLUDE split FROM parts WHERE split = 'train';
CREATE OR REPLACE TABLE test_plays AS SELECT * EXCLUDE split FROM parts WHERE split = 'test';
-- In the shape of MFCC: 100 frames of 13 numbers a song.
CREATE OR REPLACE TABLE features AS
SELECT song_id, list_transform(range(100), lambda f: list_transform(range(13), lambda c: sin(song_id * (f + 1) + c)::FLOAT)) AS features
FROM songs;

CREATE OR REPLACE TABLE measured (subject VARCHAR, what VARCHAR, value DOUBLE);
CREATE OR REPLACE MACRO now_s() AS epoch_us(get_current_timestamp()) / 1e6;
CREATE OR REPLACE MACRO took() AS now_s() - getvariable('began');

.print Training, ranking, recommending …
WITH kinds AS (
    SELECT name, replace(name, 'train_', '') AS model, list_transform(parameters, lambda p: p.name) AS takes
    FROM segue_functions() WHERE category = 'train' AND starts_with(name, 'train_')
)
SELECT concat('CREATE OR REPLACE TEMP TABLE answer AS FROM ', name, '(''train_plays''',
              if(list_contains(takes, 'epochs'), concat(', epochs := ', size('epochs', 2)), ''),
              if(list_contains(takes, 'features'), ', features := ''features''', ''),
              if(list_contains(takes, 'chords'), ', chords := ''chords''', ''), ')'),
       format('INSERT INTO measured SELECT ''{}'', unnest([''epoch, s'', ''plays/s'']), unnest([min(seconds), max(plays_per_second)]) FROM answer', model),
       -- The first question loads the model.
       format('CREATE OR REPLACE TEMP TABLE answer AS FROM recommend(1, 10, model := ''{}'')', model),
       'SET VARIABLE began = now_s()',
       format('CREATE OR REPLACE TEMP TABLE answer AS FROM recommend(2, 10, model := ''{}'')', model),
       format('INSERT INTO measured SELECT ''{}'', ''a list, ms'', 1000 * took()', model),
       'SET VARIABLE began = now_s()',
       format('CREATE OR REPLACE TEMP TABLE answer AS SELECT r.* FROM users u, recommend(u.user_id, 10, model := ''{}'') r', model),
       format('INSERT INTO measured SELECT ''{}'', ''lists/s'', count(*) / took() FROM users', model),
       'SET VARIABLE began = now_s()',
       format('CREATE OR REPLACE TEMP TABLE answer AS FROM evaluate(''{}'', ''test_plays'')', model),
       format('INSERT INTO measured SELECT ''{}'', ''ranked/s'', max(cases) / took() FROM answer', model)
FROM kinds ORDER BY model
.gexec

.print Rendering …
CREATE OR REPLACE TABLE files AS
SELECT song_id, concat(size('folder', '.'), '/bench_', song_id, '.wav') AS path, ['ballad', 'rock', 'reggae', 'hymn'][1 + song_id % 4] AS genre,
       list(chord ORDER BY position) AS chords
FROM chords WHERE position < 60 AND song_id <= size('files', 20) GROUP BY song_id;
SELECT format('COPY (SELECT render_chords(chords, genre, 1.0, song_id) FROM files WHERE song_id = {}) TO ''{}'' (FORMAT blob)', song_id, replace(path, '''', ''''''))
FROM files ORDER BY song_id
.gexec

.print Listening …
SELECT 'SET VARIABLE began = now_s()',
       format('CREATE OR REPLACE TEMP TABLE answer AS FROM {}', call),
       format('INSERT INTO measured SELECT ''{}'', unnest([''times'', ''times, all threads'']), '
              'unnest([sum(seconds) / sum(seconds / realtime), sum(seconds) / took()]) FROM answer', what)
FROM (VALUES
    ('chords', 'extract_chords_batch(''files'', output := ''heard'', again := true)'),
    ('MFCC', 'extract_features_batch(''files'', ''mfccs'', again := true)'),
    ('mel bands', 'extract_features_batch(''files'', ''mels'', kind := ''mel'', again := true)'),
    ('tiles', 'extract_features_batch(''files'', ''tiles'', kind := ''tiles'', again := true)')) t(what, call)
.gexec
CREATE OR REPLACE TEMP TABLE answer AS
FROM train_audio_cnn('tiles', songs := 'files', validation_share := 0, epochs := size('epochs', 2));
INSERT INTO measured SELECT 'a network learns', 'tiles/s', max(tiles_per_second) FROM answer;
SET VARIABLE began = now_s();
CREATE OR REPLACE TEMP TABLE answer AS FROM audio_vectors('tiles');
INSERT INTO measured SELECT 'a network hears', 'tiles/s', sum(tiles) / took() FROM answer;

CREATE OR REPLACE TEMP VIEW figures AS
SELECT subject, map_from_entries(list((what, value))) AS f FROM measured GROUP BY subject;

.print Models: an epoch, or the whole of what is fitted in one step
SELECT subject AS model, round(f['epoch, s'], 3) AS "epoch, s", f['plays/s']::BIGINT AS "plays/s", f['ranked/s']::BIGINT AS "ranked/s",
       round(f['a list, ms'], 1) AS "a list, ms", f['lists/s']::BIGINT AS "lists/s"
FROM figures WHERE f['ranked/s'] IS NOT NULL ORDER BY "epoch, s";
.print Sound: times faster than real time
SELECT subject AS what, round(f['times']) AS "of one thread", round(f['times, all threads']) AS "of all threads",
       round(f['tiles/s']) AS "tiles/s"
FROM figures WHERE f['ranked/s'] IS NULL ORDER BY "of one thread" NULLS LAST, "tiles/s";

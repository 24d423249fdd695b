-- What the songs of sql/papers/coat_planted.sql sound like, for NeuMF with CNN and LSTM.
--
--   SET VARIABLE folder = 'music';                  -- one that is there, for 12 GB; if not the current one
--   .read sql/papers/coat_rendered.sql
--
-- Renders each song's 100 places, a fifth of a second each, in one of five styles, and takes the MFCC of the
-- file. Stop it at any time and run it again: what was heard is not heard again.
--
-- Creates, for train_neumf_cnn, train_neumf_lstm, and sql/papers/coat_tables.sql:
--   song_files   song_id, path, chords, style
--   mfccs        song_id, features: 860 frames of 20 numbers

CREATE OR REPLACE TABLE song_files AS
-- A file's name tells what is in it, so that one that is there can be kept.
SELECT song_id, concat(coalesce(rtrim(getvariable('folder'), '/') || '/', ''), 'song_',
                       left(md5(concat_ws('/', song_id, style, chords)), 16), '.wav') AS path, chords, style
FROM (SELECT song_id, list_transform(range(100), lambda place: chords[1 + place % len(chords)]) AS chords,
             ['ballad', 'rock', 'reggae', 'waltz', 'hymn'][1 + CAST(floor(5 * chance('style', song_id, 0)) AS BIGINT)] AS style
      FROM song_chords);

.print Rendering songs …
SELECT format('COPY (SELECT render_chords(chords, style, 0.2) FROM song_files WHERE path = ''{0}'') TO ''{0}'' (FORMAT blob)',
              replace(path, '''', ''''''))
FROM song_files WHERE path NOT IN (SELECT file FROM glob(coalesce(rtrim(getvariable('folder'), '/') || '/', '') || 'song_*.wav'))
ORDER BY song_id
.gexec

.print Listening …
SELECT status, count(*) AS files, sum(stored) AS frames, sum(seconds) / sum(seconds / realtime) AS realtime
FROM extract_features_batch('song_files', 'mfccs', kind := 'mfcc')
GROUP BY ALL;

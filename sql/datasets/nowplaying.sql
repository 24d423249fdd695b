-- #nowplaying: sessions of songs that people tweeted, in the split of CCIIPLab/GCE-GNN.
--
--   SET VARIABLE folder = 'nowplaying';   -- has train_sessions.parquet and test_sessions.parquet
--   .read sql/datasets/nowplaying.sql
--
-- Creates train_plays and test_plays (session_id, song_id, played_at), and fit_plays and
-- validation_plays: the training sessions without, and only, their latest tenth. Nobody is known by
-- name, so there are no users. Sessions are numbered in the order in which they began; there are no
-- clock times, so played_at counts the plays.
-- Protocol: every prefix of a test session predicts its next song, among all songs.

CREATE OR REPLACE TABLE train_plays AS
SELECT session AS session_id, item AS song_id, row_number() OVER (ORDER BY session, pos) AS played_at
FROM read_parquet(getvariable('folder') || '/train_sessions.parquet')
ORDER BY session, pos;

-- The files number sessions anew.
CREATE OR REPLACE TABLE test_plays AS
SELECT session + (SELECT max(session_id) + 1 FROM train_plays) AS session_id, item AS song_id,
       (SELECT max(played_at) FROM train_plays) + row_number() OVER (ORDER BY session, pos) AS played_at
FROM read_parquet(getvariable('folder') || '/test_sessions.parquet')
ORDER BY session, pos;

CREATE OR REPLACE TABLE fit_plays AS
FROM train_plays WHERE session_id < (SELECT 0.9 * (max(session_id) + 1) FROM train_plays);

CREATE OR REPLACE TABLE validation_plays AS
FROM train_plays WHERE session_id >= (SELECT 0.9 * (max(session_id) + 1) FROM train_plays);

-- Planted structure: does each user's attention find the field that the user goes by?
--
--   SET VARIABLE seed = 1;
--   .read sql/papers/planted.sql
--
-- Users choose songs by artist, genre or tags; which one depends on age and gender. 15 % of the
-- plays are noise. Creates train_plays and test_plays: the last fifth of all sessions, by their
-- first play, is the test.

CALL generate_listening(
    users := 300, songs := 600, plays := 24000, seed := getvariable('seed'),
    aspects := ['artist', 'genre', 'tags'], noise := 0.15, replace := true
);

CREATE OR REPLACE TEMP TABLE test_sessions AS
SELECT session_id
FROM (SELECT session_id, min(played_at) AS started FROM plays GROUP BY session_id)
QUALIFY row_number() OVER (ORDER BY started, session_id) > floor(0.8 * count(*) OVER ());

CREATE OR REPLACE TABLE train_plays AS
FROM plays WHERE session_id NOT IN (FROM test_sessions) ORDER BY user_id, played_at;

CREATE OR REPLACE TABLE test_plays AS
FROM plays WHERE session_id IN (FROM test_sessions) ORDER BY user_id, played_at;

DROP TABLE IF EXISTS temp.test_sessions;

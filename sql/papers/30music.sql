-- 30Music, five slices of five days: plays, songs, and a split by time.
--
--   SET VARIABLE events = 'events.parquet';   -- UserId, SessionId, ItemId, Time (s), ArtistId, slice, tags
--   .read sql/papers/30music.sql
--
-- Creates plays, train_plays and test_plays (user_id, session_id, song_id, played_at) and songs
-- (song_id, artist, tags). The data has no attributes of users, so there is no users table.
-- Plays are stored by user, session and time; rows of equal time keep the order of the file, and
-- rowid tells it.
--
-- Filter: a song has at least 5 plays and a session at least 5 plays, repeated until both hold for
-- all that is left. Repeated plays count and stay, in sessions and as targets.
-- Split: sessions in order of their first play (ties by id); the last quarter is the test. Songs
-- that occur only in test sessions stay there, and are misses for a model that never saw them.

CREATE OR REPLACE TEMP TABLE raw_plays AS
SELECT file_row_number AS play, UserId AS user_id, SessionId AS session_id, ItemId AS song_id,
       make_timestamp(Time * 1000000) AS played_at, ArtistId AS artist, slice, tags
FROM read_parquet(getvariable('events'), file_row_number := true);

CREATE OR REPLACE TABLE plays AS
WITH RECURSIVE
passes AS (
    SELECT 0 AS pass, play, song_id, session_id FROM raw_plays
    UNION ALL
    SELECT pass + 1, play, song_id, session_id
    FROM (
        SELECT *, count(*) OVER (PARTITION BY song_id) >= 5
              AND count(*) OVER (PARTITION BY session_id) >= 5 AS stays
        FROM passes
    )
    -- The last pass loses nothing and is the one kept, so no other follows it.
    QUALIFY stays AND NOT bool_and(stays) OVER ()
)
SELECT user_id, r.session_id, r.song_id, played_at
FROM passes JOIN raw_plays r USING (play)
WHERE pass = (SELECT max(pass) FROM passes)
ORDER BY user_id, r.session_id, played_at, play;

-- Every slice numbers its tags anew. A song that occurs in two slices has the same tags in the same
-- order in both, which says what number of one slice is what number of the other (they never
-- contradict each other). A tag is then named by the first slice and number it is known by.
CREATE OR REPLACE TABLE songs AS
WITH RECURSIVE
slice_tags AS (
    SELECT DISTINCT song_id, slice, unnest(tags) AS tag, generate_subscripts(tags, 1) AS place
    FROM raw_plays
),
names AS (SELECT DISTINCT slice, tag, slice * 1000000 + tag AS name FROM slice_tags WHERE tag > 0),
equal AS (
    SELECT DISTINCT a.slice * 1000000 + a.tag AS name, b.slice * 1000000 + b.tag AS other
    FROM slice_tags a JOIN slice_tags b USING (song_id, place)
    WHERE a.tag > 0 AND b.tag > 0 AND a.slice <> b.slice
),
same AS (
    SELECT name, name AS other FROM names
    UNION
    SELECT same.name, equal.other FROM same JOIN equal ON equal.name = same.other
),
named AS (SELECT name, min(other) AS tag FROM same GROUP BY name),
tagged AS (
    SELECT song_id, list(DISTINCT named.tag ORDER BY named.tag) AS tags
    FROM slice_tags s JOIN named ON named.name = s.slice * 1000000 + s.tag AND s.tag > 0
    GROUP BY song_id
)
SELECT song_id, any_value(artist) AS artist, any_value(tags) AS tags
FROM (SELECT DISTINCT song_id, artist FROM raw_plays) LEFT JOIN tagged USING (song_id)
WHERE song_id IN (SELECT song_id FROM plays)
GROUP BY song_id
ORDER BY song_id;

CREATE OR REPLACE TEMP TABLE test_sessions AS
SELECT session_id
FROM (SELECT session_id, min(played_at) AS started FROM plays GROUP BY session_id)
QUALIFY row_number() OVER (ORDER BY started, session_id) > floor(0.75 * count(*) OVER ());

CREATE OR REPLACE TABLE train_plays AS
FROM plays WHERE session_id NOT IN (FROM test_sessions) ORDER BY rowid;

CREATE OR REPLACE TABLE test_plays AS
FROM plays WHERE session_id IN (FROM test_sessions) ORDER BY rowid;

DROP TABLE IF EXISTS temp.raw_plays;
DROP TABLE IF EXISTS temp.test_sessions;

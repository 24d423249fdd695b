-- "More of the same artist": the songs of the last song's artist, most played first.
--
-- Reads train_plays, test_plays (session_id, song_id, played_at) and songs (song_id, artist), as
-- 30music.sql makes them. The opponent that a model must beat before its attention means anything.
-- Songs of equal popularity go by id. The rank of the next song is its place among its artist's
-- songs, or none when the artist changes; songs never played in training come last.
-- One row per way to form cases: the next song after every prefix of a test session, and the last
-- song of a test session after all the others.

WITH popularity AS (SELECT song_id, count(*) AS plays FROM train_plays GROUP BY song_id),
places AS (
    SELECT song_id, artist,
           row_number() OVER (PARTITION BY artist ORDER BY coalesce(plays, 0) DESC, song_id) AS place
    FROM songs LEFT JOIN popularity USING (song_id)
),
steps AS (
    SELECT song_id AS target,
           lag(song_id) OVER session AS latest,
           lead(song_id) OVER session IS NULL AS is_last
    FROM test_plays
    WINDOW session AS (PARTITION BY session_id ORDER BY played_at, rowid)
),
cases AS (
    SELECT is_last, t.artist = l.artist AS same_artist,
           CASE WHEN t.artist = l.artist AND t.place <= 20 THEN t.place END AS rank
    FROM steps
    JOIN places t ON t.song_id = target
    JOIN places l ON l.song_id = latest
),
protocols AS (
    SELECT 'every prefix' AS cases, * FROM cases
    UNION ALL
    SELECT 'last song' AS cases, * FROM cases WHERE is_last
)
SELECT cases, count(*) AS n,
       round(avg((rank IS NOT NULL)::INTEGER), 4) AS "Recall@20",
       round(avg(coalesce(1 / rank, 0)), 4) AS "MRR@20",
       round(avg(same_artist::INTEGER), 4) AS same_artist
FROM protocols GROUP BY cases ORDER BY cases;

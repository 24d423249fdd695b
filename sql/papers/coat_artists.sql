-- COAT on real listening: the artists of HetRec's Last.fm, joined by name to songs whose chords are known.
--
--   SET VARIABLE folder = 'hetrec_lastfm';          -- has user_artists.dat and artists.dat
--   SET VARIABLE songs = '(SELECT artist, title, chords FROM ''chord_songs.parquet'')';
--   SET VARIABLE seed = 1;                          -- if not 1
--   .read sql/papers/coat_artists.sql
--
-- Nobody gives away who plays which song, so an artist is a song here, whose chords are those of their
-- songs one after the other, as major, minor or neither. Nothing is planted. Listening to a name says
-- more than its chords do; what the chords say can be seen on artists that nobody played in training.
--
-- Creates, for train_coat and sql/papers/coat_tables.sql:
--   song_chords, shuffled_chords   song_id, chords: as they are, and each artist with another one's
--   train_plays                    what users listen to, but for the tests
--   test_warm, test_cold           one artist of each user who has three or more; one of the fifth of all
--                                  artists that nobody plays in training
--   warm_negatives                 99 artists a user that they do not play
--   cold_songs                     the artists of that fifth: candidates for test_cold

CREATE OR REPLACE MACRO chance(what, a, b) AS (
    md5_number_lower(concat_ws('/', what, a, b, coalesce(getvariable('seed'), 1))) / 18446744073709551616.0
);
CREATE OR REPLACE MACRO key(name) AS
    regexp_replace(regexp_replace(lower(strip_accents(name)), '^the ', ''), '[^a-z0-9]', '', 'g');

CREATE OR REPLACE TEMP TABLE artists AS
SELECT id AS song_id, name, key(name) AS key
FROM read_csv(getvariable('folder') || '/artists.dat', delim = '\t', header = true, quote = '')
WHERE key(name) <> '';

CREATE OR REPLACE TABLE song_chords AS
SELECT song_id, list(chord ORDER BY title, position) AS chords
FROM (SELECT song_id, title, position, try_chord_simplify(chord, 'majmin') AS chord
      FROM (SELECT key(artist) AS key, title, unnest(chords) AS chord,
                   generate_subscripts(chords, 1) AS position
            FROM query('FROM ' || getvariable('songs')))
           JOIN artists USING (key))
WHERE chord <> 'N' AND chord <> 'X'
GROUP BY song_id
ORDER BY song_id;

CREATE OR REPLACE TABLE shuffled_chords AS
SELECT a.song_id, b.chords
FROM (SELECT *, row_number() OVER (ORDER BY chance('circle', song_id, 0), song_id) AS place
      FROM song_chords) a
     JOIN (SELECT *, row_number() OVER (ORDER BY chance('circle', song_id, 0), song_id) AS place
           FROM song_chords) b
     ON b.place = 1 + a.place % (SELECT count(*) FROM song_chords)
ORDER BY song_id;

CREATE OR REPLACE TEMP TABLE heard AS
SELECT userID AS user_id, artistID AS song_id, chance('cold', artistID, 0) < 0.2 AS cold
FROM read_csv(getvariable('folder') || '/user_artists.dat', delim = '\t', header = true)
SEMI JOIN song_chords ON song_id = artistID;
CREATE OR REPLACE TEMP TABLE numbered AS
SELECT *, row_number() OVER (PARTITION BY user_id, cold ORDER BY chance('order', user_id, song_id), song_id) AS place,
       count(*) OVER (PARTITION BY user_id, cold) AS count
FROM heard;

CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id FROM numbered WHERE NOT cold AND NOT (place = 1 AND count >= 3)
ORDER BY user_id, place;
CREATE OR REPLACE TABLE test_warm AS
SELECT user_id, song_id FROM numbered
WHERE NOT cold AND place = 1 AND count >= 3 AND song_id IN (SELECT song_id FROM train_plays)
ORDER BY user_id;
CREATE OR REPLACE TABLE test_cold AS
SELECT user_id, song_id FROM numbered
WHERE cold AND place = 1 AND user_id IN (SELECT user_id FROM train_plays)
ORDER BY user_id;
CREATE OR REPLACE TABLE cold_songs AS
SELECT song_id FROM song_chords WHERE chance('cold', song_id, 0) < 0.2 ORDER BY song_id;
CREATE OR REPLACE TABLE warm_negatives AS
SELECT user_id, song_id
FROM test_warm t(user_id, right_song) CROSS JOIN (SELECT DISTINCT song_id FROM train_plays)
     ANTI JOIN heard USING (user_id, song_id)
QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY chance('negative', user_id, song_id), song_id) <= 99
ORDER BY ALL;

DROP TABLE IF EXISTS temp.artists;
DROP TABLE IF EXISTS temp.heard;
DROP TABLE IF EXISTS temp.numbered;

SELECT (SELECT count(*) FROM song_chords) AS artists, (SELECT count(*) FROM cold_songs) AS cold_artists,
       (SELECT count(*) FROM train_plays) AS train_plays,
       (SELECT count(DISTINCT user_id) FROM train_plays) AS listeners,
       (SELECT count(*) FROM test_warm) AS test_warm, (SELECT count(*) FROM test_cold) AS test_cold;

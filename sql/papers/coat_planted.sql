-- Planted structure for COAT: listeners who like songs for a certain chord at certain places, or for a
-- certain progression.
--
--   SET VARIABLE chords = '(SELECT song_id, chords FROM ''songs.parquet'')';   -- real chords, as LISTs
--   SET VARIABLE listeners = 1000;                  -- if not 1000
--   SET VARIABLE liked = 'progressions';            -- if not 'places'
--   SET VARIABLE seed = 1;                          -- if not 1
--   .read sql/papers/coat_planted.sql
--
-- Chords are told apart as major, minor or neither, repeated and cut to 100 places, as COAT reads them.
-- A song is played the more likely the more there is of what a listener likes: e⁷ times as likely if it
-- has all of it as if it has nothing. One song in five is cold: nobody plays it before the test.
-- * Places: there are four sets of three places, drawn by chance. Every listener likes one of the eight
--   most frequent chords at the places of one set. Songs go round in loops, so how much of a liked chord
--   a song has as a whole tells a good deal, too; the places tell more.
-- * Progressions: every listener likes one of the eight most frequent runs of three different chords,
--   wherever it is. A song has all of it if every fourth place begins such a run, as in a loop of four
--   chords. How much it has of the three chords tells a good deal; their order tells more.
--
-- Creates, for train_coat and sql/papers/coat_tables.sql:
--   song_chords, shuffled_chords    song_id, chords: as they are, and each song with those of another one
--   likes                           user_id, chord, places (1 to 100, as a LIST), run: what is planted
--   train_plays                     20 warm songs a listener
--   test_warm, test_cold            one more warm song a listener, and a cold one
--   warm_negatives, cold_negatives  99 songs a listener of the same kind that they do not play
--   cold_songs                      candidates for test_cold
--
-- A score that knew all that is planted but nothing else would be affinity, a table of its own:
-- user_id, song_id, share (of what is liked), cold; anywhere is the share of all 100 places that have
-- the chord, or one of the run's.

SET VARIABLE liked = CASE WHEN coalesce(getvariable('liked'), 'places') IN ('places', 'progressions')
    THEN coalesce(getvariable('liked'), 'places')
    ELSE error('coat_planted.sql plants places or progressions: SET VARIABLE liked = ''places'';') END;

-- From 0 to 1, and the same for the same things and seed, whatever the order of rows.
CREATE OR REPLACE MACRO chance(what, a, b) AS (
    md5_number_lower(concat_ws('/', what, a, b, coalesce(getvariable('seed'), 1))) / 18446744073709551616.0
);

CREATE OR REPLACE TABLE song_chords AS
SELECT song_id, list(simple ORDER BY position) AS chords
FROM (SELECT song_id, position, try_chord_simplify(chord, 'majmin') AS simple
      FROM (SELECT song_id, unnest(chords) AS chord, generate_subscripts(chords, 1) AS position
            FROM query('FROM ' || getvariable('chords'))))
WHERE simple <> 'N' AND simple <> 'X'
GROUP BY song_id
ORDER BY song_id;

-- Each song gets the chords of the next one in a random circle.
CREATE OR REPLACE TABLE shuffled_chords AS
SELECT a.song_id, b.chords
FROM (SELECT *, row_number() OVER (ORDER BY chance('circle', song_id, 0), song_id) AS place
      FROM song_chords) a
     JOIN (SELECT *, row_number() OVER (ORDER BY chance('circle', song_id, 0), song_id) AS place
           FROM song_chords) b
     ON b.place = 1 + a.place % (SELECT count(*) FROM song_chords)
ORDER BY song_id;

CREATE OR REPLACE TEMP TABLE places AS
SELECT song_id, 1 + place AS place, chords[1 + place % len(chords)] AS chord
FROM song_chords, range(100) t(place);

CREATE OR REPLACE TEMP TABLE runs AS
SELECT song_id, place, [chord, next, last] AS run
FROM (SELECT song_id, place, chord, lead(chord, 1) OVER song AS next, lead(chord, 2) OVER song AS last
      FROM places WINDOW song AS (PARTITION BY song_id ORDER BY place))
WHERE chord <> next AND next <> last AND last <> chord;

-- What there is to like, eight things each: those that begin at most places.
CREATE OR REPLACE TEMP TABLE tastes AS
WITH sets AS (
    SELECT number // 3 AS set, list(place ORDER BY place) AS places
    FROM (SELECT place, row_number() OVER (ORDER BY chance('set', place, 0)) - 1 AS number
          FROM range(1, 101) p(place))
    WHERE number < 12 GROUP BY set
)
SELECT chord_rank AS taste_rank, set, chord, places, CAST(NULL AS VARCHAR[]) AS run
FROM (SELECT chord, row_number() OVER (ORDER BY count(*) DESC, chord) AS chord_rank
      FROM places GROUP BY chord QUALIFY chord_rank <= 8), sets
WHERE getvariable('liked') = 'places'
UNION ALL
SELECT row_number() OVER (ORDER BY count(*) DESC, run) AS run_rank, NULL, NULL, NULL, run
FROM runs WHERE getvariable('liked') = 'progressions'
GROUP BY run QUALIFY run_rank <= 8;

CREATE OR REPLACE TABLE likes AS
SELECT user_id, chord, places, run
FROM (SELECT user_id, CAST(floor(4 * chance('places', user_id, 0)) AS BIGINT) AS set,
             CAST(1 + floor((SELECT count(DISTINCT taste_rank) FROM tastes) * chance('chord', user_id, 0)) AS BIGINT) AS taste_rank
      FROM range(1, coalesce(getvariable('listeners'), 1000) + 1) u(user_id)) u
     JOIN tastes t ON t.taste_rank = u.taste_rank AND coalesce(t.set, u.set) = u.set
ORDER BY user_id;

CREATE OR REPLACE TEMP TABLE shares AS
SELECT chord, places, NULL AS run, song_id,
       count(*) FILTER (list_contains(places, place)) / 3 AS share, count(*) / 100 AS anywhere
FROM places JOIN tastes USING (chord) GROUP BY ALL
UNION ALL
SELECT NULL, NULL, t.run, p.song_id, least(1, 4 * count(r.run) / 100), count(*) / 100
FROM places p JOIN tastes t ON list_contains(t.run, p.chord)
     LEFT JOIN runs r ON r.song_id = p.song_id AND r.place = p.place AND r.run = t.run
GROUP BY t.run, p.song_id;

CREATE OR REPLACE TABLE affinity AS
SELECT user_id, s.song_id, coalesce(share, 0) AS share, coalesce(anywhere, 0) AS anywhere,
       chance('cold', s.song_id, 0) < 0.2 AS cold
FROM likes CROSS JOIN song_chords s
     LEFT JOIN shares p
     ON p.song_id = s.song_id AND p.chord IS NOT DISTINCT FROM likes.chord
        AND p.places IS NOT DISTINCT FROM likes.places AND p.run IS NOT DISTINCT FROM likes.run;
CREATE OR REPLACE TABLE cold_songs AS
SELECT song_id FROM song_chords WHERE chance('cold', song_id, 0) < 0.2 ORDER BY song_id;

-- Draws without putting back, as likely as the weights say (Efraimidis & Spirakis 2006).
CREATE OR REPLACE TEMP TABLE drawn AS
SELECT user_id, song_id, cold
FROM affinity
QUALIFY row_number() OVER (
    PARTITION BY user_id, cold ORDER BY -ln(chance('play', user_id, song_id)) / exp(7 * share), song_id
) <= CASE WHEN cold THEN 1 ELSE 21 END;

CREATE OR REPLACE TEMP TABLE numbered AS
SELECT *, row_number() OVER (PARTITION BY user_id, cold ORDER BY chance('order', user_id, song_id), song_id)
          AS place
FROM drawn;
CREATE OR REPLACE TABLE train_plays AS
SELECT user_id, song_id FROM numbered WHERE NOT cold AND place <= 20 ORDER BY user_id, place;
-- A warm song has a listener at least.
CREATE OR REPLACE TABLE test_warm AS
SELECT user_id, song_id FROM numbered
WHERE NOT cold AND place = 21 AND song_id IN (SELECT song_id FROM train_plays)
ORDER BY user_id;
CREATE OR REPLACE TABLE test_cold AS
SELECT user_id, song_id FROM numbered WHERE cold ORDER BY user_id;

CREATE OR REPLACE TEMP TABLE negatives AS
SELECT user_id, song_id, cold
FROM (SELECT user_id, song_id, cold FROM affinity
      WHERE cold OR song_id IN (SELECT song_id FROM train_plays))
     ANTI JOIN drawn USING (user_id, song_id)
QUALIFY row_number() OVER (
    PARTITION BY user_id, cold ORDER BY chance('negative', user_id, song_id), song_id
) <= 99;
CREATE OR REPLACE TABLE warm_negatives AS
SELECT user_id, song_id FROM negatives WHERE NOT cold ORDER BY ALL;
CREATE OR REPLACE TABLE cold_negatives AS
SELECT user_id, song_id FROM negatives WHERE cold ORDER BY ALL;

DROP TABLE IF EXISTS temp.places;
DROP TABLE IF EXISTS temp.runs;
DROP TABLE IF EXISTS temp.tastes;
DROP TABLE IF EXISTS temp.shares;
DROP TABLE IF EXISTS temp.drawn;
DROP TABLE IF EXISTS temp.numbered;
DROP TABLE IF EXISTS temp.negatives;

.print Hit rate at 10 among 100 songs of who knows what is planted, and who knows the chords alone; ties by chance
SELECT test, round(avg(CAST(rank <= 10 AS INTEGER)), 3) AS all_known,
       round(avg(CAST(rank_anywhere <= 10 AS INTEGER)), 3) AS chords_known, count(*) AS cases
FROM (SELECT test, played,
             row_number() OVER (listener ORDER BY share DESC, chance('tie', user_id, song_id)) AS rank,
             row_number() OVER (listener ORDER BY anywhere DESC, chance('tie', user_id, song_id)) AS rank_anywhere
      FROM affinity
           JOIN (SELECT 'warm' AS test, *, true AS played FROM test_warm
                 UNION ALL SELECT 'warm', *, false FROM warm_negatives
                 UNION ALL SELECT 'cold', *, true FROM test_cold
                 UNION ALL SELECT 'cold', *, false FROM cold_negatives)
           USING (user_id, song_id)
      WINDOW listener AS (PARTITION BY test, user_id))
WHERE played GROUP BY test ORDER BY test DESC;

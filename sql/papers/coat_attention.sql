-- Where COAT's attention falls, on the listening of sql/papers/coat_planted.sql.
--
--   SET VARIABLE model = 'coat';                    -- trained on train_plays and song_chords
--   SET VARIABLE asked = 200;                       -- so many listeners, if not 200
--   .read sql/papers/coat_attention.sql
--
-- Each listener looks at a song that has the chord that they like, in places where they like it: the
-- cold song of the test. Prints the mean weight of all of these places together, and of those of them
-- that have the chord, beside what weights that are all alike would give.

CREATE OR REPLACE MACRO quoted(text) AS '''' || replace(CAST(text AS VARCHAR), '''', '''''') || '''';

-- One query of all of them.
SET VARIABLE weights = (
    SELECT string_agg(
        concat('SELECT sum(weight) FILTER (position IN ', CAST(places AS VARCHAR), ') AS places, ',
               'sum(weight) FILTER (position IN ', CAST(places AS VARCHAR), ' AND chord = ', quoted(chord),
               ') AS chord, ', share * len(places) / 100, ' AS evenly, ', len(places) / 100,
               ' AS places_evenly FROM chord_attention(', user_id, ', ',
               quoted(CAST(song_id AS VARCHAR)), ', model := ', quoted(getvariable('model')), ')'),
        ' UNION ALL ')
    FROM (FROM test_cold JOIN likes USING (user_id) JOIN affinity USING (user_id, song_id)
          WHERE share > 0 ORDER BY user_id LIMIT coalesce(getvariable('asked'), 200))
);

SELECT round(avg(places), 3) AS places, avg(places_evenly) AS places_evenly,
       round(avg(chord), 3) AS chord_there, round(avg(evenly), 3) AS chord_there_evenly,
       round(avg(CAST(places > places_evenly AS INTEGER)), 3) AS listeners_above_even, count(*) AS listeners
FROM query(getvariable('weights'));

-- Segue's main job, from COPY to recommendations, on the small sample in data/. `make demo` runs it
-- on a database in memory; `segue my.duckdb -f sql/demo.sql` keeps tables and models in a file.
.bail on

.print
.print == 1. Load ==================================================================
.print The sample is made up: 200 users, 600 songs, 12,000 plays of one year. By age
.print and gender, each user follows one aspect of songs: artist, genre, tags, chords.
CALL create_listening_tables();
COPY plays FROM 'data/plays.csv';
COPY songs FROM 'data/songs.csv';
COPY users FROM 'data/users.csv';
COPY chords FROM 'data/chords.csv';

FROM plays LIMIT 3;
SELECT song_id, artist, genre, tags, year FROM songs LIMIT 3;

.print
.print == 2. Split by time =========================================================
.print Sessions in order of their start: the first 70 % train the models, the next
.print 10 % tell HARM when to stop, the last 20 % are the test, which no model sees.
CREATE TABLE parts AS
SELECT session_id, CASE WHEN tenth <= 7 THEN 'train' WHEN tenth = 8 THEN 'validation' ELSE 'test' END AS part
FROM (
    SELECT session_id, ntile(10) OVER (ORDER BY min(played_at), session_id) AS tenth
    FROM plays GROUP BY session_id
);

CREATE VIEW train_plays AS FROM plays SEMI JOIN (FROM parts WHERE part = 'train') USING (session_id);
CREATE VIEW validation_plays AS FROM plays SEMI JOIN (FROM parts WHERE part = 'validation') USING (session_id);
CREATE VIEW test_plays AS FROM plays SEMI JOIN (FROM parts WHERE part = 'test') USING (session_id);

SELECT part, count(DISTINCT session_id) AS sessions, count(*) AS plays,
       min(played_at)::DATE AS first_day, max(played_at)::DATE AS last_day
FROM plays JOIN parts USING (session_id) GROUP BY part ORDER BY first_day;

.print
.print == 3. Train =================================================================
.print Popularity: the most played songs, for everybody.
SELECT status, note FROM train_popularity('train_plays');
.print Item-kNN: songs that are played in the same sessions.
SELECT status, note FROM train_item_knn('train_plays');
.print HARM: learns which fields of songs matter to whom, and how a session goes on.
.print A row is an epoch, a pass over the plays; recall_at_20 is how often the song
.print really played next in a validation session is among the 20 best of all 600.
.print Three epochs without a better one end the training; the best one is kept.
SELECT epoch, train_loss::DECIMAL(6, 3) AS train_loss,
       recall_at_20::DECIMAL(4, 3) AS recall_at_20, seconds::DECIMAL(6, 1) AS seconds, status
FROM train_harm('train_plays', songs := 'songs', users := 'users',
                fields := ['artist', 'album', 'genre', 'tags', 'year'], max_length := 10,
                epochs := 12, validation := 'validation_plays');

.print
.print == 4. Recommend =============================================================
.print What user 33 heard last ...
SELECT played_at, artist, title, genre FROM train_plays JOIN songs USING (song_id)
WHERE user_id = 33 ORDER BY played_at DESC LIMIT 5;
.print ... and may like next. Ids come back with their type, so they join.
SELECT rank, artist, title, genre, score::DECIMAL(6, 2) AS score
FROM recommend(33, 5) JOIN songs USING (song_id) ORDER BY rank;

.print All users from Italy at once, two songs each that they have not heard. Two of
.print the five had played nothing yet: they get what is popular; source says so.
SELECT u.user_id, age, rank, artist, title, source
FROM users u, recommend(u.user_id, 2, repeats := 'exclude') r JOIN songs USING (song_id)
WHERE country = 'IT' ORDER BY u.user_id, rank;

.print After one song, of the genre dub and by Velvet Theory, the model goes on with
.print the artist for one user and with the genre for another.
SELECT u.user_id, age, rank, artist, title, genre
FROM users u, next_songs([2], 4, user := u.user_id) r JOIN songs USING (song_id)
WHERE u.user_id IN (51, 99) ORDER BY age, rank;

.print
.print == 5. Understand ============================================================
.print The mean weight of each field in HARM's attention, in percent, by age. Nobody
.print told it that the young follow artists, those from 30 genres, those from 45
.print tags. The oldest follow chords, which HARM does not see: no field stands out.
WITH weights AS (
    PIVOT field_attention('harm') ON field IN ('artist', 'album', 'genre', 'tags', 'year', 'id')
    USING any_value(weight) GROUP BY user_id
)
SELECT 15 * (age // 15) AS age_from, count(*) AS users,
       (100 * avg(COLUMNS(['artist', 'album', 'genre', 'tags', 'year', 'id'])))::INTEGER
FROM weights JOIN users USING (user_id) WHERE age IS NOT NULL GROUP BY age_from ORDER BY age_from;

.print
.print == 6. Evaluate ==============================================================
.print For every play of a test session that has one before it, each model ranks all
.print songs. recall: how often the song really played next is among the best k.
.print mrr: the mean of 1 / its rank. ndcg: hits, worth less the lower they stand.
.print A song stands behind all others of the same score, so guessing gains nothing.
CREATE TABLE results AS
SELECT 'popularity' AS model, * FROM evaluate('popularity', 'test_plays', k := [20])
UNION ALL SELECT 'item_knn', * FROM evaluate('item_knn', 'test_plays', k := [20])
UNION ALL SELECT 'harm', * FROM evaluate('harm', 'test_plays', k := [20]);

PIVOT (
    SELECT model, metric || coalesce('@' || k, '') AS metric, value::DECIMAL(4, 3) AS value, cases
    FROM results WHERE metric <> 'hit_rate'
) ON metric IN ('recall@20', 'ndcg@20', 'mrr') USING any_value(value)
GROUP BY model, cases ORDER BY "recall@20";

.print One seed on a small sample: differences of a hundredth or two may be chance.

.print The models are rows of this database, and keep the histories they answer from.
SELECT name, version, is_default, users, songs, plays, bytes FROM models();
.print
.print Done: plays, songs and users went in by COPY, three models were trained on the
.print past and compared on what came after it, and the best of them recommends.
.print Next: `make shell DB=music.duckdb` and README.md, for your own data.

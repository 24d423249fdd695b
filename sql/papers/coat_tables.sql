-- Paper 2's comparison, COAT against what it is compared with (Table I, Figure 2), on any plays and
-- chords.
--
--   SET VARIABLE train = 'train_plays';             -- relations: names, or queries in parentheses
--   SET VARIABLE test = 'test_plays';               -- the last play of each user
--   SET VARIABLE chords = 'chords';
--   SET VARIABLE validation = 'validation_plays';   -- if there are any, for early stopping and tuning
--   SET VARIABLE negatives = 'test_negatives';      -- if they are given; else 99 songs are drawn a user
--   SET VARIABLE features = 'mfccs';                -- if there are any, for NeuMF with CNN and LSTM
--   SET VARIABLE songs = 'songs';                   -- if more songs are to be known than were played
--   SET VARIABLE candidates = 'cold_songs';         -- if the full ranking, and negatives that are drawn,
--                                                   -- are to be of these songs alone
--   SET VARIABLE factors = [8, 16, 32, 64];         -- if not these
--   SET VARIABLE options = 'epochs := 20';          -- if what is trained in epochs is to get more
--   SET VARIABLE seeds = 3;                         -- if not 3
--   SET VARIABLE tuned = true;                      -- if each training is to be the best of the paper's
--                                                   -- grid: batch size, learning rate (needs validation)
--   .read sql/papers/coat_tables.sql
--
-- Every model is trained with its defaults at each number of factors and with each seed, then asked for
-- the test play among the 99 and among all songs, those that the user has played left out. Prints
-- HR@10 and NDCG@10 of both, as mean ± standard deviation over seeds. Rankings among 99 songs compare
-- with their like alone, and may order models otherwise than the full ranking does.
--
-- Stop it at any time and run it again: trainings that are done are found, one that was interrupted
-- goes on, and evaluations are kept in coat_results. Other rows in the relations, or other options, make
-- other models and evaluations. To compare other models, fill contestants yourself and leave out its
-- statement here.

CREATE OR REPLACE MACRO quoted(text) AS '''' || replace(CAST(text AS VARCHAR), '''', '''''') || '''';
CREATE OR REPLACE MACRO content(relation) AS (
    SELECT concat(count(*), ' rows ', sum(hash(r))) FROM query('FROM ' || coalesce(CAST(relation AS VARCHAR), '(SELECT NULL)')) r
);
SET VARIABLE data = CASE WHEN getvariable('train') IS NULL OR getvariable('test') IS NULL
    THEN error('coat_tables.sql needs plays: SET VARIABLE train = ''train_plays''; SET VARIABLE test = ''test_plays'';')
    ELSE concat_ws('; ', content(getvariable('train')), content(getvariable('validation')),
                   content(getvariable('chords')), content(getvariable('features')),
                   content(getvariable('songs'))) END;

-- What a model reads beside the plays; whether its vectors have a size; whether anything is drawn for it.
CREATE OR REPLACE TABLE contestants AS
SELECT * FROM (VALUES
    ('COAT',                  'coat',       'chords',   MAP {'attention': '''user'''},                   true),
    ('COAT, mean',            'coat',       'chords',   MAP {'attention': '''mean'''},                   true),
    ('COAT, sum',             'coat',       'chords',   MAP {'attention': '''sum'''},                    true),
    ('COAT as printed',       'coat',       'chords',   MAP {'paper': 'true', 'attention': '''user'''},  true),
    ('COAT as printed, mean', 'coat',       'chords',   MAP {'paper': 'true', 'attention': '''mean'''},  true),
    ('COAT as printed, sum',  'coat',       'chords',   MAP {'paper': 'true', 'attention': '''sum'''},   true),
    ('GMF',                   'gmf',        NULL,       MAP {},                                          true),
    ('NeuMF',                 'neumf',      NULL,       MAP {},                                          true),
    ('NeuMF with CNN',        'neumf_cnn',  'features', MAP {},                                          true),
    ('NeuMF with LSTM',       'neumf_lstm', 'features', MAP {},                                          true),
    ('WMF',                   'wmf',        NULL,       MAP {},                                          true),
    ('EASE',                  'ease',       NULL,       MAP {},                                          false),
    ('popularity',            'popularity', NULL,       MAP {},                                          false)
) AS c(name, kind, reads, options, has_factors);

CREATE OR REPLACE TEMP TABLE inputs AS
FROM (VALUES ('chords', CAST(getvariable('chords') AS VARCHAR)), ('features', CAST(getvariable('features') AS VARCHAR))) i(reads, relation)
WHERE relation IS NOT NULL;

-- One row a training. Names end with what tells data and options apart, so that the latest version of a
-- name is the one that its training finds.
CREATE OR REPLACE TEMP TABLE grid AS
SELECT *, concat_ws('_', lower(regexp_replace(name, '\W+', '_', 'g')), factors, seed, left(md5(concat_ws('; ',
           getvariable('data'), kind, options, getvariable('options'), getvariable('tuned'))), 8)) AS model
FROM (SELECT name, kind, has_factors, reads, seed, factors,
             map_concat(CAST(options AS MAP(VARCHAR, VARCHAR)),
                        CASE WHEN has_factors THEN MAP {'embedding_size': CAST(factors AS VARCHAR)} END,
                        CASE WHEN reads IS NOT NULL THEN MAP {CAST(reads AS VARCHAR): quoted(relation)} END) AS options
      FROM contestants LEFT JOIN inputs USING (reads), range(1, coalesce(getvariable('seeds'), 3) + 1) s(seed),
           (SELECT unnest(coalesce(getvariable('factors'), [8, 16, 32, 64])) AS factors)
      WHERE getvariable('data') IS NOT NULL AND (reads IS NULL OR relation IS NOT NULL)
        AND (has_factors OR (seed = 1 AND factors = coalesce(getvariable('factors'), [8])[1])));

-- Train. Seeds come last to vary, so that a run that is stopped has seen every model.
CREATE OR REPLACE MACRO listed(options, sign) AS
    array_to_string(list_transform(map_entries(options), lambda e: e.key || sign || e.value), ', ');
SELECT CASE WHEN has_factors AND kind <> 'wmf' AND coalesce(getvariable('tuned'), false)
       THEN concat('FROM tune(', quoted(getvariable('train')), ', train := ', quoted(kind),
                   ', space := {batch_size: [128, 256, 512, 1024], learning_rate: [1e-4, 5e-4, 1e-3, 5e-3]}',
                   ', options := {', listed(options, ': '),
                   ', ' || replace(getvariable('options'), ' := ', ': '), '}')
       ELSE concat('FROM train_', kind, '(', quoted(getvariable('train')), ', ' || nullif(listed(options, ' := '), ''),
                   CASE WHEN has_factors AND kind <> 'wmf' THEN ', ' || getvariable('options') END)
       END || concat(', model := ', quoted(model), ', seed := ', seed, ', songs := ' || quoted(getvariable('songs')),
                     CASE WHEN has_factors
                     THEN ', metric := ''ndcg_at_10'', repeats := ''exclude'', validation := '
                          || quoted(getvariable('validation')) END, ')')
FROM grid ORDER BY seed, has_factors, factors, name
.gexec continue

-- Ask, but for what was asked before: of this very training, and of a test with these very rows.
CREATE TABLE IF NOT EXISTS coat_results (
    name VARCHAR, factors BIGINT, seed BIGINT, training VARCHAR, test VARCHAR, ranking VARCHAR,
    metric VARCHAR, value DOUBLE, cases BIGINT
);
CREATE OR REPLACE TEMP TABLE trained AS
SELECT DISTINCT ON (g.model) g.name, g.has_factors, g.factors, g.seed, g.model, m.version,
       concat(g.model, ' of ', m.created_at) AS training
FROM grid g JOIN models() m ON m.name = g.model AND m.status = 'complete'
ORDER BY g.model, m.version DESC;
CREATE OR REPLACE TEMP TABLE rankings AS
SELECT ranking, options, concat_ws('; ', getvariable('test'), content(getvariable('test')), rows) AS test
FROM (VALUES
    ('99 songs', coalesce(', given_negatives := ' || quoted(getvariable('negatives')),
                          ', negatives := 99' || coalesce(', candidates := ' || quoted(getvariable('candidates')), '')),
                 content(coalesce(CAST(getvariable('negatives') AS VARCHAR), CAST(getvariable('candidates') AS VARCHAR)))),
    ('all songs', coalesce(', candidates := ' || quoted(getvariable('candidates')), '') || ', repeats := ''exclude''',
                  content(getvariable('candidates')))
) r(ranking, options, rows);

SELECT concat('INSERT INTO coat_results SELECT ', quoted(name), ', ', coalesce(CAST(CASE WHEN has_factors THEN factors END AS VARCHAR), 'NULL'),
              ', ', seed, ', ', quoted(training), ', ', quoted(test), ', ', quoted(ranking),
              ', split_part(metric, ''@'', 1), value, cases FROM evaluate(', quoted(model), ', ',
              quoted(getvariable('test')), ', version := ', version, ', k := [10], samples := 0, ',
              'metrics := [''hit_rate'', ''ndcg'']', options, ')')
FROM trained CROSS JOIN rankings ANTI JOIN coat_results USING (training, test, ranking)
ORDER BY seed, factors, name, ranking
.gexec continue

CREATE OR REPLACE TEMP TABLE cells AS
SELECT name, factors, ranking, metric, avg(value) AS mean,
       printf('%.3f', avg(value)) || coalesce(printf(' ± %.3f', stddev_samp(value)), '') AS cell
FROM coat_results SEMI JOIN trained USING (training) SEMI JOIN rankings USING (test, ranking)
GROUP BY ALL;

.print Table I: COAT with attention, and without (the paper: every weight 1, a sum)
SELECT ranking, factors, if(name LIKE '%printed%', 'as printed', 'default') AS model,
       max(cell) FILTER (metric = 'hit_rate' AND name NOT LIKE '%,%') AS "HR, attention",
       max(cell) FILTER (metric = 'hit_rate' AND name LIKE '%, sum') AS "HR, sum",
       max(cell) FILTER (metric = 'hit_rate' AND name LIKE '%, mean') AS "HR, mean",
       max(cell) FILTER (metric = 'ndcg' AND name NOT LIKE '%,%') AS "NDCG, attention",
       max(cell) FILTER (metric = 'ndcg' AND name LIKE '%, sum') AS "NDCG, sum",
       max(cell) FILTER (metric = 'ndcg' AND name LIKE '%, mean') AS "NDCG, mean"
FROM cells WHERE name LIKE 'COAT%' GROUP BY ALL ORDER BY ALL;

-- Figure 2's data, a line each. What has no factors is the same at all.
CREATE OR REPLACE TEMP TABLE lines AS
SELECT ranking, metric, name, round(max(mean) OVER (PARTITION BY ranking, metric, name), 3) AS best,
       printf('D = %3d', coalesce(c.factors, f.factors)) AS factors, cell
FROM cells c LEFT JOIN (SELECT DISTINCT factors FROM cells WHERE factors IS NOT NULL) f
     ON c.factors IS NULL;

.print Figure 2, HR@10: every method by its factors
PIVOT (FROM lines WHERE metric = 'hit_rate') ON factors USING max(cell)
GROUP BY ranking, name, best ORDER BY ranking, best DESC, name;

.print Figure 2, NDCG@10: every method by its factors
PIVOT (FROM lines WHERE metric = 'ndcg') ON factors USING max(cell)
GROUP BY ranking, name, best ORDER BY ranking, best DESC, name;

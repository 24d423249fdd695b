-- Paper 1's comparison, HARM against what it is compared with (§4.3, Figures 2 and 3), on any plays.
--
--   SET VARIABLE train = 'train_plays';             -- relations: names, or queries in parentheses
--   SET VARIABLE validation = 'validation_plays';
--   SET VARIABLE test = 'test_plays';
--   SET VARIABLE songs = 'songs';                   -- if there are fields of songs
--   SET VARIABLE users = 'users';                   -- if there are attributes of users
--   SET VARIABLE options = 'epochs := 20';          -- if what is trained in epochs is to get more
--   SET VARIABLE seeds = 3;                         -- if not 3
--   .read sql/papers/harm_comparison.sql
--
-- Every model is trained with its defaults, early stopping on the validation plays, and each seed;
-- then asked for the next song of the test plays. Prints Recall@N and MRR@N, N = 5 … 30, as mean ±
-- standard deviation over seeds, and paired tests of HARM against each of the others.
--
-- Stop it at any time and run it again: trainings that are done are found, one that was interrupted
-- goes on, and evaluations are kept in comparison and comparison_tests. Other rows in the relations, or
-- other options, make other models and evaluations. To compare other models, fill contestants yourself
-- and leave out its statement here.

CREATE OR REPLACE MACRO quoted(text) AS '''' || replace(CAST(text AS VARCHAR), '''', '''''') || '''';

-- What rows a relation has, in any order.
CREATE OR REPLACE MACRO content(relation) AS (
    SELECT concat(count(*), ' rows ', sum(hash(r))) FROM query('FROM ' || coalesce(CAST(relation AS VARCHAR), '(SELECT NULL)')) r
);
SET VARIABLE data = CASE WHEN getvariable('train') IS NULL OR getvariable('test') IS NULL
    THEN error('harm_comparison.sql needs plays: SET VARIABLE train = ''train_plays''; SET VARIABLE test = ''test_plays'';')
    ELSE concat_ws('; ', content(getvariable('train')), content(getvariable('validation')),
                   content(getvariable('songs')), content(getvariable('users'))) END;

CREATE OR REPLACE TABLE contestants AS
SELECT * FROM (VALUES
    ('HARM',                 'harm',             '',                       true),
    ('HARM as printed',      'harm',             'paper := true',          true),
    ('HARM, mean of fields', 'harm',             'attention := ''mean''',  true),
    ('HARM, one query',      'harm',             'attention := ''constant''', true),
    ('SASRec',               'sasrec',           '',                       true),
    ('NARM',                 'narm',             '',                       true),
    ('Improved GRU4Rec',     'improved_gru4rec', '',                       true),
    ('GRU4Rec',              'gru4rec',          '',                       true),
    ('BPR',                  'bpr',              '',                       true),
    ('session-kNN',          'session_knn',      '',                       false),
    ('sequential rules',     'rules',            '',                       false),
    ('item-kNN',             'item_knn',         '',                       false),
    ('popularity',           'popularity',       '',                       false)
) AS c(name, kind, options, has_seeds);

-- One row a training: a model that nothing is drawn for has one seed. Names end with what tells data
-- and options apart, so that the latest version of a name is the one that its training finds.
CREATE OR REPLACE TEMP TABLE grid AS
SELECT name, seed, kind, c.options, has_seeds,
       concat_ws('_', lower(regexp_replace(name, '\W+', '_', 'g')), seed, left(md5(concat_ws('; ',
           getvariable('data'), kind, c.options, getvariable('options'))), 8)) AS model
FROM contestants c, range(1, coalesce(getvariable('seeds'), 3) + 1) s(seed)
WHERE (has_seeds OR seed = 1) AND getvariable('data') IS NOT NULL;

-- Train. Seeds come last to vary, so that a run that is stopped has seen every model.
SELECT concat('FROM train_', kind, '(', quoted(getvariable('train')), ', model := ', quoted(model),
              ', seed := ', seed,
              CASE WHEN has_seeds THEN ', validation := ' || quoted(getvariable('validation')) END,
              ', songs := ' || quoted(getvariable('songs')),
              ', users := ' || quoted(getvariable('users')),
              CASE WHEN has_seeds THEN ', ' || getvariable('options') END,
              ', ' || nullif(options, ''), ')')
FROM grid ORDER BY seed, has_seeds, name
.gexec continue

-- Ask, but for what was asked before: of this very training, and of a test with these very rows.
CREATE TABLE IF NOT EXISTS comparison (
    name VARCHAR, seed BIGINT, training VARCHAR, test VARCHAR, metric VARCHAR, k BIGINT, value DOUBLE,
    cases BIGINT
);
SET VARIABLE asked = concat(getvariable('test'), ': ', content(getvariable('test')));
CREATE OR REPLACE TEMP TABLE trained AS
SELECT DISTINCT ON (g.model) g.name, g.seed, g.model, m.version, getvariable('asked') AS test,
       concat(g.model, ' of ', m.created_at) AS training
FROM grid g JOIN models() m ON m.name = g.model AND m.status = 'complete'
ORDER BY g.model, m.version DESC;

SELECT concat('INSERT INTO comparison SELECT ', quoted(name), ', ', seed, ', ', quoted(training), ', ',
              quoted(test), ', metric, k, value, cases FROM evaluate(', quoted(model), ', ',
              quoted(getvariable('test')), ', version := ', version,
              ', k := [5, 10, 15, 20, 25, 30]) WHERE metric IN (''recall'', ''mrr'')')
FROM trained ANTI JOIN comparison USING (training, test)
ORDER BY seed, name
.gexec continue

-- Figure 2's data, %, and how much better HARM is: in the paper, at 20 on 30Music, +49 % over BPR, +44 %
-- over GRU4Rec, +32 % over Improved GRU4Rec, +28 % over NARM, +21 % over SASRec.
CREATE OR REPLACE TEMP TABLE summary AS
SELECT name, metric, k, avg(value) AS mean, stddev_samp(value) AS sd, count(*) AS seeds
FROM comparison SEMI JOIN trained USING (training, test)
GROUP BY ALL;

CREATE OR REPLACE MACRO figure(which) AS TABLE
SELECT name, any_value(s.seeds) AS seeds,
       max(cell) FILTER (k = 5) AS "5", max(cell) FILTER (k = 10) AS "10",
       max(cell) FILTER (k = 15) AS "15", max(cell) FILTER (k = 20) AS "20",
       max(cell) FILTER (k = 25) AS "25", max(cell) FILTER (k = 30) AS "30",
       max(CASE WHEN k = 20 AND name <> 'HARM'
           THEN printf('%+.0f %%', 100 * (harm.mean / s.mean - 1)) END) AS "HARM over it, at 20"
FROM (SELECT *, printf('%.2f', 100 * mean) || coalesce(printf(' ± %.2f', 100 * sd), '') AS cell
      FROM summary WHERE metric = which) s
     LEFT JOIN (SELECT mean FROM summary WHERE name = 'HARM' AND metric = which AND k = 20) harm ON true
GROUP BY name
ORDER BY max(s.mean) FILTER (k = 20) DESC, name;

.print Recall@N, %
FROM figure('recall');
.print MRR@N, %
FROM figure('mrr');

-- Test HARM against each of the others, seed by seed, on the very same predictions.
CREATE TABLE IF NOT EXISTS comparison_tests (
    name VARCHAR, seed BIGINT, harm VARCHAR, training VARCHAR, test VARCHAR, metric VARCHAR, k BIGINT,
    difference DOUBLE, lower DOUBLE, upper DOUBLE, p_value DOUBLE, wins BIGINT, losses BIGINT,
    draws BIGINT
);
CREATE OR REPLACE TEMP TABLE pairs AS
SELECT o.name, h.seed, h.training AS harm, h.model AS harm_model, h.version AS harm_version,
       o.training, o.model, o.version, h.test
FROM trained h JOIN trained o
    ON o.seed = h.seed OR o.name IN (SELECT name FROM contestants WHERE NOT has_seeds)
WHERE h.name = 'HARM' AND o.name <> 'HARM';

SELECT concat('INSERT INTO comparison_tests SELECT ', quoted(name), ', ', seed, ', ', quoted(harm), ', ',
              quoted(training), ', ', quoted(test), ', metric, k, difference, lower, upper, p_value, ',
              'wins, losses, draws FROM compare_models(', quoted(harm_model), ', ', quoted(model), ', ',
              quoted(getvariable('test')), ', version_a := ', harm_version, ', version_b := ', version,
              ', k := [20]) WHERE metric IN (''recall'', ''mrr'') AND k = 20')
FROM pairs ANTI JOIN comparison_tests USING (harm, training, test)
ORDER BY seed, name
.gexec continue

.print HARM less each of the others at 20, %, with the 95 % interval and the p-value of each seed
SELECT name, metric, printf('%+.2f', 100 * avg(difference)) AS difference,
       list(printf('%+.2f … %+.2f', 100 * lower, 100 * upper) ORDER BY seed) AS intervals,
       list(round(p_value, 4) ORDER BY seed) AS p_values,
       CAST(avg(wins) AS BIGINT) AS wins, CAST(avg(losses) AS BIGINT) AS losses,
       CAST(avg(draws) AS BIGINT) AS draws
FROM comparison_tests SEMI JOIN pairs USING (harm, training, test)
GROUP BY ALL
ORDER BY metric DESC, avg(difference), name;

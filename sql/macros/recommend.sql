-- What a table function of DuckDB cannot be: functions of columns, as in
-- `FROM users u, recommend(u.user_id, 10)`. Each macro wraps a scalar function that takes whole
-- vectors and returns lists of songs.
--
-- Names inside a macro capture the caller's columns of the same name. Hence every name that is
-- exposed inside starts with `__`, and only the result's columns have plain names.
--
-- The scalar functions carry ids as text. `segue_types` knows the id types of a model when the
-- statement is bound: ids come in through them ('042' is 42 where ids are integers; what does not
-- convert, or not without rounding, is an unknown id, not an error) and go out through them. It also
-- says which version answers, so that one execution has one, whatever is trained meanwhile.
--
-- A NULL user or NULL songs give no rows. A NULL option is an error, except for those whose default
-- is NULL. Unqualified, DuckDB reads a column named "user" as the name of the current user here, as
-- it does in every subquery: write `u."user"`.

CREATE OR REPLACE TEMP MACRO recommend(
    "user", n := 10, model := NULL, version := NULL, repeats := 'allow', candidates := NULL
) AS TABLE
SELECT
    (__row).rank AS rank,
    cast_to_type((__row).song_id, __song) AS song_id,
    (__row).score AS score,
    (__row).source AS source
FROM (
    SELECT
        __song,
        unnest(segue_recommend(
            CASE
                WHEN TRY_CAST(__user_id AS DOUBLE) <> TRY_CAST(__user_text AS DOUBLE)
                    THEN __user_text
                ELSE coalesce(__user_id, __user_text)
            END,
            {
                n: n,
                model: __model,
                version: __version,
                key: __key,
                repeats: repeats,
                candidates: candidates
            }
        )) AS __row
    FROM (
        SELECT
            __song,
            __model,
            __version,
            __key,
            CAST(TRY(cast_to_type(__user_in, __user)) AS VARCHAR) AS __user_id,
            CAST(__user_in AS VARCHAR) AS __user_text
        FROM
            (SELECT "user" AS __user_in) AS __arguments,
            segue_types('recommend', model, version) AS __types
    ) AS __ids
) AS __rows;

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

CREATE OR REPLACE TEMP MACRO next_songs(
    songs, n := 10, "user" := NULL, model := NULL, version := NULL, repeats := 'allow',
    candidates := NULL
) AS TABLE
SELECT
    (__row).rank AS rank,
    cast_to_type((__row).song_id, __song) AS song_id,
    (__row).score AS score,
    (__row).source AS source
FROM (
    SELECT
        __song,
        unnest(segue_next_songs(
            CASE
                WHEN __songs_in IS NULL THEN NULL
                WHEN typeof(__songs_in) LIKE '%]' THEN coalesce(
                    CAST(TRY(cast_to_type(__songs_in, [__song])) AS VARCHAR[]),
                    CAST(__songs_in AS VARCHAR[])
                )
                ELSE error(
                    'next_songs: option ''songs'' must be a list of songs, such as [12, 99, 7]; got '
                    || 'the ' || typeof(__songs_in) || ' ' || CAST(__songs_in AS VARCHAR)
                )
            END,
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
            __songs_in,
            CAST(TRY(cast_to_type(__user_in, __user)) AS VARCHAR) AS __user_id,
            CAST(__user_in AS VARCHAR) AS __user_text
        FROM
            (SELECT songs AS __songs_in, "user" AS __user_in) AS __arguments,
            segue_types('next_songs', model, version) AS __types
    ) AS __ids
) AS __rows;

-- No subquery here, so that it works wherever an expression does; ids are compared as text.
CREATE OR REPLACE TEMP MACRO score("user", song, model := NULL, version := NULL) AS
segue_score(CAST("user" AS VARCHAR), CAST(song AS VARCHAR), {model: model, version: version});

CREATE OR REPLACE TEMP MACRO field_attention(model := NULL, version := NULL) AS TABLE
SELECT
    cast_to_type(__user_id, __user) AS user_id,
    __field AS field,
    __weight AS weight
FROM
    segue_field_attention(model, version) AS __weights,
    segue_types('field_attention', model, version) AS __types;

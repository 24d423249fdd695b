-- As `recommend.sql`, which says how these macros work.
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

-- A query whose text depends on the relation's columns: `segue_sessionize` writes it.
CREATE OR REPLACE TEMP MACRO sessionize(
    plays, gap := INTERVAL 30 MINUTES, "user" := NULL, "time" := NULL
) AS TABLE
FROM query(segue_sessionize(
    CAST(plays AS VARCHAR),
    {
        gap: epoch_us(TIMESTAMP '1970-01-01' + TRY_CAST(gap AS INTERVAL)),
        "user": "user",
        "time": "time"
    }
));

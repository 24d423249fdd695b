-- A query whose text depends on the relation's columns: `segue_sessionize` writes it.
CREATE OR REPLACE TEMP MACRO sessionize(
    plays, gap := INTERVAL 30 MINUTES, "user" := NULL, "time" := NULL
) AS TABLE
FROM query(segue_sessionize(
    plays, epoch_us(TIMESTAMP '1970-01-01' + gap), {"user": "user", "time": "time"}
));

-- No subquery here, so that it works wherever an expression does; ids are compared as text.
CREATE OR REPLACE TEMP MACRO score("user", song, model := NULL, version := NULL) AS
segue_score(CAST("user" AS VARCHAR), CAST(song AS VARCHAR), {model: model, version: version});

-- As `recommend.sql`, which says how these macros work.
CREATE OR REPLACE TEMP MACRO field_attention(model := NULL, version := NULL) AS TABLE
SELECT
    cast_to_type(__user_id, __user) AS user_id,
    __field AS field,
    __weight AS weight
FROM
    segue_field_attention(model, version) AS __weights,
    segue_types('field_attention', model, version) AS __types;

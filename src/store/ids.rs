//! Ids: the types that they may have, and how they are read.

use super::names::quote;
use super::relation::{Column, Relation};
use crate::error::Result;

/// Whether ids of this type are read as 64-bit integers; all others are read as texts.
pub(super) fn is_integer(sql_type: &str) -> bool {
    integer_shape(sql_type).is_some()
}

/// Bits and signedness of an integer type that fits 64 bits, signed.
fn integer_shape(sql_type: &str) -> Option<(u32, bool)> {
    Some(match sql_type {
        "TINYINT" => (8, true),
        "SMALLINT" => (16, true),
        "INTEGER" => (32, true),
        "BIGINT" => (64, true),
        "UTINYINT" => (8, false),
        "USMALLINT" => (16, false),
        "UINTEGER" => (32, false),
        _ => return None,
    })
}

/// The types of ids, beside DECIMAL and ENUM: those that functions can give back in results.
pub const ID_TYPES: [&str; 23] = [
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
    "VARCHAR",
    "UUID",
    "BLOB",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
];

/// The type that ids of a column have in results.
///
/// # Errors
/// Results cannot carry ids of the column's type.
pub(super) fn id_type(relation: &Relation, column: &Column) -> Result<String> {
    let Column { name, sql_type } = column;
    let is = |prefix: &str| sql_type.starts_with(prefix) && sql_type.ends_with(')');
    // The values of an ENUM are not part of its name, so results carry the texts.
    if is("ENUM(") {
        return Ok("VARCHAR".to_owned());
    }
    if is("DECIMAL(") || ID_TYPES.contains(&sql_type.as_str()) {
        return Ok(sql_type.clone());
    }
    let quoted = quote(name);
    Err(relation.error(format!(
        "{name} of {} is of type {sql_type}, which cannot be an id; cast it in a query, e.g. \
         '(SELECT * REPLACE (CAST({quoted} AS VARCHAR) AS {quoted}) FROM …)'",
        relation.label
    )))
}

/// The type of ids that come from columns of two relations; `None` if they do not go together.
pub(super) fn common_id_type(a: &str, b: &str) -> Option<String> {
    if a == b {
        return Some(a.to_owned());
    }
    match (integer_shape(a), integer_shape(b)) {
        (Some((a, a_signed)), Some((b, b_signed))) => {
            let signed = a_signed || b_signed;
            // An unsigned type needs the next wider signed one.
            let need =
                |bits: u32, is_signed: bool| if signed && !is_signed { bits * 2 } else { bits };
            let bits = need(a, a_signed).max(need(b, b_signed));
            let prefix = if signed { "" } else { "U" };
            let name = match bits {
                8 => "TINYINT",
                16 => "SMALLINT",
                32 => "INTEGER",
                _ => "BIGINT",
            };
            Some(format!("{prefix}{name}"))
        }
        (None, None) if a == "VARCHAR" || b == "VARCHAR" => Some("VARCHAR".to_owned()),
        _ => None,
    }
}

/// SQL that reads an id, user or session column.
pub(super) fn id_expression(column: &Column) -> String {
    let target = if is_integer(&column.sql_type) { "BIGINT" } else { "VARCHAR" };
    format!("CAST({} AS {target})", quote(&column.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_two_relations_share_a_type_or_none() {
        assert_eq!(common_id_type("INTEGER", "BIGINT").as_deref(), Some("BIGINT"));
        assert_eq!(common_id_type("UINTEGER", "INTEGER").as_deref(), Some("BIGINT"));
        assert_eq!(common_id_type("UTINYINT", "USMALLINT").as_deref(), Some("USMALLINT"));
        assert_eq!(common_id_type("UTINYINT", "TINYINT").as_deref(), Some("SMALLINT"));
        assert_eq!(common_id_type("UUID", "VARCHAR").as_deref(), Some("VARCHAR"));
        assert_eq!(common_id_type("UUID", "DATE"), None);
        assert_eq!(common_id_type("INTEGER", "VARCHAR"), None);
        assert_eq!(common_id_type("UBIGINT", "BIGINT"), None);
    }

    #[test]
    fn types_that_results_cannot_carry_are_refused_with_a_remedy() {
        let relation = |sql_type: &str| Relation {
            label: "plays".into(),
            from: "plays".into(),
            columns: vec![Column { name: "the user".into(), sql_type: sql_type.into() }],
            function: "train_x".into(),
        };
        let of = |sql_type: &str| {
            let relation = relation(sql_type);
            id_type(&relation, &relation.columns[0]).map_err(|error| error.to_string())
        };
        assert_eq!(of("DECIMAL(18,3)").as_deref(), Ok("DECIMAL(18,3)"));
        assert_eq!(of("ENUM('a', 'b')").as_deref(), Ok("VARCHAR"));
        for refused in ["BIT", "INTERVAL", "JSON", "BIGINT[]", "STRUCT(a INTEGER)", "my_type"] {
            let expected = format!(
                "train_x: the user of plays is of type {refused}, which cannot be an id; cast it in \
                 a query, e.g. '(SELECT * REPLACE (CAST(\"the user\" AS VARCHAR) AS \"the user\") \
                 FROM …)'"
            );
            assert_eq!(of(refused), Err(expected));
        }
    }
}

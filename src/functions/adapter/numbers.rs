//! Numbers of DuckDB's types as values and texts.

use duckdb::ffi;

use super::super::contract::Value;

/// An integer or truth value as text.
pub(super) fn shown(value: Value) -> Value {
    match value {
        Value::Int(value) => Value::Text(value.to_string()),
        Value::Bool(value) => Value::Text(value.to_string()),
        other => other,
    }
}

/// The digits of a DECIMAL as DuckDB writes them: `-5` of scale 3 is `-0.005`.
pub(super) fn with_point(digits: &str, scale: usize) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// An integer, as text beyond 64 bits.
pub(super) fn integer<T: Copy + ToString + TryInto<i64>>(value: T) -> Value {
    value.try_into().map_or_else(|_| Value::Text(value.to_string()), Value::Int)
}

pub(super) fn int128(value: ffi::duckdb_hugeint) -> i128 {
    (i128::from(value.upper) << 64) | i128::from(value.lower)
}

pub(super) fn uint128(value: ffi::duckdb_uhugeint) -> u128 {
    (u128::from(value.upper) << 64) | u128::from(value.lower)
}

#[cfg(test)]
mod tests {
    use super::with_point;

    #[test]
    fn decimals_keep_their_scale() {
        for (digits, scale, text) in
            [("1250", 3, "1.250"), ("-5", 3, "-0.005"), ("0", 2, "0.00"), ("-42", 0, "-42")]
        {
            assert_eq!(with_point(digits, scale), text);
        }
    }
}

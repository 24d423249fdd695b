//! Floating-point and decimal numbers as DuckDB writes them.

use std::fmt::Write;

/// From this power of ten on, numbers are written with an exponent.
const SCIENTIFIC_FROM: i32 = 16;
/// Below this power of ten too.
const SCIENTIFIC_BELOW: i32 = -4;

/// Appends a number given by its shortest digits in the form of `format!("{:e}")`.
pub(super) fn float(out: &mut String, shortest: &str) {
    match shortest {
        "NaN" => return out.push_str("nan"),
        "inf" | "-inf" => return out.push_str(shortest),
        _ => {}
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.trim_start_matches('-').replace('.', "");
    if mantissa.starts_with('-') {
        out.push('-');
    }
    if !(SCIENTIFIC_BELOW..SCIENTIFIC_FROM).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(mantissa.trim_start_matches('-'));
        let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    } else if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', (-exponent - 1).unsigned_abs() as usize));
        out.push_str(&digits);
    } else {
        let whole = exponent.unsigned_abs() as usize + 1;
        let (left, right) = digits.split_at(whole.min(digits.len()));
        out.push_str(left);
        out.extend(std::iter::repeat_n('0', whole - left.len()));
        out.push('.');
        out.push_str(if right.is_empty() { "0" } else { right });
    }
}

/// Appends `value` divided by ten to the power of `scale`.
pub(super) fn decimal(out: &mut String, value: i128, scale: i8) {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if value < 0 {
        out.push('-');
    }
    out.push_str(whole);
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
}

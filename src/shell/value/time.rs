//! Dates, times, timestamps and intervals as DuckDB writes them.

use std::fmt::Write;

const SECONDS_PER_DAY: i64 = 86_400;
/// TIMETZ keeps its offset as a distance from this one, which is the greatest.
const TIMETZ_MAX_OFFSET: i64 = 16 * 3_600 - 1;

/// What a time counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    /// How many make a second, and how many decimal digits that is.
    fn per_second(self) -> (i64, usize) {
        match self {
            Self::Seconds => (1, 0),
            Self::Millis => (1_000, 3),
            Self::Micros => (1_000_000, 6),
            Self::Nanos => (1_000_000_000, 9),
        }
    }
}

/// Appends a date, given in days since 1970.
pub(super) fn date(out: &mut String, days: i32) {
    match days {
        i32::MAX => out.push_str("infinity"),
        days if days == -i32::MAX => out.push_str("-infinity"),
        days => civil(out, days.into()),
    }
}

/// Appends the time since midnight.
pub(super) fn time_of_day(out: &mut String, value: i64, unit: Unit) {
    let (per_second, digits) = unit.per_second();
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    clock(out, seconds);
    if fraction > 0 {
        let fraction = format!("{fraction:0digits$}");
        let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
    }
}

/// Appends a TIMETZ: microseconds in the upper 40 bits, the inverted offset in the lower 24.
pub(super) fn time_with_zone(out: &mut String, bits: u64) {
    let micros = (bits >> 24).cast_signed();
    time_of_day(out, micros, Unit::Micros);
    offset(out, TIMETZ_MAX_OFFSET - (bits & 0xFF_FFFF).cast_signed());
}

/// Appends a timestamp; with an offset from UTC in seconds, as local time followed by it.
pub(super) fn timestamp(out: &mut String, value: i64, unit: Unit, offset_seconds: Option<i64>) {
    match value {
        i64::MAX => return out.push_str("infinity"),
        value if value == -i64::MAX => return out.push_str("-infinity"),
        _ => {}
    }
    let (per_second, _) = unit.per_second();
    let seconds = value.div_euclid(per_second) + offset_seconds.unwrap_or(0);
    let fraction = value.rem_euclid(per_second);
    civil(out, seconds.div_euclid(SECONDS_PER_DAY));
    out.push(' ');
    time_of_day(out, seconds.rem_euclid(SECONDS_PER_DAY) * per_second + fraction, unit);
    if let Some(seconds) = offset_seconds {
        // Offsets of local mean time have seconds, which DuckDB leaves out here.
        offset(out, seconds / 60 * 60);
    }
}

/// Appends an interval.
pub(super) fn interval(out: &mut String, months: i32, days: i32, micros: i64) {
    let start = out.len();
    for (count, name) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
        if count != 0 {
            let space = if out.len() > start { " " } else { "" };
            let plural = if count.abs() == 1 { "" } else { "s" };
            let _ = write!(out, "{space}{count} {name}{plural}");
        }
    }
    if micros != 0 || out.len() == start {
        if out.len() > start {
            out.push(' ');
        }
        if micros < 0 {
            out.push('-');
        }
        // The smallest value has no positive twin; its last digit is then the only thing lost.
        time_of_day(out, micros.checked_abs().unwrap_or(i64::MAX), Unit::Micros);
    }
}

/// Appends `+HH[:MM[:SS]]`.
fn offset(out: &mut String, seconds: i64) {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let _ = write!(out, "{sign}{:02}", seconds / 3_600);
    if seconds % 3_600 != 0 {
        let _ = write!(out, ":{:02}", seconds / 60 % 60);
    }
    if seconds % 60 != 0 {
        let _ = write!(out, ":{:02}", seconds % 60);
    }
}

/// Appends `HH:MM:SS`; hours may exceed 24.
fn clock(out: &mut String, seconds: i64) {
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
}

/// Appends the proleptic Gregorian date of a day since 1970.
///
/// Days are counted from 0000-03-01 in eras of 400 years, whose length is fixed; a year that
/// begins in March has its leap day at the end.
fn civil(out: &mut String, days: i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, suffix) = if year > 0 { (year, "") } else { (1 - year, " (BC)") };
    let _ = write!(out, "{year:04}-{month:02}-{day:02}{suffix}");
}

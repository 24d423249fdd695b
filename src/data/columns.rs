//! Attribute columns as they arrive, row by row, coded into [`Field`]s.
//!
//! Texts and LISTs become categories. Numbers become categories too while few are distinct, and
//! buckets of about equal size otherwise.

use super::{Codes, Encoding, Field, Id, Interner, Keys, MISSING};

/// A column of texts, or of integers that only tell things apart.
#[derive(Debug)]
pub struct CategoryColumn {
    codes: Interner,
    rows: Vec<Option<u32>>,
}

impl CategoryColumn {
    /// An empty column; integers sort by value, not by their digits.
    pub fn new(integers: bool) -> Self {
        Self { codes: Interner::new(integers), rows: Vec::new() }
    }

    /// Adds a row; `None` is a missing value.
    pub fn push(&mut self, value: Option<Id<'_>>) {
        let code = value.map(|value| self.codes.code(value));
        self.rows.push(code);
    }

    /// How many distinct values there are.
    pub fn distinct(&self) -> usize {
        self.codes.len()
    }

    /// How many rows have a value.
    pub fn present(&self) -> usize {
        self.rows.iter().flatten().count()
    }

    /// The field over `entities` songs or users; row `r` is about entity `index[r]`.
    pub fn finish(self, name: &str, index: &[u32], entities: usize) -> Field {
        let (encoding, ranks) = categories(self.codes);
        let mut codes = vec![MISSING; entities];
        for (row, &entity) in self.rows.iter().zip(index) {
            if let Some(code) = row {
                codes[entity as usize] = ranks[*code as usize] + 1;
            }
        }
        Field { name: name.to_owned(), encoding, codes: Codes::One(codes) }
    }
}

/// A column of lists.
#[derive(Debug)]
pub struct ListColumn {
    codes: Interner,
    offsets: Vec<usize>,
    values: Vec<u32>,
}

impl ListColumn {
    /// An empty column; integers sort by value, not by their digits.
    pub fn new(integers: bool) -> Self {
        Self { codes: Interner::new(integers), offsets: vec![0], values: Vec::new() }
    }

    /// Adds a value to the list of the running row; a value it has already is dropped.
    pub fn push(&mut self, value: Id<'_>) {
        let code = self.codes.code(value);
        let start = self.offsets.last().copied().unwrap_or(0);
        if !self.values[start..].contains(&code) {
            self.values.push(code);
        }
    }

    /// Ends the running row; a row without values is missing.
    pub fn end_row(&mut self) {
        self.offsets.push(self.values.len());
    }

    /// How many distinct values there are.
    pub fn distinct(&self) -> usize {
        self.codes.len()
    }

    /// The field over `entities` songs or users; row `r` is about entity `index[r]`.
    pub fn finish(self, name: &str, index: &[u32], entities: usize) -> Field {
        let (encoding, ranks) = categories(self.codes);
        let mut row_of = vec![None; entities];
        for (row, &entity) in index.iter().enumerate() {
            row_of[entity as usize] = Some(row);
        }
        let mut offsets = Vec::with_capacity(entities + 1);
        offsets.push(0);
        let mut values = Vec::with_capacity(self.values.len());
        for row in row_of {
            let list =
                row.map_or(&[][..], |row| &self.values[self.offsets[row]..self.offsets[row + 1]]);
            if list.is_empty() {
                values.push(MISSING);
            }
            values.extend(list.iter().map(|&code| ranks[code as usize] + 1));
            offsets.push(values.len() as u32);
        }
        Field { name: name.to_owned(), encoding, codes: Codes::Many { offsets, values } }
    }
}

/// How the numbers of a column are written where they become labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberKind {
    /// As they are.
    Plain,
    /// Seconds since 1970 as a date.
    Date,
    /// Seconds since 1970 as date and time (UTC).
    Timestamp,
}

/// A column of numbers, dates or timestamps.
#[derive(Debug)]
pub struct NumberColumn {
    kind: NumberKind,
    rows: Vec<f64>,
}

impl NumberColumn {
    /// An empty column.
    pub fn new(kind: NumberKind) -> Self {
        Self { kind, rows: Vec::new() }
    }

    /// Adds a row; `None` and NaN are missing values.
    pub fn push(&mut self, value: Option<f64>) {
        // Adding 0 makes -0 the same value as 0.
        self.rows.push(value.map_or(f64::NAN, |value| value + 0.0));
    }

    /// How many rows have a value.
    pub fn present(&self) -> usize {
        self.rows.iter().filter(|value| !value.is_nan()).count()
    }

    /// The field over `entities` songs or users; row `r` is about entity `index[r]`. Up to
    /// `buckets` distinct values are categories; more are cut into at most `buckets` buckets.
    pub fn finish(self, name: &str, index: &[u32], entities: usize, buckets: usize) -> Field {
        let mut sorted: Vec<f64> =
            self.rows.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        let (bounds, encoding) = if distinct.len() <= buckets {
            let labels = distinct.iter().map(|&value| self.kind.label(value)).collect();
            (distinct, Encoding::Categories(labels))
        } else {
            let bounds = quantiles(&sorted, buckets);
            (bounds.clone(), Encoding::Buckets { bounds, kind: self.kind })
        };
        let mut codes = vec![MISSING; entities];
        for (value, &entity) in self.rows.iter().zip(index) {
            if !value.is_nan() {
                let place = bounds.partition_point(|bound| bound < value);
                codes[entity as usize] = place as u32 + 1;
            }
        }
        Field { name: name.to_owned(), encoding, codes: Codes::One(codes) }
    }
}

impl NumberKind {
    /// A number as SQL writes it.
    pub fn label(self, value: f64) -> String {
        const DAY: f64 = 86_400.0;
        if self == Self::Plain || !value.is_finite() {
            return value.to_string();
        }
        let days = (value / DAY).floor();
        let date = date_label(days as i64);
        if self == Self::Date {
            return date;
        }
        let seconds = value - days * DAY;
        let whole = seconds.floor() as i64;
        let micros = ((seconds - seconds.floor()) * 1e6).round() as i64;
        let time = format!("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
        if micros == 0 { format!("{date} {time}") } else { format!("{date} {time}.{micros:06}") }
    }
}

/// The date that is `days` after 1970-01-01 in the Gregorian calendar.
fn date_label(days: i64) -> String {
    // Howard Hinnant's civil_from_days: years begin in March, so that leap days end them.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Distinct upper bounds that cut ascending values into at most `buckets` parts, none of them
/// empty, of about equal size; the last part needs no bound.
fn quantiles(sorted: &[f64], buckets: usize) -> Vec<f64> {
    let largest = sorted.last().copied();
    let mut bounds: Vec<f64> = (1..buckets)
        .map(|i| sorted[(i * sorted.len()).div_ceil(buckets) - 1])
        .filter(|&bound| Some(bound) != largest)
        .collect();
    bounds.dedup();
    bounds
}

/// Categories in ascending order, and for each code its place among them.
fn categories(codes: Interner) -> (Encoding, Vec<u32>) {
    let (vocab, ranks) = codes.finish("VARCHAR");
    let values = match vocab.keys() {
        Keys::Integers(keys) => keys.iter().map(i64::to_string).collect(),
        Keys::Texts(keys) => keys.clone(),
    };
    (Encoding::Categories(values), ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[Option<f64>], buckets: usize) -> Field {
        let mut column = NumberColumn::new(NumberKind::Plain);
        values.iter().for_each(|&value| column.push(value));
        let index: Vec<u32> = (0..values.len() as u32).collect();
        column.finish("x", &index, values.len(), buckets)
    }

    #[test]
    fn categories_are_sorted_and_missing_is_its_own_code() {
        let mut column = CategoryColumn::new(false);
        for value in [Some("rock"), None, Some("jazz"), Some("rock")] {
            column.push(value.map(Id::Text));
        }
        assert_eq!((column.distinct(), column.present()), (2, 3));
        // Entity 1 has no row.
        let field = column.finish("genre", &[0, 2, 3, 4], 5);
        assert_eq!(field.encoding, Encoding::Categories(vec!["jazz".into(), "rock".into()]));
        assert_eq!(field.codes, Codes::One(vec![2, 0, 0, 1, 2]));
    }

    #[test]
    fn integer_categories_sort_by_value() {
        let mut column = CategoryColumn::new(true);
        [10, 9].iter().for_each(|&value| column.push(Some(Id::Integer(value))));
        let field = column.finish("artist_id", &[0, 1], 2);
        assert_eq!(field.encoding, Encoding::Categories(vec!["9".into(), "10".into()]));
        assert_eq!(field.codes, Codes::One(vec![2, 1]));
    }

    #[test]
    fn lists_drop_repeats_and_are_never_empty() {
        let mut column = ListColumn::new(false);
        for row in [&["b", "a", "b"][..], &[], &["a"]] {
            row.iter().for_each(|&value| column.push(Id::Text(value)));
            column.end_row();
        }
        let field = column.finish("tags", &[2, 1, 0], 4);
        assert_eq!(field.codes_of(0), [1]);
        assert_eq!(field.codes_of(1), [MISSING]);
        assert_eq!(field.codes_of(2), [2, 1]);
        assert_eq!(field.codes_of(3), [MISSING]);
        assert_eq!(field.cardinality(), 3);
    }

    #[test]
    fn few_numbers_are_categories_in_numeric_order() {
        let field = numbers(&[Some(10.0), Some(9.5), None, Some(f64::NAN), Some(-0.0)], 3);
        let labels = vec!["0".into(), "9.5".into(), "10".into()];
        assert_eq!(field.encoding, Encoding::Categories(labels));
        assert_eq!(field.codes, Codes::One(vec![3, 2, 0, 0, 1]));
    }

    #[test]
    fn many_numbers_are_cut_at_quantiles() {
        let values: Vec<Option<f64>> = (1..=8).map(|v| Some(f64::from(v))).collect();
        let field = numbers(&values, 4);
        let kind = NumberKind::Plain;
        assert_eq!(field.encoding, Encoding::Buckets { bounds: vec![2.0, 4.0, 6.0], kind });
        assert_eq!(field.codes, Codes::One(vec![1, 1, 2, 2, 3, 3, 4, 4]));
        assert_eq!(field.cardinality(), 5);
    }

    #[test]
    fn a_heavy_value_takes_one_bucket_and_no_bucket_is_empty() {
        let mut values = vec![Some(0.0); 90];
        values.extend((1..=10).map(|v| Some(f64::from(v))));
        let field = numbers(&values, 5);
        assert_eq!(
            field.encoding,
            Encoding::Buckets { bounds: vec![0.0], kind: NumberKind::Plain }
        );
        let mut high = vec![Some(7.0); 90];
        high.extend((1..=6).map(|v| Some(f64::from(v))));
        let field = numbers(&high, 4);
        let Codes::One(codes) = &field.codes else { panic!("one code each") };
        for code in 1..field.cardinality() as u32 {
            assert!(codes.contains(&code), "bucket {code} of {:?}", field.encoding);
        }
    }

    #[test]
    fn infinite_numbers_find_the_outer_buckets() {
        let values = [f64::NEG_INFINITY, 1.0, 2.0, 3.0, f64::INFINITY].map(Some);
        let field = numbers(&values, 2);
        assert_eq!(field.codes_of(0), [1]);
        assert_eq!(field.codes_of(4), [2]);
    }

    #[test]
    fn dates_are_labelled_as_sql_writes_them() {
        assert_eq!(NumberKind::Date.label(0.0), "1970-01-01");
        assert_eq!(NumberKind::Date.label(951_782_400.0), "2000-02-29");
        assert_eq!(NumberKind::Date.label(-86_400.0), "1969-12-31");
        assert_eq!(NumberKind::Timestamp.label(1_577_836_800.5), "2020-01-01 00:00:00.500000");
        assert_eq!(NumberKind::Timestamp.label(1_577_923_199.0), "2020-01-01 23:59:59");
    }
}

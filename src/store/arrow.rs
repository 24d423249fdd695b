//! Query results as Arrow batches, with a way out for the analyst.

use std::sync::Arc;

use duckdb::Connection;
use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray,
};
use duckdb::arrow::compute::cast;
use duckdb::arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type};

use super::interrupt::interruptible;
use super::relation::{Relation, one_line};
use crate::control::Control;
use crate::data::Id;
use crate::error::{Error, Result};

/// Reads the expressions from the relation and hands over batch after batch.
///
/// # Errors
/// DuckDB fails while reading; the analyst stops the statement, within about 50 ms even where
/// DuckDB works long for the first batch; `each` fails.
pub(super) fn read(
    conn: &Connection,
    relation: &Relation,
    expressions: &[String],
    control: &Control,
    mut each: impl FnMut(&[ArrayRef]) -> Result<()>,
) -> Result<()> {
    let sql = format!("SELECT {} FROM {}", expressions.join(", "), relation.from);
    let describe = |error: duckdb::Error| {
        let message = one_line(&Error::from(error).to_string());
        relation.error(format!("reading {} failed: {message}", relation.label))
    };
    let query = conn.interrupt_handle();
    interruptible(
        control,
        || query.interrupt(),
        || {
            let mut statement = conn.prepare(&sql).map_err(describe)?;
            // The iterator panics on errors; `step` on the statement returns them.
            drop(statement.stream_arrow([]).map_err(describe)?);
            while let Some(batch) = statement.step().map_err(describe)? {
                control.check()?;
                each(batch.columns())?;
            }
            Ok(())
        },
    )
}

/// A batch of ids or categories.
pub(super) enum Ids {
    Integers(Int64Array),
    Texts(StringArray),
}

impl Ids {
    /// Takes a BIGINT or VARCHAR column.
    pub(super) fn new(array: &ArrayRef) -> Result<Self> {
        if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
            return Ok(Self::Integers(integers.clone()));
        }
        let texts = as_type(array, &DataType::Utf8)?;
        match texts.as_string_opt::<i32>() {
            Some(texts) => Ok(Self::Texts(texts.clone())),
            None => Err(unexpected(array)),
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<Id<'_>> {
        match self {
            Self::Integers(array) => array.is_valid(row).then(|| Id::Integer(array.value(row))),
            Self::Texts(array) => array.is_valid(row).then(|| Id::Text(array.value(row))),
        }
    }
}

/// A batch of DOUBLE values.
pub(super) fn numbers(array: &ArrayRef) -> Result<Float64Array> {
    let numbers = as_type(array, &DataType::Float64)?;
    numbers.as_primitive_opt::<Float64Type>().cloned().ok_or_else(|| unexpected(array))
}

/// A batch of lists: where each begins and ends among the values.
pub(super) fn lists(array: &ArrayRef) -> Result<(ListArray, Ids)> {
    let element = match array.data_type() {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => field.data_type().clone(),
        _ => return Err(unexpected(array)),
    };
    // Whatever the connection's Arrow settings, one layout is read.
    let lists = as_type(array, &DataType::List(Arc::new(Field::new("l", element, true))))?;
    let lists = lists.as_list_opt::<i32>().ok_or_else(|| unexpected(array))?;
    Ok((lists.clone(), Ids::new(lists.values())?))
}

/// A batch of lists of numbers.
pub(super) struct Vectors {
    lists: ListArray,
    values: Float32Array,
}

impl Vectors {
    /// Takes a FLOAT[] column.
    pub(super) fn new(array: &ArrayRef) -> Result<Self> {
        let element = Arc::new(Field::new("l", DataType::Float32, true));
        let lists = match array.data_type() {
            DataType::List(_) => Arc::clone(array),
            _ => as_type(array, &DataType::List(element))?,
        };
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| unexpected(array))?.clone();
        let values = as_type(lists.values(), &DataType::Float32)?;
        let values = values.as_primitive_opt::<Float32Type>().cloned();
        Ok(Self { lists, values: values.ok_or_else(|| unexpected(array))? })
    }

    /// The list in a row; `None` where it is NULL, or one of its numbers is, or is not finite.
    pub(super) fn get(&self, row: usize) -> Option<&[f32]> {
        let offsets = self.lists.value_offsets();
        let (first, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        let whole = self.lists.is_valid(row) && (first..end).all(|at| self.values.is_valid(at));
        let values = &self.values.values()[first..end];
        (whole && values.iter().all(|value| value.is_finite())).then_some(values)
    }
}

/// A batch of times as integers of the same order; DOUBLE values are finite.
pub(super) fn times(array: &ArrayRef) -> Result<Int64Array> {
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        return Ok(integers.clone());
    }
    Ok(numbers(array)?.unary::<_, Int64Type>(ordered))
}

/// An integer that compares as the number does.
fn ordered(number: f64) -> i64 {
    // Adding 0 makes -0 equal to 0. The bits of negative numbers grow as they fall.
    let bits = (number + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The array in the wanted layout.
pub(super) fn as_type(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    let same_layout = match (array.data_type(), wanted) {
        (DataType::List(_), DataType::List(_)) => true,
        (has, wanted) => has == wanted,
    };
    if same_layout {
        return Ok(Arc::clone(array));
    }
    cast(array, wanted).map_err(|error| Error::Database(format!("DuckDB sent {error}")))
}

/// The error for a type that was not asked for.
pub(super) fn unexpected(array: &ArrayRef) -> Error {
    Error::Database(format!("DuckDB sent a column of Arrow type {}", array.data_type()))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn ordered_numbers_compare_as_integers() {
        let numbers = [f64::MIN, -2.5, -0.0, 1e-300, 1.0, 1.0000001, f64::MAX];
        let integers: Vec<i64> = numbers.iter().map(|&number| ordered(number)).collect();
        assert!(integers.is_sorted_by(|a, b| a < b), "{integers:?}");
        assert_eq!(ordered(-0.0), ordered(0.0));
    }

    #[test]
    fn a_stop_ends_a_query_that_has_no_row_yet() {
        let conn = Connection::open_in_memory().unwrap();
        let text = "(SELECT count(*) AS n FROM range(100000000) a, range(100000000) b)";
        let relation = Relation::resolve(&conn, "f", "plays", text).unwrap();
        let control = Control::default();
        let stopper = control.clone();
        let begun = std::time::Instant::now();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            stopper.stop();
        });
        let result = read(&conn, &relation, &["n".to_owned()], &control, |_| Ok(()));
        thread.join().unwrap();
        assert!(matches!(result, Err(Error::Interrupted)));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn every_arrow_layout_is_read() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "SET produce_arrow_string_view = true; SET arrow_output_version = '1.4';
             SET arrow_output_list_view = true;",
        )
        .unwrap();
        let text = "(SELECT 'a' AS t, ['b', 'c'] AS l)";
        let relation = Relation::resolve(&conn, "f", "songs", text).unwrap();
        let expressions = ["t".to_owned(), "l".to_owned()];
        let mut seen = Vec::new();
        read(&conn, &relation, &expressions, &Control::default(), |batch| {
            seen.push(format!("{:?}", Ids::new(&batch[0])?.get(0)));
            let (lists, values) = lists(&batch[1])?;
            seen.push(format!("{:?} {:?}", lists.value_offsets(), values.get(1)));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["Some(Text(\"a\"))", "[0, 2] Some(Text(\"c\"))"]);
    }
}

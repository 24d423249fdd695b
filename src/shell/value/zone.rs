//! Offsets of time zones, asked of DuckDB itself so that TIMESTAMPTZ reads as DuckDB writes it.
//!
//! A block of a year's length is asked for at once and its changes of offset are kept, so a
//! result of a million timestamps costs a few queries.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use duckdb::Connection;

const MICROS: i64 = 1_000_000;
/// Offsets are sampled this often; a change between two samples is then found by bisection.
const STEP_MICROS: i64 = 900 * MICROS;
const STEPS_PER_BLOCK: i64 = 366 * 96;
const BLOCK_MICROS: i64 = STEP_MICROS * STEPS_PER_BLOCK;

/// Changes of offset within a block: since when (microseconds since 1970), and seconds from UTC.
type Changes = Vec<(i64, i64)>;

/// Offsets of the session's time zone.
pub(super) struct Zones<'c> {
    connection: &'c Connection,
    /// A second connection: a query on the first would end the result that is being read.
    helper: OnceCell<Option<Connection>>,
    blocks: RefCell<HashMap<(String, i64), Changes>>,
}

impl<'c> Zones<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, helper: OnceCell::new(), blocks: RefCell::default() }
    }

    /// Seconds that local time is ahead of UTC at an instant (microseconds since 1970).
    ///
    /// Without DuckDB's ICU extension there are no time zones, and the answer is 0.
    pub(super) fn offset_seconds(&self, zone: &str, micros: i64) -> i64 {
        if matches!(zone, "UTC" | "Etc/UTC" | "GMT") || micros.unsigned_abs() == i64::MAX as u64 {
            return 0;
        }
        let block = micros.div_euclid(BLOCK_MICROS);
        let mut blocks = self.blocks.borrow_mut();
        let changes = blocks
            .entry((zone.to_string(), block))
            .or_insert_with(|| self.changes(zone, block).unwrap_or_default());
        let later = changes.partition_point(|&(since, _)| since <= micros);
        later.checked_sub(1).map_or(0, |i| changes[i].1)
    }

    fn changes(&self, zone: &str, block: i64) -> Option<Changes> {
        let helper = self.helper.get_or_init(|| self.connection.try_clone().ok()).as_ref()?;
        let start = block.checked_mul(BLOCK_MICROS)?;
        let sql = format!(
            "WITH samples AS (
                SELECT {start} + n * {STEP_MICROS} AS instant,
                    (epoch_us(timezone($1, make_timestamptz(instant))) - instant) // {MICROS} AS ahead
                FROM range({STEPS_PER_BLOCK}) AS steps(n))
            SELECT instant, ahead FROM samples
            QUALIFY ahead IS DISTINCT FROM lag(ahead) OVER (ORDER BY instant) ORDER BY instant"
        );
        let mut statement = helper.prepare(&sql).ok()?;
        let rows = statement.query_map([zone], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
        let mut changes: Changes = rows.collect::<duckdb::Result<_>>().ok()?;
        for (since, ahead) in changes.iter_mut().skip(1) {
            *since = first_second(helper, zone, *since, *ahead)?;
        }
        Some(changes)
    }
}

/// The first second before `sampled`, within one step, from which the offset is `ahead`.
fn first_second(helper: &Connection, zone: &str, sampled: i64, ahead: i64) -> Option<i64> {
    let sql = format!(
        "SELECT (epoch_us(timezone($1, make_timestamptz($2::BIGINT))) - $2::BIGINT) // {MICROS}"
    );
    let (mut before, mut after) = (sampled - STEP_MICROS, sampled);
    while after - before > MICROS {
        let middle = before + (after - before) / MICROS / 2 * MICROS;
        let there: i64 =
            helper.query_row(&sql, duckdb::params![zone, middle], |row| row.get(0)).ok()?;
        if there == ahead { after = middle } else { before = middle }
    }
    Some(after)
}

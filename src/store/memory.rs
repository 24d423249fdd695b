//! How much memory the analyst allows.

use duckdb::Connection;

use crate::error::Result;

/// DuckDB's `memory_limit` in bytes; `None` where DuckDB writes it in an unknown way.
///
/// # Errors
/// DuckDB does not tell.
pub fn memory_limit(conn: &Connection) -> Result<Option<u64>> {
    let sql = "SELECT current_setting('memory_limit')::VARCHAR";
    Ok(parse(&conn.query_row(sql, [], |row| row.get::<_, String>(0))?))
}

/// A size in bytes as DuckDB writes it, with one digit after the point.
pub fn size(bytes: u64) -> String {
    let (mut value, mut units) = (bytes as f64, UNITS.iter());
    let mut unit = units.next().map_or("", |(name, _)| name);
    for (name, _) in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, name);
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") }
}

const UNITS: &[(&str, u64)] = &[
    ("bytes", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

fn parse(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let (_, scale) =
        UNITS.iter().find(|(name, _)| *name == unit || (unit, *name) == ("byte", "bytes"))?;
    // The conversion ends at the largest number, which is how DuckDB says "without limit".
    Some((number.parse::<f64>().ok()? * *scale as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_as_duckdb_writes_them() {
        let conn = Connection::open_in_memory().unwrap();
        for (set, bytes, shown) in [
            ("1GiB", 1 << 30, "1.0 GiB"),
            ("1536MiB", 3 << 29, "1.5 GiB"),
            ("2000000 bytes", 1_992_294, "1.9 MiB"),
        ] {
            conn.execute_batch(&format!("SET memory_limit = '{set}'")).unwrap();
            let limit = memory_limit(&conn).unwrap().unwrap();
            assert!(limit.abs_diff(bytes) <= 1, "{set}: {limit}");
            assert_eq!(size(limit), shown);
        }
        conn.execute_batch("SET memory_limit = '-1'").unwrap();
        assert!(memory_limit(&conn).unwrap().unwrap() > 1 << 60);
        assert_eq!(size(900), "900 bytes");
    }

    #[test]
    fn what_is_no_size_is_no_limit() {
        assert_eq!([parse("80%"), parse("1 parsec"), parse("one GiB")], [None; 3]);
        assert_eq!(parse("1 byte"), Some(1));
    }
}

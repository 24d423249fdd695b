//! Mode `line`: one `name = value` per line, an empty line between rows.

use std::io::{self, Write};

use duckdb::arrow::array::StructArray;

use super::layout::{Align, fit, width};
use super::{Context, Renderer};
use crate::shell::value::Rows;

/// DuckDB's CLI gives names at least this many columns.
const MIN_NAME_WIDTH: usize = 5;

/// One value per line.
pub struct Line<'a> {
    context: Context<'a>,
    name_width: usize,
    any: bool,
}

impl<'a> Line<'a> {
    /// A renderer for one result.
    pub fn new(context: Context<'a>) -> Self {
        let widest = context.columns.iter().map(|column| width(&column.name)).max();
        let name_width = widest.unwrap_or(0).max(MIN_NAME_WIDTH);
        Self { context, name_width, any: false }
    }
}

impl Renderer for Line<'_> {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: StructArray, out: &mut dyn Write) -> io::Result<()> {
        let rows = Rows::new(self.context.formatter, self.context.columns, &batch);
        for row in 0..rows.len() {
            if self.any {
                writeln!(out)?;
            }
            self.any = true;
            for (i, column) in rows.columns().iter().enumerate() {
                let name = fit(&column.name, self.name_width, Align::Right);
                writeln!(out, "{name} = {}", self.context.text(rows.text(row, i)))?;
            }
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

//! Modes `box`, `table` and `markdown`: every row, in columns as wide as their values.
//!
//! Widths are taken from the first rows; results of any length then need constant memory, and a
//! wider value further down pushes its row out of line instead of being cut.

use std::io::{self, Write};

use duckdb::arrow::array::StructArray;

use super::layout::{Align, fit, width};
use super::{Context, Renderer};
use crate::shell::value::Rows;

/// Rows that are kept to find the widths.
const MEASURED_ROWS: usize = 2_000;

/// How a table is drawn.
pub struct Style {
    /// Line above the header: left end, line, crossing, right end.
    top: Option<[&'static str; 4]>,
    /// Line between header and rows; Markdown tells alignment there.
    middle: [&'static str; 4],
    bottom: Option<[&'static str; 4]>,
    edge: &'static str,
    is_markdown: bool,
}

/// Mode `box`.
pub static BOX: Style = Style {
    top: Some(["┌", "─", "┬", "┐"]),
    middle: ["├", "─", "┼", "┤"],
    bottom: Some(["└", "─", "┴", "┘"]),
    edge: "│",
    is_markdown: false,
};

/// Mode `table`.
pub static TABLE: Style = Style {
    top: Some(["+", "-", "+", "+"]),
    middle: ["+", "-", "+", "+"],
    bottom: Some(["+", "-", "+", "+"]),
    edge: "|",
    is_markdown: false,
};

/// Mode `markdown`.
pub static MARKDOWN: Style =
    Style { top: None, middle: ["|", "-", "|", "|"], bottom: None, edge: "|", is_markdown: true };

/// A table with every row.
pub struct Aligned<'a> {
    context: Context<'a>,
    style: &'static Style,
    measured: Vec<Vec<String>>,
    widths: Vec<usize>,
    begun: bool,
}

impl<'a> Aligned<'a> {
    /// A renderer for one result.
    pub fn new(context: Context<'a>, style: &'static Style) -> Self {
        Self { context, style, measured: Vec::new(), widths: Vec::new(), begun: false }
    }

    fn cell(&self, value: Option<String>) -> String {
        let cell = self.context.cell(value);
        if self.style.is_markdown { cell.replace('|', "\\|") } else { cell }
    }

    fn names(&self) -> Vec<String> {
        self.context.columns.iter().map(|column| self.cell(Some(column.name.clone()))).collect()
    }

    fn align(&self, column: usize) -> Align {
        if self.context.columns[column].sql_type.is_number() { Align::Right } else { Align::Left }
    }

    /// Writes the header and the rows that were kept.
    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begun = true;
        let headers = self.context.settings.headers;
        let names = self.names();
        self.widths = names.iter().map(|name| if headers { width(name) } else { 1 }).collect();
        for row in &self.measured {
            for (widest, cell) in self.widths.iter_mut().zip(row) {
                *widest = width(cell).max(*widest);
            }
        }
        if let Some(line) = self.style.top {
            self.rule(out, line)?;
        }
        if headers {
            self.line(out, &names, |_| {
                if self.style.is_markdown { Align::Left } else { Align::Center }
            })?;
            if self.style.is_markdown {
                self.markdown_rule(out)?
            } else {
                self.rule(out, self.style.middle)?
            }
        }
        for row in std::mem::take(&mut self.measured) {
            self.line(out, &row, |i| self.align(i))?;
        }
        Ok(())
    }

    fn line(
        &self,
        out: &mut dyn Write,
        cells: &[String],
        align: impl Fn(usize) -> Align,
    ) -> io::Result<()> {
        let edge = self.style.edge;
        let mut line = String::from(edge);
        for (i, (cell, to)) in cells.iter().zip(&self.widths).enumerate() {
            let cell = fit(cell, width(cell).max(*to), align(i));
            line.push_str(&format!(" {cell} {edge}"));
        }
        writeln!(out, "{line}")
    }

    fn rule(
        &self,
        out: &mut dyn Write,
        [left, dash, crossing, right]: [&str; 4],
    ) -> io::Result<()> {
        let dashes: Vec<String> = self.widths.iter().map(|to| dash.repeat(to + 2)).collect();
        writeln!(out, "{left}{}{right}", dashes.join(crossing))
    }

    fn markdown_rule(&self, out: &mut dyn Write) -> io::Result<()> {
        let dashes = self.widths.iter().enumerate().map(|(i, to)| match self.align(i) {
            Align::Right => format!("{}:|", "-".repeat(to + 1)),
            _ => format!("{}|", "-".repeat(to + 2)),
        });
        writeln!(out, "|{}", dashes.collect::<String>())
    }
}

impl Renderer for Aligned<'_> {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: StructArray, out: &mut dyn Write) -> io::Result<()> {
        let rows = Rows::new(self.context.formatter, self.context.columns, &batch);
        for row in 0..rows.len() {
            let cells: Vec<String> =
                (0..rows.columns().len()).map(|i| self.cell(rows.text(row, i))).collect();
            if self.begun {
                self.line(out, &cells, |i| self.align(i))?;
            } else {
                self.measured.push(cells);
                if self.measured.len() == MEASURED_ROWS {
                    self.flush(out)?;
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            self.flush(out)?;
        }
        self.style.bottom.map_or(Ok(()), |line| self.rule(out, line))
    }
}

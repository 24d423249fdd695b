//! Mode `duckbox`, the default: a box with types that fits the screen.
//!
//! Long results are cut in the middle, wide ones lose columns in the middle (`…`) after long
//! values were cut; the footer says what is not shown. Only the batches that hold the first and
//! last shown rows are kept.

use std::collections::VecDeque;
use std::io::{self, Write};

use duckdb::arrow::array::{Array, StructArray};

use super::layout::{Align, escape, fit, width};
use super::{Context, Renderer};
use crate::shell::value::Rows;

/// Columns are cut down to this width before any of them is left out.
const NARROWEST: usize = 20;
/// Results with this many rows have a footer.
const FOOTER_FROM: usize = 10;
/// Lines of dots that stand for rows that are not shown.
const DOTS: usize = 3;

/// A box that fits the screen.
pub struct Duckbox<'a> {
    context: Context<'a>,
    head: Vec<StructArray>,
    head_rows: usize,
    tail: VecDeque<StructArray>,
    tail_rows: usize,
    rows: usize,
}

/// A shown row: text and whether it is NULL, per column; or dots.
enum Line {
    Cells(Vec<(String, bool)>),
    Dots,
}

/// A shown column: which one and how wide; `None` stands for those left out.
type Shown = (Option<usize>, usize);

impl<'a> Duckbox<'a> {
    /// A renderer for one result.
    pub fn new(context: Context<'a>) -> Self {
        let (head, tail) = (Vec::new(), VecDeque::new());
        Self { context, head, head_rows: 0, tail, tail_rows: 0, rows: 0 }
    }

    fn max_rows(&self) -> usize {
        match self.context.settings.max_rows {
            0 => usize::MAX,
            rows => rows,
        }
    }

    /// The rows to show, cut in the middle, and how many of the result's they are.
    fn lines(&self) -> (Vec<Line>, usize) {
        let max = self.max_rows();
        let cells = |batches: &mut dyn Iterator<Item = &StructArray>, skip: usize, take: usize| {
            let mut lines = Vec::new();
            let mut at = 0;
            for batch in batches {
                let rows = Rows::new(self.context.formatter, self.context.columns, batch);
                for row in 0..rows.len() {
                    if (skip..skip.saturating_add(take)).contains(&at) {
                        lines.push(Line::Cells(self.cells(&rows, row)));
                    }
                    at += 1;
                }
            }
            lines
        };
        if self.rows <= max {
            let all = &mut self.head.iter().chain(&self.tail);
            return (cells(all, 0, usize::MAX), self.rows);
        }
        let (top, bottom) = (max.div_ceil(2), max / 2);
        let mut lines = cells(&mut self.head.iter(), 0, top);
        lines.extend(std::iter::repeat_with(|| Line::Dots).take(DOTS));
        // The last rows may begin in the head where the tail is shorter.
        let kept = self.head_rows + self.tail_rows;
        lines.extend(cells(&mut self.head.iter().chain(&self.tail), kept - bottom, bottom));
        (lines, max)
    }

    fn cells(&self, rows: &Rows<'_>, row: usize) -> Vec<(String, bool)> {
        (0..rows.columns().len())
            .map(|i| {
                let value = rows.text(row, i);
                let is_null = value.is_none();
                (self.context.cell(value), is_null)
            })
            .collect()
    }

    /// Which columns fit, and their widths.
    fn shown(&self, lines: &[Line]) -> Vec<Shown> {
        let mut widths: Vec<usize> = self
            .context
            .columns
            .iter()
            .map(|column| {
                width(&escape(&column.name)).max(width(&escape(&column.sql_type.header()))).max(1)
            })
            .collect();
        for line in lines {
            if let Line::Cells(cells) = line {
                for (widest, (cell, _)) in widths.iter_mut().zip(cells) {
                    *widest = width(cell).max(*widest);
                }
            }
        }
        fit_columns(&widths, self.screen())
    }

    /// The columns of text that may be taken.
    fn screen(&self) -> usize {
        match self.context.settings.max_width {
            0 => self.context.width.unwrap_or(usize::MAX),
            width => width,
        }
    }

    fn align(&self, column: usize) -> Align {
        if self.context.columns[column].sql_type.is_number() { Align::Right } else { Align::Left }
    }

    fn dim(&self, text: &str) -> String {
        if self.context.color { format!("\x1b[90m{text}\x1b[0m") } else { text.to_string() }
    }

    fn header(&self, out: &mut dyn Write, shown: &[Shown]) -> io::Result<()> {
        write_line(out, shown, |column, to| {
            fit(
                &column.map_or("…".into(), |i| escape(&self.context.columns[i].name)),
                to,
                Align::Center,
            )
        })?;
        write_line(out, shown, |column, to| {
            let name = column.map_or(String::new(), |i| self.context.columns[i].sql_type.header());
            self.dim(&fit(&escape(&name), to, Align::Center))
        })
    }

    fn row(
        &self,
        out: &mut dyn Write,
        shown: &[Shown],
        cells: &[(String, bool)],
    ) -> io::Result<()> {
        write_line(out, shown, |column, to| match column {
            None => "…".into(),
            Some(i) => {
                let (text, is_null) = &cells[i];
                let cell = fit(text, to, self.align(i));
                if *is_null { self.dim(&cell) } else { cell }
            }
        })
    }

    fn dots(&self, out: &mut dyn Write, shown: &[Shown]) -> io::Result<()> {
        write_line(out, shown, |column, to| {
            fit("·", to, column.map_or(Align::Left, |i| self.align(i)))
        })
    }

    fn footer(&self, out: &mut dyn Write, shown: &[Shown], shown_rows: usize) -> io::Result<()> {
        let columns = self.context.columns.len();
        let shown_columns = shown.iter().filter(|(column, _)| column.is_some()).count();
        let cut = shown_rows < self.rows || shown_columns < columns;
        if !cut && self.rows > 0 && self.rows < FOOTER_FROM {
            return Ok(());
        }
        let mut left = counted(self.rows, "row");
        if shown_rows < self.rows {
            left.push_str(&format!(" ({shown_rows} shown)"));
        }
        let mut right = String::new();
        if columns > 1 {
            right = counted(columns, "column");
            if shown_columns < columns {
                right.push_str(&format!(" ({shown_columns} shown)"));
            }
        }
        let total: usize = shown.iter().map(|(_, width)| width + 3).sum::<usize>() + 1;
        let space = total.saturating_sub(4 + left.len() + right.len()).max(2);
        let line = format!("  {left}{}{right}", " ".repeat(space));
        if width(line.trim_end()) > self.screen() {
            return writeln!(out, "{left}\n{right}");
        }
        writeln!(out, "{}", line.trim_end())
    }
}

impl Renderer for Duckbox<'_> {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: StructArray, _out: &mut dyn Write) -> io::Result<()> {
        self.rows += batch.len();
        if self.head_rows < self.max_rows() {
            self.head_rows += batch.len();
            self.head.push(batch);
            return Ok(());
        }
        self.tail_rows += batch.len();
        self.tail.push_back(batch);
        let needed = self.max_rows() / 2;
        while let Some(first) = self.tail.front() {
            if self.tail_rows - first.len() < needed {
                break;
            }
            self.tail_rows -= first.len();
            self.tail.pop_front();
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (lines, shown_rows) = self.lines();
        let shown = self.shown(&lines);
        rule(out, &shown, ["┌", "┬", "┐"])?;
        if self.context.settings.headers {
            self.header(out, &shown)?;
        }
        if self.context.settings.headers && !lines.is_empty() {
            rule(out, &shown, ["├", "┼", "┤"])?;
        }
        for line in &lines {
            match line {
                Line::Cells(cells) => self.row(out, &shown, cells)?,
                Line::Dots => self.dots(out, &shown)?,
            }
        }
        rule(out, &shown, ["└", "┴", "┘"])?;
        self.footer(out, &shown, shown_rows)
    }
}

/// Which of the columns fit into a line of `limit`, and how wide each may be: long ones are cut
/// first, then those in the middle are left out.
fn fit_columns(widths: &[usize], limit: usize) -> Vec<Shown> {
    let room = |columns: usize| limit.saturating_sub(3 * columns + 1);
    let all: Vec<usize> = (0..widths.len()).collect();
    if let Some(cap) = cap(widths, &all, room(all.len()), NARROWEST) {
        return all.into_iter().map(|i| (Some(i), widths[i].min(cap))).collect();
    }
    for kept in (1..widths.len()).rev() {
        let left = kept.div_ceil(2);
        let columns: Vec<usize> =
            (0..left).chain(widths.len() - (kept - left)..widths.len()).collect();
        // Where only one column is left, it takes what there is.
        let narrowest = if kept == 1 { 1 } else { NARROWEST };
        // The column of dots takes one place and its own edges.
        let cap = cap(widths, &columns, room(kept + 1).saturating_sub(1), narrowest);
        if let Some(cap) = cap.or((kept == 1).then_some(1)) {
            let mut shown: Vec<Shown> =
                columns.into_iter().map(|i| (Some(i), widths[i].min(cap))).collect();
            shown.insert(left, (None, 1));
            return shown;
        }
    }
    all.into_iter().map(|i| (Some(i), widths[i].min(room(1).max(1)))).collect()
}

/// The greatest width to which columns may be cut so that they fit, if it is not below
/// `narrowest`.
fn cap(widths: &[usize], columns: &[usize], room: usize, narrowest: usize) -> Option<usize> {
    let fits = |cap: usize| columns.iter().map(|&i| widths[i].min(cap)).sum::<usize>() <= room;
    let widest = columns.iter().map(|&i| widths[i]).max().unwrap_or(0);
    if fits(widest) {
        return Some(widest);
    }
    (narrowest..widest).rev().find(|&cap| fits(cap))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn write_line(
    out: &mut dyn Write,
    shown: &[Shown],
    cell: impl Fn(Option<usize>, usize) -> String,
) -> io::Result<()> {
    let mut line = String::from("│");
    for &(column, to) in shown {
        line.push_str(&format!(" {} │", cell(column, to)));
    }
    writeln!(out, "{line}")
}

fn rule(
    out: &mut dyn Write,
    shown: &[Shown],
    [left, crossing, right]: [&str; 3],
) -> io::Result<()> {
    let dashes: Vec<String> = shown.iter().map(|(_, to)| "─".repeat(to + 2)).collect();
    writeln!(out, "{left}{}{right}", dashes.join(crossing))
}

#[cfg(test)]
mod tests {
    use super::fit_columns;

    #[test]
    fn long_columns_are_cut_before_any_is_left_out() {
        assert_eq!(fit_columns(&[5, 60], 80), [(Some(0), 5), (Some(1), 60)]);
        assert_eq!(fit_columns(&[5, 60], 40), [(Some(0), 5), (Some(1), 28)]);
    }

    #[test]
    fn columns_in_the_middle_are_left_out() {
        let shown = fit_columns(&[10; 12], 60);
        assert_eq!(
            shown.iter().map(|(i, _)| *i).collect::<Vec<_>>(),
            [Some(0), Some(1), None, Some(10), Some(11)].to_vec()[..].to_vec()
        );
        assert!(shown.iter().map(|(_, width)| width + 3).sum::<usize>() < 60);
    }

    #[test]
    fn a_tiny_screen_still_shows_something() {
        for limit in [0, 1, 10, 20] {
            assert!(!fit_columns(&[30, 30, 30], limit).is_empty());
        }
        assert_eq!(fit_columns(&[30], 20), [(Some(0), 16)]);
    }
}

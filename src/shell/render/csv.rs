//! Modes `csv` and `list`: values with a separator between them.

use std::io::{self, Write};

use duckdb::arrow::array::StructArray;

use super::{Context, Renderer};
use crate::shell::value::Rows;

/// Separated values, quoted or as they are.
pub struct Separated<'a> {
    context: Context<'a>,
    separator: String,
    quoted: bool,
}

impl<'a> Separated<'a> {
    /// CSV: values that contain the separator, quotes or control characters are quoted.
    pub fn csv(context: Context<'a>) -> Self {
        let separator = context.settings.separator.clone().unwrap_or_else(|| ",".into());
        Self { context, separator, quoted: true }
    }

    /// Values as they are.
    pub fn list(context: Context<'a>) -> Self {
        let separator = context.settings.separator.clone().unwrap_or_else(|| "|".into());
        Self { context, separator, quoted: false }
    }

    fn field(&self, out: &mut String, text: &str) {
        let plain = !self.quoted
            || !(text.contains('"')
                || text.contains(char::is_control)
                || (!self.separator.is_empty() && text.contains(&self.separator)));
        if plain {
            out.push_str(text);
        } else {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        }
    }

    fn line(&self, fields: impl Iterator<Item = String>) -> String {
        let mut line = String::new();
        for (i, field) in fields.enumerate() {
            if i > 0 {
                line.push_str(&self.separator);
            }
            self.field(&mut line, &field);
        }
        line.push('\n');
        line
    }
}

impl Renderer for Separated<'_> {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.context.settings.headers {
            return Ok(());
        }
        let names = self.context.columns.iter().map(|column| column.name.clone());
        out.write_all(self.line(names).as_bytes())
    }

    fn batch(&mut self, batch: StructArray, out: &mut dyn Write) -> io::Result<()> {
        let rows = Rows::new(self.context.formatter, self.context.columns, &batch);
        for row in 0..rows.len() {
            let fields = (0..rows.columns().len()).map(|i| self.context.text(rows.text(row, i)));
            out.write_all(self.line(fields).as_bytes())?;
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

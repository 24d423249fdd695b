//! Modes `json` and `jsonlines`.

use std::io::{self, Write};

use duckdb::arrow::array::StructArray;

use super::{Context, Renderer};
use crate::shell::value::{Rows, json_string};

/// One JSON object per row.
pub struct Json<'a> {
    context: Context<'a>,
    /// The beginning of each object: the names of the columns, escaped.
    keys: Vec<String>,
    array: bool,
    any: bool,
}

impl<'a> Json<'a> {
    /// As one array, or one object per line.
    pub fn new(context: Context<'a>, array: bool) -> Self {
        let keys = context.columns.iter().map(|column| json_string(&column.name)).collect();
        Self { context, keys, array, any: false }
    }
}

impl Renderer for Json<'_> {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.array { out.write_all(b"[") } else { Ok(()) }
    }

    fn batch(&mut self, batch: StructArray, out: &mut dyn Write) -> io::Result<()> {
        let rows = Rows::new(self.context.formatter, self.context.columns, &batch);
        for row in 0..rows.len() {
            let mut line = String::new();
            if self.array && self.any {
                line.push_str(",\n");
            }
            self.any = true;
            for (i, key) in self.keys.iter().enumerate() {
                line.push(if i == 0 { '{' } else { ',' });
                line.push_str(key);
                line.push(':');
                rows.json(&mut line, row, i);
            }
            line.push_str(if self.array { "}" } else { "}\n" });
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.array { out.write_all(b"]\n") } else { Ok(()) }
    }
}

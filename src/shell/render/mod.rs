//! Results on their way to the screen or a file: one renderer per output mode.

mod aligned;
mod csv;
mod duckbox;
mod json;
pub mod layout;
mod line;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use duckdb::arrow::array::StructArray;

use super::settings::Settings;
use super::value::{Column, Formatter};

/// Writes one result, batch by batch.
pub trait Renderer {
    /// Called once, before the rows.
    ///
    /// # Errors
    /// The output cannot be written.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// Called for each batch of rows.
    ///
    /// # Errors
    /// The output cannot be written.
    fn batch(&mut self, batch: StructArray, out: &mut dyn Write) -> io::Result<()>;
    /// Called once, after the rows.
    ///
    /// # Errors
    /// The output cannot be written.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// What renderers share: the result's columns, how values are written, the user's settings.
pub struct Context<'a> {
    /// Writes values.
    pub formatter: &'a Formatter<'a>,
    /// The result's columns.
    pub columns: &'a [Column],
    /// The user's settings.
    pub settings: &'a Settings,
    /// The screen's width in columns, where the result goes to one.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
}

impl Context<'_> {
    /// The text of a value in the modes that print values as they are.
    fn text(&self, value: Option<String>) -> String {
        value.unwrap_or_else(|| self.settings.null_value.clone())
    }

    /// The text of a value on one line, control characters escaped.
    fn cell(&self, value: Option<String>) -> String {
        value.map_or_else(|| self.settings.null_value.clone(), |text| layout::escape(&text))
    }
}

/// An output mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A box with types that fits the screen and cuts long results in the middle.
    Duckbox,
    /// A box with everything.
    Box,
    /// A box in ASCII.
    Table,
    /// A Markdown table.
    Markdown,
    /// One value per line.
    Line,
    /// Values with a separator, unquoted.
    List,
    /// Comma-separated values.
    Csv,
    /// One JSON array.
    Json,
    /// One JSON object per line.
    JsonLines,
}

impl Mode {
    /// All modes and their names.
    pub const ALL: [(&'static str, Self); 9] = [
        ("duckbox", Self::Duckbox),
        ("box", Self::Box),
        ("table", Self::Table),
        ("markdown", Self::Markdown),
        ("line", Self::Line),
        ("list", Self::List),
        ("csv", Self::Csv),
        ("json", Self::Json),
        ("jsonlines", Self::JsonLines),
    ];

    /// The mode of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, mode)| *mode)
    }

    /// The mode's name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }

    /// A renderer for one result.
    pub fn renderer<'a>(self, context: Context<'a>) -> Box<dyn Renderer + 'a> {
        match self {
            Self::Duckbox => Box::new(duckbox::Duckbox::new(context)),
            Self::Box => Box::new(aligned::Aligned::new(context, &aligned::BOX)),
            Self::Table => Box::new(aligned::Aligned::new(context, &aligned::TABLE)),
            Self::Markdown => Box::new(aligned::Aligned::new(context, &aligned::MARKDOWN)),
            Self::Line => Box::new(line::Line::new(context)),
            Self::List => Box::new(csv::Separated::list(context)),
            Self::Csv => Box::new(csv::Separated::csv(context)),
            Self::Json => Box::new(json::Json::new(context, true)),
            Self::JsonLines => Box::new(json::Json::new(context, false)),
        }
    }
}

//! What the user can set, by options and dot commands.

use super::render::Mode;

/// Rows that a box shows unless told otherwise.
const MAX_ROWS: usize = 40;

/// The user's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How results are written.
    pub mode: Mode,
    /// Whether the names of columns are written.
    pub headers: bool,
    /// The text for NULL.
    pub null_value: String,
    /// What separates values in `csv` and `list`; each has its own without this.
    pub separator: Option<String>,
    /// Rows that a duckbox shows; 0 for all.
    pub max_rows: usize,
    /// Columns of text that a duckbox may take; 0 for the screen's.
    pub max_width: usize,
    /// Whether the time of each statement is printed.
    pub timer: bool,
    /// Whether statements are printed before they run.
    pub echo: bool,
    /// Whether the first error ends the script.
    pub bail: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Duckbox,
            headers: true,
            null_value: "NULL".into(),
            separator: None,
            max_rows: MAX_ROWS,
            max_width: 0,
            timer: false,
            echo: false,
            bail: false,
        }
    }
}

impl Settings {
    /// Sets the mode by its name.
    ///
    /// # Errors
    /// There is no such mode; the message lists those there are.
    pub fn set_mode(&mut self, name: &str) -> Result<(), String> {
        self.mode = Mode::from_name(name).ok_or_else(|| {
            let names: Vec<&str> = Mode::ALL.iter().map(|(name, _)| *name).collect();
            format!("there is no mode '{name}'; modes are: {}", names.join(" "))
        })?;
        Ok(())
    }
}

/// `\t`, `\n`, `\r` and `\\` as typed by the user in a separator.
pub fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some(code @ ('t' | 'n' | 'r' | '\\'))) => {
                chars.next();
                out.push(match code {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                });
            }
            _ => out.push(c),
        }
    }
    out
}

/// `on` or `off`.
///
/// # Errors
/// The word is neither.
pub fn switch(word: &str) -> Result<bool, String> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" | "1" => Ok(true),
        "off" | "no" | "false" | "0" => Ok(false),
        _ => Err(format!("'{word}' is neither on nor off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_may_be_written_with_backslashes() {
        assert_eq!(unescape("\\t"), "\t");
        assert_eq!(unescape("a\\\\n\\x\\"), "a\\n\\x\\");
    }

    #[test]
    fn an_unknown_mode_is_refused_with_the_list() {
        let mut settings = Settings::default();
        assert!(settings.set_mode("CSV").is_ok());
        assert_eq!(settings.mode, Mode::Csv);
        let message = settings.set_mode("cvs").unwrap_err();
        assert!(message.contains("'cvs'") && message.contains("jsonlines"), "{message}");
        assert!(switch("maybe").is_err());
    }
}

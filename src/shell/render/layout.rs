//! Text in columns: display widths, padding, cutting, escaping.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Where text stands in a wider cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left edge.
    Left,
    /// In the middle.
    Center,
    /// At the right edge.
    Right,
}

/// The number of terminal columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Text padded to `to` columns; longer text is cut and ends in `…`.
pub fn fit(text: &str, to: usize, align: Align) -> String {
    let text = truncate(text, to);
    let space = to.saturating_sub(width(&text));
    let left = match align {
        Align::Left => 0,
        Align::Center => space / 2,
        Align::Right => space,
    };
    format!("{}{text}{}", " ".repeat(left), " ".repeat(space - left))
}

/// Text of at most `to` columns; what is cut off shows as `…`.
pub fn truncate(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_string();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) + 1 > to {
            kept.pop();
            break;
        }
    }
    if to > 0 {
        kept.push('…');
    }
    kept
}

/// Text on one line that moves no cursor: control characters as `\n`, `\t`, `\x07`; characters
/// that take no room of their own and turn the text around (bidirectional overrides) too.
pub fn escape(text: &str) -> String {
    use std::fmt::Write;
    if !text.chars().any(is_unsafe) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x1b' => out.push_str("\\e"),
            c if is_unsafe(c) => {
                let _ = match u32::from(c) {
                    code @ 0..=0xFF => write!(out, "\\x{code:02X}"),
                    code => write!(out, "\\u{code:04X}"),
                };
            }
            c => out.push(c),
        }
    }
    out
}

fn is_unsafe(c: char) -> bool {
    c.width().is_none() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(fit("日本", 6, Align::Left), "日本  ");
        assert_eq!(fit("日本", 3, Align::Left), "日…");
        assert_eq!(fit("日本", 2, Align::Left), "… ");
        assert_eq!(width("é👨‍👩‍👧"), 3);
    }

    #[test]
    fn cells_are_padded_on_the_side_that_is_asked_for() {
        assert_eq!(fit("ab", 5, Align::Right), "   ab");
        assert_eq!(fit("ab", 5, Align::Center), " ab  ");
        assert_eq!(fit("abcdef", 4, Align::Right), "abc…");
        assert_eq!(fit("abc", 0, Align::Left), "");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            escape("a\nb\tc\x1b[31m\x07\u{85}\u{202E}é"),
            "a\\nb\\tc\\e[31m\\x07\\x85\\u202Eé"
        );
        assert_eq!(escape("plain"), "plain");
    }
}

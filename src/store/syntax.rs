//! Just enough of SQL's syntax to tell a name from a query before DuckDB sees either.
//!
//! A relation argument is put into a larger statement, so its parentheses, quotes and comments
//! must be seen to end inside it.

/// What the text of a relation argument looks like.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A query in one pair of parentheses.
    Query,
    /// Something in parentheses that are not one pair around the whole.
    BrokenQuery,
    /// A call such as `read_csv('x.csv')`.
    Call,
    /// A file name in single quotes.
    File,
    /// A name of up to three parts.
    Name(Vec<String>),
    /// Anything else; it may still be the literal name of a table or file.
    Other,
}

/// Looks at a text without leading or trailing spaces.
pub(super) fn shape(text: &str) -> Shape {
    if text.starts_with('(') {
        return if group_end(text) == Some(text.len()) { Shape::Query } else { Shape::BrokenQuery };
    }
    if let Some(inner) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return if inner.replace("''", "").contains('\'') { Shape::Other } else { Shape::File };
    }
    if let Some(parts) = name_parts(text) {
        return Shape::Name(parts);
    }
    match text.find('(') {
        Some(open)
            if name_parts(text[..open].trim_end()).is_some()
                && !starts_query(text)
                && group_end(&text[open..]) == Some(text.len() - open) =>
        {
            Shape::Call
        }
        _ => Shape::Other,
    }
}

/// Whether the text begins like a query that lacks its parentheses.
pub(super) fn starts_query(text: &str) -> bool {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let rest = &text[word.len()..];
    let keywords = ["from", "select", "with", "values", "table", "pivot", "unpivot", "describe"];
    rest.starts_with(|c: char| c.is_whitespace() || "(*\"'".contains(c))
        && keywords.contains(&word.to_lowercase().as_str())
}

/// Whether the text calls a function. It may also stand in quotes or a comment, which is not looked
/// at: few texts hold the name of a function for another reason.
pub(super) fn calls(text: &str, function: &str) -> bool {
    let text = text.to_lowercase();
    let mut pieces = text.split(function);
    pieces.next();
    pieces.any(|rest| rest.trim_start().starts_with('('))
}

/// Where the parenthesis that opens the text is closed: the byte after it.
fn group_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'\'' => {
                let escapes = at > 0
                    && matches!(bytes[at - 1], b'e' | b'E')
                    && !(at > 1 && is_name_byte(bytes[at - 2]));
                at = quoted_end(bytes, at, escapes)?;
                continue;
            }
            b'"' => {
                at = quoted_end(bytes, at, false)?;
                continue;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += text[at..].find('\n')?;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at += 2 + text[at + 2..].find("*/")? + 1;
            }
            b'$' if at == 0 || !is_name_byte(bytes[at - 1]) => {
                if let Some(end) = dollar_quoted_end(text, at)? {
                    at = end;
                    continue;
                }
            }
            // A statement's end cannot be inside a query.
            b';' => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The byte after the quote that ends what begins at `start`; `None` if nothing ends it. A doubled
/// quote ends one text and begins the next, which comes to the same.
fn quoted_end(bytes: &[u8], start: usize, escapes: bool) -> Option<usize> {
    let mut at = start + 1;
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 1;
        } else if bytes[at] == bytes[start] {
            return Some(at + 1);
        }
        at += 1;
    }
    None
}

/// `$$text$$` or `$tag$text$tag$`: the byte after it; `Some(None)` if the dollar begins none.
fn dollar_quoted_end(text: &str, start: usize) -> Option<Option<usize>> {
    let Some(length) = text[start + 1..].find('$') else { return Some(None) };
    let tag = &text[start..start + length + 2];
    let name = &tag[1..tag.len() - 1];
    if !name.bytes().all(is_name_byte) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(None);
    }
    let body = start + tag.len();
    let end = text[body..].find(tag)?;
    Some(Some(body + end + tag.len()))
}

/// The parts of `a`, `a.b` or `a."b c".d`, without their quotes.
fn name_parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let end = if rest.starts_with('"') {
            // Two neighbouring quoted pieces are one name with a quote inside.
            let mut end = quoted_end(rest.as_bytes(), 0, false)?;
            while rest[end..].starts_with('"') {
                end = quoted_end(rest.as_bytes(), end, false)?;
            }
            parts.push(rest[1..end - 1].replace("\"\"", "\""));
            end
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                .unwrap_or(rest.len());
            parts.push(rest[..end].to_owned());
            end
        };
        if end == 0 || parts.len() > 3 {
            return None;
        }
        rest = match rest[end..].strip_prefix('.') {
            Some(more) => more,
            None if end == rest.len() => return Some(parts),
            None => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[&str]) -> Shape {
        Shape::Name(parts.iter().map(|&part| part.to_owned()).collect())
    }

    #[test]
    fn names_have_up_to_three_parts() {
        assert_eq!(shape("plays"), name(&["plays"]));
        assert_eq!(shape("main.plays"), name(&["main", "plays"]));
        assert_eq!(shape("\"my db\".main.\"a \"\"b\"\"\""), name(&["my db", "main", "a \"b\""]));
        assert_eq!(shape("écoutes"), name(&["écoutes"]));
        assert_eq!(shape("my plays"), Shape::Other);
        assert_eq!(shape("a.b.c.d"), Shape::Other);
        assert_eq!(shape("a..b"), Shape::Other);
        assert_eq!(shape("\"open"), Shape::Other);
        assert_eq!(shape("data/x.csv"), Shape::Other);
    }

    #[test]
    fn a_query_is_one_pair_of_parentheses() {
        for text in [
            "(FROM plays)",
            "(SELECT ')' FROM t WHERE a = 'it''s (' AND \")\" = 1)",
            "(SELECT 1 /* ) */ -- )\n)",
            "(SELECT $$)$$, $x$ ) $x$, $1)",
            "(SELECT E'\\')' || e')' )",
            "(VALUES (1), (2))",
        ] {
            assert_eq!(shape(text), Shape::Query, "{text}");
        }
        for text in [
            "(FROM a), (FROM b)",
            "(FROM a",
            "(FROM a -- )",
            "(SELECT 'a)",
            "(SELECT $$)",
            "(SELECT 1); DROP TABLE t; (SELECT 1)",
            "(SELECT 1; DROP TABLE t)",
        ] {
            assert_eq!(shape(text), Shape::BrokenQuery, "{text}");
        }
    }

    #[test]
    fn calls_and_files_are_told_from_bare_queries() {
        assert_eq!(shape("read_csv('x.csv', header = true)"), Shape::Call);
        assert_eq!(shape("'x.csv'"), Shape::File);
        assert_eq!(shape("'a' 'b'"), Shape::Other);
        assert_eq!(shape("from(x)"), Shape::Other);
        assert_eq!(shape("f(x); DROP TABLE t"), Shape::Other);
        assert!(starts_query("FROM plays"));
        assert!(starts_query("select* from t"));
        assert!(!starts_query("from"));
        assert!(!starts_query("selection of plays"));
    }
}

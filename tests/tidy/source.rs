//! Reads Rust just well enough for the tidy test: code without comments and texts, code without
//! tests, and the paths that it refers to. Every function keeps the lines of its input.

/// A path in the crate (`crate::data::Vocab` is `["data", "Vocab"]`) or into DuckDB's crates
/// (`["duckdb"]`), and the line where it ends.
#[derive(Debug, PartialEq)]
pub struct Reference {
    /// The path's names.
    pub path: Vec<String>,
    /// The line, counted from one.
    pub line: usize,
}

/// The text with comments, and the insides of string and character literals, blanked out.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out: Vec<char> = Vec::with_capacity(chars.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match chars[i] {
            '/' if chars.get(i + 1) == Some(&'/') => line_end(&chars, i),
            '/' if chars.get(i + 1) == Some(&'*') => comment_end(&chars, i),
            'r' if !follows_name(&chars, i) && raw_hashes(&chars, i + 1).is_some() => {
                raw_end(&chars, i + 1, raw_hashes(&chars, i + 1).unwrap_or_default())
            }
            '"' => quoted_end(&chars, i, '"'),
            '\'' if is_char_literal(&chars, i) => quoted_end(&chars, i, '\''),
            _ => i,
        };
        if end == i {
            out.push(chars[i]);
            i += 1;
        } else {
            out.extend(chars[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out.into_iter().collect()
}

fn line_end(chars: &[char], start: usize) -> usize {
    (start..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
}

fn comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i.min(chars.len())
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// The number of `#` of a raw string whose `r` stands before `start`.
fn raw_hashes(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start..].iter().take_while(|c| **c == '#').count();
    (chars.get(start + hashes) == Some(&'"')).then_some(hashes)
}

fn raw_end(chars: &[char], start: usize, hashes: usize) -> usize {
    let closes =
        |i: usize| chars[i] == '"' && chars[i + 1..].iter().take(hashes).all(|c| *c == '#');
    let inside = start + hashes + 1;
    (inside..chars.len())
        .find(|&i| closes(i))
        .map_or(chars.len(), |i| (i + 1 + hashes).min(chars.len()))
}

/// `'a'` or `'\n'`, but not the lifetime `'a`.
fn is_char_literal(chars: &[char], start: usize) -> bool {
    chars.get(start + 1) == Some(&'\\') || chars.get(start + 2) == Some(&'\'')
}

fn follows_name(chars: &[char], i: usize) -> bool {
    // `br"…"` is a raw string too.
    let before = if i > 0 && chars[i - 1] == 'b' { i - 1 } else { i };
    before > 0 && is_name(chars[before - 1])
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Code (of [`code_only`]) with what stands under `#[cfg(test)]` blanked out.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, item) = rest.split_at(start);
        out.push_str(before);
        let end = item_end(item);
        out.extend(item[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &item[end..];
    }
    out + rest
}

/// Where an item ends: after its first `;` outside braces, or after its closing brace.
fn item_end(item: &str) -> usize {
    let mut depth = 0;
    for (i, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return i + 1;
        }
    }
    item.len()
}

/// The paths that a file refers to. `super` is resolved from `shipped`, the code without its
/// inline tests, which stand one module deeper.
pub fn references(file: &str, code: &str, shipped: &str) -> Vec<Reference> {
    let mut module: Vec<String> = file
        .trim_start_matches("src/")
        .trim_end_matches(".rs")
        .split('/')
        .map(Into::into)
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    let mut found = Vec::new();
    for root in ["crate", "segue"] {
        let tails = words(code, root).flat_map(|at| tree(code, at + root.len(), Vec::new()));
        found.extend(tails);
    }
    for name in ["duckdb", "libduckdb_sys"] {
        found.extend(
            words(code, name)
                .filter(|at| is_path(code, at + name.len()))
                .map(|at| Reference { path: vec![name.into()], line: line_of(code, at) }),
        );
    }
    // The first `super` of a chain; `tree` takes the others as names.
    for at in words(shipped, "super").filter(|&at| !shipped[..at].trim_end().ends_with("super::")) {
        for mut reference in tree(shipped, at + "super".len(), Vec::new()) {
            let more = reference.path.iter().take_while(|name| *name == "super").count();
            let depth = module.len().saturating_sub(more + 1);
            reference.path.splice(..more, module[..depth].iter().cloned());
            found.push(reference);
        }
    }
    found.sort_by_key(|reference| reference.line);
    found
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn is_path(code: &str, at: usize) -> bool {
    code[at..].trim_start().starts_with("::")
}

/// Where a word stands, and not as part of a longer one.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !code[..at].ends_with(is_name) && !code[at + word.len()..].starts_with(is_name)
    })
}

/// The paths of the tree `::a::{b, c::d}` that begins at `at`, if one does, after a prefix.
fn tree(code: &str, at: usize, prefix: Vec<String>) -> Vec<Reference> {
    let end = |path: Vec<String>| match path.is_empty() {
        true => Vec::new(),
        false => vec![Reference { path, line: line_of(code, at) }],
    };
    if !is_path(code, at) {
        return end(prefix);
    }
    let at = skip_space(code, skip_space(code, at) + "::".len());
    if !code[at..].starts_with('{') {
        let (mut path, after) = (prefix, name_end(code, at));
        if after == at {
            return end(path);
        }
        path.push(code[at..after].into());
        return tree(code, after, path);
    }
    let mut found = Vec::new();
    let mut depth = 0;
    for (i, c) in code[at..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(c, '{' | ',') {
            let start = skip_space(code, at + i + 1);
            let after = name_end(code, start);
            if after > start {
                let path = prefix.iter().cloned().chain([code[start..after].into()]).collect();
                found.extend(tree(code, after, path));
            }
        }
    }
    found
}

fn skip_space(code: &str, at: usize) -> usize {
    code.len() - code[at..].trim_start().len()
}

fn name_end(code: &str, at: usize) -> usize {
    code[at..].find(|c| !is_name(c)).map_or(code.len(), |length| at + length)
}

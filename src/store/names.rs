//! Names in SQL and in messages.

/// A name in double quotes, as SQL reads it whatever its characters.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name in double quotes where SQL, or Segue, would not read it as one name without.
pub fn quote_if_needed(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { quote(name) }
}

/// A text in single quotes, as SQL reads it.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Up to three of `names` that `name` may be a misspelling of, nearest first.
pub fn similar<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(2);
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|other| {
            let lower = other.to_lowercase();
            let distance = crate::suggest::edit_distance(&name, &lower);
            let contained =
                name.len() > 2 && lower.contains(&name) || lower.len() > 2 && name.contains(&lower);
            (distance <= allowed && distance < name.chars().count() || contained)
                .then_some((distance, other))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, other)| other).collect()
}

/// Names in quotes for a message: `'a'`, `'a' or 'b'`, `'a', 'b' or 'c'`.
pub fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_and_missing_letters_are_near() {
        assert_eq!(similar("hram", ["sasrec", "harm"]), ["harm"]);
        assert_eq!(similar("PLAYZ", ["plays", "users"]), ["plays"]);
        assert_eq!(similar("test", ["test_plays"]), ["test_plays"]);
        assert!(similar("harm", ["popularity"]).is_empty());
        assert!(similar("a", ["b"]).is_empty());
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(alternatives(&["a", "b", "c"]), "'a', 'b' or 'c'");
    }
}

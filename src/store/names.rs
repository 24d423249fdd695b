//! Names in SQL and in messages.

/// A name in double quotes, as SQL reads it whatever its characters.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
            let distance = edit_distance(&name, &lower);
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

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut cost =
                (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(a[i] != b[j]));
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                cost = cost.min(before_last[j - 1] + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_and_missing_letters_are_near() {
        assert_eq!(edit_distance("hram", "harm"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
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

//! "Did you mean …?": the nearest of the names that are allowed.

/// The candidate that is the fewest edits away from `given` (case is ignored), if it is near
/// enough to be a slip of the finger: at most a third of its letters, and at least one.
pub fn closest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let nearest = candidates
        .into_iter()
        .map(|name| (edit_distance(&given, &name.to_lowercase()), name))
        .min()?;
    (nearest.0 <= (nearest.1.chars().count() / 3).max(1)).then_some(nearest.1)
}

/// Levenshtein distance in characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_corrected_and_other_words_are_not() {
        let names = ["tables", "timer", "mode", "maxrows"];
        assert_eq!(closest("tabels", names), Some("tables"));
        assert_eq!(closest("MAXROW", names), Some("maxrows"));
        assert_eq!(closest("quux", names), None);
        assert_eq!(closest("x", []), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("é", "e"), 1);
    }
}

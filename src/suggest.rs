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

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
pub fn edit_distance(a: &str, b: &str) -> usize {
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
    fn swapped_letters_are_one_edit() {
        assert_eq!(edit_distance("hram", "harm"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }

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

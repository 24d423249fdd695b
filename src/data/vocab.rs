//! External ids ↔ dense indices.

use std::borrow::Cow;
use std::collections::HashMap;

/// The distinct ids of users or songs, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// Ids of SQL's integer types up to 64 bits.
    Integers(Vec<i64>),
    /// Ids of every other type, as DuckDB casts them to VARCHAR.
    Texts(Vec<String>),
}

impl Keys {
    /// How many ids there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(keys) => keys.len(),
            Self::Texts(keys) => keys.len(),
        }
    }

    /// Whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A bijection between external ids and `0..len`, saved with the model.
///
/// Indices follow the ascending order of the ids, so that the same data gives the same indices
/// whatever the order of its rows.
#[derive(Debug, Clone)]
pub struct Vocab {
    sql_type: String,
    keys: Keys,
    // Empty for integers: a binary search needs no second copy of the ids.
    index: HashMap<String, u32>,
}

impl Vocab {
    /// Builds a vocabulary from ids in ascending order without repeats; `sql_type` is the type
    /// that ids have in SQL (`BIGINT`, `VARCHAR`, `UUID`, …).
    pub fn new(sql_type: impl Into<String>, keys: Keys) -> Self {
        let index = match &keys {
            Keys::Integers(keys) => {
                debug_assert!(keys.is_sorted());
                HashMap::new()
            }
            Keys::Texts(keys) => {
                debug_assert!(keys.is_sorted());
                keys.iter().enumerate().map(|(i, key)| (key.clone(), i as u32)).collect()
            }
        };
        Self { sql_type: sql_type.into(), keys, index }
    }

    /// The SQL type of the ids.
    pub fn sql_type(&self) -> &str {
        &self.sql_type
    }

    /// The ids, ascending.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> u64 {
        match &self.keys {
            Keys::Integers(keys) => keys.len() as u64 * 8,
            // Twice, for the index; a hash table keeps a part of its places free.
            Keys::Texts(keys) => keys.iter().map(|key| 2 * (24 + key.len() as u64) + 16).sum(),
        }
    }

    /// The id at `index` as text, as DuckDB would cast it to VARCHAR.
    pub fn text(&self, index: u32) -> Cow<'_, str> {
        match &self.keys {
            Keys::Integers(keys) => Cow::Owned(keys[index as usize].to_string()),
            Keys::Texts(keys) => Cow::Borrowed(&keys[index as usize]),
        }
    }

    /// The index of an id given as text, or `None` if it is unknown. Numbers are the same with and
    /// without a fraction of zeros: `7`, `7.0` and `7.00` are one id.
    pub fn find(&self, text: &str) -> Option<u32> {
        match &self.keys {
            Keys::Integers(_) => {
                let whole = match text.split_once('.') {
                    Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
                    _ => text,
                };
                self.find_integer(whole.parse().ok()?)
            }
            Keys::Texts(_) => self.index.get(text).copied().or_else(|| {
                // As DuckDB prints the whole numbers of a DOUBLE.
                let float = matches!(self.sql_type.as_str(), "DOUBLE" | "FLOAT");
                float.then(|| self.index.get(&format!("{text}.0")).copied()).flatten()
            }),
        }
    }

    /// For each of its ids the index of the same id in another vocabulary, if it is there.
    pub fn indices_in(&self, other: &Self) -> Vec<Option<u32>> {
        match &self.keys {
            Keys::Integers(ids) => ids.iter().map(|&id| other.find_integer(id)).collect(),
            Keys::Texts(ids) => ids.iter().map(|id| other.find(id)).collect(),
        }
    }

    /// The index of an id given as an integer, or `None` if it is unknown.
    pub fn find_integer(&self, id: i64) -> Option<u32> {
        match &self.keys {
            Keys::Integers(keys) => keys.binary_search(&id).ok().map(|i| i as u32),
            Keys::Texts(_) => self.index.get(id.to_string().as_str()).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_found_by_their_text() {
        let vocab = Vocab::new("BIGINT", Keys::Integers(vec![-3, 7, 40]));
        assert_eq!(vocab.find("7"), Some(1));
        assert_eq!(vocab.find("8"), None);
        assert_eq!(vocab.find("seven"), None);
        assert_eq!((vocab.find("7.00"), vocab.find("7.5")), (Some(1), None));
        let doubles = Vocab::new("DOUBLE", Keys::Texts(vec!["7.0".into(), "8.5".into()]));
        assert_eq!(
            (doubles.find("7"), doubles.find("8.5"), doubles.find("8")),
            (Some(0), Some(1), None)
        );
        assert_eq!(vocab.text(0), "-3");
    }

    #[test]
    fn texts_keep_leading_zeros_apart() {
        let vocab = Vocab::new("VARCHAR", Keys::Texts(vec!["07".into(), "7".into()]));
        assert_eq!(vocab.find("7"), Some(1));
        assert_eq!(vocab.find("07"), Some(0));
    }
}

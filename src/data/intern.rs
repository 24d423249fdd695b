//! Ids numbered as they are met, then in ascending order.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Keys, Vocab};

/// One id or value on its way into an [`Interner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id<'a> {
    /// Of an integer type up to 64 bits.
    Integer(i64),
    /// Of any other type, as DuckDB casts it to VARCHAR.
    Text(&'a str),
}

/// Gives each distinct id a code, in order of first occurrence.
#[derive(Debug)]
pub enum Interner {
    /// Codes of integers.
    Integers(HashMap<i64, u32, BuildHasherDefault<IdHasher>>),
    /// Codes of texts.
    Texts(HashMap<Box<str>, u32, BuildHasherDefault<IdHasher>>),
}

impl Interner {
    /// Holds no id yet; says whether they will be integers.
    pub fn new(integers: bool) -> Self {
        if integers { Self::Integers(HashMap::default()) } else { Self::Texts(HashMap::default()) }
    }

    /// How many distinct ids were met.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(codes) => codes.len(),
            Self::Texts(codes) => codes.len(),
        }
    }

    /// Whether no id was met.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The code of an id. Integers among texts, or texts among integers, make all of them texts.
    pub fn code(&mut self, id: Id<'_>) -> u32 {
        let next = self.len() as u32;
        match (&mut *self, id) {
            (Self::Integers(codes), Id::Integer(id)) => *codes.entry(id).or_insert(next),
            (Self::Texts(codes), Id::Text(id)) => {
                // Looks first: most ids are known, and only a new one needs its own copy.
                if let Some(&code) = codes.get(id) {
                    return code;
                }
                codes.insert(id.into(), next);
                next
            }
            (Self::Texts(_), Id::Integer(id)) => self.code(Id::Text(&id.to_string())),
            (Self::Integers(codes), Id::Text(_)) => {
                let texts = codes.drain().map(|(id, code)| (id.to_string().into(), code));
                *self = Self::Texts(texts.collect());
                self.code(id)
            }
        }
    }

    /// The vocabulary of all ids met, and for each code its index there.
    pub fn finish(self, sql_type: &str) -> (Vocab, Vec<u32>) {
        let (keys, codes) = match self {
            Self::Integers(codes) => {
                let (keys, codes) = ascending(codes);
                (Keys::Integers(keys), codes)
            }
            Self::Texts(codes) => {
                let (keys, codes) = ascending(codes);
                (Keys::Texts(keys.into_iter().map(String::from).collect()), codes)
            }
        };
        let mut ranks = vec![0; codes.len()];
        for (rank, code) in codes.into_iter().enumerate() {
            ranks[code as usize] = rank as u32;
        }
        (Vocab::new(sql_type, keys), ranks)
    }
}

/// Keys in ascending order, and the code of each.
fn ascending<K: Ord, S>(codes: HashMap<K, u32, S>) -> (Vec<K>, Vec<u32>) {
    let mut pairs: Vec<(K, u32)> = codes.into_iter().collect();
    pairs.sort_unstable();
    pairs.into_iter().unzip()
}

/// A hash for ids: the standard one, safe against chosen keys, takes most of the reading time.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl IdHasher {
    fn mix(&mut self, value: u64) {
        // Folded multiplication: each input bit reaches both ends of the 128-bit product.
        let product =
            u128::from(self.0 ^ value ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    // Ends a text; one text is one key here, so the end carries nothing.
    fn write_u8(&mut self, _value: u8) {}

    fn write_i64(&mut self, value: i64) {
        self.mix(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_occurrence_and_ranks_follow_ids() {
        let mut ids = Interner::new(true);
        let codes: Vec<u32> = [30, -1, 30, 7].iter().map(|&id| ids.code(Id::Integer(id))).collect();
        assert_eq!(codes, [0, 1, 0, 2]);
        let (vocab, ranks) = ids.finish("BIGINT");
        assert_eq!(vocab.keys(), &Keys::Integers(vec![-1, 7, 30]));
        assert_eq!(ranks, [2, 0, 1]);
    }

    #[test]
    fn a_text_among_integers_makes_texts_of_all() {
        let mut ids = Interner::new(true);
        assert_eq!(ids.code(Id::Integer(5)), 0);
        assert_eq!(ids.code(Id::Text("a")), 1);
        assert_eq!(ids.code(Id::Integer(5)), 0);
        let (vocab, _) = ids.finish("VARCHAR");
        assert_eq!(vocab.keys(), &Keys::Texts(vec!["5".into(), "a".into()]));
    }

    #[test]
    fn neighbouring_integers_hash_apart_in_high_and_low_bits() {
        let hash = |id: i64| {
            let mut hasher = IdHasher::default();
            hasher.write_i64(id);
            hasher.finish()
        };
        let low: std::collections::HashSet<u64> = (0..128).map(|id| hash(id) & 0xffff).collect();
        let high: std::collections::HashSet<u64> = (0..128).map(|id| hash(id) >> 57).collect();
        assert!(low.len() > 120, "{}", low.len());
        assert!(high.len() > 50, "{}", high.len());
    }
}

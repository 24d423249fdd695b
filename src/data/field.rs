//! Attributes of songs and users as integer codes.

use super::NumberKind;

/// The code of a missing value: its own category in every field.
pub const MISSING: u32 = 0;

/// What the codes of a field stand for. Code 0 is [`MISSING`]; code `i + 1` is value `i`.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoding {
    /// Distinct values, ascending.
    Categories(Vec<String>),
    /// Numeric values cut at these ascending upper bounds; the last bucket is open. With `b`
    /// bounds there are `b + 1` buckets, and bucket `i` holds values `<= bounds[i]`.
    Buckets {
        /// The upper bounds.
        bounds: Vec<f64>,
        /// What the numbers are.
        kind: NumberKind,
    },
}

/// The codes of one field, for every song or user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// One code each.
    One(Vec<u32>),
    /// Any number of codes each (a LIST column): entity `i` has
    /// `values[offsets[i]..offsets[i + 1]]`, never empty (a missing list is `[MISSING]`).
    Many {
        /// Where each entity's codes start; one more than there are entities.
        offsets: Vec<u32>,
        /// All codes.
        values: Vec<u32>,
    },
}

/// One column of `songs` or `users`, coded.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// What the codes stand for.
    pub encoding: Encoding,
    /// The codes.
    pub codes: Codes,
}

impl Field {
    /// The number of distinct codes, [`MISSING`] included.
    pub fn cardinality(&self) -> usize {
        1 + match &self.encoding {
            Encoding::Categories(values) => values.len(),
            Encoding::Buckets { bounds, .. } => bounds.len() + 1,
        }
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> u64 {
        let codes = match &self.codes {
            Codes::One(codes) => codes.len(),
            Codes::Many { offsets, values } => offsets.len() + values.len(),
        };
        let labels = match &self.encoding {
            Encoding::Categories(values) => values.iter().map(|value| 24 + value.len()).sum(),
            Encoding::Buckets { bounds, .. } => bounds.len() * 8,
        };
        (codes * 4 + labels) as u64
    }

    /// How many songs or users have codes.
    pub fn len(&self) -> usize {
        match &self.codes {
            Codes::One(codes) => codes.len(),
            Codes::Many { offsets, .. } => offsets.len() - 1,
        }
    }

    /// Whether no song or user has codes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether entities can have several values.
    pub fn is_multi_valued(&self) -> bool {
        matches!(self.codes, Codes::Many { .. })
    }

    /// The codes of the entity at `index`; never empty.
    pub fn codes_of(&self, index: u32) -> &[u32] {
        let i = index as usize;
        match &self.codes {
            Codes::One(codes) => &codes[i..=i],
            Codes::Many { offsets, values } => {
                &values[offsets[i] as usize..offsets[i + 1] as usize]
            }
        }
    }

    /// The field of other entities: `index` gives for each which one here it is, if it is.
    #[must_use]
    pub fn reindexed(&self, index: &[Option<u32>]) -> Self {
        let of = |at: &Option<u32>| at.map_or(&[MISSING][..], |at| self.codes_of(at));
        let codes = match &self.codes {
            Codes::One(_) => Codes::One(index.iter().map(|at| of(at)[0]).collect()),
            Codes::Many { .. } => {
                let (mut offsets, mut values) = (vec![0], Vec::new());
                for at in index {
                    values.extend_from_slice(of(at));
                    offsets.push(values.len() as u32);
                }
                Codes::Many { offsets, values }
            }
        };
        Self { name: self.name.clone(), encoding: self.encoding.clone(), codes }
    }
}

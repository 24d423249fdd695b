//! Embeddings of songs and users from the tables of their fields.

use candle_core::{Device, Tensor};

use crate::data::{Dataset, Field};
use crate::error::Result;
use crate::nn;
use crate::train::{Parameters, StepVariables};

/// Which rows of one table a batch needs, and how entities are made of them.
///
/// Row 0 of an id table stands for unknown entities, id `i` has row `i + 1`; row 0 of every other
/// table is the missing value.
pub struct Lookup {
    /// Distinct rows.
    pub rows: Vec<u32>,
    local: Local,
}

/// Positions in a lookup's rows.
enum Local {
    /// One per entity.
    One(Vec<u32>),
    /// Several, whose mean an entity is.
    Many(nn::Groups),
}

impl Lookup {
    /// Looks up ids; `None` is the unknown entity.
    pub fn ids(ids: impl ExactSizeIterator<Item = Option<u32>>) -> Self {
        Self::new(ids.map(|id| id.map_or(0, |id| id + 1)).collect(), None)
    }

    /// Looks up rows of a table without an unknown entity.
    pub fn rows(rows: &[u32]) -> Self {
        Self::new(rows.to_vec(), None)
    }

    /// Looks up a field's values; `None` has the missing value.
    pub fn field(field: &Field, entities: impl ExactSizeIterator<Item = Option<u32>>) -> Self {
        let missing = [crate::data::MISSING];
        let (mut codes, mut offsets) = (Vec::with_capacity(entities.len()), vec![0]);
        for entity in entities {
            codes.extend_from_slice(entity.map_or(&missing, |entity| field.codes_of(entity)));
            offsets.push(codes.len());
        }
        Self::new(codes, field.is_multi_valued().then_some(offsets))
    }

    fn new(codes: Vec<u32>, offsets: Option<Vec<usize>>) -> Self {
        let mut rows = codes.clone();
        rows.sort_unstable();
        rows.dedup();
        // Every code is in `rows`, so the search always finds it.
        let local = codes
            .iter()
            .map(|code| rows.binary_search(code).unwrap_or_else(|at| at) as u32)
            .collect();
        let local = match offsets {
            Some(offsets) => Local::Many(nn::Groups { offsets, rows: local }),
            None => Local::One(local),
        };
        Self { rows, local }
    }

    /// The entities' embeddings `(entities, D)` from those of `rows`, `(rows.len(), D)`:
    /// multi-valued fields are the mean of their values.
    ///
    /// # Errors
    /// `rows` has another length.
    pub fn embed(&self, rows: &Tensor) -> Result<Tensor> {
        match &self.local {
            Local::Many(groups) => nn::mean_rows(rows, groups),
            Local::One(at) if at.iter().copied().eq(0..self.rows.len() as u32) => Ok(rows.clone()),
            Local::One(at) => {
                Ok(rows.index_select(&Tensor::from_slice(at, at.len(), rows.device())?, 0)?)
            }
        }
    }
}

/// The lookups of all song fields, the id first.
pub fn song_lookups(dataset: &Dataset, songs: &[u32], unknown: &[bool]) -> Vec<Lookup> {
    let ids = songs
        .iter()
        .enumerate()
        .map(|(i, &song)| (!unknown.get(i).copied().unwrap_or(false)).then_some(song));
    std::iter::once(Lookup::ids(ids))
        .chain(dataset.song_fields.iter().map(|f| Lookup::field(f, songs.iter().map(|&s| Some(s)))))
        .collect()
}

/// The lookups of all user attributes, the id first. `attributes_of` tells whose attributes an
/// unknown id comes with; `None` has none.
pub fn user_lookups(
    dataset: &Dataset,
    ids: &[Option<u32>],
    attributes_of: &[Option<u32>],
) -> Vec<Lookup> {
    std::iter::once(Lookup::ids(ids.iter().copied()))
        .chain(dataset.user_fields.iter().map(|f| Lookup::field(f, attributes_of.iter().copied())))
        .collect()
}

/// Embeds entities through tables `<prefix>.0`, `<prefix>.1`, …, as variables of the step.
///
/// # Errors
/// A table is missing.
pub fn embed(
    parameters: &mut Parameters,
    prefix: &str,
    lookups: &[Lookup],
    step: &mut StepVariables,
    device: &Device,
) -> Result<Vec<Tensor>> {
    lookups
        .iter()
        .enumerate()
        .map(|(j, lookup)| {
            let rows = parameters.rows(&format!("{prefix}.{j}"), &lookup.rows, step, device)?;
            lookup.embed(&rows)
        })
        .collect()
}

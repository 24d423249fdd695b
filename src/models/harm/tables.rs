//! Embeddings of songs and users from the tables of their fields.

use candle_core::{Device, Tensor};

use crate::data::{Dataset, Field};
use crate::error::Result;
use crate::train::{Parameters, StepVariables};

/// Which rows of one table a batch needs, and how entities are made of them.
///
/// Row 0 of an id table stands for unknown entities, id `i` has row `i + 1`; row 0 of every other
/// table is the missing value.
pub struct Lookup {
    /// Distinct rows.
    pub rows: Vec<u32>,
    /// Positions in `rows`: one per entity, or one per value of a multi-valued field.
    local: Vec<u32>,
    /// For a multi-valued field: the entity of each value, and one over how many values it has.
    segments: Option<(Vec<u32>, Vec<f64>)>,
    entities: usize,
}

impl Lookup {
    /// Looks up ids; `None` is the unknown entity.
    pub fn ids(ids: impl ExactSizeIterator<Item = Option<u32>>) -> Self {
        let entities = ids.len();
        Self::new(ids.map(|id| id.map_or(0, |id| id + 1)).collect(), None, entities)
    }

    /// Looks up a field's values; `None` has the missing value.
    pub fn field(field: &Field, entities: impl ExactSizeIterator<Item = Option<u32>>) -> Self {
        let count = entities.len();
        let missing = [crate::data::MISSING];
        let mut codes = Vec::with_capacity(count);
        let mut segments = Vec::new();
        let mut shares = Vec::new();
        for (at, entity) in entities.enumerate() {
            let values = entity.map_or(&missing[..], |entity| field.codes_of(entity));
            codes.extend_from_slice(values);
            if field.is_multi_valued() {
                segments.extend(std::iter::repeat_n(at as u32, values.len()));
                shares.extend(std::iter::repeat_n(1.0 / values.len() as f64, values.len()));
            }
        }
        Self::new(codes, field.is_multi_valued().then_some((segments, shares)), count)
    }

    fn new(codes: Vec<u32>, segments: Option<(Vec<u32>, Vec<f64>)>, entities: usize) -> Self {
        let mut rows = codes.clone();
        rows.sort_unstable();
        rows.dedup();
        // Every code is in `rows`, so the search always finds it.
        let local = codes
            .iter()
            .map(|code| rows.binary_search(code).unwrap_or_else(|at| at) as u32)
            .collect();
        Self { rows, local, segments, entities }
    }

    /// The entities' embeddings `(entities, D)` from those of `rows`, `(rows.len(), D)`:
    /// multi-valued fields are the mean of their values.
    ///
    /// # Errors
    /// `rows` has another length.
    pub fn embed(&self, rows: &Tensor) -> Result<Tensor> {
        let device = rows.device();
        let identity = self.segments.is_none()
            && self.local.len() == self.rows.len()
            && self.local.iter().enumerate().all(|(i, &at)| at as usize == i);
        if identity {
            return Ok(rows.clone());
        }
        let local = Tensor::from_slice(&self.local, self.local.len(), device)?;
        let values = rows.index_select(&local, 0)?;
        let Some((segments, shares)) = &self.segments else { return Ok(values) };
        let shares =
            Tensor::from_slice(shares, (shares.len(), 1), device)?.to_dtype(rows.dtype())?;
        let segments = Tensor::from_slice(segments, segments.len(), device)?;
        let zeros = Tensor::zeros((self.entities, rows.dims2()?.1), rows.dtype(), device)?;
        Ok(zeros.index_add(&segments, &values.broadcast_mul(&shares)?, 0)?)
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

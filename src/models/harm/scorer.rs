//! A trained HARM: scores of the whole catalogue through the vocabularies of its fields.
//!
//! Attention logits `q·e_ij` and scores `u·e_ij` depend on a song only through its field values.
//! So `q·E_jᵀ` and `u·E_jᵀ` are computed once per field vocabulary, as matrix products over all
//! contexts, and the mean over several values once for all songs that have these; per song there remain
//! a softmax over F numbers, shared by all contexts of a user, and F multiply-adds. The result equals
//! encoding every song for every user.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::audio::TABLE;
use super::columns::{Column, columns};
use super::config::{Attention, Config};
use super::network::{self, Dense};
use super::tables::{Lookup, song_lookups, user_lookups};
use crate::data::{Dataset, PopularitySampler};
use crate::error::{Error, Result};
use crate::nn::{self, Dropout, Places};
use crate::train::{Context, Model, Weights};

/// Matrix products are taken over so many rows at a time, the last block filled up. How a product
/// is summed depends on its size, so this makes a context score bit for bit the same alone and
/// among others.
const BLOCK: usize = 16;

/// HARM with its weights, ready to answer.
pub struct Harm {
    dataset: Arc<Dataset>,
    config: Config,
    weights: Weights,
    dense: Dense,
    song_tables: Vec<Tensor>,
    user_tables: Vec<Tensor>,
    columns: Vec<Column>,
    /// Added to every score: log p_noise with `correction := 'logq'`.
    prior: Option<Vec<f32>>,
    device: Device,
}

impl Harm {
    /// Puts weights to work.
    ///
    /// # Errors
    /// A tensor is missing, or does not fit the data set.
    pub fn new(
        dataset: Arc<Dataset>,
        config: Config,
        weights: Weights,
        device: &Device,
    ) -> Result<Self> {
        let get = |name: &str| -> Result<Tensor> {
            let tensor = weights.get(name).ok_or_else(|| {
                Error::model(format!(
                    "the stored HARM model has no tensor '{name}'; train it again"
                ))
            })?;
            Ok(tensor.to_dtype(DType::F32)?.to_device(device)?)
        };
        let dense = Dense::new(config.residual, |name| weights.contains_key(name), get)?;
        let tables = |prefix: &str, count: usize| -> Result<Vec<Tensor>> {
            (0..count).map(|j| get(&format!("{prefix}.{j}"))).collect()
        };
        let mut song_tables = tables("field", 1 + dataset.song_fields.len())?;
        let mut columns = columns(&dataset);
        if weights.contains_key(TABLE) {
            song_tables.push(get(TABLE)?);
            columns.push(Column::each(dataset.songs.len() as u32));
        }
        let user_tables = match config.attention {
            Attention::User => tables("user", 1 + dataset.user_fields.len())?,
            _ => Vec::new(),
        };
        let prior = config.noise_prior.then(|| {
            let noise = PopularitySampler::new(&dataset.play_counts, config.objective.alpha);
            (0..dataset.songs.len() as u32).map(|song| noise.log_probability(song)).collect()
        });
        let device = device.clone();
        Ok(Self {
            dataset,
            config,
            weights,
            dense,
            song_tables,
            user_tables,
            columns,
            prior,
            device,
        })
    }

    fn embed(&self, tables: &[Tensor], lookups: &[Lookup]) -> Result<Vec<Tensor>> {
        tables
            .iter()
            .zip(lookups)
            .map(|(table, lookup)| {
                let rows = Tensor::from_slice(&lookup.rows, lookup.rows.len(), &self.device)?;
                lookup.embed(&table.index_select(&rows, 0)?)
            })
            .collect()
    }

    /// The queries `(G, D)` of users; `None` is the unknown user.
    fn queries(&self, users: &[Option<u32>]) -> Result<Tensor> {
        let attributes = match self.config.attention {
            Attention::User => {
                // An id without plays was never trained: the attributes speak for such a user.
                let plays = &self.dataset.plays;
                let trained = |user: &u32| !plays.sessions_of(*user).is_empty();
                let ids: Vec<Option<u32>> = users.iter().map(|user| user.filter(trained)).collect();
                self.embed(&self.user_tables, &user_lookups(&self.dataset, &ids, users))?
            }
            _ => Vec::new(),
        };
        network::queries(&self.dense, users.len(), &attributes)
    }

    /// Songs whose id was never trained look like the unknown song; their fields speak for them.
    /// `(F, S, D)`.
    fn song_fields(&self, songs: &[u32]) -> Result<Tensor> {
        let unknown: Vec<bool> =
            songs.iter().map(|&song| self.dataset.play_counts[song as usize] == 0).collect();
        let mut lookups = song_lookups(&self.dataset, songs, &unknown);
        // What each sounds like, where that is known.
        lookups.push(Lookup::rows(songs));
        let fields = self.embed(&self.song_tables, &lookups)?;
        Ok(Tensor::stack(&fields, 0)?)
    }

    /// User codes `(B, D)` of eq. 5; `group_of` says which query each context has.
    fn codes(
        &self,
        contexts: &[Context<'_>],
        queries: &Tensor,
        group_of: &[u32],
    ) -> Result<Tensor> {
        let latest = |context: &Context<'_>| -> usize {
            context.songs.len().saturating_sub(self.config.max_length)
        };
        // Always the whole length: a shorter one would sum in another order, and a context's
        // scores would depend on the contexts beside it.
        let length = self.config.max_length;
        let mut songs: Vec<u32> =
            contexts.iter().flat_map(|c| &c.songs[latest(c)..]).copied().collect();
        songs.sort_unstable();
        songs.dedup();
        if songs.is_empty() {
            let shape = (contexts.len(), self.config.embedding_size);
            return Ok(Tensor::zeros(shape, DType::F32, &self.device)?);
        }
        let (mut places, mut starts) = (Places::default(), Vec::with_capacity(contexts.len()));
        for (context, &group) in contexts.iter().zip(group_of) {
            let recent = &context.songs[latest(context)..];
            starts.push(length - recent.len());
            places.pad(length - recent.len());
            for song in recent {
                places.push(group, songs.binary_search(song).unwrap_or_default() as u32);
            }
        }
        // Blocks of one size, the last one filled up with padding: a product over a long inner
        // dimension is cut into partial sums according to its size.
        let rows = contexts.len().next_multiple_of(BLOCK);
        starts.resize(rows, length);
        places.pad((rows - contexts.len()) * length);
        let fields = self.song_fields(&songs)?;
        let seen =
            network::represent(&self.dense, self.config.attention, queries, &fields, &places)?;
        let seen = seen.reshape((rows, length, self.config.embedding_size))?;
        let blocks = starts.chunks_exact(BLOCK).enumerate().map(|(at, starts)| {
            let block = seen.narrow(0, at * BLOCK, BLOCK)?;
            network::user_codes(&self.dense, &block, starts, &mut Dropout::off(), 0.0)
        });
        let codes = Tensor::cat(&blocks.collect::<Result<Vec<_>>>()?, 0)?;
        Ok(codes.narrow(0, 0, contexts.len())?)
    }

    /// `vectors · E_jᵀ` for every field: `F × (rows × |f_j|)`, on the host.
    fn products(&self, vectors: &Tensor) -> Result<Vec<Vec<f32>>> {
        self.song_tables.iter().map(|table| product(vectors, table)).collect()
    }

    /// Every song's field weights for each of the first `groups` queries: `(G, F, V)`, or `None` when all are 1/F.
    fn catalogue_weights(&self, queries: &Tensor, groups: usize) -> Result<Option<Vec<f32>>> {
        if self.config.attention == Attention::Mean {
            return Ok(None);
        }
        let (rows, size) = queries.dims2()?;
        let fields = self.columns.len();
        let scaled = (queries / (size as f64).sqrt())?;
        let logits = self.products(&scaled)?;
        let bias: Vec<f32> = match &self.dense.field_key {
            Some(key) => product(&scaled, key)?, // (G, F)
            None => vec![0.0; rows * fields],
        };
        let songs = self.dataset.songs.len();
        let mut weights = vec![0.0_f32; groups * fields * songs];
        weights.par_chunks_mut(fields * songs).enumerate().for_each(|(g, weights)| {
            let mut values = Vec::with_capacity(fields * songs);
            for ((column, table), logits) in self.columns.iter().zip(&self.song_tables).zip(&logits)
            {
                let rows = table.dims()[0];
                let sets = column.values(&logits[g * rows..(g + 1) * rows]);
                values.extend(column.sets.iter().map(|&set| sets[set as usize]));
            }
            let bias = &bias[g * fields..(g + 1) * fields];
            nn::softmax_rows(&values, bias, &mut vec![0.0; songs], weights);
        });
        Ok(Some(weights))
    }
}

/// `vectors · tableᵀ` on the host, row-major.
fn product(vectors: &Tensor, table: &Tensor) -> Result<Vec<f32>> {
    let mut values = vec![0.0; vectors.dims2()?.0 * table.dims2()?.0];
    nn::score_catalogue(vectors, &table.t()?, None, &mut values)?;
    Ok(values)
}

/// The rows, repeated to fill the last block.
fn padded<T: Copy>(rows: &[T]) -> Vec<T> {
    rows.iter().cycle().copied().take(rows.len().next_multiple_of(BLOCK)).collect()
}

/// Distinct users, and which of them each context has.
fn group(contexts: &[Context<'_>]) -> (Vec<Option<u32>>, Vec<u32>) {
    let mut users: Vec<Option<u32>> = contexts.iter().map(|context| context.user).collect();
    users.sort_unstable();
    users.dedup();
    let group_of = contexts
        .iter()
        .map(|context| users.binary_search(&context.user).unwrap_or_default() as u32)
        .collect();
    (users, group_of)
}

impl Model for Harm {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.dataset.songs.len();
        if contexts.is_empty() || songs == 0 {
            return Ok(());
        }
        let (users, group_of) = match self.config.attention {
            Attention::User => group(contexts),
            // One query for all.
            _ => (vec![None], vec![0; contexts.len()]),
        };
        let queries = padded(&users);
        let queries = queries.chunks(BLOCK).map(|users| self.queries(users));
        let queries = Tensor::cat(&queries.collect::<Result<Vec<_>>>()?, 0)?;
        let codes = self.codes(&padded(contexts), &queries, &padded(&group_of))?;
        let products = self.products(&codes)?;
        let weights = self.catalogue_weights(&queries, users.len())?;
        let fields = self.columns.len();
        let alike = 1.0 / fields as f32;
        out.par_chunks_mut(songs).enumerate().for_each(|(b, scores)| {
            scores.fill(0.0);
            let weights = weights.as_ref().map(|all| {
                let g = group_of[b] as usize;
                &all[g * fields * songs..(g + 1) * fields * songs]
            });
            for (j, column) in self.columns.iter().enumerate() {
                let rows = self.song_tables[j].dims()[0];
                let values = column.values(&products[j][b * rows..(b + 1) * rows]);
                let values = column.sets.iter().map(|&set| values[set as usize]);
                match weights.map(|weights| &weights[j * songs..(j + 1) * songs]) {
                    Some(weights) => (scores.iter_mut().zip(values).zip(weights))
                        .for_each(|((score, value), weight)| *score += weight * value),
                    None => {
                        scores.iter_mut().zip(values).for_each(|(score, x)| *score += x * alike)
                    }
                }
            }
            if let Some(prior) = &self.prior {
                scores.iter_mut().zip(prior).for_each(|(score, prior)| *score += prior);
            }
        });
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.weights.clone())
    }

    fn field_attention(&self, user: Option<u32>, songs: &[u32]) -> Result<Option<Vec<f32>>> {
        if songs.is_empty() {
            return Ok(None);
        }
        let queries = self.queries(&[user])?;
        let fields = self.song_fields(songs)?;
        let weights =
            network::field_weights(&self.dense, self.config.attention, &queries, &fields)?;
        Ok(Some(weights.squeeze(0)?.mean(1)?.to_vec1()?))
    }

    fn attention_fields(&self) -> Vec<String> {
        let fields = self.dataset.song_fields.iter().map(|field| field.name.clone());
        let audio = self.weights.contains_key(TABLE).then(|| "audio".to_owned());
        std::iter::once("id".to_owned()).chain(fields).chain(audio).collect()
    }
}

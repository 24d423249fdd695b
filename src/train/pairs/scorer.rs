//! A trained pair model, ready to answer.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::catalogue::{Catalogue, Tiles};
use super::listeners::{Listeners, check_shape};
use super::{Design, Side};
use crate::data::Dataset;
use crate::error::Result;
use crate::nn;
use crate::train::{Context, Model, Weights, weight};

/// A pair model with its weights.
pub struct Scorer {
    dataset: Arc<Dataset>,
    /// As stored, on the CPU.
    weights: Weights,
    listeners: Listeners,
    catalogue: Box<dyn Catalogue>,
    /// Whether songs without plays have scores of their own.
    knows_content: bool,
    device: Device,
}

impl Scorer {
    /// Puts weights to work.
    ///
    /// # Errors
    /// A tensor is missing, or does not fit the data set.
    pub fn new(
        dataset: Arc<Dataset>,
        design: Design,
        weights: Weights,
        device: &Device,
    ) -> Result<Self> {
        let Design { config, network } = design;
        let listeners = Listeners::new(&dataset, network.as_ref(), config.per, &weights)?;
        let (songs, knows_content) = (dataset.songs.len(), network.knows_content());
        let tables = network.tables();
        let mut ready = Weights::new();
        for initial in network.parameters() {
            let tensor = weight(&weights, &initial.name)?;
            ready.insert(initial.name, tensor.to_dtype(DType::F32)?.to_device(device)?);
        }
        if let Some(content) = weights.get(super::CONTENT) {
            ready.insert(super::CONTENT.into(), content.to_device(device)?);
        }
        for table in tables.iter().filter(|table| table.of == Side::Songs) {
            let tensor = weight(&weights, table.name)?;
            check_shape(table.name, &tensor, [songs + usize::from(knows_content), table.width])?;
            let mut tensor = tensor.to_dtype(DType::F32)?.to_device(device)?;
            if knows_content {
                // The last row speaks for songs without plays.
                let own = |(song, plays): (usize, &u32)| if *plays > 0 { song } else { songs };
                let rows = dataset.play_counts.iter().enumerate().map(own);
                let rows: Vec<u32> = rows.map(|row| row as u32).collect();
                tensor = tensor.index_select(&Tensor::from_vec(rows, songs, device)?, 0)?;
            }
            ready.insert(table.name.into(), tensor);
        }
        let catalogue = match network.catalogue(&ready)? {
            Some(catalogue) => catalogue,
            None => Box::new(Tiles::new(network, &ready, songs, device)?),
        };
        Ok(Self { dataset, weights, listeners, catalogue, knows_content, device: device.clone() })
    }
}

impl Scorer {
    /// Scores all songs of each context, or at least those asked for.
    fn score<'a>(
        &self,
        asked: impl IndexedParallelIterator<Item = (&'a Context<'a>, Option<&'a [u32]>)>,
        out: &mut [f32],
    ) -> Result<()> {
        let songs = self.dataset.songs.len();
        if songs == 0 {
            return Ok(());
        }
        let counts = &self.dataset.play_counts;
        out.par_chunks_mut(songs).zip(asked).try_for_each(|(out, (context, songs))| {
            let user = self.listeners.rows(&self.dataset, context, &self.device)?;
            match (user, songs) {
                // Songs without plays take the worst score of all others, asked for or not.
                (Some(user), Some(songs)) if self.knows_content => {
                    out.fill(f32::NEG_INFINITY);
                    self.catalogue.logits_of(&user, songs, out)?;
                }
                (Some(user), _) => self.catalogue.logits(&user, out)?,
                (None, _) => out.fill(0.0),
            }
            if !self.knows_content {
                nn::rank_unplayed_last(out, counts);
            }
            Ok(())
        })
    }
}

impl Model for Scorer {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let asked = contexts.par_iter().map(|context| (context, None));
        self.score(asked, out)
    }

    fn score_some(
        &self,
        contexts: &[Context<'_>],
        songs: &[Vec<u32>],
        out: &mut [f32],
    ) -> Result<()> {
        let asked = contexts.par_iter().zip(songs);
        self.score(asked.map(|(context, songs)| (context, Some(songs.as_slice()))), out)
    }

    fn chord_attention(&self, context: &Context<'_>, song: u32) -> Result<Option<Vec<f32>>> {
        match self.listeners.rows(&self.dataset, context, &self.device)? {
            Some(user) => self.catalogue.attention(&user, song),
            None => Ok(None),
        }
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.weights.clone())
    }
}

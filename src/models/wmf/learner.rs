//! Training WMF, a sweep an epoch.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::als::Fixed;
use super::config::{Config, Per};
use super::observed::Observed;
use super::scorer::Wmf;
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn;
use crate::train::{Memory, Model, Training, Weights};

/// The tables: vectors of users (or sessions) and of songs.
pub const TABLES: [&str; 2] = ["users", "songs"];

/// A training of WMF.
pub struct Learner {
    dataset: Arc<Dataset>,
    config: Config,
    device: Device,
    /// What users (or sessions) have observed, and what songs have.
    observed: [Observed; 2],
    /// Their vectors, `(rows, D)`.
    tables: [Vec<f32>; 2],
}

impl Learner {
    /// Prepares the training: initial vectors from the seed.
    ///
    /// # Errors
    /// There are no plays.
    pub fn new(dataset: Arc<Dataset>, config: Config, device: &Device) -> Result<Self> {
        let by_user = Observed::new(&dataset.plays, &config);
        if by_user.pairs() == 0 {
            return Err(Error::data("there are no plays, so there is nothing to learn from"));
        }
        let observed = [by_user.transposed(dataset.songs.len()), by_user];
        let [by_song, by_user] = observed;
        let observed = [by_user, by_song];
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let size = config.problem.size;
        let tables = observed.each_ref().map(|observed| {
            let mut table = nn::normals(&mut rng, observed.rows() * size, config.deviation);
            for (row, vector) in table.chunks_exact_mut(size).enumerate() {
                // As its first solution will be.
                if observed.row(row).columns.is_empty() {
                    vector.fill(0.0);
                }
            }
            table
        });
        Ok(Self { dataset, config, device: device.clone(), observed, tables })
    }

    /// The vectors by name, those of sessions among them if `all`.
    fn tensors(&self, all: bool) -> Result<Weights> {
        let size = self.config.problem.size;
        let mut tensors = Weights::new();
        for (name, table) in TABLES.iter().zip(&self.tables) {
            let tensor = Tensor::from_slice(table, (table.len() / size, size), &Device::Cpu)?;
            tensors.insert((*name).to_owned(), tensor);
        }
        if self.config.per == Per::Session && !all {
            // Nobody asks about a session that is over.
            tensors.remove(TABLES[0]);
        }
        Ok(tensors)
    }
}

impl Training for Learner {
    /// One sweep; the objective after it, per observed pair of user and song.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        let Config { problem, solver, .. } = self.config;
        let [by_user, by_song] = &self.observed;
        let [users, songs] = &mut self.tables;

        let gramian = problem.gramian(songs)?;
        let fixed = Fixed { problem, table: songs, met: by_song.active(), gramian: &gramian };
        fixed.solve(by_user, solver, users, control)?;
        let penalty = fixed.penalties(by_user, users);

        let gramian = problem.gramian(users)?;
        let fixed = Fixed { problem, table: users, met: by_user.active(), gramian: &gramian };
        let objective = penalty + fixed.solve(by_song, solver, songs, control)?;
        Ok(objective / by_user.pairs() as f64)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        let weights = self.tensors(false)?;
        Ok(Box::new(Wmf::new(self.dataset.clone(), self.config.clone(), weights, &self.device)?))
    }

    fn is_parallel(&self) -> bool {
        true
    }

    fn state(&self) -> Result<Weights> {
        self.tensors(true)
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        for (name, table) in TABLES.iter().zip(&mut self.tables) {
            let stored = state.get(*name).map(|t| t.flatten_all()?.to_vec1()).transpose()?;
            match stored {
                Some(values) if values.len() == table.len() => *table = values,
                _ => {
                    return Err(Error::model(format!(
                        "the stored training has no tensor '{name}' of {} numbers; train again with \
                         retrain := true",
                        table.len()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The tables are exact; beside them stand the observed pairs from both sides, and parts of the
/// Gramian.
pub fn memory(dataset: &Dataset, config: &Config) -> Memory {
    let (plays, songs) = (&dataset.plays, dataset.songs.len() as u64);
    let size = config.problem.size as u64;
    let sessions = plays.sessions() as u64;
    let (rows, stored) = match config.per {
        Per::User => (dataset.users.len() as u64, dataset.users.len() as u64),
        Per::Session => (sessions, 0),
    };
    let pairs = plays.songs.len() as u64 * 16 + (rows + songs) * 8;
    let gramians = size * size * 4 * 16;
    Memory {
        weights: (stored + songs) * size * 4,
        // What is not stored is learned and resumed all the same.
        optimizer: (rows - stored) * size * 4,
        step: pairs + gramians,
    }
}

//! Who speaks for a listener: their own embeddings, or those of whoever played the same songs.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};

use super::{Network, Side};
use crate::data::{Dataset, Incidence};
use crate::error::{Error, Result};
use crate::train::params::Per;
use crate::train::{Context, Weights, weight};

/// The embeddings of listeners.
pub struct Listeners {
    tables: Vec<Embeddings>,
    per: Per,
}

/// One of the users' tables, row-major.
struct Embeddings {
    name: String,
    width: usize,
    /// A row for each user; empty where sessions were learned, which are over.
    users: Vec<f32>,
    /// For each song, the mean row of those who played it; made when first asked for.
    means: OnceLock<Vec<f32>>,
}

/// The name of the means that are stored in a table's place where sessions were learned.
fn means_name(table: &str) -> String {
    format!("{table}.listeners")
}

/// For each song the mean row `(songs, width)` of those who played it; `table` is row-major.
fn means(played: &Incidence, songs: usize, table: &[f32], width: usize) -> Vec<f32> {
    let mut means = vec![0.0; songs * width];
    for (song, mean) in means.chunks_exact_mut(width).enumerate() {
        let listeners = played.sessions_of(song as u32);
        for &listener in listeners {
            let row = &table[listener as usize * width..(listener as usize + 1) * width];
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let count = listeners.len().max(1) as f32;
        mean.iter_mut().for_each(|sum| *sum /= count);
    }
    means
}

/// Puts the means of sessions in the place of their rows: nobody asks about a session that is over.
///
/// # Errors
/// A table is missing.
pub fn forget_sessions(
    weights: &mut Weights,
    network: &dyn Network,
    played: &Incidence,
    songs: usize,
) -> Result<()> {
    for table in network.tables().iter().filter(|table| table.of == Side::Users) {
        let rows = weight(weights, table.name)?.flatten_all()?.to_vec1()?;
        let means = means(played, songs, &rows, table.width);
        let means = Tensor::from_vec(means, (songs, table.width), &Device::Cpu)?;
        weights.remove(table.name);
        weights.insert(means_name(table.name), means);
    }
    Ok(())
}

impl Listeners {
    /// Reads the users' tables.
    ///
    /// # Errors
    /// A tensor is missing, or does not fit the data set.
    pub fn new(
        dataset: &Dataset,
        network: &dyn Network,
        per: Per,
        weights: &Weights,
    ) -> Result<Self> {
        let mut tables = Vec::new();
        for table in network.tables().into_iter().filter(|table| table.of == Side::Users) {
            let (name, rows) = match per {
                Per::User => (table.name.to_owned(), dataset.users.len()),
                Per::Session => (means_name(table.name), dataset.songs.len()),
            };
            let tensor = weight(weights, &name)?;
            check_shape(&name, &tensor, [rows, table.width])?;
            let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            let (users, means) = match per {
                Per::User => (values, OnceLock::new()),
                Per::Session => (Vec::new(), OnceLock::from(values)),
            };
            let name = table.name.to_owned();
            tables.push(Embeddings { name, width: table.width, users, means });
        }
        Ok(Self { tables, per })
    }

    /// A listener's rows of the users' tables, `(1, width)` each: their own, or for somebody unknown
    /// the mean over the songs played of the rows of those who played them. `None` if nothing is
    /// known of the listener.
    ///
    /// # Errors
    /// Out of memory.
    pub fn rows(
        &self,
        dataset: &Dataset,
        context: &Context<'_>,
        device: &Device,
    ) -> Result<Option<Weights>> {
        let trained = |user: &u32| !dataset.plays.sessions_of(*user).is_empty();
        let user = context.user.filter(trained).filter(|_| self.per == Per::User);
        let played = |song: &&u32| dataset.play_counts[**song as usize] > 0;
        let songs: Vec<u32> = context.songs.iter().filter(played).copied().collect();
        if user.is_none() && songs.is_empty() {
            return Ok(None);
        }
        let mut rows = Weights::new();
        for table in &self.tables {
            let width = table.width;
            let at = |row: u32| row as usize * width..(row as usize + 1) * width;
            let row = match user {
                Some(user) => table.users[at(user)].to_vec(),
                None => {
                    let means = table.means.get_or_init(|| {
                        let played = Incidence::by_user(&dataset.plays, dataset.songs.len());
                        means(&played, dataset.songs.len(), &table.users, width)
                    });
                    let mut row = vec![0.0; width];
                    for &song in &songs {
                        row.iter_mut().zip(&means[at(song)]).for_each(|(sum, x)| *sum += x);
                    }
                    row.iter_mut().for_each(|sum| *sum /= songs.len() as f32);
                    row
                }
            };
            rows.insert(table.name.clone(), Tensor::from_vec(row, (1, width), device)?);
        }
        Ok(Some(rows))
    }
}

/// Refuses a stored tensor that does not fit the data.
///
/// # Errors
/// It does not.
pub fn check_shape(name: &str, tensor: &Tensor, expected: [usize; 2]) -> Result<()> {
    if tensor.dims() == expected {
        return Ok(());
    }
    Err(Error::model(format!(
        "tensor '{name}' of the stored model has shape {:?}, expected {expected:?}; train it again",
        tensor.dims()
    )))
}

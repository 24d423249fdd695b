//! The scores of all songs for a user.

use std::sync::Arc;

use candle_core::Device;

use super::{CONTENT, Network, Pairs, Side};
use crate::error::Result;
use crate::nn::{Dropout, Meetings};
use crate::train::Weights;

/// A catalogue that is ready to be scored.
pub trait Catalogue: Send + Sync {
    /// The logits of all songs for one user into `out` (V); `user` holds the user's rows of the
    /// users' tables, `(1, width)` each.
    ///
    /// # Errors
    /// Out of memory.
    fn logits(&self, user: &Weights, out: &mut [f32]) -> Result<()>;

    /// At least the logits of these songs, each at its place in `out` (V).
    ///
    /// # Errors
    /// Out of memory.
    fn logits_of(&self, user: &Weights, _songs: &[u32], out: &mut [f32]) -> Result<()> {
        self.logits(user, out)
    }

    /// The weight that a user gives to each place of a song's chords, none of a song without; `None`
    /// of a network without such attention.
    ///
    /// # Errors
    /// Out of memory.
    fn attention(&self, _user: &Weights, _song: u32) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }
}

/// On the CPU a tile's activations stay in the processor's cache; a GPU wants more at a time.
fn tile_size(device: &Device) -> usize {
    if device.is_cpu() { 1_024 } else { 65_536 }
}

/// Songs pass through the network some at a time. What they bring along is computed once for all
/// users.
pub struct Tiles {
    network: Arc<dyn Network>,
    /// All but the songs' tables.
    weights: Weights,
    /// Songs, of pairs with the first and only user.
    tiles: Vec<Pairs>,
}

impl Tiles {
    /// Prepares a catalogue of `songs` songs; `weights` hold the whole tables of songs.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    pub fn new(
        network: Arc<dyn Network>,
        weights: &Weights,
        songs: usize,
        device: &Device,
    ) -> Result<Self> {
        let tables = network.tables();
        let of_songs = |name: &str| {
            name == CONTENT || tables.iter().any(|t| t.of == Side::Songs && t.name == name)
        };
        let mut tiles = Vec::new();
        for first in (0..songs).step_by(tile_size(device)) {
            let count = tile_size(device).min(songs - first);
            let mut part = weights.clone();
            for (name, tensor) in part.iter_mut().filter(|(name, _)| of_songs(name)) {
                *tensor = weights[name].narrow(0, first, count)?;
            }
            let ids: Vec<u32> = (first as u32..(first + count) as u32).collect();
            let songs = network.songs(&part, &ids)?;
            let at = Meetings { users: vec![0; count], songs: (0..count as u32).collect() };
            tiles.push(Pairs { users: Vec::new(), songs, at, ids });
        }
        let mut weights = weights.clone();
        weights.retain(|name, _| !of_songs(name));
        Ok(Self { network, weights, tiles })
    }
}

impl Catalogue for Tiles {
    fn logits(&self, user: &Weights, out: &mut [f32]) -> Result<()> {
        let mut weights = self.weights.clone();
        weights.extend(user.iter().map(|(name, row)| (name.clone(), row.clone())));
        let users = self.network.users(&weights)?;
        let mut first = 0;
        for tile in &self.tiles {
            let pairs = Pairs {
                users: users.clone(),
                songs: tile.songs.clone(),
                at: tile.at.clone(),
                ids: tile.ids.clone(),
            };
            let logits = self.network.logits(&weights, &pairs, &mut Dropout::off())?;
            let logits = logits.to_vec1::<f32>()?;
            out[first..first + logits.len()].copy_from_slice(&logits);
            first += logits.len();
        }
        Ok(())
    }
}

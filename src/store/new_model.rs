//! A model on its way into the store.

use super::archive::{ArchiveMeta, EpochRow};
use crate::data::Dataset;

/// A model to be stored.
#[derive(Debug, Clone, Default)]
pub struct NewModel {
    /// Its name.
    pub name: String,
    /// Its kind in the registry.
    pub kind: String,
    /// Whether its training ran to the end; otherwise it is interrupted.
    pub complete: bool,
    /// Its training options, as JSON.
    pub options_json: String,
    /// The seed of its training.
    pub seed: i64,
    /// The device of its training.
    pub device: String,
    /// The fingerprint of its data.
    pub fingerprint: String,
    /// How many plays it was trained on.
    pub plays: i64,
    /// How many users it knows.
    pub users: i64,
    /// How many songs it knows.
    pub songs: i64,
    /// How many rows of plays were left out.
    pub rejected: i64,
    /// The song fields and user attributes that it uses.
    pub fields: Vec<String>,
    /// Its training history.
    pub epochs: Vec<EpochRow>,
    /// The epoch whose weights are stored.
    pub best_epoch: Option<i64>,
    /// Its file.
    pub archive: Vec<u8>,
    /// The state from which an interrupted training goes on.
    pub resume: Option<Vec<u8>>,
    /// The interrupted version that its training went on from.
    pub resumed: Option<i64>,
}

impl NewModel {
    /// A model as its file describes it; `archive` is the file, `resume` the state from which an
    /// interrupted training goes on.
    pub fn new(
        meta: ArchiveMeta,
        dataset: &Dataset,
        archive: Vec<u8>,
        resume: Option<Vec<u8>>,
    ) -> Self {
        Self {
            name: meta.name,
            kind: meta.kind,
            complete: meta.complete,
            options_json: meta.options_json,
            seed: meta.seed,
            device: meta.device,
            fingerprint: meta.fingerprint,
            plays: dataset.plays.songs.len() as i64,
            users: dataset.users.len() as i64,
            songs: dataset.songs.len() as i64,
            rejected: dataset.rejected as i64,
            fields: dataset.song_fields.iter().map(|field| field.name.clone()).collect(),
            epochs: meta.epochs,
            best_epoch: meta.best_epoch,
            archive,
            resume,
            resumed: None,
        }
    }
}

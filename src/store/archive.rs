//! A whole model as one safetensors file: weights, vocabularies, fields and histories.
//!
//! Weights are tensors `weights.<name>`; the rest of the file is the dataset, so that a model
//! answers without the tables that it was trained on.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::archive_chords;
use super::tensors::{TensorReader, TensorWriter, broken};
use crate::data::{Codes, Dataset, Encoding, Field, Keys, NumberKind, Plays, Vocab};
use crate::error::Result;

/// What one epoch of a training gave.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochRow {
    /// From 1.
    pub epoch: i64,
    /// Mean loss per example.
    pub train_loss: f64,
    /// Validation metrics by name, in order.
    pub metrics: Vec<(String, f64)>,
    /// How long the epoch took.
    pub seconds: f64,
    /// Plays trained on, per second.
    pub plays_per_second: f64,
}

/// What a model is, besides its weights and data.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ArchiveMeta {
    /// Its name.
    pub name: String,
    /// Its kind in the registry.
    pub kind: String,
    /// Its training options, as JSON.
    pub options_json: String,
    /// The seed of its training.
    pub seed: i64,
    /// The device of its training.
    pub device: String,
    /// Whether its training ran to the end.
    pub complete: bool,
    /// Its training history.
    pub epochs: Vec<EpochRow>,
    /// The epoch whose weights these are.
    pub best_epoch: Option<i64>,
    /// The fingerprint of what it was trained and validated on.
    pub fingerprint: String,
}

/// A model as it comes out of the file.
#[derive(Debug)]
pub struct Archive {
    /// What it is.
    pub meta: ArchiveMeta,
    /// What it was trained on.
    pub dataset: Dataset,
    /// What it learned.
    pub weights: BTreeMap<String, Tensor>,
}

/// Everything that is no array.
#[derive(Serialize, Deserialize)]
struct Description {
    segue_version: String,
    name: String,
    kind: String,
    options: String,
    seed: i64,
    device: String,
    complete: bool,
    epochs: Vec<EpochText>,
    best_epoch: Option<i64>,
    user_type: String,
    song_type: String,
    user_fields: Vec<String>,
    song_fields: Vec<String>,
    has_sessions: bool,
    rejected: u64,
    notes: Vec<String>,
    /// Of the dataset alone.
    fingerprint: String,
    /// Of the dataset and the plays that early stopping watched.
    training_fingerprint: Option<String>,
}

/// An epoch with its numbers as texts: JSON has no NaN, and its numbers may lose a last bit.
#[derive(Serialize, Deserialize)]
struct EpochText {
    epoch: i64,
    train_loss: String,
    metrics: Vec<(String, String)>,
    seconds: String,
    plays_per_second: String,
}

/// Puts a model into one file.
///
/// # Errors
/// A weight has a type that is not stored.
pub fn pack(
    dataset: &Dataset,
    weights: &BTreeMap<String, Tensor>,
    meta: &ArchiveMeta,
) -> Result<Vec<u8>> {
    let mut file = TensorWriter::default();
    for (name, tensor) in weights {
        file.add_tensor(format!("weights.{name}"), tensor)?;
    }
    add_keys(&mut file, "users", dataset.users.keys());
    add_keys(&mut file, "songs", dataset.songs.keys());
    add_fields(&mut file, "user_fields", &dataset.user_fields);
    add_fields(&mut file, "song_fields", &dataset.song_fields);
    if let Some(chords) = &dataset.chords {
        archive_chords::add(&mut file, chords);
    }
    file.add("plays.songs", &dataset.plays.songs);
    file.add("plays.session_offsets", &dataset.plays.session_offsets);
    file.add("plays.user_sessions", &dataset.plays.user_sessions);
    file.add("plays.session_ranks", &dataset.plays.session_ranks);
    file.add("play_counts", &dataset.play_counts);
    let names = |fields: &[Field]| fields.iter().map(|field| field.name.clone()).collect();
    file.finish(&Description {
        segue_version: env!("CARGO_PKG_VERSION").to_owned(),
        name: meta.name.clone(),
        kind: meta.kind.clone(),
        options: meta.options_json.clone(),
        seed: meta.seed,
        device: meta.device.clone(),
        complete: meta.complete,
        epochs: meta.epochs.iter().map(EpochText::new).collect(),
        best_epoch: meta.best_epoch,
        user_type: dataset.users.sql_type().to_owned(),
        song_type: dataset.songs.sql_type().to_owned(),
        user_fields: names(&dataset.user_fields),
        song_fields: names(&dataset.song_fields),
        has_sessions: dataset.has_sessions,
        rejected: dataset.rejected,
        notes: dataset.notes.clone(),
        fingerprint: dataset.fingerprint.clone(),
        training_fingerprint: Some(meta.fingerprint.clone()),
    })
}

/// Takes a model out of its file; `name` is its name in messages.
///
/// # Errors
/// The file is damaged, contradicts itself, or was written by a newer Segue.
pub fn unpack(name: &str, bytes: &[u8]) -> Result<Archive> {
    let file: TensorReader<'_, Description> = TensorReader::open(name, bytes)?;
    let about = &file.description;
    let epochs: Option<Vec<EpochRow>> = about.epochs.iter().map(EpochText::row).collect();
    let songs = Vocab::new(&about.song_type, get_keys(&file, "songs")?);
    let dataset = Dataset {
        users: Vocab::new(&about.user_type, get_keys(&file, "users")?),
        user_fields: get_fields(&file, "user_fields", &about.user_fields)?,
        song_fields: get_fields(&file, "song_fields", &about.song_fields)?,
        chords: archive_chords::get(&file, songs.len())?.map(Arc::new),
        // A model keeps what it made of them.
        features: None,
        tiles: None,
        songs,
        plays: Plays {
            songs: file.get("plays.songs")?,
            session_offsets: file.get("plays.session_offsets")?,
            user_sessions: file.get("plays.user_sessions")?,
            session_ranks: file.get("plays.session_ranks")?,
        },
        play_counts: file.get("play_counts")?,
        has_sessions: about.has_sessions,
        rejected: about.rejected,
        notes: about.notes.clone(),
        fingerprint: about.fingerprint.clone(),
    };
    check(&dataset)?;
    let meta = ArchiveMeta {
        name: about.name.clone(),
        kind: about.kind.clone(),
        options_json: about.options.clone(),
        seed: about.seed,
        device: about.device.clone(),
        complete: about.complete,
        epochs: epochs.ok_or_else(|| broken("its history holds no numbers"))?,
        best_epoch: about.best_epoch,
        fingerprint: about.training_fingerprint.as_ref().unwrap_or(&about.fingerprint).clone(),
    };
    Ok(Archive { meta, dataset, weights: file.tensors("weights.")? })
}

/// Puts tensors alone into a file: the state of an interrupted training.
///
/// # Errors
/// A tensor has a type that is not stored.
pub fn pack_tensors(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let mut file = TensorWriter::default();
    for (name, tensor) in tensors {
        file.add_tensor(name, tensor)?;
    }
    file.finish(&())
}

/// Takes out what [`pack_tensors`] put in; `name` is the model's name in messages.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_tensors(name: &str, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    TensorReader::<()>::open(name, bytes)?.tensors("")
}

impl EpochText {
    fn new(row: &EpochRow) -> Self {
        Self {
            epoch: row.epoch,
            train_loss: row.train_loss.to_string(),
            metrics: row.metrics.iter().map(|(n, value)| (n.clone(), value.to_string())).collect(),
            seconds: row.seconds.to_string(),
            plays_per_second: row.plays_per_second.to_string(),
        }
    }

    fn row(&self) -> Option<EpochRow> {
        let metrics = self.metrics.iter().map(|(n, value)| Some((n.clone(), value.parse().ok()?)));
        Some(EpochRow {
            epoch: self.epoch,
            train_loss: self.train_loss.parse().ok()?,
            metrics: metrics.collect::<Option<_>>()?,
            seconds: self.seconds.parse().ok()?,
            plays_per_second: self.plays_per_second.parse().ok()?,
        })
    }
}

fn add_keys(file: &mut TensorWriter, name: &str, keys: &Keys) {
    match keys {
        Keys::Integers(keys) => file.add(name, keys),
        Keys::Texts(keys) => file.add_texts(name, keys),
    }
}

fn get_keys(file: &TensorReader<'_, Description>, name: &str) -> Result<Keys> {
    let keys = if file.has(name) {
        Keys::Integers(file.get(name)?)
    } else {
        Keys::Texts(file.get_texts(name)?)
    };
    let ascending = match &keys {
        Keys::Integers(keys) => keys.is_sorted_by(|a, b| a < b),
        Keys::Texts(keys) => keys.is_sorted_by(|a, b| a < b),
    };
    if ascending { Ok(keys) } else { Err(broken(format!("{name} are out of order"))) }
}

fn add_fields(file: &mut TensorWriter, group: &str, fields: &[Field]) {
    for (at, field) in fields.iter().enumerate() {
        let name = |part: &str| format!("{group}.{at}.{part}");
        match &field.encoding {
            Encoding::Categories(values) => file.add_texts(&name("categories"), values),
            Encoding::Buckets { bounds, kind } => {
                file.add(name("bounds"), bounds);
                match kind {
                    NumberKind::Plain => {}
                    NumberKind::Date => file.add(name("dates"), &[1_u8]),
                    NumberKind::Timestamp => file.add(name("timestamps"), &[1_u8]),
                }
            }
        }
        match &field.codes {
            Codes::One(codes) => file.add(name("codes"), codes),
            Codes::Many { offsets, values } => {
                file.add(name("list_offsets"), offsets);
                file.add(name("codes"), values);
            }
        }
    }
}

fn get_fields(
    file: &TensorReader<'_, Description>,
    group: &str,
    names: &[String],
) -> Result<Vec<Field>> {
    let field = |(at, field): (usize, &String)| {
        let name = |part: &str| format!("{group}.{at}.{part}");
        let encoding = if file.has(&name("bounds")) {
            let kind = match (file.has(&name("dates")), file.has(&name("timestamps"))) {
                (true, _) => NumberKind::Date,
                (false, true) => NumberKind::Timestamp,
                (false, false) => NumberKind::Plain,
            };
            Encoding::Buckets { bounds: file.get(&name("bounds"))?, kind }
        } else {
            Encoding::Categories(file.get_texts(&name("categories"))?)
        };
        let values = file.get(&name("codes"))?;
        let codes = if file.has(&name("list_offsets")) {
            Codes::Many { offsets: file.get(&name("list_offsets"))?, values }
        } else {
            Codes::One(values)
        };
        Ok(Field { name: field.clone(), encoding, codes })
    };
    names.iter().enumerate().map(field).collect()
}

/// Finds contradictions that would end in a panic later: an imported file may come from anywhere.
fn check(data: &Dataset) -> Result<()> {
    let plays = &data.plays;
    let songs = plays.songs.len() as u64;
    if !spans(&plays.session_offsets, songs) {
        return Err(broken("sessions do not fit the plays"));
    }
    let fits = plays.user_sessions.len() == data.users.len() + 1
        && spans(&plays.user_sessions, plays.sessions() as u32);
    if !fits {
        return Err(broken("users do not fit the sessions"));
    }
    let sessions = plays.sessions();
    let ranks = &plays.session_ranks;
    let whole = ranks.is_empty() || ranks.len() == sessions;
    if !whole || ranks.iter().any(|&rank| rank as usize >= sessions) {
        return Err(broken("the order of sessions does not fit"));
    }
    let known = |&song: &u32| (song as usize) < data.songs.len();
    if data.play_counts.len() != data.songs.len() || !plays.songs.iter().all(known) {
        return Err(broken("plays do not fit the songs"));
    }
    for (fields, entities) in
        [(&data.user_fields, data.users.len()), (&data.song_fields, data.songs.len())]
    {
        for field in fields {
            let (codes, fits) = match &field.codes {
                Codes::One(codes) => (codes, codes.len() == entities),
                Codes::Many { offsets, values } => {
                    let whole = offsets.is_sorted_by(|a, b| a < b);
                    let ends = spans(offsets, values.len() as u32);
                    (values, whole && ends && offsets.len() == entities + 1)
                }
            };
            let largest = codes.iter().max().map_or(0, |&code| code as usize);
            if !fits || largest >= field.cardinality() {
                return Err(broken(format!("field {} does not fit", field.name)));
            }
        }
    }
    Ok(())
}

/// Whether offsets go from 0 up to `end`.
fn spans<T: PartialOrd + Copy + Default>(offsets: &[T], end: T) -> bool {
    offsets.first() == Some(&T::default()) && offsets.last() == Some(&end) && offsets.is_sorted()
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;

//! `extract_features_batch`: MFCC, mel bands or tiles of many files, into a table.

use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, BinaryArray, Int64Array, ListBuilder, PrimitiveBuilder};
use duckdb::arrow::datatypes::Float32Type;

use super::batch::{self, AGAIN, FILES, Listener, SOURCE, heard};
use super::spectra::{MEL_PARAMS, MFCC_PARAMS, mel_of_samples, mfcc_of_samples};
use super::tiles::{PARAMS as TILE_PARAMS, tiles_of_samples};
use super::{batch_rows, decoded};
use crate::audio::mel::Frames;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::functions::contract::{Binding, Call, Category, Column, Docs, TableFunction};
use crate::store::Heard;
use crate::train::{Default, Kind, Options, Param};

const KIND: Param = Param::new(
    "kind",
    Kind::Choice(&["mfcc", "mel", "tiles"]),
    Default::Text("mfcc"),
    "What is taken of each file: mfcc, mel_spectrogram or spectrogram_tiles.",
);
const OUTPUT: Param = Param::new(
    "output",
    Kind::Text,
    Default::Required,
    "The table that it goes into: song_id and features FLOAT[][] with one row a song, which \
     train_neumf_cnn takes; of tiles song_id, tile and png with one row a tile. It is made if it is not \
     there; what it has of a song is replaced.",
);

/// `extract_features_batch(source, into, …)`.
pub struct ExtractFeaturesBatch;

/// The columns of MFCC and mel bands.
const FRAMES: &[(&str, &str)] = &[("features", "FLOAT[][]")];
/// Those of tiles.
const TILES: &[(&str, &str)] = &[("tile", "BIGINT"), ("png", "BLOB")];

/// The options of all kinds, each once.
fn params() -> Vec<Param> {
    let mut params: Vec<Param> = Vec::new();
    for param in MFCC_PARAMS.iter().chain(MEL_PARAMS).chain(TILE_PARAMS) {
        if params.iter().all(|other| other.name != param.name) {
            params.push(*param);
        }
    }
    params
}

impl TableFunction for ExtractFeaturesBatch {
    fn name(&self) -> String {
        "extract_features_batch".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![SOURCE, OUTPUT]
    }

    fn named(&self) -> Vec<Param> {
        [vec![KIND, FILES, AGAIN], params()].concat()
    }

    fn columns(&self) -> Vec<Column> {
        batch_rows::columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Audio,
            description: "What many files sound like, into a table, as mfcc, mel_spectrogram or \
                          spectrogram_tiles give it; otherwise as extract_chords_batch.",
            example: "COPY (SELECT render_chords(['C', 'Am', 'F', 'G'])) TO 'song.wav' (FORMAT blob);\n\
                      FROM extract_features_batch('*.wav', 'mfccs', n_mfcc := 13);\n\
                      FROM extract_features_batch('*.wav', 'pictures', kind := 'tiles')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let kind = call.options.text("kind").unwrap_or("mfcc");
        let (kind, params, columns) = match kind {
            "tiles" => (What::Tiles, TILE_PARAMS, TILES),
            "mel" => (What::Mel, MEL_PARAMS, FRAMES),
            _ => (What::Mfcc, MFCC_PARAMS, FRAMES),
        };
        let checked = match kind {
            What::Tiles => tiles_of_samples(&[0.0], &call.options).map(drop),
            What::Mel => mel_of_samples(&[0.0], &call.options).map(drop),
            What::Mfcc => mfcc_of_samples(&[0.0], &call.options).map(drop),
        };
        checked.map_err(|error| error.within(&self.name()))?;
        check_kind(&self.name(), &call.options, params)?;
        let name = format!("{} {}", self.name(), call.options.text("kind").unwrap_or("mfcc"));
        let mut task = batch::task(name, call, params, columns);
        task.function = self.name();
        batch::bind(call, task, Features { kind, options: call.options.clone() })
    }
}

/// Fails on an option that means something to other kinds alone.
fn check_kind(function: &str, options: &Options, own: &[Param]) -> Result<()> {
    let kind = options.text("kind").unwrap_or("mfcc");
    let params = params();
    let defaults = Options::defaults(&params);
    let has = |params: &[Param], name: &str| params.iter().any(|param| param.name == name);
    let foreign = params.iter().filter(|param| !has(own, param.name));
    for name in foreign.map(|param| param.name) {
        // The default, given, changes nothing.
        if options.get(name) == defaults.get(name) {
            continue;
        }
        let kinds = [("mfcc", MFCC_PARAMS), ("mel", MEL_PARAMS), ("tiles", TILE_PARAMS)];
        let kinds = kinds.iter().filter(|(_, params)| has(params, name));
        let kinds: Vec<String> = kinds.map(|(kind, _)| format!("kind := '{kind}'")).collect();
        let message = format!(
            "means nothing with kind := '{kind}'; leave it out, or take {}",
            kinds.join(" or ")
        );
        return Err(Error::option(function, name, message));
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum What {
    Mfcc,
    Mel,
    Tiles,
}

/// What is taken of a file.
enum Taken {
    Frames(Frames),
    Tiles(Vec<Vec<u8>>),
}

/// Takes features.
struct Features {
    kind: What,
    options: Options,
}

impl Listener for Features {
    type Sound = Taken;

    fn listen(&self, bytes: &[u8], control: &Control) -> Result<(Heard, Option<Taken>)> {
        let rate = self.options.count("sr") as u32;
        let decoded = decoded(bytes, rate, &self.options, control)?;
        heard(decoded, |samples| {
            let frames = |frames: Frames| (frames.rows().len(), Taken::Frames(frames));
            Ok(match self.kind {
                What::Mfcc => frames(mfcc_of_samples(samples, &self.options)?),
                What::Mel => frames(mel_of_samples(samples, &self.options)?),
                What::Tiles => {
                    let tiles = tiles_of_samples(samples, &self.options)?;
                    let png: Vec<Vec<u8>> =
                        tiles.iter().map(|tile| tile.png()).collect::<Result<_>>()?;
                    (png.len(), Taken::Tiles(png))
                }
            })
        })
    }

    fn columns(&self, sounds: &[Taken]) -> (Vec<usize>, Vec<ArrayRef>) {
        let (mut of, mut places, mut png) = (Vec::new(), Vec::new(), Vec::new());
        let mut matrices =
            ListBuilder::new(ListBuilder::new(PrimitiveBuilder::<Float32Type>::new()));
        for (at, sound) in sounds.iter().enumerate() {
            match sound {
                Taken::Frames(frames) => {
                    of.push(at);
                    for frame in frames.rows() {
                        matrices.values().values().append_slice(frame);
                        matrices.values().append(true);
                    }
                    matrices.append(true);
                }
                Taken::Tiles(tiles) => {
                    of.extend(vec![at; tiles.len()]);
                    places.extend(0..tiles.len() as i64);
                    png.extend(tiles.iter().map(Vec::as_slice));
                }
            }
        }
        let columns: Vec<ArrayRef> = match self.kind {
            What::Tiles => {
                vec![Arc::new(Int64Array::from(places)), Arc::new(BinaryArray::from_vec(png))]
            }
            What::Mfcc | What::Mel => vec![Arc::new(matrices.finish())],
        };
        (of, columns)
    }
}

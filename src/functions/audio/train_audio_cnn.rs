//! `train_audio_cnn`: a network learns to hear genres.

use crate::error::{Error, Result};
use crate::functions::contract::{Binding, Call, Category, Column, Docs, TableFunction};
use crate::functions::training::{self, Run, SONG, Task};
use crate::models::audio_cnn::SPEC;
use crate::store::Relation;
use crate::train::{Default, Kind, Param};

/// The pictures, here and in `audio_vectors`.
pub(super) const TILES: Param = Param::new(
    "tiles",
    Kind::Relation,
    Default::Required,
    "Pictures of songs, PNG files of 256 × 256 pixels: columns song_id, tile and png with one row a tile, \
     as extract_features_batch(…, kind := 'tiles') stores them, or song_id and tiles, a LIST of BLOBs as \
     of spectrogram_tiles, with one row a song.",
);
const SONGS: Param = Param::new(
    "songs",
    Kind::Relation,
    Default::Required,
    "Songs and their genres, one row a song. Songs without a genre are left out.",
);
const LABEL: Param = Param::new(
    "label",
    Kind::Text,
    Default::Text("genre"),
    "The column of songs that is learned: a text.",
);
const MODEL: Param = Param::new(
    "model",
    Kind::Text,
    Default::Text("audio_cnn"),
    "The name to store the network under, as of other trainings.",
);
const WEIGHTS: Param = Param::new(
    "weights",
    Kind::Text,
    Default::Absent,
    "A safetensors file with the convolutions to begin with: of vgg16 under torchvision's names, such as \
     those learned on ImageNet, or of a network of the same kind that export_model wrote. Other tensors in \
     it are not read. By default weights are drawn.",
);
const PATIENCE: Param = Param::new(
    "patience",
    Kind::Int { min: 1, max: 100_000 },
    Default::Int(5),
    "Epochs in which the genres of the songs held out are heard no likelier before training stops.",
);

/// `train_audio_cnn(tiles, songs := …)`.
pub struct TrainAudioCnn;

impl TableFunction for TrainAudioCnn {
    fn name(&self) -> String {
        format!("train_{}", SPEC.name)
    }

    fn positional(&self) -> Vec<Param> {
        vec![TILES]
    }

    fn named(&self) -> Vec<Param> {
        let mut named = vec![SONGS, LABEL, MODEL, SONG, WEIGHTS, PATIENCE];
        named.extend(["seed", "device", "retrain"].into_iter().filter_map(training::of_every));
        named.extend(SPEC.params);
        named
    }

    fn columns(&self) -> Vec<Column> {
        training::columns(&SPEC)
    }

    fn docs(&self) -> Option<Docs> {
        let (description, example) = (SPEC.summary, SPEC.example);
        Some(Docs { category: Category::Audio, description, example })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let task = Task {
            spec: &SPEC,
            function: self.name(),
            model: call.options.text("model").unwrap_or(SPEC.name).to_owned(),
            options: call.options.clone(),
            caller: call.caller.clone(),
        };
        check_label(&task)?;
        training::check(&task)?;
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || Ok(Box::new(Run::new(task.clone())))),
        })
    }
}

/// Checks that there is a column of genres, of texts.
///
/// # Errors
/// There is none, or no relation of songs.
fn check_label(task: &Task) -> Result<()> {
    let (function, options) = (&task.function, &task.options);
    let (songs, label) = (options.text("songs"), options.text("label").unwrap_or_default());
    let conn = task.caller.connect()?;
    let songs = Relation::resolve(&conn, function, "songs", songs.unwrap_or_default())?;
    let (name, columns) = (&songs.label, songs.column_names());
    let Some(column) = songs.column(label) else {
        let message =
            format!("names '{label}', which is no column of {name}; its columns are: {columns}");
        return Err(Error::option(function, "label", message));
    };
    let sql_type = &column.sql_type;
    if sql_type == "VARCHAR" || sql_type.starts_with("ENUM") {
        return Ok(());
    }
    let remedy = match sql_type.ends_with(']') {
        true => format!("{label}[1] AS {label}"),
        false => format!("{label}::VARCHAR AS {label}"),
    };
    let message = format!(
        "names '{label}', which is of type {sql_type}, and genres are texts, one a song; make it one in a \
         query, e.g. '(SELECT song_id, {remedy} FROM …)'"
    );
    Err(Error::option(function, "label", message))
}

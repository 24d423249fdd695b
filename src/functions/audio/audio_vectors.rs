//! `audio_vectors`: what a trained network hears in songs.

use super::train_audio_cnn::TILES;
use crate::data::{Dataset, Keys, Vocab};
use crate::device;
use crate::error::{Error, Result};
use crate::functions::contract::{
    Binding, Call, Category, Column, Docs, Rows, SqlType, TableFunction, Value,
};
use crate::functions::loaded::artifact;
use crate::functions::recommend::VERSION;
use crate::functions::settings;
use crate::functions::training::{SONG, column_names, of_every};
use crate::models::audio_cnn::{Heard, Hearing};
use crate::models::is_listener;
use crate::store::{self, DatasetRequest, ModelRow};
use crate::threads::Threads;
use crate::train::{Default, Kind, Param};

const NAME: &str = "audio_vectors";
const MODEL: Param = Param::new(
    "model",
    Kind::Text,
    Default::Text("audio_cnn"),
    "The network, as train_audio_cnn stored it.",
);

/// `audio_vectors(tiles, …)`.
pub struct AudioVectors;

impl TableFunction for AudioVectors {
    fn name(&self) -> String {
        NAME.into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![TILES]
    }

    fn named(&self) -> Vec<Param> {
        let mut named = vec![MODEL, VERSION, SONG];
        named.extend(of_every("device"));
        named
    }

    fn columns(&self) -> Vec<Column> {
        columns(SqlType::Any)
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Audio,
            description: "What songs sound like to a network of train_audio_cnn, also songs that it did \
                          not learn from: vectors for train_harm's audio field, and the likeliest genre.",
            example: "CREATE TABLE audio_vectors AS SELECT song_id, vector FROM audio_vectors('tiles')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let request = request(call);
        let columns = columns(match store::has_integer_songs(&conn, &request)? {
            true => SqlType::BigInt,
            false => SqlType::Varchar,
        });
        let (model, version) = (call.options.text("model"), call.options.int("version"));
        let row = store::find(&conn, NAME, model, version)?;
        if !is_listener(&row.kind) {
            return Err(Error::model(format!(
                "{NAME}: model '{}' is of train_{} and hears no songs; give one of train_audio_cnn",
                row.name, row.kind
            )));
        }
        device::open(&settings::device(&call.caller, NAME, &call.options)?)
            .map_err(|error| error.within(NAME))?;
        let call = call.clone();
        Ok(Binding {
            columns,
            start: Box::new(move || {
                Ok(Box::new(Vectors { call: call.clone(), row: row.clone(), work: None }))
            }),
        })
    }
}

fn columns(song_type: SqlType) -> Vec<Column> {
    let column = Column::documented;
    vec![
        column(
            "song_id",
            song_type,
            "The song: BIGINT where the tiles have integers, else its text.",
        ),
        column(
            "vector",
            SqlType::List(Box::new(SqlType::Float)),
            "512 numbers, the mean over the song's tiles.",
        ),
        column("genre", SqlType::Varchar, "The likeliest genre."),
        column("probability", SqlType::Double, "How likely it is, as the network says."),
        column("tiles", SqlType::BigInt, "How many tiles of the song were looked at."),
    ]
}

fn request(call: &Call) -> DatasetRequest {
    DatasetRequest {
        function: NAME.to_owned(),
        tiles: call.options.text("tiles").map(str::to_owned),
        columns: column_names(&call.options),
        ..DatasetRequest::default()
    }
}

/// One execution.
struct Vectors {
    call: Call,
    row: ModelRow,
    /// From the first row on.
    work: Option<Work>,
}

/// Songs that are being heard.
struct Work {
    dataset: Dataset,
    hearing: Hearing,
    threads: Threads,
    /// The song that is next.
    next: u32,
}

impl Vectors {
    fn begin(&self) -> Result<Work> {
        let Call { caller, options } = &self.call;
        let conn = caller.connect()?;
        let artifact = artifact(&conn, &self.row)?;
        let device = device::open(&settings::device(caller, NAME, options)?)?;
        let hearing = Hearing::new(&artifact, &device).map_err(|error| error.within(NAME))?;
        let threads = settings::threads(caller, NAME)?;
        caller.host.announce(Some(format!("{NAME}: reading tiles")));
        let dataset = store::read_dataset(&conn, &request(&self.call), &caller.control)?;
        let dataset = threads.run(|| dataset.finish(&caller.control))?;
        Ok(Work { dataset, hearing, threads, next: 0 })
    }
}

impl Rows for Vectors {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        if self.work.is_none() {
            self.work = Some(self.begin()?);
        }
        let Some(work) = &mut self.work else { return Ok(Vec::new()) };
        let Work { dataset, hearing, threads, .. } = &*work;
        let caller = &self.call.caller;
        let total = dataset.songs.len() as u32;
        let mut rows = Vec::new();
        let mut next = work.next;
        // An empty answer would be the last one.
        while rows.is_empty() && next < total {
            let end = total.min(next.saturating_add(hearing.songs_at_once() as u32));
            let songs: Vec<u32> = (next..end).collect();
            let heard = threads.run(|| hearing.hear(dataset, &songs, &caller.control));
            let heard = heard.map_err(|error| error.within(NAME))?;
            for (song, heard) in songs.into_iter().zip(heard) {
                rows.extend(heard.map(|heard| values(dataset, hearing, song, heard)));
            }
            next = end;
            let news = format!("{NAME}: {end} of {total} songs");
            caller.host.announce((end < total).then_some(news));
        }
        work.next = next;
        Ok(rows)
    }
}

impl Drop for Vectors {
    fn drop(&mut self) {
        self.call.caller.host.announce(None);
    }
}

fn values(dataset: &Dataset, hearing: &Hearing, song: u32, heard: Heard) -> Vec<Value> {
    let probability = heard.log_probabilities[heard.genre].exp();
    let tiles = dataset.tiles.as_ref().map_or(0, |tiles| tiles.of(song).len());
    vec![
        id(&dataset.songs, song),
        Value::Floats(heard.vector),
        Value::Text(hearing.genres[heard.genre].clone()),
        Value::Float(probability),
        Value::Int(tiles as i64),
    ]
}

fn id(songs: &Vocab, song: u32) -> Value {
    match songs.keys() {
        Keys::Integers(ids) => Value::Int(ids[song as usize]),
        Keys::Texts(ids) => Value::Text(ids[song as usize].clone()),
    }
}

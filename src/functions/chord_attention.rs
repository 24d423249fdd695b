//! `chord_attention(user, song)`: the chords of a song by what they weigh for a user.

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::{Loaded, find, load};
use super::recommend::{MODEL, VERSION};
use super::rows::Once;
use crate::data::Vocab;
use crate::error::{Error, Result};
use crate::train::{Context, Default, Kind, Options, Param};

const NAME: &str = "chord_attention";
const USER: Param = Param::new("user", Kind::Id, Default::Required, "The listener.");
const SONG: Param = Param::new("song", Kind::Id, Default::Required, "A song with chords.");

/// `chord_attention(user, song, model := m, version := v)`.
pub struct ChordAttention;

impl TableFunction for ChordAttention {
    fn name(&self) -> String {
        NAME.into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![USER, SONG]
    }

    fn named(&self) -> Vec<Param> {
        vec![MODEL, VERSION]
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented(
                "position",
                SqlType::BigInt,
                "The place, from 1; a song's chords are repeated in order, and cut, to max_length \
                 places.",
            ),
            Column::documented("chord", SqlType::Varchar, "The chord there, as the model read it."),
            Column::documented(
                "weight",
                SqlType::Double,
                "What it weighs; the weights sum to 1, but for models with attention := 'sum'.",
            ),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Understand,
            description: "How much weight a user's attention gives to each chord of a song, for \
                          models of train_coat. Of users and songs that the model does not know, \
                          and of songs without chords, there is no row.",
            example: "SELECT chord, sum(weight) FROM chord_attention(42, 7, model := 'coat') \
                      GROUP BY chord",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let (model, version) = (call.options.text("model"), call.options.int("version"));
        find(&conn, &call.caller, NAME, model, version)?;
        let (caller, options) = (call.caller.clone(), call.options.clone());
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let (caller, options) = (caller.clone(), options.clone());
                Ok(Once::boxed(move || {
                    let (model, version) = (options.text("model"), options.int("version"));
                    let loaded = load(&caller, NAME, model, version)?;
                    rows(&loaded, &options)
                }))
            }),
        })
    }
}

fn rows(loaded: &Loaded, options: &Options) -> Result<Vec<Vec<Value>>> {
    let Some(chords) = &loaded.dataset.chords else {
        return Err(Error::model(format!(
            "{NAME}: model '{}' is a {}, which does not weigh chords; train_coat makes models that do",
            loaded.row.name, loaded.row.kind
        )));
    };
    let found = |vocab: &Vocab, id| options.text(id).and_then(|id| vocab.find(id));
    let (users, songs) = (&loaded.dataset.users, &loaded.dataset.songs);
    let (Some(user), Some(song)) = (found(users, "user"), found(songs, "song")) else {
        return Ok(Vec::new());
    };
    let songs = loaded.dataset.plays.last_session(user);
    let context = Context { user: Some(user), songs, continues: true };
    let weights = loaded.model.chord_attention(&context, song)?.unwrap_or_default();
    let places = chords.of(song).iter().cycle().zip(weights).enumerate();
    let row = |(place, (&chord, weight)): (usize, (&u32, f32))| {
        let chord = chords.symbols[chord as usize].clone();
        vec![Value::Int(place as i64 + 1), Value::Text(chord), Value::Float(f64::from(weight))]
    };
    Ok(places.map(row).collect())
}

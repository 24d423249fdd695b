//! `extract_chords_batch`: the chords of many files, into a table.

use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::batch::{self, AGAIN, FILES, Listener, SOURCE, heard};
use super::extract_chords::{Finder, PARAMS, Span};
use super::{batch_rows, decoded};
use crate::control::Control;
use crate::error::Result;
use crate::functions::contract::{Binding, Call, Category, Column, Docs, TableFunction};
use crate::store::Heard;
use crate::train::{Default, Kind, Options, Param};

const OUTPUT: Param = Param::new(
    "output",
    Kind::Text,
    Default::Text("chords"),
    "The table that the chords go into: song_id, position, chord, start_s, end_s. It is made if it is not \
     there; what it has of a song is replaced.",
);

/// `extract_chords_batch(source, …)`.
pub struct ExtractChordsBatch;

const COLUMNS: &[(&str, &str)] =
    &[("position", "BIGINT"), ("chord", "VARCHAR"), ("start_s", "DOUBLE"), ("end_s", "DOUBLE")];

impl TableFunction for ExtractChordsBatch {
    fn name(&self) -> String {
        "extract_chords_batch".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![SOURCE]
    }

    fn named(&self) -> Vec<Param> {
        [&[OUTPUT, FILES, AGAIN], PARAMS].concat()
    }

    fn columns(&self) -> Vec<Column> {
        batch_rows::columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Audio,
            description: "The chords of many files, as extract_chords finds them, into a table. Listens on \
                          all threads, the largest files first, and gives a row a file when what was heard \
                          in it is stored; whatever is wrong with a file, the others go on. Stopped, it \
                          keeps what is stored, and the same statement goes on from there.",
            example: "COPY (SELECT render_chords(['C', 'Am', 'F', 'G'])) TO 'song.wav' (FORMAT blob);\n\
                      FROM extract_chords_batch('*.wav', output := 'song_chords', vocab := 'majmin');\n\
                      FROM extract_chords_batch('(SELECT 7 AS song_id, ''song.wav'' AS path)', output := 'heard')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let task = batch::task(self.name(), call, PARAMS, COLUMNS);
        let finder = Finder::new(&call.options)?;
        batch::bind(call, task, Chords { finder, options: call.options.clone() })
    }
}

/// Listens for chords.
struct Chords {
    finder: Finder,
    options: Options,
}

impl Listener for Chords {
    type Sound = Vec<Span>;

    fn listen(&self, bytes: &[u8], control: &Control) -> Result<(Heard, Option<Vec<Span>>)> {
        let decoded = decoded(bytes, self.finder.rate, &self.options, control)?;
        heard(decoded, |samples| {
            let spans = self.finder.spans(samples)?;
            Ok((spans.len(), spans))
        })
    }

    fn columns(&self, sounds: &[Vec<Span>]) -> (Vec<usize>, Vec<ArrayRef>) {
        let spans: Vec<&Span> = sounds.iter().flatten().collect();
        let of = sounds.iter().enumerate().flat_map(|(at, spans)| vec![at; spans.len()]).collect();
        let places: Vec<i64> = sounds.iter().flat_map(|spans| 0..spans.len() as i64).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(places)),
            Arc::new(StringArray::from_iter_values(spans.iter().map(|span| &span.chord))),
            Arc::new(Float64Array::from_iter_values(spans.iter().map(|span| span.start_s))),
            Arc::new(Float64Array::from_iter_values(spans.iter().map(|span| span.end_s))),
        ];
        (of, columns)
    }
}

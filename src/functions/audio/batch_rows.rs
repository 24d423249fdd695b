//! The rows that a batch function gives: one a file.

use crate::functions::contract::{Column, SqlType, Value};
use crate::store::{Heard, Nameless, SoundFile};

/// The columns of a batch function's rows.
pub(super) fn columns() -> Vec<Column> {
    let column = Column::documented;
    vec![
        column("song_id", SqlType::Varchar, "The song, as text."),
        column("path", SqlType::Varchar, "Its file."),
        column(
            "status",
            SqlType::Varchar,
            "ok; partial, where less was decoded than the file declares or damaged parts were left out; \
             corrupt, unsupported, empty, too_long, not_found or forbidden, of which nothing is stored; \
             skipped, where a row of the source has no path or no song_id.",
        ),
        column("stored", SqlType::BigInt, "How many chords, frames or tiles were stored of it."),
        column("seconds", SqlType::Double, "How much of it was decoded, in seconds of sound."),
        column(
            "realtime",
            SqlType::Double,
            "How many seconds of sound a second of one thread listened to; NULL where an earlier run did.",
        ),
        column("file", SqlType::BigInt, "How many files are done, this one included."),
        column("files", SqlType::BigInt, "How many there are."),
        column("error", SqlType::Varchar, "Why the status is not ok."),
    ]
}

/// The row of what names nothing to listen to.
pub(super) fn skipped(Nameless { song, path }: Nameless, at: usize, total: usize) -> Vec<Value> {
    let lacking = if path.is_none() { "path" } else { "song_id" };
    let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
    vec![
        text(song),
        text(path),
        Value::Text("skipped".into()),
        Value::Int(0),
        Value::Float(0.0),
        Value::Null,
        Value::Int(at as i64),
        Value::Int(total as i64),
        Value::Text(format!("its {lacking} is NULL; give it one, or leave the row out")),
    ]
}

/// The row of a file that was listened to, at `realtime` times its length a second.
pub(super) fn row(
    file: &SoundFile,
    heard: &Heard,
    realtime: Option<f64>,
    at: usize,
    total: usize,
) -> Vec<Value> {
    vec![
        Value::Text(file.song.clone()),
        Value::Text(file.path.clone()),
        Value::Text(heard.status.clone()),
        Value::Int(heard.count),
        Value::Float(heard.decoded_s),
        realtime.map_or(Value::Null, Value::Float),
        Value::Int(at as i64),
        Value::Int(total as i64),
        heard.error.clone().map_or(Value::Null, Value::Text),
    ]
}

//! `audio_info`: what a file says of itself.

use super::{AudioFunction, Lenient, PATH, failed};
use crate::audio::decode::probe;
use crate::functions::contract::{SqlType, Value};

pub(super) const SPEC: AudioFunction = AudioFunction {
    name: "audio_info",
    parameters: &[PATH],
    options: &[],
    returns: || {
        let fields = FIELDS.map(|(name, sql_type)| (name.to_owned(), sql_type));
        SqlType::Struct(fields.to_vec())
    },
    value: "Format and codec, samples a second, channels, bits a sample, the length in seconds as the file \
            says it, whether that is an estimate by its size, the file's size in bytes, and its tags.",
    description: "What the headers of a file say. Nothing is decoded, so a length may be wrong; \
                  extract_features_batch says how much can be decoded.",
    example: "COPY (SELECT render_chords(['C', 'G'])) TO 'song.wav' (FORMAT blob);\n\
              SELECT audio_info('song.wav').declared_s",
    lenient: Lenient {
        name: "try_audio_info",
        description: "As audio_info, but NULL for a file that cannot be read.",
        example: "SELECT try_audio_info('gone.mp3')",
    },
    check: |_| Ok(()),
    first_option: None,
    compute: |sound, _| {
        let info = probe(sound.bytes).map_err(|failure| failed(sound.path, &failure))?;
        let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        let values = [
            Value::Text(info.format),
            Value::Text(info.codec),
            Value::Int(info.rate.into()),
            info.channels.map_or(Value::Null, |count| Value::Int(count as i64)),
            info.bits.map_or(Value::Null, |bits| Value::Int(bits.into())),
            info.declared_s.map_or(Value::Null, Value::Float),
            Value::Bool(info.is_estimate),
            Value::Int(sound.bytes.len() as i64),
            text(info.title),
            text(info.artist),
            text(info.album),
        ];
        let names = FIELDS.iter().map(|(name, _)| (*name).to_owned());
        Ok(Value::Struct(names.zip(values).collect()))
    },
};

const FIELDS: [(&str, SqlType); 11] = [
    ("format", SqlType::Varchar),
    ("codec", SqlType::Varchar),
    ("sample_rate", SqlType::BigInt),
    ("channels", SqlType::BigInt),
    ("bits", SqlType::BigInt),
    ("declared_s", SqlType::Double),
    ("is_estimate", SqlType::Boolean),
    ("size", SqlType::BigInt),
    ("title", SqlType::Varchar),
    ("artist", SqlType::Varchar),
    ("album", SqlType::Varchar),
];

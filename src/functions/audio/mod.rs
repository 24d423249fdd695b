//! Functions of the sound in a file: a file each, which holds one [`AudioFunction`].
//!
//! Files are opened through DuckDB, so that its settings decide which may be. The rows of a vector
//! are computed on all threads, since DuckDB gives a few hundred rows to one of its own.

mod audio_vectors;
mod batch;
mod batch_rows;
mod chords_batch;
mod extract_chords;
mod features_batch;
mod info;
mod spectra;
mod tiles;
mod train_audio_cnn;

use std::sync::Arc;

use rayon::prelude::*;

use super::asked::{Asked, by_options};
use super::contract::{
    Argument, Category, Column, Docs, Execution, Results, ScalarDocs, ScalarFunction, SqlType,
    Value,
};
use super::settings;
use crate::audio::decode::{Decoded, Failure, Limits, Status, decode_mono};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::store::{self, Caller};
use crate::threads::Threads;
use crate::train::{Default, Kind, Options, Param};

pub(super) use audio_vectors::AudioVectors;
pub(super) use chords_batch::ExtractChordsBatch;
pub(super) use features_batch::ExtractFeaturesBatch;
pub(super) use train_audio_cnn::TrainAudioCnn;

/// All of them, in the order of the manual.
const FUNCTIONS: [&AudioFunction; 5] =
    [&info::SPEC, &extract_chords::SPEC, &spectra::MFCC, &spectra::MEL, &tiles::SPEC];

/// A function in expressions of a file's sound.
struct AudioFunction {
    name: &'static str,
    /// Its first parameter, and the STRUCT of options, if there are any.
    parameters: &'static [Param],
    /// What the STRUCT may hold.
    options: &'static [Param],
    returns: fn() -> SqlType,
    /// What its value is, in a sentence for the manual.
    value: &'static str,
    description: &'static str,
    example: &'static str,
    /// The form that gives NULL where this one fails on the file.
    lenient: Lenient,
    /// Checks options together, where each by itself is allowed.
    check: fn(&Options) -> Result<()>,
    /// The option that a text alone stands for.
    first_option: Option<&'static str>,
    compute: fn(&Sound<'_>, &Options) -> Result<Value>,
}

/// Of a form `try_…`.
struct Lenient {
    name: &'static str,
    description: &'static str,
    example: &'static str,
}

/// A file that was read.
struct Sound<'a> {
    path: &'a str,
    bytes: &'a [u8],
    control: &'a Control,
}

/// The file that all of them take.
const PATH: Param = Param::new(
    "path",
    Kind::Text,
    Default::Required,
    "The file, as DuckDB's own functions take it: WAV, FLAC, MP3, Ogg Vorbis, AAC or M4A. NULL gives \
     NULL; what DuckDB's settings do not let be read is an error, also of try_ functions.",
);

/// What a file's sound is asked with.
const OPTIONS: Param = Param::new(
    "options",
    Kind::Struct,
    Default::Absent,
    "Options as a STRUCT, such as {sr: 16000}; those that it leaves out have their defaults.",
);
/// The longest sound.
const MAX_SECONDS: Param = Param::new(
    "max_seconds",
    Kind::Float { min: 1.0, max: 864_000.0 },
    Default::Float(7_200.0),
    "The longest file, in seconds of sound; of a longer one nothing is taken.",
);

impl Sound<'_> {
    /// The mono mix at `rate`, as far as the file can be decoded.
    ///
    /// # Errors
    /// Nothing can be; the analyst stops the statement.
    fn samples(&self, rate: u32, options: &Options) -> Result<Vec<f32>> {
        let decoded = decoded(self.bytes, rate, options, self.control)?;
        let status = decoded.outcome.status;
        match decoded.samples.into_iter().next() {
            Some(samples) if matches!(status, Status::Ok | Status::Partial) => Ok(samples),
            _ => {
                let message = decoded.outcome.message.unwrap_or_default();
                Err(failed(self.path, &Failure { status, message }))
            }
        }
    }
}

/// A file's mono mix at `rate`, and what became of it.
///
/// # Errors
/// The analyst stops the statement.
fn decoded(bytes: &[u8], rate: u32, options: &Options, control: &Control) -> Result<Decoded> {
    let limits = Limits { max_s: options.float("max_seconds") };
    decode_mono(bytes, rate, limits, &mut |_| control.check())
}

/// The error of a file of which nothing can be heard.
fn failed(path: &str, failure: &Failure) -> Error {
    let (status, message) = (failure.status.name(), &failure.message);
    Error::data(format!("'{path}' cannot be heard ({status}): {message}"))
}

/// Every form of every function: with and without options, strict and lenient.
pub(super) fn all() -> Vec<Arc<dyn ScalarFunction>> {
    let mut forms: Vec<Arc<dyn ScalarFunction>> = Vec::new();
    for is_lenient in [false, true] {
        for spec in FUNCTIONS {
            for parameters in 1..=spec.parameters.len() {
                forms.push(Arc::new(Form { spec, parameters, is_lenient }));
            }
        }
    }
    forms
}

/// One form of a function.
#[derive(Clone, Copy)]
struct Form {
    spec: &'static AudioFunction,
    /// How many parameters it takes.
    parameters: usize,
    is_lenient: bool,
}

impl ScalarFunction for Form {
    fn name(&self) -> &'static str {
        if self.is_lenient { self.spec.lenient.name } else { self.spec.name }
    }

    fn parameters(&self) -> Vec<SqlType> {
        [SqlType::Varchar, SqlType::Any].into_iter().take(self.parameters).collect()
    }

    fn returns(&self) -> SqlType {
        (self.spec.returns)()
    }

    /// A file may change, and is not to be read for EXPLAIN.
    fn volatile(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<ScalarDocs> {
        let spec = self.spec;
        if self.parameters < spec.parameters.len() {
            return None;
        }
        let (description, example) = match self.is_lenient {
            true => (spec.lenient.description, spec.lenient.example),
            false => (spec.description, spec.example),
        };
        Some(ScalarDocs {
            parameters: spec.parameters,
            options: spec.options,
            value: Column::documented(self.name(), self.returns(), spec.value),
            docs: Docs { category: Category::Audio, description, example },
        })
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Listening {
            form: *self,
            asked: Asked::new(caller, self.name(), self.spec.options),
        })
    }
}

/// One execution of a form.
struct Listening {
    form: Form,
    asked: Asked<(Options, Threads)>,
}

impl Execution for Listening {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let none = Argument::Same(Value::Null);
        let mut values = vec![Value::Null; rows];
        let given = arguments.get(1).map(|given| self.packed(given));
        for (options, rows) in by_options(given.as_ref().unwrap_or(&none), rows) {
            let threads = |options: &Options| {
                let function = self.asked.function;
                (self.form.spec.check)(options).map_err(|error| error.within(function))?;
                let threads = settings::threads(&self.asked.caller, self.asked.function)?;
                Ok((options.clone(), threads))
            };
            let prepared = self.asked.prepared(options, threads)?;
            let (options, threads) = prepared.as_ref();
            // One file of all rows is listened to once.
            let (listened, same) = match arguments[0] {
                Argument::Same(_) => (&rows[..1], true),
                Argument::Each(_) => (&rows[..], false),
            };
            let found: Vec<Value> = threads.run(|| {
                let value = |&row: &usize| self.value(&arguments[0][row], options);
                listened.par_iter().map(value).collect::<Result<_>>()
            })?;
            let mut found = found.into_iter();
            let first = if same { found.next() } else { None };
            for row in rows {
                values[row] = first.clone().or_else(|| found.next()).unwrap_or(Value::Null);
            }
        }
        results.values(&values);
        Ok(())
    }
}

impl Listening {
    /// Options as a STRUCT, also where a text alone was given.
    fn packed(&self, given: &Argument) -> Argument {
        let pack = |value: &Value| match (self.form.spec.first_option, value) {
            (Some(name), Value::Text(_)) => Value::Struct(vec![(name.to_owned(), value.clone())]),
            _ => value.clone(),
        };
        match given {
            Argument::Same(value) => Argument::Same(pack(value)),
            Argument::Each(values) => Argument::Each(values.iter().map(pack).collect()),
        }
    }

    fn value(&self, path: &Value, options: &Options) -> Result<Value> {
        let Value::Text(path) = path else { return Ok(Value::Null) };
        let (function, caller) = (self.asked.function, &self.asked.caller);
        caller.control.check()?;
        let value = store::read_file(caller, function, path).and_then(|bytes| {
            let sound = Sound { path, bytes: &bytes, control: &caller.control };
            (self.form.spec.compute)(&sound, options)
        });
        match value {
            Err(Error::Data(_)) if self.form.is_lenient => Ok(Value::Null),
            Err(Error::Data(message)) => {
                let lenient = self.form.spec.lenient.name;
                let message = message.strip_prefix(&format!("{function}: ")).unwrap_or(&message);
                Err(Error::Data(format!("{function}: {message}; {lenient} gives NULL instead")))
            }
            other => other,
        }
    }
}

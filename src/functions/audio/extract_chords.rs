//! `extract_chords`: the chords that are heard in a file.

use super::{AudioFunction, Lenient, MAX_SECONDS, OPTIONS, PATH, Sound};
use crate::audio::chordino::{self, Chordino, Profile, Syntax};
use crate::data::chords::{Chord, Vocabulary};
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Options, Param};

pub(super) const SPEC: AudioFunction = AudioFunction {
    name: "extract_chords",
    parameters: &[PATH, OPTIONS],
    options: PARAMS,
    returns,
    value: "The chords in order: position from 0, chord, and when it begins and ends, in seconds. N where \
            none sounds.",
    description: "The chords of a file, by Chordino's method (Mauch and Dixon 2010). Instead of options, \
                  the profile alone will do.",
    example: "COPY (SELECT render_chords(['C', 'Am', 'F', 'G7'])) TO 'song.wav' (FORMAT blob);\n\
              SELECT extract_chords('song.wav');\n\
              SELECT unnest(extract_chords('song.wav', {vocab: 'majmin', syntax: 'harte'}), recursive := true)",
    lenient: Lenient {
        name: "try_extract_chords",
        description: "As extract_chords, but NULL for a file that cannot be read.",
        example: "SELECT try_extract_chords('gone.mp3')",
    },
    check: |_| Ok(()),
    first_option: Some("profile"),
    compute,
};

/// The options of whatever finds chords.
pub(super) const PARAMS: &[Param] = &[
    Param::new(
        "profile",
        Kind::Choice(&["chordino", "chord_extractor"]),
        Default::Text("chordino"),
        "chordino: at 44,100 Hz, as the plugin's own settings, which find more chords and times more \
         exactly; chord_extractor: at 22,050 Hz with a roll-on of 1 %, as the Python package does.",
    ),
    Param::new(
        "silence",
        Kind::Bool,
        Default::Absent,
        "Whether silence is N; otherwise the chord before it or after it is heard there, as the plugin \
         does. Default true, with chord_extractor false.",
    ),
    Param::new(
        "syntax",
        Kind::Choice(&["chordino", "harte"]),
        Default::Text("chordino"),
        "How chords are written: Bbm7b5/E or Bb:hdim7/b5.",
    ),
    Param::new(
        "vocab",
        Kind::Choice(Vocabulary::NAMES),
        Default::Text("full"),
        "Which chords are told apart, as in chord_simplify; full leaves them as they are. Neighbours that \
         become the same are one.",
    ),
    Param::new(
        "from_start",
        Kind::Bool,
        Default::Bool(false),
        "Whether the first chord begins at 0 instead of the middle of the first frame.",
    ),
    MAX_SECONDS,
];

fn returns() -> SqlType {
    let fields = [
        ("position", SqlType::BigInt),
        ("chord", SqlType::Varchar),
        ("start_s", SqlType::Double),
        ("end_s", SqlType::Double),
    ];
    let fields = fields.map(|(name, sql_type)| (name.to_owned(), sql_type));
    SqlType::List(Box::new(SqlType::Struct(fields.to_vec())))
}

/// What finds chords, prepared once for many files.
pub(super) struct Finder {
    chordino: Chordino,
    /// The samples a second that it hears.
    pub rate: u32,
    vocabulary: Option<Vocabulary>,
    is_harte: bool,
}

/// A chord and when it sounds, in seconds.
pub(super) struct Span {
    pub chord: String,
    pub start_s: f64,
    pub end_s: f64,
}

impl Finder {
    /// What the options describe.
    ///
    /// # Errors
    /// None with options that were checked.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let profile = Profile::ALL.into_iter().find(|p| Some(p.name()) == options.text("profile"));
        let profile = profile.unwrap_or_default();
        let is_harte = options.text("syntax") == Some("harte");
        let vocabulary = options.text("vocab").filter(|name| *name != "full");
        let defaults = profile.options();
        let settings = chordino::Options {
            silence: if options.has("silence") {
                options.bool("silence")
            } else {
                defaults.silence
            },
            syntax: if is_harte { Syntax::Harte } else { Syntax::Chordino },
            from_start: options.bool("from_start"),
            ..defaults
        };
        let rate = profile.rate();
        let vocabulary = vocabulary.and_then(Vocabulary::parse);
        Ok(Self { chordino: Chordino::new(rate, settings)?, rate, vocabulary, is_harte })
    }

    /// The chords of mono samples at [`Finder::rate`].
    ///
    /// # Errors
    /// None: all labels are chord symbols.
    pub(super) fn spans(&self, samples: &[f32]) -> Result<Vec<Span>> {
        let mut spans: Vec<Span> = Vec::new();
        for found in self.chordino.extract(samples) {
            let chord = match self.vocabulary {
                Some(vocabulary) => {
                    self.written(&vocabulary.simplify(&Chord::parse(&found.label)?))
                }
                None => found.label,
            };
            match spans.last_mut() {
                Some(last) if last.chord == chord => last.end_s = found.end_s,
                _ => spans.push(Span { chord, start_s: found.start_s, end_s: found.end_s }),
            }
        }
        Ok(spans)
    }

    /// A chord of a small vocabulary in the syntax that is asked for.
    fn written(&self, chord: &Chord) -> String {
        let harte = chord.to_string();
        if self.is_harte {
            return harte;
        }
        let Some((root, quality)) = harte.split_once(':') else { return harte };
        let suffix = match quality {
            "maj" => "",
            "min" => "m",
            "min7" => "m7",
            other => other,
        };
        format!("{root}{suffix}")
    }
}

fn compute(sound: &Sound<'_>, options: &Options) -> Result<Value> {
    let finder = Finder::new(options)?;
    let spans = finder.spans(&sound.samples(finder.rate, options)?)?;
    let row = |(position, span): (usize, Span)| {
        let fields = [
            ("position", Value::Int(position as i64)),
            ("chord", Value::Text(span.chord)),
            ("start_s", Value::Float(span.start_s)),
            ("end_s", Value::Float(span.end_s)),
        ];
        Value::Struct(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
    };
    Ok(Value::List(spans.into_iter().enumerate().map(row).collect()))
}

//! What some models read beside plays, songs and users: options for [`ModelSpec::inputs`].
//!
//! They say what the data set is, as `songs` and `users` do, and are not searched by `tune`, whose
//! trials share one data set.
//!
//! [`ModelSpec::inputs`]: super::ModelSpec::inputs

use super::{Default, Kind, Param};

/// The chords of songs, and how they are read.
pub const CHORDS: &[Param] = &[
    Param::new(
        "chords",
        Kind::Relation,
        Default::Required,
        "The chords of songs: columns song_id, position (or start_s) and chord with one row a chord, \
         or song_id and chords, a LIST, with one row a song. Songs without plays can be recommended \
         through their chords.",
    ),
    Param::new(
        "vocabulary",
        Kind::Choice(VOCABULARIES),
        Default::Text(GIVEN),
        "Which chords are told apart: given, all texts as they are; or those of chord_simplify.",
    ),
    Param::new(
        "common_key",
        Kind::Bool,
        Default::Bool(false),
        "Whether songs are transposed to C major or A minor, each from the key that estimate_key \
         finds.",
    ),
    Param::new(
        "ngram",
        Kind::Int { min: 1, max: 4 },
        Default::Int(1),
        "How many chords that follow each other make one symbol of the vocabulary.",
    ),
];

/// The feature matrices of songs.
pub const FEATURES: &[Param] = &[Param::new(
    "features",
    Kind::Relation,
    Default::Required,
    "Matrices of features of songs, such as their MFCC: columns song_id, frame and features, a LIST of \
     numbers, with one row a frame, or song_id and features, a LIST of such LISTs, with one row a song. \
     Every coefficient is brought to mean 0 and deviation 1.",
)];

/// What songs sound like.
pub const AUDIO: &[Param] = &[Param::new(
    "audio",
    Kind::Relation,
    Default::Absent,
    "What songs sound like: columns song_id and vector, a LIST of as many numbers for every song, such \
     as those of train_audio_cnn, or frames of features, such as MFCC, whose mean is taken. Every number \
     is brought to mean 0 and deviation 1. Without it songs have no field audio.",
)];

/// Texts as they are in the relation.
const GIVEN: &str = "given";
const VOCABULARIES: &[&str] = &[GIVEN, "majmin", "majmin7", "sevenths", "full"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::chords::Vocabulary;

    #[test]
    fn vocabularies_are_those_of_chord_symbols() {
        assert_eq!(VOCABULARIES[1..], *Vocabulary::NAMES);
    }
}

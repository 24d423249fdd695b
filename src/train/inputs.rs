//! What some models read beside plays, songs and users: options for [`ModelSpec::inputs`].
//!
//! They say what the data set is, as `songs` and `users` do, and are not searched by `tune`, whose
//! trials share one data set.
//!
//! [`ModelSpec::inputs`]: super::ModelSpec::inputs

use super::{Default, Kind, Param};

/// The chords of songs, and how they are read.
pub const CHORDS: &[Param] = &[Param::new(
    "chords",
    Kind::Relation,
    Default::Required,
    "The chords of songs: columns song_id, position (or start_s) and chord with one row a chord, or \
     song_id and chords, a LIST, with one row a song. Songs without plays can be recommended through \
     their chords.",
)];

/// The feature matrices of songs.
pub const FEATURES: &[Param] = &[Param::new(
    "features",
    Kind::Relation,
    Default::Required,
    "Matrices of features of songs, such as their MFCC: columns song_id, frame and features, a LIST of \
     numbers, with one row a frame, or song_id and features, a LIST of such LISTs, with one row a song. \
     Every coefficient is brought to mean 0 and deviation 1.",
)];

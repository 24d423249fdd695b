//! Plays, songs and users as packed arrays.
//!
//! Nothing here knows DuckDB: `store` fills these types from Arrow batches, models read them.

mod builder;
pub mod chords;
mod columns;
mod dataset;
mod features;
mod field;
mod fingerprint;
pub mod generate;
mod incidence;
mod intern;
mod negatives;
mod placed;
mod test_plays;
mod tiles;
mod vocab;

pub use builder::{MAX_PLAYS, PlaysBuilder};
pub use chords::{ChordReading, Chords, ChordsBuilder};
pub use columns::{CategoryColumn, ListColumn, NumberColumn, NumberKind};
pub use dataset::{Dataset, Plays};
pub use features::{Features, FeaturesBuilder};
pub use field::{Codes, Encoding, Field, MISSING};
pub use fingerprint::fingerprint;
pub use incidence::Incidence;
pub use intern::{Id, IdHasher, Interner};
pub use negatives::PopularitySampler;
pub use test_plays::{Known, SongSets, TestPlays};
pub use tiles::{Tiles, TilesBuilder};
pub use vocab::{Keys, Vocab};

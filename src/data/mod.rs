//! Plays, songs and users as packed arrays.
//!
//! Nothing here knows DuckDB: `store` fills these types from Arrow batches, models read them.

mod dataset;
mod field;
pub mod generate;
mod negatives;
mod test_plays;
mod vocab;

pub use dataset::{Dataset, Plays};
pub use field::{Codes, Encoding, Field, MISSING};
pub use negatives::PopularitySampler;
pub use test_plays::{TestPlays, UNKNOWN_SONG};
pub use vocab::{Keys, Vocab};

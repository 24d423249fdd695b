//! The caller's database: relations read as Arrow, models kept in schema `segue`.

mod arrow;
mod attributes;
mod columns;
mod host;
mod names;
mod plan;
mod reader;
mod relation;
mod rows;
mod syntax;
mod test_plays;

pub use columns::{ColumnNames, Role};
pub use host::{Caller, Host};
pub use names::{alternatives, literal, quote, similar};
pub use plan::DatasetRequest;
pub use reader::{check, read_dataset};
pub use relation::{Column, Relation};
pub use test_plays::{check_test_plays, read_songs, read_test_plays};

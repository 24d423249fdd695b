//! The caller's database: relations read as Arrow, models kept in schema `segue`.

mod archive;
mod arrow;
mod attributes;
mod cache;
mod catalogue;
mod columns;
mod host;
mod lookup;
mod macros;
mod models;
mod names;
mod place;
mod plan;
mod reader;
mod relation;
mod rows;
mod shelf;
mod syntax;
mod tensors;
mod test_plays;

pub use archive::{Archive, ArchiveMeta, EpochRow, pack, pack_tensors, unpack, unpack_tensors};
pub use columns::{ColumnNames, Role};
pub use host::{Caller, Host};
pub use lookup::{archive, find, find_trained, find_unfinished, history, list, resume, versions};
pub use macros::{MACROS, Macro};
pub use models::{NewModel, Saved, check_writable, drop_model, save, use_model};
pub use names::{alternatives, literal, quote, similar};
pub use place::{Place, current_database, locate};
pub use plan::DatasetRequest;
pub use reader::{check, read_dataset};
pub use relation::{Column, Relation};
pub use shelf::ModelRow;
pub use tensors::FORMAT_VERSION;
pub use test_plays::{check_plays, check_test_plays, read_songs, read_test_plays};

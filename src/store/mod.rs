//! The caller's database: relations read as Arrow, models kept in schema `segue`.

mod archive;
mod arrow;
mod attributes;
mod cache;
mod catalogue;
mod columns;
mod files;
mod host;
mod host_files;
mod host_handle;
mod models;
mod names;
mod new_model;
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
pub use files::{export, find_same, import};
pub use host::{Caller, Host};
pub use host_files::Files;
pub use models::{
    archive, check_writable, drop_model, find, find_trained, find_unfinished, history, list,
    resume, save, use_model,
};
pub use names::{alternatives, literal, quote, similar};
pub use new_model::NewModel;
pub use plan::DatasetRequest;
pub use reader::{check, read_dataset};
pub use relation::{Column, MACROS, Relation};
pub use shelf::ModelRow;
pub use tensors::FORMAT_VERSION;
pub use test_plays::{check_plays, check_test_plays, read_songs, read_test_plays};

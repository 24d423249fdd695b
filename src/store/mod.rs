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
mod host_native;
mod ids;
mod interrupt;
mod lookup;
mod macros;
mod memory;
mod models;
mod names;
mod new_model;
mod place;
mod plan;
mod plays;
mod reader;
mod relation;
mod rows;
mod settings;
mod shelf;
mod syntax;
mod tensors;
mod test_plays;

pub use archive::{Archive, ArchiveMeta, EpochRow, pack, pack_tensors, unpack, unpack_tensors};
pub use columns::{ColumnNames, Role};
pub use files::{export, find_same, import};
pub use host::{Caller, Host};
pub use host_files::Files;
pub use host_native::Native;
pub use ids::ID_TYPES;
pub use interrupt::interruptible;
pub use lookup::{archive, find, find_trained, find_unfinished, history, list, resume, versions};
pub use macros::{MACROS, Macro};
pub use memory::{memory_limit, size};
pub use models::{Saved, check_writable, drop_model, save, use_model};
pub use names::{alternatives, literal, quote, quote_if_needed, similar};
pub use new_model::NewModel;
pub use place::{Place, current_database, locate, unattached};
pub use plan::DatasetRequest;
pub use plays::{Length, PlaysColumns};
pub use reader::{RawDataset, check, read_dataset};
pub use relation::{Column, Relation, unqualified};
pub use settings::Settings;
pub use shelf::ModelRow;
pub use tensors::FORMAT_VERSION;
pub use test_plays::{
    IdTypes, RawTestPlays, TestRequest, check_plays, check_test_plays, read_songs, read_test_plays,
};

//! The SQL functions: one file a family, one registry.

mod adapter;
mod arguments;
mod contract;
mod evaluate;
mod generate;
mod loaded;
#[cfg(test)]
pub(crate) mod mock;
mod models;
mod recommend;
mod registry;
mod rows;
mod sessionize;
mod settings;
mod training;

pub use adapter::register;
pub use arguments::{candidates, options_from_struct};
pub use contract::{
    Binding, Call, Column, Docs, Registry, Rows, ScalarFunction, SqlType, TableFunction, Value,
};
pub use generate::{CreateListeningTables, GenerateListening};
pub use registry::{MACROS, registry};

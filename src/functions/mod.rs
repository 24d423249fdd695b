//! The SQL functions: one file a family, one registry.

mod adapter;
mod arguments;
mod contract;
mod generate;
#[cfg(test)]
pub(crate) mod mock;

pub use adapter::register;
pub use arguments::{candidates, options_from_struct};
pub use contract::{
    Binding, Call, Column, Docs, Registry, Rows, ScalarFunction, SqlType, TableFunction, Value,
};
pub use generate::{CreateListeningTables, GenerateListening};

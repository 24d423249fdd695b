//! The SQL functions: one file a family, one registry.

mod contract;
mod generate;

pub use contract::{
    Binding, Call, Column, Docs, Registry, Rows, ScalarFunction, SqlType, TableFunction, Value,
};
pub use generate::{CreateListeningTables, GenerateListening};

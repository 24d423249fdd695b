//! The SQL functions: one file a family, one registry.

mod adapter;
mod arguments;
mod contract;
mod evaluate;
mod files;
mod generate;
mod help;
mod literals;
mod loaded;
mod macros;
mod manual;
#[cfg(test)]
pub(crate) mod mock;
mod models;
mod recommend;
mod registry;
mod rows;
mod sessionize;
mod training;

pub use adapter::register;
pub use arguments::{candidates, options_from_struct};
pub use contract::{
    Binding, Call, Category, Column, Docs, MacroDocs, Registry, Rows, ScalarFunction, SqlType,
    TableFunction, Value,
};
pub use generate::{CreateListeningTables, GenerateListening};
pub use manual::{Entry, Kind as FunctionKind, Parameter, manual};
pub use registry::{MACROS, registry};

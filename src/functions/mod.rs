//! The SQL functions: one file a family, one registry.

mod adapter;
mod arguments;
mod asked;
mod audio;
mod chord_attention;
mod chords;
mod contract;
mod cross_validate;
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
mod ranking;
mod recommend;
mod registry;
mod rows;
mod scoring;
mod sessionize;
mod settings;
mod split;
mod sql_value;
mod stop;
mod training;
mod tune;
mod types;

pub use adapter::register;
pub use arguments::{candidates, options_from_struct};
pub use contract::{
    Argument, Binding, Call, Category, Column, Docs, Execution, Lists, MacroDocs, Registry,
    Results, Rows, ScalarDocs, ScalarFunction, SqlType, TableFunction, Value,
};
pub use generate::{CreateListeningTables, GenerateListening};
pub use manual::{Entry, Kind as FunctionKind, Parameter, manual};
pub use registry::{MACROS, registry};

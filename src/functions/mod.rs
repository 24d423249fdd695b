//! The SQL functions: one file a family, one registry.

mod contract;

pub use contract::{
    Binding, Call, Column, Docs, Registry, Rows, ScalarFunction, SqlType, TableFunction, Value,
};

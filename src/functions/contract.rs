//! What a SQL function is to Segue, free of DuckDB's C API.
//!
//! `adapter` turns these into DuckDB functions.

use std::sync::Arc;

use crate::error::Result;
use crate::store::Caller;
use crate::train::{Options, Param};

/// A SQL value on its way in or out.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL of any type.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// Any integer that fits 64 bits, signed; a larger one comes in as its digits.
    Int(i64),
    /// FLOAT, DOUBLE or DECIMAL.
    Float(f64),
    /// VARCHAR, and (in) every type without a variant of its own, cast to VARCHAR.
    Text(String),
    /// TIMESTAMP, microseconds since 1970; results only.
    Timestamp(i64),
    /// LIST or ARRAY.
    List(Vec<Value>),
    /// STRUCT, fields in order.
    Struct(Vec<(String, Value)>),
}

/// The SQL type of a column, parameter or result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    /// Any type; parameters only.
    Any,
    /// BOOLEAN.
    Boolean,
    /// BIGINT.
    BigInt,
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// VARCHAR.
    Varchar,
    /// TIMESTAMP.
    Timestamp,
    /// LIST.
    List(Box<SqlType>),
    /// STRUCT.
    Struct(Vec<(String, SqlType)>),
    /// A type given by its SQL name, whose values are always NULL (typed NULLs for casts).
    Named(String),
}

/// A column of a table function's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
}

impl Column {
    /// A column of the given name and type.
    pub fn new(name: impl Into<String>, sql_type: SqlType) -> Self {
        Self { name: name.into(), sql_type }
    }
}

/// What the manual says about a function.
#[derive(Debug, Clone, Copy)]
pub struct Docs {
    /// What it does.
    pub description: &'static str,
    /// A statement that shows it.
    pub example: &'static str,
}

/// A function in FROM or CALL.
pub trait TableFunction: Send + Sync {
    /// Its name in SQL.
    fn name(&self) -> String;
    /// Positional parameters, all required. NULL is an error, except for an option without a
    /// default in a function named `segue_...`: those stand behind macros, which cannot leave an
    /// argument out.
    fn positional(&self) -> Vec<Param>;
    /// Named parameters, all optional.
    fn named(&self) -> Vec<Param>;
    /// What the manual says.
    fn docs(&self) -> Docs;
    /// Checks the arguments and says which columns come; does no work, since EXPLAIN and PREPARE
    /// bind too.
    fn bind(&self, call: &Call) -> Result<Binding>;
}

/// One call of a table function: validated arguments (positional ones under their names too,
/// defaults filled in) and the caller's view of the database.
#[derive(Clone)]
pub struct Call {
    /// Arguments by parameter name.
    pub options: Options,
    /// Opens connections that see what the caller sees.
    pub caller: Caller,
}

/// A bound call.
pub struct Binding {
    /// The result's columns.
    pub columns: Vec<Column>,
    /// Starts one execution; called once per execution of the statement, so the same prepared
    /// statement may start several.
    pub start: Box<dyn Fn() -> Result<Box<dyn Rows>> + Send + Sync>,
}

/// Rows as they come. DuckDB calls until the end, an error, or until it needs no more; then the
/// object is dropped.
pub trait Rows: Send {
    /// The next rows, at most 2,048; an empty vector is the end. Each row has a value per column.
    fn next(&mut self) -> Result<Vec<Vec<Value>>>;
}

/// A function in an expression.
pub trait ScalarFunction: Send + Sync {
    /// Its name in SQL.
    fn name(&self) -> &'static str;
    /// Types of its parameters.
    fn parameters(&self) -> Vec<SqlType>;
    /// Type of its result.
    fn returns(&self) -> SqlType;
    /// Whether DuckDB must call it anew for every execution (it reads models or tables).
    fn volatile(&self) -> bool;
    /// What the manual says.
    fn docs(&self) -> Docs;
    /// Computes one result per row. `arguments[p][row]` is parameter `p` of a row; NULLs arrive
    /// as [`Value::Null`].
    fn call(&self, caller: &Caller, arguments: &[Vec<Value>], rows: usize) -> Result<Vec<Value>>;
}

/// Every SQL function, by kind, and every setting.
pub struct Registry {
    /// What can be SET, with default and description. DuckDB checks a value's type alone; functions
    /// that read the setting check the rest.
    pub settings: Vec<Param>,
    /// Functions in FROM or CALL.
    pub tables: Vec<Arc<dyn TableFunction>>,
    /// Functions in expressions.
    pub scalars: Vec<Arc<dyn ScalarFunction>>,
}

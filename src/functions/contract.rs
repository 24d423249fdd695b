//! What a SQL function is to Segue, free of DuckDB's C API.
//!
//! `adapter` turns these into DuckDB functions.

mod docs;

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

pub use docs::{Category, Docs, MacroDocs, ScalarDocs};

use crate::error::Result;
use crate::store::Caller;
use crate::train::{Options, Param, Setting};

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
    /// BLOB; results only.
    Blob(Vec<u8>),
    /// LIST of FLOATs, packed; results only.
    Floats(Vec<f32>),
    /// LIST or ARRAY.
    List(Vec<Value>),
    /// STRUCT, fields in order.
    Struct(Vec<(String, Value)>),
}

impl From<&Setting> for Value {
    fn from(setting: &Setting) -> Self {
        let list = |values: &[Setting]| Self::List(values.iter().map(Self::from).collect());
        match setting {
            Setting::Bool(value) => Self::Bool(*value),
            Setting::Int(value) => Self::Int(*value),
            Setting::Float(value) => Self::Float(*value),
            Setting::Text(value) => Self::Text(value.clone()),
            Setting::IntList(values) => Self::List(values.iter().map(|&v| Self::Int(v)).collect()),
            Setting::TextList(values) => {
                Self::List(values.iter().map(|v| Self::Text(v.clone())).collect())
            }
            Setting::List(values) => list(values),
            Setting::Struct(fields) => {
                Self::Struct(fields.iter().map(|(name, v)| (name.clone(), v.into())).collect())
            }
        }
    }
}

/// The error is where a NULL or a value without a setting stands: the name of the innermost field.
impl TryFrom<&Value> for Setting {
    type Error = String;

    fn try_from(value: &Value) -> std::result::Result<Self, String> {
        Ok(match value {
            Value::Null | Value::Timestamp(_) | Value::Blob(_) | Value::Floats(_) => {
                return Err("it".to_owned());
            }
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Text(value) => Self::Text(value.clone()),
            Value::List(values) => Self::List(
                values.iter().map(Self::try_from).collect::<std::result::Result<_, _>>()?,
            ),
            Value::Struct(fields) => {
                let field = |(name, value): &(String, Value)| match Self::try_from(value) {
                    Err(inner) if inner == "it" => Err(name.clone()),
                    setting => Ok((name.clone(), setting?)),
                };
                Self::Struct(fields.iter().map(field).collect::<std::result::Result<_, _>>()?)
            }
        })
    }
}

/// The SQL type of a column, parameter or result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    /// Any type: of a parameter, or, in the manual, of a column that follows the caller's tables.
    Any,
    /// Any type, whose values come in as a cast to VARCHAR writes them; parameters of scalar
    /// functions only. (DuckDB itself casts no number to a VARCHAR parameter.)
    Id,
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
    /// BLOB.
    Blob,
    /// LIST.
    List(Box<SqlType>),
    /// STRUCT.
    Struct(Vec<(String, SqlType)>),
    /// A type given by its SQL name, whose values are always NULL (typed NULLs for casts).
    Named(String),
}

/// As SQL writes the type.
impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any | Self::Id => f.write_str("ANY"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Float => f.write_str("FLOAT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Varchar => f.write_str("VARCHAR"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::Blob => f.write_str("BLOB"),
            Self::List(element) => write!(f, "{element}[]"),
            Self::Struct(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, sql_type)| format!("{name} {sql_type}")).collect();
                write!(f, "STRUCT({})", fields.join(", "))
            }
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// A column of a table function's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name; in the manual, `*` stands for all columns of a relation that was given.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// What it holds, in a sentence for the manual; empty for functions that are not in it.
    pub doc: &'static str,
}

impl Column {
    /// A column of the given name and type.
    pub fn new(name: impl Into<String>, sql_type: SqlType) -> Self {
        Self { name: name.into(), sql_type, doc: "" }
    }

    /// A column of the manual.
    pub fn documented(name: impl Into<String>, sql_type: SqlType, doc: &'static str) -> Self {
        Self { name: name.into(), sql_type, doc }
    }
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
    /// Of parameters that are STRUCTs of another function's options, the name and these options.
    fn packed(&self) -> Vec<(&'static str, Vec<Param>)> {
        Vec::new()
    }
    /// The result's columns, as far as they are the same for every call: what the manual shows. A
    /// test compares them with those of the example.
    fn columns(&self) -> Vec<Column>;
    /// What the manual says; `None` for a function that stands behind macros.
    fn docs(&self) -> Option<Docs>;
    /// How many rows come of every call, for DuckDB's plans; `None` if that is not known.
    fn cardinality(&self) -> Option<u64> {
        None
    }
    /// Checks the arguments and says which columns come; does no work, since EXPLAIN and PREPARE
    /// bind too.
    fn bind(&self, call: &Call) -> Result<Binding>;
}

/// A function in FROM whose rows are those of a query that it writes: columns of any type come
/// through, and DuckDB streams and spills them.
#[derive(Clone)]
pub struct QueryFunction {
    /// Its name in SQL.
    pub name: &'static str,
    /// Positional parameters, all required.
    pub positional: &'static [Param],
    /// Named parameters, all optional.
    pub named: &'static [Param],
    /// The result's columns, for the manual.
    pub columns: Vec<Column>,
    /// What the manual says.
    pub docs: Docs,
    /// Checks the arguments and writes the query. It is bound with the statement and run with it;
    /// no row is read before.
    pub query: fn(&Call) -> Result<String>,
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

/// A function in an expression. It stands behind a [macro](MacroDocs), which is what users call, or is
/// called itself. Functions of one name differ in their parameters.
pub trait ScalarFunction: Send + Sync {
    /// Its name in SQL.
    fn name(&self) -> &'static str;
    /// Types of its parameters.
    fn parameters(&self) -> Vec<SqlType>;
    /// Type of its result.
    fn returns(&self) -> SqlType;
    /// What the manual says; `None` for a function behind a macro, and for all but one of a name.
    fn docs(&self) -> Option<ScalarDocs> {
        None
    }
    /// Whether DuckDB must call it anew for every execution (it reads models or tables).
    fn volatile(&self) -> bool;
    /// Begins one execution of a statement, when its first rows are there. A prepared statement
    /// begins anew each time it is executed.
    fn start(&self, caller: &Caller) -> Arc<dyn Execution>;
}

/// One execution of a statement that calls a scalar function: what it looks up (models, options,
/// relations) holds for all rows, in all threads.
pub trait Execution: Send + Sync {
    /// Computes one result per row of a vector. `arguments[p][row]` is parameter `p` of a row; NULLs
    /// arrive as [`Value::Null`]. A row without a result is NULL.
    ///
    /// # Errors
    /// Whatever the statement is to fail with.
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()>;
}

/// Where a call puts its results. What does not fit the function's type fails the statement.
pub trait Results {
    /// Sets the results of all rows.
    fn values(&mut self, values: &[Value]);
    /// Sets the results of some rows, where the type is a LIST of STRUCTs; may be called again for
    /// others.
    fn lists(&mut self, lists: &Lists);
}

/// Lists of structs, field by field: far smaller than the same as [`Value`]s.
#[derive(Debug)]
pub struct Lists {
    /// Rows and the lengths of their lists.
    pub lengths: Vec<(usize, usize)>,
    /// For every field of the struct, its values in all lists, one list after the other.
    pub fields: Vec<Vec<Value>>,
}

impl Lists {
    /// No lists, of structs with so many fields.
    pub fn of(fields: usize) -> Self {
        Self { lengths: Vec::new(), fields: vec![Vec::new(); fields] }
    }
}

/// An argument of all rows of a call.
#[derive(Debug, Clone)]
pub enum Argument {
    /// The same in every row.
    Same(Value),
    /// A value per row.
    Each(Vec<Value>),
}

impl Index<usize> for Argument {
    type Output = Value;

    fn index(&self, row: usize) -> &Value {
        match self {
            Self::Same(value) => value,
            Self::Each(values) => &values[row],
        }
    }
}

/// Every SQL function, by kind, and every setting.
#[derive(Default)]
pub struct Registry {
    /// What can be SET, with default and description. DuckDB checks a value's type alone; functions
    /// that read the setting check the rest.
    pub settings: Vec<Param>,
    /// Functions in FROM or CALL.
    pub tables: Vec<Arc<dyn TableFunction>>,
    /// Functions in FROM that write a query.
    pub queries: Vec<QueryFunction>,
    /// Functions in expressions.
    pub scalars: Vec<Arc<dyn ScalarFunction>>,
    /// The macros in front of functions named `segue_...`. A function of the same name is another
    /// form of the macro, and described by it.
    pub macros: Vec<MacroDocs>,
}

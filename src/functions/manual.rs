//! The manual: every function that users call, from the registry.
//!
//! `segue_functions()` and `docs/functions.md` show the same entries.

#[cfg(test)]
mod tests;

use super::arguments::{allowed, default_literal};
use super::contract::{
    Column, Docs, MacroDocs, QueryFunction, Registry, ScalarDocs, SqlType, TableFunction,
};
use crate::train::{self, Param};

/// What a function is to DuckDB, as `duckdb_functions()` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In FROM or CALL, of constants.
    Table,
    /// In FROM, of constants or of columns of tables to its left.
    TableMacro,
    /// In expressions.
    Macro,
    /// In expressions, by position.
    Scalar,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::TableMacro => "table_macro",
            Self::Macro => "macro",
            Self::Scalar => "scalar",
        }
    }
}

/// A parameter of a function, and how it is passed.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// What it takes.
    pub param: Param,
    /// Its place from 1, if it can be passed by position.
    pub position: Option<usize>,
    /// Whether it can be passed by name, as in `n := 10`. What can neither is a field of the options.
    pub by_name: bool,
}

impl Parameter {
    /// The SQL type of its values; ANY where several do.
    pub fn sql_type(&self) -> SqlType {
        sql_type(self.param.kind)
    }

    /// Whether it is a field of the STRUCT of options.
    pub fn is_packed(&self) -> bool {
        self.position.is_none() && !self.by_name
    }

    /// Whether every call must pass it.
    pub fn is_required(&self) -> bool {
        self.param.is_required()
    }

    /// Its default as SQL writes it; `None` if it has none.
    pub fn default_value(&self) -> Option<String> {
        default_literal(&self.param)
    }

    /// The values it takes, in words.
    pub fn allowed(&self) -> String {
        allowed(self.param.kind)
    }
}

/// A function of the manual.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name in SQL.
    pub name: String,
    /// What it is to DuckDB.
    pub kind: Kind,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// The columns of its result; its value, as one column, for what stands in expressions.
    pub columns: Vec<Column>,
    /// What it does.
    pub docs: Docs,
}

impl Entry {
    fn of_table(function: &dyn TableFunction, docs: Docs) -> Self {
        let (positional, named) = (function.positional(), function.named());
        Self {
            name: function.name(),
            kind: Kind::Table,
            parameters: parameters(&positional, &named),
            columns: function.columns(),
            docs,
        }
    }

    fn of_query(function: &QueryFunction) -> Self {
        Self {
            name: function.name.to_owned(),
            kind: Kind::Table,
            parameters: parameters(function.positional, function.named),
            columns: function.columns.clone(),
            docs: function.docs,
        }
    }

    fn of_macro(entry: &MacroDocs) -> Self {
        let parameters = entry.parameters.iter().enumerate().map(|(index, &param)| Parameter {
            param,
            position: Some(index + 1),
            by_name: true,
        });
        Self {
            name: entry.name.to_owned(),
            kind: if entry.is_table { Kind::TableMacro } else { Kind::Macro },
            parameters: parameters.collect(),
            columns: entry.columns.clone(),
            docs: entry.docs,
        }
    }

    fn of_scalar(function: ScalarDocs) -> Self {
        let ScalarDocs { parameters, options, value, docs } = function;
        let option = |&param: &Param| Parameter { param, position: None, by_name: false };
        let parameters = self::parameters(parameters, &[]);
        Self {
            name: value.name.clone(),
            kind: Kind::Scalar,
            parameters: parameters.into_iter().chain(options.iter().map(option)).collect(),
            columns: vec![value],
            docs,
        }
    }

    /// A call with all parameters: those with a default show it, other optional ones stand in
    /// brackets.
    pub fn signature(&self) -> String {
        let shown = self.parameters.iter().filter(|parameter| !parameter.is_packed());
        let shown = shown.map(|parameter| {
            let name = parameter.param.name;
            match parameter.default_value() {
                Some(value) => format!("{name} := {value}"),
                None if parameter.is_required() => name.to_owned(),
                None => format!("[{name}]"),
            }
        });
        format!("{}({})", self.name, shown.collect::<Vec<_>>().join(", "))
    }
}

/// The SQL type of the values of a kind; ANY where several do.
pub(super) fn sql_type(kind: train::Kind) -> SqlType {
    let list = |element| SqlType::List(Box::new(element));
    match kind {
        train::Kind::Bool => SqlType::Boolean,
        train::Kind::Int { .. } => SqlType::BigInt,
        train::Kind::Float { .. } => SqlType::Double,
        train::Kind::Choice(_) | train::Kind::Text | train::Kind::Relation => SqlType::Varchar,
        train::Kind::TextList => list(SqlType::Varchar),
        train::Kind::IntList { .. } => list(SqlType::BigInt),
        train::Kind::Id | train::Kind::Time | train::Kind::Length | train::Kind::Struct => {
            SqlType::Any
        }
        train::Kind::IdList => list(SqlType::Any),
        train::Kind::Interval => SqlType::Named("INTERVAL".to_owned()),
    }
}

/// The parameters of a table function.
fn parameters(positional: &[Param], named: &[Param]) -> Vec<Parameter> {
    let positional = positional.iter().enumerate().map(|(index, &param)| Parameter {
        param,
        position: Some(index + 1),
        by_name: false,
    });
    let named = named.iter().map(|&param| Parameter { param, position: None, by_name: true });
    positional.chain(named).collect()
}

/// Every function that users call, by category, within one in the order of the registry.
pub fn manual(registry: &Registry) -> Vec<Entry> {
    let described = |name: &str| registry.macros.iter().any(|entry| entry.name == name);
    let tables = registry.tables.iter().filter_map(|function| {
        let docs = function.docs().filter(|_| !described(&function.name()))?;
        Some(Entry::of_table(function.as_ref(), docs))
    });
    let queries = registry.queries.iter().map(Entry::of_query);
    let macros = registry.macros.iter().map(Entry::of_macro);
    let scalars = registry.scalars.iter().filter_map(|function| function.docs());
    let scalars = scalars.map(Entry::of_scalar);
    let mut entries: Vec<Entry> = tables.chain(queries).chain(macros).chain(scalars).collect();
    entries.sort_by_key(|entry| entry.docs.category);
    entries
}

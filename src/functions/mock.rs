//! Functions for the tests of the DuckDB boundary.

use std::sync::Arc;

use super::contract::{
    Argument, Binding, Call, Column, Docs, Execution, Registry, Results, Rows, ScalarFunction,
    SqlType, TableFunction, Value,
};
use crate::error::Result;
use crate::store::Caller;
use crate::train::{Default, Kind, Param};

type Bind = Box<dyn Fn(&Call) -> Result<Binding> + Send + Sync>;
type Compute = Arc<dyn Fn(&Caller, &[Argument], usize) -> Result<Vec<Value>> + Send + Sync>;

pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) positional: Vec<Param>,
    pub(crate) named: Vec<Param>,
    pub(crate) bind: Bind,
}

impl TableFunction for Table {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn positional(&self) -> Vec<Param> {
        self.positional.clone()
    }

    fn named(&self) -> Vec<Param> {
        self.named.clone()
    }

    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }

    fn docs(&self) -> Option<Docs> {
        None
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        (self.bind)(call)
    }
}

pub(crate) struct Scalar {
    pub(crate) name: &'static str,
    pub(crate) parameters: Vec<SqlType>,
    pub(crate) returns: SqlType,
    pub(crate) compute: Compute,
}

impl ScalarFunction for Scalar {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<SqlType> {
        self.parameters.clone()
    }

    fn returns(&self) -> SqlType {
        self.returns.clone()
    }

    fn volatile(&self) -> bool {
        true
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Running { caller: caller.clone(), compute: self.compute.clone() })
    }
}

struct Running {
    caller: Caller,
    compute: Compute,
}

impl Execution for Running {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        results.values(&(self.compute)(&self.caller, arguments, rows)?);
        Ok(())
    }
}

/// Rows from a closure.
pub(crate) struct FnRows<F>(pub(crate) F);

impl<F: FnMut() -> Result<Vec<Vec<Value>>> + Send> Rows for FnRows<F> {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        (self.0)()
    }
}

/// A binding that gives the same rows in every execution, in one batch.
pub(crate) fn constant(columns: Vec<Column>, rows: Vec<Vec<Value>>) -> Binding {
    let start = move || {
        let mut rows = Some(rows.clone());
        let next = move || Ok(rows.take().unwrap_or_default());
        Ok(Box::new(FnRows(next)) as Box<dyn Rows>)
    };
    Binding { columns, start: Box::new(start) }
}

pub(crate) fn table(
    name: &'static str,
    positional: &[Param],
    named: &[Param],
    bind: impl Fn(&Call) -> Result<Binding> + Send + Sync + 'static,
) -> Arc<dyn TableFunction> {
    let (positional, named) = (positional.to_vec(), named.to_vec());
    Arc::new(Table { name, positional, named, bind: Box::new(bind) })
}

pub(crate) fn scalar(
    name: &'static str,
    parameters: &[SqlType],
    returns: SqlType,
    compute: impl Fn(&Caller, &[Argument], usize) -> Result<Vec<Value>> + Send + Sync + 'static,
) -> Arc<dyn ScalarFunction> {
    Arc::new(Scalar { name, parameters: parameters.to_vec(), returns, compute: Arc::new(compute) })
}

pub(crate) fn registry(
    tables: Vec<Arc<dyn TableFunction>>,
    scalars: Vec<Arc<dyn ScalarFunction>>,
) -> Registry {
    Registry { tables, scalars, ..Registry::default() }
}

/// A parameter with a default or none.
pub(crate) const fn param(name: &'static str, kind: Kind, default: Default) -> Param {
    Param::new(name, kind, default, "")
}

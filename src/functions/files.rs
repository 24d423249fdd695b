//! Models as files: `export_model` and `import_model`.

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::{stored_note, try_out};
use super::models::NAME;
use super::recommend::VERSION;
use super::rows::Once;
use super::settings;
use crate::error::{Error, Result};
use crate::store::{self, Caller, ModelRow, NewModel};
use crate::train::{Default, Kind, Param};

const PATH: Param = Param::new(
    "path",
    Kind::Text,
    Default::Required,
    "A file's path, as DuckDB's COPY takes it: local, or remote where DuckDB can write.",
);
const OVERWRITE: Param = Param::new(
    "overwrite",
    Kind::Bool,
    Default::Bool(false),
    "Replace a file that is there already.",
);
const NEW_NAME: Param = Param::new(
    "model",
    Kind::Text,
    Default::Absent,
    "The name to store the model under; by default the name that it was exported with.",
);

/// `export_model(model, path, version := v, overwrite := o)`: writes a model into a file.
pub struct ExportModel;

/// `import_model(path, model := name)`: stores the model of a file.
pub struct ImportModel;

impl TableFunction for ExportModel {
    fn name(&self) -> String {
        "export_model".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![NAME, PATH]
    }

    fn named(&self) -> Vec<Param> {
        vec![VERSION, OVERWRITE]
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Models,
            description: "Writes a model into one safetensors file, which import_model reads.",
            example: "CALL export_model('harm', 'harm.safetensors')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let options = &call.options;
        let path = path(call, "export_model")?;
        let conn = call.caller.connect()?;
        let row =
            store::find(&conn, "export_model", options.text("model"), options.int("version"))?;
        let overwrite = options.bool("overwrite");
        let caller = call.caller.clone();
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let (caller, row, path) = (caller.clone(), row.clone(), path.clone());
                Ok(Once::boxed(move || {
                    store::export(&caller, "export_model", &row, &path, overwrite)?;
                    Ok(vec![values(row.name, row.version, path, row.bytes)])
                }))
            }),
        })
    }
}

impl TableFunction for ImportModel {
    fn name(&self) -> String {
        "import_model".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![PATH]
    }

    fn named(&self) -> Vec<Param> {
        vec![NEW_NAME]
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = columns();
        columns.extend([
            Column::documented(
                "kind",
                SqlType::Varchar,
                "Which model it is: train_<kind> made it.",
            ),
            Column::documented("status", SqlType::Varchar, "complete or interrupted."),
            Column::documented("note", SqlType::Varchar, "What came of it."),
        ]);
        columns
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Models,
            description: "Stores the model of a file that export_model wrote, as the next version \
                          of its name. A model that is stored already is found, not stored again.",
            example: "CALL import_model('harm.safetensors', model := 'theirs')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let path = path(call, "import_model")?;
        let name = call.options.text("model").map(str::to_owned);
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            let message = "is empty; give the model a name, or leave it out";
            return Err(Error::option("import_model", "model", message));
        }
        let conn = call.caller.connect()?;
        store::check_writable(&conn, "import_model", name.as_deref().unwrap_or_default())?;
        let caller = call.caller.clone();
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let (caller, path, name) = (caller.clone(), path.clone(), name.clone());
                Ok(Once::boxed(move || Ok(vec![import(&caller, path, name)?])))
            }),
        })
    }
}

/// Stores the model of a file, unless this very model is stored.
fn import(caller: &Caller, path: String, name: Option<String>) -> Result<Vec<Value>> {
    let function = "import_model";
    let new = read(caller, &path, name)?;
    let bytes = new.archive.len() as i64;
    let conn = caller.connect()?;
    let (version, note) = match store::find_same(&conn, &new)? {
        Some(ModelRow { version, .. }) => {
            (version, format!("found: this model is stored as '{}' version {version}", new.name))
        }
        None => {
            let saved = store::save(&conn, &new)?;
            (saved.version, stored_note(&conn, caller, function, &new.name, &saved)?)
        }
    };
    let status = if new.complete { "complete" } else { "interrupted" };
    let mut row = values(new.name, version, path, bytes);
    row.extend([new.kind, status.to_owned(), note].map(Value::Text));
    Ok(row)
}

/// The model of a file. It is packed anew, so that what is stored was written here, under the
/// model's name, and in this version's format.
fn read(caller: &Caller, path: &str, name: Option<String>) -> Result<NewModel> {
    let mut archive = store::import(caller, "import_model", path)?;
    if let Some(name) = &name {
        // In the file a model has no database.
        archive.meta.name = store::locate(&caller.connect()?, name)?.name;
    }
    if archive.meta.name.trim().is_empty() {
        let message = format!("import_model: the model in '{path}' has no name; give model := …");
        return Err(Error::model(message));
    }
    let threads = settings::threads(caller, "import_model")?;
    let (dataset, weights) = try_out(&archive.meta, archive.dataset, archive.weights, &threads)
        .map_err(|error| Error::model(format!("import_model: '{path}': {error}")))?;
    let bytes = store::pack(&dataset, &weights, &archive.meta)?;
    let mut new = NewModel::new(archive.meta, &dataset, bytes, None);
    if let Some(name) = name {
        new.name = name;
    }
    Ok(new)
}

/// The columns of both functions.
fn columns() -> Vec<Column> {
    vec![
        Column::documented("model", SqlType::Varchar, "The model's name in this database."),
        Column::documented("version", SqlType::BigInt, "Its version in this database."),
        Column::documented("path", SqlType::Varchar, "The file."),
        Column::documented("bytes", SqlType::BigInt, "The size of the file."),
    ]
}

fn values(model: String, version: i64, path: String, bytes: i64) -> Vec<Value> {
    vec![Value::Text(model), Value::Int(version), Value::Text(path), Value::Int(bytes)]
}

fn path(call: &Call, function: &str) -> Result<String> {
    match call.options.text("path") {
        Some(path) if !path.trim().is_empty() => Ok(path.to_owned()),
        _ => Err(Error::option(function, "path", "is empty; give a file, e.g. 'harm.safetensors'")),
    }
}

#[cfg(test)]
mod tests;

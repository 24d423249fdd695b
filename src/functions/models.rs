//! Models are rows: `models`, `training_history`, `use_model`, `drop_model`, `field_attention`.

mod row;

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::{Loaded, epoch_columns, epoch_values, find, load, shown, spec};
use super::recommend::{MODEL, VERSION};
use super::rows::Once;
use super::settings;
use crate::error::{Error, Result};
use crate::store::{self, Caller, ModelRow};
use crate::train::{Default, Kind, Param};

/// The model that a function is about.
pub(super) const NAME: Param = Param::new(
    "model",
    Kind::Text,
    Default::Required,
    "The model's name, for one in another database with that in front: 'music.harm'.",
);

/// `models()`: everything stored.
pub struct Models;

/// `training_history(model)`: one row per epoch.
pub struct TrainingHistory;

/// `use_model(model, version := v)`: chooses the default.
pub struct UseModel;

/// `drop_model(model, version := v)`: removes versions.
pub struct DropModel;

/// `segue_field_attention(model, version)`: what the macro `field_attention` shows.
pub struct FieldAttention;

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

impl TableFunction for Models {
    fn name(&self) -> String {
        "models".into()
    }

    fn positional(&self) -> Vec<Param> {
        Vec::new()
    }

    fn named(&self) -> Vec<Param> {
        Vec::new()
    }

    fn columns(&self) -> Vec<Column> {
        row::columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Models,
            description: "The models stored in all attached databases, one row for each version. \
                          The default is that of the current database; models of others are named \
                          as in 'music.harm'.",
            example: "FROM models()",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let caller = call.caller.clone();
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let caller = caller.clone();
                Ok(Once::boxed(move || {
                    let conn = caller.connect()?;
                    let mut rows = store::list(&conn)?;
                    if settings::default_model(&caller).is_some() {
                        let default = find(&conn, &caller, "models", None, None).ok();
                        let default = default.map(|row| row.cache_key());
                        for row in &mut rows {
                            row.is_default = default.as_ref() == Some(&row.cache_key());
                        }
                    }
                    Ok(rows.into_iter().map(row::values).collect())
                }))
            }),
        })
    }
}

impl TableFunction for TrainingHistory {
    fn name(&self) -> String {
        "training_history".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![NAME]
    }

    fn named(&self) -> Vec<Param> {
        vec![VERSION]
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = version_columns();
        columns.extend(epoch_columns(shown("")));
        columns
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Models,
            description: "What each epoch of a model's training brought.",
            example: "FROM training_history('harm')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let name = call.options.text("model");
        let row = store::find(&conn, "training_history", name, call.options.int("version"))?;
        let caller = call.caller.clone();
        let mut columns = version_columns();
        columns.extend(epoch_columns(shown(&row.kind)));
        Ok(Binding {
            columns,
            start: Box::new(move || {
                let (caller, row) = (caller.clone(), row.clone());
                Ok(Once::boxed(move || {
                    let iterative = spec(&row).is_ok_and(|spec| spec.iterative);
                    let conn = caller.connect()?;
                    let epochs = store::history(&conn, &row)?;
                    let values = epochs.into_iter().map(|epoch| {
                        let mut values = vec![text(&row.name), Value::Int(row.version)];
                        values.extend(epoch_values(&epoch, iterative, shown(&row.kind)));
                        values
                    });
                    Ok(values.collect())
                }))
            }),
        })
    }
}

impl TableFunction for UseModel {
    fn name(&self) -> String {
        "use_model".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![NAME]
    }

    fn named(&self) -> Vec<Param> {
        vec![VERSION]
    }

    fn columns(&self) -> Vec<Column> {
        version_columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Models,
            description: "Makes a model the default, and one of its versions the one that its name \
                          stands for; without a version the latest complete one.",
            example: "CALL use_model('harm', version := 2)",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let (name, version) = named_version(call);
        store::check_writable(&conn, "use_model", &name)?;
        store::find(&conn, "use_model", Some(&name), version)?;
        let caller = call.caller.clone();
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let (caller, name) = (caller.clone(), name.clone());
                Ok(Once::boxed(move || {
                    let conn = caller.connect()?;
                    let row = store::use_model(&conn, "use_model", &name, version)?;
                    Ok(vec![vec![text(&row.name), Value::Int(row.version)]])
                }))
            }),
        })
    }
}

impl TableFunction for DropModel {
    fn name(&self) -> String {
        "drop_model".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![NAME]
    }

    fn named(&self) -> Vec<Param> {
        vec![VERSION]
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented("model", SqlType::Varchar, "The model's name."),
            Column::documented("versions_dropped", SqlType::BigInt, "How many are gone."),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Models,
            description: "Removes a version of a model, or all of them.",
            example: "CALL drop_model('harm', version := 1)",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let (name, version) = named_version(call);
        store::check_writable(&conn, "drop_model", &name)?;
        // A model that cannot be read by this version can still be dropped.
        let asked = |row: &ModelRow| version.is_none_or(|v| row.version == v);
        if !store::versions(&conn, &name)?.iter().any(asked) {
            store::find(&conn, "drop_model", Some(&name), version)?;
        }
        let caller = call.caller.clone();
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let (caller, name) = (caller.clone(), name.clone());
                Ok(Once::boxed(move || {
                    let conn = caller.connect()?;
                    let mut gone = store::versions(&conn, &name)?;
                    gone.retain(|row| version.is_none_or(|v| row.version == v));
                    let dropped = store::drop_model(&conn, "drop_model", &name, version)?;
                    let keys: Vec<String> = gone.iter().map(ModelRow::cache_key).collect();
                    caller.host.forget(&keys);
                    let name = store::locate(&conn, &name)?.name;
                    Ok(vec![vec![Value::Text(name), Value::Int(dropped)]])
                }))
            }),
        })
    }
}

fn version_columns() -> Vec<Column> {
    vec![
        Column::documented("model", SqlType::Varchar, "The model's name."),
        Column::documented("version", SqlType::BigInt, "Its version."),
    ]
}

fn named_version(call: &Call) -> (String, Option<i64>) {
    let name = call.options.text("model").unwrap_or_default().to_owned();
    (name, call.options.int("version"))
}

impl TableFunction for FieldAttention {
    fn name(&self) -> String {
        "segue_field_attention".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![MODEL, VERSION]
    }

    fn named(&self) -> Vec<Param> {
        Vec::new()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::new("__user_id", SqlType::Varchar),
            Column::new("__field", SqlType::Varchar),
            Column::new("__weight", SqlType::Double),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        None
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let conn = call.caller.connect()?;
        let (model, version) = (call.options.text("model"), call.options.int("version"));
        find(&conn, &call.caller, "field_attention", model, version)?;
        let (caller, options) = (call.caller.clone(), call.options.clone());
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let (caller, options) = (caller.clone(), options.clone());
                Ok(Once::boxed(move || {
                    let (model, version) = (options.text("model"), options.int("version"));
                    let loaded = load(&caller, "field_attention", model, version)?;
                    attention_rows(&loaded, &caller)
                }))
            }),
        })
    }
}

fn attention_rows(loaded: &Loaded, caller: &Caller) -> Result<Vec<Vec<Value>>> {
    let fields = loaded.model.attention_fields();
    if fields.is_empty() {
        return Err(Error::model(format!(
            "field_attention: model '{}' is a {}, which does not weigh fields; train_harm makes \
             models that do",
            loaded.row.name, loaded.row.kind
        )));
    }
    let mut rows = Vec::new();
    for user in 0..loaded.dataset.users.len() as u32 {
        caller.control.check()?;
        let mut songs = loaded.dataset.plays.history(user).to_vec();
        songs.sort_unstable();
        songs.dedup();
        let Some(weights) = loaded.model.field_attention(Some(user), &songs)? else { continue };
        let id = loaded.dataset.users.text(user);
        for (field, weight) in fields.iter().zip(weights) {
            rows.push(vec![text(&id), text(field), Value::Float(f64::from(weight))]);
        }
    }
    Ok(rows)
}

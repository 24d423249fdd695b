//! All models of a database as read at one time, and which of them a name means.

use super::catalogue::Catalogue;
use super::names::{alternatives, literal, similar};
use super::place::{databases, qualified, unattached};
use super::rows::{Cell, lookup};
use crate::error::{Error, Result};

/// A stored model, without its file.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    /// The database that it is stored in.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub version: i64,
    /// Its kind in the registry.
    pub kind: String,
    /// Whether its training ran to the end; otherwise it is interrupted.
    pub complete: bool,
    /// Its training options, as JSON.
    pub options_json: String,
    /// The seed of its training.
    pub seed: i64,
    /// The device of its training.
    pub device: String,
    /// The fingerprint of its data.
    pub fingerprint: String,
    /// How many plays it was trained on.
    pub plays: i64,
    /// How many users it knows.
    pub users: i64,
    /// How many songs it knows.
    pub songs: i64,
    /// How many rows of plays were left out.
    pub rejected: i64,
    /// The song fields and user attributes that it uses.
    pub fields: Vec<String>,
    /// Validation metrics of its best epoch.
    pub metrics: Vec<(String, f64)>,
    /// The epoch whose weights are stored.
    pub best_epoch: Option<i64>,
    /// The size of its file.
    pub bytes: i64,
    /// The format of its file.
    pub format: i64,
    /// The Segue that wrote it.
    pub segue_version: String,
    /// The DuckDB that wrote it.
    pub duckdb_version: String,
    /// When it was stored: microseconds since 1970, UTC.
    pub created_at: i64,
    /// Whether functions use it when no model is named.
    pub is_default: bool,
}

impl ModelRow {
    /// `complete` or `interrupted`.
    pub fn status(&self) -> &'static str {
        if self.complete { "complete" } else { "interrupted" }
    }

    /// Whether it can recommend songs: what was trained without plays cannot.
    pub fn recommends(&self) -> bool {
        self.plays > 0
    }

    /// Tells this model from every other one that the database ever had, for a cache.
    pub fn cache_key(&self) -> String {
        format!("{}\0{}\0{}\0{}", self.database, self.name, self.version, self.created_at)
    }
}

/// All models of a database, by name and version, and what `use_model` chose.
pub(super) struct Shelf<'c> {
    catalogue: Catalogue<'c>,
    pub models: Vec<ModelRow>,
    /// Names and the versions chosen for them.
    pub chosen: Vec<(String, i64)>,
    default_name: Option<String>,
}

impl<'c> Shelf<'c> {
    /// Reads the tables; a database without them has no models.
    pub(super) fn read(catalogue: Catalogue<'c>) -> Result<Self> {
        let (models, chosen) = (Vec::new(), Vec::new());
        let mut shelf = Self { catalogue, models, chosen, default_name: None };
        let catalogue = &shelf.catalogue;
        let sql = format!(
            "SELECT name, version, kind, status, options, seed, device, fingerprint, plays, users,
             songs, rejected, fields, map_keys(metrics), map_values(metrics), best_epoch, bytes,
             format, segue_version, duckdb_version, epoch_us(created_at)
             FROM {}",
            catalogue.table("models")
        );
        let found = match lookup(catalogue.conn, &sql, []) {
            // Nearly always there is a model: hence this order.
            Err(_) if !catalogue.exists()? => return Ok(shelf),
            found => found?,
        };
        shelf.models = found.into_iter().map(|row| model(&catalogue.database, row)).collect();
        // Not in SQL, where sorting these few rows takes several times as long as reading them.
        shelf.models.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
        let sql =
            format!("SELECT name, chosen_version, is_default FROM {}", catalogue.table("names"));
        for row in lookup(catalogue.conn, &sql, [])? {
            let [name, version, is_default] = &row[..] else { continue };
            let name = name.clone().text();
            if let Some(version) = version.integer() {
                shelf.chosen.push((name.clone(), version));
            }
            if is_default.is_true() {
                shelf.default_name = Some(name);
            }
        }
        if let Some(at) = shelf.default_model() {
            shelf.models[at].is_default = true;
        }
        Ok(shelf)
    }

    /// The model of a name and version, or the default; a version alone is the default model's.
    pub(super) fn find(
        &self,
        function: &str,
        name: Option<&str>,
        version: Option<i64>,
    ) -> Result<&ModelRow> {
        let name = match name {
            Some(name) => name,
            None => {
                let row = self.default_model().map(|at| &self.models[at]);
                let row = row.ok_or_else(|| self.nothing(function))?;
                if version.is_none_or(|version| version == row.version) {
                    return Ok(row);
                }
                &row.name
            }
        };
        let (_, found) = self.versions(function, name, version)?;
        let row = match version {
            Some(_) => found.first().copied(),
            None => self.current(name).map(|at| &self.models[at]),
        };
        row.ok_or_else(|| only_interrupted(function, name, &found))
    }

    /// How many versions a name has, and those that are meant: all, or the one of a number.
    pub(super) fn versions(
        &self,
        function: &str,
        name: &str,
        version: Option<i64>,
    ) -> Result<(usize, Vec<&ModelRow>)> {
        let all: Vec<&ModelRow> = self.models.iter().filter(|row| row.name == name).collect();
        if all.is_empty() {
            return Err(self.unknown(function, name));
        }
        let count = all.len();
        let Some(version) = version else { return Ok((count, all)) };
        match all.iter().find(|row| row.version == version) {
            Some(row) => Ok((count, vec![row])),
            None => Err(Error::model(format!(
                "{function}: model '{name}' has no version {version}; its versions are: {}",
                numbers(&all)
            ))),
        }
    }

    /// Where the model is that a name without a version means.
    fn current(&self, name: &str) -> Option<usize> {
        self.current_of(name, |row| row.complete)
    }

    /// The same among those that are wanted.
    fn current_of(&self, name: &str, wanted: impl Fn(&ModelRow) -> bool) -> Option<usize> {
        let chosen = self.chosen.iter().find(|(chosen, _)| chosen == name).map(|(_, v)| *v);
        let is_wanted = |(_, row): &(usize, &ModelRow)| row.name == name && wanted(row);
        let mut versions = self.models.iter().enumerate().filter(|pair| is_wanted(pair));
        let latest = versions.clone().next_back();
        versions.find(|(_, row)| Some(row.version) == chosen).or(latest).map(|(at, _)| at)
    }

    fn default_model(&self) -> Option<usize> {
        let answers = |row: &ModelRow| row.complete && row.recommends();
        let of_name = |name: &str| self.current_of(name, answers);
        let chosen = self.default_name.as_deref().and_then(of_name);
        chosen.or_else(|| {
            let complete = self.models.iter().filter(|row| answers(row));
            let latest = complete.max_by_key(|row| (row.created_at, row.version))?;
            of_name(&latest.name)
        })
    }

    fn nothing(&self, function: &str) -> Error {
        if self.models.is_empty() {
            let elsewhere = self.elsewhere(None);
            if !elsewhere.is_empty() {
                return Error::model(format!(
                    "{function}: no model is stored in database '{}' yet, but in others: {}",
                    self.catalogue.database,
                    elsewhere.join(" or ")
                ));
            }
            return Error::model(format!(
                "{function}: no model is stored yet; train one, e.g. FROM train_popularity('plays')"
            ));
        }
        if self.models.iter().any(|row| row.complete) {
            return Error::model(format!(
                "{function}: the models that are complete recommend nothing ({}); train one that does, \
                 e.g. FROM train_popularity('plays')",
                self.names().join(", ")
            ));
        }
        Error::model(format!(
            "{function}: no model is complete, and an interrupted one is never the default; run a \
             training again to finish it, or name a model and its version (there are: {})",
            self.names().join(", ")
        ))
    }

    fn unknown(&self, function: &str, name: &str) -> Error {
        let names = self.names();
        let elsewhere = self.elsewhere(Some(name));
        if !elsewhere.is_empty() {
            return Error::model(format!(
                "{function}: no model '{name}' in database '{}', but in others: {}",
                self.catalogue.database,
                elsewhere.join(" or ")
            ));
        }
        if names.is_empty() {
            return Error::model(format!(
                "{function}: no model '{name}'; no model is stored yet; train one, e.g. FROM \
                 train_popularity('plays', model := '{}')",
                name.replace('\'', "''")
            ));
        }
        let near = similar(name, names.iter().copied());
        let mut hint = String::new();
        if let Ok(Some(database)) = unattached(self.catalogue.conn, name) {
            hint += &format!("no database '{database}' is attached; ");
        }
        if !near.is_empty() {
            hint += &format!("did you mean {}? ", alternatives(&near));
        }
        Error::model(format!("{function}: no model '{name}'; {hint}models: {}", names.join(", ")))
    }

    /// Models of other databases, as arguments: those of a name, or a few of any.
    fn elsewhere(&self, name: Option<&str>) -> Vec<String> {
        let conn = self.catalogue.conn;
        // A courtesy: without it the message still stands.
        let mut others = databases(conn).unwrap_or_default();
        others.retain(|database| *database != self.catalogue.database);
        let found = others.iter().flat_map(|database| {
            let names = Catalogue::of(conn, database).names().unwrap_or_default();
            let wanted = names.into_iter().filter(|other| name.is_none_or(|name| other == name));
            wanted.map(|name| format!("model := {}", literal(&qualified(database, &name))))
        });
        found.take(3).collect()
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.models.iter().map(|row| row.name.as_str()).collect();
        names.dedup();
        names
    }
}

fn only_interrupted(function: &str, name: &str, versions: &[&ModelRow]) -> Error {
    let latest = versions.last().map_or(1, |row| row.version);
    Error::model(format!(
        "{function}: model '{name}' has no complete version, only interrupted ones: {}; run its \
         training again to finish it, or ask for one with version := {latest}",
        numbers(versions)
    ))
}

fn numbers(versions: &[&ModelRow]) -> String {
    let numbers: Vec<String> = versions.iter().map(|row| row.version.to_string()).collect();
    numbers.join(", ")
}

/// A row of `models`, in the order in which [`Shelf::read`] asks for its columns.
fn model(database: &str, row: Vec<Cell>) -> ModelRow {
    let mut row = row.into_iter();
    let mut next = || row.next().unwrap_or(Cell::Null);
    ModelRow {
        database: database.to_owned(),
        name: next().text(),
        version: next().integer().unwrap_or(0),
        kind: next().text(),
        complete: next().text() == "complete",
        options_json: next().text(),
        seed: next().integer().unwrap_or(0),
        device: next().text(),
        fingerprint: next().text(),
        plays: next().integer().unwrap_or(0),
        users: next().integer().unwrap_or(0),
        songs: next().integer().unwrap_or(0),
        rejected: next().integer().unwrap_or(0),
        fields: next().list().into_iter().map(Cell::text).collect(),
        metrics: metrics(next(), next()),
        best_epoch: next().integer(),
        bytes: next().integer().unwrap_or(0),
        format: next().integer().unwrap_or(0),
        segue_version: next().text(),
        duckdb_version: next().text(),
        created_at: next().integer().unwrap_or(0),
        is_default: false,
    }
}

/// Metrics from the keys and values of a MAP.
pub(super) fn metrics(names: Cell, values: Cell) -> Vec<(String, f64)> {
    let values = values.list().into_iter().map(|value| value.number());
    names.list().into_iter().map(Cell::text).zip(values).collect()
}

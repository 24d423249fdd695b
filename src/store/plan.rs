//! What a training reads: relations, columns and types, settled before any row is read.

use duckdb::Connection;

use super::chords::ChordsPlan;
use super::columns::{ColumnNames, FieldKind, Role, time_expression};
use super::features;
use super::ids::{common_id_type, id_expression, id_type};
use super::pieces::Pieces;
use super::relation::{Column, Relation};
use super::tiles;
use crate::data::ChordReading;
use crate::error::{Error, Result};

/// The relations and columns that an analyst gave to a training.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatasetRequest {
    /// The function, for messages.
    pub function: String,
    /// Who played what.
    pub plays: Option<String>,
    /// Attributes of songs.
    pub songs: Option<String>,
    /// Attributes of users.
    pub users: Option<String>,
    /// Columns named by the analyst.
    pub columns: ColumnNames,
    /// The columns of `songs` to use; all usable ones if `None`.
    pub fields: Option<Vec<String>>,
    /// The columns of `users` to use; all usable ones if `None`.
    pub attributes: Option<Vec<String>>,
    /// How many buckets a number is cut into, at most.
    pub buckets: usize,
    /// The chords of songs.
    pub chords: Option<String>,
    /// The feature matrices of songs.
    pub features: Option<(&'static str, String)>,
    /// Pictures of songs.
    pub tiles: Option<String>,
    /// What becomes of the symbols of chords.
    pub chord_reading: ChordReading,
}

/// The columns of a relation of plays.
#[derive(Debug)]
pub(super) struct PlaysPlan {
    pub relation: Relation,
    pub user: Option<Column>,
    pub song: Column,
    pub session: Option<Column>,
    pub time: Option<(Column, String)>,
}

impl PlaysPlan {
    /// Finds the columns.
    pub(super) fn new(relation: Relation, names: &ColumnNames) -> Result<Self> {
        let song = relation.need_column(Role::Song, names.get(Role::Song))?;
        let user = relation.find_column(Role::User, names.get(Role::User))?;
        let session = relation.find_column(Role::Session, names.get(Role::Session))?;
        let time = relation.find_column(Role::Time, names.get(Role::Time))?;
        if user.is_none() && session.is_none() {
            return Err(relation.lacks(&[Role::User, Role::Session]));
        }
        let time = match time {
            Some(column) => {
                let expression = time_expression(&relation, &column)?;
                Some((column, expression))
            }
            None => None,
        };
        let plan = Self { relation, user, song, session, time };
        let others = [plan.user.as_ref(), plan.session.as_ref()];
        for column in others.into_iter().flatten().chain([&plan.song]) {
            id_type(&plan.relation, column)?;
        }
        Ok(plan)
    }

    /// The column that says whose play it is: without users, each session is its own user.
    pub(super) fn listener(&self) -> &Column {
        self.user.as_ref().or(self.session.as_ref()).unwrap_or(&self.song)
    }

    /// SQL for listener, song, and session and time where there are any.
    pub(super) fn expressions(&self) -> Vec<String> {
        let ids = [Some(self.listener()), Some(&self.song), self.session.as_ref()];
        let time = self.time.iter().map(|(_, expression)| expression.clone());
        ids.into_iter().flatten().map(id_expression).chain(time).collect()
    }
}

/// A column of `songs` or `users` that becomes a field.
#[derive(Debug)]
pub(super) struct FieldPlan {
    pub column: Column,
    pub kind: FieldKind,
    /// The analyst named it, so it is used whatever its values.
    pub named: bool,
}

/// The columns of a relation of attributes.
#[derive(Debug)]
pub(super) struct AttributesPlan {
    pub relation: Relation,
    pub role: Role,
    pub id: Column,
    pub fields: Vec<FieldPlan>,
    pub notes: Vec<String>,
}

impl AttributesPlan {
    fn new(
        relation: Relation,
        role: Role,
        names: &ColumnNames,
        option: &str,
        wanted: Option<&[String]>,
    ) -> Result<Self> {
        // A name given for plays holds here too, but need not exist here.
        let given = names.get(role).filter(|name| relation.column(name).is_some());
        let id = relation.need_column(role, given)?;
        id_type(&relation, &id)?;
        let mut plan = Self { relation, role, id, fields: Vec::new(), notes: Vec::new() };
        match wanted {
            Some(wanted) => plan.named_fields(option, wanted)?,
            None => plan.all_fields(),
        }
        Ok(plan)
    }

    fn named_fields(&mut self, option: &str, wanted: &[String]) -> Result<()> {
        for name in wanted {
            let Some(column) = self.relation.column(name).cloned() else {
                return Err(Error::option(
                    &self.relation.function,
                    option,
                    format!(
                        "names '{name}', which is no column of {}; its columns are: {}",
                        self.relation.label,
                        self.relation.column_names()
                    ),
                ));
            };
            let Some(kind) = FieldKind::of(&column) else {
                return Err(Error::option(
                    &self.relation.function,
                    option,
                    format!(
                        "names '{name}', which is of type {} and cannot be a field; use texts, \
                         numbers, dates, or lists of texts or integers",
                        column.sql_type
                    ),
                ));
            };
            let seen = self.fields.iter().any(|field| field.column == column);
            if column != self.id && !seen {
                self.fields.push(FieldPlan { column, kind, named: true });
            }
        }
        Ok(())
    }

    fn all_fields(&mut self) {
        for column in &self.relation.columns {
            let about_plays = self.role == Role::Song
                && (Role::Time.has_name(&column.name) || Role::Session.has_name(&column.name));
            if *column == self.id || about_plays {
                continue;
            }
            match FieldKind::of(column) {
                Some(kind) => {
                    let column = column.clone();
                    self.fields.push(FieldPlan { column, kind, named: false });
                }
                None => self.notes.push(format!(
                    "{} of {} was left out: type {} cannot be a field",
                    column.name, self.relation.label, column.sql_type
                )),
            }
        }
    }

    /// SQL for the id, then the fields.
    pub(super) fn expressions(&self) -> Vec<String> {
        let fields = self.fields.iter().map(|field| field.kind.expression(&field.column));
        std::iter::once(id_expression(&self.id)).chain(fields).collect()
    }
}

/// Everything that will be read.
#[derive(Debug)]
pub(super) struct DatasetPlan {
    pub plays: Option<PlaysPlan>,
    pub songs: Option<AttributesPlan>,
    pub users: Option<AttributesPlan>,
    pub chords: Option<ChordsPlan>,
    pub features: Option<Pieces>,
    pub tiles: Option<Pieces>,
    /// The type of user ids in results.
    pub user_type: String,
    /// The type of song ids in results.
    pub song_type: String,
}

impl DatasetPlan {
    /// Settles relations, columns and types.
    pub(super) fn new(conn: &Connection, request: &DatasetRequest) -> Result<Self> {
        let function = &request.function;
        let resolve = |option: &str, text: &Option<String>| {
            text.as_deref().map(|text| Relation::resolve(conn, function, option, text)).transpose()
        };
        let names = &request.columns;
        let plays = resolve("plays", &request.plays)?
            .map(|relation| PlaysPlan::new(relation, names))
            .transpose()?;
        let songs = resolve("songs", &request.songs)?
            .map(|relation| {
                let wanted = request.fields.as_deref();
                AttributesPlan::new(relation, Role::Song, names, "fields", wanted)
            })
            .transpose()?;
        let users = resolve("users", &request.users)?
            .map(|relation| {
                let wanted = request.attributes.as_deref();
                AttributesPlan::new(relation, Role::User, names, "attributes", wanted)
            })
            .transpose()?;
        let chords = resolve("chords", &request.chords)?
            .map(|relation| ChordsPlan::new(relation, names, request.chord_reading))
            .transpose()?;
        let features = match &request.features {
            Some((option, text)) => {
                let relation = Relation::resolve(conn, function, option, text)?;
                Some(features::plan(option, relation, names)?)
            }
            None => None,
        };
        let tiles = resolve("tiles", &request.tiles)?
            .map(|relation| tiles::plan(relation, names))
            .transpose()?;
        refuse_names_without_relation(request)?;
        if let (Some(plays), Some(users)) = (&plays, &users)
            && plays.user.is_none()
        {
            return Err(plays.relation.error(format!(
                "{} has no user column, so the attributes of users in {} belong to nobody; name \
                 the column with user := '…', or leave users out",
                plays.relation.label, users.relation.label
            )));
        }
        let mut user_ids: Vec<_> = plays.iter().map(|p| (&p.relation, p.listener())).collect();
        user_ids.extend(users.iter().map(|plan| (&plan.relation, &plan.id)));
        let mut song_ids: Vec<_> = plays.iter().map(|p| (&p.relation, &p.song)).collect();
        song_ids.extend(songs.iter().map(|plan| (&plan.relation, &plan.id)));
        song_ids.extend(chords.iter().map(|plan| (&plan.pieces.relation, &plan.pieces.song)));
        let pieces = features.iter().chain(&tiles);
        song_ids.extend(pieces.map(|plan| (&plan.relation, &plan.song)));
        let (user_type, song_type) = (shared_type(&user_ids)?, shared_type(&song_ids)?);
        Ok(Self { plays, songs, users, chords, features, tiles, user_type, song_type })
    }
}

/// `fields` and `attributes` choose among columns, so there must be some; ids are always there.
fn refuse_names_without_relation(request: &DatasetRequest) -> Result<()> {
    let cases = [
        ("fields", &request.fields, "songs", &request.songs, Role::Song),
        ("attributes", &request.attributes, "users", &request.users, Role::User),
    ];
    for (option, wanted, relation, given, role) in cases {
        let is_id = |name: &String| role.has_name(name) || request.columns.get(role) == Some(name);
        let named = wanted.iter().flatten().find(|name| !is_id(name));
        if let (Some(name), None) = (named, given) {
            return Err(Error::option(
                &request.function,
                option,
                format!("names '{name}', but there is no {relation} := '…' to take it from"),
            ));
        }
    }
    Ok(())
}

/// The type of ids that the columns of several relations share.
fn shared_type(columns: &[(&Relation, &Column)]) -> Result<String> {
    let Some((&(relation, column), others)) = columns.split_first() else {
        return Ok("VARCHAR".to_owned());
    };
    let mut ours = id_type(relation, column)?;
    for &(other_relation, other) in others {
        let theirs = id_type(other_relation, other)?;
        ours = common_id_type(&ours, &theirs).ok_or_else(|| {
            relation.error(format!(
                "{} of {} is of type {ours}, but {} of {} is of type {theirs}; cast one of them \
                 in a query, e.g. '(SELECT * REPLACE (CAST({} AS {ours}) AS {}) FROM …)'",
                column.name,
                relation.label,
                other.name,
                other_relation.label,
                other.name,
                other.name,
            ))
        })?;
    }
    Ok(ours)
}

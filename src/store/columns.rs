//! Which column of a relation plays which role, and how its type is read.

use super::ids::is_integer;
use super::names::quote;
use super::relation::{Column, Relation};
use crate::data::NumberKind;
use crate::error::{Error, Result};

/// What a column says about a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who played.
    User,
    /// What was played.
    Song,
    /// When.
    Time,
    /// In which session.
    Session,
}

impl Role {
    /// The column names that are known to have this role.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::User => &["user_id", "user", "userid", "uid", "listener_id"],
            Self::Song => &["song_id", "track_id", "item_id", "song", "track", "item"],
            Self::Time => &["played_at", "timestamp", "ts", "time", "datetime", "created_at"],
            Self::Session => &["session_id", "session", "sess_id"],
        }
    }

    /// The option that names the column.
    pub fn option(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Song => "song",
            Self::Time => "time",
            Self::Session => "session",
        }
    }

    /// The option as an argument is written: TIME is a type in SQL, so that it wants quotes.
    pub fn argument(self) -> &'static str {
        if self == Self::Time { "\"time\"" } else { self.option() }
    }

    /// Whether a column of this name is known to have this role; `SongId` is `song_id`.
    pub fn has_name(self, name: &str) -> bool {
        let plain = |name: &str| name.replace('_', "").to_lowercase();
        self.names().iter().any(|known| plain(known) == plain(name))
    }
}

/// Columns that the analyst named in place of the usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// Option `user`.
    pub user: Option<String>,
    /// Option `song`.
    pub song: Option<String>,
    /// Option `session`.
    pub session: Option<String>,
    /// Option `time`.
    pub time: Option<String>,
}

impl ColumnNames {
    /// The name given for a role.
    pub fn get(&self, role: Role) -> Option<&str> {
        match role {
            Role::User => self.user.as_deref(),
            Role::Song => self.song.as_deref(),
            Role::Session => self.session.as_deref(),
            Role::Time => self.time.as_deref(),
        }
    }
}

impl Relation {
    /// The column of a role: the one named by `given`, or the one with a usual name.
    ///
    /// # Errors
    /// `given` names no column, or several columns have usual names.
    pub fn find_column(&self, role: Role, given: Option<&str>) -> Result<Option<Column>> {
        if let Some(name) = given {
            return match self.column(name) {
                Some(column) => Ok(Some(column.clone())),
                None => Err(Error::option(
                    &self.function,
                    role.option(),
                    format!(
                        "is '{name}', which is no column of {}; its columns are: {}",
                        self.label,
                        self.column_names()
                    ),
                )),
            };
        }
        let found: Vec<&Column> =
            self.columns.iter().filter(|column| role.has_name(&column.name)).collect();
        match found.as_slice() {
            [] => Ok(None),
            [column] => Ok(Some((*column).clone())),
            [first, ..] => {
                let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
                Err(self.error(format!(
                    "the {option} column of {} is ambiguous: it may be {}; say which with \
                     {} := '{}'",
                    self.label,
                    names.join(" or "),
                    role.argument(),
                    first.name,
                    option = role.option(),
                )))
            }
        }
    }

    /// As [`Relation::find_column`], for a role without which the relation cannot be used.
    ///
    /// # Errors
    /// Also when no column has the role.
    pub fn need_column(&self, role: Role, given: Option<&str>) -> Result<Column> {
        self.find_column(role, given)?.ok_or_else(|| self.lacks(&[role]))
    }

    /// The error for a relation in which no column has any of the roles.
    pub(super) fn lacks(&self, roles: &[Role]) -> Error {
        let wanted: Vec<String> = roles
            .iter()
            .map(|role| format!("{} column ({})", role.option(), role.names().join(", ")))
            .collect();
        let remedy: Vec<String> =
            roles.iter().map(|role| format!("{} := '…'", role.argument())).collect();
        self.error(format!(
            "{} has no {}; its columns are: {}; name the right one with {}",
            self.label,
            wanted.join(" and no "),
            self.column_names(),
            remedy.join(" or "),
        ))
    }
}

/// SQL that reads a time column as BIGINT or DOUBLE, NULL where it is not finite.
///
/// # Errors
/// The type is no time.
pub(super) fn time_expression(relation: &Relation, column: &Column) -> Result<String> {
    let name = quote(&column.name);
    Ok(match column.sql_type.as_str() {
        "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => {
            format!("CASE WHEN isfinite({name}) THEN epoch_us({name}) END")
        }
        "TIMESTAMP_NS" => format!("epoch_ns({name})"),
        "DATE" | "TIMESTAMP_S" | "TIMESTAMP_MS" => {
            let time = format!("TRY_CAST({name} AS TIMESTAMP)");
            format!("CASE WHEN isfinite({time}) THEN epoch_us({time}) END")
        }
        integer if is_integer(integer) => format!("CAST({name} AS BIGINT)"),
        number if is_number(number) => {
            let number = format!("CAST({name} AS DOUBLE)");
            format!("CASE WHEN isfinite({number}) THEN {number} END")
        }
        other => {
            return Err(relation.error(format!(
                "{} of {} is of type {other}, but a time must be a TIMESTAMP, a DATE or a number; \
                 cast it in a query, e.g. '(SELECT * REPLACE (CAST({name} AS TIMESTAMP) AS \
                 {name}) FROM …)'",
                column.name, relation.label
            )));
        }
    })
}

pub(super) fn is_number(sql_type: &str) -> bool {
    is_wide_integer(sql_type)
        || matches!(sql_type, "FLOAT" | "DOUBLE")
        || sql_type.starts_with("DECIMAL(")
}

fn is_wide_integer(sql_type: &str) -> bool {
    matches!(sql_type, "UBIGINT" | "HUGEINT" | "UHUGEINT")
}

/// How an attribute column becomes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// One category each; `true` where values are read as integers.
    Category(bool),
    /// Any number of categories each; `true` where values are read as integers.
    List(bool),
    /// Numbers, in buckets where many are distinct.
    Number(NumberKind),
}

impl FieldKind {
    /// How to read a column, or `None` if its type cannot be a field.
    ///
    /// Integers are quantities, except where the column's name says that they are ids.
    pub(super) fn of(column: &Column) -> Option<Self> {
        let sql_type = column.sql_type.as_str();
        let name = column.name.as_str();
        let is_id = name.eq_ignore_ascii_case("id")
            || name.to_lowercase().ends_with("_id")
            || name.ends_with("Id")
            || name.ends_with("ID");
        if let Some((element, _)) =
            sql_type.strip_suffix(']').and_then(|rest| rest.rsplit_once('['))
        {
            let integers = is_integer(element);
            return (integers || is_wide_integer(element) || is_text(element))
                .then_some(Self::List(integers));
        }
        if is_text(sql_type) || (is_id && is_wide_integer(sql_type)) {
            return Some(Self::Category(false));
        }
        if is_integer(sql_type) && is_id {
            return Some(Self::Category(true));
        }
        if is_integer(sql_type) || is_number(sql_type) {
            return Some(Self::Number(NumberKind::Plain));
        }
        match sql_type {
            "DATE" => Some(Self::Number(NumberKind::Date)),
            _ if sql_type.starts_with("TIMESTAMP") => Some(Self::Number(NumberKind::Timestamp)),
            _ => None,
        }
    }

    /// SQL that reads the column.
    pub(super) fn expression(self, column: &Column) -> String {
        let name = quote(&column.name);
        match self {
            Self::Category(true) => format!("CAST({name} AS BIGINT)"),
            Self::Category(false) => format!("CAST({name} AS VARCHAR)"),
            Self::List(true) => format!("CAST({name} AS BIGINT[])"),
            Self::List(false) => format!("CAST({name} AS VARCHAR[])"),
            Self::Number(NumberKind::Plain) => format!("CAST({name} AS DOUBLE)"),
            Self::Number(_) => format!("CASE WHEN isfinite({name}) THEN epoch({name}) END"),
        }
    }
}

fn is_text(sql_type: &str) -> bool {
    matches!(sql_type, "VARCHAR" | "BOOLEAN" | "UUID" | "JSON") || sql_type.starts_with("ENUM(")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(columns: &[(&str, &str)]) -> Relation {
        let columns = columns
            .iter()
            .map(|&(name, sql_type)| Column { name: name.into(), sql_type: sql_type.into() });
        Relation {
            label: "plays".into(),
            from: "plays".into(),
            columns: columns.collect(),
            function: "train_x".into(),
        }
    }

    #[test]
    fn usual_names_are_found_in_any_case() {
        let plays = relation(&[("User_ID", "BIGINT"), ("TRACK_ID", "UUID"), ("artist_id", "INT")]);
        assert_eq!(plays.need_column(Role::User, None).unwrap().name, "User_ID");
        assert_eq!(plays.need_column(Role::Song, None).unwrap().sql_type, "UUID");
        assert_eq!(plays.find_column(Role::Time, None).unwrap(), None);
        let camel = relation(&[("UserId", "BIGINT"), ("SessionId", "BIGINT"), ("UserName", "X")]);
        assert_eq!(camel.need_column(Role::User, None).unwrap().name, "UserId");
        assert_eq!(camel.need_column(Role::Session, None).unwrap().name, "SessionId");
        let named = plays.need_column(Role::Song, Some("ARTIST_ID")).unwrap();
        assert_eq!(named.name, "artist_id");
    }

    #[test]
    fn ambiguous_missing_and_wrong_names_are_explained() {
        let plays = relation(&[("song_id", "BIGINT"), ("track", "VARCHAR")]);
        let message = plays.find_column(Role::Song, None).unwrap_err().to_string();
        assert!(message.contains("song_id or track"), "{message}");
        assert!(
            message.contains("ambiguous") && message.contains("song := 'song_id'"),
            "{message}"
        );
        let message = plays.need_column(Role::User, None).unwrap_err().to_string();
        assert!(message.contains("columns are: song_id, track"), "{message}");
        assert!(message.contains("user := "), "{message}");
        let message = plays.find_column(Role::Time, Some("at")).unwrap_err().to_string();
        assert!(
            message.contains("option 'time' is 'at'") && message.contains("track"),
            "{message}"
        );
    }

    #[test]
    fn types_say_how_a_column_becomes_a_field() {
        let kind = |name: &str, sql_type: &str| {
            FieldKind::of(&Column { name: name.into(), sql_type: sql_type.into() })
        };
        assert_eq!(kind("genre", "ENUM('a', 'b[]')"), Some(FieldKind::Category(false)));
        assert_eq!(kind("tags", "VARCHAR[]"), Some(FieldKind::List(false)));
        assert_eq!(kind("tags", "INTEGER[3]"), Some(FieldKind::List(true)));
        assert_eq!(kind("artist_id", "INTEGER"), Some(FieldKind::Category(true)));
        assert_eq!(kind("ArtistId", "BIGINT"), Some(FieldKind::Category(true)));
        assert_eq!(kind("year", "INTEGER"), Some(FieldKind::Number(NumberKind::Plain)));
        assert_eq!(kind("price", "DECIMAL(18,3)"), Some(FieldKind::Number(NumberKind::Plain)));
        assert_eq!(kind("born", "DATE"), Some(FieldKind::Number(NumberKind::Date)));
        assert_eq!(kind("cover", "BLOB"), None);
        assert_eq!(kind("x", "VARCHAR[][]"), None);
        assert_eq!(kind("x", "STRUCT(a INTEGER[])"), None);
        assert_eq!(kind("x", "DOUBLE[]"), None);
    }
}

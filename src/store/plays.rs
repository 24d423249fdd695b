//! The columns of a relation of plays, for queries that are written over it.

use duckdb::Connection;

use super::columns::{ColumnNames, Role, is_number, time_expression};
use super::ids::{id_expression, is_integer};
use super::names::literal;
use super::plan::PlaysPlan;
use super::relation::{Column, Relation};
use super::rows::{Cell, rows};
use crate::error::{Error, Result};

/// A relation of plays and what its columns mean, as SQL over them. They are found, and may be
/// missing, as in a training.
pub struct PlaysColumns {
    /// The relation.
    pub relation: Relation,
    /// Who played: a BIGINT or VARCHAR. Without users each session is one of its own.
    pub user: String,
    /// What was played: a BIGINT or VARCHAR.
    pub song: String,
    /// In which session: a BIGINT or VARCHAR.
    pub session: Option<String>,
    /// When: a number that grows with time, NULL where it is not finite.
    pub time: Option<String>,
    columns: Columns,
}

/// The columns themselves.
struct Columns {
    has_users: bool,
    user: Column,
    song: Column,
    session: Option<Column>,
    time: Option<Column>,
}

/// How long something lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length<'a> {
    /// As DuckDB prints an INTERVAL; for times that are dates or timestamps.
    Interval(&'a str),
    /// In the unit of times that are numbers.
    Number(f64),
}

impl PlaysColumns {
    /// Finds the columns of the relation that `text` names; reads no row.
    ///
    /// # Errors
    /// The relation or a column is missing or ambiguous, or cannot be read.
    pub fn find(
        conn: &Connection,
        function: &str,
        option: &str,
        text: &str,
        names: &ColumnNames,
    ) -> Result<Self> {
        let relation = Relation::resolve(conn, function, option, text)?;
        let plan = PlaysPlan::new(relation, names)?;
        let (time, time_sql) = plan.time.clone().unzip();
        let columns = Columns {
            has_users: plan.user.is_some(),
            user: plan.listener().clone(),
            song: plan.song.clone(),
            session: plan.session.clone(),
            time,
        };
        Ok(Self {
            user: id_expression(&columns.user),
            song: id_expression(&columns.song),
            session: columns.session.as_ref().map(id_expression),
            time: time_sql,
            relation: plan.relation,
            columns,
        })
    }

    /// SQL for whether a training would read the row: nothing that it needs is NULL.
    pub fn is_usable(&self) -> String {
        let needed =
            [Some(&self.user), Some(&self.song), self.session.as_ref(), self.time.as_ref()];
        let needed: Vec<String> =
            needed.into_iter().flatten().map(|column| format!("{column} IS NOT NULL")).collect();
        needed.join(" AND ")
    }

    /// The session column.
    ///
    /// # Errors
    /// There is none.
    pub fn need_session(&self) -> Result<&str> {
        let lacks = || {
            let error = self.relation.lacks(&[Role::Session]);
            Error::data(format!("{error}, or make sessions with sessionize()"))
        };
        self.session.as_deref().ok_or_else(lacks)
    }

    /// The time column.
    ///
    /// # Errors
    /// There is none.
    pub fn need_time(&self) -> Result<&str> {
        self.time.as_deref().ok_or_else(|| self.relation.lacks(&[Role::Time]))
    }

    /// A constant as a number on the scale of the times, as SQL writes it.
    ///
    /// # Errors
    /// There is no time column, or the constant is not of its type.
    pub fn moment(&self, conn: &Connection, option: &str, text: &str) -> Result<String> {
        let column = self.time_column()?;
        let value = Column { name: "moment".to_owned(), sql_type: column.sql_type.clone() };
        let sql = format!(
            "SELECT CAST({} AS VARCHAR) FROM (SELECT TRY_CAST({} AS {}) AS moment)",
            time_expression(&self.relation, &value)?,
            literal(text),
            column.sql_type
        );
        scalar(conn, &sql)?.ok_or_else(|| {
            let message = format!(
                "is '{text}', but must be a {} as {} of {} is",
                column.sql_type, column.name, self.relation.label
            );
            Error::option(&self.relation.function, option, message)
        })
    }

    /// A length on the scale of the times, as SQL writes it. A month counts as 30 days.
    ///
    /// # Errors
    /// There is no time column, the length is not of its kind, or not longer than 0.
    pub fn length(&self, conn: &Connection, option: &str, length: Length<'_>) -> Result<String> {
        let column = self.time_column()?;
        let is_number = !column.sql_type.starts_with("TIMESTAMP") && column.sql_type != "DATE";
        let wrong = |wanted: &str| {
            let message = format!(
                "must be {wanted}, since {} of {} is a {}",
                column.name, self.relation.label, column.sql_type
            );
            Error::option(&self.relation.function, option, message)
        };
        match length {
            Length::Number(number) if is_number && number > 0.0 => Ok(number.to_string()),
            Length::Interval(text) if !is_number => {
                let scale = if column.sql_type == "TIMESTAMP_NS" { 1000 } else { 1 };
                let sql = format!(
                    "SELECT CAST(nullif(greatest(epoch_us(TRY_CAST({} AS INTERVAL)), 0), 0) \
                     * {scale} AS VARCHAR)",
                    literal(text)
                );
                scalar(conn, &sql)?.ok_or_else(|| wrong(INTERVAL))
            }
            _ if is_number => Err(wrong("a number greater than 0")),
            _ => Err(wrong(INTERVAL)),
        }
    }

    /// Refuses another relation whose ids, sessions or times cannot be compared with these.
    ///
    /// # Errors
    /// They cannot; the message names the first columns of which that is so.
    pub fn refuse_other_kinds(&self, other: &Self) -> Result<()> {
        let (ours, theirs) = (&self.columns, &other.columns);
        if ours.has_users != theirs.has_users {
            let lacks = if ours.has_users { other } else { self };
            return Err(lacks.relation.lacks(&[Role::User]));
        }
        let ids = |columns: &Columns| {
            [Some(&columns.user), Some(&columns.song), columns.session.as_ref()].map(|c| c.cloned())
        };
        let pairs = ids(ours).into_iter().zip(ids(theirs)).filter_map(|(a, b)| a.zip(b));
        let same_kind =
            |(a, b): &(Column, Column)| is_integer(&a.sql_type) == is_integer(&b.sql_type);
        let times = ours.time.clone().zip(theirs.time.clone());
        // Numbers of any type compare.
        let numbers = |column: &Column| is_integer(&column.sql_type) || is_number(&column.sql_type);
        let times = times
            .into_iter()
            .filter(|(a, b)| a.sql_type != b.sql_type && !(numbers(a) && numbers(b)));
        match pairs.filter(|pair| !same_kind(pair)).chain(times).next() {
            None => Ok(()),
            Some((a, b)) => Err(other.relation.error(format!(
                "{} of {} is of type {}, but {} of {} is of type {}; cast one of them in a query, \
                 e.g. '(SELECT * REPLACE (CAST({} AS {}) AS {}) FROM …)'",
                a.name,
                self.relation.label,
                a.sql_type,
                b.name,
                other.relation.label,
                b.sql_type,
                b.name,
                a.sql_type,
                b.name
            ))),
        }
    }

    fn time_column(&self) -> Result<&Column> {
        self.columns.time.as_ref().ok_or_else(|| self.relation.lacks(&[Role::Time]))
    }
}

const INTERVAL: &str = "an interval longer than 0, such as INTERVAL 30 DAYS";

/// The one text that a query gives.
fn scalar(conn: &Connection, sql: &str) -> Result<Option<String>> {
    let found = rows(conn, sql, [])?.into_iter().flatten().next();
    Ok(found.and_then(|cell| if let Cell::Text(text) = cell { Some(text) } else { None }))
}

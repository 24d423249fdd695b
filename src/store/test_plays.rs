//! Test plays and what belongs to them, for models that exist already.

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::columns::{ColumnNames, Role};
use super::ids::{id_expression, id_type, is_integer};
use super::plan::PlaysPlan;
use super::reader::RawPlays;
use super::relation::{Column, Relation};
use crate::control::Control;
use crate::data::{Dataset, Id, Interner, Keys, SongSets, TestPlays, Vocab};
use crate::error::Result;

/// Finds out whether a relation can be read as plays, whatever the model; reads no rows.
///
/// # Errors
/// The relation or a column is missing or ambiguous.
pub fn check_plays(
    conn: &Connection,
    function: &str,
    option: &str,
    relation_text: &str,
    columns: &ColumnNames,
) -> Result<()> {
    let relation = Relation::resolve(conn, function, option, relation_text)?;
    PlaysPlan::new(relation, columns).map(drop)
}

/// The relations of an evaluation.
#[derive(Debug, Clone, Default)]
pub struct TestRequest<'a> {
    /// The function, for messages.
    pub function: &'a str,
    /// The argument that holds the plays, for messages.
    pub option: &'a str,
    /// The plays to predict.
    pub plays: &'a str,
    /// Columns named by the analyst.
    pub columns: ColumnNames,
    /// What listeners played before.
    pub history: Option<&'a str>,
    /// Wrong answers for each listener.
    pub negatives: Option<&'a str>,
    /// The songs to choose from.
    pub candidates: Option<&'a str>,
}

/// The types of the ids of test plays, as results have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTypes {
    /// Of users; without these, of sessions.
    pub users: String,
    /// Of songs.
    pub songs: String,
}

/// Finds out whether test plays can be read for models of these data, and the types of their ids;
/// reads no rows.
///
/// # Errors
/// A relation or column is missing or ambiguous, or ids are of another kind than a model's.
pub fn check_test_plays(
    conn: &Connection,
    request: &TestRequest<'_>,
    datasets: &[&Dataset],
) -> Result<IdTypes> {
    TestPlan::new(conn, request, datasets)?.id_types()
}

/// Test plays and what belongs to them as they were read, ids as codes.
pub struct RawTestPlays {
    plan: TestPlan,
    users: Interner,
    songs: Interner,
    plays: RawPlays,
    history: Option<RawPlays>,
    negatives: Option<Vec<(u32, u32)>>,
    candidates: Option<Vec<u32>>,
}

/// Reads plays for a test of models of these data.
///
/// # Errors
/// As [`check_test_plays`]; no row is usable; the analyst stopped the statement.
pub fn read_test_plays(
    conn: &Connection,
    request: &TestRequest<'_>,
    datasets: &[&Dataset],
    control: &Control,
) -> Result<RawTestPlays> {
    let plan = TestPlan::new(conn, request, datasets)?;
    let mut users = Interner::new(is_integer(&plan.plays.listener().sql_type));
    let mut songs = Interner::new(is_integer(&plan.plays.song.sql_type));
    let mut read = |plan| RawPlays::read(conn, plan, &mut users, &mut songs, control);
    let plays = read(&plan.plays)?;
    let history = plan.history.as_ref().map(read).transpose()?;
    let negatives = match &plan.negatives {
        Some(pairs) => Some(pairs.read(conn, &mut users, &mut songs, control)?),
        None => None,
    };
    let candidates = match &plan.candidates {
        Some((relation, column)) => {
            let mut found = Vec::new();
            each_id(conn, relation, column, control, |id| found.push(songs.code(id)))?;
            Some(found)
        }
        None => None,
    };
    Ok(RawTestPlays { plan, users, songs, plays, history, negatives, candidates })
}

impl RawTestPlays {
    /// Orders and packs the plays. Asks the database nothing, and sorts on the threads of the rayon
    /// pool it is called in.
    ///
    /// # Errors
    /// Too many plays; the analyst stopped the statement.
    pub fn finish(self, control: &Control) -> Result<TestPlays> {
        let types = self.plan.id_types()?;
        let plan = self.plan.plays;
        let (users, user_ranks) = self.users.finish(&types.users);
        let (songs, song_ranks) = self.songs.finish(&types.songs);
        let plays = self.plays.builder.finish(&user_ranks, &song_ranks, control)?;
        let history = match self.history {
            Some(raw) => Some(raw.builder.finish(&user_ranks, &song_ranks, control)?),
            None => None,
        };
        let song = |song: u32| song_ranks[song as usize];
        let negatives = self.negatives.map(|pairs| {
            let pairs =
                pairs.into_iter().map(|(user, code)| (user_ranks[user as usize], song(code)));
            SongSets::new(users.len(), pairs.collect())
        });
        let candidates = self.candidates.map(|codes| {
            let mut found: Vec<u32> = codes.into_iter().map(song).collect();
            found.sort_unstable();
            found.dedup();
            found
        });
        Ok(TestPlays {
            users,
            songs,
            plays,
            has_users: plan.user.is_some(),
            has_sessions: plan.session.is_some(),
            history,
            negatives,
            candidates,
            rejected: self.plays.rejected,
            notes: self.plays.notes,
        })
    }
}

/// The relations and columns of an evaluation, settled before any row is read.
struct TestPlan {
    plays: PlaysPlan,
    history: Option<PlaysPlan>,
    negatives: Option<Pairs>,
    candidates: Option<(Relation, Column)>,
}

impl TestPlan {
    fn new(conn: &Connection, request: &TestRequest<'_>, datasets: &[&Dataset]) -> Result<Self> {
        let columns = &request.columns;
        let resolve = |option: &str, text: Option<&str>| {
            let found = |text| Relation::resolve(conn, request.function, option, text);
            text.map(found).transpose()
        };
        let relation = Relation::resolve(conn, request.function, request.option, request.plays)?;
        let plays = PlaysPlan::new(relation, columns)?;
        for dataset in datasets {
            refuse_other_plays(&plays, dataset)?;
        }
        let history = match resolve("history", request.history)? {
            Some(relation) => {
                relation.need_column(Role::User, columns.get(Role::User))?;
                let history = PlaysPlan::new(relation, columns)?;
                let Some(user) = &plays.user else {
                    return Err(plays.relation.lacks(&[Role::User]));
                };
                refuse_another_type(&history.relation, history.listener(), &plays.relation, user)?;
                refuse_another_type(
                    &history.relation,
                    &history.song,
                    &plays.relation,
                    &plays.song,
                )?;
                Some(history)
            }
            None => None,
        };
        let negatives = resolve("given_negatives", request.negatives)?
            .map(|relation| Pairs::new(relation, columns, &plays))
            .transpose()?;
        let candidates = match resolve("candidates", request.candidates)? {
            Some(relation) => {
                let column = song_column(&relation)?.clone();
                refuse_another_type(&relation, &column, &plays.relation, &plays.song)?;
                Some((relation, column))
            }
            None => None,
        };
        Ok(Self { plays, history, negatives, candidates })
    }

    fn id_types(&self) -> Result<IdTypes> {
        let PlaysPlan { relation, song, .. } = &self.plays;
        let users = id_type(relation, self.plays.listener())?;
        Ok(IdTypes { users, songs: id_type(relation, song)? })
    }
}

/// A relation of listeners and songs.
struct Pairs {
    relation: Relation,
    listener: Column,
    song: Column,
}

impl Pairs {
    /// Finds the columns; listeners are those of the plays.
    fn new(relation: Relation, names: &ColumnNames, plays: &PlaysPlan) -> Result<Self> {
        let column = |role| {
            // A name given for plays holds here too, but need not exist here.
            let given = names.get(role).filter(|name| relation.column(name).is_some());
            relation.need_column(role, given)
        };
        let listener = column(if plays.user.is_some() { Role::User } else { Role::Session })?;
        let song = column(Role::Song)?;
        refuse_another_type(&relation, &listener, &plays.relation, plays.listener())?;
        refuse_another_type(&relation, &song, &plays.relation, &plays.song)?;
        Ok(Self { relation, listener, song })
    }

    /// All pairs without NULLs, as codes.
    fn read(
        &self,
        conn: &Connection,
        users: &mut Interner,
        songs: &mut Interner,
        control: &Control,
    ) -> Result<Vec<(u32, u32)>> {
        let mut pairs = Vec::new();
        let expressions = [id_expression(&self.listener), id_expression(&self.song)];
        arrow::read(conn, &self.relation, &expressions, control, |batch| {
            let (user_ids, song_ids) = (Ids::new(&batch[0])?, Ids::new(&batch[1])?);
            for row in 0..batch[0].len() {
                if let (Some(user), Some(song)) = (user_ids.get(row), song_ids.get(row)) {
                    pairs.push((users.code(user), songs.code(song)));
                }
            }
            Ok(())
        })?;
        Ok(pairs)
    }
}

/// Hands over the ids of a column that are not NULL.
fn each_id(
    conn: &Connection,
    relation: &Relation,
    column: &Column,
    control: &Control,
    mut each: impl FnMut(Id<'_>),
) -> Result<()> {
    arrow::read(conn, relation, &[id_expression(column)], control, |batch| {
        let ids = Ids::new(&batch[0])?;
        (0..batch[0].len()).filter_map(|row| ids.get(row)).for_each(&mut each);
        Ok(())
    })
}

/// Reads candidate songs: indices in the model, ascending, each once. Songs that the model does
/// not know are left out, as are NULLs.
///
/// The song column is found by its usual names; a relation with one column needs none.
///
/// # Errors
/// The relation or its song column is missing, or its ids are of another kind than the model's.
pub fn read_songs(
    conn: &Connection,
    function: &str,
    option: &str,
    relation_text: &str,
    vocab: &Vocab,
    control: &Control,
) -> Result<Vec<u32>> {
    let relation = Relation::resolve(conn, function, option, relation_text)?;
    let column = song_column(&relation)?.clone();
    id_type(&relation, &column)?;
    refuse_other_ids(&relation, &column, vocab, "songs")?;
    let mut songs = Vec::new();
    each_id(conn, &relation, &column, control, |id| songs.extend(index(vocab, id)))?;
    songs.sort_unstable();
    songs.dedup();
    Ok(songs)
}

/// The one column with a usual name of songs, or the only column.
fn song_column(relation: &Relation) -> Result<&Column> {
    let named: Vec<&Column> =
        relation.columns.iter().filter(|column| Role::Song.has_name(&column.name)).collect();
    match (named.as_slice(), relation.columns.as_slice()) {
        ([column], _) => Ok(column),
        ([], [column]) => Ok(column),
        (several, _) => Err(relation.error(format!(
            "{} has {} song column ({}); its columns are: {}; choose one in a query, e.g. \
             '(SELECT … AS song_id FROM …)'",
            relation.label,
            if several.is_empty() { "no" } else { "more than one" },
            Role::Song.names().join(", "),
            relation.column_names()
        ))),
    }
}

/// Refuses plays whose ids can be none of a model's.
fn refuse_other_plays(plays: &PlaysPlan, dataset: &Dataset) -> Result<()> {
    if let Some(user) = &plays.user {
        refuse_other_ids(&plays.relation, user, &dataset.users, "users")?;
    }
    refuse_other_ids(&plays.relation, &plays.song, &dataset.songs, "songs")
}

/// As [`refuse_other_ids`], for a column that is to hold the ids of one of the plays.
fn refuse_another_type(
    relation: &Relation,
    column: &Column,
    plays: &Relation,
    ids: &Column,
) -> Result<()> {
    id_type(relation, column)?;
    if is_integer(&column.sql_type) == is_integer(&ids.sql_type) {
        return Ok(());
    }
    Err(relation.error(format!(
        "{name} of {} is of type {}, but {} of {} is of type {type_}; cast it in a query, e.g. \
         '(SELECT * REPLACE (CAST({name} AS {type_}) AS {name}) FROM …)'",
        relation.label,
        column.sql_type,
        ids.name,
        plays.label,
        name = column.name,
        type_ = ids.sql_type,
    )))
}

/// Texts never match integer ids, so a table with ids of the other kind would silently be unknown.
fn refuse_other_ids(relation: &Relation, column: &Column, vocab: &Vocab, what: &str) -> Result<()> {
    let integers = matches!(vocab.keys(), Keys::Integers(_));
    if vocab.is_empty() || integers == is_integer(&column.sql_type) {
        return Ok(());
    }
    Err(relation.error(format!(
        "{} of {} is of type {}, but the model's {what} have ids of type {}; cast it in a query, \
         e.g. '(SELECT * REPLACE (CAST({} AS {}) AS {}) FROM …)'",
        column.name,
        relation.label,
        column.sql_type,
        vocab.sql_type(),
        column.name,
        vocab.sql_type(),
        column.name
    )))
}

fn index(vocab: &Vocab, id: Id<'_>) -> Option<u32> {
    match id {
        Id::Integer(id) => vocab.find_integer(id),
        Id::Text(id) => vocab.find(id),
    }
}

#[cfg(test)]
#[path = "test_plays_tests.rs"]
mod tests;

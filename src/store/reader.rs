//! Relations of plays, songs and users → Arrow batches → a packed [`Dataset`].

use std::sync::Arc;

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::attributes::Attributes;
use super::chords::RawChords;
use super::features::RawFeatures;
use super::ids::is_integer;
use super::memory::{memory_limit, size};
use super::plan::{AttributesPlan, DatasetPlan, DatasetRequest, PlaysPlan};
use super::tiles::RawTiles;
use crate::control::Control;
use crate::data::{Dataset, Interner, MAX_PLAYS, PlaysBuilder, fingerprint};
use crate::error::Result;

/// Finds out whether a dataset can be read: relations, columns and their types. Reads no rows, so
/// that a statement fails when it is bound.
///
/// # Errors
/// A relation or column is missing, ambiguous or of a wrong type.
pub fn check(conn: &Connection, request: &DatasetRequest) -> Result<()> {
    DatasetPlan::new(conn, request).map(drop)
}

/// Whether songs have integers as ids in a dataset, as [`Keys`](crate::data::Keys) tells them apart.
///
/// # Errors
/// As [`check`].
pub fn has_integer_songs(conn: &Connection, request: &DatasetRequest) -> Result<bool> {
    Ok(is_integer(&DatasetPlan::new(conn, request)?.song_type))
}

/// The plays and attributes of a training as they were read, ids as codes.
pub struct RawDataset {
    buckets: usize,
    plan: DatasetPlan,
    users: Interner,
    songs: Interner,
    plays: RawPlays,
    song_rows: Option<Attributes>,
    user_rows: Option<Attributes>,
    chords: Option<RawChords>,
    features: Option<RawFeatures>,
    tiles: Option<RawTiles>,
}

/// Reads the plays and attributes of a training.
///
/// # Errors
/// As [`check`]; no play is usable; the plays do not fit into the database's `memory_limit`; the
/// analyst stopped the statement.
pub fn read_dataset(
    conn: &Connection,
    request: &DatasetRequest,
    control: &Control,
) -> Result<RawDataset> {
    let mut plan = DatasetPlan::new(conn, request)?;
    let mut users = Interner::new(is_integer(&plan.user_type));
    let mut songs = Interner::new(is_integer(&plan.song_type));
    let plays = match &plan.plays {
        Some(plays) => RawPlays::read(conn, plays, &mut users, &mut songs, control)?,
        None => RawPlays::none(),
    };
    let read = |plan: Option<AttributesPlan>, ids: &mut Interner| {
        plan.map(|plan| Attributes::read(conn, plan, ids, control)).transpose()
    };
    let song_rows = read(plan.songs.take(), &mut songs)?;
    let user_rows = read(plan.users.take(), &mut users)?;
    let chords = plan.chords.take();
    let chords = chords.map(|plan| RawChords::read(conn, plan, &mut songs, control)).transpose()?;
    let features = plan.features.take();
    let features =
        features.map(|plan| RawFeatures::read(conn, plan, &mut songs, control)).transpose()?;
    let tiles = plan.tiles.take();
    let tiles = tiles.map(|plan| RawTiles::read(conn, plan, &mut songs, control)).transpose()?;
    Ok(RawDataset {
        buckets: request.buckets,
        plan,
        users,
        songs,
        plays,
        song_rows,
        user_rows,
        chords,
        features,
        tiles,
    })
}

impl RawDataset {
    /// Orders and packs what was read. Asks the database nothing, and sorts on the threads of the
    /// rayon pool it is called in.
    ///
    /// # Errors
    /// A song or user has two rows of attributes; too many plays; the analyst stopped the
    /// statement.
    pub fn finish(self, control: &Control) -> Result<Dataset> {
        let Self { buckets, plan, plays, song_rows, user_rows, chords, features, tiles, .. } = self;
        let mut notes = plays.notes;
        let (users, user_ranks) = self.users.finish(&plan.user_type);
        let (songs, song_ranks) = self.songs.finish(&plan.song_type);
        let mut fields = |rows: Option<Attributes>, vocab, ranks: &[u32]| match rows {
            Some(rows) => rows.finish(vocab, ranks, buckets, &mut notes),
            None => Ok(Vec::new()),
        };
        let song_fields = fields(song_rows, &songs, &song_ranks)?;
        let user_fields = fields(user_rows, &users, &user_ranks)?;
        let chords = chords.map(|rows| rows.finish(&songs, &song_ranks, &mut notes)).transpose()?;
        let features =
            features.map(|rows| rows.finish(&songs, &song_ranks, &mut notes)).transpose()?;
        let tiles = tiles.map(|rows| rows.finish(&songs, &song_ranks, &mut notes)).transpose()?;
        let packed = plays.builder.finish(&user_ranks, &song_ranks, control)?;
        let mut play_counts = vec![0; songs.len()];
        for &song in &packed.songs {
            play_counts[song as usize] += 1;
        }
        let contents = [
            ("chords", chords.as_ref().map(|chords| &chords.offsets)),
            ("features", features.as_ref().map(|features| &features.offsets)),
        ];
        for (plural, offsets) in contents {
            notes.extend(offsets.and_then(|offsets| lacking(plural, offsets, &play_counts)));
        }
        let mut dataset = Dataset {
            users,
            songs,
            user_fields,
            song_fields,
            chords: chords.map(Arc::new),
            features,
            tiles,
            plays: packed,
            play_counts,
            has_sessions: plan.plays.is_some_and(|plays| plays.session.is_some()),
            rejected: plays.rejected,
            notes,
            fingerprint: String::new(),
        };
        dataset.fingerprint = fingerprint(&dataset);
        Ok(dataset)
    }
}

/// What is to say of songs that were played and of which nothing was given: with ids of another kind,
/// that is all of them. `offsets` are where each song's pieces begin.
fn lacking(plural: &str, offsets: &[u64], play_counts: &[u32]) -> Option<String> {
    let played = play_counts.iter().zip(offsets.windows(2)).filter(|(plays, _)| **plays > 0);
    let (mut all, mut without) = (0, 0);
    for (_, range) in played {
        all += 1;
        without += usize::from(range[0] == range[1]);
    }
    (without > 0).then(|| format!("{without} of {all} songs that were played have no {plural}"))
}

/// Plays as they were read, ids as codes.
pub(super) struct RawPlays {
    pub builder: PlaysBuilder,
    pub rejected: u64,
    pub notes: Vec<String>,
}

impl RawPlays {
    fn none() -> Self {
        Self { builder: PlaysBuilder::new(false, false), rejected: 0, notes: Vec::new() }
    }

    /// Reads all plays; at least one is usable.
    pub(super) fn read(
        conn: &Connection,
        plan: &PlaysPlan,
        users: &mut Interner,
        songs: &mut Interner,
        control: &Control,
    ) -> Result<Self> {
        let (has_sessions, has_times) = (plan.session.is_some(), plan.time.is_some());
        let mut builder = PlaysBuilder::new(has_sessions, has_times);
        let mut sessions =
            Interner::new(plan.session.as_ref().is_some_and(|column| is_integer(&column.sql_type)));
        let mut rejected = Rejected::default();
        let limit = memory_limit(conn)?;
        arrow::read(conn, &plan.relation, &plan.expressions(), control, |batch| {
            let (user_ids, song_ids) = (Ids::new(&batch[0])?, Ids::new(&batch[1])?);
            let session_ids = has_sessions.then(|| Ids::new(&batch[2])).transpose()?;
            let last = batch.len() - 1;
            let times = has_times.then(|| arrow::times(&batch[last])).transpose()?;
            for row in 0..batch[0].len() {
                let Some(user) = user_ids.get(row) else {
                    rejected.users += 1;
                    continue;
                };
                let Some(song) = song_ids.get(row) else {
                    rejected.songs += 1;
                    continue;
                };
                let session = session_ids.as_ref().map(|ids| ids.get(row));
                if session == Some(None) {
                    rejected.sessions += 1;
                    continue;
                }
                if times.as_ref().is_some_and(|times| times.is_null(row)) {
                    rejected.times += 1;
                    continue;
                }
                builder.push(
                    users.code(user),
                    songs.code(song),
                    session.flatten().map_or(0, |session| sessions.code(session)),
                    times.as_ref().map_or(0, |times| times.value(row)),
                );
            }
            // Found out early: what comes after this cannot be kept.
            if builder.len() > MAX_PLAYS {
                return Err(too_many(plan));
            }
            match limit.filter(|&limit| builder.bytes() > limit) {
                Some(limit) => Err(too_large(plan, &builder, limit)),
                None => Ok(()),
            }
        })?;
        let notes = plan_notes(conn, plan, &rejected, builder.len())?;
        Ok(Self { builder, rejected: rejected.total(), notes })
    }
}

fn too_many(plan: &PlaysPlan) -> crate::error::Error {
    plan.relation.error(format!(
        "{} has more than {MAX_PLAYS} rows, the most that a model holds: give fewer, for example \
         the latest year, in a query in parentheses",
        plan.relation.label
    ))
}

fn too_large(plan: &PlaysPlan, builder: &PlaysBuilder, limit: u64) -> crate::error::Error {
    let (label, rows) = (&plan.relation.label, builder.len());
    plan.relation.error(format!(
        "the first {rows} rows of {label} take {} of memory, and memory_limit is {}: give fewer, \
         for example the latest year, in a query in parentheses, or SET memory_limit to more",
        size(builder.bytes()),
        size(limit)
    ))
}

/// How many rows were left out, by the first column that made them unusable.
#[derive(Default)]
struct Rejected {
    users: u64,
    songs: u64,
    sessions: u64,
    times: u64,
}

impl Rejected {
    fn total(&self) -> u64 {
        self.users + self.songs + self.sessions + self.times
    }

    fn reasons(&self, plan: &PlaysPlan) -> String {
        let session = plan.session.as_ref().map_or("", |column| column.name.as_str());
        let time = plan.time.as_ref().map_or("", |(column, _)| column.name.as_str());
        [
            (plan.listener().name.as_str(), "NULL", self.users),
            (plan.song.name.as_str(), "NULL", self.songs),
            (session, "NULL", self.sessions),
            (time, "NULL or not finite", self.times),
        ]
        .iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(name, what, count)| format!("{name} is {what} in {count}"))
        .collect::<Vec<_>>()
        .join(", ")
    }
}

/// Remarks on how plays were read; an error if none of them is usable.
fn plan_notes(
    conn: &Connection,
    plan: &PlaysPlan,
    rejected: &Rejected,
    kept: usize,
) -> Result<Vec<String>> {
    let label = &plan.relation.label;
    let total = rejected.total();
    if kept == 0 && total == 0 {
        return Err(plan.relation.error(format!(
            "{label} has no rows; there must be at least one play with {} and {}",
            plan.listener().name,
            plan.song.name
        )));
    }
    if kept == 0 {
        return Err(plan.relation.error(format!(
            "all {total} rows of {label} were left out: {}; there must be at least one play",
            rejected.reasons(plan)
        )));
    }
    let mut notes = Vec::new();
    if total > 0 {
        notes.push(format!(
            "{total} of {} rows of {label} were left out: {}",
            total + kept as u64,
            rejected.reasons(plan)
        ));
    }
    if plan.user.is_none() {
        notes.push(format!(
            "{label} has no user column, so each {} counts as a user of its own",
            plan.listener().name
        ));
    }
    if !keeps_row_order(conn)? {
        notes.push(format!(
            "preserve_insertion_order is off, so rows of {label} that have no time or equal times \
             may be in another order each time"
        ));
    }
    Ok(notes)
}

/// Whether rows without a time have an order that is the same each time they are read.
fn keeps_row_order(conn: &Connection) -> Result<bool> {
    let sql = "SELECT current_setting('preserve_insertion_order')::BOOLEAN";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;

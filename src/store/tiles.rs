//! A relation of pictures of songs → [`Tiles`].

use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray};
use duckdb::arrow::datatypes::DataType;

use super::arrow::{self, Ids};
use super::columns::ColumnNames;
use super::memory::{memory_limit, size};
use super::pieces::{Kind, Pieces, Rows};
use super::relation::Relation;
use crate::control::Control;
use crate::data::{Interner, Tiles, TilesBuilder, Vocab};
use crate::error::Result;

const TILES: Kind = Kind {
    piece: "png",
    pieces: &["png", "tiles", "picture"],
    place: "tile",
    may_lack_places: false,
    places: &["tile", "position", "pos", "start_s", "start", "time"],
    sql_type: "BLOB",
    rows: |sql_type| match sql_type {
        "BLOB" => Some(Rows::Pieces),
        "BLOB[]" => Some(Rows::Songs),
        _ => None,
    },
    types: "tiles are PNG files: BLOB with one row a tile, or BLOB[] with one row a song",
    plural: "tiles",
    needs: "a tile and its picture",
    lacks: "song, tile or picture is NULL",
};

/// What is read of such a relation.
///
/// # Errors
/// There is no column for song, picture or place, or one of a wrong type.
pub(super) fn plan(relation: Relation, names: &ColumnNames) -> Result<Pieces> {
    Pieces::new(relation, names, &TILES)
}

/// Tiles as they were read, songs as codes.
pub(super) struct RawTiles {
    plan: Pieces,
    builder: TilesBuilder,
    rejected: usize,
}

impl RawTiles {
    /// Reads all rows; their songs join those met before.
    ///
    /// # Errors
    /// DuckDB fails; no row is usable; the tiles do not fit into `memory_limit`; the analyst stopped the
    /// statement.
    pub(super) fn read(
        conn: &Connection,
        plan: Pieces,
        songs: &mut Interner,
        control: &Control,
    ) -> Result<Self> {
        let (mut builder, mut rejected) = (TilesBuilder::default(), 0);
        let label = &plan.relation.label;
        let limit = memory_limit(conn)?;
        arrow::read(conn, &plan.relation, &plan.expressions, control, |batch| {
            let (ids, positions) = (Ids::new(&batch[0])?, arrow::times(&batch[2])?);
            let files = arrow::as_type(&batch[1], &DataType::Binary)?;
            let files = files.as_binary_opt::<i32>().ok_or_else(|| arrow::unexpected(&batch[1]))?;
            for row in 0..positions.len() {
                match (ids.get(row), files.is_valid(row), positions.is_valid(row)) {
                    (Some(song), true, true) => {
                        builder.push(songs.code(song), positions.value(row), files.value(row));
                    }
                    _ => rejected += 1,
                }
            }
            match limit.filter(|&limit| builder.bytes() > limit) {
                Some(limit) => Err(plan.relation.error(format!(
                    "the first {} tiles of {label} take {} of memory, and memory_limit is {}: give \
                     fewer tiles a song, in a query in parentheses, or SET memory_limit to more",
                    builder.len(),
                    size(builder.bytes()),
                    size(limit)
                ))),
                None => Ok(()),
            }
        })?;
        if builder.is_empty() {
            return Err(plan.no_row());
        }
        Ok(Self { plan, builder, rejected })
    }

    /// The tiles of all songs; `ranks` gives the index of each song's code.
    ///
    /// # Errors
    /// Two tiles of a song have the same position.
    pub(super) fn finish(
        self,
        vocab: &Vocab,
        ranks: &[u32],
        notes: &mut Vec<String>,
    ) -> Result<Tiles> {
        let Self { plan, builder, rejected } = self;
        plan.note(rejected, builder.len(), notes);
        builder.finish(ranks).map_err(|song| plan.same_place(vocab, song))
    }
}

//! The files with sound that a relation or a glob names, as they are now.

use std::path::Path;
use std::time::UNIX_EPOCH;

use duckdb::Connection;

use super::names::{literal, quote};
use super::relation::Relation;
use super::rows::{Cell, rows};
use super::sounds::Heard;
use super::syntax::{Shape, shape};
use crate::control::Control;
use crate::error::Result;

/// A file to listen to.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundFile {
    /// The song's id, as text.
    pub song: String,
    /// The path, as it was given.
    pub path: String,
    /// Bytes; `None` where the file cannot be found.
    pub size: Option<i64>,
    /// When it was changed, in microseconds since 1970, as finely as can be known.
    pub modified: Option<i64>,
    /// What an earlier run says of the very file.
    pub known: Option<Heard>,
}

/// A row that names no file, or no song.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    /// The song's id, as text.
    pub song: Option<String>,
    /// The path.
    pub path: Option<String>,
}

/// What a relation lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The files, one a song.
    pub files: Vec<SoundFile>,
    /// Rows of which nothing can be made.
    pub nameless: Vec<Nameless>,
}

/// How many files are asked for their size at once.
const FILES_AT_ONCE: usize = 500;

/// A pattern that the path alone fits, whatever characters are in it.
fn as_glob(path: &str) -> String {
    let is_special = |character| matches!(character, '*' | '?' | '[');
    path.chars().fold(String::new(), |mut glob, character| {
        match is_special(character) {
            true => glob.extend(['[', character, ']']),
            false => glob.push(character),
        }
        glob
    })
}

/// What the names of files with sound end with.
const SOUND_ENDINGS: [&str; 8] = [".wav", ".flac", ".mp3", ".ogg", ".oga", ".m4a", ".mp4", ".aac"];

/// Whether a source is a file with sound, or names files by a pattern.
pub fn is_glob(source: &str) -> bool {
    let name = source.trim().to_lowercase();
    !matches!(shape(source), Shape::Query | Shape::BrokenQuery | Shape::Call)
        && (name.contains(['*', '?']) || SOUND_ENDINGS.iter().any(|ending| name.ends_with(ending)))
}

/// The files of a relation with a column path, or of a name or a glob such as `'music/*.mp3'`.
///
/// # Errors
/// There is no such relation, or it has no column path.
pub fn sound_relation(conn: &Connection, function: &str, source: &str) -> Result<Relation> {
    let source = match is_glob(source) {
        true => format!("(SELECT file AS path FROM glob({}))", literal(source.trim())),
        false => source.to_owned(),
    };
    let relation = Relation::resolve(conn, function, "source", &source)?;
    if relation.column("path").is_none() {
        return Err(relation.error(format!(
            "{} has no column path; its columns are: {}; name it in a query, e.g. '(SELECT song_id, \
             file AS path FROM …)', or give a glob, such as 'music/*.mp3'",
            relation.label,
            relation.column_names()
        )));
    }
    Ok(relation)
}

/// The type of the songs' ids: that of the column song_id, or of path where there is none.
pub(super) fn song_column(relation: &Relation) -> (String, String) {
    let column = relation.column("song_id").or_else(|| relation.column("path"));
    column.map_or_else(Default::default, |column| (quote(&column.name), column.sql_type.clone()))
}

/// The relation's files, the largest first, so that none of them is alone at the end, with the sizes and
/// times of those that can be found.
///
/// # Errors
/// The relation cannot be read; the analyst stops the statement.
pub fn list_sounds(conn: &Connection, relation: &Relation, control: &Control) -> Result<Listed> {
    let (song, _) = song_column(relation);
    let listed = rows(
        conn,
        &format!("SELECT DISTINCT {song}::VARCHAR, path::VARCHAR FROM {}", relation.from),
        [],
    )?;
    let mut files = Vec::with_capacity(listed.len());
    let mut nameless = Vec::new();
    for row in listed {
        let mut cells = row.into_iter();
        match (cells.next(), cells.next()) {
            (Some(Cell::Text(song)), Some(Cell::Text(path))) => {
                files.push(SoundFile { song, path, size: None, modified: None, known: None });
            }
            (song, path) => {
                let [song, path] = [song, path].map(|cell| match cell {
                    Some(Cell::Text(text)) => Some(text),
                    _ => None,
                });
                nameless.push(Nameless { song, path });
            }
        }
    }
    nameless.sort_by(|a, b| (&a.song, &a.path).cmp(&(&b.song, &b.path)));
    files.sort_by(|a, b| (&a.song, &a.path).cmp(&(&b.song, &b.path)));
    if let Some([a, b]) = files.windows(2).find(|pair| pair[0].song == pair[1].song) {
        return Err(relation.error(format!(
            "{} has two files of song {}, {} and {}; keep one row each, or leave song_id out",
            relation.label, a.song, a.path, b.path
        )));
    }
    for files in files.chunks_mut(FILES_AT_ONCE) {
        control.check()?;
        if !ask(conn, files) {
            // One that is missing fails the query for all.
            files.chunks_mut(1).for_each(|file| {
                ask(conn, file);
            });
        }
    }
    files.sort_by_key(|file| std::cmp::Reverse(file.size));
    Ok(Listed { files, nameless })
}

/// Fills in sizes and times; whether all files were found.
fn ask(conn: &Connection, files: &mut [SoundFile]) -> bool {
    let paths: Vec<String> = files.iter().map(|file| literal(&as_glob(&file.path))).collect();
    let sql = format!(
        "SELECT filename, size, epoch_us(last_modified) FROM read_blob([{}])",
        paths.join(", ")
    );
    let Ok(found) = rows(conn, &sql, []) else { return false };
    for row in found {
        let (size, modified) = (row[1].integer(), row[2].integer());
        let name = row.into_iter().next().map(Cell::text).unwrap_or_default();
        for file in files.iter_mut().filter(|file| file.path == name) {
            let fine = size.zip(modified).and_then(|(size, at)| finer(&file.path, size, at));
            (file.size, file.modified) = (size, fine.or(modified));
        }
    }
    // A path that DuckDB writes in another way comes back as another name.
    if let [file] = files
        && file.size.is_none()
    {
        return false;
    }
    true
}

/// The time of change, of which DuckDB tells whole seconds, as the system has it: within a second a file
/// may be written, listened to and written again. Only of a file that DuckDB has found, and nothing where
/// the system means another by its path.
fn finer(path: &str, size: i64, modified: i64) -> Option<i64> {
    let metadata = Path::new(path).metadata().ok()?;
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let fine = i64::try_from(since.as_micros()).ok()?;
    let is_same = i64::try_from(metadata.len()) == Ok(size) && second(fine) == second(modified);
    is_same.then_some(fine)
}

/// Whether a file that was changed `then` has not been since. An earlier Segue remembered seconds.
pub(super) fn is_unchanged(then: Option<i64>, now: Option<i64>) -> bool {
    let is_second = then.is_some_and(|then| then % 1_000_000 == 0);
    then == now || is_second && then.map(second) == now.map(second)
}

fn second(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_fine_as_the_system_has_them_where_it_means_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("song.wav");
        let file = std::fs::File::create(&path).unwrap();
        file.set_modified(UNIX_EPOCH + std::time::Duration::from_micros(1_700_000_000_123_456))
            .unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(finer(path, 0, 1_700_000_000_000_000), Some(1_700_000_000_123_456));
        assert_eq!(finer(path, 1, 1_700_000_000_000_000), None);
        assert_eq!(finer(path, 0, 1_700_000_001_000_000), None);
        assert_eq!(finer("https://example.org/song.wav", 0, 1_700_000_000_000_000), None);
    }

    #[test]
    fn a_time_in_seconds_is_that_of_any_moment_in_it() {
        let (whole, fine) = (1_700_000_000_000_000, 1_700_000_000_123_456);
        assert!(is_unchanged(Some(fine), Some(fine)) && is_unchanged(None, None));
        assert!(is_unchanged(Some(whole), Some(fine)));
        assert!(
            !is_unchanged(Some(fine), Some(whole)) && !is_unchanged(Some(fine), Some(fine + 1))
        );
        assert!(
            !is_unchanged(Some(whole), Some(whole + 1_000_000)) && !is_unchanged(Some(whole), None)
        );
    }
}

//! The chords of songs in a model's file.

use serde::de::DeserializeOwned;

use super::tensors::{TensorReader, TensorWriter, broken};
use crate::data::Chords;
use crate::error::Result;

/// Puts chords into a file.
pub(super) fn add(file: &mut TensorWriter, chords: &Chords) {
    file.add_texts("chords.symbols", &chords.symbols);
    file.add("chords.offsets", &chords.offsets);
    file.add("chords.codes", &chords.codes);
}

/// Takes them out; `None` if the file has none.
///
/// # Errors
/// They contradict themselves, or are not those of so many songs.
pub(super) fn get<D: DeserializeOwned>(
    file: &TensorReader<'_, D>,
    songs: usize,
) -> Result<Option<Chords>> {
    if !file.has("chords.codes") {
        return Ok(None);
    }
    let chords = Chords {
        symbols: file.get_texts("chords.symbols")?,
        offsets: file.get("chords.offsets")?,
        codes: file.get("chords.codes")?,
    };
    let offsets = &chords.offsets;
    let fits = offsets.len() == songs + 1
        && offsets.is_sorted()
        && offsets.first() == Some(&0)
        && offsets.last() == Some(&(chords.codes.len() as u64))
        && chords.codes.iter().all(|&code| (code as usize) < chords.symbols.len());
    if fits { Ok(Some(chords)) } else { Err(broken("chords do not fit the songs")) }
}

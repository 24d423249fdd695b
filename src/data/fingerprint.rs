//! One hash of all training data.

use xxhash_rust::xxh3::Xxh3;

use super::{Chords, Codes, Dataset, Encoding, Features, Field, Keys, Plays, Tiles, Vocab};

/// A hash of everything that a model learns from, as 32 hexadecimal digits.
///
/// Vocabularies and fields are in order of ids, so the order of rows of the attribute tables has
/// no influence; the order of plays has, because models learn from it.
pub fn fingerprint(data: &Dataset) -> String {
    let mut hash = Xxh3::new();
    hash.update(b"segue dataset 2");
    add_vocab(&mut hash, &data.users);
    add_vocab(&mut hash, &data.songs);
    for fields in [&data.user_fields, &data.song_fields] {
        add_count(&mut hash, fields.len());
        fields.iter().for_each(|field| add_field(&mut hash, field));
    }
    add_plays(&mut hash, &data.plays);
    hash.update(&[u8::from(data.has_sessions)]);
    if let Some(chords) = &data.chords {
        add_chords(&mut hash, chords);
    }
    if let Some(features) = &data.features {
        add_features(&mut hash, features);
    }
    if let Some(tiles) = &data.tiles {
        add_tiles(&mut hash, tiles);
    }
    format!("{:032x}", hash.digest128())
}

/// Adds plays to a hash.
pub(super) fn add_plays(hash: &mut Xxh3, plays: &Plays) {
    add_codes(hash, &plays.songs);
    add_count(hash, plays.session_offsets.len());
    for offset in &plays.session_offsets {
        hash.update(&offset.to_le_bytes());
    }
    add_codes(hash, &plays.user_sessions);
    add_codes(hash, &plays.session_ranks);
}

/// Adds ids to a hash.
pub(super) fn add_vocab(hash: &mut Xxh3, vocab: &Vocab) {
    add_text(hash, vocab.sql_type());
    add_count(hash, vocab.len());
    match vocab.keys() {
        Keys::Integers(keys) => keys.iter().for_each(|key| hash.update(&key.to_le_bytes())),
        Keys::Texts(keys) => keys.iter().for_each(|key| add_text(hash, key)),
    }
}

fn add_field(hash: &mut Xxh3, field: &Field) {
    add_text(hash, &field.name);
    match &field.encoding {
        Encoding::Categories(values) => {
            hash.update(b"categories");
            add_count(hash, values.len());
            values.iter().for_each(|value| add_text(hash, value));
        }
        // What the numbers are changes only how they are written.
        Encoding::Buckets { bounds, .. } => {
            hash.update(b"buckets");
            add_count(hash, bounds.len());
            bounds.iter().for_each(|bound| hash.update(&bound.to_le_bytes()));
        }
    }
    match &field.codes {
        Codes::One(codes) => {
            hash.update(b"one");
            add_codes(hash, codes);
        }
        Codes::Many { offsets, values } => {
            hash.update(b"many");
            add_codes(hash, offsets);
            add_codes(hash, values);
        }
    }
}

fn add_chords(hash: &mut Xxh3, chords: &Chords) {
    hash.update(b"chords");
    add_count(hash, chords.symbols.len());
    chords.symbols.iter().for_each(|symbol| add_text(hash, symbol));
    add_codes(hash, &chords.codes);
    chords.offsets.iter().for_each(|offset| hash.update(&offset.to_le_bytes()));
}

fn add_features(hash: &mut Xxh3, features: &Features) {
    hash.update(b"features");
    add_count(hash, features.coefficients);
    features.offsets.iter().for_each(|offset| hash.update(&offset.to_le_bytes()));
    for block in features.values.chunks(4096) {
        let bytes: Vec<u8> = block.iter().flat_map(|value| value.to_le_bytes()).collect();
        hash.update(&bytes);
    }
}

fn add_tiles(hash: &mut Xxh3, tiles: &Tiles) {
    hash.update(b"tiles");
    tiles.offsets().iter().for_each(|offset| hash.update(&offset.to_le_bytes()));
    for tile in 0..tiles.len() {
        add_count(hash, tiles.file(tile).len());
        hash.update(tiles.file(tile));
    }
}

fn add_codes(hash: &mut Xxh3, codes: &[u32]) {
    add_count(hash, codes.len());
    // In blocks, since the hash is slow on four bytes at a time.
    for block in codes.chunks(4096) {
        let bytes: Vec<u8> = block.iter().flat_map(|code| code.to_le_bytes()).collect();
        hash.update(&bytes);
    }
}

fn add_text(hash: &mut Xxh3, text: &str) {
    add_count(hash, text.len());
    hash.update(text.as_bytes());
}

fn add_count(hash: &mut Xxh3, count: usize) {
    hash.update(&(count as u64).to_le_bytes());
}

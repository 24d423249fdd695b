//! Chords as roman numerals: what they are in a key.

use super::note::Note;
use super::{Chord, Key, ROOT};

const NUMERALS: [&str; 7] = ["I", "II", "III", "IV", "V", "VI", "VII"];
/// The semitones of the major and of the natural minor scale.
const SCALES: [[i32; 7]; 2] = [[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]];

/// The numeral of a chord in a key, in upper case but for chords with a minor third, with what its
/// case does not say: `ii7`, `bVII`, `viiø7/b3`, `V7(b9)`. Degrees count in the key's own scale, in
/// minor the natural one: F is VI in A minor. `N` and `X` stay as they are.
pub fn roman(chord: &Chord, key: Key) -> String {
    let Chord::Notes(harmony) = chord else { return chord.to_string() };
    let (accidental, step) = step(harmony.root, key);
    let sign = if accidental > 0 { "#" } else { "b" }.repeat(accidental.unsigned_abs() as usize);
    let numeral = NUMERALS[step];
    let numeral = if harmony.is_minor() { numeral.to_lowercase() } else { numeral.to_owned() };
    let quality = harmony.quality();
    let (name, changes) = quality.split_at(quality.find('(').unwrap_or(quality.len()));
    let suffix = match name {
        "maj" | "min" => "",
        "dim" => "°",
        "dim7" => "°7",
        "hdim7" => "ø7",
        "aug" => "+",
        // Not 6, which is an inversion in figured bass.
        "maj6" | "min6" => "add6",
        "minmaj7" => "maj7",
        name => name.strip_prefix("min").unwrap_or(name),
    };
    let bass = if harmony.bass == ROOT { String::new() } else { format!("/{}", harmony.bass) };
    format!("{sign}{numeral}{suffix}{changes}{bass}")
}

/// The step of the scale that a root is on, from 0, and by how much it is raised or lowered.
fn step(root: Note, key: Key) -> (i32, usize) {
    let scale = SCALES[usize::from(key.is_minor)];
    let above = (root.pitch_class() - key.tonic.pitch_class()).rem_euclid(12);
    // A note of the scale is one, however it is spelled.
    if let Some(step) = scale.iter().position(|&semitones| semitones == above) {
        return (0, step);
    }
    let step = usize::from(key.tonic.degree_of(root).number - 1);
    let accidental = (above - scale[step] + 6).rem_euclid(12) - 6;
    if accidental.abs() == 1 {
        return (accidental, step);
    }
    // A far-fetched spelling: the step below, raised, or else the one above, lowered.
    let below = scale.iter().rposition(|&semitones| semitones == above - 1);
    match (below, scale.iter().position(|&semitones| semitones == above + 1)) {
        (_, Some(step)) => (-1, step),
        (below, None) => (1, below.unwrap_or(0)),
    }
}

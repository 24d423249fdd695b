//! Note names and the degrees of chords.

use std::fmt;

/// The semitones of C, D, E, F, G, A and B above C: of a major scale above its tonic.
const SCALE: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
/// The usual names of the twelve pitch classes as roots of major chords and major keys …
const MAJOR: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
/// … and of minor ones: those whose key signatures have the fewest accidentals.
const MINOR: [&str; 12] = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"];
/// The most accidentals that are read, lest a number overflows.
const ACCIDENTALS_MAX: i32 = 6;
/// The highest degree, two octaves up.
const DEGREE_MAX: u8 = 15;

/// A note name: a letter with accidentals, in no octave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note {
    /// From C, 0, to B, 6.
    letter: u8,
    /// Sharps, or flats if negative.
    accidental: i32,
}

impl Note {
    /// Reads a note at the start of a text, and gives what follows. `s` stands for a sharp, as in
    /// `Fsmin`, unless it begins `sus`.
    pub(super) fn read(text: &str) -> Option<(Self, &str)> {
        let letter = "CDEFGAB".find(text.chars().next()?)? as u8;
        let (mut accidental, mut rest) = accidentals(&text[1..])?;
        if accidental == 0
            && let Some(after) = rest.strip_prefix('s').filter(|after| !after.starts_with("us"))
        {
            (accidental, rest) = (1, after);
        }
        Some((Self { letter, accidental }, rest))
    }

    /// Reads a text that is a note and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::read(text).filter(|(_, rest)| rest.is_empty()).map(|(note, _)| note)
    }

    /// The usual name of a pitch class as the root of a chord or the tonic of a key.
    pub(super) fn usual(pitch_class: i32, minor: bool) -> Self {
        let names = if minor { MINOR } else { MAJOR };
        let name = names[pitch_class.rem_euclid(12) as usize];
        Self::parse(name).unwrap_or(Self { letter: 0, accidental: 0 })
    }

    /// Semitones above C, from 0 to 11.
    pub fn pitch_class(self) -> i32 {
        (SCALE[usize::from(self.letter)] + self.accidental).rem_euclid(12)
    }

    /// The note a degree above this one.
    pub(super) fn above(self, degree: Degree) -> Self {
        let letter = (self.letter + degree.number - 1) % 7;
        Self::on_letter(letter, self.pitch_class() + degree.semitones())
    }

    /// The degree, within an octave, that another note is above this one.
    pub(super) fn degree_of(self, other: Self) -> Degree {
        let steps = (other.letter + 7 - self.letter) % 7;
        let apart = other.pitch_class() - self.pitch_class() - SCALE[usize::from(steps)];
        Degree { number: steps + 1, accidental: nearest(apart) }
    }

    /// A pitch class written with the given letter.
    fn on_letter(letter: u8, pitch_class: i32) -> Self {
        Self { letter, accidental: nearest(pitch_class - SCALE[usize::from(letter)]) }
    }

    /// Whether it has at most one accidental.
    pub(super) fn is_plain(self) -> bool {
        self.accidental.abs() <= 1
    }
}

/// The distance of least size among those that are equal but for octaves.
fn nearest(semitones: i32) -> i32 {
    (semitones + 6).rem_euclid(12) - 6
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = &"CDEFGAB"[usize::from(self.letter)..=usize::from(self.letter)];
        f.write_str(letter)?;
        write_accidentals(f, self.accidental)
    }
}

/// An interval above the root of a chord, as musicians count: 3 is the major third, b3 the minor one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Degree {
    /// The place in the major scale, from 1; 8 is an octave up.
    pub number: u8,
    /// By how many semitones it is raised, or lowered if negative.
    pub accidental: i32,
}

impl Degree {
    /// A degree of the major scale.
    pub(super) const fn natural(number: u8) -> Self {
        Self { number, accidental: 0 }
    }

    /// A degree with an accidental.
    pub(super) const fn new(number: u8, accidental: i32) -> Self {
        Self { number, accidental }
    }

    /// Reads a degree such as `b13` at the start of a text, and gives what follows. `s` stands for a
    /// sharp, as in `s9`.
    pub(super) fn read(text: &str) -> Option<(Self, &str)> {
        let (accidental, rest) = match text.strip_prefix('s') {
            Some(rest) => (1, rest),
            None => accidentals(text)?,
        };
        let (number, rest) = number(rest)?;
        Some((Self { number, accidental }, rest))
    }

    /// Reads a text that is a degree and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::read(text).filter(|(_, rest)| rest.is_empty()).map(|(degree, _)| degree)
    }

    /// Semitones above the root.
    pub fn semitones(self) -> i32 {
        let steps = usize::from(self.number - 1);
        SCALE[steps % 7] + 12 * (steps / 7) as i32 + self.accidental
    }
}

impl fmt::Display for Degree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_accidentals(f, self.accidental)?;
        write!(f, "{}", self.number)
    }
}

/// Accidentals at the start of a text, and what follows; `None` for too many.
fn accidentals(text: &str) -> Option<(i32, &str)> {
    let (mut sum, mut rest) = (0, text);
    for letter in text.chars() {
        sum += match letter {
            '#' | '♯' => 1,
            'b' | '♭' => -1,
            _ => break,
        };
        rest = &rest[letter.len_utf8()..];
    }
    (i32::abs(sum) <= ACCIDENTALS_MAX).then_some((sum, rest))
}

/// The number of a degree at the start of a text, and what follows.
pub(super) fn number(text: &str) -> Option<(u8, &str)> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let number = text[..digits].parse().ok()?;
    (1..=DEGREE_MAX).contains(&number).then_some((number, &text[digits..]))
}

fn write_accidentals(f: &mut fmt::Formatter<'_>, accidental: i32) -> fmt::Result {
    let sign = if accidental > 0 { "#" } else { "b" };
    (0..accidental.abs()).try_for_each(|_| f.write_str(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_and_written() {
        for (text, pitch_class) in
            [("C", 0), ("B#", 0), ("Cb", 11), ("F##", 7), ("Bbb", 9), ("G#", 8)]
        {
            let note = Note::parse(text).unwrap();
            assert_eq!((note.pitch_class(), note.to_string().as_str()), (pitch_class, text));
        }
        assert_eq!(Note::parse("Fs").unwrap().to_string(), "F#");
        assert_eq!(Note::parse("B♭").unwrap().to_string(), "Bb");
        let read =
            |text: &'static str| Note::read(text).map(|(note, rest)| (note.to_string(), rest));
        assert_eq!(read("Asus4"), Some(("A".into(), "sus4")));
        assert_eq!(read("Assus4"), Some(("A#".into(), "sus4")));
        assert_eq!((read("H"), read(""), read("c"), read("C#######")), (None, None, None, None));
    }

    #[test]
    fn degrees_are_intervals() {
        for (text, semitones) in
            [("1", 0), ("b3", 3), ("#11", 18), ("bb7", 9), ("13", 21), ("b1", -1)]
        {
            let degree = Degree::parse(text).unwrap();
            assert_eq!((degree.semitones(), degree.to_string().as_str()), (semitones, text));
        }
        assert_eq!(
            (Degree::parse("0"), Degree::parse("16"), Degree::parse("b")),
            (None, None, None)
        );
        for (root, bass, degree) in [("Bb", "D", "3"), ("D", "Gb", "b4"), ("C", "B#", "#7")] {
            let (root, bass) = (Note::parse(root).unwrap(), Note::parse(bass).unwrap());
            assert_eq!(root.degree_of(bass).to_string(), degree);
            assert_eq!(root.above(root.degree_of(bass)), bass);
        }
    }
}

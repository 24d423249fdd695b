//! What follows the root on lead sheets, and in what Chordino and chord sites write: `m7b5`, `maj7`,
//! `7(b9,#11)`, `-7`, `ø7`, `6/9`, `sus4`, `no3d`.
//!
//! Readings where usage differs: `2` adds the second to the triad, `4` is `sus4`, `5` a power chord;
//! `13` has the eleventh, as Harte's shorthand does; `alt` is the seventh chord with #5 and #9; `Δ` and
//! `^` alone are major sevenths. A degree that is altered takes the place of the natural one: `13b9`
//! has no 9.

use std::collections::BTreeSet;

use super::note::{Degree, number};
use crate::error::excerpt;

const FIFTH: Degree = Degree::natural(5);
const FLAT_SEVENTH: Degree = Degree::new(7, -1);

/// The degrees of a quality.
///
/// # Errors
/// What is wrong with it, to follow the symbol.
pub(super) fn degrees(text: &str) -> Result<BTreeSet<Degree>, String> {
    // The slash of 6/9 parts nothing; printers set a minus or a dash.
    let text = text.replace("6/9", "69").replace(['−', '–'], "-");
    let mut reading = Reading { third: Some(Degree::natural(3)), ..Reading::default() };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let start = rest.len() == text.len();
        rest = reading
            .separator(rest)
            .or_else(|| reading.word(rest, start))
            .or_else(|| reading.degree(rest, start))
            .ok_or_else(|| format!("'{}' is not understood", excerpt(rest)))?;
    }
    if reading.depth > 0 {
        return Err("a parenthesis does not end".to_owned());
    }
    Ok(reading.finish())
}

/// What has been read of a quality.
#[derive(Default)]
struct Reading {
    third: Option<Degree>,
    /// The altered fifths; the perfect one if there is none.
    fifths: Vec<Degree>,
    seventh: Option<Degree>,
    /// The highest of the natural ninth, eleventh and thirteenth that a number such as `11` stacks.
    stacked: u8,
    added: Vec<Degree>,
    omitted: Vec<u8>,
    /// The next seventh is a major one.
    major: bool,
    diminished: bool,
    /// Open parentheses.
    depth: usize,
}

impl Reading {
    /// Reads what only parts other things; gives what follows.
    fn separator<'a>(&mut self, rest: &'a str) -> Option<&'a str> {
        let first = rest.chars().next()?;
        match first {
            '(' | '[' => self.depth += 1,
            ')' | ']' => self.depth = self.depth.checked_sub(1)?,
            // These stand between others: nothing is left of a bass or a degree that is not there.
            ',' | '/' if matches!(rest[1..].chars().next(), None | Some(',' | '/')) => return None,
            ',' | ' ' | '/' => {}
            _ => return None,
        }
        Some(&rest[1..])
    }

    /// Reads a word or sign at the start of `rest`; gives what follows.
    fn word<'a>(&mut self, rest: &'a str, start: bool) -> Option<&'a str> {
        let after = |words: &[&str]| words.iter().find_map(|word| rest.strip_prefix(word));
        if let Some(rest) = after(&["add", "Add"]) {
            let (degree, rest) = Degree::read(rest)?;
            self.added.push(degree);
            return Some(rest);
        }
        if let Some(rest) = after(&["no", "omit", "*"]) {
            let (degree, rest) = Degree::read(rest)?;
            self.omitted.push(degree.number);
            return Some(after_ordinal(rest));
        }
        if let Some(rest) = after(&["sus"]) {
            return Some(self.suspend(rest));
        }
        if let Some(rest) = after(&["hdim7", "hdim", "h7", "h", "ø7", "ø", "Ø7", "Ø"]) {
            self.third = Some(Degree::new(3, -1));
            (self.fifths, self.seventh) = (vec![Degree::new(5, -1)], Some(FLAT_SEVENTH));
            return Some(rest);
        }
        if let Some(rest) = after(&["dim", "o", "°", "º"]) {
            self.third = Some(Degree::new(3, -1));
            (self.fifths, self.diminished) = (vec![Degree::new(5, -1)], true);
            return Some(rest);
        }
        if let Some(rest) = after(&["alt"]) {
            self.fifths = vec![Degree::new(5, 1)];
            self.added.push(Degree::new(9, 1));
            self.seventh = self.seventh.or(Some(FLAT_SEVENTH));
            return Some(rest);
        }
        if let Some(rest) = after(&["aug"]) {
            self.fifths = vec![Degree::new(5, 1)];
            return Some(rest);
        }
        if let Some(rest) = after(&["dom"]) {
            return Some(rest);
        }
        self.mode(rest, start)
    }

    /// Reads a sign for major, minor or augmented.
    fn mode<'a>(&mut self, rest: &'a str, start: bool) -> Option<&'a str> {
        let after = |words: &[&str]| words.iter().find_map(|word| rest.strip_prefix(word));
        // The m of madd9 does not begin ma.
        let major = if rest.starts_with("mad") { None } else { after(&["major", "maj", "ma"]) };
        if let Some(rest) = major.or_else(|| after(&["Major", "MAJOR", "Maj", "MAJ", "Ma", "MA"])) {
            self.major = true;
            return Some(rest);
        }
        let minor = ["minor", "Minor", "MINOR", "min", "Min", "MIN", "mi", "Mi", "MI", "m"];
        if let Some(rest) = after(&minor) {
            self.third = Some(Degree::new(3, -1));
            return Some(rest);
        }
        if let Some(rest) = after(&["M"]) {
            self.major = true;
            return Some(rest);
        }
        if let Some(rest) = after(&["Δ", "∆", "△", "^"]) {
            self.major = true;
            if !rest.starts_with(|next: char| next.is_ascii_digit()) {
                self.seventh();
            }
            return Some(rest);
        }
        let altered = |rest: &str| {
            rest.starts_with(['5', '9']) || rest.starts_with("11") || rest.starts_with("13")
        };
        match rest.strip_prefix('+') {
            Some(rest) if start || !altered(rest) => {
                self.fifths = vec![Degree::new(5, 1)];
                return Some(if start { rest.strip_prefix('5').unwrap_or(rest) } else { rest });
            }
            _ => {}
        }
        let rest = after(&["-"]).filter(|_| start)?;
        self.third = Some(Degree::new(3, -1));
        Some(rest)
    }

    /// Reads what follows `sus`: 2, 4, both, or nothing, which is 4.
    fn suspend<'a>(&mut self, rest: &'a str) -> &'a str {
        self.third = None;
        let (degrees, rest): (&[u8], _) = match rest {
            _ if rest.starts_with("24") || rest.starts_with("42") => (&[2, 4], &rest[2..]),
            _ if rest.starts_with('2') => (&[2], &rest[1..]),
            _ => (&[4], rest.strip_prefix('4').unwrap_or(rest)),
        };
        self.added.extend(degrees.iter().map(|&number| Degree::natural(number)));
        rest
    }

    /// Reads a number, natural or with an accidental.
    fn degree<'a>(&mut self, rest: &'a str, start: bool) -> Option<&'a str> {
        // After the start, signs are accidentals.
        let signed = [("-", -1), ("+", 1)].into_iter().find_map(|(sign, accidental)| {
            let (number, rest) = number(rest.strip_prefix(sign)?)?;
            Some((Degree::new(number, accidental), rest))
        });
        if let Some((degree, rest)) = signed {
            self.alter(degree);
            return Some(rest);
        }
        if let Some(rest) = rest.strip_prefix("69") {
            self.added.extend([Degree::natural(6), Degree::natural(9)]);
            return Some(rest);
        }
        // A 6 or 7 ends a number: 67 is two, and so is 7 before 11.
        if let Some(after) = rest.strip_prefix(['6', '7']) {
            if rest.starts_with('7') {
                self.seventh();
            } else {
                self.added.push(Degree::natural(6));
            }
            return Some(after);
        }
        let (degree, rest) = Degree::read(rest)?;
        match degree {
            Degree { accidental: 0, number } => self.natural(number, start),
            altered => self.alter(altered),
        }
        Some(rest)
    }

    /// Takes a number without an accidental.
    fn natural(&mut self, number: u8, start: bool) {
        match number {
            9 | 11 | 13 if self.depth == 0 || self.major => {
                if self.seventh.is_none() {
                    self.seventh();
                }
                self.stacked = self.stacked.max(number);
            }
            5 if start => self.third = None,
            4 if start => {
                self.suspend("");
            }
            _ => self.added.push(Degree::natural(number)),
        }
    }

    /// Takes a number with an accidental.
    fn alter(&mut self, degree: Degree) {
        match degree.number {
            3 => self.third = Some(degree),
            5 => self.fifths.push(degree),
            // The major seventh of a minor chord is also written #7.
            7 if degree.accidental > 0 => self.seventh = Some(Degree::natural(7)),
            7 => self.seventh = Some(degree),
            _ => self.added.push(degree),
        }
    }

    /// Adds the seventh that the chord has by its kind; a second one beside the first.
    fn seventh(&mut self) {
        let seventh = match (self.major, self.diminished) {
            (true, _) => Degree::natural(7),
            (false, true) => Degree::new(7, -2),
            (false, false) => FLAT_SEVENTH,
        };
        self.major = false;
        match self.seventh {
            None => self.seventh = Some(seventh),
            Some(_) => self.added.push(seventh),
        }
    }

    fn finish(self) -> BTreeSet<Degree> {
        let mut degrees = BTreeSet::from([Degree::natural(1)]);
        degrees.extend(self.third);
        degrees.extend(if self.fifths.is_empty() { vec![FIFTH] } else { self.fifths });
        degrees.extend(self.seventh);
        let altered = |number| self.added.iter().any(|degree| degree.number == number);
        degrees.extend(
            [9, 11, 13]
                .into_iter()
                .filter(|&number| number <= self.stacked && !altered(number))
                .map(Degree::natural),
        );
        degrees.extend(&self.added);
        degrees.retain(|degree| !self.omitted.contains(&degree.number));
        degrees
    }
}

/// What follows the end of an ordinal: 3rd, 3d, 5th.
fn after_ordinal(rest: &str) -> &str {
    ["rd", "th", "nd", "d"].iter().find_map(|end| rest.strip_prefix(end)).unwrap_or(rest)
}

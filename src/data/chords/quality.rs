//! The shorthands of Harte's syntax, and the shortest text for a set of degrees.

use std::collections::BTreeSet;

use super::note::Degree;

/// A name and the degrees that it stands for.
pub(super) struct Shorthand {
    pub name: &'static str,
    pub degrees: &'static [Degree],
}

const fn d(number: u8) -> Degree {
    Degree::natural(number)
}
const fn flat(number: u8) -> Degree {
    Degree::new(number, -1)
}

/// The shorthands of Harte et al. 2005 with those that corpora added since (sus2, 11, 13, 5, 1), in
/// order of preference.
pub(super) const SHORTHANDS: &[Shorthand] = &[
    Shorthand { name: "maj", degrees: &[d(1), d(3), d(5)] },
    Shorthand { name: "min", degrees: &[d(1), flat(3), d(5)] },
    Shorthand { name: "7", degrees: &[d(1), d(3), d(5), flat(7)] },
    Shorthand { name: "min7", degrees: &[d(1), flat(3), d(5), flat(7)] },
    Shorthand { name: "maj7", degrees: &[d(1), d(3), d(5), d(7)] },
    Shorthand { name: "dim", degrees: &[d(1), flat(3), flat(5)] },
    Shorthand { name: "aug", degrees: &[d(1), d(3), Degree::new(5, 1)] },
    Shorthand { name: "sus4", degrees: &[d(1), d(4), d(5)] },
    Shorthand { name: "sus2", degrees: &[d(1), d(2), d(5)] },
    Shorthand { name: "maj6", degrees: &[d(1), d(3), d(5), d(6)] },
    Shorthand { name: "min6", degrees: &[d(1), flat(3), d(5), d(6)] },
    Shorthand { name: "hdim7", degrees: &[d(1), flat(3), flat(5), flat(7)] },
    Shorthand { name: "dim7", degrees: &[d(1), flat(3), flat(5), Degree::new(7, -2)] },
    Shorthand { name: "minmaj7", degrees: &[d(1), flat(3), d(5), d(7)] },
    Shorthand { name: "9", degrees: &[d(1), d(3), d(5), flat(7), d(9)] },
    Shorthand { name: "min9", degrees: &[d(1), flat(3), d(5), flat(7), d(9)] },
    Shorthand { name: "maj9", degrees: &[d(1), d(3), d(5), d(7), d(9)] },
    Shorthand { name: "11", degrees: &[d(1), d(3), d(5), flat(7), d(9), d(11)] },
    Shorthand { name: "min11", degrees: &[d(1), flat(3), d(5), flat(7), d(9), d(11)] },
    Shorthand { name: "maj11", degrees: &[d(1), d(3), d(5), d(7), d(9), d(11)] },
    Shorthand { name: "13", degrees: &[d(1), d(3), d(5), flat(7), d(9), d(11), d(13)] },
    Shorthand { name: "min13", degrees: &[d(1), flat(3), d(5), flat(7), d(9), d(11), d(13)] },
    Shorthand { name: "maj13", degrees: &[d(1), d(3), d(5), d(7), d(9), d(11), d(13)] },
    Shorthand { name: "5", degrees: &[d(1), d(5)] },
    Shorthand { name: "1", degrees: &[d(1)] },
];

/// Other names of some of them.
const ALIASES: [(&str, &str); 2] = [("6", "maj6"), ("hdim", "hdim7")];

/// The degrees of a shorthand.
pub(super) fn degrees(name: &str) -> Option<&'static [Degree]> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    SHORTHANDS.iter().find(|shorthand| shorthand.name == name).map(|shorthand| shorthand.degrees)
}

/// The text of a set of degrees: the shorthand that is nearest, with what it lacks and what it has
/// too much in parentheses. Equal sets have equal texts, and reading a text gives the set again.
pub(super) fn text(degrees: &BTreeSet<Degree>) -> String {
    let added = |shorthand: &Shorthand| -> Vec<Degree> {
        degrees.iter().filter(|degree| !shorthand.degrees.contains(degree)).copied().collect()
    };
    let missing = |shorthand: &Shorthand| -> Vec<Degree> {
        shorthand.degrees.iter().filter(|degree| !degrees.contains(degree)).copied().collect()
    };
    let cost = |shorthand: &&Shorthand| added(shorthand).len() + missing(shorthand).len();
    // The first of equals.
    let Some(shorthand) = SHORTHANDS.iter().min_by_key(cost) else { return String::new() };
    let added = added(shorthand).into_iter().map(|degree| degree.to_string());
    let missing = missing(shorthand).into_iter().map(|degree| format!("*{degree}"));
    let changes: Vec<String> = added.chain(missing).collect();
    match changes.as_slice() {
        [] => shorthand.name.to_owned(),
        changes => format!("{}({})", shorthand.name, changes.join(",")),
    }
}

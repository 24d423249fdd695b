//! Cases by a property of their listener, of the song that was played, or of themselves.

use super::cases::{Case, Cases};
use super::opponents::Examinee;
use super::ranking::Places;
use crate::data::{Encoding, Field, MISSING, NumberColumn, NumberKind, Vocab};

/// A property of cases.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// An attribute of users, who are those of a vocabulary.
    User(&'a Field, &'a Vocab),
    /// A field of songs, which are those of a vocabulary: that of the right answer.
    Song(&'a Field, &'a Vocab),
    /// How many songs the model was told.
    HistoryLength,
    /// How often the right answer was played in training.
    Popularity,
    /// The number of the right answer in its session.
    Position,
}

/// Some cases that have a property in common.
pub struct Slice {
    /// The property's value or range; `None` where it is missing.
    pub label: Option<String>,
    /// The cases, by number, ascending.
    pub members: Vec<u32>,
}

/// Cuts cases into slices, in order of the property's values, those without a value first. A case
/// with several values is in several slices. Numbers with more than `buckets` distinct values are cut
/// into that many ranges with about as many cases each.
pub fn slices(
    by: By<'_>,
    buckets: usize,
    cases: &Cases<'_>,
    places: &Places,
    model: &Examinee<'_>,
) -> Vec<Slice> {
    let count = cases.list.len();
    let numbers: Vec<Option<f64>> = match by {
        By::User(field, vocab) => {
            let of = cases.test.users.indices_in(vocab);
            return by_field(field, count, |case| of[cases.list[case].user as usize]);
        }
        By::Song(field, vocab) => {
            let of = cases.test.songs.indices_in(vocab);
            return by_field(field, count, |case| of[target(cases, case)]);
        }
        By::HistoryLength => (0..count).map(|case| Some(f64::from(places.told(case)))).collect(),
        By::Popularity => (0..count)
            .map(|case| {
                let song = model.known.songs[target(cases, case)];
                model.dataset.play_counts.get(song as usize).map(|&plays| f64::from(plays))
            })
            .collect(),
        By::Position => {
            let position = |case: &Case| Some(cases.position(case) as f64);
            cases.list.iter().map(position).collect()
        }
    };
    let mut column = NumberColumn::new(NumberKind::Plain);
    numbers.into_iter().for_each(|number| column.push(number));
    let index: Vec<u32> = (0..count as u32).collect();
    let field = column.finish("", &index, count, buckets);
    by_field(&field, count, |case| Some(case as u32))
}

/// The song that a case is about.
fn target(cases: &Cases<'_>, case: usize) -> usize {
    cases.test.plays.songs[cases.answer(&cases.list[case])] as usize
}

fn by_field(field: &Field, count: usize, entity: impl Fn(usize) -> Option<u32>) -> Vec<Slice> {
    let mut members = vec![Vec::new(); field.cardinality()];
    for case in 0..count {
        let codes = entity(case).map_or(&[MISSING][..], |entity| field.codes_of(entity));
        codes.iter().for_each(|&code| members[code as usize].push(case as u32));
    }
    let slices = (0..).zip(members).filter(|(_, members)| !members.is_empty());
    slices.map(|(code, members)| Slice { label: label(field, code), members }).collect()
}

/// What a code stands for: a value, or a range that holds its upper bound.
fn label(field: &Field, code: u32) -> Option<String> {
    let at = (code as usize).checked_sub(1)?;
    match &field.encoding {
        Encoding::Categories(values) => values.get(at).cloned(),
        Encoding::Buckets { bounds, kind } => {
            let bound = |at: usize| bounds.get(at).map(|&bound| kind.label(bound));
            Some(match (at.checked_sub(1).and_then(bound), bound(at)) {
                (None, Some(bound)) => format!("≤ {bound}"),
                (Some(below), Some(bound)) => format!("({below}, {bound}]"),
                (Some(below), None) => format!("> {below}"),
                (None, None) => "all".to_owned(),
            })
        }
    }
}

//! What follows the colon in Harte's syntax: `maj6(9)`, `(1,b3,5)`, `min(*5)`.

use std::collections::BTreeSet;

use super::note::Degree;
use super::quality;
use crate::error::excerpt;

/// The degrees of a quality.
///
/// # Errors
/// What is wrong with it, to follow the symbol.
pub(super) fn degrees(text: &str) -> Result<BTreeSet<Degree>, String> {
    let (name, list) = match text.split_once('(') {
        Some((name, list)) => {
            let list = list.strip_suffix(')').ok_or("a parenthesis does not end")?;
            (name, Some(list))
        }
        None => (text, None),
    };
    // A list alone implies the root.
    let start = if name.is_empty() && list.is_some() { "1" } else { name };
    let shorthand = quality::degrees(start).ok_or_else(|| match name {
        "" => "nothing follows the colon".to_owned(),
        name => format!("there is no quality '{}' in Harte's syntax", excerpt(name)),
    })?;
    let mut degrees: BTreeSet<Degree> = shorthand.iter().copied().collect();
    let mut omitted = Vec::new();
    for part in list.into_iter().flat_map(|list| list.split(',')) {
        let part = part.trim();
        let degree =
            |text| Degree::parse(text).ok_or_else(|| format!("'{}' is no degree", excerpt(part)));
        match part.strip_prefix('*') {
            Some(part) => omitted.push(degree(part)?),
            None => {
                degrees.insert(degree(part)?);
            }
        }
    }
    // What is left out and was not there changes nothing, as corpora have it.
    omitted.iter().for_each(|degree| {
        degrees.remove(degree);
    });
    Ok(degrees)
}

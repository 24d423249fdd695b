//! From labelled times to pieces that can be compared.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{ChordSpan, Code};
use crate::error::{Error, Result, excerpt};

/// Ends may be so much later than the next start: what rounding does to times.
const OVERLAP_MAX_S: f64 = 1e-6;
/// The latest time, some thirty years, lest lengths overflow.
const TIME_MAX_S: f64 = 1e9;

/// A chord that was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub start_s: f64,
    pub end_s: f64,
    pub code: Code,
}

/// Reads a side's spans, in order of time, without those of no length.
///
/// # Errors
/// As [`chord_score`](super::chord_score).
pub(super) fn read(side: &str, spans: &[ChordSpan<'_>]) -> Result<Vec<Span>> {
    // The chord as an analyst finds it: by its place in what was given, from 1.
    let named = |place: usize| {
        let ChordSpan { label, start_s, end_s } = spans[place];
        format!("chord {} ('{}', {start_s} s to {end_s} s)", place + 1, excerpt(label))
    };
    let mut codes: HashMap<&str, Code> = HashMap::new();
    let mut kept = Vec::with_capacity(spans.len());
    for (place, &ChordSpan { label, start_s, end_s }) in spans.iter().enumerate() {
        for (time, does) in [(start_s, "starts"), (end_s, "ends")] {
            if !(-TIME_MAX_S..=TIME_MAX_S).contains(&time) {
                let chord = format!("{side} chord {} ('{}')", place + 1, excerpt(label));
                return Err(Error::data(format!(
                    "{chord} {does} at {time} s; times are numbers of seconds, of at most \
                     {TIME_MAX_S}; correct it or leave the chord out"
                )));
            }
        }
        if end_s < start_s {
            return Err(Error::data(format!(
                "{side} {} ends before it starts; correct its times",
                named(place)
            )));
        }
        let code = match codes.entry(label) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let code = Code::parse(label);
                *new.insert(code.map_err(|e| e.within(&format!("{side} chord {}", place + 1)))?)
            }
        };
        if end_s > start_s {
            kept.push((place, Span { start_s, end_s, code }));
        }
    }
    kept.sort_by(|(_, a), (_, b)| a.start_s.total_cmp(&b.start_s));
    for ((place, span), (next_place, next)) in kept.iter().zip(kept.iter().skip(1)) {
        if span.end_s > next.start_s + OVERLAP_MAX_S {
            return Err(Error::data(format!(
                "{side} {} overlaps {}; let a chord end where the next one starts",
                named(*place),
                named(*next_place)
            )));
        }
    }
    Ok(kept.into_iter().map(|(_, span)| span).collect())
}

/// The spans cut to the time from `from` to `to` and, where they begin later or end earlier, filled up
/// with `N`.
pub(super) fn fitted(spans: Vec<Span>, from: f64, to: f64) -> Vec<Span> {
    let silence = |start_s, end_s| Span { start_s, end_s, code: Code::SILENCE };
    let inside = spans.into_iter().filter(|span| span.end_s > from && span.start_s < to);
    let cut = inside.map(|span| Span {
        start_s: span.start_s.max(from),
        end_s: span.end_s.min(to),
        ..span
    });
    let mut spans: Vec<Span> = cut.collect();
    match (spans.first(), spans.last()) {
        (Some(first), Some(last)) => {
            let (begin, end) = (first.start_s, last.end_s);
            if end < to {
                spans.push(silence(end, to));
            }
            if begin > from {
                spans.insert(0, silence(from, begin));
            }
        }
        _ => spans.push(silence(from, to)),
    }
    spans
}

/// Starts and ends of runs of one chord.
pub(super) fn joined(spans: &[Span]) -> Vec<(f64, f64)> {
    let runs = spans.chunk_by(|a, b| a.code.continues(&b.code));
    runs.filter_map(|run| Some((run.first()?.start_s, run.last()?.end_s))).collect()
}

/// Both sides cut at the boundaries of either: lengths in seconds, with both chords. A chord lasts
/// until the next begins. Both sides span the same time.
pub(super) fn aligned(reference: &[Span], estimate: &[Span]) -> Vec<(f64, Code, Code)> {
    let both = reference.iter().chain(estimate);
    let mut times: Vec<f64> = both.flat_map(|span| [span.start_s, span.end_s]).collect();
    times.sort_by(f64::total_cmp);
    let mut sides = [reference, estimate].map(|spans| spans.iter().peekable());
    let mut chords = [Code::SILENCE; 2];
    let mut pieces = Vec::with_capacity(times.len());
    for (&time, &next) in times.iter().zip(times.iter().skip(1)) {
        for (spans, chord) in sides.iter_mut().zip(&mut chords) {
            while let Some(span) = spans.next_if(|span| span.start_s <= time) {
                *chord = span.code;
            }
        }
        if next > time {
            pieces.push((next - time, chords[0], chords[1]));
        }
    }
    pieces
}

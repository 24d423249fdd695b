//! Which metrics are asked for.

use crate::error::{Error, Result};
use crate::eval::{Figure, ListMetric, METRICS, Measure};
use crate::suggest::closest;
use crate::train::Options;

/// What is measured.
pub(super) struct Measured {
    /// Where right answers stand.
    pub measures: Vec<Measure>,
    /// The names of properties of lists.
    pub lists: Vec<&'static str>,
    /// The lengths of lists, ascending.
    pub lengths: Vec<usize>,
}

impl Measured {
    /// The metrics named, or all of right answers, over all lists and the whole ranking.
    ///
    /// # Errors
    /// There is no metric of a name.
    pub(super) fn new(function: &str, options: &Options) -> Result<Self> {
        let mut lengths: Vec<usize> =
            options.ints("k").iter().filter_map(|&k| usize::try_from(k).ok()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let (mut measures, mut lists) = (Vec::new(), Vec::new());
        let mut add = |metric| measures.extend(Measure::of(metric, &lengths));
        match options.texts("metrics") {
            None => METRICS.iter().for_each(add),
            Some([]) => {
                let message = "must name a metric, such as 'recall'; leave it out for all of them";
                return Err(Error::option(function, "metrics", message));
            }
            Some(names) => {
                for (at, name) in names.iter().enumerate() {
                    if names[..at].iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
                        continue;
                    }
                    let list =
                        ListMetric::NAMES.iter().find(|known| known.eq_ignore_ascii_case(name));
                    match METRICS.iter().find(|known| known.name.eq_ignore_ascii_case(name)) {
                        Some(metric) => add(metric),
                        None => lists.push(*list.ok_or_else(|| unknown_metric(function, name))?),
                    }
                }
            }
        }
        Ok(Self { measures, lists, lengths })
    }

    /// How many of the best songs are needed of each case.
    pub(super) fn kept(&self) -> usize {
        if self.lists.is_empty() { 0 } else { self.lengths.last().copied().unwrap_or(0) }
    }

    /// All figures, where lists are measured in so many fields of songs.
    pub(super) fn figures(&self, fields: usize) -> Vec<Figure> {
        let lists = self.lists.iter().flat_map(|name| ListMetric::named(name, fields));
        let of_lists = |metric| self.lengths.iter().map(move |&k| Figure::List { metric, k });
        let ranks = self.measures.iter().map(|&measure| Figure::Rank(measure));
        ranks.chain(lists.flat_map(of_lists)).collect()
    }
}

fn unknown_metric(function: &str, name: &str) -> Error {
    let metrics = METRICS.iter().map(|metric| metric.name);
    let names: Vec<&str> = metrics.chain(ListMetric::NAMES.iter().copied()).collect();
    let guess = closest(name, names.iter().copied())
        .map_or(String::new(), |guess| format!("did you mean '{guess}'? "));
    let message = format!("names '{name}'; {guess}Possible: {}", names.join(", "));
    Error::option(function, "metrics", message)
}

/// Whether metrics are asked for that look at fields of songs.
pub(super) fn asks_for_fields(options: &Options) -> bool {
    let names = options.texts("metrics").unwrap_or_default();
    let of_fields = |name: &String| {
        ["diversity", "repetition"].iter().any(|metric| metric.eq_ignore_ascii_case(name))
    };
    names.iter().any(of_fields)
}

//! Ranks the right answers of all cases, in one go over the scores of each.

use rayon::prelude::*;

use super::answer::{Repeats, contexts_at_once, settle};
use super::cases::{Case, Cases, Told};
use super::lists::popularity;
use super::metrics::{Measure, Outcome, Place, Ties};
use super::opponents::{Examinee, Opponents, wrong};
use crate::error::Result;
use crate::nn;
use crate::train::Context;

/// How scores become ranks.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What happens to songs heard before.
    pub repeats: Repeats,
    /// Who stands first among songs of equal score.
    pub ties: Ties,
    /// How many of the best songs are kept of each case, for metrics of lists.
    pub kept: usize,
}

/// What came of all cases.
#[derive(Debug, Clone, Default)]
pub struct Places {
    places: Vec<Place>,
    /// Where the places of each case end.
    ends: Vec<usize>,
    right: Vec<u32>,
    candidates: Vec<u32>,
    told: Vec<u32>,
    told_popularity: Vec<Option<f64>>,
    lists: Vec<u32>,
    /// Where the list of each case ends.
    list_ends: Vec<usize>,
}

/// What came of one case.
struct Placed {
    places: Vec<Place>,
    right: u32,
    candidates: u32,
    told: u32,
    told_popularity: Option<f64>,
    list: Vec<u32>,
}

impl Places {
    /// How many cases there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no case.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// What the model did in a case.
    pub fn outcome(&self, case: usize) -> Outcome<'_> {
        Outcome {
            places: &self.places[span(&self.ends, case)],
            right: self.right[case],
            candidates: self.candidates[case],
        }
    }

    /// How many songs the model was told in a case.
    pub fn told(&self, case: usize) -> u32 {
        self.told[case]
    }

    /// How often these were played in training, on average; kept with lists, if there were any.
    pub fn told_popularity(&self, case: usize) -> Option<f64> {
        self.told_popularity[case]
    }

    /// The mean of a measure over all cases; NaN without cases.
    pub fn mean(&self, measure: &Measure) -> f64 {
        let values = (0..self.len()).map(|case| measure.value(&self.outcome(case)));
        values.sum::<f64>() / self.len() as f64
    }

    /// The best songs of a case, best first; of equal score, the first in the catalogue.
    pub fn list(&self, case: usize) -> &[u32] {
        &self.lists[span(&self.list_ends, case)]
    }

    fn push(&mut self, placed: Placed) {
        self.places.extend(placed.places);
        self.ends.push(self.places.len());
        self.right.push(placed.right);
        self.candidates.push(placed.candidates);
        self.told.push(placed.told);
        self.told_popularity.push(placed.told_popularity);
        self.lists.extend(placed.list);
        self.list_ends.push(self.lists.len());
    }
}

fn span(ends: &[usize], at: usize) -> std::ops::Range<usize> {
    let start = if at == 0 { 0 } else { ends[at - 1] };
    start..ends[at]
}

/// One model's way through all cases, batch by batch.
pub struct Pass<'a> {
    examinee: Examinee<'a>,
    /// Which of the models that are asked the same it is.
    number: usize,
    cases: &'a Cases<'a>,
    opponents: &'a Opponents<'a>,
    rules: Rules,
    told: Told,
    /// Which songs may be ranked; all without.
    allowed: Option<Vec<bool>>,
    scores: Vec<f32>,
    places: Places,
}

impl<'a> Pass<'a> {
    /// Prepares a pass of `models[number]`; nothing is scored yet.
    pub fn new(
        models: &'a [Examinee<'a>],
        number: usize,
        cases: &'a Cases<'a>,
        opponents: &'a Opponents<'a>,
        rules: Rules,
    ) -> Self {
        let examinee = models[number];
        let Examinee { dataset, known, .. } = examinee;
        let allowed = cases.test.candidates.as_ref().map(|candidates| {
            let mut allowed = vec![false; dataset.songs.len()];
            let songs = candidates.iter().filter_map(|&song| known.song(song));
            songs.for_each(|song| allowed[song as usize] = true);
            allowed
        });
        let told = Told::new(cases, known, dataset);
        let (scores, places) = (Vec::new(), Places::default());
        Self { examinee, number, cases, opponents, rules, told, allowed, scores, places }
    }

    /// Scores and ranks the next batch of cases; whether there are more. Computes on the rayon pool
    /// it is called in.
    ///
    /// # Errors
    /// The model fails or scores NaN.
    pub fn step(&mut self) -> Result<bool> {
        let Examinee { model, dataset, known } = self.examinee;
        let (songs, done) = (dataset.songs.len(), self.places.len());
        if songs == 0 {
            (done..self.cases.list.len()).for_each(|number| {
                let placed = self.place(number, &[], &[], None);
                self.places.push(placed);
            });
            return Ok(false);
        }
        let groups = self.groups(done, contexts_at_once(songs));
        let contexts: Vec<Context<'_>> = groups
            .iter()
            .map(|&(first, _)| {
                let case = &self.cases.list[first];
                let (user, songs) = (known.users[case.user as usize], self.told.before(case));
                Context { user, songs, continues: self.told.continues(user, songs, dataset) }
            })
            .collect();
        let mut scores = std::mem::take(&mut self.scores);
        scores.resize(contexts.len() * songs, 0.0);
        let few = self.few(&groups);
        match self.asked(&groups, few.as_deref()) {
            Some(asked) => model.score_some(&contexts, &asked, &mut scores)?,
            None => model.score_all(&contexts, &mut scores)?,
        }
        let placed: Vec<Vec<Placed>> = scores
            .par_chunks_mut(songs)
            .enumerate()
            .zip(groups.par_iter().zip(&contexts))
            .map(|((group, scores), (&(first, end), context))| {
                let few = |number: usize| Some(few.as_ref()?[group][number - first].as_slice());
                let heard = self.heard_before(&self.cases.list[first]);
                settle(dataset, context, &heard, self.rules.repeats, scores)?;
                if let Some(allowed) = &self.allowed {
                    nn::keep_only(scores, allowed);
                }
                let place = |number| self.place(number, context.songs, scores, few(number));
                Ok((first..end).map(place).collect())
            })
            .collect::<Result<_>>()?;
        self.scores = scores;
        placed.into_iter().flatten().for_each(|placed| self.places.push(placed));
        Ok(self.places.len() < self.cases.list.len())
    }

    /// The ranks, once [`Pass::step`] has none left.
    pub fn finish(self) -> Places {
        self.places
    }

    /// Cases from `start` on, first and end of those that follow one another and are told the same:
    /// at most `most` groups.
    fn groups(&self, start: usize, most: usize) -> Vec<(usize, usize)> {
        let list = &self.cases.list;
        let told = |case: &Case| (case.user, self.told.before(case).as_ptr_range());
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for number in start..list.len() {
            if let Some((first, end)) = groups.last_mut()
                && told(&list[*first]) == told(&list[number])
            {
                *end = number + 1;
                continue;
            }
            if groups.len() == most {
                break;
            }
            groups.push((number, number + 1));
        }
        groups
    }

    /// What the listener heard before the test and the model was not trained on.
    fn heard_before(&self, case: &Case) -> Vec<u32> {
        if self.rules.repeats == Repeats::Allow {
            return Vec::new();
        }
        let songs = self.cases.test.history.iter().flat_map(|plays| plays.history(case.user));
        songs.filter_map(|&song| self.examinee.known.song(song)).collect()
    }

    /// The few songs that the right answers of each case are ranked among, by group; `None` where
    /// these are all songs.
    fn few(&self, groups: &[(usize, usize)]) -> Option<Vec<Vec<Vec<u32>>>> {
        let few = |number: usize| match self.opponents {
            Opponents::All => Vec::new(),
            Opponents::Drawn(sampler) => sampler.draw(self.cases, number, self.number),
            Opponents::Given(sets) => wrong(sets, self.cases, &self.cases.list[number])
                .filter_map(|song| self.examinee.known.song(song))
                .collect(),
        };
        match self.opponents {
            Opponents::All => None,
            _ => Some(
                groups.par_iter().map(|&(first, end)| (first..end).map(few).collect()).collect(),
            ),
        }
    }

    /// The songs whose scores each group needs; `None` for all.
    fn asked(
        &self,
        groups: &[(usize, usize)],
        few: Option<&[Vec<Vec<u32>>]>,
    ) -> Option<Vec<Vec<u32>>> {
        let known = self.examinee.known;
        match (few, &self.cases.test.candidates) {
            // Lists are of all songs.
            (Some(few), _) if self.rules.kept == 0 => {
                let asked = groups.iter().zip(few).map(|(&(first, end), few)| {
                    let cases = &self.cases.list[first..end];
                    let right = cases.iter().flat_map(|case| self.cases.targets(case));
                    let right = right.filter_map(|song| known.song(song));
                    let mut asked: Vec<u32> = right.chain(few.iter().flatten().copied()).collect();
                    asked.sort_unstable();
                    asked.dedup();
                    asked
                });
                Some(asked.collect())
            }
            (_, Some(candidates)) => {
                let asked = candidates.iter().filter_map(|&song| known.song(song)).collect();
                Some(vec![asked; groups.len()])
            }
            _ => None,
        }
    }

    /// Ranks the right answers of a case, before which the model was told some songs, among all songs
    /// or a few.
    fn place(&self, number: usize, told: &[u32], scores: &[f32], few: Option<&[u32]>) -> Placed {
        let (case, known) = (&self.cases.list[number], self.examinee.known);
        let targets = self.cases.targets(case);
        let of = |song: u32| scores[song as usize];
        let is_ranked = |score: &f32| *score > f32::NEG_INFINITY;
        let right: Vec<f32> =
            targets.iter().filter_map(|&song| known.song(song)).map(of).filter(is_ranked).collect();
        let pool: Vec<f32>;
        let pool = match few {
            Some(few) => {
                let wrong = few.iter().map(|&song| of(song)).filter(is_ranked);
                pool = wrong.chain(right.iter().copied()).collect();
                pool.as_slice()
            }
            None => scores,
        };
        let list = match self.rules.kept {
            0 => Vec::new(),
            kept => nn::top_k(scores, kept).into_iter().map(|ranked| ranked.song).collect(),
        };
        let told_popularity = match self.rules.kept {
            0 => None,
            _ => popularity(self.examinee.dataset, told),
        };
        Placed {
            places: self.places_of(right, pool),
            right: targets.len() as u32,
            candidates: nn::compare(pool, f32::NEG_INFINITY).0,
            told: told.len() as u32,
            told_popularity,
            list,
        }
    }

    /// The places of right answers of the given scores among all, best first.
    fn places_of(&self, mut right: Vec<f32>, scores: &[f32]) -> Vec<Place> {
        right.sort_unstable_by(|a, b| b.total_cmp(a));
        let equal = right.chunk_by(|a, b| a == b);
        equal
            .map(|equal| {
                let (before, tied) = nn::compare(scores, equal[0]);
                self.rules.ties.apply(Place { before, tied, right: equal.len() as u32 })
            })
            .collect()
    }
}

#[cfg(test)]
#[path = "ranking_tests.rs"]
mod tests;

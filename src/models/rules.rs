//! Sequential rules: songs that came soon after the latest song.
//!
//! Ludewig & Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018, §3.1.2
//! (SR). The rule `a → b` weighs the sum, over every session in which `b` is played `d` plays after
//! `a`, of a weight that falls with the distance `d`. A song's score is the weight of its rule from
//! the latest song of the session.
//!
//! # Deviations
//! - Where the latest song has no rule, the latest one that has takes its place.
//! - The paper divides by the number of sessions in which `a` is played. That number is the same
//!   for all candidates, so the ranking is the same without it.
//! - The paper's weight is `1/d`; others that its authors' later work tries are offered.

use std::sync::Arc;

use rayon::prelude::*;

use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::SongLinks;
use crate::train::{
    Context, Default, Kind, Memory, Model, ModelSpec, Options, Param, Training, Weights,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "rules",
    summary: "Songs that were played soon after the latest one (sequential rules).",
    source: "Ludewig & Jannach 2018",
    example: "FROM train_rules('plays', steps := 10)",
    inputs: &[],
    params: &[
        Param::new(
            "steps",
            Kind::Int { min: 1, max: 10_000 },
            Default::Int(10),
            "How many plays apart two songs of a rule may be.",
        ),
        Param::new(
            "decay",
            Kind::Choice(&["reciprocal", "linear", "log", "quadratic", "none"]),
            Default::Text("reciprocal"),
            "How a rule's weight falls with the distance d: 1/d, 1 − (d − 1)/steps, \
             1/log₁₀(d + 1.7), 1/d², or not at all.",
        ),
        Param::new(
            "neighbors",
            Kind::Int { min: 1, max: 1_000_000 },
            Default::Int(1_000),
            "Strongest rules kept per song.",
        ),
    ],
    iterative: false,
    memory: |dataset, options| Ok(memory(dataset, options)),
    start: |dataset, options, _| Ok(Box::new(Fitting::new(dataset, options))),
    load: |artifact, _| {
        let links = SongLinks::load(&artifact.weights, artifact.dataset.songs.len())?;
        Ok(Box::new(Rules { links }))
    },
};

/// Rules are bounded by `neighbors`, and by what is played within `steps` at all.
fn memory(dataset: &Dataset, options: &Options) -> Memory {
    let (songs, plays) = (dataset.songs.len() as u64, dataset.plays.songs.len() as u64);
    let kept = songs.min(options.count("neighbors") as u64);
    let weights = (songs + 1) * 4 + (plays * options.count("steps") as u64).min(songs * kept) * 8;
    // Where each song is played, sums, and the lists before they are packed.
    Memory { weights, optimizer: 0, step: plays * 4 + songs * 24 + weights }
}

/// Each song's rules.
#[derive(Clone)]
struct Rules {
    links: SongLinks,
}

struct Fitting {
    dataset: Arc<Dataset>,
    /// The weight of each distance, from 1.
    decay: Vec<f64>,
    neighbors: usize,
    fitted: Option<Rules>,
}

impl Fitting {
    fn new(dataset: Arc<Dataset>, options: &Options) -> Self {
        let steps = options.count("steps");
        let weight = |d: usize| {
            let d = d as f64;
            match options.text("decay") {
                Some("linear") => 1.0 - (d - 1.0) / steps as f64,
                Some("log") => 1.0 / (d + 1.7).log10(),
                Some("quadratic") => 1.0 / (d * d),
                Some("none") => 1.0,
                _ => 1.0 / d,
            }
        };
        let decay = (1..=steps).map(weight).collect();
        Self { dataset, decay, neighbors: options.count("neighbors"), fitted: None }
    }

    /// The rules from one song, played at `places`; `weights` is scratch space of zeros.
    fn rules_from(&self, places: &[u32], weights: &mut [f64]) -> Vec<(u32, f32)> {
        let plays = &self.dataset.plays;
        let mut touched = Vec::new();
        for &place in places {
            let place = place as usize;
            let session = plays.session_offsets.partition_point(|&start| start as usize <= place);
            let end = plays.session_offsets[session] as usize;
            for (&next, weight) in plays.songs[place + 1..end].iter().zip(&self.decay) {
                if weights[next as usize] == 0.0 {
                    touched.push(next);
                }
                weights[next as usize] += weight;
            }
        }
        let taken = |next: u32| (next, std::mem::take(&mut weights[next as usize]) as f32);
        SongLinks::strongest(touched.into_iter().map(taken).collect(), self.neighbors)
    }
}

/// The places of each song in `songs`, packed.
fn places(songs: &[u32], count: usize) -> (Vec<usize>, Vec<u32>) {
    let mut offsets = vec![0; count + 1];
    for &song in songs {
        offsets[song as usize + 1] += 1;
    }
    for i in 1..offsets.len() {
        offsets[i] += offsets[i - 1];
    }
    let (mut next, mut places) = (offsets.clone(), vec![0; songs.len()]);
    for (place, &song) in songs.iter().enumerate() {
        places[next[song as usize]] = place as u32;
        next[song as usize] += 1;
    }
    (offsets, places)
}

impl Training for Fitting {
    /// Counts; nothing is minimised, so the loss is 0.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        let songs = self.dataset.songs.len();
        let (offsets, places) = places(&self.dataset.plays.songs, songs);
        let lists: Vec<Vec<(u32, f32)>> = offsets
            .par_windows(2)
            .map_init(
                || vec![0.0; songs],
                |weights, bounds| {
                    control.check()?;
                    Ok(self.rules_from(&places[bounds[0]..bounds[1]], weights))
                },
            )
            .collect::<Result<_>>()?;
        self.fitted = Some(Rules { links: SongLinks::pack(lists)? });
        Ok(0.0)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        match &self.fitted {
            Some(model) => Ok(Box::new(model.clone())),
            None => Err(Error::Compute("rules are not fitted yet".into())),
        }
    }
}

impl Model for Rules {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        out.fill(0.0);
        let songs = self.links.songs();
        for (scores, context) in out.chunks_exact_mut(songs.max(1)).zip(contexts) {
            let has_rules = |song: &&u32| self.links.of(**song).next().is_some();
            let Some(&latest) = context.songs.iter().rev().find(has_rules) else { continue };
            for (song, weight) in self.links.of(latest) {
                scores[song as usize] = weight;
            }
        }
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        self.links.tensors()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(
        sessions: &[&[u32]],
        options: &[(&str, crate::train::Setting)],
        context: &[u32],
    ) -> Vec<f32> {
        let dataset = Dataset::of_sessions(sessions, 4);
        let mut settings = Options::defaults(SPEC.params);
        options.iter().for_each(|(name, setting)| settings.set(name, setting.clone()));
        let mut fitting = Fitting::new(Arc::new(dataset), &settings);
        fitting.epoch(1, &Control::default()).unwrap();
        let mut scores = vec![f32::NAN; 4];
        let context = Context { user: None, songs: context, continues: false };
        fitting.model().unwrap().score_all(&[context], &mut scores).unwrap();
        scores
    }

    #[test]
    fn without_rules_from_the_latest_song_those_from_an_earlier_one_answer() {
        // Nothing ever followed song 3.
        let sessions: &[&[u32]] = &[&[0, 1, 3], &[2, 0, 3]];
        assert_eq!(fit(sessions, &[], &[2, 0, 3, 3]), [0.0, 1.0, 0.0, 1.5]);
        assert_eq!(fit(sessions, &[], &[3]), [0.0; 4]);
    }

    #[test]
    fn rules_weigh_the_distance_and_end_with_the_session() {
        use crate::train::Setting;
        // From song 0: 1 follows at distance 1 and 2, 2 at 1, 0 itself at 3; 3 is in the next
        // session.
        let sessions: &[&[u32]] = &[&[0, 2, 1, 0], &[3, 0, 1]];
        assert_eq!(fit(sessions, &[], &[2, 0]), [1.0 / 3.0, 1.5, 1.0, 0.0]);
        assert_eq!(fit(sessions, &[("steps", Setting::Int(1))], &[2, 0]), [0.0, 1.0, 1.0, 0.0]);
        let kept = fit(sessions, &[("neighbors", Setting::Int(1))], &[2, 0]);
        assert_eq!(kept, [0.0, 1.5, 0.0, 0.0]);
        let decays = [
            ("quadratic", 1.25),
            ("none", 2.0),
            ("linear", 1.9),
            ("log", 1.0 / 2.7_f32.log10() + 1.0 / 3.7_f32.log10()),
        ];
        for (decay, expected) in decays {
            let score = fit(sessions, &[("decay", Setting::Text(decay.into()))], &[2, 0])[1];
            assert!((score - expected).abs() < 1e-5, "{decay}: {score}");
        }
    }
}

//! The songs that right answers are ranked among: all of them, or a few.

use std::collections::HashSet;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::cases::{Case, Cases};
use crate::data::{Dataset, Known, PopularitySampler, SongSets};
use crate::train::Model;

/// How wrong answers are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// Each song with the same chance.
    Uniform,
    /// With a chance proportional to the plays in training.
    Popularity,
}

/// What right answers are ranked among.
pub enum Opponents<'a> {
    /// All songs that the model knows, or all candidates.
    All,
    /// For each listener those of [`TestPlays::negatives`](crate::data::TestPlays::negatives) that
    /// every model knows; in each case but for its right answers.
    Given(SongSets),
    /// A few songs, drawn anew for each case.
    Drawn(Sampler<'a>),
}

impl Opponents<'_> {
    /// What the names of metrics end with that are not of a full ranking: `@99neg` for 99 wrong
    /// answers in each case (`@99popneg` if drawn by popularity), `@neg` for different numbers of
    /// them, `@candidates` for a choice of songs.
    pub fn suffix(&self, cases: &Cases<'_>) -> String {
        let among = if cases.test.candidates.is_some() { "@candidates" } else { "" };
        match self {
            Self::All => among.to_owned(),
            Self::Drawn(Sampler { count, weights: None, .. }) => format!("@{count}neg{among}"),
            Self::Drawn(Sampler { count, .. }) => format!("@{count}popneg{among}"),
            Self::Given(sets) => {
                let mut sizes = cases.list.iter().map(|case| wrong(sets, cases, case).count());
                let first = sizes.next().unwrap_or(0);
                if sizes.all(|size| size == first) {
                    format!("@{first}neg")
                } else {
                    "@neg".to_owned()
                }
            }
        }
    }
}

/// The songs given for a case that are no right answers, in [`TestPlays::songs`](crate::data::TestPlays::songs).
pub fn wrong<'s>(
    sets: &'s SongSets,
    cases: &Cases<'_>,
    case: &Case,
) -> impl Iterator<Item = u32> + use<'s> {
    let right = cases.targets(case);
    sets.of(case.user).iter().copied().filter(move |song| right.binary_search(song).is_err())
}

/// A model as an evaluation sees it.
#[derive(Clone, Copy)]
pub struct Examinee<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// What it was trained on.
    pub dataset: &'a Dataset,
    /// What it knows of the test.
    pub known: &'a Known,
}

/// Draws songs that every model knows and the listener never played: neither in training, nor in the
/// history, nor anywhere in the test.
pub struct Sampler<'a> {
    models: &'a [Examinee<'a>],
    count: usize,
    seed: u64,
    /// The songs to draw from, in the vocabulary of each model.
    songs: Vec<Vec<u32>>,
    /// Where the songs of each model stand among these.
    places: Vec<Vec<Option<u32>>>,
    /// How often they were played in training, all models together; without, all are alike.
    weights: Option<(Vec<u32>, PopularitySampler)>,
    /// How many songs can be drawn at all.
    drawable: usize,
}

impl<'a> Sampler<'a> {
    /// Draws `count` songs a case, the same for all models.
    pub fn new(
        cases: &Cases<'_>,
        models: &'a [Examinee<'a>],
        count: usize,
        draw: Draw,
        seed: u64,
    ) -> Self {
        let songs = shared_songs(cases, models);
        let places = models.iter().zip(&songs).map(|(model, songs)| {
            let mut places = vec![None; model.dataset.songs.len()];
            (0..).zip(songs).for_each(|(place, &song)| places[song as usize] = Some(place));
            places
        });
        let places = places.collect();
        let weights = (draw == Draw::Popularity).then(|| {
            let mut plays = vec![0_u32; songs.first().map_or(0, Vec::len)];
            for (model, songs) in models.iter().zip(&songs) {
                for (plays, &song) in plays.iter_mut().zip(songs) {
                    *plays = plays.saturating_add(model.dataset.play_counts[song as usize]);
                }
            }
            let sampler = PopularitySampler::new(&plays, 1.0);
            (plays, sampler)
        });
        let drawable = match &weights {
            Some((weights, _)) => weights.iter().filter(|&&plays| plays > 0).count(),
            None => songs.first().map_or(0, Vec::len),
        };
        Self { models, count, seed, songs, places, weights, drawable }
    }

    /// The songs drawn for case number `number`, in the vocabulary of model number `model`. Fewer
    /// than asked for where the listener left no more.
    pub(super) fn draw(&self, cases: &Cases<'_>, number: usize, model: usize) -> Vec<u32> {
        let mut taken = self.heard(cases, &cases.list[number]);
        let left = taken.iter().filter(|&&place| self.weight(place) > 0.0).count();
        let wanted = self.count.min(self.drawable - left);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number as u64);
        let mut drawn = Vec::with_capacity(wanted);
        // Beyond this it is dearer to draw and refuse than to look at all songs.
        let mut tries = 16 * wanted + 256;
        while drawn.len() < wanted && tries > 0 {
            tries -= 1;
            let place = match &self.weights {
                Some((_, sampler)) => sampler.draw(&mut rng),
                None => rng.random_range(0..self.drawable as u32),
            };
            if taken.insert(place) {
                drawn.push(place);
            }
        }
        if drawn.len() < wanted {
            self.complete(wanted, &taken, &mut drawn, &mut rng);
        }
        drawn.into_iter().map(|place| self.songs[model][place as usize]).collect()
    }

    /// Draws what is missing among the songs not taken: those with the least exponential waiting
    /// times (Efraimidis & Spirakis, "Weighted random sampling with a reservoir", 2006), which is the
    /// same as drawing one after the other.
    fn complete(
        &self,
        wanted: usize,
        taken: &HashSet<u32>,
        drawn: &mut Vec<u32>,
        rng: &mut ChaCha8Rng,
    ) {
        let mut waits: Vec<(f64, u32)> = (0..self.songs[0].len() as u32)
            .filter(|place| self.weight(*place) > 0.0 && !taken.contains(place))
            .map(|place| (-(1.0 - rng.random::<f64>()).ln() / self.weight(place), place))
            .collect();
        waits.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        drawn.extend(waits.iter().take(wanted - drawn.len()).map(|&(_, place)| place));
    }

    fn weight(&self, place: u32) -> f64 {
        self.weights.as_ref().map_or(1.0, |(weights, _)| f64::from(weights[place as usize]))
    }

    /// Where the songs stand that a case's listener played.
    fn heard(&self, cases: &Cases<'_>, case: &Case) -> HashSet<u32> {
        let test = cases.test;
        let history = test.history.iter().flat_map(|history| history.history(case.user));
        let told = test.plays.history(case.user).iter().chain(history);
        let mut heard = HashSet::new();
        for (Examinee { known, dataset, .. }, places) in self.models.iter().zip(&self.places) {
            let trained =
                known.users[case.user as usize].map_or(&[][..], |user| dataset.plays.history(user));
            let told = told.clone().filter_map(|&song| known.song(song));
            let songs = trained.iter().copied().chain(told);
            heard.extend(songs.filter_map(|song| places[song as usize]));
        }
        heard
    }
}

/// The songs that all models know, and that are candidates, in the vocabulary of each.
fn shared_songs(cases: &Cases<'_>, models: &[Examinee<'_>]) -> Vec<Vec<u32>> {
    let Some((first, others)) = models.split_first() else { return Vec::new() };
    let candidates: Vec<u32> = match &cases.test.candidates {
        Some(candidates) => candidates.iter().filter_map(|&song| first.known.song(song)).collect(),
        None => (0..first.dataset.songs.len() as u32).collect(),
    };
    let mut songs = vec![Vec::new(); models.len()];
    for song in candidates {
        let id = first.dataset.songs.text(song);
        let same: Option<Vec<u32>> =
            others.iter().map(|other| other.dataset.songs.find(&id)).collect();
        if let Some(same) = same {
            songs[0].push(song);
            songs[1..].iter_mut().zip(same).for_each(|(songs, song)| songs.push(song));
        }
    }
    songs
}

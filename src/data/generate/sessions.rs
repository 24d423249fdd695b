//! Plays: how much each user listens, in which sessions, and what comes next.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::catalogue::Catalogue;
use super::draw::{Stream, below, generator, index, weight, weighted};
use super::{Aspect, ListeningPlan, PlayRows};
use crate::control::Control;
use crate::error::Result;

const SESSION_MIN: usize = 5;
const SESSION_MAX: usize = 20;
/// How many values of their aspect users come back to, every other time that they choose one.
const FAVOURITES: usize = 3;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// 2023-01-01 00:00:00 UTC.
const BEGINNING: i64 = 1_672_531_200 * SECOND;
/// Users' sessions lie within about this time, unless one plays day and night.
const SPAN: i64 = 360 * DAY;
/// The shortest break between two sessions, long enough for any rule that finds sessions by gaps.
const BREAK_MIN: i64 = 3 * HOUR;
/// The mean break of a user who listens little.
const BREAK_MEAN_MAX: i64 = 4 * DAY;

/// Makes the plays of all users; `aspects` holds what each cares for.
pub(super) fn play(
    plan: &ListeningPlan,
    catalogue: &Catalogue,
    aspects: &[Aspect],
    control: &Control,
) -> Result<PlayRows> {
    let mut rng = generator(plan.seed, Stream::Sessions);
    let counts = share_out(plan, &mut rng);
    let mut plays = PlayRows {
        user_id: Vec::with_capacity(plan.plays),
        song_id: Vec::with_capacity(plan.plays),
        played_at: Vec::with_capacity(plan.plays),
        session_id: Vec::with_capacity(plan.plays),
    };
    let mut session_id = 0;
    for (user, (&count, &aspect)) in counts.iter().zip(aspects).enumerate() {
        let lengths = split(count, &mut rng);
        let mut clock = Clock::start(lengths.len(), &mut rng);
        let mut listener = Listener::new(plan, catalogue, aspect, &mut rng);
        for length in lengths {
            control.check()?;
            session_id += 1;
            listener.begin(&mut rng);
            for _ in 0..length {
                plays.user_id.push(user as i64 + 1);
                plays.song_id.push(listener.next(&mut rng) as i64 + 1);
                plays.played_at.push(clock.play(&mut rng));
                plays.session_id.push(session_id);
            }
            clock.rest(&mut rng);
        }
    }
    Ok(plays)
}

/// How many plays each user has: one short session where there are enough plays for that, and
/// the rest by Zipf's law over a random order of the users. The sum is exact.
fn share_out(plan: &ListeningPlan, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let least = (plan.plays / plan.users).min(SESSION_MIN);
    let rest = plan.plays - least * plan.users;
    let mut ranks: Vec<u32> = (0..plan.users as u32).collect();
    ranks.shuffle(rng);
    // The offset spreads the plays: no user has more than a few percent.
    let weight_of = |rank: u32| u128::from(weight(rank as usize, plan.users / 20));
    let total: u128 = ranks.iter().map(|&rank| weight_of(rank)).sum();
    let mut counts: Vec<usize> = ranks
        .iter()
        .map(|&rank| least + (rest as u128 * weight_of(rank) / total) as usize)
        .collect();
    // Rounding down leaves less than one play a user.
    let left = plan.plays - counts.iter().sum::<usize>();
    counts[..left].iter_mut().for_each(|count| *count += 1);
    counts
}

/// Cuts a user's plays into sessions; shorter than [`SESSION_MIN`] only if the user has so few.
fn split(count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut lengths = Vec::with_capacity(count / SESSION_MIN + 1);
    let mut left = count;
    while left > SESSION_MAX {
        let most = SESSION_MAX.min(left - SESSION_MIN);
        let length = SESSION_MIN + index(rng, most - SESSION_MIN + 1);
        lengths.push(length);
        left -= length;
    }
    lengths.push(left);
    lengths
}

/// The time of one user's plays.
struct Clock {
    now: i64,
    /// Mean of the time between sessions beyond [`BREAK_MIN`].
    pause: i64,
}

impl Clock {
    fn start(sessions: usize, rng: &mut ChaCha8Rng) -> Self {
        let mean = (SPAN / sessions as i64).clamp(BREAK_MIN + SECOND, BREAK_MEAN_MAX);
        let room = (SPAN - mean.saturating_mul(sessions as i64)).max(DAY);
        let now = BEGINNING + below(rng, (room / SECOND) as u64) as i64 * SECOND;
        Self { now, pause: mean - BREAK_MIN }
    }

    /// The time at which a play begins; the next one follows minutes later.
    fn play(&mut self, rng: &mut ChaCha8Rng) -> i64 {
        let begins = self.now;
        self.now += (150 + below(rng, 181) as i64) * SECOND;
        begins
    }

    /// Lets the hours or days to the next session pass.
    fn rest(&mut self, rng: &mut ChaCha8Rng) {
        let longest = (2 * self.pause / SECOND) as u64;
        self.now += BREAK_MIN + below(rng, longest + 1) as i64 * SECOND;
    }
}

/// One user in a session.
struct Listener<'a> {
    plan: &'a ListeningPlan,
    catalogue: &'a Catalogue,
    aspect: Aspect,
    favourites: [usize; FAVOURITES],
    /// The value of the aspect that the user follows now.
    value: usize,
    last: Option<usize>,
}

impl<'a> Listener<'a> {
    fn new(
        plan: &'a ListeningPlan,
        catalogue: &'a Catalogue,
        aspect: Aspect,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let values = catalogue.values(aspect).len();
        let favourites = std::array::from_fn(|_| index(rng, values));
        Self { plan, catalogue, aspect, favourites, value: favourites[0], last: None }
    }

    fn begin(&mut self, rng: &mut ChaCha8Rng) {
        self.value = self.choose(rng);
        self.last = None;
    }

    /// A favourite value or any: the songs just played say more about the next than the user does.
    fn choose(&self, rng: &mut ChaCha8Rng) -> usize {
        match index(rng, 2 * FAVOURITES) {
            favourite if favourite < FAVOURITES => self.favourites[favourite],
            _ => index(rng, self.catalogue.values(self.aspect).len()),
        }
    }

    fn next(&mut self, rng: &mut ChaCha8Rng) -> usize {
        if self.last.is_some() && rng.random::<f64>() >= self.plan.stay {
            self.value = self.choose(rng);
        }
        let song = if rng.random::<f64>() < self.plan.noise {
            weighted(rng, &self.catalogue.popularity, self.last)
        } else {
            self.catalogue.values(self.aspect).draw(self.value, self.last, rng)
        };
        self.last = Some(song);
        song
    }
}

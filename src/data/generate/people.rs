//! Users: their attributes, and the aspect that follows from them.

use rand_chacha::ChaCha8Rng;

use super::draw::{Deck, Stream, below, generator, weight, weighted};
use super::names::COUNTRIES;
use super::{Aspect, ListeningPlan, UserRows};

const AGE_MIN: usize = 15;
/// Divisible by every possible number of aspects, so that age bands are equally wide.
const AGES: usize = 60;
/// One attribute value in this many is missing.
const MISSING_ONE_IN: u64 = 33;

/// A deck of genders with the share of each.
const GENDERS: [&str; 25] = {
    let mut cards = ["other"; 25];
    let mut i = 0;
    while i < 24 {
        cards[i] = if i % 2 == 0 { "female" } else { "male" };
        i += 1;
    }
    cards
};

/// The users as models see them, and what each cares for.
pub(super) struct People {
    pub(super) rows: UserRows,
    pub(super) aspects: Vec<Aspect>,
}

impl People {
    pub(super) fn deal(plan: &ListeningPlan) -> Self {
        let mut rng = generator(plan.seed, Stream::People);
        let (mut ages, mut genders) = (Deck::new(AGES), Deck::new(GENDERS.len()));
        let countries: Vec<u64> = (0..COUNTRIES.len())
            .scan(0, |sum, rank| {
                *sum += weight(rank, 1);
                Some(*sum)
            })
            .collect();
        let mut rows = UserRows::default();
        let mut aspects = Vec::with_capacity(plan.users);
        for user in 0..plan.users {
            let age = usize::from(ages.deal(&mut rng));
            let gender = GENDERS[usize::from(genders.deal(&mut rng))];
            let country = COUNTRIES[weighted(&mut rng, &countries, None)];
            aspects.push(plan.aspects[band(age, gender, plan.aspects.len())]);
            rows.user_id.push(user as i64 + 1);
            rows.age.push(or_missing(&mut rng, (AGE_MIN + age) as i32));
            rows.gender.push(or_missing(&mut rng, gender));
            rows.country.push(or_missing(&mut rng, country));
        }
        Self { rows, aspects }
    }
}

/// Which of `bands` equal age bands a user belongs to; men reach the next band earlier and women
/// later, by a fifth of a band.
///
/// The opposite shifts keep the bands' shares equal, and a band can be told from a sum of one term
/// for the age and one for the gender: a model that adds attributes up can learn it.
fn band(age: usize, gender: &str, bands: usize) -> usize {
    let width = AGES / bands;
    let shift = width / 5;
    let shifted = match gender {
        "female" => age.saturating_sub(shift),
        "male" => (age + shift).min(AGES - 1),
        _ => age,
    };
    shifted / width
}

fn or_missing<T>(rng: &mut ChaCha8Rng, value: T) -> Option<T> {
    (below(rng, MISSING_ONE_IN) != 0).then_some(value)
}

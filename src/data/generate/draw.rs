//! Random draws that do not depend on the platform: integers only, no transcendental functions.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a generator is used for. Each part has its own stream, so that a longer history does not
/// change the songs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Catalogue = 1,
    Popularity,
    Titles,
    Chords,
    People,
    Sessions,
}

/// The generator for one part of the data.
pub(super) fn generator(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream as u64);
    rng
}

/// A whole number below `end`, which must not be 0.
pub(super) fn below(rng: &mut ChaCha8Rng, end: u64) -> u64 {
    rng.random_range(0..end)
}

/// An index below `end`, which must not be 0.
pub(super) fn index(rng: &mut ChaCha8Rng, end: usize) -> usize {
    below(rng, end as u64) as usize
}

/// The long-tailed weight of the item at a popularity rank (from 0): Zipf's law, with the first
/// ranks levelled by `offset`. Never 0 for ranks below a billion.
pub(super) fn weight(rank: usize, offset: usize) -> u64 {
    4_000_000_000 / (rank + offset + 1) as u64
}

/// Draws an index by weights given as running sums (the last entry is the total), leaving out
/// index `avoid` where there is another one.
pub(super) fn weighted(rng: &mut ChaCha8Rng, sums: &[u64], avoid: Option<usize>) -> usize {
    let start = |i: usize| if i == 0 { 0 } else { sums[i - 1] };
    let total = start(sums.len());
    let at = match avoid {
        Some(i) if sums.len() > 1 => {
            let gap = sums[i] - start(i);
            let at = below(rng, total - gap);
            if at >= start(i) { at + gap } else { at }
        }
        _ => below(rng, total),
    };
    sums.partition_point(|&sum| sum <= at)
}

/// Values `0..size`, dealt like shuffled cards: each comes equally often.
pub(super) struct Deck {
    cards: Vec<u16>,
    next: usize,
}

impl Deck {
    pub(super) fn new(size: usize) -> Self {
        Self { cards: (0..size as u16).collect(), next: size }
    }

    /// The next card.
    pub(super) fn deal(&mut self, rng: &mut ChaCha8Rng) -> u16 {
        if self.next == self.cards.len() {
            self.cards.shuffle(rng);
            self.next = 0;
        }
        self.next += 1;
        self.cards[self.next - 1]
    }

    /// The next card that is not in `hand`, which must hold fewer than half of the cards.
    pub(super) fn deal_other(&mut self, rng: &mut ChaCha8Rng, hand: &[u16]) -> u16 {
        loop {
            let card = self.deal(rng);
            if !hand.contains(&card) {
                return card;
            }
        }
    }
}

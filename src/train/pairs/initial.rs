//! Parameters before training, and the memory that a training takes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Design, Side, Table, shares};
use crate::data::Dataset;
use crate::train::params::Per;
use crate::train::{Initial, Memory, Optimizer, Parameters};

impl Table {
    /// The table before training; `rows` are those of users and of songs.
    fn initial(&self, rows: [usize; 2]) -> Initial {
        let rows = if self.of == Side::Users { rows[0] } else { rows[1] };
        Initial::normal(self.name, &[rows, self.width], self.deviation)
    }
}

/// How many rows the tables of users, or sessions, and of songs have.
fn rows(dataset: &Dataset, design: &Design) -> [usize; 2] {
    let listeners = match design.config.per {
        Per::User => dataset.users.len(),
        Per::Session => dataset.plays.sessions(),
    };
    [listeners, dataset.songs.len() + usize::from(design.network.knows_content())]
}

/// All parameters before training.
pub fn initial(dataset: &Dataset, design: &Design, steps_per_epoch: usize) -> Parameters {
    let mut rng = ChaCha8Rng::seed_from_u64(design.config.seed);
    let mut parameters = Parameters::new(Optimizer::new(&design.config.optimizer, steps_per_epoch));
    let rows = rows(dataset, design);
    let tables = design.network.tables().into_iter().map(|table| table.initial(rows));
    for initial in tables.chain(design.network.parameters()) {
        parameters.add(initial.name.clone(), &initial.shape, initial.draw(&mut rng));
    }
    parameters
}

/// The memory of a training: parameters and optimiser state are exact, a step's tensors are those of
/// a batch, once forward and once for the gradients.
pub fn memory(dataset: &Dataset, design: &Design) -> Memory {
    let (config, network) = (&design.config, &design.network);
    let (plays, songs) = (dataset.plays.songs.len() as u64, dataset.songs.len() as u64);
    let tables = network.tables();
    let width = |side: Side| -> u64 {
        tables.iter().filter(|table| table.of == side).map(|table| table.width as u64).sum()
    };
    let (users_width, songs_width) = (width(Side::Users), width(Side::Songs));
    let [listeners, song_rows] = rows(dataset, design).map(|rows| rows as u64);
    let dense: u64 = network.parameters().iter().map(|initial| initial.count() as u64).sum();
    let learned = 4 * (listeners * users_width + song_rows * songs_width + dense);
    // Of sessions, what is stored are the means for each song.
    let stored = match config.per {
        Per::User => learned,
        Per::Session => learned - 4 * listeners * users_width + 4 * songs * users_width,
    };
    let played = plays.min(config.rows(plays as usize) as u64);
    let pairs = config.pairs(played as usize);
    let (users, distinct) = (played.min(listeners), pairs.min(songs));
    // Each share of the pairs has gradients of all that is not a table, and rows of its own.
    let shares = shares::count(network.as_ref(), pairs);
    let own = if shares > 1 { pairs * (users_width + songs_width) } else { 0 };
    let numbers = network.numbers(pairs, users, distinct)
        + own
        + users * users_width
        + distinct * songs_width
        + dense * shares;
    // Who played what both ways, the pairs and an epoch's order of them, places of rows.
    let lists = plays * (8 + 16) + (listeners + 3 * songs) * 4;
    let unstored = learned.saturating_sub(stored);
    Memory {
        weights: stored,
        optimizer: learned * config.optimizer.slots() as u64 + unstored,
        step: 8 * numbers + pairs * 16 + lists,
    }
}

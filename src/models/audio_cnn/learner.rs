//! Training a network that hears.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Stored;
use super::network::{Heard, Network, hear, logits};
use super::pictures::Pictures;
use crate::control::Control;
use crate::data::{Codes, Dataset, Encoding, MISSING, Tiles};
use crate::error::{Error, Result};
use crate::nn::{self, Dropout};
use crate::train::{
    Memory, Model, Optimizer, OptimizerConfig, Options, Parameters, StepVariables, Training,
    Update, Weights,
};

/// A stream of random numbers that no epoch has.
const SPLIT_STREAM: u64 = u64::MAX;
/// The metrics of songs held out: the mean log-probability of the right genre, and the share of them that
/// is heard right.
const LIKELIHOOD: &str = "log_likelihood";
const ACCURACY: &str = "accuracy";

/// A training of a network.
pub struct Learner {
    dataset: Arc<Dataset>,
    network: Network,
    device: Device,
    parameters: Parameters,
    /// The names of all parameters, and whether they keep their values.
    names: Vec<(String, bool)>,
    /// Tiles to learn from, each with its genre.
    examples: Vec<(usize, u32)>,
    /// Songs to measure on, each with its genre.
    held_out: Vec<(u32, u32)>,
    batch_size: usize,
    dropout: f64,
    seed: u64,
}

/// The names of the genres of a dataset, and of each song which one it is of, if any.
///
/// # Errors
/// The dataset has no field with one text a song.
pub fn genres(dataset: &Dataset) -> Result<(Vec<String>, Vec<Option<u32>>)> {
    let field = dataset.song_fields.first().ok_or_else(|| {
        Error::data("songs have no genres but their ids; name another column with label := '…'")
    })?;
    match (&field.encoding, &field.codes) {
        (Encoding::Categories(names), Codes::One(codes)) => {
            let genre = |&code: &u32| (code != MISSING).then(|| code - 1);
            Ok((names.clone(), codes.iter().map(genre).collect()))
        }
        (Encoding::Buckets { .. }, _) => Err(Error::data(format!(
            "label := '{0}' is a column of numbers, and genres are texts; cast it in a query, e.g. \
             '(SELECT song_id, {0}::VARCHAR AS {0} FROM …)'",
            field.name
        ))),
        (_, Codes::Many { .. }) => Err(Error::data(format!(
            "label := '{0}' is a column of lists, and a song is of one genre; take one in a query, \
             e.g. '(SELECT song_id, {0}[1] AS {0} FROM …)'",
            field.name
        ))),
    }
}

/// The memory of a training.
pub fn memory(dataset: &Dataset, options: &Options) -> Result<Memory> {
    let network = Network::new(options);
    let (names, _) = genres(dataset)?;
    let weights = network.parameters(names.len()).into_iter().map(|initial| initial.count() as u64);
    let weights = 4 * weights.sum::<u64>();
    let tiles = dataset.tiles.as_ref().map_or(1, Tiles::len).min(network.tiles_at_once());
    let batch = options.count("batch_size").clamp(1, tiles) as u64;
    // What a pass keeps, and the gradients of it; an image's columns are few beside them.
    let step = 2 * 4 * batch * network.numbers() + 2 * weights;
    Ok(Memory { weights, optimizer: 2 * weights, step })
}

impl Learner {
    /// Prepares the training: initial parameters, and which songs are held out, from the seed.
    ///
    /// # Errors
    /// Fewer than two genres have songs with tiles; more layers are frozen than there are.
    pub fn new(dataset: Arc<Dataset>, options: &Options, device: &Device) -> Result<Self> {
        let network = Network::new(options);
        let frozen = options.count("frozen");
        if frozen > network.depth() {
            return Err(Error::data(format!(
                "frozen := {frozen} is more than the {} convolutions of this network",
                network.depth()
            )));
        }
        let seed = options.int("seed").unwrap_or(0) as u64;
        let (names, of) = genres(&dataset)?;
        let tiles = dataset.tiles.as_ref().ok_or_else(|| Error::data("there are no tiles"))?;
        let songs = by_genre(&of, tiles, names.len());
        let present = songs.iter().filter(|songs| !songs.is_empty()).count();
        if present < 2 {
            return Err(Error::data(format!(
                "the songs with tiles are of {present} genre{}, and it takes two to tell them apart; \
                 check that song_id means the same in both relations",
                if present == 1 { "" } else { "s" }
            )));
        }
        let (kept, held_out) = split(songs, options.float("validation_share"), seed);
        let examples: Vec<(usize, u32)> = kept
            .into_iter()
            .flat_map(|(song, genre)| tiles.of(song).map(move |tile| (tile, genre)))
            .collect();
        let batch_size = options.count("batch_size").clamp(1, examples.len().max(1));
        let config = OptimizerConfig::new(options)?;
        let mut parameters =
            Parameters::new(Optimizer::new(&config, examples.len().div_ceil(batch_size)));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let fixed = network.lowest(frozen);
        let mut all = Vec::new();
        for initial in network.parameters(names.len()) {
            parameters.add(initial.name.clone(), &initial.shape, initial.draw(&mut rng));
            let is_fixed = fixed.contains(&initial.name);
            all.push((initial.name, is_fixed));
        }
        Ok(Self {
            dataset,
            network,
            device: device.clone(),
            parameters,
            names: all,
            examples,
            held_out,
            batch_size,
            dropout: options.float("dropout"),
            seed,
        })
    }

    /// One step along the gradient of the mean loss, which is summed up over some tiles at a time.
    fn step(
        &mut self,
        examples: &[(usize, u32)],
        control: &Control,
        rng: &mut ChaCha8Rng,
    ) -> Result<f64> {
        let mut step = StepVariables::default();
        let mut weights = Weights::new();
        for (name, is_fixed) in &self.names {
            let parameter = self.parameters.dense(name, &mut step, &self.device)?;
            // Of what is detached no gradient is computed, so it stays.
            let parameter = if *is_fixed { parameter.detach() } else { parameter };
            weights.insert(name.clone(), parameter);
        }
        let pictures = Pictures::new(&self.dataset, &self.device, control)?;
        let (mut total, mut sums) = (0.0, BTreeMap::<&str, Vec<f32>>::new());
        for some in examples.chunks(self.network.tiles_at_once()) {
            let tiles: Vec<usize> = some.iter().map(|&(tile, _)| tile).collect();
            let targets: Vec<u32> = some.iter().map(|&(_, genre)| genre).collect();
            let seen = pictures.read(&tiles, self.network.side())?;
            let vectors = self.network.vectors(&weights, &seen)?;
            let logits = logits(&weights, &vectors, &mut Dropout::on(rng), self.dropout)?;
            let share = some.len() as f64 / examples.len() as f64;
            let loss = (nn::categorical_cross_entropy(&logits, &targets)? * share)?;
            total += f64::from(loss.to_scalar::<f32>()?);
            let grads = loss.backward()?;
            for (name, is_fixed) in &self.names {
                let Some(grad) = weights.get(name).filter(|_| !is_fixed) else { continue };
                let Some(grad) = grads.get(grad) else { continue };
                let grad: Vec<f32> = grad.flatten_all()?.to_vec1()?;
                let sum = sums.entry(name).or_insert_with(|| vec![0.0; grad.len()]);
                sum.iter_mut().zip(grad).for_each(|(sum, x)| *sum += x);
            }
        }
        let updates = sums.into_iter().map(|(name, grad)| Update { name, rows: None, grad });
        self.parameters.update(&updates.collect::<Vec<_>>())?;
        Ok(total)
    }

    /// The weights as they are, on the device.
    fn weights(&self) -> Result<Weights> {
        let weights = self.parameters.weights()?.into_iter();
        weights.map(|(name, tensor)| Ok((name, tensor.to_device(&self.device)?))).collect()
    }
}

/// The songs of each genre that have tiles.
fn by_genre(genres: &[Option<u32>], tiles: &Tiles, count: usize) -> Vec<Vec<u32>> {
    let mut songs = vec![Vec::new(); count];
    for (song, genre) in genres.iter().enumerate() {
        if let Some(genre) = genre.filter(|_| !tiles.of(song as u32).is_empty()) {
            songs[genre as usize].push(song as u32);
        }
    }
    songs
}

/// Songs with their genres.
type Labelled = Vec<(u32, u32)>;

/// Songs to learn from and songs to measure on, a share of each genre's, at least one; of a genre's only
/// song one learns.
fn split(songs: Vec<Vec<u32>>, share: f64, seed: u64) -> (Labelled, Labelled) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(SPLIT_STREAM);
    let (mut kept, mut held_out) = (Vec::new(), Vec::new());
    for (genre, mut songs) in songs.into_iter().enumerate() {
        songs.shuffle(&mut rng);
        let least = usize::from(share > 0.0);
        let count = ((share * songs.len() as f64).round() as usize).max(least);
        let count = count.min(songs.len().saturating_sub(1));
        let label = |song: u32| (song, genre as u32);
        held_out.extend(songs.drain(..count).map(label));
        kept.extend(songs.into_iter().map(label));
    }
    (kept, held_out)
}

impl Training for Learner {
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch as u64);
        let mut order = self.examples.clone();
        order.shuffle(&mut rng);
        let mut total = 0.0;
        for examples in control.through(order.chunks(self.batch_size)) {
            let examples = examples?;
            let loss = self.step(examples, control, &mut rng)?;
            total += loss * examples.len() as f64;
            if !loss.is_finite() {
                return Ok(loss);
            }
        }
        let mut names = self.names.iter().map(|(name, _)| self.parameters.at_rest(name));
        // A rectifier makes 0 of what is no number, so that the loss may be finite all the same.
        let is_finite = names.try_fold(true, |so_far, values| {
            Ok::<_, Error>(so_far && values?.iter().all(|value| value.is_finite()))
        })?;
        Ok(if is_finite { total / order.len().max(1) as f64 } else { f64::NAN })
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        Ok(Box::new(Stored(self.parameters.weights()?)))
    }

    fn examples(&self) -> Option<usize> {
        Some(self.examples.len())
    }

    fn is_parallel(&self) -> bool {
        true
    }

    fn begin_with(&mut self, weights: &Weights) -> Result<()> {
        let network = self.network.lowest(self.network.depth());
        for name in &network {
            let found = weights.get(name).ok_or_else(|| {
                Error::data(format!(
                    "the weights have no tensor '{name}'; they must be torchvision's, of VGG16 \
                     without batch normalisation, for network := 'vgg16'"
                ))
            })?;
            if !found
                .to_dtype(DType::F32)?
                .flatten_all()?
                .to_vec1::<f32>()?
                .iter()
                .all(|x| x.is_finite())
            {
                let message =
                    format!("tensor '{name}' of the weights has numbers that are not finite");
                return Err(Error::data(message));
            }
            self.parameters.set(name, found)?;
        }
        Ok(())
    }

    fn metrics(&self, control: &Control) -> Result<Vec<(String, f64)>> {
        if self.held_out.is_empty() {
            return Ok(Vec::new());
        }
        let weights = self.weights()?;
        let pictures = Pictures::new(&self.dataset, &self.device, control)?;
        let (mut right, mut likelihood) = (0, 0.0);
        for some in self.held_out.chunks(self.network.songs_at_once()) {
            let listen = |&(song, _): &(u32, u32)| hear(self.network, &weights, &pictures, song);
            let heard: Vec<Result<Option<Heard>>> = some.par_iter().map(listen).collect();
            for (heard, &(_, genre)) in heard.into_iter().zip(some) {
                let Some(heard) = heard? else { continue };
                right += usize::from(heard.genre == genre as usize);
                likelihood += heard.log_probabilities[genre as usize];
            }
        }
        let count = self.held_out.len() as f64;
        // The likelihood comes first: a few songs are heard right as often after many an epoch.
        Ok(vec![
            (LIKELIHOOD.to_owned(), likelihood / count),
            (ACCURACY.to_owned(), right as f64 / count),
        ])
    }

    fn state(&self) -> Result<Weights> {
        self.parameters.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.parameters.restore(state)
    }
}

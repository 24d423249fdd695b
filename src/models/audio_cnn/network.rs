//! The networks.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::pictures::Pictures;
use crate::audio::tiles::SIDE;
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::{self, Dropout};
use crate::train::{Artifact, Initial, Options, Weights, weight};

/// The numbers that a song is heard as, of both networks.
pub const VECTOR: usize = 512;
/// What tells genres apart: weights `(512, G)` and biases `(G)`.
const GENRE_WEIGHT: &str = "genre.weight";
const GENRE_BIAS: &str = "genre.bias";

/// A convolution.
struct Layer {
    /// Its place in torchvision's list of layers.
    at: usize,
    inputs: usize,
    outputs: usize,
    /// Whether the picture is halved after it.
    halves: bool,
}

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Four convolutions over tiles at a quarter of their size.
    Small,
    /// VGG16.
    Vgg16,
}

impl Network {
    /// The one that options name.
    pub fn new(options: &Options) -> Self {
        if options.text("network") == Some("vgg16") { Self::Vgg16 } else { Self::Small }
    }

    /// Pixels along each side of what it looks at.
    pub fn side(self) -> usize {
        if self == Self::Small { SIDE / 4 } else { SIDE }
    }

    /// How many tiles are looked at together, at most: between them one can stop, and what is kept of
    /// them on the way is in memory.
    pub fn tiles_at_once(self) -> usize {
        if self == Self::Small { 64 } else { 8 }
    }

    /// How many songs are heard side by side; a large network has work for all threads with one.
    pub fn songs_at_once(self) -> usize {
        if self == Self::Small { 32 } else { 1 }
    }

    /// The learning rate of Adam where none is given.
    pub fn learning_rate(self) -> f64 {
        if self == Self::Small { 1e-3 } else { 1e-4 }
    }

    fn layers(self) -> Vec<Layer> {
        let blocks: &[&[usize]] = match self {
            Self::Small => &[&[16], &[32], &[64], &[128]],
            Self::Vgg16 => &[&[64; 2], &[128; 2], &[256; 3], &[512; 3], &[512; 3]],
        };
        let (mut layers, mut at, mut inputs) = (Vec::new(), 0, 3);
        for block in blocks {
            for (place, &outputs) in block.iter().enumerate() {
                layers.push(Layer { at, inputs, outputs, halves: place + 1 == block.len() });
                // A rectifier follows each convolution, and the halving a block.
                (at, inputs) = (at + 2, outputs);
            }
            at += 1;
        }
        layers
    }

    /// The parameters before training, with so many genres.
    pub fn parameters(self, genres: usize) -> Vec<Initial> {
        let mut parameters = Vec::new();
        for layer in self.layers() {
            // He et al. 2015.
            let deviation = (2.0 / (9 * layer.inputs) as f32).sqrt();
            let shape = [layer.outputs, layer.inputs, 3, 3];
            parameters.push(Initial::normal(layer.name("weight"), &shape, deviation));
            parameters.push(Initial::constant(layer.name("bias"), &[layer.outputs], 0.0));
        }
        let deviation = (1.0 / VECTOR as f32).sqrt();
        parameters.push(Initial::normal(GENRE_WEIGHT, &[VECTOR, genres], deviation));
        parameters.push(Initial::constant(GENRE_BIAS, &[genres], 0.0));
        parameters
    }

    /// The names of the parameters of the lowest convolutions.
    pub fn lowest(self, count: usize) -> Vec<String> {
        let layers = self.layers();
        let lowest = layers.iter().take(count);
        lowest.flat_map(|layer| [layer.name("weight"), layer.name("bias")]).collect()
    }

    /// How many convolutions it has.
    pub fn depth(self) -> usize {
        self.layers().len()
    }

    /// About how many numbers a pass keeps of a tile, on the way there.
    pub fn numbers(self) -> u64 {
        let (mut side, mut numbers) = (self.side(), 3 * self.side() * self.side());
        for layer in self.layers() {
            // The convolution and its rectified form.
            numbers += 2 * layer.outputs * side * side;
            if layer.halves {
                side /= 2;
                numbers += layer.outputs * side * side;
            }
        }
        numbers as u64
    }

    /// Vectors `(B, 512)` of pictures `(B, 3, side, side)`.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    pub fn vectors(self, weights: &Weights, pictures: &Tensor) -> Result<Tensor> {
        let mut x = pictures.clone();
        for layer in self.layers() {
            let (w, b) = (layer.name("weight"), layer.name("bias"));
            x = nn::relu(&nn::convolution(&x, &weight(weights, &w)?, &weight(weights, &b)?)?)?;
            if layer.halves {
                x = nn::max_pool(&x)?;
            }
        }
        // Rows are pitch, columns time.
        Ok(match self {
            Self::Small => x.mean(3)?.flatten_from(1)?,
            Self::Vgg16 => x.flatten_from(2)?.mean(2)?,
        })
    }
}

impl Layer {
    fn name(&self, kind: &str) -> String {
        format!("features.{}.{kind}", self.at)
    }
}

/// Logits of genres `(B, G)` from vectors `(B, 512)`.
///
/// # Errors
/// A parameter is missing or has a wrong shape.
pub fn logits(
    weights: &Weights,
    vectors: &Tensor,
    dropout: &mut Dropout<'_>,
    rate: f64,
) -> Result<Tensor> {
    let (w, b) = (weight(weights, GENRE_WEIGHT)?, weight(weights, GENRE_BIAS)?);
    nn::linear(&dropout.apply(vectors, rate)?, &w, Some(&b))
}

/// A trained network, ready to hear songs.
pub struct Hearing {
    network: Network,
    weights: Weights,
    device: Device,
    /// The genres that it tells apart.
    pub genres: Vec<String>,
}

/// What a song sounds like.
pub struct Heard {
    /// 512 numbers.
    pub vector: Vec<f32>,
    /// The likeliest genre, as a place among the genres.
    pub genre: usize,
    /// How likely each genre is, as the network says; logarithms.
    pub log_probabilities: Vec<f64>,
}

impl Hearing {
    /// The network of a stored model.
    ///
    /// # Errors
    /// Its weights, options and genres do not fit together.
    pub fn new(artifact: &Artifact, device: &Device) -> Result<Self> {
        let (names, _) = super::genres(&artifact.dataset)?;
        let network = Network::new(&artifact.options);
        let mut weights = Weights::new();
        for initial in network.parameters(names.len()) {
            let found = weight(&artifact.weights, &initial.name)?;
            if found.dims() != initial.shape {
                return Err(Error::model(format!(
                    "tensor '{}' of the stored model has shape {:?}, expected {:?}; train it again",
                    initial.name,
                    found.dims(),
                    initial.shape
                )));
            }
            weights.insert(initial.name, found.to_device(device)?);
        }
        Ok(Self { network, weights, device: device.clone(), genres: names })
    }

    /// How many songs are best heard side by side.
    pub fn songs_at_once(&self) -> usize {
        self.network.songs_at_once()
    }

    /// Hears songs side by side; `None` for one without tiles.
    ///
    /// # Errors
    /// A tile is no PNG of 256 × 256; the analyst stops the statement.
    pub fn hear(
        &self,
        dataset: &Dataset,
        songs: &[u32],
        control: &Control,
    ) -> Result<Vec<Option<Heard>>> {
        let pictures = Pictures::new(dataset, &self.device, control)?;
        let hear = |&song: &u32| hear(self.network, &self.weights, &pictures, song);
        // Side by side, and the first song's error is the one that is told.
        let heard: Vec<_> = songs.par_iter().map(hear).collect();
        heard.into_iter().collect()
    }
}

/// Hears a song; `None` where it has no tiles.
///
/// # Errors
/// A tile is no PNG of 256 × 256; the analyst stops the statement.
pub fn hear(
    network: Network,
    weights: &Weights,
    pictures: &Pictures<'_>,
    song: u32,
) -> Result<Option<Heard>> {
    let tiles: Vec<usize> = pictures.tiles.of(song).collect();
    let mut parts = Vec::new();
    for some in tiles.chunks(network.tiles_at_once()) {
        parts.push(network.vectors(weights, &pictures.read(some, network.side())?)?);
    }
    if parts.is_empty() {
        return Ok(None);
    }
    // The mean over tiles, in order.
    let vector = Tensor::cat(&parts, 0)?.mean_keepdim(0)?; // (1, 512)
    let logits = logits(weights, &vector, &mut Dropout::off(), 0.0)?;
    let logits: Vec<f32> = logits.squeeze(0)?.to_vec1()?;
    let genre = likeliest(&logits);
    let shifted = || logits.iter().map(|&logit| f64::from(logit - logits[genre]));
    let log_sum = shifted().map(f64::exp).sum::<f64>().ln();
    let log_probabilities = shifted().map(|logit| logit - log_sum).collect();
    let vector: Vec<f32> = vector.squeeze(0)?.to_vec1()?;
    if vector.iter().chain(&logits).all(|x| x.is_finite()) {
        return Ok(Some(Heard { vector, genre, log_probabilities }));
    }
    Err(Error::model("the network gives no finite numbers; train it with a lower learning_rate"))
}

/// Where the largest number is; the first of equals.
fn likeliest(numbers: &[f32]) -> usize {
    numbers.iter().enumerate().fold(0, |best, (at, &x)| if x > numbers[best] { at } else { best })
}

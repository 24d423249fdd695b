//! A convolutional network that hears what genre a song is of, and whose last layer but one says what
//! the song sounds like: HARM's audio field (Khan & Polyzou, HARM, §3.1).
//!
//! It looks at tiles of a song's spectrogram, pictures of 256 × 256, and learns genres tile by tile, by
//! cross-entropy. A song is the mean of its tiles' vectors, 512 numbers in both networks:
//!
//! - `vgg16` (Simonyan & Zisserman, "Very deep convolutional networks for large-scale image
//!   recognition", ICLR 2015, configuration D): 13 convolutions of 3 × 3 in five blocks, each of which
//!   halves the picture; the mean over what is left of it, 8 × 8. Parameters have torchvision's names
//!   (`features.0.weight` …), so that its weights can be read.
//! - `small`: the tile at a quarter of its size, 64 × 64, and four such convolutions of 16, 32, 64 and
//!   128 channels, each followed by a halving; the mean over time of what is left, for four ranges of pitch
//!   apart. A thousandth of the work, for machines without a GPU.
//!
//! Colours go in as torchvision's do: from 0 to 1, with ImageNet's mean and deviation taken out.
//!
//! # Deviations
//! - VGG16 ends here with the mean over the picture and one linear layer. Its three layers of 4,096
//!   numbers, nine tenths of its parameters, are left out: they expect pictures of one size, and a tile
//!   says more of a song by what occurs in it than by where.
//! - The paper does not print its spectrograms' settings, colours, or how long the network is trained.

mod learner;
mod network;
mod pictures;
#[cfg(test)]
mod tests;

use candle_core::Device;

pub use self::learner::genres;
use self::network::Network;
pub use self::network::{Heard, Hearing};
use crate::error::{Error, Result};
use crate::train::{
    Artifact, Context, Default, Kind, LEARNING_RATE, Model, ModelSpec, Param, REG, SCHEDULE,
    WARMUP, Weights, params,
};

/// The network's entry among those that hear.
pub const SPEC: ModelSpec = ModelSpec {
    name: "audio_cnn",
    summary: "A network that hears genres in spectrogram tiles, and what songs sound like, for HARM's \
              audio field.",
    source: "Khan & Polyzou, HARM; Simonyan & Zisserman 2015",
    example: "FROM train_audio_cnn('tiles', songs := 'songs', network := 'small', epochs := 5)",
    inputs: &[],
    params: PARAMS,
    iterative: true,
    memory: learner::memory,
    start: |dataset, options, device| {
        Ok(Box::new(learner::Learner::new(dataset, options, device)?))
    },
    load: |artifact, _| Ok(Box::new(Stored::new(artifact)?)),
};

/// The options.
const PARAMS: &[Param] = &[
    Param::new(
        "network",
        Kind::Choice(&["small", "vgg16"]),
        Default::Text("small"),
        "small, which a processor trains in minutes, or vgg16, for which a GPU is of use.",
    ),
    Param::new(
        "frozen",
        Kind::Int { min: 0, max: 13 },
        Default::Int(0),
        "How many convolutions, from the lowest, keep the weights that they begin with.",
    ),
    Param::new(
        "validation_share",
        Kind::Float { min: 0.0, max: 0.9 },
        Default::Float(0.1),
        "The share of each genre's songs that is held out, at least one of two: how likely their genres are \
         heard chooses the best epoch, and stops training. With 0 all epochs run and the last one is kept.",
    ),
    Param {
        default: Default::Int(30),
        doc: "Passes over the tiles that are learned from, at most.",
        ..params::EPOCHS
    },
    Param { default: Default::Int(32), doc: "Tiles per step.", ..params::BATCH_SIZE },
    params::DROPOUT.with_default(Default::Float(0.2)),
    Param {
        default: Default::Depends(|options| Some(Network::new(options).learning_rate().into())),
        doc: "Step size of Adam; by default 0.001 for small and 0.0001 for vgg16.",
        ..LEARNING_RATE
    },
    SCHEDULE,
    WARMUP,
    REG,
];

/// A trained network as it is stored. It recommends nothing.
struct Stored(Weights);

impl Stored {
    fn new(artifact: &Artifact) -> Result<Self> {
        // Whether weights and options fit is found out here, not when songs are heard.
        Hearing::new(artifact, &Device::Cpu)?;
        Ok(Self(artifact.weights.clone()))
    }
}

impl Model for Stored {
    fn score_all(&self, _: &[Context<'_>], _: &mut [f32]) -> Result<()> {
        Err(Error::model("a network that hears songs recommends none"))
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.0.clone())
    }
}

//! COAT's options, and the model that they describe.

use std::sync::Arc;

use super::network::{Attention, Coat};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::pairs::{self, Config, Design, Tower};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE_BY_OPTIMIZER, MOMENTUM, OPTIMIZER, Options, Param, REG,
    SCHEDULE, WARMUP, params,
};

/// The options.
pub const PARAMS: &[Param] = &[
    Param {
        doc: "The model as printed: the user's embedding does not enter the tower, layers [D, D/2], no id \
              is hidden, embeddings start close to 0.",
        ..params::PAPER
    },
    params::EPOCHS.with_default(Default::Int(20)),
    pairs::BATCH_SIZE,
    Param {
        doc: "D, the size of the embeddings of users, songs, chords and places.",
        ..params::EMBEDDING_SIZE
    },
    Param::new(
        "attention",
        Kind::Choice(&["user", "mean", "sum"]),
        Default::Text("user"),
        "How the places of a song are weighed: by the user, all alike, or all by 1 (the paper's \
         ablation).",
    ),
    Param::new(
        "attention_size",
        Kind::Int { min: 1, max: 4096 },
        Default::Depends(|options| options.get("embedding_size").cloned()),
        "The width of the attention's hidden layer; default embedding_size.",
    ),
    Param {
        doc: "Places: a song's chords are repeated in order, and cut, to so many.",
        ..params::MAX_LENGTH.with_default(Default::Int(100))
    },
    Param::new(
        "layers",
        Kind::IntList { min: 1, max: 65_536 },
        Default::Depends(|options| {
            let size = options.int("embedding_size")?;
            let printed = vec![size, (size / 2).max(1)];
            params::by_paper(options, printed, vec![4 * size, 2 * size, size])
        }),
        "Widths of the tower's layers, first to last; default [4 D, 2 D, D], with paper [D, D/2].",
    ),
    Param {
        doc: "Share of what the tower's layers take in that is set to 0 in training.",
        ..params::DROPOUT.with_default(Default::Float(0.0))
    },
    Param {
        default: Default::Depends(|options| params::by_paper(options, 0.0, 0.1)),
        doc: "Share of the songs whose id is hidden in training, so that songs without plays, which have \
              none, are scored by their chords as it was learned; default 0.1, with paper 0.",
        ..pairs::SONG_DROPOUT
    },
    pairs::NEGATIVES,
    OPTIMIZER,
    LEARNING_RATE_BY_OPTIMIZER,
    MOMENTUM,
    REG,
    CLIP,
    SCHEDULE,
    WARMUP,
];

/// The model that the options describe.
///
/// # Errors
/// The data set has no chords; options of the optimiser that do not go together.
pub fn design(options: &Options, dataset: &Dataset) -> Result<Design> {
    let chords = dataset.chords.clone().ok_or_else(|| {
        Error::data("COAT needs the chords of songs; name their relation: chords := '…'")
    })?;
    let (paper, size) = (options.bool("paper"), options.count("embedding_size"));
    let layers = options.ints("layers").iter().map(|&width| width as usize).collect();
    let inputs = if paper { 2 * size } else { 3 * size };
    let network = Coat {
        chords,
        size,
        attention: match options.text("attention") {
            Some("mean") => Attention::Mean,
            Some("sum") => Attention::Sum,
            _ => Attention::User { width: options.count("attention_size") },
        },
        places: options.count("max_length"),
        knows_user: !paper,
        tower: Tower { name: "tower", widths: [vec![inputs], layers].concat() },
        deviation: if paper { 0.01 } else { 0.1 },
        dropout: options.float("dropout"),
    };
    Ok(Design { config: Config::new(options)?, network: Arc::new(network) })
}

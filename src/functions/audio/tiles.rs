//! `spectrogram_tiles`: pictures of what a file sounds like.

use super::spectra::{SHAPE, mel_options};
use super::{AudioFunction, Lenient, MAX_SECONDS, OPTIONS, PATH};
use crate::audio::colours::Colours;
use crate::audio::tiles::{Bands, Rest, SIDE, Tile, TileOptions, spectrogram_tiles};
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Options, Param};

pub(super) const SPEC: AudioFunction = AudioFunction {
    name: "spectrogram_tiles",
    parameters: &[PATH, OPTIONS],
    options: PARAMS,
    returns: || SqlType::List(Box::new(SqlType::Blob)),
    value: "The tiles in order, each a PNG of 256 × 256 pixels.",
    description: "The spectrogram of a file as square colour pictures, from left to right in time and from \
                  low to high in pitch: to look at, or for train_audio_cnn.",
    example: "COPY (SELECT render_chords(['C', 'G'])) TO 'song.wav' (FORMAT blob);\n\
              COPY (SELECT spectrogram_tiles('song.wav')[1]) TO 'song.png' (FORMAT blob);\n\
              SELECT len(spectrogram_tiles('song.wav', {bands: 'linear', colours: 'viridis'}))",
    lenient: Lenient {
        name: "try_spectrogram_tiles",
        description: "As spectrogram_tiles, but NULL for a file that cannot be read.",
        example: "SELECT try_spectrogram_tiles('gone.mp3')",
    },
    check: |options| tiles_of_samples(&[0.0], options).map(drop),
    first_option: None,
    compute: |sound, options| {
        let tiles =
            tiles_of_samples(&sound.samples(options.count("sr") as u32, options)?, options)?;
        let png = |tile: &Tile| Ok(Value::Blob(tile.png()?));
        Ok(Value::List(tiles.iter().map(png).collect::<Result<_>>()?))
    },
};

/// The options of tiles.
pub(super) const PARAMS: &[Param] = &[
    Param::new(
        "bands",
        Kind::Choice(&["mel", "linear"]),
        Default::Text("mel"),
        "What the 256 rows are: mel bands, or bands of equal width in Hz.",
    ),
    SHAPE[0],
    SHAPE[1],
    SHAPE[2],
    SHAPE[3],
    SHAPE[4],
    Param::new(
        "range_db",
        Kind::Float { min: 1.0, max: 200.0 },
        Default::Float(80.0),
        "The levels below the loudest that colours tell apart, in dB.",
    ),
    Param::new(
        "colours",
        Kind::Choice(&["magma", "viridis", "grey"]),
        Default::Text("magma"),
        "The colours.",
    ),
    Param::new(
        "rest",
        Kind::Choice(&["pad", "drop"]),
        Default::Text("pad"),
        "What becomes of frames at the end that fill no tile: they are padded, or left out.",
    ),
    MAX_SECONDS,
];

/// Tiles of mono samples at the rate that the options name.
pub(super) fn tiles_of_samples(samples: &[f32], options: &Options) -> Result<Vec<Tile>> {
    let named = |colours: &Colours| Some(colours.name()) == options.text("colours");
    let mut mel = mel_options(options);
    mel.n_mels = SIDE;
    let options = TileOptions {
        bands: if options.text("bands") == Some("linear") { Bands::Linear } else { Bands::Mel },
        mel,
        range_db: options.float("range_db") as f32,
        colours: Colours::ALL.into_iter().find(named).unwrap_or(Colours::Magma),
        rest: if options.text("rest") == Some("drop") { Rest::Drop } else { Rest::Pad },
    };
    spectrogram_tiles(samples, &options)
}

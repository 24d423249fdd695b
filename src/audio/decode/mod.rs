//! Audio files to samples: WAV, FLAC, MP3, Ogg Vorbis and AAC (M4A, ADTS), decoded by symphonia.
//!
//! What a file is, its content says; its name is not asked. Whatever the bytes are, decoding ends, with
//! a [`Status`], after work and in memory that grow with the number of bytes and with [`Limits`], never
//! with what a header declares. Samples are f32; the mono mix is the mean of the channels, as librosa's.
//!
//! [`Stream`] gives a file packet by packet, so that all of it at its own rate need not be in memory at
//! once; [`decode`] and [`decode_mono`] gather it, [`probe`] only reads its headers.

mod names;
mod ogg;
#[cfg(test)]
mod ogg_tests;
mod open;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod wave;

use crate::audio::resample::Resampler;
use crate::error::{Error, Result};

pub use stream::Stream;

/// How well a file could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// All that the file declares was decoded.
    Ok,
    /// Less was decoded than the file declares, or damaged packets were left out.
    Partial,
    /// The file has no bytes, or no samples.
    Empty,
    /// The file is of a known format, but nothing of it can be decoded.
    Corrupt,
    /// The file's format or codec is not known.
    Unsupported,
    /// The file is longer than the caller allows.
    TooLong,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Partial, Self::Empty, Self::Corrupt, Self::Unsupported, Self::TooLong];

    /// As it stands in a table: `ok`, `partial`, `empty`, `corrupt`, `unsupported` or `too_long`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::TooLong => "too_long",
        }
    }
}

/// What the caller allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest file, in seconds. Decoding stops there.
    pub max_s: f64,
}

impl Default for Limits {
    /// Two hours.
    fn default() -> Self {
        Self { max_s: 7200.0 }
    }
}

/// Why a file gives no sound at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Never `Ok` or `Partial`.
    pub status: Status,
    /// What is wrong, for the analyst.
    pub message: String,
}

impl Failure {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// The file's format: `wave`, `flac`, `mp3`, `ogg`, `isomp4` or `aac`.
    pub format: String,
    /// The codec: `mp3`, `flac`, `vorbis`, `aac`, `pcm_s16le` …
    pub codec: String,
    /// Samples per second of each channel.
    pub rate: u32,
    /// The number of channels, where headers tell.
    pub channels: Option<usize>,
    /// Bits per sample, where the codec has a number of them.
    pub bits: Option<u32>,
    /// The length in seconds, where headers tell. Those of FLAC, WAV and MP4 that went into a pipe do not.
    pub declared_s: Option<f64>,
    /// Whether `declared_s` is not declared, as of MP3 without an index, but counted by [`probe`], or a
    /// guess from the number of bytes, which may be far off.
    pub is_estimate: bool,
    /// Whether the file ends before its last page, as only Ogg tells.
    pub missing_end: bool,
    /// The piece's title.
    pub title: Option<String>,
    /// Who plays it.
    pub artist: Option<String>,
    /// The album it is from.
    pub album: Option<String>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How well it could be read.
    pub status: Status,
    /// How much of it was decoded, in seconds.
    pub decoded_s: f64,
    /// What is wrong with it, unless it is `Ok`.
    pub message: Option<String>,
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self { status: failure.status, decoded_s: 0.0, message: Some(failure.message) }
    }
}

/// Which samples [`decode`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// One row, the mean of all channels.
    Mono,
    /// A row for each channel.
    Channels,
}

/// A file's samples.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The samples, (rows, samples): one row, or one a channel. Without rows where there are none, and
    /// where the file is too long.
    pub samples: Vec<Vec<f32>>,
    /// Samples per second, in fact; 0 where there are none.
    pub rate: u32,
    /// What the headers say, where they can be read.
    pub info: Option<Info>,
    /// What became of the file.
    pub outcome: Outcome,
}

impl Decoded {
    fn failed(failure: Failure) -> Self {
        Self { samples: Vec::new(), rate: 0, info: None, outcome: failure.into() }
    }

    fn new(mut samples: Vec<Vec<f32>>, rate: u32, stream: &Stream<'_>) -> Self {
        let outcome = stream.outcome();
        if !matches!(outcome.status, Status::Ok | Status::Partial) {
            samples = Vec::new();
        }
        Self { samples, rate, info: Some(stream.info().clone()), outcome }
    }

    /// The first row, which is the mono mix if that was asked for.
    pub fn mono(&self) -> &[f32] {
        self.samples.first().map_or(&[], Vec::as_slice)
    }
}

/// What the headers of `bytes` say. Nothing is decoded; where headers do not tell the length, as of MP3
/// without an index, packets are counted.
///
/// # Errors
/// The file is empty, corrupt or of an unknown format.
pub fn probe(bytes: &[u8]) -> std::result::Result<Info, Failure> {
    open::open(bytes).map(open::Opened::counted)
}

/// Decodes `bytes` at their own rate.
pub fn decode(bytes: &[u8], mix: Mix, limits: Limits) -> Decoded {
    let mut stream = match Stream::open(bytes, limits) {
        Ok(stream) => stream,
        Err(failure) => return Decoded::failed(failure),
    };
    let mut samples = Vec::<Vec<f32>>::new();
    let mut append = |row: usize, chunk: &[f32]| {
        samples.resize_with(samples.len().max(row + 1), Vec::new);
        samples[row].extend_from_slice(chunk);
    };
    match mix {
        Mix::Mono => {
            while let Some(chunk) = stream.next_mono() {
                append(0, chunk);
            }
        }
        Mix::Channels => {
            while let Some(chunk) = stream.next_channels() {
                chunk.iter().enumerate().for_each(|(row, chunk)| append(row, chunk));
            }
        }
    }
    let rate = stream.rate().unwrap_or(0);
    Decoded::new(samples, rate, &stream)
}

/// The mono mix of `bytes`, resampled to `rate` while it is decoded. `heed` is called with the seconds
/// decoded so far, several times a second of computing; its error ends decoding. Memory is that of the
/// result, at most `4 · rate · max_s` bytes, and little more.
///
/// # Errors
/// `rate` is out of range, or `heed` says so. Of what is wrong with the file, the outcome tells.
pub fn decode_mono(
    bytes: &[u8],
    rate: u32,
    limits: Limits,
    heed: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<Decoded> {
    Resampler::check(rate)?;
    let mut stream = match Stream::open(bytes, limits) {
        Ok(stream) => stream,
        Err(failure) => return Ok(Decoded::failed(failure)),
    };
    let (mut samples, mut resampler) = (Vec::new(), None::<Resampler>);
    loop {
        heed(stream.decoded_s())?;
        if stream.next_mono().is_none() {
            break;
        }
        if resampler.is_none() {
            let from = stream.rate().ok_or_else(|| Error::Compute("a chunk has no rate".into()))?;
            resampler = Some(Resampler::new(from, rate)?);
        }
        if let Some(resampler) = &mut resampler {
            resampler.push(stream.mono(), &mut samples);
        }
    }
    if let Some(resampler) = resampler {
        resampler.finish(&mut samples);
    }
    Ok(Decoded::new(vec![samples], rate, &stream))
}

//! `mfcc` and `mel_spectrogram`: what a file sounds like, frame by frame.

use super::{AudioFunction, Lenient, MAX_SECONDS, OPTIONS, PATH, Sound};
use crate::audio::mel::{Frames, MelOptions, mel_spectrogram, power_to_db};
use crate::audio::mfcc::{self, MfccOptions};
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Options, Param};

pub(super) const MFCC: AudioFunction = AudioFunction {
    name: "mfcc",
    parameters: &[PATH, OPTIONS],
    options: MFCC_PARAMS,
    returns: matrix,
    value: "A list for each frame, of its coefficients.",
    description: "Mel-frequency cepstral coefficients, with librosa's definitions and defaults.",
    example: "COPY (SELECT render_chords(['C', 'G'])) TO 'song.wav' (FORMAT blob);\n\
              SELECT mfcc('song.wav');\n\
              SELECT len(mfcc('song.wav', {n_mfcc: 13, sr: 16000}))",
    lenient: Lenient {
        name: "try_mfcc",
        description: "As mfcc, but NULL for a file that cannot be read.",
        example: "SELECT try_mfcc('gone.mp3')",
    },
    check,
    first_option: None,
    compute: |sound, options| rows(mfcc_of(sound, options)?),
};

pub(super) const MEL: AudioFunction = AudioFunction {
    name: "mel_spectrogram",
    parameters: &[PATH, OPTIONS],
    options: MEL_PARAMS,
    returns: matrix,
    value: "A list for each frame, of the power in each mel band.",
    description: "The power in mel bands, with librosa's definitions and defaults; with db, in decibels \
                  below the loudest, down to 80.",
    example: "COPY (SELECT render_chords(['C', 'G'])) TO 'song.wav' (FORMAT blob);\n\
              SELECT mel_spectrogram('song.wav', {n_mels: 64, db: true})",
    lenient: Lenient {
        name: "try_mel_spectrogram",
        description: "As mel_spectrogram, but NULL for a file that cannot be read.",
        example: "SELECT try_mel_spectrogram('gone.mp3')",
    },
    check,
    first_option: None,
    compute: |sound, options| rows(mel_of(sound, options)?),
};

const N_MFCC: Param = Param::new(
    "n_mfcc",
    Kind::Int { min: 1, max: 1_024 },
    Default::Int(20),
    "How many coefficients a frame has, at most as many as mel bands.",
);
/// The rate that sound is brought to.
const SR: Param = Param::new(
    "sr",
    Kind::Int { min: 1_000, max: 384_000 },
    Default::Int(22_050),
    "Samples a second that the sound is brought to first.",
);
const N_FFT: Param = Param::new(
    "n_fft",
    Kind::Int { min: 16, max: 1 << 20 },
    Default::Int(2_048),
    "Samples in a frame; an even number.",
);
const HOP_LENGTH: Param = Param::new(
    "hop_length",
    Kind::Int { min: 1, max: 1 << 20 },
    Default::Int(512),
    "Samples from one frame to the next.",
);
const N_MELS: Param = Param::new(
    "n_mels",
    Kind::Int { min: 1, max: 1_024 },
    Default::Int(128),
    "How many mel bands there are.",
);
const FMIN: Param = Param::new(
    "fmin",
    Kind::Float { min: 0.0, max: 192_000.0 },
    Default::Float(0.0),
    "The lowest frequency, in Hz.",
);
const FMAX: Param = Param::new(
    "fmax",
    Kind::Float { min: 0.0, max: 192_000.0 },
    Default::Absent,
    "The highest frequency, in Hz; default half the rate.",
);
const DB: Param = Param::new(
    "db",
    Kind::Bool,
    Default::Bool(false),
    "Whether powers are given in decibels below the loudest, down to 80.",
);

/// What shapes a spectrogram of mel bands, but for their number.
pub(super) const SHAPE: [Param; 5] = [SR, N_FFT, HOP_LENGTH, FMIN, FMAX];

/// The options of MFCC.
pub(super) const MFCC_PARAMS: &[Param] =
    &[N_MFCC, SR, N_FFT, HOP_LENGTH, N_MELS, FMIN, FMAX, MAX_SECONDS];
/// The options of mel spectrograms.
pub(super) const MEL_PARAMS: &[Param] =
    &[SR, N_FFT, HOP_LENGTH, N_MELS, FMIN, FMAX, DB, MAX_SECONDS];

fn matrix() -> SqlType {
    SqlType::List(Box::new(SqlType::List(Box::new(SqlType::Float))))
}

/// The mel bands that options describe.
pub(super) fn mel_options(options: &Options) -> MelOptions {
    MelOptions {
        rate: options.count("sr") as u32,
        n_fft: options.count("n_fft"),
        hop_length: options.count("hop_length"),
        n_mels: options.count("n_mels"),
        fmin: options.float("fmin"),
        fmax: options.has("fmax").then(|| options.float("fmax")),
    }
}

/// Whether options go together.
///
/// # Errors
/// They do not.
pub(super) fn check(options: &Options) -> Result<()> {
    mel_of_samples(&[0.0], options)?;
    if options.has("n_mfcc") {
        mfcc_of_samples(&[0.0], options)?;
    }
    Ok(())
}

fn mfcc_of(sound: &Sound<'_>, options: &Options) -> Result<Frames> {
    mfcc_of_samples(&sound.samples(options.count("sr") as u32, options)?, options)
}

/// MFCC of mono samples at the rate that the options name.
pub(super) fn mfcc_of_samples(samples: &[f32], options: &Options) -> Result<Frames> {
    let options = MfccOptions { n_mfcc: options.count("n_mfcc"), mel: mel_options(options) };
    mfcc::mfcc(samples, &options)
}

fn mel_of(sound: &Sound<'_>, options: &Options) -> Result<Frames> {
    mel_of_samples(&sound.samples(options.count("sr") as u32, options)?, options)
}

/// Mel bands of mono samples at the rate that the options name.
pub(super) fn mel_of_samples(samples: &[f32], options: &Options) -> Result<Frames> {
    let mut frames = mel_spectrogram(samples, &mel_options(options))?;
    if options.bool("db") {
        let loudest = frames.values.iter().copied().fold(0.0, f32::max);
        power_to_db(&mut frames.values, loudest, Some(80.0));
    }
    Ok(frames)
}

fn rows(frames: Frames) -> Result<Value> {
    Ok(Value::List(frames.rows().map(|row| Value::Floats(row.to_vec())).collect()))
}

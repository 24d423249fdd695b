//! Spectrograms as square colour tiles along time, for networks that read pictures and for looking at.
//!
//! A tile is 256 × 256 pixels of RGB: a column for each frame, a row for each band, the lowest at the
//! bottom. A colour is a level between `range_db` below the loudest place of the whole file and that
//! place, in 256 equal steps. A silent file has the lowest colour everywhere.

use super::colours::Colours;
use super::mel::{
    Frames, MelOptions, POWER_MIN, check, check_power, matrix, mel_spectrogram, power_to_db,
};
use super::spectrum::{Framing, Stft};
use crate::error::{Error, Result};

/// Pixels along each side of a tile.
pub const SIDE: usize = 256;

/// What the rows of a tile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bands {
    /// 256 mel bands.
    Mel,
    /// 256 bands of equal width in Hz, up to half the rate: each the mean power of so many bins of the
    /// spectrum, without the constant.
    Linear,
}

/// What becomes of frames at the end that do not fill a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The tile is filled with the lowest colour.
    Pad,
    /// They are left out. A file shorter than a tile then has none.
    Drop,
}

/// Which tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct TileOptions {
    /// What the rows are.
    pub bands: Bands,
    /// The spectrogram; `n_mels` is not used, and for linear bands neither are `fmin` and `fmax`.
    pub mel: MelOptions,
    /// The levels that colours tell apart, in dB.
    pub range_db: f32,
    /// The colours.
    pub colours: Colours,
    /// What becomes of the rest.
    pub rest: Rest,
}

impl Default for TileOptions {
    /// Mel bands of librosa's frames, over 80 dB, in magma; the last tile is padded.
    fn default() -> Self {
        Self {
            bands: Bands::Mel,
            mel: MelOptions { n_mels: SIDE, ..MelOptions::default() },
            range_db: 80.0,
            colours: Colours::Magma,
            rest: Rest::Pad,
        }
    }
}

/// A picture, (256, 256, 3), row by row from the top, as red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The colours' parts.
    pub pixels: Vec<u8>,
}

impl Tile {
    /// The picture as a PNG file.
    ///
    /// # Errors
    /// `pixels` are not as many as a tile has.
    pub fn png(&self) -> Result<Vec<u8>> {
        let failed = |error: png::EncodingError| Error::Compute(format!("no PNG: {error}"));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, SIDE as u32, SIDE as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }
}

/// The tiles of `samples`, in order of time.
///
/// # Errors
/// As of [`mel_spectrogram`]; a range that is not above 0; for linear bands, frames whose size is no
/// multiple of 512.
pub fn spectrogram_tiles(samples: &[f32], options: &TileOptions) -> Result<Vec<Tile>> {
    if !(options.range_db > 0.0 && options.range_db.is_finite()) {
        let message = format!("a range of {} dB is not above 0", options.range_db);
        return Err(Error::data(message));
    }
    let mut levels = match options.bands {
        Bands::Mel => {
            let mel = MelOptions { n_mels: SIDE, ..options.mel.clone() };
            mel_spectrogram(samples, &mel)?
        }
        Bands::Linear => linear_spectrogram(samples, &options.mel)?,
    };
    let loudest = levels.values.iter().copied().fold(0.0, f32::max);
    power_to_db(&mut levels.values, loudest, None);
    let is_silent = loudest <= POWER_MIN;
    let table = options.colours.table();
    let mut tiles = Vec::with_capacity(levels.rows().len().div_ceil(SIDE));
    for frames in levels.values.chunks(SIDE * SIDE) {
        if frames.len() < SIDE * SIDE && options.rest == Rest::Drop {
            break;
        }
        let mut pixels = table[0].repeat(SIDE * SIDE);
        for (column, bands) in frames.chunks_exact(SIDE).enumerate() {
            for (band, level) in bands.iter().enumerate() {
                let step = 255.0 * (1.0 + level / options.range_db);
                // Conversion to u8 keeps within its range.
                let step = if is_silent { 0 } else { step.round() as u8 };
                let at = 3 * ((SIDE - 1 - band) * SIDE + column);
                pixels[at..at + 3].copy_from_slice(&table[usize::from(step)]);
            }
        }
        tiles.push(Tile { pixels });
    }
    Ok(tiles)
}

/// Powers in 256 bands of equal width, (frames, 256).
fn linear_spectrogram(samples: &[f32], options: &MelOptions) -> Result<Frames> {
    let mut stft = Stft::new(options.n_fft, options.hop_length, Framing::Centred)?;
    if !options.n_fft.is_multiple_of(2 * SIDE) {
        let message = format!("n_fft {} is no multiple of {}", options.n_fft, 2 * SIDE);
        return Err(Error::data(message));
    }
    check(samples)?;
    let bins = options.n_fft / (2 * SIDE);
    let mut power = vec![0.0; stft.bins()];
    let mut values = matrix(stft.frames(samples.len()), SIDE)?;
    for (index, row) in values.chunks_exact_mut(SIDE).enumerate() {
        stft.power(samples, index, &mut power)?;
        for (out, bins) in row.iter_mut().zip(power[1..].chunks_exact(bins)) {
            *out = bins.iter().sum::<f32>() / bins.len() as f32;
        }
    }
    check_power(&values)?;
    Ok(Frames { values, width: SIDE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, count: usize) -> Vec<f32> {
        let step = 2.0 * std::f64::consts::PI * frequency / 22050.0;
        (0..count).map(|i| (step * i as f64).sin() as f32).collect()
    }

    fn pixel(tile: &Tile, row: usize, column: usize) -> [u8; 3] {
        let at = 3 * (row * SIDE + column);
        [tile.pixels[at], tile.pixels[at + 1], tile.pixels[at + 2]]
    }

    #[test]
    fn a_tone_is_a_bright_line_at_its_band() {
        let samples = sine(22050.0 / 4.0, 512 * 300);
        let options = TileOptions { bands: Bands::Linear, ..TileOptions::default() };
        let tiles = spectrogram_tiles(&samples, &options).unwrap();
        assert_eq!(tiles.len(), 2);
        let table = options.colours.table();
        // Half of half the rate: bin 512 of 1024, the last of band 127, counted from below.
        assert_eq!(pixel(&tiles[0], SIDE - 1 - 127, 100), table[255]);
        assert_eq!(pixel(&tiles[0], 10, 100), table[0]);
        assert_eq!(pixel(&tiles[1], SIDE - 1 - 127, 40), table[255]);
        assert_eq!(pixel(&tiles[1], SIDE - 1 - 127, 45), table[0], "there is no sound any more");
        let dropped = TileOptions { rest: Rest::Drop, ..options };
        assert_eq!(spectrogram_tiles(&samples, &dropped).unwrap(), tiles[..1]);
        assert!(spectrogram_tiles(&samples[..1000], &dropped).unwrap().is_empty());
    }

    #[test]
    fn low_mel_bands_are_at_the_bottom() {
        let tiles = spectrogram_tiles(&sine(100.0, 512 * 200), &TileOptions::default()).unwrap();
        let brightest = (0..SIDE).max_by_key(|&row| pixel(&tiles[0], row, 100).map(u32::from));
        assert!(brightest.unwrap() > 240, "{brightest:?}");
    }

    #[test]
    fn silence_is_dark() {
        for bands in [Bands::Mel, Bands::Linear] {
            let options = TileOptions { bands, ..TileOptions::default() };
            let tiles = spectrogram_tiles(&[0.0; 5000], &options).unwrap();
            let dark = options.colours.table()[0];
            assert!(tiles[0].pixels.chunks(3).all(|pixel| pixel == dark));
        }
    }

    #[test]
    fn png_holds_the_pixels() {
        let tile = &spectrogram_tiles(&sine(440.0, 20_000), &TileOptions::default()).unwrap()[0];
        let bytes = tile.png().unwrap();
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (256, 256, png::ColorType::Rgb));
        assert_eq!(pixels, tile.pixels);
        assert!(Tile { pixels: vec![0; 5] }.png().is_err());
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let usual = TileOptions::default;
        let odd = MelOptions { n_fft: 600, ..MelOptions::default() };
        let cases = [
            (TileOptions { range_db: 0.0, ..usual() }, "not above 0"),
            (TileOptions { range_db: f32::NAN, ..usual() }, "not above 0"),
            (TileOptions { bands: Bands::Linear, mel: odd, ..usual() }, "multiple of 512"),
        ];
        for (options, part) in cases {
            let message = spectrogram_tiles(&[0.1; 100], &options).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        for bands in [Bands::Mel, Bands::Linear] {
            let options = TileOptions { bands, ..usual() };
            for samples in [&[][..], &[f32::NAN], &[1e30; 3000]] {
                assert!(spectrogram_tiles(samples, &options).is_err());
            }
        }
    }
}

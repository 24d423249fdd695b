//! Tiles as networks read them.

use std::io::Cursor;

use candle_core::{Device, Tensor};
use png::{ColorType, Decoder, Transformations};
use rayon::prelude::*;

use crate::audio::tiles::SIDE;
use crate::control::Control;
use crate::data::{Dataset, Tiles};
use crate::error::{Error, Result};

/// Red, green and blue.
const COLOURS: usize = 3;
/// Of ImageNet's colours, as torchvision's weights expect them.
const MEAN: [f32; COLOURS] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; COLOURS] = [0.229, 0.224, 0.225];

/// The tiles of songs, and what looking at them takes.
pub struct Pictures<'a> {
    /// The tiles.
    pub tiles: &'a Tiles,
    /// Where they are looked at.
    pub device: &'a Device,
    dataset: &'a Dataset,
    control: &'a Control,
}

impl<'a> Pictures<'a> {
    /// Those of a dataset.
    ///
    /// # Errors
    /// It has none.
    pub fn new(dataset: &'a Dataset, device: &'a Device, control: &'a Control) -> Result<Self> {
        let tiles = dataset.tiles.as_ref().ok_or_else(|| Error::data("there are no tiles"))?;
        Ok(Self { tiles, device, dataset, control })
    }

    /// Tiles as a tensor `(B, 3, side, side)`, where `side` divides 256: the mean of so many pixels
    /// each.
    ///
    /// # Errors
    /// A file is no PNG of 256 × 256; the message names the tile. The analyst stops the statement.
    pub fn read(&self, wanted: &[usize], side: usize) -> Result<Tensor> {
        self.control.check()?;
        let size = COLOURS * side * side;
        let mut values = vec![0.0; wanted.len() * size];
        let read = |(out, &tile): (&mut [f32], &usize)| {
            let pixels = decode(self.tiles.file(tile))
                .map_err(|reason| Error::data(format!("{}: {reason}", self.name(tile))))?;
            shrink(&pixels, side, out);
            Ok(())
        };
        // Side by side, and the first tile's error is the one that is told.
        let read: Vec<Result<()>> = values.par_chunks_mut(size).zip(wanted).map(read).collect();
        read.into_iter().collect::<Result<()>>()?;
        Ok(Tensor::from_vec(values, (wanted.len(), COLOURS, side, side), self.device)?)
    }

    /// How a tile is called in errors.
    fn name(&self, tile: usize) -> String {
        let offsets = self.tiles.offsets();
        let song = offsets.partition_point(|&first| first as usize <= tile).saturating_sub(1);
        let (place, song_id) =
            (tile - offsets[song] as usize + 1, self.dataset.songs.text(song as u32));
        format!("tile {place} of song {song_id} cannot be seen")
    }
}

/// A tile's pixels `(256, 256, 3)`, row by row from the top.
fn decode(file: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let failed = |error: png::DecodingError| format!("its picture is no PNG file ({error})");
    let mut decoder = Decoder::new(Cursor::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(failed)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if (width, height) != (SIDE, SIDE) {
        return Err(format!(
            "its picture has {width} × {height} pixels, and tiles have {SIDE} × {SIDE}, as \
             spectrogram_tiles makes them"
        ));
    }
    let size = reader.output_buffer_size().unwrap_or(0);
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(failed)?;
    let parts = match info.color_type {
        ColorType::Rgb => return Ok(pixels),
        ColorType::Rgba => 4,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Grayscale | ColorType::Indexed => 1,
    };
    // Without what is behind it; grey thrice.
    let colour = |pixel: &[u8], part: usize| pixel[if parts == 4 { part } else { 0 }];
    let pixels = pixels.chunks_exact(parts);
    Ok(pixels.flat_map(|pixel| [0, 1, 2].map(|part| colour(pixel, part))).collect())
}

/// Means of pixels `(256, 256, 3)`, colour by colour `(3, side, side)`, normalised.
fn shrink(pixels: &[u8], side: usize, out: &mut [f32]) {
    let step = SIDE / side;
    let share = 1.0 / (255.0 * (step * step) as f32);
    for (colour, plane) in out.chunks_exact_mut(side * side).enumerate() {
        for (at, value) in plane.iter_mut().enumerate() {
            let (row, column) = (at / side * step, at % side * step);
            let line = |row: usize| {
                let first = COLOURS * (row * SIDE + column) + colour;
                pixels[first..].iter().step_by(COLOURS).take(step).map(|&part| u32::from(part))
            };
            let sum: u32 = (row..row + step).flat_map(line).sum();
            *value = (sum as f32 * share - MEAN[colour]) / DEVIATION[colour];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tiles::Tile;
    use crate::data::{Plays, TilesBuilder};

    fn png(color: ColorType, side: u32, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(color);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
        bytes
    }

    fn dataset(files: &[Vec<u8>]) -> Dataset {
        let mut builder = TilesBuilder::default();
        files.iter().enumerate().for_each(|(at, file)| builder.push(0, at as i64, file));
        let tiles = Some(builder.finish(&[0]).unwrap());
        Dataset { tiles, ..Dataset::of_plays(Plays::default(), 1) }
    }

    #[test]
    fn pixels_are_normalised_and_shrunk_by_their_means() {
        let mut pixels = vec![0_u8; SIDE * SIDE * 3];
        // One of the sixteen pixels that become the second of the second row: red, and half green.
        let at = 3 * (5 * SIDE + 7);
        (pixels[at], pixels[at + 1]) = (255, 128);
        let data = dataset(&[Tile { pixels }.png().unwrap()]);
        let control = Control::default();
        let pictures = Pictures::new(&data, &Device::Cpu, &control).unwrap();
        let small = pictures.read(&[0], 64).unwrap();
        let small: Vec<f32> = small.flatten_all().unwrap().to_vec1().unwrap();
        let dark = |colour: usize| -MEAN[colour] / DEVIATION[colour];
        let light = |colour: usize, level: f32| (level - MEAN[colour]) / DEVIATION[colour];
        assert!((small[65] - light(0, 1.0 / 16.0)).abs() < 1e-6);
        assert!((small[64 * 64 + 65] - light(1, 128.0 / 255.0 / 16.0)).abs() < 1e-6);
        assert_eq!((small[64], small[2 * 64 * 64 + 65]), (dark(0), dark(2)));
        let whole = pictures.read(&[0, 0], SIDE).unwrap();
        assert_eq!(whole.dims(), [2, 3, SIDE, SIDE]);
        let whole: Vec<f32> = whole.flatten_all().unwrap().to_vec1().unwrap();
        assert!((whole[5 * SIDE + 7] - light(0, 1.0)).abs() < 1e-6);
        control.stop();
        assert!(pictures.read(&[0], 64).is_err());
        let none = Dataset::of_plays(Plays::default(), 1);
        assert!(Pictures::new(&none, &Device::Cpu, &control).is_err());
    }

    #[test]
    fn other_colours_are_read_and_other_sizes_refused() {
        let grey: Vec<u8> = (0..SIDE * SIDE).map(|at| at as u8).collect();
        let with_alpha: Vec<u8> = grey.iter().flat_map(|&level| [level, level, level, 9]).collect();
        let side = SIDE as u32;
        let read = |file: Vec<u8>| decode(&file);
        let same = read(png(ColorType::Grayscale, side, &grey)).unwrap();
        assert_eq!(same.len(), 3 * SIDE * SIDE);
        assert_eq!(same, read(png(ColorType::Rgba, side, &with_alpha)).unwrap());
        let message = read(png(ColorType::Grayscale, 3, &[0; 9])).unwrap_err();
        assert!(message.contains("3 × 3") && message.contains("256 × 256"), "{message}");
        let message = read(b"no picture".to_vec()).unwrap_err();
        assert!(message.contains("no PNG"), "{message}");
        let cut = png(ColorType::Grayscale, side, &grey);
        assert!(decode(&cut[..cut.len() / 2]).is_err());
    }
}

//! A file's sound, packet by packet.

use std::io::ErrorKind;

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::FormatReader;

use super::ogg;
use super::open::{self, Opened};
use super::{Failure, Info, Limits, Outcome, Status};

/// How much less than declared may be decoded without anything missing.
const TOLERANCE_S: f64 = 0.001;
/// The index of some MP3s counts its own frame.
const MP3_TOLERANCE_S: f64 = 0.05;
/// Louder samples are damage; full scale is 1.
const LOUDEST: f32 = 1e6;
/// Packets in a row without a byte, before a file is taken to have ended.
const EMPTY_MAX: usize = 1000;
/// Bytes per second below which no codec gets, except that of silence. A longer file than that is found
/// to be too long by decoding it.
const BYTES_PER_S_MIN: f64 = 1000.0;

const TOO_EARLY: &str = "the file ends too early";

/// Decodes a file as it is asked for.
pub struct Stream<'a> {
    reader: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    info: Info,
    limits: Limits,
    /// Of Ogg, whose pages' counts are not believed but at the ends.
    packets: Option<ogg::Packets>,
    /// Samples still to be left out at the beginning.
    surplus: u64,
    /// Samples that were cut off the end.
    cut_off: u64,
    /// Of what was decoded, once something was.
    rate: Option<u32>,
    /// The last packet, (channels, samples).
    channels: Vec<Vec<f32>>,
    /// Its mean.
    mono: Vec<f32>,
    /// Samples of each channel so far.
    decoded: u64,
    /// Packets that were left out, or of which samples were.
    damaged: u64,
    /// Whether any sample was a number.
    has_sound: bool,
    empty_packets: usize,
    /// Whether there is nothing more to ask the reader for.
    has_ended: bool,
    /// Why the reader ended, if not at the file's end.
    broken: Option<String>,
    is_too_long: bool,
}

impl<'a> Stream<'a> {
    /// Reads the headers of `bytes`.
    ///
    /// # Errors
    /// The file is empty, corrupt, of an unknown format or plainly too long.
    pub fn open(bytes: &'a [u8], limits: Limits) -> Result<Self, Failure> {
        let Opened { reader, decoder, track, info, surplus } = open::open(bytes)?;
        // So long a file need not be decoded to know; but headers that lie are not believed.
        if let Some(declared) = info.declared_s
            && !info.is_estimate
            && declared > limits.max_s
            && bytes.len() as f64 >= declared * BYTES_PER_S_MIN
        {
            return Err(Failure::new(Status::TooLong, too_long(limits)));
        }
        Ok(Self {
            packets: (info.format == "ogg").then(ogg::Packets::default),
            reader,
            decoder,
            track,
            info,
            limits,
            surplus,
            cut_off: 0,
            rate: None,
            channels: Vec::new(),
            mono: Vec::new(),
            decoded: 0,
            damaged: 0,
            has_sound: false,
            empty_packets: 0,
            has_ended: false,
            broken: None,
            is_too_long: false,
        })
    }

    /// What the headers say.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Samples per second of what was decoded; `None` as long as nothing was. Headers may say otherwise.
    pub fn rate(&self) -> Option<u32> {
        self.rate
    }

    /// How much was decoded so far, in seconds.
    pub fn decoded_s(&self) -> f64 {
        self.rate.map_or(0.0, |rate| self.decoded as f64 / f64::from(rate))
    }

    /// The next samples, (channels, samples): a fraction of a second, never none. `None` at the end.
    pub fn next_channels(&mut self) -> Option<&[Vec<f32>]> {
        self.advance().then_some(&self.channels)
    }

    /// The mean over channels of the next samples. `None` at the end.
    pub fn next_mono(&mut self) -> Option<&[f32]> {
        if !self.advance() {
            return None;
        }
        mix(&self.channels, &mut self.mono);
        Some(&self.mono)
    }

    /// What [`Self::next_mono`] returned last.
    pub fn mono(&self) -> &[f32] {
        &self.mono
    }

    /// What became of the file, up to here.
    pub fn outcome(&self) -> Outcome {
        let decoded_s = if self.has_sound { self.decoded_s() } else { 0.0 };
        let (status, message) = self.judge(decoded_s);
        Outcome { status, decoded_s, message }
    }

    fn judge(&self, decoded_s: f64) -> (Status, Option<String>) {
        if self.is_too_long {
            return (Status::TooLong, Some(too_long(self.limits)));
        }
        let broken = self.broken.as_deref().or(self.info.missing_end.then_some(TOO_EARLY));
        if self.decoded == 0 {
            let reason = match (broken, self.damaged, self.info.declared_s) {
                (None, 0, declared) if declared.unwrap_or(0.0) == 0.0 => {
                    return (Status::Empty, Some("the file has no samples".into()));
                }
                (Some(reason), ..) => reason,
                _ => "nothing of it can be decoded",
            };
            return (Status::Corrupt, Some(reason.into()));
        }
        if !self.has_sound {
            return (Status::Corrupt, Some("none of its samples is a number".into()));
        }
        if self.damaged > 0 {
            let packets = if self.damaged == 1 { "packet is" } else { "packets are" };
            return (Status::Partial, Some(format!("{} {packets} damaged", self.damaged)));
        }
        match self.declared_s() {
            Some(declared) if !self.is_complete() => {
                let message = format!("{decoded_s:.2} s of {declared:.2} s could be decoded");
                (Status::Partial, Some(message))
            }
            // Ogg declares its length by its last page. Other formats may have something behind all that
            // they declare.
            Some(_) if self.info.format != "ogg" => (Status::Ok, None),
            _ => match broken {
                Some(reason) => (Status::Partial, Some(reason.into())),
                None => (Status::Ok, None),
            },
        }
    }

    /// The declared length, where it is exact.
    fn declared_s(&self) -> Option<f64> {
        self.info.declared_s.filter(|_| !self.info.is_estimate)
    }

    /// Whether all that is declared was decoded.
    fn is_complete(&self) -> bool {
        let tolerance = if self.info.format == "mp3" { MP3_TOLERANCE_S } else { TOLERANCE_S };
        // An Ogg stream whose last pages do not count alike may have had too much cut off.
        let cut_off_s = self.rate.map_or(0.0, |rate| self.cut_off as f64 / f64::from(rate));
        let there_s = self.decoded_s() + cut_off_s;
        self.declared_s().is_some_and(|declared| there_s + tolerance >= declared)
    }

    /// Decodes packets until one gives samples.
    fn advance(&mut self) -> bool {
        while !self.has_ended {
            let next = match &mut self.packets {
                Some(packets) => packets.next(&mut *self.reader, self.track),
                None => self.reader.next_packet(),
            };
            match next {
                Ok(Some(packet)) => {
                    self.empty_packets =
                        if packet.data.is_empty() { self.empty_packets + 1 } else { 0 };
                    if self.empty_packets > EMPTY_MAX {
                        self.end(Some("it has too many packets without a byte".into()));
                    } else if packet.track_id == self.track && self.decode(&packet) {
                        return true;
                    }
                }
                Ok(None) => self.end(None),
                Err(SymphoniaError::ResetRequired) => match open::open_next(&*self.reader) {
                    Ok((track, decoder)) => (self.track, self.decoder) = (track, decoder),
                    Err(failure) => self.end(Some(failure.message)),
                },
                Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.end(Some(TOO_EARLY.into()));
                }
                Err(error) => self.end(Some(error.to_string())),
            }
        }
        false
    }

    fn end(&mut self, broken: Option<String>) {
        self.has_ended = true;
        self.broken = broken;
    }

    /// Whether the packet gives samples, which are then in `channels`.
    fn decode(&mut self, packet: &symphonia::core::packet::Packet) -> bool {
        let Ok(audio) = self.decoder.decode(packet) else {
            // Behind the sound there may be tags that look like packets.
            self.damaged += u64::from(!self.is_complete());
            return false;
        };
        if self.packets.is_some() {
            self.cut_off = packet.trim_end.get();
        }
        if audio.frames() == 0 {
            return false;
        }
        let rate = audio.spec().rate();
        let expected = self.rate.unwrap_or(rate);
        let count = audio.num_planes();
        // Where a reader has lost its place it may take anything for a packet.
        let is_other = self.rate.is_some() && (rate != expected || count != self.channels.len());
        if is_other || count == 0 || !open::is_rate(rate) {
            self.damaged += u64::from(!self.is_complete());
            return false;
        }
        audio.copy_to_vecs_planar(&mut self.channels);
        self.rate = Some(rate);
        if self.surplus > 0 {
            let left_out = self.surplus.min(self.channels[0].len() as u64);
            self.surplus -= left_out;
            self.channels.iter_mut().for_each(|row| drop(row.drain(..left_out as usize)));
        }
        let frames = self.channels[0].len() as u64;
        if frames == 0 {
            return false;
        }
        let most = (self.limits.max_s * f64::from(rate)) as u64;
        if self.decoded + frames > most {
            self.is_too_long = true;
            self.end(None);
            return false;
        }
        self.decoded += frames;
        let (is_damaged, is_sound) = silence_damage(&mut self.channels);
        self.damaged += u64::from(is_damaged);
        self.has_sound |= is_sound;
        true
    }
}

fn too_long(limits: Limits) -> String {
    format!("it is longer than {} s", limits.max_s)
}

/// The mean over channels, (channels, samples) to (samples).
fn mix(channels: &[Vec<f32>], mono: &mut Vec<f32>) {
    mono.clear();
    match channels {
        [left, right] => mono.extend(left.iter().zip(right).map(|(l, r)| (l + r) * 0.5)),
        [first, others @ ..] => {
            mono.extend_from_slice(first);
            for other in others {
                mono.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
            }
            if !others.is_empty() {
                let count = channels.len() as f32;
                mono.iter_mut().for_each(|sum| *sum /= count);
            }
        }
        [] => {}
    }
}

/// Zeros in place of what is no sound, such as NaN in a WAV of floats; whether there was any, and any
/// that is.
fn silence_damage(channels: &mut [Vec<f32>]) -> (bool, bool) {
    let (mut is_damaged, mut has_sound) = (false, false);
    for value in channels.iter_mut().flatten() {
        let is_sound = value.abs() <= LOUDEST; // not of NaN
        is_damaged |= !is_sound;
        has_sound |= is_sound;
        *value = if is_sound { *value } else { 0.0 };
    }
    (is_damaged, has_sound)
}

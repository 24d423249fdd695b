//! Finds out what a file is and makes a decoder for it.

use std::sync::LazyLock;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, StandardTag};

use super::source::Source;
use super::{Failure, Info, Status, names, ogg, wave};

/// Rates that are believed. Outside, headers are damaged.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// What helps with sound that cannot be decoded.
const CONVERT: &str = "convert it, e.g. ffmpeg -i old -ac 2 new.flac";
/// How far into a file its beginning may be, after tags. Further on, what looks like one is chance.
const JUNK_MAX: u32 = 64 * 1024;

static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let options = ProbeOptions { max_probe_depth: JUNK_MAX, ..ProbeOptions::default() };
    let mut probe = Probe::new_with_options(&options);
    symphonia::default::register_enabled_formats(&mut probe);
    probe
});

/// Whether a rate is believed.
pub(super) fn is_rate(rate: u32) -> bool {
    RATES.contains(&rate)
}

/// A file that can be decoded, as far as its headers tell.
pub(super) struct Opened<'a> {
    pub(super) reader: Box<dyn FormatReader + 'a>,
    pub(super) decoder: Box<dyn AudioDecoder>,
    pub(super) track: u32,
    pub(super) info: Info,
    /// Samples of each channel that are decoded and not to be heard.
    pub(super) surplus: u64,
}

impl Opened<'_> {
    /// What the headers say, with the packets' length in place of a guess.
    pub(super) fn counted(mut self) -> Info {
        if self.info.is_estimate {
            let mut frames = 0_u64;
            while let Ok(Some(packet)) = self.reader.next_packet() {
                let parts = [packet.dur, packet.trim_start, packet.trim_end];
                frames = parts.iter().fold(frames, |sum, part| sum.saturating_add(part.get()));
            }
            self.info.declared_s = Some(frames as f64 / f64::from(self.info.rate));
        }
        self.info
    }
}

/// Reads the headers of `bytes`.
pub(super) fn open(bytes: &[u8]) -> Result<Opened<'_>, Failure> {
    if bytes.is_empty() {
        return Err(Failure::new(Status::Empty, "the file has no bytes"));
    }
    let bytes = without_id3v1(bytes);
    let mut reader = read_headers(bytes, true).map_err(|error| unreadable(bytes, &error))?;
    let format = reader.format_info().short_name.to_owned();
    let (track, params) = audio_track(&*reader)?;
    let is_estimate = match format.as_str() {
        // Symphonia estimates the length of MP3 without an index, where it can seek, and cuts off what
        // comes after it. Without seeking it has no length then.
        "mp3" => track.delay.is_none() && declared_frames(bytes).is_none(),
        name => name == "aac",
    };
    let options = AudioDecoderOptions::default().gapless(!is_estimate);
    let decoder = make_decoder(&params, options)?;
    let rate = params.sample_rate.filter(|&rate| is_rate(rate)).ok_or_else(|| {
        let rate = params.sample_rate.map_or("no".into(), |rate| rate.to_string());
        Failure::new(Status::Corrupt, format!("{rate} samples per second cannot be"))
    })?;
    let is_unsized = match format.as_str() {
        "wave" => !wave::lengths_in_pipe(bytes).is_empty(),
        // Its table is empty where fragments tell for themselves.
        "isomp4" => track.num_frames == Some(0) && bytes.windows(4).any(|mark| mark == b"moof"),
        _ => false,
    };
    let declared_s = declared_s(&track, rate).filter(|_| !is_unsized);
    let is_ogg = format == "ogg";
    let missing_end = is_ogg && ogg::misses_end(bytes, &track);
    let surplus = if is_ogg { ogg::surplus_at_start(&track) } else { 0 };
    let mut info = Info {
        format,
        codec: decoder.codec_info().short_name.to_owned(),
        rate,
        channels: params.channels.as_ref().map(|channels| channels.count()),
        bits: params.bits_per_sample,
        declared_s,
        is_estimate,
        missing_end,
        title: None,
        artist: None,
        album: None,
    };
    read_tags(reader.metadata(), &mut info);
    Ok(Opened { reader, decoder, track: track.id, info, surplus })
}

/// FLAC without the tag behind it, which symphonia would take for a part of the last packet.
fn without_id3v1(bytes: &[u8]) -> &[u8] {
    match bytes.split_last_chunk::<128>() {
        Some((before, tag)) if before.starts_with(b"fLaC") && tag.starts_with(b"TAG") => before,
        _ => bytes,
    }
}

/// The sound of a stream that follows another in the same file.
pub(super) fn open_next(
    reader: &dyn FormatReader,
) -> Result<(u32, Box<dyn AudioDecoder>), Failure> {
    let (track, params) = audio_track(reader)?;
    Ok((track.id, make_decoder(&params, AudioDecoderOptions::default())?))
}

fn read_headers(
    bytes: &[u8],
    is_seekable: bool,
) -> Result<Box<dyn FormatReader + '_>, SymphoniaError> {
    let source = Source::new(bytes, is_seekable).patched(wave::lengths_in_pipe(bytes));
    let source = Box::new(source);
    let stream = MediaSourceStream::new(source, Default::default());
    PROBE.probe(&Hint::new(), stream, Default::default(), Default::default())
}

/// How many samples of each channel an MP3's index counts.
fn declared_frames(bytes: &[u8]) -> Option<u64> {
    read_headers(bytes, false).ok()?.tracks().first()?.num_frames
}

/// The track to decode, and what of.
fn audio_track(reader: &dyn FormatReader) -> Result<(Track, AudioCodecParameters), Failure> {
    let is_audio = |track: &&Track| matches!(track.codec_params, Some(CodecParameters::Audio(_)));
    let first = reader.tracks().iter().find(is_audio);
    let track = reader.default_track(TrackType::Audio).or(first);
    match track.map(|track| (track, &track.codec_params)) {
        Some((track, Some(CodecParameters::Audio(params)))) => Ok((track.clone(), params.clone())),
        _ => Err(Failure::new(Status::Unsupported, "the file has no sound in a known codec")),
    }
}

fn make_decoder(
    params: &AudioCodecParameters,
    options: AudioDecoderOptions,
) -> Result<Box<dyn AudioDecoder>, Failure> {
    let codecs = symphonia::default::get_codecs();
    if params.codec == CODEC_ID_NULL_AUDIO || codecs.get_audio_decoder(params.codec).is_none() {
        let name = names::unsupported_codec(params.codec).unwrap_or("of the file");
        let message = format!("the codec {name} cannot be decoded; {CONVERT}");
        return Err(Failure::new(Status::Unsupported, message));
    }
    codecs.make_audio_decoder(params, &options).map_err(|error| match error {
        SymphoniaError::Unsupported(_) if params.codec == CODEC_ID_AAC => {
            let message =
                format!("of AAC only the profile LC in mono or stereo can be decoded; {CONVERT}");
            Failure::new(Status::Unsupported, message)
        }
        SymphoniaError::Unsupported(_) => {
            Failure::new(Status::Unsupported, format!("{error}; {CONVERT}"))
        }
        _ => Failure::new(Status::Corrupt, error.to_string()),
    })
}

/// Why headers could not be read.
fn unreadable(bytes: &[u8], error: &SymphoniaError) -> Failure {
    if names::begins_as_known(bytes) {
        return Failure::new(Status::Corrupt, format!("its headers cannot be read: {error}"));
    }
    let message = "it is none of WAV, FLAC, MP3, Ogg Vorbis and AAC (M4A)";
    Failure::new(Status::Unsupported, message)
}

fn declared_s(track: &Track, rate: u32) -> Option<f64> {
    let frames = track.num_frames.map(|frames| frames as f64 / f64::from(rate));
    frames.or_else(|| {
        let (base, duration) = (track.time_base?, track.duration?);
        Some(base.calc_duration(duration)?.as_secs_f64())
    })
}

/// The first title, artist and album; the oldest tags come first.
fn read_tags(mut metadata: Metadata<'_>, info: &mut Info) {
    loop {
        let Some(revision) = metadata.current() else { return };
        let per_track = revision.per_track.iter().map(|track| &track.metadata);
        for container in std::iter::once(&revision.media).chain(per_track) {
            for tag in container.tags.iter().filter_map(|tag| tag.std.as_ref()) {
                let (place, text) = match tag {
                    StandardTag::TrackTitle(text) => (&mut info.title, text),
                    StandardTag::Artist(text) => (&mut info.artist, text),
                    StandardTag::Album(text) => (&mut info.album, text),
                    _ => continue,
                };
                let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
                if place.is_none() && !text.is_empty() {
                    *place = Some(text.to_owned());
                }
            }
        }
        if metadata.pop().is_none() {
            return;
        }
    }
}

//! Files of every format, whole and damaged, become samples with a status.

use super::*;

const FLAC: &[u8] = include_bytes!("../../../tests/audio/tone.flac");
const MP3: &[u8] = include_bytes!("../../../tests/audio/tone.mp3");
const OGG: &[u8] = include_bytes!("../../../tests/audio/tone.ogg");
const M4A: &[u8] = include_bytes!("../../../tests/audio/tone.m4a");
const AAC: &[u8] = include_bytes!("../../../tests/audio/tone.aac");

/// The sound of the files, left; right is half as loud. See tests/audio/fixtures.py.
fn tone() -> Vec<f32> {
    let sample = |i: usize| {
        let t = i as f64 / 22050.0;
        let partial = |h: f64| 0.3 / h * (2.0 * std::f64::consts::PI * 220.0 * h * t).sin();
        ((partial(1.0) + partial(2.0) + partial(3.0)) * (-2.0 * t).exp()) as f32
    };
    (0..11025).map(sample).collect()
}

fn wav(kind: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    for number in [kind, channels] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(22050_u32.to_le_bytes());
    bytes.extend((22050 * u32::from(block)).to_le_bytes());
    for number in [block, bits] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn wav16(samples: &[f32], channels: u16) -> Vec<u8> {
    let data: Vec<u8> =
        samples.iter().flat_map(|x| ((x * 32767.0).round() as i16).to_le_bytes()).collect();
    wav(1, channels, 16, &data)
}

fn status(bytes: &[u8]) -> Status {
    decode(bytes, Mix::Mono, Limits::default()).outcome.status
}

/// The root mean square of the difference.
fn distance(left: &[f32], right: &[f32]) -> f32 {
    let sum: f32 = left.iter().zip(right).map(|(a, b)| (a - b).powi(2)).sum();
    (sum / left.len() as f32).sqrt()
}

#[test]
fn every_format_gives_the_sound() {
    // Encoders of AAC put a frame of silence in front, 1,024 samples.
    let cases = [
        ("flac", FLAC, 0, 2e-5),
        ("mp3", MP3, 0, 0.01),
        ("ogg", OGG, 0, 0.01),
        ("m4a", M4A, 1024, 0.035),
        ("aac", AAC, 1024, 0.035),
    ];
    for (name, bytes, delay, bar) in cases {
        let decoded = decode(bytes, Mix::Channels, Limits::default());
        assert_eq!(decoded.outcome.status, Status::Ok, "{name}");
        assert_eq!((decoded.rate, decoded.samples.len()), (22050, 2), "{name}");
        assert!(decoded.samples[0].len() - 11025 - delay < 1024, "{name}");
        let left = &decoded.samples[0][delay..delay + 11025];
        assert!(distance(left, &tone()) < bar, "{name}: {}", distance(left, &tone()));
        let mono = decode(bytes, Mix::Mono, Limits::default());
        let rows = decoded.samples[0].iter().zip(&decoded.samples[1]);
        assert!(rows.zip(mono.mono()).all(|((l, r), mono)| (l + r) / 2.0 == *mono), "{name}");
    }
}

#[test]
fn headers_tell_names_lengths_and_tags() {
    let cases = [
        ("flac", "flac", FLAC, Some(16), false),
        ("mp3", "mp3", MP3, None, false),
        ("ogg", "vorbis", OGG, None, false),
        ("isomp4", "aac", M4A, None, false),
        ("aac", "aac", AAC, None, true),
    ];
    for (format, codec, bytes, bits, is_estimate) in cases {
        let info = probe(bytes).unwrap();
        assert_eq!((info.format.as_str(), info.codec.as_str()), (format, codec));
        assert_eq!((info.rate, info.channels, info.bits), (22050, Some(2), bits), "{format}");
        assert!((info.declared_s.unwrap() - 0.5).abs() < 0.06, "{format}: {:?}", info.declared_s);
        assert_eq!(info.is_estimate, is_estimate, "{format}");
        if format != "aac" {
            let tags = [info.title, info.artist, info.album].map(Option::unwrap);
            assert_eq!(tags, ["Tone", "Segue", "Fixtures"], "{format}");
        }
    }
    let info = probe(&wav16(&[0.0; 22050], 2)).unwrap();
    assert_eq!((info.format.as_str(), info.codec.as_str()), ("wave", "pcm_s16le"));
    assert_eq!((info.bits, info.declared_s, info.title), (Some(16), Some(0.5), None));
}

#[test]
fn the_content_decides_what_a_file_is() {
    for bytes in
        [&b"\x89PNG\r\n\x1a\n plus much else"[..], b"plain text", &[0; 5000], b"RIFF\0\0\0\0AVI "]
    {
        let outcome = decode(bytes, Mix::Mono, Limits::default()).outcome;
        assert_eq!(outcome.status, Status::Unsupported);
        assert!(outcome.message.unwrap().contains("none of WAV"));
    }
}

#[test]
fn nothing_is_empty_and_broken_beginnings_are_corrupt() {
    assert_eq!(status(&[]), Status::Empty);
    assert_eq!(status(&wav16(&[], 1)), Status::Empty);
    for bytes in [&FLAC[..40], &OGG[..100], &M4A[..60], b"RIFF", b"fLaC", b"ID3"] {
        assert_eq!(status(bytes), Status::Corrupt);
        assert_eq!(probe(bytes).unwrap_err().status, Status::Corrupt);
    }
}

#[test]
fn what_is_cut_or_damaged_is_partial() {
    // Most of so short an Ogg file is its codebook.
    let cases = [("flac", FLAC, 4000), ("mp3", MP3, 1000), ("ogg", OGG, 500), ("m4a", M4A, 1000)];
    for (name, bytes, lost) in cases {
        let cut = decode(&bytes[..bytes.len() - lost], Mix::Mono, Limits::default());
        // An M4A whose table is at its end has lost it.
        let expected = if name == "m4a" { Status::Corrupt } else { Status::Partial };
        assert_eq!(cut.outcome.status, expected, "{name}: {:?}", cut.outcome);
        assert!(cut.outcome.message.is_some(), "{name}");
    }
    let wav = wav16(&tone(), 1);
    let cut = decode(&wav[..wav.len() / 2], Mix::Mono, Limits::default());
    assert_eq!(cut.outcome.status, Status::Partial);
    assert!((cut.outcome.decoded_s - 0.25).abs() < 0.01);
    // In the middle of an MP3, symphonia reports nothing.
    let mut zeroed = MP3.to_vec();
    zeroed[1500..2300].fill(0);
    assert_eq!(status(&zeroed), Status::Partial);
    // The last page of an Ogg file, which tells its length: its beginning, or something in it.
    let last = OGG.windows(4).rposition(|window| window == b"OggS").unwrap();
    for at in [last, last + 40] {
        let mut zeroed = OGG.to_vec();
        zeroed[at..at + 10].fill(0);
        assert_eq!(status(&zeroed), Status::Partial);
    }
    assert_eq!(status(&OGG[..last]), Status::Partial);
    // One of three of FLAC's frames, and all.
    let mut flipped = FLAC.to_vec();
    flipped[12_000] ^= 1;
    assert_eq!(status(&flipped), Status::Partial);
    flipped[8_000..].iter_mut().step_by(500).for_each(|byte| *byte ^= 1);
    assert_eq!(status(&flipped), Status::Corrupt);
}

#[test]
fn what_follows_the_sound_is_not_damage() {
    let junk: Vec<u8> = (0..3000_u32).map(|i| ((i * i * 31) >> 7) as u8).collect();
    let mut frame_like = vec![0xff, 0xfb, 0x90, 0x44];
    frame_like.extend(&junk);
    let tag = [b"TAG", &[b' '; 125][..]].concat();
    assert_eq!(status(&[FLAC, &tag].concat()), Status::Ok);
    for (name, bytes) in [("mp3", MP3), ("ogg", OGG)] {
        for tail in [&junk, &frame_like, &tag] {
            let outcome = decode(&[bytes, tail].concat(), Mix::Mono, Limits::default()).outcome;
            assert_eq!(outcome.status, Status::Ok, "{name}: {outcome:?}");
        }
    }
}

#[test]
fn an_mp3_without_an_index_is_decoded_to_its_end() {
    // The first frame, which holds the index, begins behind the tag; its length is in its header.
    let tag = 10 + usize::from(MP3[8]) * 128 + usize::from(MP3[9]);
    let next = (tag + 4..MP3.len()).find(|&at| MP3[at..at + 2] == MP3[tag..tag + 2]).unwrap();
    let decoded = decode(&MP3[next..], Mix::Mono, Limits::default());
    let info = decoded.info.as_ref().unwrap();
    assert!(info.is_estimate, "{info:?}");
    assert_eq!(decoded.outcome.status, Status::Ok, "{:?}", decoded.outcome);
    let counted = probe(&MP3[next..]).unwrap().declared_s.unwrap();
    assert!((counted - decoded.outcome.decoded_s).abs() < 1e-9, "{counted}");
    // With all that the encoder put in front and behind.
    assert!(decoded.mono().len() > 11025 && decoded.mono().len().is_multiple_of(576));
}

#[test]
fn longer_than_allowed_is_too_long_and_has_no_samples() {
    for bytes in [FLAC, MP3, OGG, M4A, AAC, &wav16(&tone(), 1)] {
        let decoded = decode(bytes, Mix::Mono, Limits { max_s: 0.2 });
        assert_eq!(decoded.outcome.status, Status::TooLong);
        assert!(decoded.samples.is_empty());
        assert!(decoded.outcome.decoded_s <= 0.2);
        assert_eq!(decode(bytes, Mix::Mono, Limits { max_s: 0.6 }).outcome.status, Status::Ok);
    }
    assert_eq!(decode(FLAC, Mix::Mono, Limits { max_s: f64::NAN }).outcome.status, Status::TooLong);
}

#[test]
fn numbers_that_are_no_sound_become_silence() {
    let samples = [0.5, f32::NAN, -0.25, f32::INFINITY, 1e30, 0.125];
    let data: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    let decoded = decode(&wav(3, 1, 32, &data), Mix::Mono, Limits::default());
    assert_eq!(decoded.mono(), [0.5, 0.0, -0.25, 0.0, 0.0, 0.125]);
    assert_eq!(decoded.outcome.status, Status::Partial);
    let nothing: Vec<u8> = [f32::NAN, f32::INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect();
    let decoded = decode(&wav(3, 1, 32, &nothing), Mix::Mono, Limits::default());
    assert_eq!((decoded.outcome.status, decoded.outcome.decoded_s), (Status::Corrupt, 0.0));
    assert!(decoded.samples.is_empty());
}

#[test]
fn the_mix_is_the_mean_of_any_number_of_channels() {
    for (channels, data) in [(1_u16, &[0.5, 0.25][..]), (3, &[0.3, 0.6, 0.0]), (2, &[0.5, -0.5])] {
        let decoded = decode(&wav16(data, channels), Mix::Mono, Limits::default());
        let expected = data.chunks(usize::from(channels));
        let expected: Vec<f32> = expected.map(|x| x.iter().sum::<f32>() / x.len() as f32).collect();
        assert!(distance(decoded.mono(), &expected) < 5e-5, "{:?}", decoded.mono());
    }
    assert_eq!(decode(&wav16(&[0.5], 1), Mix::Mono, Limits::default()).mono().len(), 1);
}

#[test]
fn the_streamed_mix_is_the_whole_one_resampled() {
    for bytes in [FLAC, MP3, OGG] {
        let whole = decode(bytes, Mix::Mono, Limits::default());
        let expected = crate::audio::resample::resample(whole.mono(), whole.rate, 16000).unwrap();
        let streamed = decode_mono(bytes, 16000, Limits::default(), &mut |_| Ok(())).unwrap();
        assert_eq!(streamed.mono(), expected);
        assert_eq!((streamed.rate, streamed.outcome), (16000, whole.outcome));
    }
}

#[test]
fn decoding_can_be_stopped_and_rates_are_checked() {
    let mut stop = |_| Err(Error::Interrupted);
    let stopped = decode_mono(FLAC, 22050, Limits::default(), &mut stop);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    assert!(decode_mono(FLAC, 0, Limits::default(), &mut |_| Ok(())).is_err());
    let failed = decode_mono(b"text", 22050, Limits::default(), &mut |_| Ok(())).unwrap();
    assert_eq!(failed.outcome.status, Status::Unsupported);
}

#[test]
fn statuses_have_the_names_of_the_manual() {
    let names = Status::ALL.map(Status::name);
    assert_eq!(names, ["ok", "partial", "empty", "corrupt", "unsupported", "too_long"]);
}

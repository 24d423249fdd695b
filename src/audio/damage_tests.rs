//! Damaged files end in a status, in little time, without a panic.

use std::time::Instant;

use super::damage::{damaged, wav, whole_files};
use crate::audio::decode::{Limits, Mix, Status, decode, decode_mono, probe};

#[test]
fn damaged_files_end_in_a_status() {
    let files = whole_files();
    for index in 0..10_000 {
        let (name, kind, bytes) = damaged(&files, index);
        let clock = Instant::now();
        let _ = probe(&bytes);
        let limits = Limits { max_s: 60.0 };
        let decoded = decode(&bytes, Mix::Channels, limits);
        let mono = decode_mono(&bytes, 22050, limits, &mut |_| Ok(())).unwrap();
        assert_eq!(decoded.outcome, mono.outcome, "{index}, {name}, {kind}");
        let has_samples = matches!(decoded.outcome.status, Status::Ok | Status::Partial);
        assert_eq!(!mono.mono().is_empty(), has_samples, "{index}, {name}, {kind}");
        assert_eq!(decoded.outcome.status == Status::Ok, decoded.outcome.message.is_none());
        assert!(mono.mono().iter().all(|sample| sample.is_finite()));
        assert!(clock.elapsed().as_secs() < 10, "{index}, {name}, {kind}");
    }
}

#[test]
fn every_cut_of_a_small_file_ends_in_a_status() {
    for file in whole_files().into_iter().filter(|file| file.bytes.len() < 5000) {
        for length in (0..file.bytes.len()).step_by(7) {
            decode(&file.bytes[..length], Mix::Mono, Limits::default());
        }
    }
}

#[test]
fn headers_of_absurd_rates_and_channels_are_no_sound() {
    let cases = [(1, 2, 0), (1, 2, u32::MAX), (1, 0, 44100), (1, 65535, 44100), (999, 2, 44100)];
    for (kind, channels, rate) in cases {
        let outcome =
            decode(&wav(kind, channels, rate, 16, &[1; 4000]), Mix::Mono, Limits::default())
                .outcome;
        assert!(outcome.status != Status::Ok, "{kind} {channels} {rate}: {outcome:?}");
    }
}

#[test]
fn tables_of_four_billion_entries_take_neither_time_nor_memory() {
    let files = whole_files();
    let m4a = &files.iter().find(|file| file.name == "m4a").unwrap().bytes;
    let place = |mark: &[u8]| m4a.windows(4).position(|window| window == mark).unwrap();
    let (sizes, times, chunks) = (place(b"stsz"), place(b"stts"), place(b"stsc"));
    // So many samples of no, 1 or 4 billion bytes, each of a moment or of 4 billion; all in one chunk.
    for size in [0_u32, 1, u32::MAX] {
        for duration in [0_u32, 1, 1024, u32::MAX] {
            for count in [1_u32 << 20, u32::MAX] {
                let mut bytes = m4a.clone();
                let mut put = |at: usize, value: u32| {
                    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
                };
                put(sizes + 8, size);
                put(sizes + 12, count);
                put(times + 8, 1);
                put(times + 12, count);
                put(times + 16, duration);
                put(chunks + 16, count);
                let clock = Instant::now();
                let decoded = decode(&bytes, Mix::Mono, Limits { max_s: 60.0 });
                assert!(decoded.outcome.decoded_s <= 60.0);
                let taken = clock.elapsed();
                assert!(taken.as_secs() < 10, "{size} {duration} {count}: {taken:?}");
            }
        }
    }
}

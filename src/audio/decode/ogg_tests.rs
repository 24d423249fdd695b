//! Ogg pages that count their samples as no encoder should, and what is heard of them.

use super::*;

const OGG: &[u8] = include_bytes!("../../../tests/audio/tone.ogg");

/// The file with other counts of samples in its pages of sound: `count` gets a page's number and count.
fn with_counts(count: impl Fn(usize, i64) -> i64) -> Vec<u8> {
    let mut bytes = OGG.to_vec();
    let pages: Vec<usize> =
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"OggS")).collect();
    for (number, &at) in pages.iter().enumerate().skip(2) {
        let end = pages.get(number + 1).copied().unwrap_or(bytes.len());
        let page = &mut bytes[at..end];
        let old = i64::from_le_bytes(page[6..14].try_into().unwrap());
        page[6..14].copy_from_slice(&count(number - 2, old).to_le_bytes());
        page[22..26].fill(0);
        let sum = checksum(page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
    }
    bytes
}

/// RFC 3533's sum of a page.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, &byte| {
        let shifted = |sum: u32, _| (sum << 1) ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        (0..8).fold(sum ^ (u32::from(byte) << 24), shifted)
    })
}

fn heard(bytes: &[u8]) -> (Vec<f32>, Outcome) {
    let decoded = decode(bytes, Mix::Mono, Limits::default());
    (decoded.mono().to_vec(), decoded.outcome)
}

#[test]
fn counts_of_pages_within_a_stream_take_nothing_away() {
    let (expected, _) = heard(OGG);
    assert_eq!(with_counts(|_, count| count), OGG);
    // As ffmpeg writes them where timestamps come from another Ogg file, and by much more.
    for (page, by) in [(2, 448), (2, -448), (0, 128), (3, 5000), (3, -2000)] {
        let bytes = with_counts(|at, count| if at == page { count + by } else { count });
        let (samples, outcome) = heard(&bytes);
        assert_eq!(outcome.status, Status::Ok, "{page} {by}: {outcome:?}");
        assert_eq!(samples.len(), expected.len(), "{page} {by}");
        assert!(samples == expected, "{page} {by}");
    }
}

#[test]
fn an_odd_count_before_the_last_page_cuts_off_a_packet_at_most() {
    let (expected, _) = heard(OGG);
    for by in [448, 5000] {
        let bytes = with_counts(|at, count| if at == 6 { count + by } else { count });
        let (samples, outcome) = heard(&bytes);
        assert_eq!(outcome.status, Status::Ok, "{by}: {outcome:?}");
        assert!(samples.len() <= expected.len() && samples.len() + 1024 > expected.len());
        assert!(expected.starts_with(&samples), "{by}");
    }
}

#[test]
fn a_stream_that_counts_from_below_zero_begins_at_zero() {
    let (expected, _) = heard(OGG);
    for surplus in [1, 300, 3000] {
        let (samples, outcome) = heard(&with_counts(|_, count| count - surplus as i64));
        assert_eq!(outcome.status, Status::Ok, "{surplus}: {outcome:?}");
        assert!(samples == expected[surplus..], "{surplus}: {}", samples.len());
    }
    let (samples, outcome) = heard(&with_counts(|_, count| count - (1 << 60)));
    assert_eq!((samples.len(), outcome.status), (0, Status::Corrupt));
}

#[test]
fn another_stream_behind_the_first_is_no_damage() {
    let (expected, _) = heard(OGG);
    let (samples, outcome) = heard(&[OGG, OGG].concat());
    assert_eq!((samples.len(), outcome.status), (2 * expected.len(), Status::Ok));
}

//! How an Ogg file ends. Its length is that of the last page, so that what is cut looks whole.

use symphonia::core::formats::Track;

/// What a page begins with.
const MARK: &[u8] = b"OggS";
/// How far from the end the last page may begin: a page has 65,307 bytes at most, and tags may follow.
const TAIL: usize = 256 * 1024;

/// Whether the last page of a track is not marked as such, or counts more samples than the track has:
/// then it is damaged itself.
pub(super) fn misses_end(bytes: &[u8], track: &Track) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let Some((is_last, granule)) = last_page(tail, track.id) else { return true };
    let frames = track.num_frames.and_then(|frames| i64::try_from(frames).ok()).unwrap_or(i64::MAX);
    // A track begins below 0 where its first samples only prepare the decoder; they are not counted.
    !is_last || granule > frames.saturating_add(track.start_ts.get().max(0))
}

/// Whether the last page of the stream `serial` says that it is, and how many samples end with it.
fn last_page(bytes: &[u8], serial: u32) -> Option<(bool, i64)> {
    // 4 bytes of mark, version, flags, 8 of position, 4 of serial number: RFC 3533, section 6.
    let pages = bytes.windows(18).rev().filter(|page| page.starts_with(MARK));
    pages
        .map(|page| (page[5], number(&page[6..14]), number(&page[14..18])))
        .find_map(|(flags, granule, of)| (of as u32 == serial).then_some((flags & 4 != 0, granule)))
}

/// A little-endian number.
fn number(bytes: &[u8]) -> i64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | i64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(flags: u8, granule: i64, serial: u32) -> Vec<u8> {
        let mut page = [MARK, &[0, flags]].concat();
        page.extend(granule.to_le_bytes());
        page.extend(serial.to_le_bytes());
        page
    }

    #[test]
    fn the_last_page_of_the_stream_tells() {
        let mut track = Track::new(7);
        track.with_num_frames(100);
        let first = page(2, 0, 7);
        for (pages, expected) in [
            (page(4, 100, 7), false),
            ([page(4, 100, 7), page(0, 9, 8)].concat(), false),
            (page(0, 100, 7), true),
            (page(4, 101, 7), true),
            (page(4, 100, 8), true),
            (vec![], true),
        ] {
            let bytes = [&first[..], &pages].concat();
            assert_eq!(misses_end(&bytes, &track), expected, "{pages:?}");
        }
        assert!(misses_end(&[], &track));
        assert_eq!(number(&(-1_i64).to_le_bytes()), -1);
    }
}

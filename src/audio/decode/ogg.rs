//! Where the sound in an Ogg stream begins and ends.
//!
//! A page says how many samples there are up to its end. The specification of Vorbis (appendix A.2) takes
//! samples away by that in two places alone: before time 0, where the first page of sound counts fewer
//! than are in it, and behind the last one's count. Between them pages may count as they like: ffmpeg's
//! are wrong by some hundreds of samples where it had the timestamps from another Ogg file. As libvorbis,
//! we take nothing off the end but from the last packet.

use symphonia::core::errors::Result;
use symphonia::core::formats::{FormatReader, Track};
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

/// What a page begins with.
const MARK: &[u8] = b"OggS";
/// How far from the end the last page may begin: a page has 65,307 bytes at most, and tags may follow.
const TAIL: usize = 256 * 1024;

/// Hands on a stream's packets one late. Symphonia marks samples to be cut off wherever a page counts
/// fewer than are in it; only the last packet keeps the mark.
#[derive(Default)]
pub(super) struct Packets {
    waiting: Option<Packet>,
    /// What the reader said after it.
    then: Option<Result<Option<Packet>>>,
}

impl Packets {
    /// The next packet of any track; those of others than `track` are not held back.
    pub(super) fn next(
        &mut self,
        reader: &mut dyn FormatReader,
        track: u32,
    ) -> Result<Option<Packet>> {
        loop {
            let next = self.then.take().unwrap_or_else(|| reader.next_packet());
            match (next, self.waiting.take()) {
                (Ok(Some(packet)), before) if packet.track_id != track => {
                    self.waiting = before;
                    return Ok(Some(packet));
                }
                (Ok(Some(packet)), before) => {
                    self.waiting = Some(packet);
                    if let Some(mut before) = before {
                        before.trim_end = Duration::ZERO;
                        return Ok(Some(before));
                    }
                }
                // The stream's last packet, before the end, a damage, or another stream.
                (end, Some(last)) => {
                    self.then = Some(end);
                    return Ok(Some(last));
                }
                (end, None) => return end,
            }
        }
    }
}

/// How many samples at the beginning are not to be heard, beside those that only prepare the decoder: an
/// encoder, or whoever cut the stream, counts from behind them.
pub(super) fn surplus_at_start(track: &Track) -> u64 {
    let before_zero = track.start_ts.get().min(0).unsigned_abs();
    track.delay.map_or(0, |delay| before_zero.saturating_sub(delay.into()))
}

/// Whether the last page of a track is not marked as such, or counts more samples than the track has:
/// then it is damaged itself.
pub(super) fn misses_end(bytes: &[u8], track: &Track) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let Some((is_last, granule)) = last_page(tail, Some(track.id)) else {
        // Another stream may follow.
        return last_page(tail, None).is_none_or(|(is_last, _)| !is_last);
    };
    let frames = track.num_frames.and_then(|frames| i64::try_from(frames).ok()).unwrap_or(i64::MAX);
    // A track begins below 0 where its first samples only prepare the decoder; they are not counted.
    !is_last || granule > frames.saturating_add(track.start_ts.get().max(0))
}

/// Whether the last page of the stream `serial`, or of any, says that it is, and how many samples end
/// with it.
fn last_page(bytes: &[u8], serial: Option<u32>) -> Option<(bool, i64)> {
    // 4 bytes of mark, version, flags, 8 of position, 4 of serial number: RFC 3533, section 6.
    let pages = bytes.windows(18).rev().filter(|page| page.starts_with(MARK));
    pages
        .map(|page| (page[5], number(&page[6..14]), number(&page[14..18])))
        .find(|(_, _, of)| serial.is_none_or(|serial| *of as u32 == serial))
        .map(|(flags, granule, _)| (flags & 4 != 0, granule))
}

/// A little-endian number.
fn number(bytes: &[u8]) -> i64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | i64::from(byte))
}

#[cfg(test)]
mod tests {
    use symphonia::core::units::Timestamp;

    use super::*;

    fn page(flags: u8, granule: i64, serial: u32) -> Vec<u8> {
        let mut page = [MARK, &[0, flags]].concat();
        page.extend(granule.to_le_bytes());
        page.extend(serial.to_le_bytes());
        page
    }

    #[test]
    fn what_is_counted_below_zero_is_surplus_but_for_the_delay() {
        let mut track = Track::new(7);
        track.with_start_ts(Timestamp::new(-1500));
        assert_eq!(surplus_at_start(&track), 0);
        track.with_delay(1024);
        assert_eq!(surplus_at_start(&track), 476);
        track.with_start_ts(Timestamp::new(9000));
        assert_eq!(surplus_at_start(&track), 0);
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
        assert!(misses_end(&page(0, 100, 8), &track));
        assert!(!misses_end(&page(4, 100, 8), &track));
        assert_eq!(number(&(-1_i64).to_le_bytes()), -1);
    }
}

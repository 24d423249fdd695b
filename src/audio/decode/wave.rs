//! WAV that was written into a pipe, and so could not say how long it would become.

/// Lengths from here on are none. ffmpeg writes 2³² − 1, sox and arecord about 2³¹.
const NO_LENGTH: u32 = 0x7fff_0000;
/// Where the first of the chunks is.
const FIRST_CHUNK: usize = 12;

/// The numbers to read in place of others, with their places, where the header says that the sound is
/// longer than any, or that there is none although bytes follow: its length then is what there is.
pub(super) fn lengths_in_pipe(bytes: &[u8]) -> Vec<(usize, [u8; 4])> {
    if !(bytes.starts_with(b"RIFF") && bytes.get(8..FIRST_CHUNK) == Some(b"WAVE")) {
        return Vec::new();
    }
    let Some((begin, length)) = data(bytes) else { return Vec::new() };
    let there = bytes.len() - begin;
    // Nothing is declared behind the header; an empty file with chunks behind the sound declares them.
    let is_before_all = number(bytes, 4).is_some_and(|riff| riff as usize + 8 <= begin);
    let is_unknown = length >= NO_LENGTH || length == 0 && is_before_all;
    if !is_unknown || there == 0 && length == 0 {
        return Vec::new();
    }
    // 2³² − 1 is how symphonia knows that the length of all is not known.
    let length = u32::try_from(there).unwrap_or(u32::MAX).min(u32::MAX - 1);
    vec![(4, u32::MAX.to_le_bytes()), (begin - 4, length.to_le_bytes())]
}

/// Where the sound begins, and how many bytes it says that it has.
fn data(bytes: &[u8]) -> Option<(usize, u32)> {
    let mut at = FIRST_CHUNK;
    loop {
        let length = number(bytes, at + 4)?;
        if bytes[at..].starts_with(b"data") {
            return Some((at + 8, length));
        }
        // Chunks begin at even places.
        at = at.checked_add(8)?.checked_add(length as usize)?.checked_next_multiple_of(2)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::decode::{Limits, Mix, Status, decode, probe};

    /// Half a second at 8,000 Hz, with these lengths of all and of the sound, and a chunk of text before it.
    fn wav(riff: u32, data: u32, samples: usize) -> Vec<u8> {
        let mut bytes =
            [b"RIFF", &riff.to_le_bytes()[..], b"WAVEfmt \x10\0\0\0\x01\0\x01\0"].concat();
        bytes.extend([8000_u32.to_le_bytes(), 16_000_u32.to_le_bytes()].concat());
        bytes.extend(b"\x02\0\x10\0LIST\x0e\0\0\0INFOISFT\x01\0\0\0S\0data");
        bytes.extend(data.to_le_bytes());
        bytes.extend((0..samples).flat_map(|i| ((i * 77 % 9000) as i16).to_le_bytes()));
        bytes
    }

    #[test]
    fn sound_from_a_pipe_is_whole_and_declares_no_length() {
        // ffmpeg, arecord, sox, Python's wave, gstreamer.
        let cases = [
            (u32::MAX, u32::MAX),
            (0x8000_0024, 0x8000_0000),
            (0x7fff_f024, 0x7fff_f000),
            (58, 0),
            (0, 0),
        ];
        for (riff, data) in cases {
            let bytes = wav(riff, data, 4000);
            let decoded = decode(&bytes, Mix::Mono, Limits::default());
            assert_eq!(decoded.outcome.status, Status::Ok, "{riff} {data}: {:?}", decoded.outcome);
            assert_eq!(decoded.mono().len(), 4000, "{riff} {data}");
            assert_eq!(probe(&bytes).unwrap().declared_s, None, "{riff} {data}");
            let half = decode(&bytes[..bytes.len() - 1], Mix::Mono, Limits::default());
            assert_eq!((half.outcome.status, half.mono().len()), (Status::Ok, 3999));
        }
    }

    #[test]
    fn lengths_that_are_there_are_believed() {
        let decoded = |bytes: &[u8]| decode(bytes, Mix::Mono, Limits::default()).outcome.status;
        assert_eq!(decoded(&wav(8058, 8000, 4000)), Status::Ok);
        assert_eq!(decoded(&wav(8058, 8000, 3000)), Status::Partial);
        // Without a sample, with a chunk behind it or not, from a pipe or not.
        assert_eq!(
            decoded(&[wav(70, 0, 0), b"note\x04\0\0\0text".to_vec()].concat()),
            Status::Empty
        );
        assert_eq!(decoded(&wav(58, 0, 0)), Status::Empty);
        assert_eq!(decoded(&wav(u32::MAX, u32::MAX, 0)), Status::Empty);
        for bytes in [&b"RIFF"[..], b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata\xff\xff", b"text"] {
            assert_eq!(lengths_in_pipe(bytes), vec![]);
        }
    }
}

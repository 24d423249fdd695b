//! What formats and codecs are called, and how files of known formats begin.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as id;

/// The name of a codec that cannot be decoded, where it is one that music is found in.
pub(super) fn unsupported_codec(codec: AudioCodecId) -> Option<&'static str> {
    Some(match codec {
        id::CODEC_ID_OPUS => "Opus",
        id::CODEC_ID_SPEEX => "Speex",
        id::CODEC_ID_MP1 => "MPEG layer 1",
        id::CODEC_ID_MP2 => "MPEG layer 2",
        id::CODEC_ID_AC3 => "AC-3",
        id::CODEC_ID_EAC3 => "E-AC-3",
        id::CODEC_ID_AC4 => "AC-4",
        id::CODEC_ID_DCA => "DTS",
        id::CODEC_ID_WMA => "WMA",
        id::CODEC_ID_ALAC => "ALAC",
        id::CODEC_ID_WAVPACK => "WavPack",
        _ => return None,
    })
}

/// Whether `bytes` begin as a file of a known format does.
pub(super) fn begins_as_known(bytes: &[u8]) -> bool {
    let at = |place: usize, mark: &[u8]| bytes.get(place..).is_some_and(|b| b.starts_with(mark));
    let is_mpeg = matches!(bytes, [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 6 != 0);
    let is_wave = at(0, b"RIFF") && (at(8, b"WAVE") || bytes.len() < 12);
    let is_adts = matches!(bytes, [0xff, second, ..] if second & 0xf6 == 0xf0);
    is_wave
        || is_mpeg
        || is_adts
        || at(4, b"ftyp")
        || at(0, b"fLaC")
        || at(0, b"OggS")
        || at(0, b"ID3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_tell_known_from_unknown() {
        let known: [&[u8]; 8] = [
            b"RIFF\0\0\0\0WAVE",
            b"RIFF",
            b"fLaC",
            b"OggS",
            b"ID3\x04",
            b"\0\0\0\x20ftypM4A ",
            &[0xff, 0xfb],
            &[0xff, 0xf1],
        ];
        assert!(known.iter().all(|bytes| begins_as_known(bytes)));
        let unknown: [&[u8]; 6] =
            [b"", b"RIFF\0\0\0\0AVI ", b"\x89PNG", &[0xff, 0xd8, 0xff], b"text", &[0xff]];
        assert!(!unknown.iter().any(|bytes| begins_as_known(bytes)));
    }
}

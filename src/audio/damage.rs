//! Files that are damaged in every way that comes to mind, always in the same ones.

/// A whole file, by name.
pub struct Whole {
    /// What it is, such as `flac`.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The encoded sounds in `tests/audio/`, by `fixtures.py` there, and WAV files made here.
pub fn whole_files() -> Vec<Whole> {
    let encoded: [(&str, &[u8]); 5] = [
        ("flac", include_bytes!("../../tests/audio/tone.flac")),
        ("mp3", include_bytes!("../../tests/audio/tone.mp3")),
        ("ogg", include_bytes!("../../tests/audio/tone.ogg")),
        ("m4a", include_bytes!("../../tests/audio/tone.m4a")),
        ("aac", include_bytes!("../../tests/audio/tone.aac")),
    ];
    let encoded = encoded.map(|(name, bytes)| Whole { name, bytes: bytes.to_vec() });
    let sound: Vec<f32> = (0..8000).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
    let integers =
        sound.iter().flat_map(|x| ((x * 32767.0) as i16).to_le_bytes()).collect::<Vec<_>>();
    let floats = sound.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    let wavs = [
        Whole { name: "wav16", bytes: wav(1, 2, 22050, 16, &integers) },
        Whole { name: "wav32f", bytes: wav(3, 1, 44100, 32, &floats) },
    ];
    encoded.into_iter().chain(wavs).collect()
}

/// A WAV file: kind 1 for integers, 3 for floats.
pub fn wav(kind: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels.wrapping_mul(bits / 8);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(kind.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// xorshift64*, for the same damage on every machine.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// The kinds of damage.
pub const KINDS: [&str; 10] =
    ["cut", "bits", "header", "zeros", "random", "tail", "joined", "absurd", "swapped", "empty"];

/// Input number `index`: which file, what damage, and the bytes.
pub fn damaged(files: &[Whole], index: u64) -> (&'static str, &'static str, Vec<u8>) {
    let mut random = Random::new(index);
    let file = &files[random.below(files.len())];
    let kind = KINDS[random.below(KINDS.len())];
    let mut bytes = file.bytes.clone();
    let length = bytes.len();
    match kind {
        "cut" => bytes.truncate(random.below(length)),
        "bits" => {
            for _ in 0..=random.below(64) {
                bytes[random.below(length)] ^= 1 << random.below(8);
            }
        }
        // Where formats tell what is in them.
        "header" => {
            for _ in 0..=random.below(8) {
                bytes[random.below(length.min(512))] = random.next() as u8;
            }
        }
        "zeros" => {
            let from = random.below(length);
            let to = from + random.below(length - from);
            bytes[from..to].fill(0);
        }
        "random" => {
            // Of every length, behind a right beginning of a few bytes or none.
            let keep = random.below(2) * random.below(64);
            bytes.truncate(keep);
            bytes
                .extend((0..random.below(20_000)).map(|_| random.next() as u8).collect::<Vec<_>>());
        }
        "tail" => {
            bytes.extend((0..random.below(5000)).map(|_| random.next() as u8).collect::<Vec<_>>())
        }
        "joined" => {
            bytes.truncate(random.below(length));
            let other = &files[random.below(files.len())].bytes;
            bytes.extend_from_slice(&other[random.below(other.len())..]);
        }
        "absurd" => absurd(&mut bytes, &mut random),
        "swapped" => {
            let size = 1 + random.below(length / 3);
            let (from, to) = (random.below(length - size), random.below(length - size));
            let part = bytes[from..from + size].to_vec();
            bytes[to..to + size].copy_from_slice(&part);
        }
        _ => bytes.truncate(random.below(2) * random.below(16)),
    }
    (file.name, kind, bytes)
}

/// Puts numbers that are as large as can be, or 0, into the headers: at a place that means a length, a
/// count or a rate in one of the formats, or any.
fn absurd(bytes: &mut [u8], random: &mut Random) {
    const VALUES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
    const MARKS: [&[u8]; 18] = [
        b"RIFF", b"fmt ", b"data", b"fLaC", b"OggS", b"vorbis", b"ID3", b"Info", b"Xing", b"moov",
        b"stsz", b"stts", b"stsc", b"stco", b"mdhd", b"esds", b"mp4a", b"mdat",
    ];
    for _ in 0..=random.below(3) {
        let mark = MARKS[random.below(MARKS.len())];
        let found = bytes.windows(mark.len()).position(|window| window == mark);
        let from =
            found.map_or_else(|| random.below(bytes.len().min(600)), |at| at.saturating_sub(4));
        let at = from + random.below(40);
        let value = VALUES[random.below(VALUES.len())].to_le_bytes();
        let size = [1, 2, 4][random.below(3)];
        for (place, value) in bytes.iter_mut().skip(at).zip(value).take(size) {
            *place = value;
        }
    }
}

//! The bytes of a file as symphonia reads them, with an end to patience.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// How many times over a file may be read. Headers and the ends of Ogg streams are sought for; damaged
/// ones could have a reader go back and forth without end.
const READS: u64 = 64;
/// Of small files more may be read.
const ALWAYS: u64 = 1 << 20;

/// Bytes that end after they were read too often.
pub(super) struct Source<'a> {
    bytes: Cursor<&'a [u8]>,
    /// Bytes to be read in place of others.
    patches: Vec<(usize, [u8; 4])>,
    left: u64,
    is_seekable: bool,
}

impl<'a> Source<'a> {
    /// Bytes that may be sought in, or only read in order.
    pub(super) fn new(bytes: &'a [u8], is_seekable: bool) -> Self {
        let left = (bytes.len() as u64).saturating_mul(READS).saturating_add(ALWAYS);
        Self { bytes: Cursor::new(bytes), patches: Vec::new(), left, is_seekable }
    }

    /// Has other bytes in some places, which need not be within the file.
    pub(super) fn patched(self, patches: Vec<(usize, [u8; 4])>) -> Self {
        Self { patches, ..self }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let begin = usize::try_from(self.bytes.position()).unwrap_or(usize::MAX);
        let count = self.bytes.read(&mut buffer[..most])?;
        self.left -= count as u64;
        for (at, patch) in &self.patches {
            for (place, byte) in (*at..).zip(patch) {
                let read =
                    place.checked_sub(begin).and_then(|place| buffer[..count].get_mut(place));
                read.into_iter().for_each(|read| *read = *byte);
            }
        }
        Ok(count)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // Looking at what follows costs a read even where there is nothing.
        self.left = self.left.saturating_sub(64);
        self.bytes.seek(to)
    }
}

impl MediaSource for Source<'_> {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.is_seekable.then_some(self.bytes.get_ref().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_read_in_place_of_what_is_there() {
        let mut source = Source::new(&[1; 10], true).patched(vec![(3, *b"abcd"), (8, *b"wxyz")]);
        let mut read = |from: u64, count: usize| {
            source.seek(SeekFrom::Start(from)).unwrap();
            let mut buffer = vec![0; count];
            let count = source.read(&mut buffer).unwrap();
            buffer[..count].to_vec()
        };
        assert_eq!(read(0, 20), b"\x01\x01\x01abcd\x01wx");
        assert_eq!(read(4, 2), b"bc");
        assert_eq!(read(6, 3), b"d\x01w");
        assert_eq!(read(20, 3), b"");
    }

    #[test]
    fn reading_ends_after_too_many_reads() {
        let bytes = [1; 1000];
        let mut source = Source::new(&bytes, true);
        let (mut buffer, mut total) = ([0; 1000], 0);
        for _ in 0..100_000 {
            source.rewind().unwrap();
            total += source.read(&mut buffer).unwrap() as u64;
        }
        assert!(total <= ALWAYS + 64 * 1000, "{total}");
        assert_eq!(source.byte_len(), Some(1000));
        assert_eq!(Source::new(&bytes, false).byte_len(), None);
    }
}

//! gzip on the way out: frame by frame, so that neither the page nor its compressed form ever exists whole.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Level 2 takes a quarter longer than level 1 for a third fewer bytes; level 6 takes five times as long as level 2 for a
/// seventh fewer (`benches/gzip.rs`).
const LEVEL: Compression = Compression::new(2);

/// Compresses what it iterates over.
pub(super) struct Gzip<I> {
    frames: I,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<I> Gzip<I> {
    /// The frames, compressed.
    pub(super) fn new(frames: I) -> Self {
        Self { frames, encoder: Some(GzEncoder::new(Vec::new(), LEVEL)) }
    }
}

impl<I: Iterator<Item = Bytes>> Iterator for Gzip<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            let encoder = self.encoder.as_mut()?;
            let Some(frame) = self.frames.next() else {
                return self.encoder.take()?.finish().ok().map(Bytes::from);
            };
            // Memory takes all that is written.
            encoder.write_all(&frame).ok()?;
            let compressed = std::mem::take(encoder.get_mut());
            if !compressed.is_empty() {
                return Some(Bytes::from(compressed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_compressed_reads_back_and_comes_in_pieces() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut series =
            |n: u32| format!("dbsession_sessions{{instance_id=\"rm-{n}\"}} {}\n", random.u32(..));
        let frames: Vec<Bytes> = (0..40)
            .map(|frame| (0..1000).map(|n| series(frame * 1000 + n)).collect::<Vec<_>>().concat().into())
            .collect();
        let pieces: Vec<Bytes> = Gzip::new(frames.iter().cloned()).collect();
        assert!(pieces.len() > 5, "{} pieces", pieces.len());
        let (whole, mut read) = (pieces.concat(), Vec::new());
        GzDecoder::new(whole.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, frames.concat());
        assert!(whole.len() * 2 < read.len(), "{} of {} bytes", whole.len(), read.len());
    }

    #[test]
    fn an_empty_page_is_still_a_gzip_stream() {
        let mut read = Vec::new();
        GzDecoder::new(Gzip::new(std::iter::empty()).collect::<Vec<_>>().concat().as_slice())
            .read_to_end(&mut read)
            .unwrap();
        assert!(read.is_empty());
    }
}

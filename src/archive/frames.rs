//! zstd in independent frames (RFC 8878): each can be decoded without the others.
//!
//! Writes a new frame where it is told to. Reads frames and nothing but frames: no skippable ones, nothing behind
//! the last. Does not know what is inside.

use std::io::{self, Read, Write};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};
use zstd::stream::write::Encoder;

use crate::archive::PIECE;

/// The level of compression: 3.8 times smaller at 56 MB/s on libraries, and no slower to decode than level 3.
const LEVEL: i32 = 9;

/// A frame is ended at the next cut once so many bytes went in.
const FRAME: u64 = 4 << 20;

/// The largest window that is decoded, as a power of two: a bound on memory. Level 9 writes 22.
const WINDOW: u32 = 25;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Compresses what is written to it into frames with a checksum each.
pub struct FrameWriter<'a> {
    /// `None` between two frames.
    encoder: Option<Encoder<'static, &'a mut dyn Write>>,
    out: Option<&'a mut dyn Write>,
    in_frame: u64,
}

impl<'a> FrameWriter<'a> {
    pub fn new(out: &'a mut dyn Write) -> FrameWriter<'a> {
        FrameWriter { encoder: None, out: Some(out), in_frame: 0 }
    }

    /// Ends the frame, if there is one.
    pub fn cut(&mut self) -> io::Result<()> {
        if let Some(encoder) = self.encoder.take() {
            self.out = Some(encoder.finish()?);
            self.in_frame = 0;
        }
        Ok(())
    }

    /// Ends the frame if it is large enough; called between entries.
    pub fn cut_if_full(&mut self) -> io::Result<()> {
        if self.in_frame >= FRAME { self.cut() } else { Ok(()) }
    }

    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            let mut encoder = Encoder::new(out, LEVEL)?;
            encoder.include_checksum(true)?;
            self.encoder = Some(encoder);
        }
        if let Some(encoder) = &mut self.encoder {
            encoder.write_all(bytes)?;
            self.in_frame += bytes.len() as u64;
        }
        Ok(())
    }
}

/// Decodes frames. Damage is `InvalidData`, an early end `UnexpectedEof`, what is no frame `InvalidInput`.
pub struct FrameReader<R> {
    inner: R,
    decoder: Decoder<'static>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_in_frame: bool,
    is_at_end: bool,
}

impl<R: Read> FrameReader<R> {
    pub fn new(inner: R) -> io::Result<FrameReader<R>> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW))?;
        let buffer = vec![0; PIECE];
        Ok(FrameReader { inner, decoder, buffer, start: 0, end: 0, is_in_frame: false, is_at_end: false })
    }

    /// Reads more behind what is left, if anything comes.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let count = loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += count;
        self.is_at_end = count == 0;
        Ok(())
    }

    /// Whether another frame starts here; an error if something else does.
    fn starts_frame(&mut self) -> io::Result<bool> {
        while self.end - self.start < MAGIC.len() && !self.is_at_end {
            self.fill()?;
        }
        match &self.buffer[self.start..self.end] {
            [] => Ok(false),
            rest if rest.starts_with(&MAGIC) => Ok(true),
            rest if MAGIC.starts_with(rest) => Err(io::ErrorKind::UnexpectedEof.into()),
            // Another kind than damage inside a frame, as flate2 does it for gzip.
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "something else than a zstd frame follows")),
        }
    }
}

impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_in_frame {
                if !self.starts_frame()? {
                    return Ok(0);
                }
                self.is_in_frame = true;
            }
            if self.start == self.end && !self.is_at_end {
                self.fill()?;
            }
            let mut input = InBuffer::around(&self.buffer[self.start..self.end]);
            let mut output = OutBuffer::around(&mut *out);
            let left = self.decoder.run(&mut input, &mut output);
            let (taken, given) = (input.pos(), output.pos());
            // zstd's errors are of its own making: what it read is damaged.
            let left = left.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            self.start += taken;
            self.is_in_frame = left != 0;
            if given > 0 {
                return Ok(given);
            }
            if taken == 0 && self.is_in_frame && self.is_at_end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = FrameWriter::new(&mut out);
        for part in parts {
            writer.write_all(part).unwrap();
            writer.cut().unwrap();
        }
        out
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        FrameReader::new(bytes)?.read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn frames_are_read_one_after_another_to_the_very_end() {
        let bytes = framed(&[b"one", b"", &[7; 100_000]]);
        assert_eq!(read(&bytes).unwrap(), [b"one".as_slice(), &[7; 100_000]].concat());
        assert_eq!(read(b"").unwrap(), b"");
    }

    #[test]
    fn what_is_no_frame_or_is_cut_is_an_error() {
        let whole = framed(&[b"one", b"two"]);
        let one = framed(&[b"one"]).len();
        for end in (1..whole.len()).filter(|end| *end != one) {
            assert_eq!(read(&whole[..end]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
        // A skippable frame, zeros, text.
        for tail in [&b"\x50\x2a\x4d\x18\x00\x00\x00\x00"[..], &[0; 8], b"x"] {
            let bytes = [&whole[..], tail].concat();
            assert_eq!(read(&bytes).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{tail:?}");
        }
    }
}

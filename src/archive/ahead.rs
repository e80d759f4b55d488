//! Reads a stream ahead on a thread of its own, so that decoding goes on while files are written.
//!
//! Holds a fixed number of pieces; does not know what goes by.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;

use crate::archive::PIECE;

/// How many pieces wait at most.
const WAITING: usize = 4;

/// The other end of a stream that is read ahead.
pub struct Ahead {
    full: Receiver<io::Result<Vec<u8>>>,
    /// Pieces go back to be filled again.
    empty: Sender<Vec<u8>>,
    piece: Vec<u8>,
    start: usize,
    is_at_end: bool,
}

/// Runs `work` while another thread reads `inner`; what was read and not taken is lost when `work` is done.
pub fn read_ahead<T>(mut inner: impl Read + Send, work: impl FnOnce(&mut Ahead) -> T) -> T {
    thread::scope(|scope| {
        let (full_sender, full) = sync_channel(WAITING);
        let (empty, empties) = channel::<Vec<u8>>();
        scope.spawn(move || {
            loop {
                let mut piece = empties.try_recv().unwrap_or_default();
                let result = fill(&mut inner, &mut piece);
                let is_last = result.is_err() || piece.is_empty();
                // What came before an error goes first. Nobody listens any more when `work` has ended early.
                if full_sender.send(Ok(piece)).is_err() {
                    return;
                }
                if let Err(error) = result {
                    // The same: there may be no listener.
                    let _ = full_sender.send(Err(error));
                }
                if is_last {
                    return;
                }
            }
        });
        let mut ahead = Ahead { full, empty, piece: Vec::new(), start: 0, is_at_end: false };
        work(&mut ahead)
    })
}

/// Fills a piece as far as the stream goes.
fn fill(inner: &mut impl Read, piece: &mut Vec<u8>) -> io::Result<()> {
    piece.resize(PIECE, 0);
    let mut count = 0;
    let result = loop {
        if count == PIECE {
            break Ok(());
        }
        match inner.read(&mut piece[count..]) {
            Ok(0) => break Ok(()),
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    piece.truncate(count);
    result
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.start == self.piece.len() && !self.is_at_end {
            // The thread is gone after it has sent the end, or an error.
            let Ok(next) = self.full.recv() else {
                self.is_at_end = true;
                break;
            };
            let used = std::mem::replace(&mut self.piece, next?);
            self.start = 0;
            // The thread may have come to its end and gone.
            let _ = self.empty.send(used);
        }
        let count = out.len().min(self.piece.len() - self.start);
        out[..count].copy_from_slice(&self.piece[self.start..self.start + count]);
        self.start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `left` bytes, then an error.
    struct Failing {
        left: usize,
    }

    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(self.left);
            self.left -= count;
            out[..count].fill(7);
            if count == 0 { Err(io::ErrorKind::InvalidData.into()) } else { Ok(count) }
        }
    }

    #[test]
    fn everything_before_an_error_comes_and_then_the_error() {
        for left in [0, 1, PIECE, 9 * PIECE + 5] {
            let mut bytes = Vec::new();
            let result = read_ahead(Failing { left }, |ahead| ahead.read_to_end(&mut bytes));
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(bytes.len(), left);
        }
    }

    #[test]
    fn work_may_end_before_the_stream_does() {
        let mut first = [0; 3];
        read_ahead(io::repeat(5), |ahead| ahead.read_exact(&mut first)).unwrap();
        assert_eq!(first, [5; 3]);
    }
}

//! Whether an answer comes fast enough to be worth waiting for.
//!
//! Does not look at a clock: who reads says how much came and when.

use std::time::Duration;

/// A stream that gives fewer bytes a second over a whole window is broken off, and resumed elsewhere or later.
const SLOWEST: u64 = 1 << 10;

/// The bytes of one window of time.
pub(super) struct Pace {
    window: Duration,
    started: Duration,
    bytes: u64,
}

impl Pace {
    /// A pace that is judged whenever this much time is over.
    pub(super) fn new(window: Duration) -> Pace {
        Pace { window, started: Duration::ZERO, bytes: 0 }
    }

    /// Takes note of bytes at a time since the start; whether the window that ended with them was too slow.
    pub(super) fn is_too_slow(&mut self, bytes: u64, now: Duration) -> bool {
        self.bytes += bytes;
        let over = now.saturating_sub(self.started);
        if over < self.window {
            return false;
        }
        let is_slow = self.bytes < SLOWEST.saturating_mul(over.as_secs().max(1));
        (self.started, self.bytes) = (now, 0);
        is_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trickle_is_too_slow_and_a_slow_line_is_not() {
        let at = Duration::from_secs;
        let mut pace = Pace::new(at(30));
        assert!((1..30).all(|second| !pace.is_too_slow(100, at(second))));
        assert!(pace.is_too_slow(100, at(30)));
        let mut pace = Pace::new(at(30));
        assert!((1..600).all(|second| !pace.is_too_slow(2 << 10, at(second))));
        // A pause within one window is none of its business.
        assert!(!pace.is_too_slow(60 << 10, at(630)));
    }
}

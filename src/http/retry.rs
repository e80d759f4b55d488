//! How often and after how long a failed request is tried again.
//!
//! Does not send requests.

use std::thread;
use std::time::Duration;

use crate::http::error::HttpError;
use crate::model::digest::Digest;

/// How often a request is tried again after it failed.
const RETRIES: u32 = 4;

/// The wait before the first retry; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait that a server may ask for with `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// So many bytes of progress make the count start anew: a long download may break often.
const PROGRESS: u64 = 1 << 20;

/// The retries of one request.
pub(super) struct Patience {
    used: u32,
    progress: u64,
    /// 0 to 255, different for each address and process, so that many machines do not knock all at once.
    jitter: u32,
}

impl Patience {
    pub(super) fn new(url: &str) -> Patience {
        let seed = Digest::of(format!("{} {url}", std::process::id()).as_bytes()).short(2);
        Patience { used: 0, progress: 0, jitter: u32::from_str_radix(&seed, 16).unwrap_or(0) }
    }

    /// Takes note of bytes that came before the failure.
    pub(super) fn progressed(&mut self, bytes: u64) {
        self.progress = self.progress.saturating_add(bytes);
        if self.progress >= PROGRESS {
            (self.used, self.progress) = (0, 0);
        }
    }

    /// Whether the failure may pass and a retry is left.
    pub(super) fn allows(&self, error: &HttpError) -> bool {
        self.used < RETRIES && error.may_pass()
    }

    /// Waits for the next try.
    pub(super) fn wait(&mut self, error: &HttpError) {
        thread::sleep(self.next_wait(error));
        self.used += 1;
    }

    fn next_wait(&self, error: &HttpError) -> Duration {
        if let HttpError::Status { retry_after: Some(seconds), .. } = error {
            return Duration::from_secs(*seconds).min(LONGEST_WAIT);
        }
        let plain = FIRST_WAIT * 2_u32.pow(self.used);
        plain + plain * self.jitter / 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> HttpError {
        HttpError::Status { url: "http://host/".to_owned(), status, retry_after }
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let mut patience = Patience::new("http://host/");
        assert!(patience.allows(&status(503, None)) && patience.allows(&status(429, None)));
        assert!(!patience.allows(&status(403, None)) && !patience.allows(&status(400, None)));
        patience.used = RETRIES;
        assert!(!patience.allows(&status(503, None)));
        patience.progressed(PROGRESS);
        assert!(patience.allows(&status(503, None)));
    }

    #[test]
    fn waits_grow_and_follow_the_server_within_bounds() {
        let mut patience = Patience { used: 0, progress: 0, jitter: 255 };
        assert!(patience.next_wait(&status(503, None)) < FIRST_WAIT * 2);
        patience.used = 3;
        assert!(patience.next_wait(&status(503, None)) >= FIRST_WAIT * 8);
        assert_eq!(patience.next_wait(&status(429, Some(7))), Duration::from_secs(7));
        assert_eq!(patience.next_wait(&status(429, Some(86_400))), LONGEST_WAIT);
    }
}

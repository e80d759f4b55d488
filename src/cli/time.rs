//! Times as people write and read them: `14d`, `2h 30m`, `2026-12-05 18:00 UTC`.
//!
//! The only file that knows jiff.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::fmt::friendly::SpanParser;
use jiff::{SignedDuration, SpanRelativeTo, Timestamp};

/// The time of this run, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Reads a duration such as `14d`, `2h`, `1h 30m`; gives seconds. A day has 24 hours.
///
/// # Errors
/// A sentence for clap, for what is no duration or a negative one.
pub fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no duration such as `14d` or `2h`");
    let span = SpanParser::new().parse_span(text).map_err(|_| wrong())?;
    let duration: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    u64::try_from(duration.as_secs()).map_err(|_| wrong())
}

/// A time in seconds since 1970 as RFC 3339 writes it: `2026-12-01T18:00:00Z`; one that has no date as 1970.
pub fn rfc3339(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time in seconds since 1970, as a date and the minute, in UTC.
pub fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_dates_written() {
        for (text, expected) in [("14d", 1_209_600), ("2h", 7200), ("1h 30m", 5400), ("90s", 90), ("0s", 0)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "14", "soon", "-2h", "1 month", "99999999999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(1_796_148_000), "2026-12-01 18:00 UTC");
        assert!(date(u64::MAX).ends_with("after 1970"));
    }
}

//! Times as people, servers and standards write them: `14d`, `2026-12-05 18:00 UTC`, `2026-12-05T18:00:00Z`. Pure.
//!
//! The only room that knows jiff. Does not look at a clock; `host::now` does.

use jiff::fmt::friendly::SpanParser;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, SpanRelativeTo, Timestamp};

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

/// A time in seconds since 1970, as a date and the minute, in UTC.
pub fn date(seconds: u64) -> String {
    let time = timestamp(seconds);
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// A time in seconds since 1970 as RFC 3339 writes it: `2026-12-01T18:00:00Z`; one that has no date as 1970.
pub fn rfc3339(seconds: u64) -> String {
    timestamp(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The same in the basic format of ISO 8601: `20261201T180000Z`.
pub fn basic(seconds: u64) -> String {
    timestamp(seconds).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Seconds since 1970 of `2026-11-21T18:45:52.123Z` (RFC 3339, in UTC) or `Sat, 21 Nov 2026 18:45:52 GMT` (RFC 9110, 5.6.7).
pub fn parse(text: &str) -> Option<u64> {
    let time = match text.contains(", ") {
        true => rfc2822::DateTimeParser::new().parse_timestamp(text).ok(),
        false => format!("{}Z", text.trim_end_matches('Z')).parse::<Timestamp>().ok(),
    };
    u64::try_from(time?.as_second()).ok()
}

fn timestamp(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
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

    #[test]
    fn dates_go_both_ways() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_440_938_160, "2015-08-30T12:36:00Z"),
            (1_795_286_752, "2026-11-21T18:45:52Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(parse(text), Some(seconds));
        }
        assert_eq!(basic(1_440_938_160), "20150830T123600Z");
        assert_eq!(parse("Sat, 21 Nov 2026 18:45:52 GMT"), Some(1_795_286_752));
        assert_eq!(parse("2026-11-21T18:45:52.123Z"), Some(1_795_286_752));
        assert!(
            ["", "T", "yesterday", "2026-13-01T00:00:00Z", "a, b", "-1-1-1T1:1:1"]
                .iter()
                .all(|text| parse(text).is_none())
        );
    }
}

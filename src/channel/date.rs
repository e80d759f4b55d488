//! Dates as servers write them, to and from seconds since 1970.
//!
//! Does not look at a clock.

/// Days from 1970-01-01 to a day of the Gregorian calendar (the year begins in March, so that leap days come last).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, month and day that are so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Seconds since 1970 of `2026-11-21T18:45:52.123Z` (RFC 3339) or `Sat, 21 Nov 2026 18:45:52 GMT` (RFC 9110, 5.6.7).
pub(super) fn parse(text: &str) -> Option<u64> {
    let number = |text: &str| text.parse::<i64>().ok();
    let (year, month, day, time) = match text.split_once(", ") {
        Some((_, rest)) => {
            let parts: Vec<&str> = rest.split(' ').collect();
            let [day, month, year, time, "GMT"] = parts[..] else { return None };
            let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = i64::try_from(names.iter().position(|name| *name == month)?).ok()? + 1;
            (number(year)?, month, number(day)?, time)
        }
        None => {
            let (date, time) = text.split_once('T')?;
            let mut parts = date.split('-').map(number);
            let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
            (year, month, day, time.trim_end_matches('Z').split('.').next()?)
        }
    };
    let mut parts = time.split(':').map(number);
    let seconds = parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??;
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && (1970..10_000).contains(&year);
    is_date.then(|| u64::try_from(days(year, month, day) * 86_400 + seconds).ok()).flatten()
}

/// Writes `20261121T184552Z` (ISO 8601, basic).
pub(super) fn basic(seconds: u64) -> String {
    extended(seconds).replace(['-', ':'], "")
}

/// Writes `2026-11-21T18:45:52Z` (RFC 3339).
pub(super) fn extended(seconds: u64) -> String {
    let (days, rest) = (i64::try_from(seconds / 86_400).unwrap_or(0), seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_440_938_160, "2015-08-30T12:36:00Z"),
            (1_795_286_752, "2026-11-21T18:45:52Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(extended(seconds), text);
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

//! Why a request did not end well, as facts; nothing secret of an address is kept.
//!
//! The words for the user are in `cli/failure/http.rs`.

use std::error::Error;

use reqwest::Url;

/// Why a request did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The client could not be made.
    #[error("no HTTP client: {reason}")]
    Client { reason: String },
    /// No address, or of another scheme.
    #[error("{url}: {reason}")]
    Address { url: String, reason: String },
    /// An `https:` address on a system without certificate authorities.
    #[error("{url}: no certificate authority is known: {reason}")]
    NoAuthorities { url: String, reason: String },
    /// No connection came about, or it is not to be trusted.
    #[error("{url}: {reason}")]
    Unreachable { url: String, reason: String },
    /// The connection broke, or stalled, within the answer.
    #[error("{url}: the answer broke off: {reason}")]
    Broken { url: String, reason: String },
    /// The server's answer is a refusal or an error; `retry_after` in seconds.
    #[error("{url}: the server answered {status}")]
    Status { url: String, status: u16, retry_after: Option<u64> },
    #[error("{url}: {reason}")]
    Redirect { url: String, reason: RedirectFault },
    /// More bytes than the object may have.
    #[error("{url}: it is larger than {limit} bytes")]
    TooLarge { url: String, limit: u64 },
    /// What came could not be written.
    #[error("{url}: what came could not be written: {reason}")]
    File { url: String, reason: String },
}

impl HttpError {
    /// The address that was asked, without secrets.
    pub fn url(&self) -> Option<&str> {
        match self {
            HttpError::Client { .. } => None,
            HttpError::Address { url, .. }
            | HttpError::NoAuthorities { url, .. }
            | HttpError::Unreachable { url, .. }
            | HttpError::Broken { url, .. }
            | HttpError::Status { url, .. }
            | HttpError::Redirect { url, .. }
            | HttpError::TooLarge { url, .. }
            | HttpError::File { url, .. } => Some(url),
        }
    }

    /// Whether the same request may do better a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            HttpError::Unreachable { reason, .. } => !reason.contains("certificate"),
            HttpError::Broken { .. } => true,
            HttpError::Status { status, .. } => is_passing(*status),
            _ => false,
        }
    }

    pub(super) fn of(address: &Url, error: &reqwest::Error) -> HttpError {
        let url = redact(address.as_str());
        HttpError::Unreachable { url, reason: innermost(error) }
    }
}

/// Whether a status says that the same request may do better later (RFC 9110, 15.5.9 and 15.6; RFC 6585, 4).
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429) || status >= 500 && status != 501
}

/// Why a redirect was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    #[error("it redirects too often")]
    TooMany,
    #[error("it redirects from https to http")]
    Downgrade,
}

/// The address without user, password and query values, which may be secrets.
pub fn redact(url: &str) -> String {
    let (head, query) = url.split_once('?').map_or((url, ""), |(head, _)| (head, "?…"));
    let Some((scheme, rest)) = head.split_once("://") else { return format!("{head}{query}") };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}{query}")
}

/// The sentence of the first cause, which says most; reqwest's own repeat the address with its secrets.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    // An io::Error around another error hides it from `source`.
    let hidden = cause.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
    match hidden {
        Some(hidden) => innermost(hidden),
        None if cause.is::<reqwest::Error>() => "the server did not answer in time".to_owned(),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacted_addresses_hold_no_user_and_no_query() {
        for (url, expected) in [
            ("https://ada:secret@deps.example.org/a/b", "https://deps.example.org/a/b"),
            ("https://deps.example.org/a?token=secret", "https://deps.example.org/a?…"),
            ("https://a@b:c@host/x", "https://host/x"),
            ("http://host", "http://host"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(redact(url), expected);
        }
    }
}

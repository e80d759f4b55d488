//! One request as a kind of channel words it, and the answer to it.
//!
//! Does not send (`mod.rs`).

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::http::netrc::{self, Login};
use crate::model::digest::Digest;
use crate::percent::decoded;

/// A name and a value of the head of a request.
pub type Header = (String, String);

/// What is asked of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Put,
    Post,
    Delete,
    /// Gives an object another name (RFC 4918, 9.9).
    Move,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
            Method::Move => "MOVE",
        }
    }
}

/// What is sent along.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    Empty,
    Bytes(&'a [u8]),
    /// A whole file, with the digest of its bytes.
    File {
        path: &'a Path,
        size: u64,
        digest: Digest,
    },
}

impl Body<'_> {
    /// In bytes.
    pub fn size(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File { size, .. } => *size,
        }
    }

    pub fn digest(&self) -> Digest {
        match self {
            Body::Empty => Digest::of(b""),
            Body::Bytes(bytes) => Digest::of(bytes),
            Body::File { digest, .. } => *digest,
        }
    }

    /// How long sending it may take, at the slowest line that is taken.
    pub(super) fn sending_time(&self) -> Duration {
        Duration::from_secs(self.size() >> 15)
    }

    pub(super) fn to_reqwest(self) -> std::io::Result<Option<reqwest::blocking::Body>> {
        Ok(match self {
            Body::Empty => None,
            Body::Bytes(bytes) => Some(bytes.to_vec().into()),
            Body::File { path, size, .. } => {
                let file: File = fs_err::File::open(path)?.into_parts().0;
                Some(reqwest::blocking::Body::sized(file.take(size), size))
            }
        })
    }
}

/// One request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: Method,
    pub url: &'a str,
    pub headers: &'a [Header],
    /// What proves who asks, made anew for each try; it goes to no other host than that of `url`.
    pub secrets: &'a dyn Fn() -> Vec<Header>,
    pub body: Body<'a>,
    /// Whether it is sent again when its failure may pass.
    pub is_once: bool,
}

impl<'a> Request<'a> {
    /// A request without headers, secrets and a body.
    pub fn new(method: Method, url: &'a str) -> Request<'a> {
        Request { method, url, headers: &[], secrets: &Vec::new, body: Body::Empty, is_once: false }
    }

    #[must_use]
    pub fn headers(self, headers: &'a [Header]) -> Request<'a> {
        Request { headers, ..self }
    }

    #[must_use]
    pub fn secrets(self, secrets: &'a dyn Fn() -> Vec<Header>) -> Request<'a> {
        Request { secrets, ..self }
    }

    /// For what must not be done twice.
    #[must_use]
    pub fn once(self) -> Request<'a> {
        Request { is_once: true, ..self }
    }

    #[must_use]
    pub fn body(self, body: Body<'a>) -> Request<'a> {
        Request { body, ..self }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method.name(), crate::http::redact(self.url))
    }
}

/// The answer to a request, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub(super) head: HeaderMap,
    pub body: Vec<u8>,
    /// Where it came from, after redirects.
    pub url: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)?.to_str().ok()
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn is_absent(&self) -> bool {
        matches!(self.status, 404 | 410)
    }

    /// The length that the head tells, in bytes.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }
}

/// The header of a user and a password (RFC 7617).
pub fn basic(user: &str, password: &str) -> Header {
    use base64::Engine as _;
    let code = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    ("authorization".to_owned(), format!("Basic {code}"))
}

/// Base64 as text, if it is that.
pub fn from_base64(code: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(code.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

/// The login for a plain address: the one that stands in it, else that of the netrc file.
pub fn login_for(url: &str) -> Vec<Header> {
    let Ok(address) = reqwest::Url::parse(url) else { return Vec::new() };
    let login = match (address.username(), address.password()) {
        ("", None) => address.host_str().and_then(netrc::login),
        (user, password) => Some(Login { user: decoded(user), password: decoded(password.unwrap_or_default()) }),
    };
    login.map(|login| basic(&login.user, &login.password)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_of_an_address_becomes_a_header() {
        let expected = ("authorization".to_owned(), "Basic YWRhOnA6d0A=".to_owned());
        assert_eq!(login_for("https://ada:p%3Aw%40@host/x"), [expected]);
        assert!(login_for("nonsense").is_empty());
    }
}

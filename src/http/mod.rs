//! Fetches over HTTP(S): connections, redirects, retries, resumed downloads, limits; the only room that knows reqwest.
//!
//! Does not know channels or sources, and checks no digest: who asks for bytes says what they must be.

mod error;
mod retry;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{StatusCode, Url};

pub use crate::http::error::{HttpError, RedirectFault, redact};
use crate::http::retry::Patience;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may say nothing, before its answer or within it. There is no limit on the whole.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A client that keeps its connections; proxies and CA files are those of the environment, as curl's users know them
/// (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`, `SSL_CERT_DIR`).
#[derive(Debug)]
pub struct Client {
    inner: reqwest::blocking::Client,
    /// Why no certificate authority is known, on a system that has none: plain `http:` still works.
    roots_fault: Option<String>,
}

impl Client {
    /// A client with the proxy and CA settings of the environment.
    ///
    /// # Errors
    /// [`HttpError::Client`] when the environment's proxy settings cannot be used.
    pub fn new() -> Result<Client, HttpError> {
        // A second call finds the provider in place, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let fault = |error: &reqwest::Error| HttpError::Client { reason: error::innermost(error) };
        match builder().build() {
            Ok(inner) => Ok(Client { inner, roots_fault: None }),
            Err(with_roots) => {
                // A slim container has no CA certificates; what is served over plain http needs none.
                let bare = builder().tls_certs_only([]).build().map_err(|error| fault(&error))?;
                Ok(Client { inner: bare, roots_fault: Some(error::innermost(&with_roots)) })
            }
        }
    }

    /// Gets a small object; `None` where the server has none (404, 410).
    ///
    /// # Errors
    /// [`HttpError`] for every other answer, and for a body of more than `limit` bytes.
    pub fn get(&self, url: &str, limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        let address = self.address(url)?;
        let mut patience = Patience::new(url);
        loop {
            match self.get_once(&address, limit) {
                Err(error) if patience.allows(&error) => patience.wait(&error),
                other => return other,
            }
        }
    }

    fn get_once(&self, address: &Url, limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        let response = self.inner.get(address.clone()).send().map_err(|error| HttpError::of(address, &error))?;
        let Some(mut response) = found(address, response)? else { return Ok(None) };
        let too_large = || HttpError::TooLarge { url: redact(address.as_str()), limit };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        let reader = &mut response;
        reader.take(limit.saturating_add(1)).read_to_end(&mut body).map_err(|error| broken(address, &error))?;
        if body.len() as u64 > limit { Err(too_large()) } else { Ok(Some(body)) }
    }

    /// Appends an object to a file, resuming after a broken connection; `on_bytes` hears the count so far.
    /// Gives the count of bytes in the file. `None` where the server has none (404, 410).
    ///
    /// What the file holds already is taken as the start of the object: who calls checks a digest afterwards.
    ///
    /// # Errors
    /// [`HttpError`] for every other answer, and for more than `limit` bytes.
    pub fn download(
        &self,
        url: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, HttpError> {
        let address = self.address(url)?;
        let mut patience = Patience::new(url);
        let mut download = Download { address: &address, into, limit, validator: None, is_first: true };
        loop {
            let before = download.length()?;
            match download.run(&self.inner, on_bytes) {
                Err(error) => {
                    patience.progressed(download.length()?.saturating_sub(before));
                    if !patience.allows(&error) {
                        return Err(error);
                    }
                    patience.wait(&error);
                }
                done => return done,
            }
        }
    }

    fn address(&self, url: &str) -> Result<Url, HttpError> {
        let wrong = |reason: String| HttpError::Address { url: redact(url), reason };
        let address = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        match (address.scheme(), &self.roots_fault) {
            ("https", Some(reason)) => Err(HttpError::NoAuthorities { url: redact(url), reason: reason.clone() }),
            ("http" | "https", _) => Ok(address),
            (other, _) => Err(wrong(format!("`{other}:` is neither `http:` nor `https:`"))),
        }
    }
}

/// One object on its way into a file, over as many requests as it takes.
struct Download<'a> {
    address: &'a Url,
    into: &'a mut File,
    limit: u64,
    /// What proves that a later answer is about the same bytes (RFC 9110, 13.1.5).
    validator: Option<HeaderValue>,
    is_first: bool,
}

impl Download<'_> {
    fn length(&mut self) -> Result<u64, HttpError> {
        self.into.seek(SeekFrom::End(0)).map_err(|error| self.local(&error))
    }

    fn run(
        &mut self,
        client: &reqwest::blocking::Client,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, HttpError> {
        let mut have = self.length()?;
        if have > 0 && !self.is_first && self.validator.is_none() {
            // Without a validator the rest could be another object's.
            have = self.restart()?;
        }
        self.is_first = false;
        let mut request = client.get(self.address.clone());
        if have > 0 {
            request = request.header(RANGE, format!("bytes={have}-"));
            if let Some(validator) = &self.validator {
                request = request.header(IF_RANGE, validator.clone());
            }
        }
        let response = request.send().map_err(|error| HttpError::of(self.address, &error))?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && have > 0 {
            // What is here is at least as long as the object: it is another one, or whole; asked anew it is sure.
            self.restart()?;
            return Err(HttpError::Broken {
                url: redact(self.address.as_str()),
                reason: "the range is gone".to_owned(),
            });
        }
        let Some(response) = found(self.address, response)? else { return Ok(None) };
        if response.status() != StatusCode::PARTIAL_CONTENT || range_start(response.headers()) != Some(have) {
            have = self.restart()?;
            if response.status() == StatusCode::PARTIAL_CONTENT {
                return Err(HttpError::Broken {
                    url: redact(self.address.as_str()),
                    reason: "the server sent another range".to_owned(),
                });
            }
        }
        self.validator = validator(response.headers());
        self.copy(response, have, on_bytes).map(Some)
    }

    fn copy(&mut self, mut response: Response, have: u64, on_bytes: &mut dyn FnMut(u64)) -> Result<u64, HttpError> {
        let too_large = HttpError::TooLarge { url: redact(self.address.as_str()), limit: self.limit };
        let mut count = have;
        if response.content_length().is_some_and(|rest| count.saturating_add(rest) > self.limit) {
            return Err(too_large);
        }
        let mut buffer = vec![0; 128 << 10];
        loop {
            let read = response.read(&mut buffer).map_err(|error| broken(self.address, &error))?;
            if read == 0 {
                return Ok(count);
            }
            count += read as u64;
            if count > self.limit {
                return Err(too_large);
            }
            self.into.write_all(&buffer[..read]).map_err(|error| self.local(&error))?;
            on_bytes(count);
        }
    }

    fn restart(&mut self) -> Result<u64, HttpError> {
        self.into.set_len(0).and_then(|()| self.into.rewind()).map_err(|error| self.local(&error))?;
        Ok(0)
    }

    fn local(&self, error: &std::io::Error) -> HttpError {
        HttpError::File { url: redact(self.address.as_str()), reason: error.to_string() }
    }
}

fn builder() -> reqwest::blocking::ClientBuilder {
    let policy = reqwest::redirect::Policy::custom(|attempt| {
        let is_downgrade = attempt.url().scheme() == "http"
            && attempt.previous().last().is_some_and(|previous| previous.scheme() == "https");
        if is_downgrade {
            attempt.error(error::RedirectFault::Downgrade)
        } else if attempt.previous().len() > REDIRECTS {
            attempt.error(error::RedirectFault::TooMany)
        } else {
            attempt.follow()
        }
    });
    let mut headers = HeaderMap::new();
    // A transformed body would break lengths, ranges and digests.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    reqwest::blocking::Client::builder()
        .user_agent(concat!("tagalong/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT)
        // The blocking client counts this anew for the answer's head and for each read: a stall, not a total.
        .timeout(STALL_TIMEOUT)
        .referer(false)
        .redirect(policy)
}

/// The answer, when it is one with a body; `None` where the server has no such object.
fn found(address: &Url, response: Response) -> Result<Option<Response>, HttpError> {
    let status = response.status();
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
        return Ok(None);
    }
    if matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        return Ok(Some(response));
    }
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    Err(HttpError::Status { url: redact(address.as_str()), status: status.as_u16(), retry_after })
}

fn broken(address: &Url, error: &std::io::Error) -> HttpError {
    HttpError::Broken { url: redact(address.as_str()), reason: error::innermost(error) }
}

/// A strong entity tag, else the date of the last change.
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let strong = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    strong.or_else(|| headers.get(LAST_MODIFIED)).cloned()
}

/// The first byte that `Content-Range: bytes 100-199/200` tells.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

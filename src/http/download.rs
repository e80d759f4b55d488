//! One object on its way into a file, over as many requests as it takes.
//!
//! Does not decide how often is tried (`retry.rs`), and checks no digest.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, LAST_MODIFIED};
use reqwest::{StatusCode, Url};

use crate::http::error::HttpError;
use crate::http::request::{Header, Request};
use crate::http::{Client, Steady, broken, found, redact};

/// One object on its way into a file, over as many requests as it takes.
pub(super) struct Download<'a> {
    address: &'a Url,
    into: &'a mut File,
    limit: u64,
    /// What proves that a later answer is about the same bytes (RFC 9110, 13.1.5).
    validator: Option<String>,
    is_first: bool,
}

impl<'a> Download<'a> {
    pub(super) fn new(address: &'a Url, into: &'a mut File, limit: u64) -> Download<'a> {
        Download { address, into, limit, validator: None, is_first: true }
    }

    pub(super) fn length(&mut self) -> Result<u64, HttpError> {
        self.into.seek(SeekFrom::End(0)).map_err(|error| self.local(&error))
    }

    /// Asks for what is missing, once.
    pub(super) fn run(
        &mut self,
        client: &Client,
        request: &Request,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, HttpError> {
        let mut have = self.length()?;
        if have > 0 && !self.is_first && self.validator.is_none() {
            // Without a validator the rest could be another object's.
            have = self.restart()?;
        }
        self.is_first = false;
        let mut more: Vec<Header> = Vec::new();
        if have > 0 {
            more.push(("range".to_owned(), format!("bytes={have}-")));
            more.extend(self.validator.clone().map(|validator| ("if-range".to_owned(), validator)));
        }
        let (_, response) = client.open(request, &more)?;
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
        let rest = Steady::new(response, client.patience);
        self.copy(rest, have, on_bytes).map(Some)
    }

    fn copy(&mut self, mut rest: Steady, have: u64, on_bytes: &mut dyn FnMut(u64)) -> Result<u64, HttpError> {
        let too_large = HttpError::TooLarge { url: redact(self.address.as_str()), limit: self.limit };
        let mut count = have;
        if rest.response.content_length().is_some_and(|rest| count.saturating_add(rest) > self.limit) {
            return Err(too_large);
        }
        let mut buffer = vec![0; 128 << 10];
        loop {
            let read = rest.read(&mut buffer).map_err(|error| broken(self.address, &error))?;
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

/// A strong entity tag, else the date of the last change.
fn validator(headers: &HeaderMap) -> Option<String> {
    let strong = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    strong.or_else(|| headers.get(LAST_MODIFIED)).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The first byte that `Content-Range: bytes 100-199/200` tells.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

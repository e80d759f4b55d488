//! Talks HTTP(S): connections, redirects, retries, resumed downloads, limits; the only room that knows reqwest.
//!
//! Does not know channels or sources, and checks no digest: who asks for bytes says what they must be.

mod download;
pub mod environment;
mod error;
mod netrc;
mod pace;
mod request;
mod retry;

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{StatusCode, Url};

use crate::http::download::Download;
pub use crate::http::error::{HttpError, RedirectFault, redact};
pub use crate::http::netrc::Login;
use crate::http::pace::Pace;
pub use crate::http::request::{Answer, Body, Header, Method, Request, basic, from_base64, login_for};
use crate::http::retry::Patience;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A client that keeps its connections; proxies and CA files are those of the environment, as curl's users know them
/// (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`, `SSL_CERT_DIR`).
#[derive(Debug)]
pub struct Client {
    inner: reqwest::blocking::Client,
    /// Why no certificate authority is known, on a system that has none: plain `http:` still works.
    roots_fault: Option<String>,
    /// How long a server may say nothing, before its answer or within it. There is no limit on the whole.
    patience: Duration,
    /// Whether what may pass is tried again.
    retries: bool,
}

impl Client {
    /// A client with the proxy and CA settings of the environment.
    ///
    /// # Errors
    /// [`HttpError::Client`] when the environment's proxy settings cannot be used.
    pub fn new() -> Result<Client, HttpError> {
        Client::with(environment::patience(), true)
    }

    /// A client for what is near or not there: it waits a second, and asks once.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn impatient() -> Result<Client, HttpError> {
        Client::with(Duration::from_secs(1), false)
    }

    fn with(patience: Duration, retries: bool) -> Result<Client, HttpError> {
        // A second call finds the provider in place, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let fault = |error: &reqwest::Error| HttpError::Client { reason: error::innermost(error) };
        match builder(patience).build() {
            Ok(inner) => Ok(Client { inner, roots_fault: None, patience, retries }),
            Err(with_roots) => {
                // A slim container has no CA certificates; what is served over plain http needs none.
                let bare = builder(patience).tls_certs_only([]).build().map_err(|error| fault(&error))?;
                Ok(Client { inner: bare, roots_fault: Some(error::innermost(&with_roots)), patience, retries })
            }
        }
    }

    /// Gets a small object with the login of its address; `None` where the server has none (404, 410).
    ///
    /// # Errors
    /// [`HttpError`] for every other answer, and for a body of more than `limit` bytes.
    pub fn get(&self, url: &str, limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        let secrets = || login_for(url);
        self.send(&Request::new(Method::Get, url).secrets(&secrets), limit)?.found()
    }

    /// Appends an object to a file, with the login of its address; see [`Client::fetch`].
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub fn download(
        &self,
        url: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, HttpError> {
        let secrets = || login_for(url);
        self.fetch(&Request::new(Method::Get, url).secrets(&secrets), into, limit, on_bytes)
    }

    /// Sends a request, again where its failure may pass, and gives the answer with a body of at most `limit` bytes:
    /// whatever its status, but for errors of the server, which are [`HttpError::Status`].
    ///
    /// # Errors
    /// [`HttpError`] when no answer came.
    pub fn send(&self, request: &Request, limit: u64) -> Result<Answer, HttpError> {
        let mut patience = Patience::new(request.url);
        loop {
            match self.send_once(request, limit) {
                Err(error) if self.retries && !request.is_once && patience.allows(&error) => patience.wait(&error),
                other => return other,
            }
        }
    }

    fn send_once(&self, request: &Request, limit: u64) -> Result<Answer, HttpError> {
        let (address, response) = self.open(request, &[])?;
        let status = response.status().as_u16();
        if error::is_passing(status) {
            return Err(status_error(&address, &response));
        }
        let too_large = || HttpError::TooLarge { url: redact(address.as_str()), limit };
        let has_body = request.method != Method::Head;
        if has_body && response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let (head, mut body) = (response.headers().clone(), Vec::new());
        if has_body {
            let reader = Steady::new(response, self.patience);
            reader.take(limit.saturating_add(1)).read_to_end(&mut body).map_err(|error| broken(&address, &error))?;
        }
        if body.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(Answer { status, head, body, url: address.into() })
    }

    /// Appends an object to a file, resuming after a broken connection; `on_bytes` hears the count so far.
    /// Gives the count of bytes in the file. `None` where the server has none (404, 410).
    ///
    /// What the file holds already is taken as the start of the object: who calls checks a digest afterwards.
    ///
    /// # Errors
    /// [`HttpError`] for every other answer, and for more than `limit` bytes.
    pub fn fetch(
        &self,
        request: &Request,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, HttpError> {
        let address = self.address(request.url)?;
        let mut patience = Patience::new(request.url);
        let mut download = Download::new(&address, into, limit);
        loop {
            let before = download.length()?;
            match download.run(self, request, on_bytes) {
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

    /// Sends a request once and follows redirects; the secrets go to the first host only.
    fn open(&self, request: &Request, more: &[Header]) -> Result<(Url, Response), HttpError> {
        let first = self.address(request.url)?;
        let (mut address, mut redirects) = (first.clone(), 0);
        loop {
            let mut headers = [request.headers, more].concat();
            if address.origin() == first.origin() {
                headers.extend((request.secrets)());
            }
            let response =
                self.worded(request, &address, &headers)?.send().map_err(|error| HttpError::of(&address, &error))?;
            match next_address(request.method, &address, &response) {
                None => return Ok((address, response)),
                Some(next) => {
                    let fault = |reason| HttpError::Redirect { url: redact(first.as_str()), reason };
                    redirects += 1;
                    if address.scheme() == "https" && next.scheme() == "http" {
                        return Err(fault(RedirectFault::Downgrade));
                    }
                    if redirects > REDIRECTS {
                        return Err(fault(RedirectFault::TooMany));
                    }
                    address = self.address(next.as_str())?;
                }
            }
        }
    }

    fn worded(&self, request: &Request, address: &Url, headers: &[Header]) -> Result<RequestBuilder, HttpError> {
        let wrong = |reason: String| HttpError::Address { url: redact(address.as_str()), reason };
        let method =
            reqwest::Method::from_bytes(request.method.name().as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let mut builder = self.inner.request(method, address.clone());
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let file = |error: io::Error| HttpError::File { url: redact(address.as_str()), reason: error.to_string() };
        match request.body.to_reqwest().map_err(file)? {
            Some(body) => Ok(builder.body(body).timeout(self.patience + request.body.sending_time())),
            None if matches!(request.method, Method::Put | Method::Post) => Ok(builder.header("content-length", "0")),
            None => Ok(builder),
        }
    }

    /// The address without the login that may stand in it.
    fn address(&self, url: &str) -> Result<Url, HttpError> {
        let wrong = |reason: String| HttpError::Address { url: redact(url), reason };
        let mut address = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        // Neither can fail for an address that has a host; for another one the scheme is refused below.
        let _ = (address.set_username(""), address.set_password(None));
        match (address.scheme(), &self.roots_fault) {
            ("https", Some(reason)) => Err(HttpError::NoAuthorities { url: redact(url), reason: reason.clone() }),
            ("http" | "https", _) => Ok(address),
            (other, _) => Err(wrong(format!("`{other}:` is neither `http:` nor `https:`"))),
        }
    }
}

impl Answer {
    /// The body; `None` where the server has no such object.
    ///
    /// # Errors
    /// [`HttpError::Status`] for any other answer that is no success.
    pub fn found(self) -> Result<Option<Vec<u8>>, HttpError> {
        match self.status {
            404 | 410 => Ok(None),
            200 | 206 => Ok(Some(self.body)),
            _ => Err(self.refused()),
        }
    }

    /// The answer as an error: for a status that is not one that was hoped for.
    pub fn refused(&self) -> HttpError {
        HttpError::Status { url: redact(&self.url), status: self.status, retry_after: None }
    }
}

/// An answer's body that ends in an error when it only trickles.
struct Steady {
    response: Response,
    pace: Pace,
    started: Instant,
}

impl Steady {
    fn new(response: Response, window: Duration) -> Steady {
        Steady { response, pace: Pace::new(window), started: Instant::now() }
    }
}

impl Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.response.read(buffer)?;
        if read > 0 && self.pace.is_too_slow(read as u64, self.started.elapsed()) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it came too slowly"));
        }
        Ok(read)
    }
}

fn builder(patience: Duration) -> reqwest::blocking::ClientBuilder {
    let mut headers = HeaderMap::new();
    // A transformed body would break lengths, ranges and digests.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    reqwest::blocking::Client::builder()
        .user_agent(concat!("tagalong/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT.min(patience))
        // The blocking client counts this anew for the answer's head and for each read: a stall, not a total.
        .timeout(patience)
        .referer(false)
        // Followed by `Client::open`, which knows which headers are secrets.
        .redirect(reqwest::redirect::Policy::none())
}

/// Where an answer sends the request on to (RFC 9110, 15.4); what writes is only sent on where the method stays.
fn next_address(method: Method, address: &Url, response: &Response) -> Option<Url> {
    let reads = matches!(method, Method::Get | Method::Head);
    match response.status().as_u16() {
        307 | 308 => {}
        301..=303 if reads => {}
        _ => return None,
    }
    address.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

fn status_error(address: &Url, response: &Response) -> HttpError {
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    HttpError::Status { url: redact(address.as_str()), status, retry_after }
}

/// The answer, when it is one with a body; `None` where the server has no such object.
fn found(address: &Url, response: Response) -> Result<Option<Response>, HttpError> {
    match response.status() {
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(Some(response)),
        _ => Err(status_error(address, &response)),
    }
}

fn broken(address: &Url, error: &io::Error) -> HttpError {
    HttpError::Broken { url: redact(address.as_str()), reason: error::innermost(error) }
}

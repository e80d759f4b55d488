//! Fetches over HTTP(S); the only file that knows reqwest.

use std::fs::File;

/// A client that keeps its connections.
pub struct Client {}

impl Client {
    /// A client with the proxy and CA settings of the environment.
    ///
    /// # Errors
    /// [`HttpError`] when the TLS roots cannot be read.
    pub fn new() -> Result<Client, HttpError> {
        Ok(Client {})
    }

    /// Gets a small object; `None` where the server has none (404, 410).
    ///
    /// # Errors
    /// [`HttpError`] for every other answer, and for a body of more than `limit` bytes.
    pub fn get(&self, _url: &str, _limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        todo!()
    }

    /// Appends an object to a file, resuming after a broken connection; `on_bytes` hears the count so far.
    /// Gives the count of bytes in the file. `None` where the server has none (404, 410).
    ///
    /// # Errors
    /// [`HttpError`] for every other answer, and for more than `limit` bytes.
    pub fn download(
        &self,
        _url: &str,
        _into: &mut File,
        _limit: u64,
        _on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, HttpError> {
        todo!()
    }
}

/// Why a request did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    #[error("{url}: {reason}")]
    Failed { url: String, reason: String },
}

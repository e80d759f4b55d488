//! The client of a channel on a server, and the answers that are no protocol's own.
//!
//! Does not know the kinds' protocols.

use std::fs::File;
use std::io::Seek;
use std::sync::OnceLock;

use crate::channel::{Act, ChannelError, Kind};
use crate::http::{Answer, Client, HttpError, Request};
use crate::model::digest::{Digest, DigestingReader};

/// The largest answer that is no object, in bytes.
pub(super) const LARGEST_ANSWER: u64 = 4 << 20;

/// A server that a channel is on.
pub(super) struct Connection {
    pub kind: Kind,
    pub channel: String,
    /// Made when the first object is asked for: reading the system's certificates takes longer than a whole run that
    /// finds everything installed.
    client: OnceLock<Result<Client, HttpError>>,
}

impl Connection {
    pub(super) fn new(kind: Kind, channel: &str) -> Connection {
        Connection { kind, channel: channel.to_owned(), client: OnceLock::new() }
    }

    pub(super) fn client(&self) -> Result<&Client, ChannelError> {
        self.client.get_or_init(Client::new).as_ref().map_err(|error| ChannelError::Http(error.clone()))
    }

    pub(super) fn send(&self, request: &Request, limit: u64) -> Result<Answer, ChannelError> {
        self.client()?.send(request, limit).map_err(ChannelError::Http)
    }

    /// The error for an answer that is none of those hoped for; `said` are the server's own words.
    pub(super) fn refused(&self, act: Act, path: &str, status: u16, said: Option<String>) -> ChannelError {
        let (kind, channel, path) = (self.kind, self.channel.clone(), path.to_owned());
        // The words come from outside, and are for one line.
        let said = said.map(|said| said.chars().take(300).collect());
        ChannelError::Refused { kind, channel, act, path, status, said }
    }

    /// The error for an answer that is none of the protocol.
    pub(super) fn nonsense(&self, path: &str, reason: impl ToString) -> ChannelError {
        ChannelError::Nonsense { kind: self.kind, path: path.to_owned(), reason: reason.to_string() }
    }

    /// Whether what `fetch` brings has these bytes; `None` where there is nothing.
    pub(super) fn has_bytes(
        &self,
        digest: Digest,
        size: u64,
        fetch: impl FnOnce(&mut File) -> Result<Option<u64>, ChannelError>,
    ) -> Result<Option<bool>, ChannelError> {
        let system = |error: std::io::Error| ChannelError::System { reason: error.to_string() };
        let mut file = tempfile::tempfile().map_err(system)?;
        match fetch(&mut file) {
            Ok(None) => return Ok(None),
            Ok(Some(found)) if found != size => return Ok(Some(false)),
            Err(ChannelError::Http(HttpError::TooLarge { .. })) => return Ok(Some(false)),
            Err(error) => return Err(error),
            Ok(Some(_)) => {}
        }
        file.rewind().map_err(system)?;
        let mut reader = DigestingReader::new(file);
        std::io::copy(&mut reader, &mut std::io::sink()).map_err(system)?;
        Ok(Some(reader.finish().0 == digest))
    }
}

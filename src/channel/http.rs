//! A channel on a web server: `http:` and `https:`, read only.
//!
//! Does not retry or resume; `http/` does.

use std::fs::File;
use std::sync::OnceLock;

use crate::channel::directory::Directory;
use crate::channel::{ChannelError, Objects};
use crate::http::{Client, HttpError};
use crate::model::bundle::LARGEST_MANIFEST;
use crate::model::platform::Platform;

/// A channel below an address.
pub(super) struct Remote {
    url: String,
    /// Made when the first object is asked for: reading the system's certificates takes longer than a whole run that
    /// finds everything installed.
    client: OnceLock<Result<Client, HttpError>>,
}

impl Remote {
    pub(super) fn new(url: &str) -> Remote {
        Remote { url: url.trim_end_matches('/').to_owned(), client: OnceLock::new() }
    }

    fn client(&self) -> Result<&Client, ChannelError> {
        self.client.get_or_init(Client::new).as_ref().map_err(|error| ChannelError::Http(error.clone()))
    }

    /// Paths hold only characters that stand for themselves in an address, but `+`, which some servers read as a space.
    fn address(&self, path: &str) -> String {
        format!("{}/{}", self.url, path.replace('+', "%2B"))
    }
}

impl Objects for Remote {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        self.client()?.get(&self.address(path), limit).map_err(ChannelError::Http)
    }

    fn fetch(
        &self,
        path: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        self.client()?.download(&self.address(path), into, limit, on_bytes).map_err(ChannelError::Http)
    }

    fn platforms(&self, folder: &str, likely: &[Platform]) -> Result<Vec<Platform>, ChannelError> {
        let mut found = Vec::new();
        for platform in likely {
            if self.read(&format!("{folder}/{platform}.json"), LARGEST_MANIFEST)?.is_some() {
                found.push(platform.clone());
            }
        }
        Ok(found)
    }

    fn writable(&self) -> Option<&Directory> {
        None
    }
}

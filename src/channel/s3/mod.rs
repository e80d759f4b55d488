//! A channel in a bucket of an S3 store: `s3://bucket/folder?endpoint=https://host:port&region=eu-1&path-style=true`.
//!
//! - `endpoint`: the store, when it is not Amazon's; else `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's.
//! - `region`: else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, `us-east-1`.
//! - `path-style`: whether the bucket stands in the path (`https://host/bucket/…`) or before the host; with an
//!   endpoint it stands in the path unless this says `false`.
//!
//! Every request is signed with the digest of its body, which the store checks. What shall be new is written with
//! `If-None-Match: *`, what was looked at before with `If-Match`. Archives of more than one part are sent in parts, several at
//! once, and taken back when one fails. Does not find credentials (`credentials.rs`) nor sign (`sign.rs`).

mod address;
mod credentials;
mod multipart;
mod sign;
mod xml;

use std::fs::File;
use std::sync::Mutex;

use crate::channel::connection::{Connection, LARGEST_ANSWER};
use crate::channel::s3::address::Place;
use crate::channel::s3::credentials::{Credentials, Granted};
use crate::channel::s3::sign::{Outline, sign};
use crate::channel::writable::{ArchiveFile, BundleWrite, Version, put_once, read_back, write_in_two};
use crate::channel::{Act, AddressFault, ChannelError, Kind, Listed, Objects, Put};
use crate::host::now;
use crate::http::{Answer, Body, Header, HttpError, Method, Request};
use crate::model::bundle::{LARGEST_MANIFEST, platform_of};
use crate::model::platform::Platform;
use crate::model::project::ChannelConfig;
use crate::moment;
use crate::percent;

/// Holds the SHA-256 of an archive, as the writer stated it and the store checked it.
const DIGEST_HEADER: &str = "x-amz-meta-sha256";

/// A bucket, or a part of one.
pub(super) struct Bucket {
    connection: Connection,
    place: Place,
    granted: Mutex<Option<Granted>>,
}

impl Bucket {
    /// Reads the address of a channel.
    ///
    /// # Errors
    /// What is wrong about it.
    pub(super) fn new(config: &ChannelConfig) -> Result<Bucket, AddressFault> {
        let place = Place::parse(&config.url)?;
        Ok(Bucket { connection: Connection::new(Kind::S3, &config.name), place, granted: Mutex::new(None) })
    }

    fn credentials(&self) -> Result<Option<Credentials>, ChannelError> {
        let mut granted = self.granted.lock().expect("nothing panics while it is held");
        if granted.as_ref().is_none_or(Granted::is_over) {
            *granted = Some(credentials::find()?);
        }
        Ok(granted.as_ref().and_then(|granted| granted.credentials.clone()))
    }

    /// Hands a request for a key, signed anew for each try, to whoever sends it.
    fn worded<T>(&self, ask: &Ask, send: impl FnOnce(&Request) -> Result<T, HttpError>) -> Result<T, ChannelError> {
        let credentials = self.credentials()?;
        let path = self.place.path(ask.key);
        let mut pairs: Vec<String> =
            ask.query.iter().map(|(name, value)| format!("{name}={}", percent::encoded(value))).collect();
        pairs.sort();
        let query = pairs.join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{mark}{query}", self.place.origin);
        let body = ask.body.digest();
        let secrets = || match &credentials {
            None => Vec::new(),
            Some(credentials) => {
                let (method, host) = (ask.method.name(), self.place.host());
                let outline = Outline { method, host, path: &path, query: &query, headers: ask.headers, body };
                sign(&outline, credentials, &self.place.region, now())
            }
        };
        let request = Request::new(ask.method, &url).headers(ask.headers).secrets(&secrets).body(ask.body);
        send(&request).map_err(ChannelError::Http)
    }

    fn send(&self, ask: &Ask) -> Result<Answer, ChannelError> {
        let limit = if ask.method == Method::Get { LARGEST_MANIFEST } else { LARGEST_ANSWER };
        let client = self.connection.client()?;
        self.worded(ask, |request| client.send(request, limit))
    }

    fn refused(&self, act: Act, path: &str, answer: &Answer) -> ChannelError {
        let text = String::from_utf8_lossy(&answer.body);
        let said = match (xml::value(&text, "Code"), xml::value(&text, "Message")) {
            (Some(code), Some(message)) if !message.is_empty() => Some(format!("{code}: {message}")),
            (code, _) => code,
        };
        self.connection.refused(act, path, answer.status, said)
    }

    /// Writes an object under a condition; `None` when the condition did not hold.
    fn write(&self, path: &str, body: Body, headers: &[Header]) -> Result<Option<()>, ChannelError> {
        let answer = self.send(&Ask { headers, body, ..Ask::new(Method::Put, path) })?;
        match answer.status {
            _ if answer.is_success() => Ok(Some(())),
            // 409: another one writes the same key at this moment.
            409 | 412 => Ok(None),
            _ => Err(self.refused(Act::Write, path, &answer)),
        }
    }

    /// Whether what lies under a key is the archive; `None` where nothing lies there.
    fn has(&self, path: &str, archive: &ArchiveFile) -> Result<Option<bool>, ChannelError> {
        let answer = self.send(&Ask::new(Method::Head, path))?;
        match () {
            () if answer.is_absent() => return Ok(None),
            () if !answer.is_success() => return Err(self.refused(Act::Read, path, &answer)),
            () if answer.length() != Some(archive.size) => return Ok(Some(false)),
            () => {}
        }
        match answer.header(DIGEST_HEADER) {
            Some(stated) => Ok(Some(stated == archive.digest.hex())),
            // Another program put it there.
            None => self
                .connection
                .has_bytes(archive.digest, archive.size, |file| self.fetch(path, file, archive.size, &mut |_| {})),
        }
    }
}

/// One request for a key.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: Method,
    /// The path of the object in the channel; empty for the bucket as a whole.
    key: &'a str,
    /// Names that stand for themselves, and values that are encoded.
    query: &'a [(&'a str, &'a str)],
    headers: &'a [Header],
    body: Body<'a>,
}

impl<'a> Ask<'a> {
    fn new(method: Method, key: &'a str) -> Ask<'a> {
        Ask { method, key, query: &[], headers: &[], body: Body::Empty }
    }
}

fn only_new() -> Header {
    ("if-none-match".to_owned(), "*".to_owned())
}

impl Objects for Bucket {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        let client = self.connection.client()?;
        let answer = self.worded(&Ask::new(Method::Get, path), |request| client.send(request, limit))?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 if String::from_utf8_lossy(&answer.body).contains("NoSuchBucket") => {
                Err(self.refused(Act::Read, path, &answer))
            }
            404 => Ok(None),
            _ => Err(self.refused(Act::Read, path, &answer)),
        }
    }

    fn fetch(
        &self,
        path: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        let client = self.connection.client()?;
        self.worded(&Ask::new(Method::Get, path), |request| client.fetch(request, into, limit, on_bytes))
    }

    fn platforms(&self, folder: &str, likely: &[Platform]) -> Result<Vec<Platform>, ChannelError> {
        let listed = match self.list(&format!("{folder}/")) {
            // Who may read may not always list.
            Err(ChannelError::Refused { .. }) => {
                let is_there = |platform: &&Platform| {
                    self.read(&format!("{folder}/{platform}.json"), LARGEST_MANIFEST).is_ok_and(|found| found.is_some())
                };
                return Ok(likely.iter().filter(is_there).cloned().collect());
            }
            other => other?,
        };
        Ok(listed.iter().filter_map(|listed| platform_of(listed.path.rsplit_once('/')?.1)).collect())
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<Put, ChannelError> {
        put_once(self, path, bytes, || Ok(self.write(path, Body::Bytes(bytes), &[only_new()])?.is_some()))
    }

    fn put_file(&self, path: &str, archive: &ArchiveFile) -> Result<Put, ChannelError> {
        match self.has(path, archive)? {
            Some(true) => return Ok(Put::WasThere),
            Some(false) => return Err(ChannelError::Damaged { path: path.to_owned() }),
            None => {}
        }
        let digest = (DIGEST_HEADER.to_owned(), archive.digest.hex());
        let is_written = if archive.size > multipart::PART {
            self.send_in_parts(path, archive, digest)?
        } else {
            let body = Body::File { path: archive.path, size: archive.size, digest: archive.digest };
            self.write(path, body, &[only_new(), digest])?.is_some()
        };
        match self.has(path, archive)? {
            Some(true) if is_written => Ok(Put::Written),
            Some(true) => Ok(Put::WasThere),
            _ => Err(ChannelError::Damaged { path: path.to_owned() }),
        }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), ChannelError> {
        self.write(path, Body::Bytes(bytes), &[])?;
        read_back(self, path, bytes)
    }

    fn delete(&self, path: &str) -> Result<bool, ChannelError> {
        let there = self.send(&Ask::new(Method::Head, path))?;
        if there.is_absent() {
            return Ok(false);
        }
        let answer = self.send(&Ask::new(Method::Delete, path))?;
        if answer.is_success() { Ok(true) } else { Err(self.refused(Act::Delete, path, &answer)) }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError> {
        let (mut found, mut token) = (Vec::new(), None);
        let whole = self.place.key(prefix);
        loop {
            let mut query = vec![("encoding-type", "url"), ("list-type", "2"), ("prefix", whole.as_str())];
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            let answer = self.send(&Ask { query: &query, ..Ask::new(Method::Get, "") })?;
            if !answer.is_success() {
                return Err(self.refused(Act::List, prefix, &answer));
            }
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            for part in xml::parts(&text, "Contents") {
                let key = xml::value(part, "Key").map(|key| percent::decoded(&key));
                let Some(path) = key.as_deref().and_then(|key| self.place.below(key)) else { continue };
                let size = xml::value(part, "Size").and_then(|size| size.parse().ok()).unwrap_or(0);
                let modified = xml::value(part, "LastModified").and_then(|date| moment::parse(&date)).unwrap_or(0);
                found.push(Listed { path: path.to_owned(), size, modified });
            }
            token = xml::value(&text, "NextContinuationToken");
            if token.is_none() || xml::value(&text, "IsTruncated").as_deref() != Some("true") {
                return Ok(found);
            }
        }
    }

    fn version(&self, path: &str, limit: u64) -> Result<Version, ChannelError> {
        let client = self.connection.client()?;
        let answer = self.worded(&Ask::new(Method::Get, path), |request| client.send(request, limit))?;
        match answer.status {
            404 => Ok(Version::Absent),
            200 => {
                let etag = answer.header("etag").map(str::to_owned);
                Ok(Version::Here { bytes: answer.body, etag })
            }
            _ => Err(self.refused(Act::Read, path, &answer)),
        }
    }

    fn swap(&self, path: &str, bytes: &[u8], before: &Version) -> Result<Put, ChannelError> {
        let if_match = |etag: &str| ("if-match".to_owned(), etag.to_owned());
        let mut conditions = match before {
            Version::Absent => vec![Some(only_new())],
            // Ceph compares without the quotes that HTTP asks for.
            Version::Here { etag: Some(etag), .. } => {
                vec![Some(if_match(etag.trim_matches('"'))), Some(if_match(etag))]
            }
            Version::Here { etag: None, .. } => vec![None],
        };
        let mut is_written = false;
        while let Some(condition) = conditions.pop() {
            is_written = self.write(path, Body::Bytes(bytes), condition.as_slice())?.is_some();
            if is_written || conditions.is_empty() || self.version(path, LARGEST_MANIFEST)? != *before {
                break;
            }
        }
        // A store that knows no conditions is found out here.
        let is_there = self.version(path, LARGEST_MANIFEST)?.holds(bytes);
        Ok(match (is_there, is_written) {
            (true, true) => Put::Written,
            (true, false) => Put::WasThere,
            (false, _) => Put::Differs,
        })
    }

    fn write_bundle(&self, write: &BundleWrite) -> Result<Put, ChannelError> {
        write_in_two(self, write)
    }
}

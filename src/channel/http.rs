//! A channel on a web server: `http:` and `https:`; read from any, written to with `PUT` (WebDAV, nginx's dav module).
//!
//! Does not retry or resume; `http/` does.
//!
//! An object is put under a name that nobody looks for, read back, and given its own name with `MOVE`; a server that
//! knows no `MOVE` is sent the object under its own name, with `If-None-Match: *` for what shall be new. The login is
//! the address's own (`https://user:password@host/`), else `TAGALONG_TOKEN_<CHANNEL>` (`user:password`, or a token
//! that is sent as `Bearer`), else that of the netrc file.

use std::fs::File;
use std::sync::OnceLock;

use crate::channel::connection::{Connection, LARGEST_ANSWER};
use crate::channel::writable::{ArchiveFile, BundleWrite, Version, put_once, read_back, swap_by_looking, write_in_two};
use crate::channel::{Act, ChannelError, Kind, Listed, Objects, Put};
use crate::http::{Answer, Body, Header, Method, Request, basic, environment, login_for};
use crate::model::bundle::LARGEST_MANIFEST;
use crate::model::digest::Digest;
use crate::model::platform::Platform;
use crate::model::project::ChannelConfig;
use crate::moment;

/// How often an object is sent again that arrived damaged.
const SENDINGS: u32 = 3;

/// A channel below an address.
pub(super) struct Remote {
    server: Connection,
    url: String,
    secrets: OnceLock<Vec<Header>>,
    /// Whether the server knows `MOVE`, once it is known.
    moves: OnceLock<bool>,
}

impl Remote {
    pub(super) fn new(config: &ChannelConfig) -> Remote {
        let url = config.url.trim_end_matches('/').to_owned();
        let server = Connection::new(Kind::Http, &config.name);
        Remote { server, url, secrets: OnceLock::new(), moves: OnceLock::new() }
    }

    fn secrets(&self) -> Vec<Header> {
        let login = || match environment::token_of(&self.server.channel) {
            _ if self.url.split('/').nth(2).is_some_and(|host| host.contains('@')) => login_for(&self.url),
            Some(token) => vec![match token.split_once(':') {
                Some((user, password)) => basic(user, password),
                None => ("authorization".to_owned(), format!("Bearer {token}")),
            }],
            None => login_for(&self.url),
        };
        self.secrets.get_or_init(login).clone()
    }

    /// Paths hold only characters that stand for themselves in an address, but `+`, which some servers read as a space.
    fn address(&self, path: &str) -> String {
        format!("{}/{}", self.url, path.replace('+', "%2B"))
    }

    fn send(&self, method: Method, path: &str, headers: &[Header], body: Body) -> Result<Answer, ChannelError> {
        let (url, secrets) = (self.address(path), || self.secrets());
        let request = Request::new(method, &url).headers(headers).secrets(&secrets).body(body);
        let limit = if method == Method::Get { LARGEST_MANIFEST } else { LARGEST_ANSWER };
        self.server.send(&request, limit)
    }

    fn refused(&self, act: Act, path: &str, answer: &Answer) -> ChannelError {
        if act == Act::Write && matches!(answer.status, 405 | 501) {
            return ChannelError::ReadOnly { channel: self.server.channel.clone(), status: answer.status };
        }
        self.server.refused(act, path, answer.status, None)
    }

    fn head(&self, path: &str) -> Result<Option<Answer>, ChannelError> {
        let answer = self.send(Method::Head, path, &[], Body::Empty)?;
        match () {
            () if answer.is_absent() => Ok(None),
            () if answer.is_success() => Ok(Some(answer)),
            () => Err(self.refused(Act::Read, path, &answer)),
        }
    }

    /// Whether what lies at a path has these bytes; `None` where nothing lies there.
    fn matches(&self, path: &str, digest: Digest, size: u64) -> Result<Option<bool>, ChannelError> {
        self.server.has_bytes(digest, size, |file| self.fetch(path, file, size, &mut |_| {}))
    }

    /// Whether the server knows `MOVE`: asked with a name that nothing has.
    fn can_move(&self) -> Result<bool, ChannelError> {
        if let Some(known) = self.moves.get() {
            return Ok(*known);
        }
        let from = hidden("channel.json");
        let answer = self.rename(&from, &format!("{from}-moved"), true)?;
        Ok(*self.moves.get_or_init(|| matches!(answer.status, 404 | 409)))
    }

    fn rename(&self, from: &str, to: &str, overwrites: bool) -> Result<Answer, ChannelError> {
        let overwrite = if overwrites { "T" } else { "F" };
        let headers = [
            ("destination".to_owned(), without_login(&self.address(to))),
            ("overwrite".to_owned(), overwrite.to_owned()),
        ];
        self.send(Method::Move, from, &headers, Body::Empty)
    }

    /// Sends an object until it is there as it was sent.
    fn send_whole(&self, path: &str, body: Body, headers: &[Header]) -> Result<Answer, ChannelError> {
        for _ in 0..SENDINGS {
            let answer = self.send(Method::Put, path, headers, body)?;
            if answer.status == 412 || !answer.is_success() {
                return Ok(answer);
            }
            if self.matches(path, body.digest(), body.size())? == Some(true) {
                return Ok(answer);
            }
        }
        // Whatever the server made of it, it must not stay.
        self.delete(path)?;
        Err(ChannelError::Damaged { path: path.to_owned() })
    }

    /// Brings an object to its name; [`Put::Differs`] where something has the name that must not be overwritten.
    fn place(&self, path: &str, body: Body, overwrites: bool) -> Result<Put, ChannelError> {
        let written = |answer: Answer| match answer.status {
            412 => Ok(Put::Differs),
            _ if answer.is_success() => Ok(Put::Written),
            _ => Err(self.refused(Act::Write, path, &answer)),
        };
        if !self.can_move()? {
            let only_new = [("if-none-match".to_owned(), "*".to_owned())];
            return written(self.send_whole(path, body, if overwrites { &[] } else { &only_new })?);
        }
        let unfinished = hidden(path);
        let answer = self.send_whole(&unfinished, body, &[])?;
        if !answer.is_success() {
            return written(answer);
        }
        let answer = self.rename(&unfinished, path, overwrites)?;
        // After a broken answer the server was asked twice: then the first time did it.
        if answer.is_absent() && self.matches(path, body.digest(), body.size())? == Some(true) {
            return Ok(Put::Written);
        }
        if !answer.is_success() {
            self.delete(&unfinished)?;
        }
        written(answer)
    }
}

impl Objects for Remote {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        let (url, secrets) = (self.address(path), || self.secrets());
        let request = Request::new(Method::Get, &url).secrets(&secrets);
        self.server.send(&request, limit)?.found().map_err(ChannelError::Http)
    }

    fn fetch(
        &self,
        path: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        let (url, secrets) = (self.address(path), || self.secrets());
        let request = Request::new(Method::Get, &url).secrets(&secrets);
        self.server.client()?.fetch(&request, into, limit, on_bytes).map_err(ChannelError::Http)
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

    fn put(&self, path: &str, bytes: &[u8]) -> Result<Put, ChannelError> {
        put_once(self, path, bytes, || Ok(self.place(path, Body::Bytes(bytes), false)? == Put::Written))
    }

    fn put_file(&self, path: &str, archive: &ArchiveFile) -> Result<Put, ChannelError> {
        let body = Body::File { path: archive.path, size: archive.size, digest: archive.digest };
        let damaged = || ChannelError::Damaged { path: path.to_owned() };
        // No web server proves a digest: what lies there is read.
        match self.matches(path, archive.digest, archive.size)? {
            None => match self.place(path, body, false)? {
                // It was read under the name that it had first.
                Put::Written => match self.head(path)? {
                    Some(answer) if answer.length() == Some(archive.size) => Ok(Put::Written),
                    _ => Err(damaged()),
                },
                _ if self.matches(path, archive.digest, archive.size)? == Some(true) => Ok(Put::WasThere),
                _ => Err(damaged()),
            },
            Some(true) => Ok(Put::WasThere),
            Some(false) => Err(damaged()),
        }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), ChannelError> {
        self.place(path, Body::Bytes(bytes), true)?;
        read_back(self, path, bytes)
    }

    fn delete(&self, path: &str) -> Result<bool, ChannelError> {
        let answer = self.send(Method::Delete, path, &[], Body::Empty)?;
        match () {
            () if answer.is_success() => Ok(true),
            () if answer.is_absent() => Ok(false),
            () => Err(self.refused(Act::Delete, path, &answer)),
        }
    }

    /// Through the listing of nginx (`autoindex_format json`), which is the only one that programs can read.
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError> {
        let start = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (mut found, mut open) = (Vec::new(), vec![start.to_owned()]);
        while let Some(folder) = open.pop() {
            let slashed = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let answer = self.send(Method::Get, &slashed, &[], Body::Empty)?;
            if answer.is_absent() {
                continue;
            }
            let not_listed = || ChannelError::NotListed { channel: self.server.channel.clone() };
            let entries: Vec<Indexed> = serde_json::from_slice(&answer.body).map_err(|_| not_listed())?;
            for entry in entries.into_iter().filter(|entry| is_plain(&entry.name)) {
                let path = format!("{slashed}{}", entry.name);
                match entry.kind.as_str() {
                    "directory" => open.push(path),
                    _ if path.starts_with(prefix) => {
                        let modified = entry.mtime.as_deref().and_then(moment::parse).unwrap_or(0);
                        found.push(Listed { path, size: entry.size.unwrap_or(0), modified });
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    fn version(&self, path: &str, _limit: u64) -> Result<Version, ChannelError> {
        let answer = self.send(Method::Get, path, &[], Body::Empty)?;
        let found = answer.found().map_err(ChannelError::Http)?;
        Ok(found.map_or(Version::Absent, |bytes| Version::Here { bytes, etag: None }))
    }

    fn swap(&self, path: &str, bytes: &[u8], before: &Version) -> Result<Put, ChannelError> {
        swap_by_looking(self, path, bytes, before)
    }

    fn write_bundle(&self, write: &BundleWrite) -> Result<Put, ChannelError> {
        write_in_two(self, write)
    }
}

/// One entry of nginx's listing.
#[derive(serde::Deserialize)]
struct Indexed {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    mtime: Option<String>,
    size: Option<u64>,
}

/// Whether a name from outside can be a part of a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != ".." && name != "." && !name.contains(['/', '\0'])
}

/// A name beside an object that nobody looks for, another one each time.
fn hidden(path: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let host = rustix::system::uname();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let seed = format!("{} {} {now} {count}", host.nodename().to_string_lossy(), std::process::id());
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}.{name}.unfinished-{}", Digest::of(seed.as_bytes()).short(16))
}

/// The address without the user and the password.
fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.find('@')) {
        (Some((scheme, rest)), Some(_)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            format!("{scheme}://{}{path}", authority.rsplit_once('@').map_or(authority, |(_, host)| host))
        }
        _ => url.to_owned(),
    }
}

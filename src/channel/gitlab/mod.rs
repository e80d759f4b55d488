//! A channel among the generic packages of a GitLab project: `gitlab://gitlab.example.org/group/project`, or
//! `gitlab+http://…` for a server without TLS.
//!
//! Follows GitLab's documented interface (`doc/user/packages/generic_packages`, `doc/api/packages`): a file that is put
//! twice is there twice, and the later one is read. So who puts what shall be new looks afterwards who was first, and
//! takes its own back if it was not; and who replaces removes the older ones. A project that refuses duplicates has
//! the old one removed first. Reads follow redirects to object storage without the token. Where things lie and which token is
//! sent: `place.rs`.

mod place;

use std::collections::BTreeMap;
use std::fs::File;

use crate::channel::connection::{Connection, LARGEST_ANSWER};
use crate::channel::gitlab::place::{Filed, Place, path_of};
use crate::channel::writable::{ArchiveFile, BundleWrite, Version, put_once, read_back, swap_by_looking, write_in_two};
use crate::channel::{Act, AddressFault, ChannelError, Kind, Listed, Objects, Put};
use crate::http::{Answer, Body, Method, Request};
use crate::model::bundle::platform_of;
use crate::model::platform::Platform;
use crate::model::project::ChannelConfig;
use crate::moment;
use crate::percent;

/// How often a file is sent anew that arrived damaged.
const SENDINGS: u32 = 3;

/// How many entries a page of a list has; more than a hundred GitLab does not give.
const PAGE: usize = 100;

/// A project whose generic packages are a channel.
pub(super) struct Project {
    connection: Connection,
    place: Place,
}

/// A package, as a list of them tells.
#[derive(serde::Deserialize)]
struct Package {
    id: u64,
    name: String,
    version: Option<String>,
}

/// A file of a package; there may be several of a name.
#[derive(Debug, Clone, serde::Deserialize)]
struct PackageFile {
    id: u64,
    package_id: u64,
    file_name: String,
    /// In bytes.
    size: u64,
    file_sha256: Option<String>,
    created_at: Option<String>,
}

#[derive(serde::Deserialize)]
struct Message {
    message: Option<serde_json::Value>,
    error: Option<serde_json::Value>,
}

impl Project {
    /// Reads the address of a channel.
    ///
    /// # Errors
    /// What is wrong about it.
    pub(super) fn new(config: &ChannelConfig) -> Result<Project, AddressFault> {
        let place = Place::parse(&config.url)?;
        Ok(Project { connection: Connection::new(Kind::Gitlab, &config.name), place })
    }

    /// Sends a request for something below the project.
    fn send(&self, method: Method, to: &str, body: Body, limit: u64) -> Result<Answer, ChannelError> {
        let (url, secrets) = (format!("{}/{to}", self.place.api), || self.place.secrets(&self.connection.channel));
        let headers = match body {
            Body::Empty => Vec::new(),
            _ => vec![("content-type".to_owned(), "application/octet-stream".to_owned())],
        };
        let request = Request::new(method, &url).headers(&headers).secrets(&secrets).body(body);
        self.connection.send(&request, limit)
    }

    fn refused(&self, act: Act, path: &str, answer: &Answer) -> ChannelError {
        self.connection.refused(act, path, answer.status, said(answer))
    }

    /// All pages of a list.
    fn pages<T: serde::de::DeserializeOwned>(&self, to: &str) -> Result<Vec<T>, ChannelError> {
        let (mut found, mut page) = (Vec::new(), 1);
        loop {
            let mark = if to.contains('?') { '&' } else { '?' };
            let there = format!("{to}{mark}per_page={PAGE}&page={page}");
            let answer = self.send(Method::Get, &there, Body::Empty, LARGEST_ANSWER)?;
            match answer.status {
                404 => return Ok(found),
                200 => {}
                _ => return Err(self.refused(Act::List, to, &answer)),
            }
            let nonsense = |error: serde_json::Error| self.connection.nonsense(to, error);
            let entries: Vec<T> = serde_json::from_slice(&answer.body).map_err(nonsense)?;
            let is_last = entries.len() < PAGE;
            found.extend(entries);
            if is_last {
                return Ok(found);
            }
            page += 1;
        }
    }

    fn packages(&self, name: Option<&str>, version: Option<&str>) -> Result<Vec<Package>, ChannelError> {
        let mut to = "packages?package_type=generic".to_owned();
        for (key, value) in [("package_name", name), ("package_version", version)] {
            let Some(value) = value else { continue };
            to.push_str(&format!("&{key}={}", percent::encoded(value)));
        }
        let mut found: Vec<Package> = self.pages(&to)?;
        // The server looks for names that contain the one asked for, and an older one knows no `package_version`.
        found.retain(|one| name.is_none_or(|name| one.name == name));
        found.retain(|one| version.is_none_or(|version| one.version.as_deref() == Some(version)));
        Ok(found)
    }

    fn files(&self, package: u64) -> Result<Vec<PackageFile>, ChannelError> {
        self.pages(&format!("packages/{package}/package_files"))
    }

    /// The files of an object's name, the oldest first.
    fn files_of(&self, filed: &Filed) -> Result<Vec<PackageFile>, ChannelError> {
        let mut found = Vec::new();
        for package in self.packages(Some(filed.name), Some(filed.version))? {
            found.extend(self.files(package.id)?.into_iter().filter(|file| file.file_name == filed.file));
        }
        found.sort_by_key(|file| file.id);
        Ok(found)
    }

    fn remove(&self, file: &PackageFile, path: &str) -> Result<bool, ChannelError> {
        let to = format!("packages/{}/package_files/{}", file.package_id, file.id);
        let answer = self.send(Method::Delete, &to, Body::Empty, LARGEST_ANSWER)?;
        match () {
            () if answer.is_success() => Ok(true),
            () if answer.is_absent() => Ok(false),
            () => Err(self.refused(Act::Delete, path, &answer)),
        }
    }

    /// Puts a file until it is there as it was sent; `None` where the server takes no second one of its name.
    fn upload(&self, path: &str, body: Body) -> Result<Option<PackageFile>, ChannelError> {
        let to = format!("{}?select=package_file", Filed::of(path).address());
        for _ in 0..SENDINGS {
            let answer = self.send(Method::Put, &to, body, LARGEST_ANSWER)?;
            let is_duplicate = said(&answer).is_some_and(|said| said.to_lowercase().contains("duplicate"));
            match answer.status {
                200 | 201 => {}
                400 | 403 | 409 if is_duplicate => return Ok(None),
                _ => return Err(self.refused(Act::Write, path, &answer)),
            }
            // An older server only says that it was created.
            let told: Option<PackageFile> = serde_json::from_slice(&answer.body).ok();
            let file = match told {
                Some(file) => file,
                None => match self.files_of(&Filed::of(path))?.pop() {
                    Some(file) => file,
                    None => continue,
                },
            };
            let is_whole = match &file.file_sha256 {
                Some(digest) => *digest == body.digest().hex(),
                None => self.has(path, body)? == Some(true),
            };
            if is_whole {
                return Ok(Some(file));
            }
            self.remove(&file, path)?;
        }
        Err(ChannelError::Damaged { path: path.to_owned() })
    }

    /// Whether what is read at a path are these bytes.
    fn has(&self, path: &str, body: Body) -> Result<Option<bool>, ChannelError> {
        let size = body.size();
        self.connection.has_bytes(body.digest(), size, |file| self.fetch(path, file, size, &mut |_| {}))
    }

    /// Puts what shall be new; [`Put::Differs`] also where the same bytes were first.
    fn put_new(&self, path: &str, body: Body) -> Result<Put, ChannelError> {
        let Some(mine) = self.upload(path, body)? else { return Ok(Put::Differs) };
        let all = self.files_of(&Filed::of(path))?;
        if !all.iter().any(|file| file.id == mine.id) {
            return Err(ChannelError::Damaged { path: path.to_owned() });
        }
        let Some(first) = all.first().filter(|first| first.id < mine.id) else { return Ok(Put::Written) };
        if first.file_sha256.is_some() && first.file_sha256 == mine.file_sha256 {
            self.remove(&mine, path)?;
            return Ok(Put::WasThere);
        }
        self.remove(&mine, path)?;
        Ok(Put::Differs)
    }

    /// Puts a file in the place of those that were there before.
    fn put_over(&self, path: &str, body: Body, before: &[PackageFile]) -> Result<(), ChannelError> {
        if self.upload(path, body)?.is_none() {
            // The project refuses duplicates: for a moment there is none.
            for file in before {
                self.remove(file, path)?;
            }
            let refused = || ChannelError::Lost { path: path.to_owned() };
            self.upload(path, body)?.ok_or_else(refused)?;
        } else {
            for file in before {
                // The newest is read anyway; who may write may not always delete.
                let _ = self.remove(file, path);
            }
        }
        Ok(())
    }
}

impl Objects for Project {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        let answer = self.send(Method::Get, &Filed::of(path).address(), Body::Empty, limit)?;
        match answer.status {
            404 => Ok(None),
            200 => Ok(Some(answer.body)),
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
        let url = format!("{}/{}", self.place.api, Filed::of(path).address());
        let secrets = || self.place.secrets(&self.connection.channel);
        let request = Request::new(Method::Get, &url).secrets(&secrets);
        self.connection.client()?.fetch(&request, into, limit, on_bytes).map_err(ChannelError::Http)
    }

    fn platforms(&self, folder: &str, _likely: &[Platform]) -> Result<Vec<Platform>, ChannelError> {
        let listed = self.list(&format!("{folder}/"))?;
        Ok(listed.iter().filter_map(|listed| platform_of(listed.path.rsplit_once('/')?.1)).collect())
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<Put, ChannelError> {
        put_once(self, path, bytes, || Ok(self.put_new(path, Body::Bytes(bytes))? == Put::Written))
    }

    fn put_file(&self, path: &str, archive: &ArchiveFile) -> Result<Put, ChannelError> {
        let body = Body::File { path: archive.path, size: archive.size, digest: archive.digest };
        let is_it = |file: &PackageFile| match &file.file_sha256 {
            Some(digest) => Ok(*digest == archive.digest.hex() && file.size == archive.size),
            None => Ok(self.has(path, body)? == Some(true)),
        };
        let before = self.files_of(&Filed::of(path))?;
        match before.last() {
            Some(newest) if is_it(newest)? => Ok(Put::WasThere),
            // An upload that broke and could not be taken back, under the name of its right bytes.
            Some(_) => self.put_over(path, body, &before).map(|()| Put::Written),
            None => match self.put_new(path, body)? {
                Put::Differs if self.has(path, body)? == Some(true) => Ok(Put::WasThere),
                Put::Differs => Err(ChannelError::Damaged { path: path.to_owned() }),
                put => Ok(put),
            },
        }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), ChannelError> {
        let before = self.files_of(&Filed::of(path))?;
        self.put_over(path, Body::Bytes(bytes), &before)?;
        read_back(self, path, bytes)
    }

    fn delete(&self, path: &str) -> Result<bool, ChannelError> {
        let mut is_gone = false;
        for file in self.files_of(&Filed::of(path))? {
            is_gone |= self.remove(&file, path)?;
        }
        Ok(is_gone)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError> {
        let (name, rest) = prefix.split_once('/').map_or((None, ""), |(name, rest)| (Some(name), rest));
        let version = rest.split_once('/').map(|(version, _)| version);
        let mut found: BTreeMap<String, (u64, Listed)> = BTreeMap::new();
        for package in self.packages(name, version)? {
            let version = package.version.as_deref().unwrap_or_default();
            for file in self.files(package.id)? {
                let Some(path) = path_of(&package.name, version, &file.file_name) else { continue };
                let modified = file.created_at.as_deref().and_then(moment::parse).unwrap_or(0);
                let is_newest = found.get(&path).is_none_or(|(id, _)| *id < file.id);
                if path.starts_with(prefix) && is_newest {
                    found.insert(path.clone(), (file.id, Listed { path, size: file.size, modified }));
                }
            }
        }
        Ok(found.into_values().map(|(_, listed)| listed).collect())
    }

    fn swap(&self, path: &str, bytes: &[u8], before: &Version) -> Result<Put, ChannelError> {
        swap_by_looking(self, path, bytes, before)
    }

    fn write_bundle(&self, write: &BundleWrite) -> Result<Put, ChannelError> {
        write_in_two(self, write)
    }
}

/// What the server says about a refusal.
fn said(answer: &Answer) -> Option<String> {
    let Message { message, error } = serde_json::from_slice(&answer.body).ok()?;
    let said = message.or(error)?;
    Some(said.as_str().map_or_else(|| said.to_string(), str::to_owned))
}

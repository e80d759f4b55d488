//! Brings a file from an address: `https:`, `http:`, `file:`.
//!
//! Does not know HTTP (`http.rs`).

use std::fs::File;
use std::path::Path;

use crate::http::Client;
use crate::sources::{LARGEST_SOURCE, Reason, beside};

/// Writes the bytes of an address to a file.
pub(super) fn bring(client: &Client, url: &str, into: &Path) -> Result<(), Reason> {
    if let Some(path) = file_path(url) {
        return beside::copy(&path, into);
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Reason::Unusable("only `https:`, `http:` and `file:` can be fetched".to_owned()));
    }
    let disk = |error: std::io::Error| Reason::Unreachable(error.to_string());
    let mut file: File = fs_err::File::create(into).map_err(disk)?.into_file();
    match client.download(url, &mut file, LARGEST_SOURCE, &mut |_| {}) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Reason::Absent),
        Err(error) => Err(Reason::Unreachable(error.to_string())),
    }
}

/// The path of a `file:` address, or of a plain absolute path. `%20` and the like are characters (RFC 8089).
pub(super) fn file_path(url: &str) -> Option<std::path::PathBuf> {
    if url.starts_with('/') {
        return Some(url.into());
    }
    let rest = url.strip_prefix("file:")?;
    let path = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
    path.starts_with('/').then(|| decoded(path).into())
}

fn decoded(path: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    let (mut bytes, text) = (Vec::new(), path.as_bytes());
    let mut at = 0;
    while at < text.len() {
        let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        match (text[at], hex(text.get(at + 1)), hex(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            (byte, ..) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes)
}

/// An address as it may be shown: without user, password and token.
pub(super) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..host_end].rsplit_once('@').map_or(&rest[..host_end], |(_, host)| host);
    let tail = rest[host_end..].split_once('?').map_or(&rest[host_end..], |(path, _)| path);
    format!("{scheme}://{host}{tail}")
}

/// The address that a link on a page leads to (RFC 3986, 5.2, without queries).
pub(super) fn joined(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let Some((scheme, rest)) = page.split_once("://") else { return link.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if let Some(other) = link.strip_prefix("//") {
        return format!("{scheme}://{other}");
    }
    let start = if link.starts_with('/') { "" } else { path.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(link.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("{scheme}://{host}/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_become_paths() {
        let path = |url| file_path(url).map(|path| path.display().to_string());
        assert_eq!(path("file:///a%20b/c").as_deref(), Some("/a b/c"));
        assert_eq!(path("file:/a").as_deref(), Some("/a"));
        assert_eq!(path("/a").as_deref(), Some("/a"));
        assert_eq!(path("file:a"), None);
        assert_eq!(path("https://example.org/"), None);
    }

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        assert_eq!(without_secrets("https://ada:pw@example.org/a/b?token=1#c"), "https://example.org/a/b");
        assert_eq!(without_secrets("/a@b"), "/a@b");
    }

    #[test]
    fn links_are_joined_as_browsers_do() {
        let page = "https://example.org/simple/six/";
        for (link, whole) in [
            ("../../packages/six.tgz", "https://example.org/packages/six.tgz"),
            ("/p/six.tgz", "https://example.org/p/six.tgz"),
            ("//files.example.org/six.tgz", "https://files.example.org/six.tgz"),
            ("six.tgz", "https://example.org/simple/six/six.tgz"),
            ("http://other.example.org/x", "http://other.example.org/x"),
        ] {
            assert_eq!(joined(page, link), whole);
        }
    }
}

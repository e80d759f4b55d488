//! Where a bucket is: the parts of an `s3:` address, and what stands in their stead in the environment.
//!
//! Asks nobody.

use crate::channel::AddressFault;
use crate::channel::s3::credentials::setting;
use crate::http::environment::variable;
use crate::percent;

/// The region that is taken where none is named.
const ANY_REGION: &str = "us-east-1";

/// A bucket and a folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Scheme, host and port of the address that requests go to.
    pub origin: String,
    /// Stands before every path: the bucket, or nothing.
    head: String,
    /// Ends in `/`, or is empty.
    folder: String,
    /// As it is signed.
    pub region: String,
}

impl Place {
    pub(super) fn parse(url: &str) -> Result<Place, AddressFault> {
        let rest = url.strip_prefix("s3://").ok_or(AddressFault::Bucket)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, folder) = path.split_once('/').unwrap_or((path, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if bucket.len() < 3 || bucket.len() > 63 || !bucket.chars().all(is_plain) {
            return Err(AddressFault::Bucket);
        }
        let (mut endpoint, mut region, mut is_path_style) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').ok_or(AddressFault::Setting)? {
                ("endpoint", value) => endpoint = Some(percent::decoded(value)),
                ("region", value) => region = Some(value.to_owned()),
                ("path-style", "true") => is_path_style = Some(true),
                ("path-style", "false") => is_path_style = Some(false),
                _ => return Err(AddressFault::Setting),
            }
        }
        let region = region
            .or_else(|| ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(variable).map(str::to_owned))
            .or_else(|| setting("region"))
            .unwrap_or_else(|| ANY_REGION.to_owned());
        let given = || ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].into_iter().find_map(variable).map(str::to_owned);
        let endpoint = endpoint.or_else(given).or_else(|| setting("endpoint_url"));
        // A certificate of Amazon's is for one name before the host, and a dot makes two of it.
        let is_path_style = is_path_style.unwrap_or(endpoint.is_some() || bucket.contains('.'));
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let (scheme, host) = endpoint.trim_end_matches('/').split_once("://").ok_or(AddressFault::Setting)?;
        if !matches!(scheme, "http" | "https") || host.is_empty() || host.contains(['/', '@', '?']) {
            return Err(AddressFault::Setting);
        }
        let (origin, head) = match is_path_style {
            true => (format!("{scheme}://{host}"), format!("/{bucket}")),
            false => (format!("{scheme}://{bucket}.{host}"), String::new()),
        };
        let folder = folder.trim_matches('/');
        let folder = if folder.is_empty() { String::new() } else { format!("{}/", percent::decoded(folder)) };
        Ok(Place { origin, head, folder, region })
    }

    /// The host as the `Host` header has it: without the port that its scheme has anyway.
    pub(super) fn host(&self) -> &str {
        match self.origin.split_once("://") {
            Some(("http", host)) => host.strip_suffix(":80").unwrap_or(host),
            Some((_, host)) => host.strip_suffix(":443").unwrap_or(host),
            None => &self.origin,
        }
    }

    /// The key of an object of the channel.
    pub(super) fn key(&self, path: &str) -> String {
        format!("{}{path}", self.folder)
    }

    /// The path of an object of the channel, from its key.
    pub(super) fn below<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.folder)
    }

    /// The path of a request, encoded; for an empty `path` that of the bucket.
    pub(super) fn path(&self, path: &str) -> String {
        match path {
            "" => format!("{}/", self.head),
            _ => format!("{}/{}", self.head, percent::encoded_path(&self.key(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_bucket_folder_and_store() {
        let place = Place::parse("s3://deps/a/b/?endpoint=http://127.0.0.1:9000/&region=eu-1").unwrap();
        assert_eq!((place.origin.as_str(), place.host()), ("http://127.0.0.1:9000", "127.0.0.1:9000"));
        assert_eq!(place.path("bundles/deps-1+x/p.json"), "/deps/a/b/bundles/deps-1%2Bx/p.json");
        assert_eq!((place.region.as_str(), place.path("").as_str()), ("eu-1", "/deps/"));
        assert_eq!(place.below("a/b/channel.json"), Some("channel.json"));
        let place = Place::parse("s3://deps?endpoint=https%3A%2F%2Fstore.example.org:443&path-style=false").unwrap();
        assert_eq!((place.host(), place.path("x").as_str()), ("deps.store.example.org", "/x"));
        let place = Place::parse("s3://deps?region=eu-west-1").unwrap();
        assert_eq!(place.origin, "https://deps.s3.eu-west-1.amazonaws.com");
    }

    #[test]
    fn addresses_without_meaning_are_refused() {
        for (url, fault) in [
            ("s3:deps", AddressFault::Bucket),
            ("s3://", AddressFault::Bucket),
            ("s3://de ps", AddressFault::Bucket),
            ("s3://deps?endpiont=x", AddressFault::Setting),
            ("s3://deps?endpoint=host", AddressFault::Setting),
            ("s3://deps?endpoint=http://a/b", AddressFault::Setting),
            ("s3://deps?path-style=yes", AddressFault::Setting),
        ] {
            assert_eq!(Place::parse(url), Err(fault), "{url}");
        }
    }
}

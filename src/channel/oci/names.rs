//! Where a channel's objects lie in a registry: the tags that stand for their paths, and the address itself.
//!
//! | object | in the repository |
//! |---|---|
//! | `bundles/<tag>/<platform>.json` and `.minisig` | tag `<tag>..<platform>`, an index of the platforms at tag `<tag>` |
//! | `candidates/<name>/<platform>.json` and `.minisig` | tag `candidate..<name>..<platform>`, index `candidate..<name>` |
//! | `keys/<platform>/<build key>.json` | tag `key..<platform>..<build key>` |
//! | `channel.json` | tag `tagalong..channel` |
//! | `packages/<aa>/<digest>.tar.zst` | blob `sha256:<digest>` |
//!
//! No deps tag has two dots in a row, so no two paths share a tag. A path that makes no tag (a `+`, more than 128
//! characters) has one with 16 digits of its digest at the end. Asks nobody.

use crate::channel::AddressFault;
use crate::model::digest::Digest;

/// The longest tag, in characters (OCI distribution specification 1.1).
const LONGEST_TAG: usize = 128;

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As credentials are filed under.
    pub registry: String,
    /// Scheme, host and port that requests go to.
    pub origin: String,
    pub repository: String,
}

impl Place {
    /// Reads `oci://registry/repository`, or `oci+http://…` for a registry without TLS.
    pub(super) fn parse(url: &str) -> Result<Place, AddressFault> {
        let (scheme, rest) = match (url.strip_prefix("oci://"), url.strip_prefix("oci+http://")) {
            (Some(rest), _) => ("https", rest),
            (_, Some(rest)) => ("http", rest),
            _ => return Err(AddressFault::Repository),
        };
        let (registry, repository) = rest.split_once('/').ok_or(AddressFault::Repository)?;
        let repository = repository.trim_end_matches('/');
        let is_name = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if registry.is_empty() || !registry.chars().all(is_host) || !repository.split('/').all(is_name) {
            return Err(AddressFault::Repository);
        }
        let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        let (registry, repository) = (registry.to_owned(), repository.to_owned());
        Ok(Place { registry, origin: format!("{scheme}://{host}"), repository })
    }
}

/// What a path of the channel is in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// A blob, by its digest.
    Blob(Digest),
    /// An object of its own, by its tag.
    Tag(String),
    /// The signature of the bundle with this path.
    SignatureOf(String),
}

impl Spot {
    pub(super) fn of(path: &str) -> Spot {
        if let Some(bundle) = path.strip_suffix(".minisig") {
            return Spot::SignatureOf(bundle.to_owned());
        }
        let parts: Vec<&str> = path.split('/').collect();
        let stem = |name: &str| name.strip_suffix(".json").map(str::to_owned);
        match parts[..] {
            ["packages", _, name] => {
                if let Some(Ok(digest)) = name.strip_suffix(".tar.zst").map(Digest::parse) {
                    return Spot::Blob(digest);
                }
            }
            ["channel.json"] => return Spot::Tag("tagalong..channel".to_owned()),
            ["bundles" | "candidates", _, name] => {
                if let (Some((folder, _)), Some(platform)) = (path.rsplit_once('/'), stem(name)) {
                    return Spot::Tag(allowed(path, format!("{}..{platform}", plain_index_of(folder))));
                }
            }
            ["keys", platform, name] => {
                if let Some(key) = stem(name) {
                    return Spot::Tag(allowed(path, format!("key..{platform}..{key}")));
                }
            }
            _ => {}
        }
        Spot::Tag(allowed(path, "/".to_owned()))
    }
}

/// The tag of the index of a bundle's platforms; `folder` is `bundles/<tag>` or `candidates/<name>`.
pub(super) fn index_of(folder: &str) -> String {
    allowed(folder, plain_index_of(folder))
}

fn plain_index_of(folder: &str) -> String {
    match folder.split_once('/') {
        Some(("candidates", name)) => format!("candidate..{name}"),
        Some((_, tag)) => tag.to_owned(),
        None => folder.to_owned(),
    }
}

/// The wish, if it is a tag that a registry takes.
fn allowed(path: &str, wish: String) -> String {
    let is_tag = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if wish.len() <= LONGEST_TAG && wish.chars().all(is_tag) && wish.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return wish;
    }
    let shown: String = path.chars().map(|c| if is_tag(c) { c } else { '-' }).take(80).collect();
    format!("{}..sha256-{}", shown.trim_start_matches(['.', '-']), Digest::of(path.as_bytes()).short(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_tags_and_blobs() {
        let hex = "ab".repeat(32);
        let tag = |text: &str| Spot::Tag(text.to_owned());
        for (path, spot) in [
            ("channel.json", tag("tagalong..channel")),
            ("bundles/deps-1/debian-12-x86_64.json", tag("deps-1..debian-12-x86_64")),
            ("candidates/deps-mr-x/debian-12-x86_64.json", tag("candidate..deps-mr-x..debian-12-x86_64")),
            ("keys/debian-12-x86_64/00ff.json", tag("key..debian-12-x86_64..00ff")),
            (&format!("packages/ab/{hex}.tar.zst"), Spot::Blob(Digest::parse(&hex).unwrap())),
            ("bundles/deps-1/p.json.minisig", Spot::SignatureOf("bundles/deps-1/p.json".to_owned())),
        ] {
            assert_eq!(Spot::of(path), spot, "{path}");
        }
        assert_eq!((index_of("bundles/deps-1"), index_of("candidates/x")), ("deps-1".into(), "candidate..x".into()));
        let Spot::Tag(odd) = Spot::of("bundles/deps-1+x/debian-12-x86_64.json") else { panic!() };
        assert!(odd.starts_with("bundles-deps-1-x-debian-12-x86_64.json..sha256-"), "{odd}");
        let Spot::Tag(long) = Spot::of(&format!("bundles/{}/p.json", "x".repeat(200))) else { panic!() };
        assert!(long.len() <= LONGEST_TAG && long != odd);
    }

    #[test]
    fn addresses_name_a_repository() {
        let place = Place::parse("oci://registry.example.org:5000/team/deps").unwrap();
        assert_eq!(
            (place.origin.as_str(), place.repository.as_str()),
            ("https://registry.example.org:5000", "team/deps")
        );
        assert_eq!(Place::parse("oci+http://localhost:5000/d").unwrap().origin, "http://localhost:5000");
        for url in
            ["oci://host", "oci://host/", "oci:///x", "oci://host/Team", "oci://a@b/x", "oci://host/a//b", "oci:x"]
        {
            assert_eq!(Place::parse(url), Err(AddressFault::Repository), "{url}");
        }
    }
}

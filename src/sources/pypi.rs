//! Brings a release of a Python package from pip's own index.
//!
//! Does not know any index's address: pip tells it. The index is read as its simple page (PEP 503); pip itself would
//! build metadata to download a source release.

use std::path::Path;
use std::process::Command;

use crate::http::Client;
use crate::model::digest::Digest;
use crate::sources::program;
use crate::sources::{Reason, web};

/// The largest page of a project that is read, in bytes.
const LARGEST_PAGE: u64 = 64 << 20;

/// Asks pip's own code for the index it uses when nothing is set.
const DEFAULT_INDEX: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// Which file is wanted: the one with the digest, else the source release of the version.
pub(super) struct Release<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub digest: Option<&'a Digest>,
}

/// Writes the release's file to `into`.
pub(super) fn bring(client: &Client, release: &Release<'_>, into: &Path) -> Result<(), Reason> {
    let mut reason = Reason::Absent;
    for index in indexes()? {
        let page_url = format!("{}/{}/", index.trim_end_matches('/'), normalized(release.name));
        let page = match client.get(&page_url, LARGEST_PAGE) {
            Ok(Some(page)) => page,
            Ok(None) => continue,
            Err(error) => {
                reason = Reason::Unreachable(error.to_string());
                continue;
            }
        };
        let links = links(&String::from_utf8_lossy(&page));
        if let Some(link) = choose(&links, release) {
            return web::bring(client, &web::joined(&page_url, &link.address), into);
        }
    }
    Err(reason)
}

/// The indexes that pip asks, in its order.
fn indexes() -> Result<Vec<String>, Reason> {
    let listed = python(&["-m", "pip", "config", "list"])?;
    let setting = |names: &[&str]| {
        let value = |name: &&str| listed.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}=")));
        names.iter().find_map(value).map(|value| value.trim_matches(['\'', '"']).to_owned())
    };
    // What is nearer wins: the environment, then the command's own section, then the section for all.
    let main = setting(&[":env:.index-url", "download.index-url", "install.index-url", "global.index-url"]);
    let main = match main {
        Some(main) => main,
        None => python(&["-c", DEFAULT_INDEX])?.trim().to_owned(),
    };
    let extra = setting(&[":env:.extra-index-url", "install.extra-index-url", "global.extra-index-url"]);
    let mut indexes = vec![main];
    indexes.extend(extra.unwrap_or_default().replace("\\n", " ").split_whitespace().map(str::to_owned));
    Ok(indexes)
}

fn python(arguments: &[&str]) -> Result<String, Reason> {
    let mut command = Command::new("python3");
    // Isolated: nothing of the working folder is imported.
    command.arg("-I").args(arguments);
    match program::run(&mut command) {
        Ok(Some(said)) if said.is_success => Ok(said.stdout_text()),
        Ok(Some(said)) => Err(Reason::Unusable(format!("pip: {}", said.complaint()))),
        Ok(None) => Err(Reason::Unusable("python3 is not installed".to_owned())),
        Err(error) => Err(Reason::Unusable(error.to_string())),
    }
}

/// A project's name as an index writes it (PEP 503).
fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// Without the fragment.
    address: String,
    file: String,
    digest: Option<Digest>,
}

/// The links of a simple page, in order.
fn links(page: &str) -> Vec<Link> {
    let anchors = page.split("<a").skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
    anchors.filter_map(href).map(|href| link(&href)).collect()
}

fn href(tag: &str) -> Option<String> {
    let (_, rest) = tag.split_once("href")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, _) = rest[1..].split_once(quote)?;
    Some(value.replace("&amp;", "&").replace("&#x2F;", "/"))
}

fn link(href: &str) -> Link {
    let (address, fragment) = href.split_once('#').unwrap_or((href, ""));
    let path = address.split('?').next().unwrap_or(address);
    let file = path.rsplit('/').next().unwrap_or(path).replace("%2B", "+").replace("%21", "!");
    let digest = fragment.split('&').find_map(|part| Digest::parse(part.strip_prefix("sha256=")?).ok());
    Link { address: address.to_owned(), file, digest }
}

/// The file with the digest; where the index tells no digests, or none is known yet, the source release.
fn choose<'a>(links: &'a [Link], release: &Release<'_>) -> Option<&'a Link> {
    let is_source = |link: &&Link| {
        let stem =
            [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"].iter().find_map(|end| link.file.strip_suffix(end));
        let named = stem.and_then(|stem| stem.rsplit_once('-'));
        named.is_some_and(|(name, version)| normalized(name) == normalized(release.name) && version == release.version)
    };
    match release.digest {
        Some(digest) => links
            .iter()
            .find(|link| link.digest.as_ref() == Some(digest))
            .or_else(|| links.iter().find(|link| link.digest.is_none() && is_source(link)))
            // Other bytes than the recipe's, but then the reader is told which.
            .or_else(|| links.iter().find(is_source)),
        None => links.iter().find(is_source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_with_the_digest_is_chosen_else_the_source_release() {
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        let page = format!(
            "<html><a href=\"../../p/Six-1.0-py3-none-any.whl#sha256={one}\">x</a>\n\
             <a data-requires-python=\"&gt;=3\" href='../../p/six-1.0.tar.gz#sha256={two}'>y</a><a>z</a>"
        );
        let links = links(&page);
        assert_eq!(links.len(), 2);
        let wheel = Digest::parse(&one).unwrap();
        let choose =
            |digest| choose(&links, &Release { name: "six", version: "1.0", digest }).map(|link| &link.file[..]);
        assert_eq!(choose(Some(&wheel)), Some("Six-1.0-py3-none-any.whl"));
        assert_eq!(choose(None), Some("six-1.0.tar.gz"));
        assert_eq!(normalized("Zope.Interface__x"), "zope-interface-x");
    }
}

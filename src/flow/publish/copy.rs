//! Copies a published bundle from one channel to another: from staging to production, or by a folder that travels.
//!
//! Bytes and signatures stay as they are; nothing is signed here, and what is not trusted is not copied.

use std::path::PathBuf;

use crate::channel::Channel;
use crate::checkout::{Checkout, Forced, Wanted};
use crate::flow::publish::job::{Job, Seal};
use crate::flow::publish::{Error, obtain};
use crate::model::bundle::{BuildRecord, BundleKind, BundleManifest, BundleRef};
use crate::model::depth::Depth;
use crate::model::event::Tell;
use crate::model::project::{ChannelConfig, Project};
use crate::model::tag::DepsTag;
use crate::place;
use crate::search::{Found, Network, Search};
use crate::store::Store;

/// What is copied. A channel is named as in tagalong.toml, or by its address.
#[derive(Debug)]
pub struct CopyOptions {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub forced: Option<Forced>,
    pub candidate: Option<DepsTag>,
    pub from: String,
    pub to: String,
    pub depth: Depth,
}

/// One bundle that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub bundle: BundleRef,
    pub packages: usize,
    /// How many archives were new there, and their bytes.
    pub archives: usize,
    pub bytes: u64,
    /// Whether the very bundle was there before.
    pub was_there: bool,
}

/// Copies a bundle for every platform that it is there for.
///
/// # Errors
/// [`Error::NothingToCopy`], and as of publishing.
pub fn copy(options: &CopyOptions, tell: Tell) -> Result<Vec<Copied>, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let root = place::root_of(&checkout)?;
    let project = checkout.project();
    let (kind, tag) = match &options.candidate {
        Some(name) => (BundleKind::Candidate, name.clone()),
        None => (BundleKind::Tagged, checkout.resolve(&Wanted { commit: None, forced: options.forced.clone() })?.tag),
    };
    let from = Channel::open(&config(project, &options.from, &options.to)?, Some(root))?;
    let target = config(project, &options.to, &options.from)?;
    let to = Channel::open(&target, Some(root))?;
    let store = Store::open(&options.cache)?;
    let platforms = from.platforms(kind, &tag, &place::likely_platforms(project))?;
    if platforms.is_empty() {
        return Err(Error::NothingToCopy { tag, from: options.from.clone() });
    }
    let seal = Seal::without_key(&target)?;
    let (channels, network) = (std::slice::from_ref(&from), Network::Allowed);
    let search = Search { channels, store: &store, network, tell };
    let job = Job { channel: &to, writable: &to.writable(), store: &store, seal: &seal, now: 0, tell };
    let mut copied = Vec::new();
    for platform in platforms {
        let found = search.find(&[BundleRef { kind, tag: tag.clone(), platform }])?;
        copied.push(one(&found, &search, &job, options.depth)?);
    }
    Ok(copied)
}

fn one(found: &Found<'_>, search: &Search<'_>, job: &Job<'_>, depth: Depth) -> Result<Copied, Error> {
    let manifest = &found.manifest;
    let was_there = is_there(found, job)?;
    let mut copied =
        Copied { bundle: manifest.reference(), packages: manifest.packages.len(), archives: 0, bytes: 0, was_there };
    if depth == Depth::Plan {
        return Ok(copied);
    }
    obtain(search, manifest, found.channel)?;
    job.writable.prepare()?;
    (copied.archives, copied.bytes) = job.put_archives(&manifest.packages)?;
    for package in manifest.of_recipes() {
        let Some(json) = found.channel.record(&manifest.platform, package.build_key)? else { continue };
        // Nobody vouches for records; one that is none is not passed on.
        if let Ok(record) = BuildRecord::parse(&json) {
            job.put_record(&record)?;
        }
    }
    job.writable.exclusively(&manifest.reference(), job.tell, |writer| {
        // Somebody may have written it meanwhile.
        if !is_there(found, job)? {
            writer.write(&found.bytes, found.signature.as_deref())?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(copied)
}

/// Whether the other channel has the very bundle; another one under the tag's name, or a newer candidate, is an error.
fn is_there(found: &Found<'_>, job: &Job<'_>) -> Result<bool, Error> {
    let (manifest, bundle) = (&found.manifest, found.manifest.reference());
    let Some(there) = job.there(&bundle)? else { return Ok(false) };
    if there.manifest == found.bytes {
        return Ok(true);
    }
    let other =
        BundleManifest::parse(&there.manifest).map_err(|fault| Error::Existing { path: bundle.path(), fault })?;
    if manifest.candidate && other.sequence < manifest.sequence {
        return Ok(false);
    }
    let (channel, differing) = (job.channel.name().to_owned(), other.differences(manifest));
    Err(Error::Taken { bundle: Box::new(bundle), channel, differing })
}

/// The channel of that name; else the one at that address, which is trusted as the other side is, or as the first.
fn config(project: &Project, given: &str, other: &str) -> Result<ChannelConfig, Error> {
    match project.channel(Some(given)) {
        Ok(config) => Ok(config.clone()),
        Err(error) if !given.contains(':') => Err(error.into()),
        Err(_) => {
            let trust = project.channel(Some(other)).or_else(|_| project.channel(None))?.trust.clone();
            Ok(ChannelConfig { name: crate::http::redact(given), url: given.to_owned(), trust })
        }
    }
}

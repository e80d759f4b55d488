//! What may go from a channel: bundles of tags that are gone, candidates that expired, and what only they hold.
//!
//! ```text
//! manifests to keep -archives they name-> packages to keep -archives-> records to keep; the rest, if it is old enough
//! ```
//! Removed in the order manifests, records, packages: what is found is whole. Whatever is younger than the grace period
//! stays, for a publisher that has put its packages and not yet its manifest; and the manifests are listed again before
//! packages go.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::channel::{Channel, ChannelError, Listed, Writable};
use crate::checkout::{self, Checkout};
use crate::model::bundle::{BuildRecord, BundleFault, BundleKind, BundleManifest, BundleRef, archive_path, record_at};
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::model::project::NoSuchChannel;
use crate::model::tag::DepsTag;
use crate::place::{self, PlaceError};

/// What is asked.
pub struct Options {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    /// The channel's name in tagalong.toml.
    pub channel: String,
    /// What was written within this time stays, in seconds.
    pub grace: u64,
    /// How long a candidate without an end is kept, in seconds.
    pub candidates: u64,
    /// Candidates that are not kept, whatever their end.
    pub expired: Vec<DepsTag>,
    /// The time of the run, in seconds since 1970.
    pub now: u64,
    pub depth: Depth,
}

/// Why something goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The repository has no such tag.
    NoTag,
    /// In seconds since 1970.
    Expired { at: u64 },
    /// A candidate that has no end, and is older than is kept.
    Old,
    /// A candidate that the user names.
    Asked,
    /// No bundle that stays names it.
    Unused,
}

/// An object that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Going {
    pub object: Listed,
    pub cause: Cause,
}

/// What went, or would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub going: Vec<Going>,
    /// How many bundles stay, and the bytes of all objects that stay.
    pub bundles: usize,
    pub left: u64,
}

/// Why nothing is removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    NoSuchChannel(#[from] NoSuchChannel),
    /// In a shallow clone, or one without tags, every bundle would look as if its tag were gone.
    #[error("the repository has no deps tags")]
    NoTags { is_shallow: bool },
    /// What a manifest holds decides what stays; one that cannot be read may hold anything.
    #[error("{path}: {fault}")]
    Manifest { path: String, fault: BundleFault },
}

/// Finds what may go from the channel, and removes it.
///
/// # Errors
/// [`Error`]; when it comes in the middle, what is left on the channel is whole.
pub fn gc(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let root = place::root_of(&checkout)?;
    let config = checkout.project().channel(Some(&options.channel))?;
    let tags = checkout.deps_tag_names()?;
    let is_shallow = checkout.is_shallow();
    if tags.is_empty() || is_shallow {
        return Err(Error::NoTags { is_shallow });
    }
    let channel = Channel::open(config, Some(root))?;
    let writable = channel.writable();
    let sweep = Sweep { channel: &channel, writable: &writable, tags: &tags, options };
    let mut bundles = sweep.bundles()?;
    let mut going = std::mem::take(&mut bundles.going);
    let records = sweep.records(&bundles)?;
    let packages = sweep.packages(&bundles)?;
    let size = |going: &[Going]| going.iter().map(|one| one.object.size).sum::<u64>();
    let all = bundles.size + records.size + packages.size;
    if options.depth == Depth::Act {
        let remove = |going: &[Going]| going.iter().try_for_each(|one| sweep.remove(one, tell));
        remove(&going)?;
        remove(&records.going)?;
        // Somebody may have published meanwhile what nobody named before.
        let archives = sweep.bundles()?.archives;
        let is_unused = |one: &&Going| !archives.contains(&one.object.path);
        let unused: Vec<Going> = packages.going.iter().filter(is_unused).cloned().collect();
        remove(&unused)?;
    }
    going.extend(records.going);
    going.extend(packages.going);
    Ok(Outcome { left: all - size(&going), bundles: bundles.kept, going })
}

struct Sweep<'a> {
    channel: &'a Channel,
    writable: &'a Writable<'a>,
    tags: &'a BTreeSet<String>,
    options: &'a Options,
}

/// What was found in one part of the channel.
#[derive(Default)]
struct Part {
    going: Vec<Going>,
    /// How many manifests stay, and the paths of the archives that they name.
    kept: usize,
    archives: BTreeSet<String>,
    /// The bytes of all objects.
    size: u64,
}

impl Sweep<'_> {
    fn is_young(&self, object: &Listed) -> bool {
        // A place that tells no times keeps nothing for its age; it is the second look at the manifests that helps.
        object.modified > 0 && object.modified.saturating_add(self.options.grace) > self.options.now
    }

    fn bundles(&self) -> Result<Part, Error> {
        let mut part = Part::default();
        for folder in ["bundles/", "candidates/"] {
            let objects = self.writable.list(folder)?;
            part.size += objects.iter().map(|object| object.size).sum::<u64>();
            for object in &objects {
                // What is none of ours is left alone.
                let Some(bundle) = BundleRef::at(&object.path) else { continue };
                let Some(unchecked) = self.channel.manifest(&bundle)? else { continue };
                let fault = |fault| Error::Manifest { path: object.path.clone(), fault };
                let manifest = BundleManifest::parse(&unchecked.manifest).map_err(fault)?;
                match self.cause(&manifest, &bundle, object) {
                    Some(cause) => {
                        let signature = objects.iter().find(|other| other.path == bundle.signature_path());
                        part.going.push(Going { object: object.clone(), cause: cause.clone() });
                        part.going.extend(signature.map(|object| Going { object: object.clone(), cause }));
                    }
                    None => {
                        part.kept += 1;
                        part.archives.extend(manifest.packages.iter().map(|package| package.path()));
                    }
                }
            }
        }
        Ok(part)
    }

    /// Why a bundle goes; `None` for one that stays.
    fn cause(&self, manifest: &BundleManifest, bundle: &BundleRef, object: &Listed) -> Option<Cause> {
        let now = self.options.now;
        match bundle.kind {
            BundleKind::Candidate if self.options.expired.contains(&bundle.tag) => Some(Cause::Asked),
            BundleKind::Candidate => match manifest.expires {
                Some(at) if at <= now => Some(Cause::Expired { at }),
                Some(_) => None,
                // A candidate's sequence is at least the time when it was published.
                None if manifest.sequence.saturating_add(self.options.candidates) <= now => Some(Cause::Old),
                None => None,
            },
            BundleKind::Tagged if self.tags.contains(bundle.tag.as_str()) || self.is_young(object) => None,
            BundleKind::Tagged => Some(Cause::NoTag),
        }
    }

    fn packages(&self, bundles: &Part) -> Result<Part, Error> {
        let objects = self.writable.list("packages/")?;
        let stays = |object: &Listed| bundles.archives.contains(&object.path) || self.is_young(object);
        Ok(unused(objects, stays))
    }

    /// Records go with the archive that they name, so that no key leads to nothing.
    fn records(&self, bundles: &Part) -> Result<Part, Error> {
        let mut stays = BTreeSet::new();
        let objects = self.writable.list("keys/")?;
        for object in &objects {
            let is_named = || {
                let (platform, key) = record_at(&object.path)?;
                let json = self.channel.record(&platform, key).ok()??;
                let record = BuildRecord::parse(&json).ok()?;
                Some(bundles.archives.contains(&archive_path(record.archive)))
            };
            if self.is_young(object) || is_named().unwrap_or_default() {
                stays.insert(object.path.clone());
            }
        }
        Ok(unused(objects, |object| stays.contains(&object.path)))
    }

    fn remove(&self, going: &Going, tell: Tell) -> Result<(), Error> {
        self.writable.delete(&going.object.path)?;
        tell(Event::Removed { path: going.object.path.clone() });
        Ok(())
    }
}

fn unused(objects: Vec<Listed>, stays: impl Fn(&Listed) -> bool) -> Part {
    let size = objects.iter().map(|object| object.size).sum();
    let going = objects.into_iter().filter(|object| !stays(object));
    Part { going: going.map(|object| Going { object, cause: Cause::Unused }).collect(), size, ..Part::default() }
}

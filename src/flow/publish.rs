//! Publishes what was built in a checkout: packages, records, then the signed manifest.
//!
//! Does not build.

use std::path::PathBuf;

use crate::builder::sandbox::Level;
use crate::channel::{Channel, ChannelError, ManifestWriter, Put, Writable};
use crate::checkout::{self, Checkout, Forced, Wanted};
use crate::host::HostError;
use crate::model::bundle::{
    BuiltBundle, BundleFault, BundleKind, BundleManifest, BundlePackage, BundleRef, FORMAT, archive_path,
};
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::model::platform::Platform;
use crate::model::project::{ChannelConfig, Project, SandboxDemand, Trust};
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::place::{self, PlaceError};
use crate::signing::{self, PublicKey, SecretKey, SigningError};
use crate::store::{Store, StoreError};

/// What is asked.
#[derive(Debug)]
pub struct Options {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub forced: Option<Forced>,
    /// Publishes under this name, which is no tag, and may do so again and again.
    pub candidate: Option<DepsTag>,
    /// The name of the channel; the project's first by default.
    pub channel: Option<String>,
    pub key: Option<SecretKey>,
    /// The time of the run, in seconds since 1970: a candidate's sequence is at least that, so that one that was
    /// removed from the channel and is published again does not count as an old one.
    pub now: u64,
    pub depth: Depth,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub channel: String,
    pub bundle: BundleRef,
    pub sequence: u64,
    pub packages: Vec<BundlePackage>,
    pub done: Done,
}

/// What was done to the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The channel has this very bundle, signed by a key that the project trusts.
    WasThere,
    /// It had it, with a signature that is no longer trusted; that was replaced.
    SignedAnew,
    /// It would be published.
    Planned,
    /// It was published; so many archives were new to the channel, with so many bytes.
    Published { archives: usize, bytes: u64 },
}

/// Publishes the last build of the checkout.
///
/// # Errors
/// [`Error`]; before the manifest is written nobody finds anything new on the channel.
pub fn publish(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let root = place::root_of(&checkout)?;
    let config = chosen(checkout.project(), options.channel.as_deref())?;
    let channel = Channel::open(config, Some(root))?;
    let writable = channel.writable()?;
    let seal = Seal::new(config, options.key.as_ref())?;
    let named = Named::new(&checkout, options, tell)?;

    let platform = place::own_platform(None)?;
    let store = Store::open(&options.cache)?;
    let built = store.last_build(root, &platform).ok_or(Error::NothingBuilt { platform: platform.clone() })?;
    if checkout.project().sandbox == Some(SandboxDemand::Full) && built.builder.sandbox != Level::Namespaces.name() {
        return Err(Error::Sandbox { level: built.builder.sandbox });
    }
    named.refuse_other_recipes(&built, checkout.recipes_tree_on_disk()?)?;

    let job = Job { channel: &channel, writable: &writable, store: &store, seal: &seal, tell };
    let manifest = named.manifest(built, options.now);
    let outcome = |done, sequence| Outcome {
        channel: channel.name().to_owned(),
        bundle: manifest.reference(),
        sequence,
        packages: manifest.packages.clone(),
        done,
    };
    if options.depth == Depth::Plan {
        let standing = job.standing(&manifest)?;
        let done = if standing.is_same && standing.is_trusted { Done::WasThere } else { Done::Planned };
        return Ok(outcome(done, standing.sequence));
    }
    // What is there for ever is compared before anything is written.
    job.standing(&manifest)?;
    writable.prepare()?;
    let (archives, bytes) = job.put_packages(&manifest)?;
    let write = |writer: &ManifestWriter| job.put_manifest(&manifest, writer);
    let (done, sequence) = writable.exclusively(&manifest.reference(), tell, write)?;
    let done = if done == Written::New { Done::Published { archives, bytes } } else { done.into() };
    Ok(outcome(done, sequence))
}

/// The channel of that name, else the first.
fn chosen<'a>(project: &'a Project, name: Option<&str>) -> Result<&'a ChannelConfig, Error> {
    let is_it = |config: &&ChannelConfig| name.is_none_or(|name| config.name == name);
    project.channels.iter().find(is_it).ok_or_else(|| match name {
        Some(name) => Error::NoSuchChannel {
            given: name.to_owned(),
            known: project.channels.iter().map(|config| config.name.clone()).collect(),
        },
        None => Error::NoChannel,
    })
}

/// How the channel's manifests are signed.
struct Seal<'a> {
    keys: Vec<PublicKey>,
    /// `None` for a channel that is unsigned.
    key: Option<&'a SecretKey>,
}

impl<'a> Seal<'a> {
    fn new(config: &ChannelConfig, key: Option<&'a SecretKey>) -> Result<Seal<'a>, Error> {
        let Trust::Keys(lines) = &config.trust else { return Ok(Seal { keys: Vec::new(), key: None }) };
        let keys: Vec<PublicKey> = lines.iter().map(|line| PublicKey::parse(line)).collect::<Result<_, _>>()?;
        let channel = config.name.clone();
        let Some(key) = key else { return Err(Error::NoKey { channel }) };
        if !keys.contains(key.public()) {
            return Err(Error::StrangeKey { channel, key: key.public().line().to_owned() });
        }
        Ok(Seal { keys, key: Some(key) })
    }

    fn sign(&self, manifest: &BundleManifest, bytes: &[u8]) -> Result<Option<String>, Error> {
        let comment = format!("tag:{} platform:{} sequence:{}", manifest.tag, manifest.platform, manifest.sequence);
        Ok(self.key.map(|key| key.sign(bytes, &comment)).transpose()?)
    }

    fn trusts(&self, bytes: &[u8], signature: Option<&str>) -> bool {
        self.key.is_none() || signature.is_some_and(|text| signing::verify(&self.keys, bytes, text).is_ok())
    }
}

/// Under which name is published, and what that name stands for.
struct Named {
    tag: DepsTag,
    kind: BundleKind,
    commit: Option<String>,
    /// The recipes tree that the name stands for; `None` for a candidate.
    recipes: Option<String>,
    drifted: Vec<String>,
}

impl Named {
    fn new(checkout: &Checkout, options: &Options, tell: Tell) -> Result<Named, Error> {
        if let Some(name) = &options.candidate {
            let (tag, commit) = (name.clone(), checkout.head()?);
            return Ok(Named { tag, kind: BundleKind::Candidate, commit, recipes: None, drifted: Vec::new() });
        }
        let resolution = checkout.resolve(&Wanted { commit: None, forced: options.forced.clone() })?;
        if let Some(forced) = &resolution.forced {
            tell(Event::TagForced { tag: forced.tag.clone(), by: forced.by });
        }
        if resolution.tagged_commit.is_none() {
            return Err(Error::NoSuchTag { tag: resolution.tag });
        }
        Ok(Named {
            tag: resolution.tag,
            kind: BundleKind::Tagged,
            commit: resolution.tagged_commit,
            recipes: resolution.recipes_of_tag,
            drifted: resolution.drift.into_iter().map(|drift| drift.recipe).collect(),
        })
    }

    /// The work tree, the build and the tag must be about the same recipes.
    fn refuse_other_recipes(&self, built: &BuiltBundle, on_disk: Option<String>) -> Result<(), Error> {
        if self.kind == BundleKind::Tagged && self.recipes != on_disk {
            return Err(Error::Drifted { tag: self.tag.clone(), recipes: self.drifted.clone() });
        }
        if on_disk.as_ref() != Some(&built.recipes) {
            return Err(Error::BuiltOther { tag: self.tag.clone() });
        }
        Ok(())
    }

    fn manifest(self, built: BuiltBundle, now: u64) -> BundleManifest {
        BundleManifest {
            format: FORMAT,
            tag: self.tag,
            candidate: self.kind == BundleKind::Candidate,
            commit: self.commit,
            recipes: built.recipes,
            platform: built.platform,
            floor: built.floor,
            builder: built.builder,
            packages: built.packages,
            tool: concat!("tagalong ", env!("CARGO_PKG_VERSION")).to_owned(),
            sequence: if self.kind == BundleKind::Candidate { now.max(1) } else { 1 },
        }
    }
}

/// What the channel has under the bundle's name.
struct Standing {
    /// The manifest that is there, as it is.
    bytes: Option<Vec<u8>>,
    is_same: bool,
    is_trusted: bool,
    /// Of the manifest that is there, or of the one that would be written.
    sequence: u64,
}

/// What was written under the bundle's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    New,
    Signature,
    Nothing,
}

impl From<Written> for Done {
    fn from(written: Written) -> Done {
        match written {
            Written::Signature => Done::SignedAnew,
            Written::New | Written::Nothing => Done::WasThere,
        }
    }
}

/// One publication on its way.
struct Job<'a> {
    channel: &'a Channel,
    writable: &'a Writable<'a>,
    store: &'a Store,
    seal: &'a Seal<'a>,
    tell: Tell<'a>,
}

impl Job<'_> {
    /// Compares with what is there; a tag that stands for other packages is an error.
    fn standing(&self, manifest: &BundleManifest) -> Result<Standing, Error> {
        let reference = manifest.reference();
        let Some(there) = self.channel.manifest(&reference)? else {
            return Ok(Standing { bytes: None, is_same: false, is_trusted: false, sequence: manifest.sequence });
        };
        let path = reference.path();
        let found = BundleManifest::parse(&there.manifest).map_err(|fault| Error::Existing { path, fault })?;
        let differing = found.differences(manifest);
        let is_same = differing.is_empty() && found.recipes == manifest.recipes;
        if !is_same && !manifest.candidate {
            return Err(Error::Taken {
                bundle: Box::new(reference),
                channel: self.channel.name().to_owned(),
                differing,
            });
        }
        let is_trusted = self.seal.trusts(&there.manifest, there.signature.as_deref());
        let sequence = if is_same { found.sequence } else { manifest.sequence.max(found.sequence + 1) };
        Ok(Standing { bytes: Some(there.manifest), is_same, is_trusted, sequence })
    }

    /// Puts archives and records; gives how many archives were new, and their bytes.
    fn put_packages(&self, manifest: &BundleManifest) -> Result<(usize, u64), Error> {
        let (mut archives, mut bytes) = (0, 0);
        for package in &manifest.packages {
            let gone = || Error::Gone { name: package.name.clone() };
            let from = self.store.verified_archive(package.archive)?.ok_or_else(gone)?;
            let put = self.writable.put_archive(package.archive, &from)?;
            if put == Put::Written {
                archives += 1;
                bytes += package.size;
            }
            let path = archive_path(package.archive);
            (self.tell)(Event::Published { path, was_there: put != Put::Written });
        }
        for package in &manifest.packages {
            let Some(record) = self.store.record(&manifest.platform, package.build_key)? else { continue };
            if self.writable.put_record(&record)? == Put::Differs {
                (self.tell)(Event::KeyBuiltOtherwise { name: package.name.clone(), path: record.path() });
            }
        }
        Ok((archives, bytes))
    }

    /// Puts the manifest; nobody else does meanwhile.
    fn put_manifest(&self, manifest: &BundleManifest, writer: &ManifestWriter) -> Result<(Written, u64), Error> {
        let standing = self.standing(manifest)?;
        let sequence = standing.sequence;
        let manifest = BundleManifest { sequence, ..manifest.clone() };
        let bytes = match standing.bytes {
            Some(_) if standing.is_same && standing.is_trusted => return Ok((Written::Nothing, sequence)),
            Some(bytes) if standing.is_same => {
                if let Some(signature) = self.seal.sign(&manifest, &bytes)? {
                    writer.write_signature(&signature)?;
                }
                return Ok((Written::Signature, sequence));
            }
            _ => manifest.to_json(),
        };
        writer.write(&bytes, self.seal.sign(&manifest, &bytes)?.as_deref())?;
        (self.tell)(Event::Published { path: manifest.reference().path(), was_there: false });
        Ok((Written::New, sequence))
    }
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("the project names no channel")]
    NoChannel,
    #[error("the project names no channel `{given}`")]
    NoSuchChannel { given: String, known: Vec<String> },
    #[error("channel `{channel}` is signed, and there is no key")]
    NoKey { channel: String },
    #[error("channel `{channel}` does not name the key {key}")]
    StrangeKey { channel: String, key: String },
    #[error("{tag} is no tag of the repository")]
    NoSuchTag { tag: DepsTag },
    #[error("nothing was built for {platform}")]
    NothingBuilt { platform: Platform },
    /// The recipes on disk are not those of the tag.
    #[error("the recipes on disk are not those of {tag}")]
    Drifted { tag: DepsTag, recipes: Vec<String> },
    /// The last build was of other recipes than those on disk.
    #[error("the last build was of other recipes")]
    BuiltOther { tag: DepsTag },
    /// The project publishes only what was built in a full sandbox.
    #[error("it was built at level {level}")]
    Sandbox { level: String },
    /// The tag has been published with other packages, or from other recipes.
    #[error("{} is taken", bundle.path())]
    Taken { bundle: Box<BundleRef>, channel: String, differing: Vec<RecipeName> },
    #[error("{path}: {fault}")]
    Existing { path: String, fault: BundleFault },
    /// An archive of the last build is no longer in the store.
    #[error("the package {name} is not in the store")]
    Gone { name: RecipeName },
}

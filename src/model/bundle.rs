//! The bundle manifest: all packages for one deps tag (or candidate) and one platform; what gets signed.
//!
//! On a channel at [`BundleRef::path`]:
//! ```json
//! {"format": 1, "tag": "deps-add-hdf5", "candidate": false, "commit": "9f2c…", "recipes": "4b82…",
//!  "platform": "debian-12-x86_64", "floor": {"GLIBC": "2.34"},
//!  "builder": {"image": null, "compiler": "gcc (Debian 12.2.0-14) 12.2.0", "sandbox": "full"},
//!  "packages": [{"name": "zlib", "version": "1.3.1", "license": "Zlib", "stacks": ["base"], "needs": [],
//!                "build_key": "…", "archive": "…", "size": 91234,
//!                "sources": [{"from": "https://zlib.net/zlib-1.3.1.tar.xz", "id": "sha256:38ef…"}]}],
//!  "tool": "tagalong 0.1.0", "sequence": 1}
//! ```
//! The debug information of `zlib` is the package `zlib-debug`, with `"debug_of": "zlib"` and the same build key.
//! A candidate also has `expires`, in seconds since 1970; a bundle made in CI has `builder.job`, the job's address.
//! Does not sign (`signing.rs`) nor fetch (`channel/`).

use serde::{Deserialize, Serialize};

use crate::model::build_key::{BuildKey, Ingredients};
use crate::model::digest::Digest;
use crate::model::host_package::HostPackage;
use crate::model::platform::{Floor, Platform};
use crate::model::recipe::RecipeName;
use crate::model::recipe_text::RecipeText;
use crate::model::source::{Identity, Place, Source};
use crate::model::tag::DepsTag;

/// The version of the bundle manifest and of the build record.
pub const FORMAT: u32 = 1;

/// What this program is called in what it writes.
pub const TOOL: &str = concat!("tagalong ", env!("CARGO_PKG_VERSION"));

/// The largest bundle manifest taken from a channel, in bytes.
pub const LARGEST_MANIFEST: u64 = 16 << 20;

/// What a deps tag stands for on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleManifest {
    pub format: u32,
    pub tag: DepsTag,
    /// Whether this is a candidate, which later bytes may replace.
    pub candidate: bool,
    /// The commit that was built, as hex; `None` for a work tree that is no commit.
    pub commit: Option<String>,
    /// The id of the recipes tree that was built (git tree id of the recipes folder).
    pub recipes: String,
    pub platform: Platform,
    pub floor: Floor,
    pub builder: Builder,
    pub packages: Vec<BundlePackage>,
    pub tool: String,
    /// Counts up with every publication under the same name: an older one is never taken again.
    pub sequence: u64,
    /// When it is no longer taken, in seconds since 1970; `None` for what stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

impl BundleManifest {
    /// Reads a manifest; the signature must have been checked before.
    ///
    /// # Errors
    /// [`BundleFault`] when it is no JSON of this format, or names a package or an archive twice, or a need that
    /// it does not hold.
    pub fn parse(json: &[u8]) -> Result<BundleManifest, BundleFault> {
        let manifest: BundleManifest =
            serde_json::from_slice(json).map_err(|error| BundleFault::Json { reason: error.to_string() })?;
        if manifest.format != FORMAT {
            return Err(BundleFault::Format { found: manifest.format });
        }
        let mut names = std::collections::BTreeSet::new();
        for package in &manifest.packages {
            if !names.insert(&package.name) {
                return Err(BundleFault::Twice { name: package.name.clone() });
            }
        }
        for package in &manifest.packages {
            if let Some(need) = package.needs.iter().find(|need| !names.contains(need)) {
                return Err(BundleFault::Need { name: package.name.clone(), need: need.clone() });
            }
        }
        Ok(manifest)
    }

    /// The manifest as indented JSON with a line break at its end.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest holds only strings, numbers and lists");
        json.push(b'\n');
        json
    }

    pub fn reference(&self) -> BundleRef {
        let kind = if self.candidate { BundleKind::Candidate } else { BundleKind::Tagged };
        BundleRef { kind, tag: self.tag.clone(), platform: self.platform.clone() }
    }

    /// The packages that recipes stand for: all but those of debug information.
    pub fn of_recipes(&self) -> impl Iterator<Item = &BundlePackage> {
        self.packages.iter().filter(|package| package.debug_of.is_none())
    }

    /// The packages that are not the same in both bundles, by name; empty when both stand for the same bytes.
    ///
    /// Who built it, from which build keys and sources, with which tool and how often it was published makes no difference.
    pub fn differences(&self, other: &BundleManifest) -> Vec<RecipeName> {
        let is_same = |one: &BundlePackage, other: &BundlePackage| {
            *one == BundlePackage { build_key: one.build_key, sources: one.sources.clone(), ..other.clone() }
        };
        let differs = |one: &&BundlePackage, list: &[BundlePackage]| !list.iter().any(|other| is_same(one, other));
        let mut names: Vec<RecipeName> = (self.packages.iter().filter(|one| differs(one, &other.packages)))
            .chain(other.packages.iter().filter(|one| differs(one, &self.packages)))
            .map(|package| package.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Where a bundle was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// The builder image with its digest, if it is known.
    pub image: Option<String>,
    /// The first line that the C compiler says of itself.
    pub compiler: String,
    /// What limited the build steps: `full` or `host`.
    pub sandbox: String,
    /// The address of the CI job, for a build in CI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// One package of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundlePackage {
    pub name: RecipeName,
    pub version: String,
    pub license: String,
    pub stacks: Vec<String>,
    pub needs: Vec<RecipeName>,
    pub build_key: BuildKey,
    /// The digest of the package archive.
    pub archive: Digest,
    /// The size of the package archive, in bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceRef>,
    /// The package whose debug information this is; one build made both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_of: Option<RecipeName>,
}

/// The archive of the debug information that a build gave beside its package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebugArchive {
    pub archive: Digest,
    /// In bytes.
    pub size: u64,
}

/// What a package was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRef {
    /// The first place that the recipe names.
    pub from: String,
    /// What decides about its bytes: `sha256:…`, `gitCommit:…`, or `recipe` for what lies beside the recipe.
    pub id: String,
}

impl From<&Source> for SourceRef {
    fn from(source: &Source) -> SourceRef {
        let from = source.places.first().map(|place| match place {
            Place::Url(url) => url.clone(),
            Place::Debian(file) => format!("debian:{file}"),
            Place::Crate { name, version } => format!("pkg:cargo/{name}@{version}"),
            Place::Pypi { name, version } => format!("pkg:pypi/{name}@{version}"),
            Place::Git { url } => format!("git+{url}"),
            Place::Path(path) => path.clone(),
            Place::WorkingCopy(_) => "a working copy".to_owned(),
        });
        let id = match &source.identity {
            Identity::Sha256(digest) => format!("sha256:{digest}"),
            Identity::Commit(commit) => format!("gitCommit:{commit}"),
            Identity::Beside => "recipe".to_owned(),
        };
        SourceRef { from: from.unwrap_or_default(), id }
    }
}

impl BundlePackage {
    /// What a record knows of its package: enough to fetch it, not to publish it in a bundle.
    pub fn of_record(record: &BuildRecord) -> BundlePackage {
        BundlePackage {
            name: record.name.clone(),
            version: record.version.clone(),
            license: String::new(),
            stacks: Vec::new(),
            needs: Vec::new(),
            build_key: record.build_key,
            archive: record.archive,
            size: record.size,
            sources: Vec::new(),
            debug_of: None,
        }
    }

    /// The package of the debug information of this one.
    pub fn debug(&self, debug: DebugArchive) -> BundlePackage {
        BundlePackage {
            name: self.name.of_debug(),
            needs: vec![self.name.clone()],
            archive: debug.archive,
            size: debug.size,
            debug_of: Some(self.name.clone()),
            ..self.clone()
        }
    }

    /// Where the archive lies on a channel.
    pub fn path(&self) -> String {
        archive_path(self.archive)
    }
}

/// A bundle that was built here and lies in the store: what `publish` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltBundle {
    /// The id of the recipes tree on disk that was built.
    pub recipes: String,
    /// What tells apart the states of all recipes, where some lie in folders beside the project's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub platform: Platform,
    pub builder: Builder,
    pub packages: Vec<BundlePackage>,
    pub floor: Floor,
}

/// Where the archive with this digest lies on a channel and in the store.
pub fn archive_path(archive: Digest) -> String {
    let hex = archive.hex();
    format!("packages/{}/{hex}.tar.zst", &hex[..2])
}

/// Whether a name is a deps tag's, for ever, or a candidate's, replaceable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BundleKind {
    Tagged,
    Candidate,
}

/// Names one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRef {
    pub kind: BundleKind,
    pub tag: DepsTag,
    pub platform: Platform,
}

impl BundleRef {
    /// Where the manifest lies on a channel; its signature beside it, with `.minisig` at the end.
    pub fn path(&self) -> String {
        let folder = match self.kind {
            BundleKind::Tagged => "bundles",
            BundleKind::Candidate => "candidates",
        };
        format!("{folder}/{}/{}.json", self.tag, self.platform)
    }

    pub fn signature_path(&self) -> String {
        format!("{}.minisig", self.path())
    }

    /// The bundle whose manifest lies at a path, the reverse of [`BundleRef::path`]; `None` for any other path.
    pub fn at(path: &str) -> Option<BundleRef> {
        let (folder, file) = path.rsplit_once('/')?;
        let (kind, tag) = match folder.split_once('/')? {
            ("bundles", tag) => (BundleKind::Tagged, tag),
            ("candidates", tag) => (BundleKind::Candidate, tag),
            _ => return None,
        };
        Some(BundleRef { kind, tag: DepsTag::parse(tag).ok()?, platform: platform_of(file)? })
    }
}

/// The platform that a file `<platform>.json` is of.
pub fn platform_of(file: &str) -> Option<Platform> {
    Platform::parse(file.strip_suffix(".json")?).ok()
}

/// A build record: which archive a build key gave, at `keys/<platform>/<build key>.json` of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildRecord {
    pub format: u32,
    pub name: RecipeName,
    pub version: String,
    pub platform: Platform,
    pub build_key: BuildKey,
    pub ingredients: Ingredients,
    pub archive: Digest,
    pub size: u64,
    /// The debug information that was split off, if there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<DebugArchive>,
    pub floor: Floor,
    pub builder: Builder,
    /// The files of the recipe; absent where they are too large, or another changed them for one build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeText>,
    /// What the build took from the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<HostPackage>,
    /// How long the build took, in seconds, rounded up.
    pub seconds: u64,
    /// How long its steps took, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepTime>,
}

/// How long one step of a build took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTime {
    pub step: String,
    pub milliseconds: u64,
}

impl BuildRecord {
    /// The packages that the build gave, as [`BundlePackage::of_record`] tells them.
    pub fn packages(&self) -> Vec<BundlePackage> {
        let package = BundlePackage::of_record(self);
        let debug = self.debug.map(|debug| package.debug(debug));
        std::iter::once(package).chain(debug).collect()
    }

    pub fn path(&self) -> String {
        record_path(&self.platform, self.build_key)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`BundleFault`] when it is no JSON of this format, or its key is not that of its ingredients.
    pub fn parse(json: &[u8]) -> Result<BuildRecord, BundleFault> {
        let record: BuildRecord =
            serde_json::from_slice(json).map_err(|error| BundleFault::Json { reason: error.to_string() })?;
        if record.format != FORMAT {
            return Err(BundleFault::Format { found: record.format });
        }
        if record.ingredients.key() != record.build_key {
            return Err(BundleFault::Key { key: record.build_key });
        }
        Ok(record)
    }

    /// The record as indented JSON with a line break at its end.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a record holds only strings, numbers and lists");
        json.push(b'\n');
        json
    }
}

/// Where the record of a build key lies on a channel and in the store.
pub fn record_path(platform: &Platform, key: BuildKey) -> String {
    format!("keys/{platform}/{key}.json")
}

/// The platform and the build key whose record lies at a path, the reverse of [`record_path`].
pub fn record_at(path: &str) -> Option<(Platform, BuildKey)> {
    let (platform, file) = path.strip_prefix("keys/")?.split_once('/')?;
    let key = Digest::parse(file.strip_suffix(".json")?).ok()?;
    Some((Platform::parse(platform).ok()?, BuildKey::of_digest(key)))
}

/// Why a bundle manifest or a build record is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    #[error("it cannot be read: {reason}")]
    Json { reason: String },
    #[error("it has format {found}, this program reads {FORMAT}")]
    Format { found: u32 },
    #[error("it names the package `{name}` twice")]
    Twice { name: RecipeName },
    #[error("its package `{name}` needs `{need}`, which it does not hold")]
    Need { name: RecipeName, need: RecipeName },
    #[error("its ingredients do not make its key {key}")]
    Key { key: BuildKey },
}

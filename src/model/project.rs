//! The project: what `tagalong.toml` at the root of a checkout says, checked, with every default filled in.
//!
//! Does not read TOML (`project_file.rs`).

use crate::model::digest::Digest;
use crate::model::platform::Platform;
use crate::model::prefix::Placeholder;
use crate::model::recipe::RecipeName;
use crate::model::tag::{DepsTag, TagPattern};

/// The file at the root of a checkout.
pub const PROJECT_FILE: &str = "tagalong.toml";

/// The folder of a checkout that holds the recipes.
pub const RECIPES_FOLDER: &str = "extern-recipes";

/// The settings of one project.
#[derive(Debug, Clone)]
pub struct Project {
    pub name: String,
    /// Where a bundle goes, from the root of the checkout; `{platform}` and `{tag}` are replaced.
    pub prefix: String,
    pub tags: TagPattern,
    /// The branches that deps tags are made on; none means the one that the remote's HEAD names.
    pub branches: Option<TagPattern>,
    pub walk: Walk,
    pub drift: DriftPolicy,
    pub placeholder: Placeholder,
    pub channels: Vec<ChannelConfig>,
    pub platforms: Vec<PlatformConfig>,
    pub audit: AuditConfig,
    /// Folders of recipes beside the project's own, nearest first.
    pub overlays: Vec<Overlay>,
    /// Which recipe is taken for a name that several provide.
    pub providers: Vec<(RecipeName, RecipeName)>,
    /// Stacks and the recipes that belong to them, beside those that say it themselves.
    pub stacks: Vec<(String, Vec<RecipeName>)>,
    /// What limits the build steps of what may be published; none takes every level.
    pub sandbox: Option<SandboxDemand>,
    /// Whether recipes that do not say it themselves keep debug information, as packages of their own.
    pub debug: bool,
}

impl Default for Project {
    fn default() -> Project {
        Project {
            name: "project".to_owned(),
            prefix: "extern/{platform}".to_owned(),
            tags: TagPattern::default(),
            branches: None,
            walk: Walk::Maximal,
            drift: DriftPolicy::Warn,
            placeholder: Placeholder::standard(),
            channels: Vec::new(),
            platforms: Vec::new(),
            audit: AuditConfig::default(),
            overlays: Vec::new(),
            providers: Vec::new(),
            stacks: Vec::new(),
            sandbox: None,
            debug: false,
        }
    }
}

impl Project {
    /// The folder that a bundle goes to, from the root of the checkout; see [`Project::has_prefix_by_tag`].
    pub fn prefix_for(&self, platform: &Platform) -> String {
        self.prefix.replace("{platform}", &platform.id())
    }

    /// The folder that the bundle of a tag goes to, from the root of the checkout.
    pub fn prefix_of(&self, platform: &Platform, tag: &DepsTag) -> String {
        self.prefix_for(platform).replace("{tag}", tag.as_str())
    }

    /// The channel of that name, else the first.
    ///
    /// # Errors
    /// [`NoSuchChannel`].
    pub fn channel(&self, name: Option<&str>) -> Result<&ChannelConfig, NoSuchChannel> {
        Ok(&self.channels[self.channel_place(name)?])
    }

    /// The place of that channel in the list; fails as [`Project::channel`] does.
    pub fn channel_place(&self, name: Option<&str>) -> Result<usize, NoSuchChannel> {
        let is_it = |config: &ChannelConfig| name.is_none_or(|name| config.name == name);
        self.channels.iter().position(is_it).ok_or_else(|| match name {
            Some(name) if !self.channels.is_empty() => NoSuchChannel::Unknown {
                given: name.to_owned(),
                known: self.channels.iter().map(|config| config.name.clone()).collect(),
            },
            _ => NoSuchChannel::None,
        })
    }

    /// Whether each tag has a prefix of its own, so that the prefix cannot be told without the tag.
    pub fn has_prefix_by_tag(&self) -> bool {
        self.prefix.contains("{tag}")
    }

    /// The platforms whose bundles a host takes, in order: its own, then those that declare to serve it.
    pub fn serving(&self, host: &Platform) -> Vec<Platform> {
        let serves = |config: &&PlatformConfig| config.id != *host && config.serves.contains(host);
        let others = self.platforms.iter().filter(serves).map(|config| config.id.clone());
        std::iter::once(host.clone()).chain(others).collect()
    }

    pub fn platform(&self, id: &Platform) -> Option<&PlatformConfig> {
        self.platforms.iter().find(|config| config.id == *id)
    }
}

/// A folder of recipes beside the project's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// From the root of the checkout, or absolute.
    Path(String),
    /// A folder of a git repository at a commit, 40 hex digits; `""` for its root.
    Git { url: String, commit: String, folder: String },
}

/// What publishing asks of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxDemand {
    /// Own namespaces and an own root.
    Full,
}

/// What `audit` takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditConfig {
    pub allow: Vec<Allowance>,
    /// Libraries beyond the runtimes that files may take from the system: `libX11.so.6`, or `libX11`.
    pub system_libraries: Vec<String>,
}

/// Findings that a project takes: globs of the check's name and of the file, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    pub check: String,
    pub file: String,
    pub reason: String,
}

/// The law by which the nearest tag is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// The one tagged commit that is no ancestor of another.
    Maximal,
    /// The first one along first parents.
    FirstParent,
    /// The first one by commit date over all parents, as `git rev-list` lists them.
    Date,
}

impl Walk {
    pub fn name(self) -> &'static str {
        match self {
            Walk::Maximal => "maximal",
            Walk::FirstParent => "first-parent",
            Walk::Date => "date",
        }
    }

    pub fn parse(name: &str) -> Option<Walk> {
        [Walk::Maximal, Walk::FirstParent, Walk::Date].into_iter().find(|walk| walk.name() == name)
    }
}

/// What an install does when the recipes differ from the tag's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftPolicy {
    Warn,
    Error,
    Build,
}

impl DriftPolicy {
    pub fn name(self) -> &'static str {
        match self {
            DriftPolicy::Warn => "warn",
            DriftPolicy::Error => "error",
            DriftPolicy::Build => "build",
        }
    }
}

/// One place that bundles are fetched from and published to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    pub name: String,
    /// `file:`, `http:` or `https:` address; a relative `file:` path counts from the checkout.
    pub url: String,
    pub trust: Trust,
}

/// Why no channel is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchChannel {
    #[error("the project names no channel")]
    None,
    #[error("the project names no channel `{given}`")]
    Unknown { given: String, known: Vec<String> },
}

/// Whose bundles of a channel are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Signed by a key of these.
    Keys(Keys),
    /// Anyone's; the project says so in so many words.
    Unsigned,
}

/// Minisign public keys, as `RW…` lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    pub named: Vec<String>,
    /// Signatures by which a trusted key introduces another, as the text of a `.minisig` file.
    pub introduced: Vec<String>,
    /// Keys that count no longer, wherever else they stand.
    pub revoked: Vec<String>,
}

/// One platform that the project builds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformConfig {
    pub id: Platform,
    /// The builder image, with its digest where it is pinned.
    pub image: Option<String>,
    /// Hosts that take this platform's bundle when there is none of their own.
    pub serves: Vec<Platform>,
    /// The tags of the CI runners that build for it.
    pub tags: Vec<String>,
}

impl PlatformConfig {
    /// The digest that the image is pinned to, if it is.
    pub fn image_digest(&self) -> Option<Digest> {
        let (_, digest) = self.image.as_ref()?.split_once("@sha256:")?;
        Digest::parse(digest).ok()
    }
}

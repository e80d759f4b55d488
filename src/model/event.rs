//! What happens while a flow runs, as facts: the log. `cli/talk.rs` alone puts them into words.

use crate::model::recipe::RecipeName;

/// Takes events from any thread.
pub type Tell<'a> = &'a (dyn Fn(Event) + Sync);

/// One thing that happened, or that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `FORCED_DEPS_TAG` or `--tag` decided instead of the history.
    TagForced { tag: String, by: &'static str },
    /// A forced tag is no tag of the repository: it is looked for among the channel's candidates.
    TagNotHere { tag: String },
    /// The recipes at hand are not those of the tag.
    Drifted { tag: String, recipes: Vec<String> },
    /// Whether the recipes are those of the tag cannot be told: its trees are not in this partial clone.
    DriftUnknown { tag: String },
    /// Folders of recipes are not under the history of the checkout: whether they differ from the tag's is not known.
    NotInHistory { folders: Vec<String> },
    /// The history ends before it is sure that nothing nearer exists.
    ShallowHistory,
    /// Another process works on the same prefix or store; it is waited for.
    Waiting { what: String, holder: Option<String> },
    /// A channel could not be asked; the next one is.
    ChannelSkipped { channel: String, reason: String },
    /// What the forced tag names is no tag of the repository, but a candidate of a channel, which may change.
    Candidate { tag: String, channel: String },
    /// There is no bundle for this platform; the one of another that serves it is taken.
    Served { own: String, by: String },
    /// The bundle was built from other recipes than the tag has: one of the two was changed afterwards.
    OtherRecipes { tag: String, channel: String },
    /// A bundle without a signature was taken, since the project allows it.
    Unsigned { channel: String },
    /// A package is being fetched: how many bytes of how many.
    Fetching { name: RecipeName, bytes: u64, size: u64 },
    /// A package has been unpacked into the staging folder.
    Unpacked { name: RecipeName, files: u64 },
    /// Somebody has written to a file of the store's unpacked tree of a package; it is unpacked anew.
    UnpackedChanged { name: String, file: String },
    /// A source is being fetched, and from where.
    SourceFetching { name: RecipeName, place: String },
    /// A place did not give a source; the next one is tried.
    SourcePlaceFailed { name: RecipeName, place: String, reason: String },
    /// A build step starts.
    StepStarted { name: RecipeName, step: String },
    /// A build step came to its end.
    StepFinished { name: RecipeName, step: String, seconds: u64 },
    /// A package is proved and in the store.
    Packed { name: RecipeName, version: String, files: u64, relocated: u64, size: u64 },
    /// A build step has said nothing for a while, but is alive.
    Alive { name: RecipeName, step: String, seconds: u64 },
    /// What limits the build steps, and why not more.
    SandboxLevel { level: &'static str, reason: Option<String> },
    /// An ingredient of a published package is another one here.
    BuiltElsewhere { name: RecipeName, ingredient: String, was: Option<String>, is: Option<String> },
    /// An object was put on a channel, or was there already.
    Published { path: String, was_there: bool },
    /// An object of a channel is gone.
    Removed { path: String },
    /// The channel has another archive for the same build key; that one stays.
    KeyBuiltOtherwise { name: RecipeName, path: String },
    /// A recipe allows a finding that was not made.
    UnusedAllowance { name: RecipeName, check: String, file: String },
    /// A build included headers of the system that come with no compiler.
    TakenFromHost { name: RecipeName, packages: Vec<String> },
    /// A recipe of a folder further away is not used: a nearer one has its name.
    Shadowed { name: String, folder: String },
    /// Anything else that is good to know, already a sentence.
    Note { text: String },
}

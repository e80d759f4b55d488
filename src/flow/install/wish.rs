//! What a prefix should hold: which bundles would do, and whether one of them is installed already.
//!
//! Asks no channel.

use crate::checkout::{Checkout, Resolution};
use crate::flow::install::union::Drift;
use crate::flow::install::{Error, Existing, Options, Outcome};
use crate::model::bundle::{BundleKind, BundleRef};
use crate::model::link::LinkWish;
use crate::model::platform::Platform;
use crate::model::receipt::Receipt;
use crate::model::selection::Selection;
use crate::place;
use crate::prefix_dir::{PrefixDir, State};
use crate::search::{Found, Network};

/// What the prefix should hold.
pub(super) struct Wish<'a> {
    pub(super) resolution: &'a Resolution,
    /// The platform that the prefix belongs to: this machine's, or the one asked for.
    pub(super) own: Platform,
    /// Those whose bundles would do, in order of preference.
    pub(super) platforms: Vec<Platform>,
    pub(super) selection: Selection,
    pub(super) dir: PrefixDir,
    /// The recipes tree on disk, if what differs from the tag's is to be built.
    pub(super) built: Option<String>,
    /// Whether the user changes recipes for this run: no receipt tells that.
    is_changed: bool,
    pub(super) link: LinkWish,
    existing: Existing,
}

impl<'a> Wish<'a> {
    pub(super) fn new(
        checkout: &Checkout,
        resolution: &'a Resolution,
        options: &Options,
        drift: Drift,
    ) -> Result<Wish<'a>, Error> {
        let project = checkout.project();
        let own = place::own_platform(options.platform.as_ref())?;
        let platforms = match &options.platform {
            Some(asked) => vec![asked.clone()],
            None => project.serving(&own),
        };
        let root = place::root_of(checkout)?;
        let dir = match &options.prefix {
            Some(prefix) => PrefixDir::new(&options.folder.join(prefix))?,
            None => PrefixDir::of(root, project, &own, Some(&resolution.tag))?,
        };
        let built = match drift {
            // A tree that no checkout has: the next install without these changes does not take it for its own.
            Drift::Built if !options.build.place.overrides.is_empty() => Some("changed".to_owned()),
            Drift::Built => checkout.recipes_state_on_disk()?,
            Drift::None | Drift::Told => None,
        };
        let is_changed = !options.build.place.overrides.is_empty();
        Ok(Wish {
            resolution,
            own,
            platforms,
            selection: options.selection.clone(),
            dir,
            built,
            is_changed,
            link: options.link,
            existing: options.existing,
        })
    }

    /// The bundles that would do, best first: of each platform the tag's, then the candidate of that name if the
    /// repository has no such tag.
    pub(super) fn references(&self) -> Vec<BundleRef> {
        let kinds: &[BundleKind] = match self.may_be_candidate() {
            false => &[BundleKind::Tagged],
            true => &[BundleKind::Tagged, BundleKind::Candidate],
        };
        let reference = |platform: &Platform, kind: &BundleKind| BundleRef {
            kind: *kind,
            tag: self.resolution.tag.clone(),
            platform: platform.clone(),
        };
        self.platforms.iter().flat_map(|platform| kinds.iter().map(move |kind| reference(platform, kind))).collect()
    }

    fn may_be_candidate(&self) -> bool {
        self.resolution.tagged_commit.is_none()
    }

    /// The receipt of what is in the prefix, unless it is to be replaced in any case.
    pub(super) fn installed(&self) -> Result<Option<Box<Receipt>>, Error> {
        let prefix = || self.dir.prefix().clone();
        match (self.dir.state()?, self.existing) {
            (State::Installed(receipt), Existing::Respect) => Ok(Some(receipt)),
            (State::Foreign, Existing::Respect) => Err(Error::Foreign { prefix: prefix() }),
            (State::Unreadable { reason }, Existing::Respect) => Err(Error::Unreadable { prefix: prefix(), reason }),
            _ => Ok(None),
        }
    }

    /// Whether an install is of a bundle that would do, with this selection, for this very path.
    fn is_met(&self, receipt: &Receipt) -> bool {
        receipt.is_of(&self.resolution.tag, self.may_be_candidate(), &self.platforms)
            && receipt.selection() == self.selection
            && !self.is_changed
            && receipt.built == self.built
            && receipt.was_made_for(self.dir.prefix())
    }

    /// Whether the receipt alone tells that there is nothing to do: a tagged bundle never changes, while of a
    /// candidate the channel may have a newer one.
    pub(super) fn is_met_for_good(&self, receipt: &Receipt, network: Network) -> bool {
        self.is_met(receipt) && (!receipt.candidate || network == Network::Offline)
    }

    pub(super) fn is_met_by(&self, receipt: &Receipt, found: &Found) -> bool {
        self.is_met(receipt) && receipt.manifest == found.digest
    }

    pub(super) fn already(&self, receipt: Box<Receipt>) -> Outcome {
        Outcome::Already { prefix: self.dir.prefix().clone(), receipt }
    }
}

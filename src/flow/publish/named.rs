//! Under which name a bundle is published, and whether the recipes are those that the name stands for.
//!
//! Does not write.

use crate::checkout::{Checkout, Wanted};
use crate::flow::publish::{Error, Options};
use crate::model::bundle::{BuiltBundle, BundleKind, BundleManifest, FORMAT, TOOL};
use crate::model::event::{Event, Tell};
use crate::model::tag::DepsTag;

/// Under which name is published, and what that name stands for.
pub(super) struct Named {
    pub(super) tag: DepsTag,
    pub(super) kind: BundleKind,
    pub(super) commit: Option<String>,
    /// The recipes tree that the name stands for; `None` for a candidate.
    pub(super) recipes: Option<String>,
    drifted: Vec<String>,
    /// Whether what differs may be in a folder beside the project's own, which `recipes` does not tell.
    has_overlays: bool,
}

impl Named {
    pub(super) fn new(checkout: &Checkout, options: &Options, tell: Tell) -> Result<Named, Error> {
        if let Some(name) = &options.candidate {
            let (tag, commit) = (name.clone(), checkout.head()?);
            return Ok(Named {
                tag,
                kind: BundleKind::Candidate,
                commit,
                recipes: None,
                drifted: Vec::new(),
                has_overlays: false,
            });
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
            has_overlays: !checkout.project().overlays.is_empty(),
            drifted: resolution.drift.into_iter().map(|drift| drift.recipe).collect(),
        })
    }

    /// The work tree, the build and the tag must be about the same recipes.
    pub(super) fn refuse_other_recipes(&self, built: &BuiltBundle, on_disk: Option<String>) -> Result<(), Error> {
        let is_other = self.recipes != on_disk || self.has_overlays && !self.drifted.is_empty();
        if self.kind == BundleKind::Tagged && is_other {
            return Err(Error::Drifted { tag: self.tag.clone(), recipes: self.drifted.clone() });
        }
        if on_disk.as_ref() != Some(&built.recipes) {
            return Err(Error::BuiltOther { tag: self.tag.clone() });
        }
        Ok(())
    }

    pub(super) fn manifest(self, built: BuiltBundle, options: &Options) -> BundleManifest {
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
            tool: TOOL.to_owned(),
            sequence: if self.kind == BundleKind::Candidate { options.now.max(1) } else { 1 },
            expires: options.lifetime.filter(|_| self.kind == BundleKind::Candidate).map(|life| options.now + life),
        }
    }
}

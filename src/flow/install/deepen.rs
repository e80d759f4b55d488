//! The nearest tag in a shallow clone: with the user's leave the rest of the history is fetched.
//!
//! The law is not here (`checkout/`).

use crate::checkout::{self, Checkout, Forced, Resolution, Wanted};
use crate::flow::install::{Error, Options};
use crate::model::event::{Event, Tell};

/// Opens the checkout and finds its tag.
///
/// # Errors
/// [`Error::Checkout`].
pub(super) fn resolve(
    options: &Options<'_>,
    forced: Option<Forced>,
    tell: Tell<'_>,
) -> Result<(Checkout, Resolution), Error> {
    let checkout = Checkout::open(&options.folder)?;
    let wanted = Wanted { commit: None, forced };
    let found = checkout.resolve(&wanted);
    let is_unsure = match &found {
        Ok(resolution) => resolution.shallow,
        Err(checkout::Error::ShallowNoTag { .. } | checkout::Error::Ambiguous { shallow: true, .. }) => true,
        // Tags of a shallow clone are fetched as far as its history goes.
        Err(checkout::Error::NoTag { .. }) => checkout.is_shallow(),
        Err(_) => false,
    };
    if options.is_deepened && is_unsure {
        tell(Event::Note { text: "the clone is shallow; the rest of its history is fetched".to_owned() });
        checkout.deepen()?;
        let checkout = Checkout::open(&options.folder)?;
        let resolution = checkout.resolve(&wanted)?;
        return Ok((checkout, resolution));
    }
    Ok((checkout, found?))
}

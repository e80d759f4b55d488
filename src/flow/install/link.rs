//! How the files of a prefix come from the store: what is wished, as far as the file systems can do it.

use crate::flow::install::Error;
use crate::model::link::{LinkKind, LinkWish};
use crate::model::prefix::Prefix;
use crate::prefix_dir::Staging;
use crate::store::{NotShared, Refused, Store};

/// Decides, by a trial between the store and the staging folder.
///
/// # Errors
/// [`Error::NotShared`] when what is asked for cannot be done, [`Error::Store`].
pub(super) fn decide(wish: LinkWish, store: &Store, staging: &Staging, prefix: &Prefix) -> Result<LinkKind, Error> {
    let (kind, is_asked) = match wish {
        LinkWish::Only(kind) => (kind, true),
        LinkWish::Auto => (LinkKind::Reflink, false),
    };
    match store.try_link(staging.path(), kind) {
        Ok(()) => Ok(kind),
        Err(NotShared::Refused(refused)) if is_asked => {
            Err(Error::NotShared(Refused { folder: prefix.as_path().to_owned(), ..refused }))
        }
        Err(NotShared::Refused(_)) => Ok(LinkKind::Copy),
        Err(NotShared::Store(error)) => Err(error.into()),
    }
}

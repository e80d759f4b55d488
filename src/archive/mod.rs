//! Packs and unpacks package archives and source archives.
//! stand-in

pub mod pack;
pub mod unpack;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{reason}")]
    Refused { reason: String },
    #[error(transparent)]
    PrefixTooLong(crate::model::prefix::PrefixTooLong),
}

pub(crate) fn refused(error: impl std::fmt::Display) -> Error {
    Error::Refused { reason: error.to_string() }
}

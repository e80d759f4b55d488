//! Words for what keeps a bill of materials from being made.

use crate::cli::failure::{Code, Failure};
use crate::flow::sbom::Error;
use crate::store::handed::NoManifest;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Checkout(error) => error.into(),
            Error::Host(error) => error.into(),
            Error::Store(error) => Failure::from(&error),
            Error::Channel(error) => Failure::from(&error),
            Error::NotTaken(error) => error.into(),
            Error::File { path, fault } => match fault {
                NoManifest::Unreadable { reason } => {
                    Failure::new(Code::NotFound, "the bundle manifest cannot be read").why(reason)
                }
                NoManifest::Fault(fault) => {
                    Failure::new(Code::Verification, format!("`{}` is no bundle manifest", path.display()))
                        .why(fault.to_string())
                }
            }
            .next("name a manifest, `bundles/<tag>/<platform>.json` of a channel; or none, for the nearest tag's"),
        }
    }
}

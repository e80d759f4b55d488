//! Words for what goes wrong with the store.

use crate::cli::failure::{Code, Failure};
use crate::store::StoreError;

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Failure {
        match error {
            StoreError::System { reason } => Failure::new(Code::Internal, "the cache cannot be used")
                .why(reason)
                .next("check the free space and the rights there, or name another folder in `TAGALONG_CACHE`"),
            StoreError::Digest { expected, found } => {
                Failure::new(Code::Verification, "what came is not what was named")
                    .why(format!("its digest is {found}, not {expected}"))
                    .next("try again; if it stays so, somebody changed it on the channel: publish it anew")
            }
            StoreError::Open { folder } => {
                let shown = folder.display();
                Failure::new(Code::Verification, format!("the store in `{shown}` is not used"))
                    .why("other users of this machine may write there, and put a package of theirs into the place of a checked one")
                    .next(format!("`chmod o-w {shown}` if it is yours, or set `TAGALONG_CACHE` to a folder of your own"))
            }
            StoreError::Record { path, fault } => {
                Failure::new(Code::Internal, format!("`{}` cannot be used", path.display()))
                    .why(fault.to_string())
                    .next("remove that file; it is made again")
            }
            StoreError::Handed { path, fault } => {
                Failure::new(Code::Verification, format!("the build record `{}` is refused", path.display()))
                    .why(fault.to_string())
                    .next("it was changed on its way, or another version wrote it: run the job that made it again")
            }
        }
    }
}

//! Failures of looking at a machine in words.

use crate::cli::failure::{Code, Failure};
use crate::host::HostError;

impl From<HostError> for Failure {
    fn from(error: HostError) -> Failure {
        let what = error.to_string();
        match error {
            HostError::NoFolder { .. } => Failure::new(Code::Usage, what).next("name the root folder of a system"),
            HostError::NoOsRelease { .. } => Failure::new(Code::NotFound, what)
                .why("neither `etc/os-release` nor `usr/lib/os-release` is there")
                .next("see os-release(5); `ID` and `VERSION_ID` are what counts"),
            HostError::NoArchitecture { .. } => Failure::new(Code::NotFound, what)
                .why("none of `bin/sh`, `usr/bin/env`, `bin/busybox` and `sbin/init` is an ELF file of a known machine")
                .next("name the root folder of a whole system"),
            HostError::Unreadable { .. } => Failure::new(Code::Internal, "the platform cannot be told")
                .why(what)
                .next("see to it that the file can be read, then try again"),
        }
    }
}

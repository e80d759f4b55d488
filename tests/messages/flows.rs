//! Messages of the verbs around an installed prefix, of `init`, and of `key`.

use std::io;

use tagalong::checkout;
use tagalong::flow::{environment, init, key, status, uninstall};
use tagalong::host::HostError;
use tagalong::model::prefix::Prefix;
use tagalong::place::PlaceError;
use tagalong::prefix_dir::PrefixDirError;
use tagalong::signing::SigningError;

use crate::facts::{full, full_words, path, prefix, project_mistakes};
use crate::told::{Told, by_reference, by_value};

fn unborn() -> checkout::Error {
    checkout::Error::Unborn { branch: "main".to_owned() }
}

fn no_release() -> HostError {
    HostError::NoOsRelease { root: path("/") }
}

fn full_prefix() -> PrefixDirError {
    PrefixDirError::System { reason: full_words() }
}

pub fn place() -> Vec<Told> {
    let mut told = by_value(
        "place",
        vec![
            PlaceError::Checkout(unborn()),
            PlaceError::Host(no_release()),
            PlaceError::PrefixDir(full_prefix()),
            PlaceError::Bare,
        ],
    );
    told.extend(by_value(
        "status",
        vec![
            status::Error::Place(PlaceError::Bare),
            status::Error::Checkout(unborn()),
            status::Error::Host(no_release()),
            status::Error::PrefixDir(full_prefix()),
        ],
    ));
    told.extend(by_value(
        "environment",
        vec![
            environment::Error::Place(PlaceError::Bare),
            environment::Error::PrefixDir(full_prefix()),
            environment::Error::Absent { prefix: prefix() },
            environment::Error::Interrupted { prefix: prefix() },
            environment::Error::Colon { prefix: Prefix::new(&path("/home/ada/a:b")).unwrap() },
        ],
    ));
    let strangers = vec!["lib/mine.so".to_owned(), "notes/".to_owned()];
    told.extend(by_value(
        "uninstall",
        vec![
            uninstall::Error::Place(PlaceError::Bare),
            uninstall::Error::PrefixDir(full_prefix()),
            uninstall::Error::Absent { prefix: prefix() },
            uninstall::Error::Interrupted { prefix: prefix() },
            uninstall::Error::Foreign { prefix: prefix() },
            uninstall::Error::Strangers { prefix: prefix(), strangers },
        ],
    ));
    told
}

pub fn project() -> Vec<Told> {
    let mut told = by_reference("project", vec![project_mistakes()]);
    told.extend(by_value(
        "init",
        vec![
            init::Error::Exists { path: path("/home/ada/demo/tagalong.toml") },
            init::Error::Name { given: "my demo".to_owned() },
            init::Error::Disk(io::Error::other(format!(
                "failed to create file `/home/ada/demo/tagalong.toml`: {}",
                full()
            ))),
        ],
    ));
    told
}

pub fn key() -> Vec<Told> {
    let signature = || path("bundle.json.minisig");
    by_value(
        "key",
        vec![
            key::Error::Exists { path: path("ci.key") },
            key::Error::Unsigned { path: signature() },
            key::Error::Untrusted { path: signature(), error: SigningError::Stranger },
            key::Error::Signing(SigningError::WrongPassword),
            key::Error::System { reason: "failed to open file `ci.key`: Permission denied (os error 13)".to_owned() },
        ],
    )
}

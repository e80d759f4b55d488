//! Messages of sources: where they come from, unpacking, patches.

use std::io;

use tagalong::archive::foreign::{self, ForeignError, Limits};
use tagalong::sources::{self, Try, Wanted};

use crate::facts::{denied, digest, full, full_words, name, path};
use crate::told::{Told, by_reference};

fn unavailable(wanted: Wanted, tries: Vec<(&str, sources::Reason)>) -> sources::Error {
    let tries = tries.into_iter().map(|(place, reason)| Try { place: place.to_owned(), reason }).collect();
    sources::Error::Unavailable { recipe: name("hdf5"), wanted, tries }
}

fn foreign_errors() -> Vec<ForeignError> {
    let archive = || path("/home/ada/.cache/tagalong/sources/ab/abcd");
    let refused = |fault| ForeignError::Refused { archive: archive(), entry: "hdf5/../../x".to_owned(), fault };
    let target = || "/etc/passwd".to_owned();
    vec![
        ForeignError::UnknownKind { archive: archive() },
        ForeignError::Unreadable { archive: archive(), reason: "it ends within a file".to_owned() },
        refused(foreign::EntryFault::Absolute),
        refused(foreign::EntryFault::Climbs),
        refused(foreign::EntryFault::Nul),
        refused(foreign::EntryFault::TooLong),
        refused(foreign::EntryFault::LinkOut { target: target() }),
        refused(foreign::EntryFault::LinkNowhere { target: target() }),
        refused(foreign::EntryFault::Through),
        refused(foreign::EntryFault::Device),
        refused(foreign::EntryFault::Kind { kind: "multi-volume".to_owned() }),
        ForeignError::TooLarge { archive: archive(), limits: Limits::default() },
        ForeignError::Write(io::Error::other(full_words())),
    ]
}

pub fn sources() -> Vec<Told> {
    let wanted = || Wanted::Digest(digest("hdf5"));
    let (mirror, origin) = ("file:///srv/mirror", "https://example.org/hdf5-1.14.tar.xz");
    let refused = || sources::Reason::Unreachable("Connection refused (os error 111)".to_owned());
    let no_git = || sources::Reason::Unusable("`git` is not on this machine".to_owned());
    let hdf5 = || name("hdf5");
    let mut errors = vec![
        unavailable(wanted(), vec![(mirror, sources::Reason::Absent), (origin, sources::Reason::Absent)]),
        unavailable(wanted(), vec![(mirror, sources::Reason::Absent), (origin, refused())]),
        unavailable(wanted(), vec![(origin, sources::Reason::WrongDigest { found: digest("other") })]),
        unavailable(wanted(), vec![]),
        unavailable(Wanted::Commit("8f3c2d1e".to_owned()), vec![("https://example.org/hdf5.git", no_git())]),
        unavailable(Wanted::Anything, vec![(origin, refused())]),
        sources::Error::Beside { recipe: hdf5(), path: path("tree"), reason: "there is no such folder".to_owned() },
        sources::Error::Patch {
            recipe: hdf5(),
            patch: "no-neon.patch".to_owned(),
            output: "patching file src/H5.c\nHunk #1 FAILED at 12.\n".to_owned(),
        },
        sources::Error::PatchTwice { recipe: hdf5(), patch: "no-neon.patch".to_owned() },
        sources::Error::NoFolder { recipe: hdf5(), folder: "src".to_owned(), there: vec![] },
        sources::Error::NoFolder {
            recipe: hdf5(),
            folder: "src".to_owned(),
            there: vec!["docs".to_owned(), "source".to_owned()],
        },
        sources::Error::Twice { recipe: hdf5(), path: "configure".to_owned() },
        sources::Error::Program { program: "patch", reason: denied().to_string() },
        sources::Error::Disk(full()),
    ];
    errors.extend(foreign_errors().into_iter().map(|source| sources::Error::Unpack { recipe: hdf5(), source }));
    by_reference("sources", errors)
}

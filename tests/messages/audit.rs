//! Messages of `audit`: what keeps a report from being made.

use tagalong::archive;
use tagalong::checkout;
use tagalong::flow::audit;
use tagalong::host::HostError;
use tagalong::prefix_dir::PrefixDirError;
use tagalong::recipe_folder;

use crate::facts::{full, full_words, name, path};
use crate::told::{Told, by_value};

pub fn audit() -> Vec<Told> {
    let errors = vec![
        audit::Error::Absent { path: path("/srv/tree") },
        audit::Error::Disk { doing: "making a folder to unpack into", source: full() },
        audit::Error::Max { given: "new".to_owned() },
        audit::Error::NoChannel { path: path("/srv/debian-12-x86_64.json") },
        audit::Error::NoPackage { name: name("zlib"), path: path("/srv/deps/packages/ab/abcd.tar.zst") },
        audit::Error::Recipes(recipe_folder::Error::NoFolder { folder: path("/srv/demo/extern-recipes") }),
        audit::Error::Archive(archive::Error::Truncated),
        audit::Error::Checkout(checkout::Error::Unborn { branch: "main".to_owned() }),
        audit::Error::PrefixDir(PrefixDirError::System { reason: full_words() }),
        audit::Error::Root(HostError::NoFolder { root: path("/srv/roots/debian") }),
    ];
    by_value("audit", errors)
}

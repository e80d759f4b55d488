//! Messages of `ci`, `tag` and `list`.

use tagalong::channel::ChannelError;
use tagalong::checkout::{self, Change};
use tagalong::flow::ci::{check, generate, image, init as ci_init, reproduce};
use tagalong::flow::tag::{Changed, Doubt};
use tagalong::flow::{list, tag};
use tagalong::http::HttpError;
use tagalong::model::project::NoSuchChannel;
use tagalong::model::tag::{TagError, TagFault};
use tagalong::recipe_folder;
use tagalong::search::NotTaken;
use tagalong::store::StoreError;

use crate::facts::{self, debian, denied, full, full_words, path, platform};
use crate::told::{Told, by_value};

fn unborn() -> checkout::Error {
    checkout::Error::Unborn { branch: "main".to_owned() }
}

fn store() -> StoreError {
    StoreError::System { reason: full_words() }
}

fn no_folder() -> ChannelError {
    ChannelError::NoFolder { folder: path("/mnt/deps") }
}

pub fn ci() -> Vec<Told> {
    let main = || "main".to_owned();
    let mut told = by_value(
        "ci generate",
        vec![
            generate::Error::Checkout(unborn()),
            generate::Error::NoWorkTree,
            generate::Error::Recipes(recipe_folder::Error::Read(denied())),
            generate::Error::Store(store()),
            generate::Error::Channel(no_folder()),
            generate::Error::NotTaken(NotTaken::Channel { channel: main(), error: no_folder() }),
            generate::Error::NoSuchChannel(NoSuchChannel::None),
            generate::Error::NoSuchChannel(NoSuchChannel::Unknown {
                given: "mian".to_owned(),
                known: vec![main(), "web".to_owned()],
            }),
            generate::Error::NoPlatform,
            generate::Error::UnknownPlatform { given: platform("debian-99-x86_64"), known: vec![debian()] },
            generate::Error::NoRecipes,
            generate::Error::Pin {
                image: "registry.example.org/build:12".to_owned(),
                reason: "skopeo does not start: No such file or directory (os error 2)".to_owned(),
            },
        ],
    );
    told.extend(by_value(
        "ci check",
        vec![
            check::Error::Disk { path: path("ci/deps.yml"), source: denied() },
            check::Error::NotMade { path: path("ci/deps.yml") },
            check::Error::Nothing { root: path("/home/ada/demo") },
        ],
    ));
    told.extend(by_value(
        "ci image",
        vec![
            image::Error::Checkout(unborn()),
            image::Error::NoWorkTree,
            image::Error::NoImage { platform: debian(), path: path("ci/images/debian-12-x86_64/Containerfile") },
            image::Error::NoEngine,
            image::Error::Disk { path: path("ci/images/debian-12-x86_64/Containerfile"), source: denied() },
        ],
    ));
    told.extend(by_value(
        "ci init",
        vec![ci_init::Error::Disk { path: path("ci/tagalong.gitlab-ci.yml"), source: full() }],
    ));
    let url = || "https://gitlab.example.org/grp/demo/-/jobs/7/artifacts/raw/tagalong-failed/job.json".to_owned();
    told.extend(by_value(
        "ci reproduce",
        vec![
            reproduce::Error::Checkout(unborn()),
            reproduce::Error::NoWorkTree,
            reproduce::Error::Http(HttpError::Status { url: url(), status: 401, retry_after: None }),
            reproduce::Error::NoNote { url: url() },
            reproduce::Error::Disk { path: path("job.json"), source: denied() },
            reproduce::Error::Unreadable {
                of: "job.json".to_owned(),
                reason: "it has format 9, this program reads 1".to_owned(),
            },
        ],
    ));
    told
}

pub fn tags() -> Vec<Told> {
    let wrong = |given: &str, reason| TagError { given: given.to_owned(), reason };
    let changed = |recipe: &str, change, was: Option<&str>, is: Option<&str>| Changed {
        recipe: recipe.to_owned(),
        change,
        was: was.map(str::to_owned),
        is: is.map(str::to_owned),
    };
    let changes = vec![
        changed("hdf5", Change::Changed, Some("1.12"), Some("1.14")),
        changed("zmq", Change::Added, None, Some("4.3")),
        changed("log4cpp", Change::Removed, Some("1.1.3"), None),
    ];
    let doubts = vec![
        Doubt::Convention,
        Doubt::Branch { on: Some("feature".to_owned()), wanted: "main".to_owned() },
        Doubt::Branch { on: None, wanted: "main".to_owned() },
        Doubt::NotCommitted,
        Doubt::NotPushed,
        Doubt::NothingChanged { since: "deps-add-hdf5".to_owned() },
    ];
    let name = || facts::tag("deps-update-hdf5-1.14");
    let mut told = by_value(
        "tag",
        vec![
            tag::Error::Checkout(unborn()),
            tag::Error::Store(store()),
            tag::Error::Name(wrong("deps-../x", TagFault::Character('/'))),
            tag::Error::Pattern { tag: facts::tag("desp-add-hdf5"), pattern: "deps-*".to_owned() },
            tag::Error::Taken { tag: name(), is_remote: false },
            tag::Error::Taken { tag: name(), is_remote: true },
            tag::Error::NoRecipes,
            tag::Error::Doubtful { tag: name(), doubts, changes },
        ],
    );
    told.extend(by_value(
        "list",
        vec![list::Error::Checkout(unborn()), list::Error::Store(store()), list::Error::Channel(no_folder())],
    ));
    told
}

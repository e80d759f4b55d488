//! Messages of builds and of package archives.

use tagalong::archive;
use tagalong::builder::error::BuildError;
use tagalong::builder::seal::SealError;
use tagalong::channel::ChannelError;
use tagalong::flow::{build, diff};
use tagalong::host::HostError;
use tagalong::http::HttpError;
use tagalong::model::platform::Platform;
use tagalong::model::prefix::{Placeholder, Prefix, PrefixTooLong};
use tagalong::model::tag::DepsTag;
use tagalong::place::PlaceError;
use tagalong::recipe_folder::{self, UnknownRecipe};
use tagalong::search::{ArchiveFault, NotTaken};
use tagalong::store::StoreError;
use tagalong::{checkout, sources};

use crate::facts::{debian, denied, digest, full, full_words, manifest_faults, name, path, prefix};
use crate::told::{Told, by_reference, by_value};

pub fn archive() -> Vec<Told> {
    let file = || "lib/libpng16.so.16".to_owned();
    let mut errors = vec![
        archive::Error::Read { source: denied() },
        archive::Error::Write { source: full() },
        archive::Error::File { doing: "creating a file", path: path("/srv/deps/lib/libz.so.1"), source: full() },
        archive::Error::Corrupt { reason: "the checksum of a frame is another".to_owned() },
        archive::Error::Truncated,
        archive::Error::TrailingBytes,
        archive::Error::NoManifest { found: "bin/sh\u{1b}".to_owned() },
        archive::Error::ManifestTooLarge { size: 300 << 20, limit: 256 << 20 },
        archive::Error::TooManyFiles { size: 65 << 20, limit: 64 << 20 },
        archive::Error::TooLarge { size: 90 << 30, limit: 64 << 30 },
        archive::Error::Header { path: file() },
        archive::Error::Unexpected { expected: file(), found: "../../etc/passwd".to_owned() },
        archive::Error::Extra { found: "lib/libpng17.so".to_owned() },
        archive::Error::Missing { path: file() },
        archive::Error::Digest { path: file() },
        archive::Error::NoPlaceholder { path: file(), offset: 4711 },
        archive::Error::FileCollision { path: "share/info/dir".to_owned() },
        archive::Error::PrefixHasSpace {
            file: "bin/libpng-config".to_owned(),
            prefix: Prefix::new(&path("/home/ada/my demo/extern")).unwrap(),
        },
        archive::Error::PrefixTooLong(PrefixTooLong { prefix: prefix(), limit: 32 }),
        archive::Error::Changed { path: file() },
    ];
    errors.extend(manifest_faults().into_iter().map(archive::Error::Manifest));
    by_reference("archive", errors)
}

fn record(fault: build::RecordFault) -> build::Error {
    build::Error::Record { fault }
}

pub fn build() -> Vec<Told> {
    let seal = || SealError::File { doing: "reading a file", path: path("/build/tree/lib/libz.so"), source: denied() };
    let hdf5 = || name("hdf5");
    let errors = vec![
        BuildError::Step {
            name: hdf5(),
            step: "cmake --build".to_owned(),
            code: 2,
            log: path("/home/ada/.cache/tagalong/logs/hdf5.log"),
            tail: vec!["H5.c:12: error: expected `;`".to_owned(), "make: *** [all] Error 2".to_owned()],
        },
        BuildError::LogTooLarge {
            name: hdf5(),
            step: "configure".to_owned(),
            limit: 256 << 20,
            log: path("/home/ada/.cache/tagalong/logs/hdf5.log"),
            tail: vec!["again".to_owned(), "again".to_owned()],
        },
        BuildError::TooManyProcesses {
            name: hdf5(),
            step: "build".to_owned(),
            limit: 4096,
            log: path("/home/ada/.cache/tagalong/logs/hdf5.log"),
            tail: vec!["sh: 1: Cannot fork".to_owned()],
        },
        BuildError::Interrupted,
        BuildError::ShellEnded { name: hdf5() },
        BuildError::MissingTools {
            missing: vec![("cmake".to_owned(), vec![hdf5(), name("libpng")]), ("nasm".to_owned(), vec![name("x264")])],
        },
        BuildError::Sources {
            name: hdf5(),
            source: sources::Error::PatchTwice { recipe: hdf5(), patch: "a.patch".to_owned() },
        },
        BuildError::Seal { name: hdf5(), source: seal() },
        BuildError::Archive { name: hdf5(), source: archive::Error::Write { source: full() } },
        BuildError::Store { name: hdf5(), source: StoreError::System { reason: full_words() } },
        BuildError::NeedGone { name: hdf5(), archive: digest("zlib") },
        BuildError::NeedTouched { name: hdf5(), path: path("lib/libz.so.1") },
        BuildError::NoStep {
            name: hdf5(),
            given: "instal".to_owned(),
            known: vec!["configure".to_owned(), "build".to_owned(), "install".to_owned()],
        },
        BuildError::InstalledNothing { name: hdf5() },
        BuildError::Contents {
            name: hdf5(),
            missing: vec!["lib/libhdf5_cpp.so".to_owned()],
            unwanted: vec![("*.a".to_owned(), "lib/libhdf5.a".to_owned())],
        },
        BuildError::Prebuilt {
            name: name("oracle-client"),
            file: path("lib/libclntsh.so"),
            was: "/opt/old".to_owned(),
            offset: 8192,
        },
        BuildError::Placeholder { placeholder: Placeholder::standard() },
        BuildError::Io { name: hdf5(), doing: "write its steps", source: full() },
    ];
    let mut told = by_value("BuildError", errors);
    let suggestion = Some("hdf5".to_owned());
    told.extend(by_value(
        "build",
        vec![
            build::Error::Checkout(checkout::Error::Unborn { branch: "main".to_owned() }),
            build::Error::NoWorkTree,
            build::Error::Host(HostError::NoOsRelease { root: path("/") }),
            build::Error::Recipes(recipe_folder::Error::NoFolder { folder: path("/home/ada/demo/extern-recipes") }),
            build::Error::UnknownRecipe(UnknownRecipe { given: name("hfd5"), suggestion }),
            build::Error::Store(StoreError::System { reason: full_words() }),
            build::Error::Http(HttpError::Client { reason: "`HTTPS_PROXY` is no address".to_owned() }),
            build::Error::Channel(ChannelError::NoFolder { folder: path("/mnt/deps") }),
            build::Error::Archive { name: hdf5(), fault: Box::new(ArchiveFault::Missing) },
            build::Error::Diff(diff::Error::System { doing: "opening an archive", reason: full_words() }),
            record(build::RecordFault::Unreadable { reason: "expected value at line 1 column 1".to_owned() }),
            record(build::RecordFault::Missing { path: "keys/debian-12-x86_64/ab.json".to_owned() }),
            record(build::RecordFault::NoRecipe { name: hdf5() }),
            record(build::RecordFault::Forged { name: hdf5(), ingredient: "recipe script".to_owned() }),
            record(build::RecordFault::NoPackage { name: name("hfd5"), known: vec![hdf5(), name("zlib")] }),
            record(build::RecordFault::OtherPlatform {
                built: Box::new(debian()),
                own: Box::new(Platform::parse("ubuntu-24-x86_64").unwrap()),
            }),
            build::Error::Bundle { error: NotTaken::Missing(Vec::new()) },
            build::Error::NeedsNotBuilt { missing: vec![name("zlib"), hdf5()] },
            build::Error::Build(BuildError::Interrupted),
        ],
    ));
    told
}

pub fn comparison() -> Vec<Told> {
    by_value(
        "diff",
        vec![
            diff::Error::Place(PlaceError::Bare),
            diff::Error::Host(HostError::NoOsRelease { root: path("/") }),
            diff::Error::Checkout(checkout::Error::Unborn { branch: "main".to_owned() }),
            diff::Error::Store(StoreError::System { reason: full_words() }),
            diff::Error::Channel(ChannelError::NoFolder { folder: path("/mnt/deps") }),
            diff::Error::NoChannel,
            diff::Error::NoSubject { given: "../zlib.tar".to_owned() },
            diff::Error::Mixed,
            diff::Error::Bundle { tag: DepsTag::parse("deps-1").unwrap(), reason: NotTaken::Missing(Vec::new()) },
            diff::Error::Fetch { name: name("hdf5"), fault: Box::new(ArchiveFault::Missing) },
            diff::Error::Archive { path: path("/tmp/zlib.tar.zst"), source: archive::Error::Truncated },
            diff::Error::System { doing: "opening an archive", reason: full_words() },
        ],
    )
}

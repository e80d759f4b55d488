//! Messages of `install`.

use tagalong::archive;
use tagalong::channel::{AddressFault, ChannelError};
use tagalong::checkout;
use tagalong::flow::build;
use tagalong::flow::install::{self, ArchiveFault, Distrust, Lack, Miss, MissReason, Missing, NotTaken, PackageFault};
use tagalong::host::HostError;
use tagalong::model::bundle::BundleFault;
use tagalong::model::link::LinkKind;
use tagalong::model::platform::SymbolVersion;
use tagalong::model::project::DriftPolicy;
use tagalong::model::recipe::RecipeName;
use tagalong::model::selection::NotThere;
use tagalong::place::PlaceError;
use tagalong::prefix_dir::PrefixDirError;
use tagalong::signing::SigningError;
use tagalong::store::handed::NoManifest;
use tagalong::store::{Refusal, Refused, StoreError};

use crate::facts::{debian, digest, full_words, path, platform, prefix, tag};
use crate::machine::{bundle_faults, unreachable};
use crate::told::{Told, by_value};

fn miss(channel: &str, reason: MissReason) -> Miss {
    Miss { channel: channel.to_owned(), reason }
}

fn has_not(platforms: &[&str]) -> MissReason {
    MissReason::HasNot { platforms: platforms.iter().map(|id| platform(id)).collect() }
}

fn missing(tag: &str, is_tag: bool, misses: Vec<Miss>, before: Option<&str>) -> install::Error {
    let before = before.map(str::to_owned);
    install::Error::Missing(Box::new(Missing { tag: tag.to_owned(), is_tag, platform: debian(), misses, before }))
}

fn drifted(policy: DriftPolicy) -> install::Error {
    let recipes = vec!["hdf5".to_owned(), "zlib".to_owned()];
    install::Error::Drifted { tag: "deps-add-hdf5".to_owned(), recipes, policy }
}

fn stack(known: &[&str]) -> install::Error {
    let known = known.iter().map(|&name| name.to_owned()).collect();
    install::Error::NotThere(NotThere::Stack { given: "office".to_owned(), known })
}

fn no_debug(given: Option<&str>, known: &[&str]) -> install::Error {
    let name = |&name: &&str| RecipeName::parse(name).unwrap();
    install::Error::NotThere(NotThere::Debug {
        given: given.as_ref().map(name),
        known: known.iter().map(name).collect(),
    })
}

fn not_shared(kind: LinkKind, reason: Refusal) -> install::Error {
    let (store, folder) = (path("/home/ada/.cache/tagalong"), path("/builds/demo/extern/debian-12-x86_64"));
    install::Error::NotShared(Refused { kind, store, folder, reason })
}

fn not_taken() -> Vec<NotTaken> {
    let main = || "main".to_owned();
    let manifest = || "bundles/deps-add-hdf5/debian-12-x86_64.json".to_owned();
    let untrusted = |distrust| NotTaken::Untrusted { channel: main(), path: manifest(), distrust };
    let url = "ftp://deps.example.org".to_owned();
    let address = ChannelError::Address { channel: main(), url, reason: AddressFault::Scheme };
    let mut all = vec![
        NotTaken::Missing(vec![miss("main", MissReason::Offline)]),
        NotTaken::Channel { channel: main(), error: address },
        NotTaken::Keys { channel: main(), error: SigningError::NotAPublicKey { given: "RWnonsense".to_owned() } },
        NotTaken::Store(StoreError::System { reason: full_words() }),
        untrusted(Distrust::Unsigned),
        untrusted(Distrust::Signature(SigningError::Stranger)),
        untrusted(Distrust::Another { path: "bundles/deps-1/debian-12-x86_64.json".to_owned() }),
        untrusted(Distrust::Older { found: 3, seen: 7 }),
        untrusted(Distrust::Expired { at: 1_796_148_000 }),
    ];
    all.extend(bundle_faults().into_iter().map(|fault| untrusted(Distrust::Fault(fault))));
    all
}

fn package_faults() -> Vec<PackageFault> {
    vec![
        PackageFault::Fetch(ArchiveFault::Missing),
        PackageFault::Fetch(ArchiveFault::Channel {
            channel: "main".to_owned(),
            error: ChannelError::Http(unreachable()),
        }),
        PackageFault::Fetch(ArchiveFault::Store(StoreError::Digest {
            expected: digest("right"),
            found: digest("wrong"),
        })),
        PackageFault::Fetch(ArchiveFault::System { reason: full_words() }),
        PackageFault::Archive(archive::Error::Truncated),
        PackageFault::Store(StoreError::System { reason: full_words() }),
        PackageFault::PrefixDir(PrefixDirError::System { reason: full_words() }),
        PackageFault::Another { is: "zlib 1.3.1".to_owned() },
        PackageFault::System { reason: full_words() },
    ]
}

pub fn install() -> Vec<Told> {
    let versions =
        |set: &str, needed, offered| (set.to_owned(), SymbolVersion::new(needed), SymbolVersion::new(offered));
    let unmet = vec![versions("GLIBC", "2.36", "2.31"), versions("GLIBCXX", "3.4.30", "3.4.28")];
    let unreachable_channel = || MissReason::Unreachable(ChannelError::Http(unreachable()));
    let mut errors = vec![
        install::Error::Place(PlaceError::Bare),
        install::Error::Checkout(checkout::Error::Unborn { branch: "main".to_owned() }),
        install::Error::Host(HostError::NoOsRelease { root: path("/") }),
        install::Error::PrefixDir(PrefixDirError::System { reason: full_words() }),
        install::Error::Store(StoreError::System { reason: full_words() }),
        install::Error::Channel(ChannelError::NoFolder { folder: path("/mnt/deps") }),
        install::Error::NoChannel,
        drifted(DriftPolicy::Warn),
        drifted(DriftPolicy::Error),
        drifted(DriftPolicy::Build),
        missing(
            "deps-update-hdf5-1.14",
            true,
            vec![miss("main", has_not(&["almalinux-9-x86_64", "ubuntu-22-x86_64"]))],
            Some("deps-add-zmq"),
        ),
        missing("deps-add-zmq", true, vec![miss("main", has_not(&[]))], None),
        missing(
            "deps-add-zmq",
            true,
            vec![miss("main", unreachable_channel()), miss("mirror", MissReason::Offline)],
            None,
        ),
        missing("deps-mr-7", false, vec![miss("main", has_not(&[]))], None),
        install::Error::Floor(Box::new(Lack { platform: debian(), host: platform("ubuntu-20-x86_64"), unmet })),
        stack(&["base", "gui"]),
        stack(&[]),
        no_debug(Some("zmq"), &["hdf5", "zlib"]),
        no_debug(None, &[]),
        install::Error::Protected { candidate: tag("deps-mr-hdf5") },
        install::Error::Prepared {
            path: path("/builds/tagalong-prepared/x.json"),
            fault: NoManifest::Fault(BundleFault::Format { found: 9 }),
        },
        not_shared(LinkKind::Hard, Refusal::OtherFileSystem),
        not_shared(LinkKind::Hard, Refusal::Unable { reason: "Operation not permitted (os error 1)".to_owned() }),
        not_shared(LinkKind::Reflink, Refusal::Unable { reason: "Operation not supported (os error 95)".to_owned() }),
        install::Error::Foreign { prefix: prefix() },
        install::Error::Build(build::Error::NoWorkTree),
        install::Error::Unreadable { prefix: prefix(), reason: "it has format 2, this program reads 1".to_owned() },
    ];
    errors.extend(not_taken().into_iter().map(install::Error::NotTaken));
    let package = |fault| install::Error::Package { name: "hdf5".to_owned(), fault: Box::new(fault) };
    errors.extend(package_faults().into_iter().map(package));
    by_value("install", errors)
}

//! Messages of `publish`.

use tagalong::channel::ChannelError;
use tagalong::checkout;
use tagalong::flow::publish::{self, PreparedFault};
use tagalong::flow::{cache, gc, sbom};
use tagalong::host::HostError;
use tagalong::model::bundle::{BundleKind, BundleRef};
use tagalong::model::project::NoSuchChannel;
use tagalong::place::PlaceError;
use tagalong::search::{ArchiveFault, NotTaken};
use tagalong::signing::SigningError;
use tagalong::store::StoreError;
use tagalong::store::handed::NoManifest;

use crate::facts::{debian, full_words, name, path, tag};
use crate::machine::bundle_faults;
use crate::told::{Told, by_value};

fn taken(differing: &[&str]) -> publish::Error {
    let bundle = BundleRef { kind: BundleKind::Tagged, tag: tag("deps-add-hdf5"), platform: debian() };
    let differing = differing.iter().map(|one| name(one)).collect();
    publish::Error::Taken { bundle: Box::new(bundle), channel: "main".to_owned(), differing }
}

pub fn publish() -> Vec<Told> {
    let main = || "main".to_owned();
    let drifted = |recipes: &[&str]| publish::Error::Drifted {
        tag: tag("deps-add-hdf5"),
        recipes: recipes.iter().map(|&recipe| recipe.to_owned()).collect(),
    };
    let mut errors = vec![
        publish::Error::Place(PlaceError::Bare),
        publish::Error::Checkout(checkout::Error::Unborn { branch: main() }),
        publish::Error::Host(HostError::NoOsRelease { root: path("/") }),
        publish::Error::Store(StoreError::System { reason: full_words() }),
        publish::Error::Channel(ChannelError::ReadOnly { channel: "web".to_owned(), status: 405 }),
        publish::Error::Signing(SigningError::NotASecretKey),
        publish::Error::NoSuchChannel(NoSuchChannel::None),
        publish::Error::NoSuchChannel(NoSuchChannel::Unknown {
            given: "mian".to_owned(),
            known: vec![main(), "web".to_owned()],
        }),
        publish::Error::NoKey { channel: main() },
        publish::Error::StrangeKey {
            channel: main(),
            key: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned(),
        },
        publish::Error::NoSuchTag { tag: tag("deps-add-hdf5") },
        publish::Error::NothingBuilt { platform: debian() },
        drifted(&["hdf5", "zlib"]),
        drifted(&[]),
        publish::Error::BuiltOther { tag: tag("deps-add-hdf5") },
        publish::Error::Sandbox { level: "host".to_owned() },
        taken(&["hdf5", "zlib"]),
        taken(&[]),
        publish::Error::Gone { name: name("hdf5") },
        publish::Error::NotTaken(NotTaken::Missing(Vec::new())),
        publish::Error::Archive { name: name("hdf5"), fault: Box::new(ArchiveFault::Missing) },
        publish::Error::File { reason: full_words() },
        publish::Error::NoCandidate { candidate: tag("deps-mr-hdf5"), channel: main() },
        publish::Error::CandidateDiffers { candidate: tag("deps-mr-hdf5"), tag: tag("deps-add-hdf5") },
        publish::Error::NothingToCopy { tag: tag("deps-add-hdf5"), from: "staging".to_owned() },
    ];
    let prepared = |fault| publish::Error::Prepared { file: path("manifest.json"), fault };
    errors.push(prepared(PreparedFault::NoManifest(NoManifest::Unreadable { reason: full_words() })));
    errors.push(prepared(PreparedFault::OtherRecipes { name: "deps-add-hdf5".to_owned() }));
    errors
        .extend(bundle_faults().into_iter().map(|fault| prepared(PreparedFault::NoManifest(NoManifest::Fault(fault)))));
    let manifest = || "bundles/deps-add-hdf5/debian-12-x86_64.json".to_owned();
    errors.extend(bundle_faults().into_iter().map(|fault| publish::Error::Existing { path: manifest(), fault }));
    let mut told = by_value("publish", errors);
    let mut errors = vec![
        sbom::Error::Checkout(checkout::Error::Unborn { branch: main() }),
        sbom::Error::Host(HostError::NoOsRelease { root: path("/") }),
        sbom::Error::Store(StoreError::System { reason: full_words() }),
        sbom::Error::Channel(ChannelError::NoFolder { folder: path("/mnt/deps") }),
        sbom::Error::NotTaken(NotTaken::Missing(Vec::new())),
        sbom::Error::File { path: path("manifest.json"), fault: NoManifest::Unreadable { reason: full_words() } },
    ];
    let wrong = |fault| sbom::Error::File { path: path("manifest.json"), fault: NoManifest::Fault(fault) };
    errors.extend(bundle_faults().into_iter().map(wrong));
    told.extend(by_value("sbom", errors));
    let gone = vec![
        gc::Error::Place(PlaceError::Bare),
        gc::Error::Checkout(checkout::Error::Unborn { branch: main() }),
        gc::Error::Channel(ChannelError::NoFolder { folder: path("/mnt/deps") }),
        gc::Error::NoSuchChannel(NoSuchChannel::Unknown { given: "mian".to_owned(), known: vec![main()] }),
        gc::Error::NoTags { is_shallow: true },
        gc::Error::NoTags { is_shallow: false },
        gc::Error::Manifest { path: manifest(), fault: bundle_faults().remove(0) },
    ];
    told.extend(by_value("gc", gone));
    told.extend(by_value("cache", vec![cache::Error::Store(StoreError::System { reason: full_words() })]));
    told
}

//! Messages of the rooms that touch the machine and the network: channel, host, http, prefix_dir, signing, store.

use tagalong::channel::{Act, AddressFault, ChannelError, Kind};
use tagalong::host::HostError;
use tagalong::http::{HttpError, RedirectFault};
use tagalong::model::build_key::Ingredients;
use tagalong::model::bundle::BundleFault;
use tagalong::prefix_dir::PrefixDirError;
use tagalong::signing::SigningError;
use tagalong::store::StoreError;

use crate::facts::{denied, digest, full_words, manifest_faults, name, path, prefix_errors};
use crate::told::{Told, by_reference, by_value};

pub fn unreachable() -> HttpError {
    HttpError::Unreachable {
        url: "https://deps.example.org".to_owned(),
        reason: "Connection refused (os error 111)".to_owned(),
    }
}

pub fn channel() -> Vec<Told> {
    let address = |url: &str, reason| ChannelError::Address { channel: "main".to_owned(), url: url.to_owned(), reason };
    let manifest = || "bundles/deps-1/debian-12-x86_64.json".to_owned();
    let refused = |kind, act, status, said: Option<&str>| ChannelError::Refused {
        kind,
        channel: "main".to_owned(),
        act,
        path: manifest(),
        status,
        said: said.map(str::to_owned),
    };
    let errors = vec![
        address("ftp://deps.example.org", AddressFault::Scheme),
        address("file://server/deps", AddressFault::Host),
        address("file:", AddressFault::Empty),
        address("file:deps", AddressFault::NoCheckout),
        ChannelError::Http(unreachable()),
        ChannelError::System { reason: full_words() },
        ChannelError::NoFolder { folder: path("/mnt/deps") },
        ChannelError::TooLarge { path: manifest(), limit: 64 << 20 },
        ChannelError::ReadOnly { channel: "web".to_owned(), status: 405 },
        ChannelError::Format { found: None },
        ChannelError::Format { found: Some(2) },
        ChannelError::Damaged { path: manifest() },
        address("s3://", AddressFault::Bucket),
        address("s3://deps?endpiont=x", AddressFault::Setting),
        address("oci://registry.example.org", AddressFault::Repository),
        address("gitlab://gitlab.example.org", AddressFault::Project),
        refused(Kind::Http, Act::Write, 401, None),
        refused(Kind::Http, Act::Write, 413, None),
        refused(Kind::S3, Act::Read, 403, Some("AccessDenied")),
        refused(Kind::Oci, Act::Write, 401, Some("authentication required")),
        refused(Kind::Gitlab, Act::Delete, 403, None),
        refused(Kind::S3, Act::List, 404, Some("NoSuchBucket")),
        refused(Kind::Gitlab, Act::Write, 400, Some("Duplicate package is not allowed")),
        ChannelError::Nonsense {
            kind: Kind::Oci,
            path: manifest(),
            reason: "expected value at line 1 column 1".to_owned(),
        },
        ChannelError::Credentials {
            of: "~/.docker/config.json".to_owned(),
            reason: "expected value at line 1 column 1".to_owned(),
        },
        ChannelError::NotListed { channel: "web".to_owned() },
        ChannelError::Lost { path: manifest() },
    ];
    by_reference("channel", errors)
}

pub fn host() -> Vec<Told> {
    let root = || path("/srv/roots/debian");
    let errors = vec![
        HostError::NoFolder { root: root() },
        HostError::NoOsRelease { root: root() },
        HostError::NoArchitecture { root: root() },
        HostError::Unreadable {
            reason: format!("failed to open file `/srv/roots/debian/etc/os-release`: {}", denied()),
        },
    ];
    by_value("host", errors)
}

pub fn http() -> Vec<Told> {
    let url = || "https://deps.example.org/packages/ab/abcd.tar.zst".to_owned();
    let status = |status| HttpError::Status { url: url(), status, retry_after: None };
    let errors = vec![
        HttpError::Client { reason: "`HTTPS_PROXY` is no address".to_owned() },
        HttpError::Address { url: "deps.example.org".to_owned(), reason: "relative URL without a base".to_owned() },
        HttpError::NoAuthorities { url: url(), reason: "no certificates in /etc/ssl/certs".to_owned() },
        HttpError::Unreachable { url: url(), reason: "invalid peer certificate: UnknownIssuer".to_owned() },
        unreachable(),
        HttpError::Broken { url: url(), reason: "end of file before message length reached".to_owned() },
        status(401),
        status(403),
        status(407),
        HttpError::Status { url: url(), status: 503, retry_after: Some(30) },
        HttpError::Redirect { url: url(), reason: RedirectFault::TooMany },
        HttpError::Redirect { url: url(), reason: RedirectFault::Downgrade },
        HttpError::TooLarge { url: url(), limit: 64 << 20 },
        HttpError::File { url: url(), reason: full_words() },
    ];
    by_reference("http", errors)
}

pub fn prefix_dir() -> Vec<Told> {
    let mut errors: Vec<_> = prefix_errors().into_iter().map(PrefixDirError::Path).collect();
    errors.extend([
        PrefixDirError::NotAFolder { path: path("/home/ada/demo/extern") },
        PrefixDirError::System { reason: full_words() },
        PrefixDirError::Journal {
            path: path("/home/ada/demo/extern/.debian-12.journal"),
            reason: "expected value at line 1 column 1".to_owned(),
        },
    ]);
    let manifest = || path("/home/ada/demo/extern/.tagalong/packages/libpng.json");
    errors.extend(manifest_faults().into_iter().map(|fault| PrefixDirError::Manifest { path: manifest(), fault }));
    by_reference("prefix_dir", errors)
}

pub fn signing() -> Vec<Told> {
    let errors = vec![
        SigningError::NotAPublicKey { given: "RWnonsense".to_owned() },
        SigningError::NotASecretKey,
        SigningError::Encrypted,
        SigningError::WrongPassword,
        SigningError::NotASignature,
        SigningError::Stranger,
        SigningError::Wrong { key: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned() },
        SigningError::Revoked { key: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned() },
        SigningError::NotIntroduced {
            comment: "introduces RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned(),
        },
        SigningError::Made { reason: "the terminal cannot be read".to_owned() },
    ];
    by_reference("signing", errors)
}

pub fn bundle_faults() -> Vec<BundleFault> {
    let mut ingredients = Ingredients::new();
    ingredients.add("version", "1.6.43");
    vec![
        BundleFault::Json { reason: "unknown field `colour` at line 3 column 9".to_owned() },
        BundleFault::Format { found: 2 },
        BundleFault::Twice { name: name("libpng") },
        BundleFault::Need { name: name("libpng"), need: name("zlib") },
        BundleFault::Key { key: ingredients.key() },
    ]
}

pub fn store() -> Vec<Told> {
    let record = || path("/home/ada/.cache/tagalong/keys/debian-12-x86_64/ab.json");
    let mut errors = vec![
        StoreError::System { reason: full_words() },
        StoreError::Digest { expected: digest("right"), found: digest("wrong") },
    ];
    errors.push(StoreError::Open { folder: path("/srv/cache/tagalong") });
    errors.push(StoreError::Handed { path: record(), fault: bundle_faults().remove(0) });
    errors.extend(bundle_faults().into_iter().map(|fault| StoreError::Record { path: record(), fault }));
    by_reference("store", errors)
}

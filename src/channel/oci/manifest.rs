//! The manifests that a registry holds for a channel (OCI image specification 1.1): one object as an artifact whose
//! config is the object itself, and the index of a bundle's platforms.
//!
//! ```json
//! {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
//!  "artifactType": "application/vnd.tagalong.bundle.v1+json",
//!  "config": {"mediaType": "application/vnd.tagalong.bundle.v1+json", "digest": "sha256:…", "size": 1234},
//!  "layers": [{"mediaType": "application/vnd.tagalong.package.v1.tar+zstd", "digest": "sha256:…", "size": 91234,
//!              "annotations": {"org.opencontainers.image.title": "packages/ab/ab….tar.zst"}}],
//!  "annotations": {"org.tagalong.path": "bundles/deps-1/debian-12-x86_64.json",
//!                  "org.tagalong.signature": "untrusted comment: …",
//!                  "org.opencontainers.image.created": "2026-11-21T18:45:52Z"}}
//! ```
//! Does not talk to registries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::bundle::{BuildRecord, BundleManifest, archive_path};
use crate::model::digest::Digest;
use crate::model::platform::Platform;

pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE_TYPE: &str = "application/vnd.tagalong.bundle.v1+json";
const OBJECT_TYPE: &str = "application/vnd.tagalong.object.v1+json";
const PACKAGE_TYPE: &str = "application/vnd.tagalong.package.v1.tar+zstd";

pub(super) const PATH: &str = "org.tagalong.path";
const SIGNATURE: &str = "org.tagalong.signature";
const PLATFORM: &str = "org.tagalong.platform";
const CREATED: &str = "org.opencontainers.image.created";
const TITLE: &str = "org.opencontainers.image.title";

type Annotations = BTreeMap<String, String>;

/// What points to a blob or a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<OciPlatform>,
}

impl Descriptor {
    fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        let (media_type, digest) = (media_type.to_owned(), format!("sha256:{digest}"));
        Descriptor { media_type, artifact_type: None, digest, size, annotations: Annotations::new(), platform: None }
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        Digest::parse(self.digest.strip_prefix("sha256:")?).ok()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OciPlatform {
    architecture: String,
    os: String,
}

/// One object of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    schema_version: u32,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    pub config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
}

impl Held {
    /// An object at a path; the archives that it names are its layers, so that the registry keeps them with it.
    pub(super) fn new(path: &str, bytes: &[u8], signature: Option<&str>, now: &str) -> Held {
        let (media_type, archives) = match path.split('/').next() {
            Some("bundles" | "candidates") => {
                let packages = BundleManifest::parse(bytes).map(|manifest| manifest.packages).unwrap_or_default();
                (BUNDLE_TYPE, packages.iter().map(|package| (package.archive, package.size)).collect::<Vec<_>>())
            }
            Some("keys") => {
                let archives = BuildRecord::parse(bytes).map(|record| record.packages()).unwrap_or_default();
                (OBJECT_TYPE, archives.iter().map(|package| (package.archive, package.size)).collect())
            }
            _ => (OBJECT_TYPE, Vec::new()),
        };
        let config = Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64);
        let mut layers: Vec<Descriptor> = Vec::new();
        for (digest, size) in archives {
            let mut layer = Descriptor::new(PACKAGE_TYPE, digest, size);
            layer.annotations.insert(TITLE.to_owned(), archive_path(digest));
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
        if layers.is_empty() {
            // Some registries refuse a manifest without one.
            layers.push(config.clone());
        }
        let mut annotations =
            Annotations::from([(PATH.to_owned(), path.to_owned()), (CREATED.to_owned(), now.to_owned())]);
        annotations.extend(signature.map(|signature| (SIGNATURE.to_owned(), signature.to_owned())));
        let (media, artifact_type) = (MANIFEST_TYPE.to_owned(), Some(media_type.to_owned()));
        Held { schema_version: 2, media_type: media, artifact_type, config, layers, annotations }
    }

    pub(super) fn path(&self) -> Option<&str> {
        self.annotations.get(PATH).map(String::as_str)
    }

    pub(super) fn signature(&self) -> Option<&str> {
        self.annotations.get(SIGNATURE).map(String::as_str)
    }

    #[must_use]
    pub(super) fn signed(mut self, signature: &str) -> Held {
        self.annotations.insert(SIGNATURE.to_owned(), signature.to_owned());
        self
    }

    pub(super) fn created(&self) -> Option<&str> {
        self.annotations.get(CREATED).map(String::as_str)
    }

    /// The archives that it names, with their sizes in bytes.
    pub(super) fn archives(&self) -> impl Iterator<Item = (Digest, u64)> {
        let is_package = |layer: &&Descriptor| layer.media_type == PACKAGE_TYPE;
        self.layers.iter().filter(is_package).filter_map(|layer| Some((layer.digest()?, layer.size)))
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a manifest holds only strings, numbers and lists")
    }
}

/// The platforms of one bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u32,
    media_type: String,
    manifests: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
}

impl Index {
    pub(super) fn new() -> Index {
        let (media_type, annotations) = (INDEX_TYPE.to_owned(), Annotations::new());
        Index { schema_version: 2, media_type, manifests: Vec::new(), annotations }
    }

    pub(super) fn platforms(&self) -> Vec<Platform> {
        let named = self.manifests.iter().filter_map(|one| one.annotations.get(PLATFORM));
        let mut found: Vec<Platform> = named.filter_map(|id| Platform::parse(id).ok()).collect();
        found.sort();
        found
    }

    /// The index with this manifest as that of the platform; without the platform for none.
    #[must_use]
    pub(super) fn with(mut self, platform: &Platform, manifest: Option<&[u8]>) -> Index {
        let id = platform.id();
        self.manifests.retain(|one| one.annotations.get(PLATFORM) != Some(&id));
        if let Some(bytes) = manifest {
            let mut one = Descriptor::new(MANIFEST_TYPE, Digest::of(bytes), bytes.len() as u64);
            one.artifact_type = Some(BUNDLE_TYPE.to_owned());
            one.annotations.insert(PLATFORM.to_owned(), id);
            let architecture = match platform.arch() {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            };
            one.platform = Some(OciPlatform { architecture: architecture.to_owned(), os: "linux".to_owned() });
            self.manifests.push(one);
            self.manifests.sort_by(|one, other| one.annotations.get(PLATFORM).cmp(&other.annotations.get(PLATFORM)));
        }
        self
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("an index holds only strings, numbers and lists")
    }
}

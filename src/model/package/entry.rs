//! How the entries of a package manifest are written as JSON: flat, each field once, unknown ones refused.
//!
//! Does not check entries against each other; [`super::PackageManifest`] does.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::digest::Digest;
use crate::model::package::{Entry, EntryKind, EntryPath, FileEntry, Relocations};

/// The most entries a package may have; a bound on memory, far above any package known.
const MOST_ENTRIES: usize = 500_000;

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Folder,
    File,
    Link,
}

/// An entry as it stands in the file. Flat by hand, since serde's `flatten` cannot refuse unknown fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    path: EntryPath,
    kind: KindName,
    mode: Option<u32>,
    size: Option<u64>,
    digest: Option<Digest>,
    text: Option<Vec<u64>>,
    fixed: Option<Vec<u64>>,
    target: Option<String>,
}

impl Fields {
    fn has_file_field(&self) -> bool {
        self.mode.is_some()
            || self.size.is_some()
            || self.digest.is_some()
            || self.text.is_some()
            || self.fixed.is_some()
    }
}

/// The same for writing; field order is that of the example in the head of `package.rs`.
#[derive(Serialize)]
struct Shown<'a> {
    path: &'a str,
    kind: KindName,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    text: &'a [u64],
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    fixed: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = |kind| Shown {
            path: self.path.as_str(),
            kind,
            mode: None,
            size: None,
            digest: None,
            text: &[],
            fixed: &[],
            target: None,
        };
        let shown = match &self.kind {
            EntryKind::Folder => plain(KindName::Folder),
            EntryKind::Link { target } => Shown { target: Some(target), ..plain(KindName::Link) },
            EntryKind::File(file) => Shown {
                mode: Some(file.mode),
                size: Some(file.size),
                digest: Some(file.digest),
                text: &file.relocations.text,
                fixed: &file.relocations.fixed,
                ..plain(KindName::File)
            },
        };
        shown.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        let wrong = |reason: &str| Err(D::Error::custom(format!("entry `{}`: {reason}", fields.path)));
        let kind = match fields.kind {
            KindName::Folder if fields.has_file_field() || fields.target.is_some() => {
                return wrong("a folder has only a path");
            }
            KindName::Folder => EntryKind::Folder,
            KindName::Link if fields.has_file_field() => return wrong("a link has only a target"),
            KindName::Link => match fields.target {
                Some(target) => EntryKind::Link { target },
                None => return wrong("a link needs a target"),
            },
            KindName::File if fields.target.is_some() => return wrong("a file has no target"),
            KindName::File => match (fields.mode, fields.size, fields.digest) {
                (Some(mode), Some(size), Some(digest)) => {
                    let relocations =
                        Relocations { text: fields.text.unwrap_or_default(), fixed: fields.fixed.unwrap_or_default() };
                    EntryKind::File(FileEntry { mode, size, digest, relocations })
                }
                _ => return wrong("a file needs mode, size and digest"),
            },
        };
        Ok(Entry { path: fields.path, kind })
    }
}

/// Reads the list of entries and stops at the first too many.
pub fn read_all<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Vec<Entry>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Entry>, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = list.next_element()? {
                if entries.len() == MOST_ENTRIES {
                    return Err(A::Error::custom(format!("there are more than {MOST_ENTRIES} entries")));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_seq(List)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_written_flat_and_read_back() {
        let digest = Digest::of(b"");
        let all = [
            r#"{"path":"bin","kind":"folder"}"#.to_owned(),
            format!(r#"{{"path":"bin/a","kind":"file","mode":493,"size":9,"digest":"{digest}","fixed":[1,2]}}"#),
            format!(r#"{{"path":"bin/b","kind":"file","mode":420,"size":0,"digest":"{digest}"}}"#),
            r#"{"path":"c","kind":"link","target":"bin/a"}"#.to_owned(),
        ];
        for json in all {
            let entry: Entry = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&entry).unwrap(), json);
        }
    }

    #[test]
    fn entry_refuses_fields_that_it_does_not_know_or_that_do_not_belong_to_its_kind() {
        let digest = Digest::of(b"");
        let wrong = [
            r#"{"path":"bin","kind":"folder","owner":0}"#.to_owned(),
            r#"{"path":"bin","kind":"folder","mode":493}"#.to_owned(),
            r#"{"path":"bin","kind":"device"}"#.to_owned(),
            r#"{"path":"a","kind":"link"}"#.to_owned(),
            r#"{"path":"a","kind":"link","target":"b","size":1}"#.to_owned(),
            r#"{"path":"a","kind":"file","mode":420,"size":0}"#.to_owned(),
            format!(r#"{{"path":"a","kind":"file","mode":420,"size":0,"digest":"{digest}","target":"b"}}"#),
            format!(r#"{{"path":"a","kind":"file","mode":420,"size":0,"size":1,"digest":"{digest}"}}"#),
        ];
        for json in wrong {
            assert!(serde_json::from_str::<Entry>(&json).is_err(), "{json}");
        }
    }
}

//! Facts as they come up in real life, the same on every machine.

use std::io;
use std::path::{Path, PathBuf};

use tagalong::model::digest::Digest;
use tagalong::model::package::{self, ManifestFault};
use tagalong::model::platform::Platform;
use tagalong::model::prefix::{Prefix, PrefixError, PrefixFault};
use tagalong::model::recipe::RecipeName;
use tagalong::model::tag::{DepsTag, TagError, TagFault};
use tagalong::toml_file::{Mistake, Mistakes};

pub fn name(name: &str) -> RecipeName {
    RecipeName::parse(name).unwrap()
}

pub fn tag(name: &str) -> DepsTag {
    DepsTag::parse(name).unwrap()
}

pub fn platform(id: &str) -> Platform {
    Platform::parse(id).unwrap()
}

pub fn debian() -> Platform {
    platform("debian-12-x86_64")
}

pub fn prefix() -> Prefix {
    Prefix::new(Path::new("/home/ada/demo/extern/debian-12-x86_64")).unwrap()
}

pub fn path(path: &str) -> PathBuf {
    PathBuf::from(path)
}

pub fn digest(of: &str) -> Digest {
    Digest::of(of.as_bytes())
}

/// What the system says where one may not write.
pub fn denied() -> io::Error {
    io::Error::from_raw_os_error(13)
}

/// What the system says on a full disk.
pub fn full() -> io::Error {
    io::Error::from_raw_os_error(28)
}

pub fn full_words() -> String {
    format!("failed to write to file `/home/ada/.cache/tagalong/tmp/1`: {}", full())
}

pub fn tag_errors() -> Vec<TagError> {
    let error = |given: &str, reason| TagError { given: given.to_owned(), reason };
    vec![
        error("", TagFault::Empty),
        error("deps-a-name-that-goes-on", TagFault::TooLong { limit: 200 }),
        error("deps-a;b", TagFault::Character(';')),
        error("-deps", TagFault::Start),
        error("deps..x", TagFault::Dots),
    ]
}

pub fn prefix_errors() -> Vec<PrefixError> {
    let error = |given: &str, reason| PrefixError { given: path(given), reason };
    vec![
        error("extern", PrefixFault::Relative),
        error("/", PrefixFault::Root),
        error("/srv/../etc", PrefixFault::Climbs),
        error("/srv/a\nb", PrefixFault::Control),
    ]
}

pub fn manifest_faults() -> Vec<ManifestFault> {
    let entry = |reason| ManifestFault::Entry { path: "lib/libpng16.so.16".to_owned(), reason };
    vec![
        ManifestFault::Json { reason: "unknown field `colour` at line 3 column 9".to_owned() },
        ManifestFault::Format { found: 2 },
        ManifestFault::Export { name: "LD_PRELOAD".to_owned() },
        entry(package::EntryFault::Order),
        entry(package::EntryFault::NoFolder),
        entry(package::EntryFault::Escapes),
        entry(package::EntryFault::Mode),
        entry(package::EntryFault::Relocations),
    ]
}

pub fn project_mistakes() -> Mistakes {
    Mistakes {
        name: "tagalong.toml".to_owned(),
        text: "[project]\nname = \"demo\"\nwalk = \"dates\"\n".to_owned(),
        list: vec![Mistake {
            span: 31..38,
            what: "unknown `walk`: `dates`".to_owned(),
            hint: Some("did you mean `date`?".to_owned()),
        }],
    }
}

pub fn recipe_mistakes() -> Mistakes {
    Mistakes {
        name: "extern-recipes/libpng/recipe.toml".to_owned(),
        text: "name = \"libpng\"\nversion = 1.6\n".to_owned(),
        list: vec![Mistake {
            span: 26..29,
            what: "`version` is a number with a fraction, not a text".to_owned(),
            hint: Some("write `version = \"1.6\"`".to_owned()),
        }],
    }
}

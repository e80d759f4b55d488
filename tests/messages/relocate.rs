//! Messages of `tagalong relocate`, and of trees that others made.

use std::io;

use tagalong::flow::audit;
use tagalong::flow::relocate::verify::Stopped;
use tagalong::flow::relocate::{self, Left, Outcome, Why};
use tagalong::prefix_dir::PrefixDirError;
use tagalong::relocate::mapping::{MappingFault, Pair};
use tagalong::relocate::pyc::PycFault;
use tagalong::tree::TreeError;

use crate::facts::{full_words, path};
use crate::told::{Told, by_value};

fn outcome(is_relative: bool, left: Vec<Left>) -> relocate::Error {
    let pair = Pair { old: b"/opt/old".to_vec(), new: b"/srv/new".to_vec() };
    let outcome = Outcome {
        dir: path("/srv/new"),
        pairs: vec![pair],
        is_relative,
        told_by: None,
        is_recorded: false,
        changes: Vec::new(),
        left,
        paths: 1204,
    };
    relocate::Error::Refused { outcome: Box::new(outcome) }
}

fn left(path: &str, offset: Option<u64>, why: Why) -> Left {
    Left { path: path.to_owned(), offset, why }
}

/// Everything that may stay as it is.
fn all_that_stays() -> Vec<Left> {
    let marshal = |fault| left("lib/python3.12/__pycache__/os.cpython-312.pyc", None, Why::Marshal { fault });
    vec![
        left("lib/libz.so.1", Some(8192), Why::TooShort { room: 8, needed: 24 }),
        left("bin/static", None, Why::Elf { reason: "it is static: the loader reads nothing of it".to_owned() }),
        left("bin/awk", Some(0), Why::Head { reason: "no line starts /srv/a b/gawk through /bin/sh".to_owned() }),
        left("lib/libz.la", Some(8), Why::NotRelative),
        left("share/doc.gz", None, Why::Packed { member: "gzip".to_owned() }),
        left("lib/x.jar", None, Why::Unseen { member: "a.class".to_owned(), reason: "it is encrypted".to_owned() }),
        left("share/data", Some(4), Why::Wide),
        left("share/data", Some(20), Why::Escaped),
        left("share/data", Some(40), Why::Doubt { count: 2 }),
        left("bin/x", Some(13_996), Why::NotLoaded { room: 8, needed: 24 }),
        left("bin/x", Some(14_018), Why::NotLoaded { room: 8, needed: 8 }),
        marshal(PycFault::Magic),
        marshal(PycFault::Cut),
        marshal(PycFault::Deep),
        marshal(PycFault::Kind { kind: b'?', offset: 16 }),
        marshal(PycFault::Encoding),
        left("pyvenv.cfg", Some(0), Why::Tells),
        left("bin/tool", None, Why::Stopped { what: "needs libz.so.1, which is nowhere".to_owned() }),
    ]
}

/// Every reason as a place that `--leave` leaves.
pub fn lines() -> Vec<String> {
    all_that_stays().iter().map(tagalong::cli::failure::relocate::line).collect()
}

pub fn relocate() -> Vec<Told> {
    let shown = |text: &str| text.as_bytes().to_vec();
    let several = || vec!["/opt/one".to_owned(), "/opt/two".to_owned()];
    let tree = vec![
        relocate::Error::Tree(TreeError::File {
            doing: "searching a file",
            path: path("/srv/new/bin/x"),
            source: io::Error::from_raw_os_error(13),
        }),
        relocate::Error::Tree(TreeError::OtherDevice { path: path("/srv/new/mnt") }),
        relocate::Error::Tree(TreeError::Changed { path: path("/srv/new/bin/x") }),
    ];
    let stopped = |file: &str| Stopped { file: file.to_owned(), what: "needs libz.so.1, which is nowhere".to_owned() };
    let mut told = by_value("tree", tree);
    told.extend(by_value(
        "relocate",
        vec![
            relocate::Error::NoFolder { path: path("/srv/new") },
            relocate::Error::PrefixDir(PrefixDirError::System { reason: full_words() }),
            relocate::Error::Mapping(MappingFault::Old(shown("/"))),
            relocate::Error::Mapping(MappingFault::New(shown("/"))),
            relocate::Error::Mapping(MappingFault::Twice(shown("/opt/old"))),
            relocate::Error::NotTold { dir: path("/srv/new") },
            relocate::Error::Several { dir: path("/srv/new"), prefixes: several() },
            outcome(false, all_that_stays()),
            outcome(true, vec![left("lib/libz.la", Some(8), Why::NotRelative)]),
            outcome(false, (0..25).map(|at| left("bin/x", Some(at), Why::NotRelative)).collect()),
            relocate::Error::Record {
                path: path("/srv/places.json"),
                reason: "its format is 2, this program knows 1".to_owned(),
            },
            relocate::Error::Stale { path: path("/srv/places.json"), file: "lib/libz.so.1".to_owned() },
            relocate::Error::SeveralRecorded { path: path("/srv/places.json"), prefixes: several() },
            relocate::Error::NotProved { file: "lib/libz.so.1".to_owned(), offset: Some(8192) },
            relocate::Error::NotProved { file: "lib/libz.so.1".to_owned(), offset: None },
            relocate::Error::Stopped { dir: path("/srv/new"), files: vec![stopped("bin/tool")] },
            relocate::Error::Stopped {
                dir: path("/srv/new"),
                files: (0..25).map(|at| stopped(&format!("bin/{at}"))).collect(),
            },
            relocate::Error::Audit(audit::Error::Max { given: "2.28".to_owned() }),
        ],
    ));
    told
}

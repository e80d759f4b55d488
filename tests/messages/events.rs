//! The lines that events become, on a terminal with bars and elsewhere.

use tagalong::cli::talk::words;
use tagalong::model::event::Event;

use crate::facts::name;

/// One line each; what is progress only has none.
pub fn lines() -> Vec<String> {
    all().iter().filter_map(|event| words(event, false)).collect()
}

fn all() -> Vec<Event> {
    let (tag, channel) = (|| "deps-add-hdf5".to_owned(), || "main".to_owned());
    let hdf5 = || name("hdf5");
    let step = || "cmake --build".to_owned();
    let place = || "https://example.org/hdf5-1.14.tar.xz".to_owned();
    let manifest = || "bundles/deps-add-hdf5/debian-12-x86_64.json".to_owned();
    vec![
        Event::TagForced { tag: tag(), by: "--tag" },
        Event::TagNotHere { tag: "deps-mr-7".to_owned() },
        Event::Drifted { tag: tag(), recipes: vec!["hdf5".to_owned(), "zlib".to_owned()] },
        Event::DriftUnknown { tag: tag() },
        Event::NotInHistory { folders: vec!["../shared-recipes".to_owned()] },
        Event::ShallowHistory,
        Event::Waiting { what: "the prefix".to_owned(), holder: Some("process 4711 on build-3".to_owned()) },
        Event::Waiting { what: "the prefix".to_owned(), holder: None },
        Event::ChannelSkipped { channel: channel(), reason: "https://deps.example.org: no route to host".to_owned() },
        Event::Candidate { tag: "deps-mr-7".to_owned(), channel: channel() },
        Event::Served { own: "ubuntu-24-x86_64".to_owned(), by: "debian-12-x86_64".to_owned() },
        Event::OtherRecipes { tag: tag(), channel: channel() },
        Event::Unsigned { channel: channel() },
        Event::Fetching { name: hdf5(), bytes: 1 << 20, size: 3 << 20 },
        Event::Fetching { name: hdf5(), bytes: 3 << 20, size: 3 << 20 },
        Event::Unpacked { name: hdf5(), files: 311 },
        Event::UnpackedChanged { name: "hdf5".to_owned(), file: "include/hdf5.h".to_owned() },
        Event::SourceFetching { name: hdf5(), place: place() },
        Event::SourcePlaceFailed { name: hdf5(), place: place(), reason: "it has no such file".to_owned() },
        Event::StepStarted { name: hdf5(), step: step() },
        Event::StepFinished { name: hdf5(), step: step(), seconds: 95 },
        Event::Packed { name: hdf5(), version: "1.14".to_owned(), files: 1204, relocated: 31, size: 12_345_678 },
        Event::Alive { name: hdf5(), step: step(), seconds: 300 },
        Event::SandboxLevel { level: "full", reason: None },
        Event::SandboxLevel { level: "none", reason: Some("the kernel gives no namespaces here".to_owned()) },
        Event::Published { path: manifest(), was_there: false },
        Event::Published { path: manifest(), was_there: true },
        Event::Removed { path: manifest() },
        Event::KeyBuiltOtherwise { name: hdf5(), path: "keys/debian-12-x86_64/ab.json".to_owned() },
        Event::TakenFromHost { name: hdf5(), packages: vec!["libtiff-dev".to_owned(), "no package".to_owned()] },
        Event::UnusedAllowance { name: hdf5(), check: "loader-system".to_owned(), file: "lib/*.so".to_owned() },
        Event::BuiltElsewhere {
            name: hdf5(),
            ingredient: "image".to_owned(),
            was: Some("sha256:9f2c".to_owned()),
            is: None,
        },
        Event::Shadowed { name: "zlib".to_owned(), folder: "/home/ada/shared-recipes/zlib".to_owned() },
        Event::Note { text: "the work folder is kept: /home/ada/.cache/tagalong/work/hdf5".to_owned() },
    ]
}

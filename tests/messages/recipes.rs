//! Messages of recipes and of the `recipe` verbs.

use std::io;

use tagalong::archive::foreign::ForeignError;
use tagalong::flow::{recipe_check, recipe_graph, recipe_import, recipe_new, recipe_show, recipe_update};
use tagalong::http::HttpError;
use tagalong::recipe_file::update::UpdateFault;
use tagalong::recipe_folder::{self, UnknownRecipe};
use tagalong::recipe_import::ImportError;
use tagalong::sources;

use crate::facts::{denied, full, name, path, recipe_mistakes};
use crate::told::{Told, by_reference, by_value};

fn unknown(given: &str, suggestion: Option<&str>) -> UnknownRecipe {
    UnknownRecipe { given: name(given), suggestion: suggestion.map(str::to_owned) }
}

fn no_folder() -> recipe_folder::Error {
    recipe_folder::Error::NoFolder { folder: path("/home/ada/demo/extern-recipes") }
}

fn unreadable(file: &str) -> io::Error {
    io::Error::other(format!("failed to open file `/home/ada/demo/{file}`: {}", denied()))
}

pub fn recipe() -> Vec<Told> {
    let folder = vec![
        no_folder(),
        recipe_folder::Error::Read(unreadable("extern-recipes/libpng/recipe.toml")),
        recipe_folder::Error::Mistakes(vec![recipe_mistakes()]),
        recipe_folder::Error::Overlay {
            place: "/home/ada/shared-recipes".to_owned(),
            reason: "there is no such folder".to_owned(),
        },
        recipe_folder::Error::Choice {
            name: "blas".to_owned(),
            chosen: name("hdf5"),
            known: vec!["openblas".to_owned(), "lapack".to_owned()],
        },
        recipe_folder::Error::Named {
            by: "the stack `gui` of tagalong.toml".to_owned(),
            unknown: unknown("libpgn", Some("libpng")),
        },
    ];
    let mut told = by_reference("recipe_folder", folder);
    told.extend(by_reference("recipe_folder", vec![unknown("libpgn", Some("libpng")), unknown("qt", None)]));
    told.extend(by_value(
        "recipe_check",
        vec![
            recipe_check::Error::Folder(no_folder()),
            recipe_check::Error::Unknown(unknown("qt", None)),
            recipe_check::Error::Read(unreadable("tagalong.toml")),
        ],
    ));
    told.extend(by_value(
        "recipe_show",
        vec![recipe_show::Error::Folder(no_folder()), recipe_show::Error::Unknown(unknown("qt", None))],
    ));
    told.extend(by_value(
        "recipe_graph",
        vec![recipe_graph::Error::Folder(no_folder()), recipe_graph::Error::Unknown(unknown("qt", None))],
    ));
    told.extend(by_value("recipe_new", new()));
    told.extend(by_value("recipe_update", update()));
    told.extend(by_value("recipe_import", import()));
    told
}

fn update() -> Vec<recipe_update::Error> {
    let unavailable = |place: &str| {
        let tries = vec![sources::Try { place: place.to_owned(), reason: sources::Reason::Absent }];
        sources::Error::Unavailable { recipe: name("libpng"), wanted: sources::Wanted::Anything, tries }
    };
    vec![
        recipe_update::Error::Unknown(unknown("libpgn", Some("libpng"))),
        recipe_update::Error::Folder(no_folder()),
        recipe_update::Error::Update(UpdateFault::Mistakes(recipe_mistakes())),
        recipe_update::Error::Update(UpdateFault::Version { given: "../1".to_owned() }),
        recipe_update::Error::Unmoved {
            name: name("libpng"),
            places: vec!["https://example.org/latest.tar".to_owned()],
        },
        recipe_update::Error::Fetch {
            source: unavailable("https://example.org/1.6/libpng-1.7.0.tar"),
            pinned: vec!["1.6".to_owned()],
        },
        recipe_update::Error::NoTag {
            place: "git https://example.org/libpng.git".to_owned(),
            version: "1.7".to_owned(),
            tags: vec!["v1.7".to_owned(), "1.7".to_owned()],
        },
        recipe_update::Error::Source(sources::Error::Program {
            program: "patch",
            reason: "it is not installed".to_owned(),
        }),
        recipe_update::Error::Http(HttpError::Client { reason: "`HTTPS_PROXY` is no address".to_owned() }),
        recipe_update::Error::Disk(io::Error::other(format!("failed to create file: {}", full()))),
    ]
}

fn import() -> Vec<recipe_import::Error> {
    let path = || path("/home/ada/old/libpng/meta.yaml");
    vec![
        recipe_import::Error::Exists { path: crate::facts::path("/home/ada/demo/extern-recipes/libpng/recipe.toml") },
        recipe_import::Error::NoFile { path: path() },
        recipe_import::Error::Unreadable { path: path(), reason: "it is not UTF-8".to_owned() },
        recipe_import::Error::UnknownFormat { path: crate::facts::path("/home/ada/old/libpng/README") },
        recipe_import::Error::Import {
            path: path(),
            source: ImportError::Yaml { line: 7, reason: "mapping values are not allowed in this context".to_owned() },
        },
        recipe_import::Error::NoName { path: path(), given: None },
        recipe_import::Error::NoName { path: path(), given: Some("Lib PNG".to_owned()) },
        recipe_import::Error::NoVersion { path: path() },
        recipe_import::Error::Mistakes(recipe_mistakes()),
        recipe_import::Error::Disk(io::Error::other(format!("failed to create file: {}", full()))),
    ]
}

fn new() -> Vec<recipe_new::Error> {
    let absent = sources::Try { place: "https://example.org/x.tar".to_owned(), reason: sources::Reason::Absent };
    vec![
        recipe_new::Error::Exists { path: path("/home/ada/demo/extern-recipes/libpng/recipe.toml") },
        recipe_new::Error::Release { given: "libz-sys".to_owned(), example: "libz-sys@1.1.20" },
        recipe_new::Error::NoVersion { given: "https://example.org/latest.tar".to_owned() },
        recipe_new::Error::Source(sources::Error::Unavailable {
            recipe: name("libpng"),
            wanted: sources::Wanted::Anything,
            tries: vec![absent],
        }),
        recipe_new::Error::Unpack(ForeignError::UnknownKind { archive: path("/tmp/libpng.html") }),
        recipe_new::Error::Http(HttpError::Client { reason: "`HTTPS_PROXY` is no address".to_owned() }),
        recipe_new::Error::Mistakes(recipe_mistakes()),
        recipe_new::Error::Disk(io::Error::other(format!(
            "failed to create file `/home/ada/demo/extern-recipes/libpng/recipe.toml`: {}",
            full()
        ))),
    ]
}

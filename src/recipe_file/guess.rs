//! Guesses what a new recipe says from what its source looks like: version, licence, build system.
//!
//! Does not read files; what it is given are names and texts. Guesses are marked as such in the recipe.

use crate::model::recipe::BuildSystem;

/// The endings of archives, longest first.
const ARCHIVE_ENDINGS: [&str; 12] =
    [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tgz", ".txz", ".tbz2", ".tbz", ".tzst", ".tar", ".zip", ".crate"];

/// The files that a build system is known by, the surest first.
const BUILD_FILES: [(&str, BuildSystem); 11] = [
    ("CMakeLists.txt", BuildSystem::Cmake),
    ("configure", BuildSystem::Autotools),
    ("configure.ac", BuildSystem::Autotools),
    ("configure.in", BuildSystem::Autotools),
    ("meson.build", BuildSystem::Meson),
    ("Makefile", BuildSystem::Make),
    ("GNUmakefile", BuildSystem::Make),
    ("makefile", BuildSystem::Make),
    ("pyproject.toml", BuildSystem::Python),
    ("setup.py", BuildSystem::Python),
    ("Cargo.toml", BuildSystem::Cargo),
];

/// Passages that only one licence has: all of them must be there. More particular ones come first.
const LICENCES: [(&str, &[&str]); 23] = [
    ("Apache-2.0 WITH LLVM-exception", &["apache license", "version 2.0", "llvm exceptions to the apache 2.0"]),
    ("Apache-2.0", &["apache license", "version 2.0"]),
    ("AGPL-3.0-or-later", &["gnu affero general public license", "version 3"]),
    ("LGPL-3.0-or-later", &["gnu lesser general public license", "version 3, 29 june 2007"]),
    ("LGPL-2.1-or-later", &["gnu lesser general public license", "version 2.1, february 1999"]),
    ("LGPL-2.0-or-later", &["gnu library general public license", "version 2, june 1991"]),
    ("GPL-3.0-or-later", &["gnu general public license", "version 3, 29 june 2007"]),
    ("GPL-2.0-or-later", &["gnu general public license", "version 2, june 1991"]),
    ("MPL-2.0", &["mozilla public license", "2.0"]),
    ("EPL-2.0", &["eclipse public license", "v 2.0"]),
    ("BSL-1.0", &["boost software license"]),
    ("libpng-2.0", &["png reference library license version 2"]),
    ("bzip2-1.0.6", &["julian r seward", "altered source versions must be plainly marked"]),
    ("Zlib", &["altered source versions must be plainly marked", "must not be misrepresented"]),
    ("OpenSSL", &["openssl license", "original ssleay license"]),
    ("curl", &["daniel stenberg", "permission to use, copy, modify, and distribute this software for any purpose"]),
    (
        "BSD-4-Clause",
        &["redistribution and use in source and binary forms", "must display the following acknowledgement"],
    ),
    ("BSD-3-Clause", &["redistribution and use in source and binary forms", "endorse or promote"]),
    ("BSD-2-Clause", &["redistribution and use in source and binary forms"]),
    ("MIT", &["permission is hereby granted, free of charge, to any person obtaining a copy"]),
    ("ISC", &["permission to use, copy, modify, and", "distribute this software for any purpose with or without fee"]),
    (
        "0BSD",
        &[
            "permission to use, copy, modify, and/or distribute this software for any purpose",
            "without fee is hereby granted",
        ],
    ),
    ("Unlicense", &["this is free and unencumbered software released into the public domain"]),
];

/// The version in the name of an archive: `1.6.43` of `libpng-1.6.43.tar.xz`, `1.81.0` of `boost_1_81_0.zip`.
pub fn version(file: &str) -> Option<String> {
    let stem = ARCHIVE_ENDINGS.iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file);
    let stem = stem.strip_suffix(".orig").unwrap_or(stem);
    let bytes = stem.as_bytes();
    let starts = |at: &usize| {
        let before = at.checked_sub(1).map(|place| bytes[place].to_ascii_lowercase());
        bytes[*at].is_ascii_digit() && before.is_none_or(|byte| b"-_v".contains(&byte))
    };
    let candidates: Vec<&str> = (0..bytes.len()).filter(starts).filter_map(|at| stem.get(at..)).collect();
    // The last part with a dot is the version of `libfoo-2-1.5`; without any dot it is the first part.
    let found = candidates.iter().rev().find(|text| text.contains('.')).or(candidates.first())?;
    let found =
        ["+dfsg", ".dfsg", "+ds", "+repack"].iter().fold(*found, |text, mark| text.split(mark).next().unwrap_or(text));
    let is_underscored = found.chars().all(|c| c.is_ascii_digit() || c == '_');
    let found = if is_underscored { found.replace('_', ".") } else { found.to_owned() };
    found.chars().all(|c| c.is_ascii_alphanumeric() || "._+-~".contains(c)).then_some(found)
}

/// The build system of a source, and the folder that it is built in: the top one, else the nearest below. `files` are
/// paths from the top.
pub fn build_system<'a>(files: &[&'a str]) -> Option<(BuildSystem, &'a str, &'a str)> {
    let known = |path: &'a str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let place = BUILD_FILES.iter().position(|(file, _)| *file == name)?;
        let depth = path.matches('/').count();
        Some(((depth, place, path), folder, name))
    };
    let ((_, place, _), folder, name) = files.iter().filter_map(|path| known(path)).min()?;
    Some((BUILD_FILES[place].1, folder, name))
}

/// Whether a file of the top folder is likely to hold the licence.
pub fn is_licence_file(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "UNLICENSE"].iter().any(|word| name.starts_with(word))
}

/// The SPDX id of a licence's text, if it is a common one.
pub fn licence(text: &str) -> Option<&'static str> {
    let words: Vec<&str> = text.split_whitespace().filter(|word| !["*", "#", "//", ";"].contains(word)).collect();
    let flat = words.join(" ").to_lowercase();
    LICENCES.iter().find(|(_, passages)| passages.iter().all(|passage| flat.contains(passage))).map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_the_names_that_people_give_archives() {
        for (file, found) in [
            ("libpng-1.6.43.tar.xz", Some("1.6.43")),
            ("bzip2_1.0.8.orig.tar.gz", Some("1.0.8")),
            ("boost_1_81_0.tar.bz2", Some("1.81.0")),
            ("lz4-1.9.4.tar.gz", Some("1.9.4")),
            ("v1.5.6.tar.gz", Some("1.5.6")),
            ("R_2_8_3.tar.gz", Some("2.8.3")),
            ("foo-1.2-rc1.tgz", Some("1.2-rc1")),
            ("libfoo-2-1.5.zip", Some("1.5")),
            ("sqlite-autoconf-3400100.tar.gz", Some("3400100")),
            ("libxml2_2.9.14+dfsg.orig.tar.xz", Some("2.9.14")),
            ("jpegsrc.v9e.tar.gz", Some("9e")),
            ("master.zip", None),
            ("", None),
        ] {
            assert_eq!(version(file).as_deref(), found, "{file}");
        }
    }

    #[test]
    fn build_systems_are_known_by_the_topmost_surest_file() {
        let guess = |files: &[&'static str]| build_system(files).map(|(system, folder, _)| (system, folder));
        assert_eq!(guess(&["configure", "CMakeLists.txt", "a.c"]), Some((BuildSystem::Cmake, "")));
        assert_eq!(guess(&["build/cmake/CMakeLists.txt", "Makefile"]), Some((BuildSystem::Make, "")));
        assert_eq!(guess(&["build/cmake/CMakeLists.txt", "a.c"]), Some((BuildSystem::Cmake, "build/cmake")));
        assert_eq!(guess(&["a.c"]), None);
    }

    #[test]
    fn licences_are_known_by_their_passages() {
        let mit =
            "Copyright (c) Ada\n\nPermission is hereby granted,\n * free of charge, to any person obtaining a copy";
        assert_eq!(licence(mit), Some("MIT"));
        assert_eq!(
            licence("Redistribution and use in source\nand binary forms ... to endorse or promote"),
            Some("BSD-3-Clause")
        );
        assert_eq!(licence("all rights reserved"), None);
    }

    #[test]
    fn every_guessed_licence_is_an_spdx_expression() {
        for (id, _) in LICENCES {
            assert!(crate::recipe_file::licence::is_expression(id), "{id}");
        }
    }
}

//! Tells from the files that other tools leave in a tree which prefix the tree was made for.
//!
//! Does not search the tree (`flow/relocate/`); each function reads one kind of file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::receipt::Receipt;

/// The token of Karabo's packages.
pub const KARABO_TOKEN: &[u8] = b"__KARABO_CI_PATH__";

/// The placeholder of old conda packages that name none (conda-build 1).
pub const OLD_CONDA: &[u8] = b"/opt/anaconda1anaconda2anaconda3";

/// What says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// The receipt of `tagalong install`.
    Receipt,
    /// A record of `tagalong relocate`.
    Record,
    /// `info/paths.json` or `info/has_prefix` of a conda package.
    Conda,
    /// `bin/activate` or `pyvenv.cfg` of a virtual environment.
    Virtualenv,
    /// `location` of a HashDist artifact.
    HashDist,
    /// A token that only packing tools write.
    Token,
    /// `#!` lines that name programs of the tree.
    Interpreter,
    /// `prefix=` in pkg-config files.
    PkgConfig,
}

/// How conda wants a file to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileMode {
    Text,
    Binary,
}

/// What a conda package says: the placeholder and mode of each file that holds one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conda {
    pub files: BTreeMap<String, (Vec<u8>, FileMode)>,
}

impl Conda {
    /// Reads `info/paths.json`; what it does not know of is passed over, as conda does.
    pub fn of_paths_json(json: &[u8]) -> Option<Conda> {
        #[derive(Deserialize)]
        struct Paths {
            paths: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            _path: String,
            prefix_placeholder: Option<String>,
            file_mode: Option<FileMode>,
        }
        let paths: Paths = serde_json::from_slice(json).ok()?;
        let file = |one: Entry| {
            let placeholder = one.prefix_placeholder.filter(|text| !text.is_empty())?;
            Some((one._path, (placeholder.into_bytes(), one.file_mode.unwrap_or(FileMode::Text))))
        };
        Some(Conda { files: paths.paths.into_iter().filter_map(file).collect() })
    }

    /// Reads one file of `conda-meta/`, where an environment keeps what was said of an installed package.
    pub fn of_conda_meta(json: &[u8]) -> Option<Conda> {
        #[derive(Deserialize)]
        struct Meta {
            paths_data: serde_json::Value,
        }
        let meta: Meta = serde_json::from_slice(json).ok()?;
        Conda::of_paths_json(meta.paths_data.to_string().as_bytes())
    }

    /// Reads `info/has_prefix`: lines `placeholder mode path`, each perhaps in quotes, or only a path.
    pub fn of_has_prefix(text: &[u8]) -> Conda {
        let mut conda = Conda::default();
        for line in String::from_utf8_lossy(text).lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words = words(line);
            let file = match words.as_slice() {
                [placeholder, mode, path] if matches!(mode.as_str(), "text" | "binary") => {
                    let mode = if mode == "binary" { FileMode::Binary } else { FileMode::Text };
                    (path.clone(), (placeholder.clone().into_bytes(), mode))
                }
                _ => (line.trim_matches('"').to_owned(), (OLD_CONDA.to_vec(), FileMode::Text)),
            };
            conda.files.insert(file.0, file.1);
        }
        conda
    }

    /// The placeholders, each once.
    pub fn placeholders(&self) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = self.files.values().map(|(placeholder, _)| placeholder.clone()).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Words with white space between them; quotation marks keep one together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), line.trim_start());
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (word, behind) = match quote {
            Some(quote) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

/// The prefix of an installed bundle.
pub fn of_receipt(json: &[u8]) -> Option<Vec<u8>> {
    Receipt::parse(json).ok().map(|receipt| receipt.prefix.into_bytes())
}

/// The folder in `bin/activate` of a virtual environment.
pub fn of_activate(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let values = lines.filter_map(|line| line.strip_prefix(b"VIRTUAL_ENV=".as_slice()));
    values.map(unquoted).find(|value| is_prefix(value)).map(<[u8]>::to_vec)
}

/// The folder in the command that made a virtual environment, which Python notes from 3.11 on.
pub fn of_pyvenv(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let command = lines.find_map(|line| line.strip_prefix(b"command".as_slice()))?.trim_ascii_start();
    let words = command.strip_prefix(b"=".as_slice())?;
    memchr::memmem::find(words, b"-m venv ")?;
    let at = memchr::memmem::rfind(words, b" /")?;
    Some(words[at + 1..].trim_ascii()).filter(|value| is_prefix(value)).map(<[u8]>::to_vec)
}

/// The prefix that a `#!` line names, and the program below it: `/p` and `bin/python3`.
pub fn of_interpreter(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let path = line.strip_prefix(b"#!".as_slice())?.trim_ascii();
    let path = path.split(u8::is_ascii_whitespace).next()?;
    let at = memchr::memmem::rfind(path, b"/bin/")?;
    let prefix = path[..at].strip_prefix(b"//".as_slice()).map_or(&path[..at], |_| {
        let slashes = path.iter().take_while(|byte| **byte == b'/').count();
        &path[slashes - 1..at]
    });
    is_prefix(prefix).then(|| (prefix.to_vec(), path[at + 1..].to_vec()))
}

/// What the file `location` of a HashDist artifact says: the folder that it was built in.
pub fn of_location(text: &[u8]) -> Option<Vec<u8>> {
    let line = text.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let line = if line.len() > 1 { line.strip_suffix(b"/").unwrap_or(line) } else { line };
    is_prefix(line).then(|| line.to_vec())
}

/// The prefix of a pkg-config file.
pub fn of_pkg_config(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let value = lines.find_map(|line| line.strip_prefix(b"prefix=".as_slice()))?;
    Some(unquoted(value)).filter(|value| is_prefix(value)).map(<[u8]>::to_vec)
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        value => value,
    }
}

/// Whether a tree could have been made for this path; those of the system are no trees.
fn is_prefix(path: &[u8]) -> bool {
    const OF_THE_SYSTEM: [&[u8]; 4] = [b"/usr", b"/usr/local", b"/", b""];
    path.starts_with(b"/") && !OF_THE_SYSTEM.contains(&path) && !path.iter().any(|byte| matches!(byte, b'$' | 0..=31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conda_packages_name_placeholder_and_mode_of_each_file() {
        let json = br#"{"paths_version": 1, "paths": [
            {"_path": "bin/x", "path_type": "hardlink", "prefix_placeholder": "/h/_placehold", "file_mode": "binary"},
            {"_path": "lib/y", "path_type": "hardlink", "sha256": "00"}]}"#;
        let conda = Conda::of_paths_json(json).unwrap();
        assert_eq!(conda.placeholders(), [b"/h/_placehold".to_vec()]);
        assert_eq!(conda.files["bin/x"].1, FileMode::Binary);
        let meta = [br#"{"name": "x", "paths_data": "#.as_slice(), json, b"}"].concat();
        assert_eq!(Conda::of_conda_meta(&meta), Some(conda));
        let conda = Conda::of_has_prefix(b"\"/h/_placehold\" text \"share/a b\"\nbin/old\n");
        assert_eq!(conda.files["share/a b"], (b"/h/_placehold".to_vec(), FileMode::Text));
        assert_eq!(conda.files["bin/old"], (OLD_CONDA.to_vec(), FileMode::Text));
    }

    #[test]
    fn prefixes_are_read_from_what_other_tools_leave() {
        assert_eq!(of_activate(b"x\n    VIRTUAL_ENV=\"/v/e\"\nexport").unwrap(), b"/v/e");
        assert_eq!(of_activate(b"VIRTUAL_ENV='/v/e f'").unwrap(), b"/v/e f");
        assert_eq!(of_activate(b"VIRTUAL_ENV=$(cygpath x)"), None);
        assert_eq!(of_pyvenv(b"home = /usr/bin\ncommand = /usr/bin/python3 -m venv /v/e\n").unwrap(), b"/v/e");
        assert_eq!(of_location(b"/home/u/.hashdist/bld/zlib/abc/\n").unwrap(), b"/home/u/.hashdist/bld/zlib/abc");
        assert_eq!(of_location(b"here\n"), None);
        assert_eq!(of_interpreter(b"#! /p/q/bin/python3 -E").unwrap(), (b"/p/q".to_vec(), b"bin/python3".to_vec()));
        assert_eq!(of_interpreter(b"#!////p/bin/sh").unwrap().0, b"/p");
        assert_eq!(of_interpreter(b"#!/usr/bin/env python"), None);
        assert_eq!(of_interpreter(b"#!/bin/sh"), None);
        assert_eq!(of_pkg_config(b"# x\nprefix=/p/q\nlibdir=${prefix}/lib").unwrap(), b"/p/q");
        assert_eq!(of_pkg_config(b"prefix=${pcfiledir}/.."), None);
    }
}

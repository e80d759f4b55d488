//! Collects what a tree says of the prefix it was made for, and makes up its mind.
//!
//! What each kind of file says knows `relocate/made_for.rs`.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::num::NonZeroUsize;

use fs_err::File;

use crate::at_once;
use crate::flow::relocate::Error;
use crate::model::receipt::RECEIPT_PATH;
use crate::relocate::made_for::{self, Conda, FileMode, Sign};
use crate::relocate::mapping::{Mapping, Pair};
use crate::relocate::record::escape;
use crate::tree::{Node, Scanner, Tree};

/// The files that are read for a sign have no more than this, in bytes; a list of conda's has more.
const LARGEST: u64 = 64 << 20;

/// How many `#!` lines are looked at.
const SCRIPTS: usize = 200;

/// One sign, and the file it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sign: Sign,
    pub path: String,
    pub prefix: Vec<u8>,
}

/// The prefixes that a tree was made for, by the surest sign.
pub struct Told {
    pub sign: Sign,
    pub prefixes: Vec<Vec<u8>>,
}

/// Makes up its mind.
///
/// # Errors
/// [`Error::NotTold`], [`Error::Several`].
pub fn told(tree: &Tree, jobs: NonZeroUsize) -> Result<Told, Error> {
    let seen = collect(tree, jobs)?;
    let Some(sign) = seen.iter().map(|one| one.sign).min() else {
        return Err(Error::NotTold { dir: tree.root.clone() });
    };
    let mut prefixes: Vec<Vec<u8>> = seen.iter().filter(|one| one.sign == sign).map(|one| one.prefix.clone()).collect();
    prefixes.sort();
    prefixes.dedup();
    // A conda package may have several placeholders, all for one prefix; elsewhere it is one or none.
    if prefixes.len() > 1 && !matches!(sign, Sign::Conda | Sign::Token) {
        let prefixes = prefixes.iter().map(|prefix| escape(prefix)).collect();
        return Err(Error::Several { dir: tree.root.clone(), prefixes });
    }
    Ok(Told { sign, prefixes })
}

/// All signs, the surest first.
pub fn collect(tree: &Tree, jobs: NonZeroUsize) -> Result<Vec<Seen>, Error> {
    let mut seen = Vec::new();
    let mut add = |sign, path: &[u8], prefix: Option<Vec<u8>>| {
        seen.extend(prefix.map(|prefix| Seen { sign, path: escape(path), prefix }));
    };
    let receipt = read(tree, RECEIPT_PATH.as_bytes()).and_then(|json| made_for::of_receipt(&json));
    add(Sign::Receipt, RECEIPT_PATH.as_bytes(), receipt);
    for placeholder in conda(tree).unwrap_or_default().placeholders() {
        add(Sign::Conda, b"info", Some(placeholder));
    }
    for path in [&b"bin/activate"[..], b"pyvenv.cfg"] {
        let of = if path == b"pyvenv.cfg" { made_for::of_pyvenv } else { made_for::of_activate };
        add(Sign::Virtualenv, path, read(tree, path).and_then(|text| of(&text)));
    }
    if tree.find(b"artifact.json").is_some() {
        add(Sign::HashDist, b"location", read(tree, b"location").and_then(|text| made_for::of_location(&text)));
    }
    let scripts = tree.nodes.iter().filter(|node| node.path.starts_with(b"bin/") && node.is_first_name());
    for node in scripts.take(SCRIPTS) {
        let line = read_start(tree, &node.path, 512).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let known = made_for::of_interpreter(line).filter(|(_, program)| tree.find(program).is_some());
        add(Sign::Interpreter, &node.path, known.map(|(prefix, _)| prefix));
    }
    for node in tree.nodes.iter().filter(|node| node.path.ends_with(b".pc") && node.is_first_name()) {
        add(Sign::PkgConfig, &node.path, read(tree, &node.path).and_then(|text| made_for::of_pkg_config(&text)));
    }
    if seen.iter().all(|one| matches!(one.sign, Sign::Interpreter | Sign::PkgConfig)) {
        seen.extend(tokens(tree, jobs)?);
    }
    seen.sort_by(|a, b| (a.sign, &a.path).cmp(&(b.sign, &b.path)));
    Ok(seen)
}

/// What a conda package says of its files.
pub fn conda(tree: &Tree) -> Option<Conda> {
    let paths = read(tree, b"info/paths.json").and_then(|json| Conda::of_paths_json(&json));
    let conda = paths.or_else(|| read(tree, b"info/has_prefix").map(|text| Conda::of_has_prefix(&text)));
    conda.filter(|conda| !conda.files.is_empty())
}

/// What a conda environment keeps of the packages in it: the length of the placeholder that each of its binary files
/// was made with. Strings in them have NUL bytes behind them up to that length.
pub fn conda_rooms(tree: &Tree) -> HashMap<usize, usize> {
    let of_environment = |node: &&Node| node.path.starts_with(b"conda-meta/") && node.path.ends_with(b".json");
    let metas = tree.nodes.iter().filter(of_environment).filter_map(|node| read(tree, &node.path));
    let files = metas.filter_map(|json| Conda::of_conda_meta(&json)).flat_map(|conda| conda.files);
    let binary = files.filter(|(_, (_, mode))| *mode == FileMode::Binary);
    binary.filter_map(|(path, (placeholder, _))| Some((tree.find(path.as_bytes())?, placeholder.len()))).collect()
}

/// The tokens that packing tools leave, each with the first file that holds it.
fn tokens(tree: &Tree, jobs: NonZeroUsize) -> Result<Vec<Seen>, Error> {
    let pairs = [made_for::KARABO_TOKEN, made_for::OLD_CONDA];
    let mapping = Mapping::new(pairs.map(|token| Pair { old: token.to_vec(), new: token.to_vec() }))?;
    let scanner = Scanner::new(&mapping);
    let files: Vec<_> = tree.nodes.iter().filter(|node| node.is_first_name()).collect();
    let scan = |window: &mut Vec<u8>, node: &&Node| scanner.scan(&tree.full(node), &node.facts, window);
    let all = at_once::each_with(&files, jobs.get(), scan)?;
    let mut first = BTreeMap::new();
    for (node, one) in files.iter().zip(all) {
        for hit in &one.found.hits {
            first.entry(mapping.old(hit).to_vec()).or_insert_with(|| escape(&node.path));
        }
    }
    Ok(first.into_iter().map(|(prefix, path)| Seen { sign: Sign::Token, path, prefix }).collect())
}

fn read(tree: &Tree, path: &[u8]) -> Option<Vec<u8>> {
    read_start(tree, path, LARGEST)
}

/// What cannot be read gives no sign; the search says so later.
fn read_start(tree: &Tree, path: &[u8], length: u64) -> Option<Vec<u8>> {
    let node = tree.find(path).map(|place| &tree.nodes[place]).filter(|node| node.facts.is_file())?;
    let mut bytes = Vec::new();
    File::open(tree.full(node)).ok()?.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

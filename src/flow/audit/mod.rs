//! Looks at a tree, a file, a package archive or a bundle and tells what would go wrong with it elsewhere.
//!
//! ```text
//! path -subject-> folder, recorded relocations -collect, in parallel-> places, ELF facts, residue
//!      -loader, symbols, floor-> processes -allowances-> report
//! ```
//! Changes nothing. The checks themselves are `audit/`.

mod collect;
mod judging;
pub mod placed;
mod residue;
mod subject;
mod view;

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::archive;
use crate::audit::loader::{Found, Need, Way};
use crate::audit::outcome::{Audit, Audited, Link};
use crate::audit::problem::{Problem, Remark};
use crate::audit::process::{Process, Rules};
use crate::audit::system::SystemLibraries;
use crate::audit::traces::Sought;
use crate::audit::{SEAL_CHECKS, allow, floor, hygiene, wheel_policy};
use crate::checkout::{self, Checkout};
use crate::flow::audit::collect::Collected;
use crate::flow::audit::subject::{Kind, Subject};
use crate::flow::audit::view::View;
use crate::host::HostError;
use crate::model::platform::SymbolVersion;
use crate::model::project::{PROJECT_FILE, Project, RECIPES_FOLDER};
use crate::model::recipe::RecipeName;
use crate::prefix_dir::PrefixDirError;
use crate::recipe_folder::layout::Layout;
use crate::recipe_folder::{self, RECIPE_FILE, RecipeFolder};

/// What is audited, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the run works in: its checkout has the allowances.
    pub folder: PathBuf,
    /// The program's cache folder, for recipes that are fetched.
    pub cache: PathBuf,
    /// The tree, file or package archive; absolute.
    pub path: PathBuf,
    /// Where the system's libraries are looked for.
    pub root: PathBuf,
    /// The newest symbol versions that may be asked for: `GLIBC_2.28`.
    pub max: Vec<String>,
    /// What no file may hold.
    pub sought: Vec<Sought>,
    pub jobs: NonZeroUsize,
}

/// Audits a path.
///
/// # Errors
/// [`Error`]; what is wrong with the files themselves is no error, but in the report.
pub fn audit(options: &Options) -> Result<Audit, Error> {
    let maxima = options.max.iter().map(|max| floor::split(max).ok_or_else(|| Error::Max { given: max.clone() }));
    let maxima = maxima.collect::<Result<Vec<_>, _>>()?;
    let project = project_of(&options.folder)?;
    let subject = Subject::open(&options.path)?.below(&options.root);
    let sought = distinct(&options.sought);
    let Collected { places, elves, mut remarks } = collect::collect(&subject, &project, sought, options.jobs)?;
    if subject.is_tree() {
        hygiene::judge_case(&places, &mut remarks);
        judge_licences(&subject, &places, &mut remarks);
    }
    let view = View::new(&subject, &options.root, &elves, &places)?;
    let mut listed = project.audit.system_libraries.clone();
    // What wheels may count on is agreed upon (PEP 600).
    listed.extend(wheel_policy::LIBRARIES.iter().filter(|_| subject.is_wheel).map(|name| (*name).to_owned()));
    let rules = Rules { libraries: SystemLibraries { listed: &listed }, may_leave: matches!(subject.kind, Kind::File) };
    let files: Vec<_> = elves.iter().map(|elf| elf.file.clone()).filter(|file| file.facts.is_dynamic()).collect();
    let processes = judging::judge(&files, &view, &rules, options.jobs, &mut remarks);
    leave_to_needs(&subject, &mut remarks);
    let mut audit = Audit { places: places.len(), ..Audit::default() };
    for (file, process) in files.iter().zip(processes) {
        audit.floor.merge(&process.floor.floor);
        judge_maxima(&file.path, &process, &maxima, &mut remarks);
        let Process { needed, all, floor } = process;
        let link = |needs: &[Need]| needs.iter().map(|need| link(&view, need)).collect();
        let (needed, all) = (link(&needed), link(&all));
        audit.files.push(Audited { path: file.path.clone(), facts: file.facts.clone(), needed, all, floor });
    }
    audit.cpu_level = elves.iter().map(|elf| hygiene::cpu_level(&elf.file.path, elf.hardening)).max().unwrap_or(0);
    audit.manylinux = arch(&audit).and_then(|arch| wheel_policy::manylinux(&audit.floor, arch, outside(&audit)));
    audit.allowed = allowed_by_recipes(&options.folder, &options.cache, &subject, &mut remarks)?;
    audit.allowed += allow::apply(&project.audit.allow, PROJECT_FILE, &mut remarks);
    remarks.sort_by(|one, other| {
        let key = |remark: &Remark| (remark.problem.level(), remark.problem.check());
        one.file.cmp(&other.file).then_with(|| key(one).cmp(&key(other))).then(one.offset.cmp(&other.offset))
    });
    audit.remarks = remarks;
    Ok(audit)
}

/// The project around the folder; outside of every checkout the default one.
fn project_of(folder: &Path) -> Result<Project, Error> {
    match Checkout::open(folder) {
        Ok(checkout) => Ok(checkout.project().clone()),
        Err(error @ (checkout::Error::Project(_) | checkout::Error::Unreadable { .. })) => Err(error.into()),
        Err(_) => Ok(Project::default()),
    }
}

/// Takes what the recipes of the checkout allow for the files of their own packages; gives how many. An allowance that
/// nothing is found for is told here if its check is not one of the seal's, which tells it otherwise.
fn allowed_by_recipes(
    folder: &Path,
    cache: &Path,
    subject: &Subject,
    remarks: &mut Vec<Remark>,
) -> Result<usize, Error> {
    let root = recipe_folder::root_above(folder);
    let (before, mut told) = (remarks.len(), Vec::new());
    if subject.packages.is_empty() || !root.join(RECIPES_FOLDER).is_dir() {
        return Ok(0);
    }
    let layout = Layout::of_root(&root, cache, &|_| ())?;
    for package in &subject.packages {
        let recipes = RecipeFolder::load(&layout, Some(&package.platform))?;
        let Some(recipe) = recipes.get(&package.name).filter(|recipe| !recipe.allow.is_empty()) else { continue };
        let files: HashSet<&str> = package.entries.iter().map(|entry| entry.path.as_str()).collect();
        let of = |remark: &Remark| {
            files.contains(remark.file.as_str()).then(|| (remark.problem.check(), remark.file.clone()))
        };
        let unused = allow::take(&recipe.allow, remarks, of);
        for one in unused.into_iter().filter(|one| !allow::is_for(one, &SEAL_CHECKS)) {
            let place = format!("{RECIPES_FOLDER}/{}/{RECIPE_FILE}", package.name);
            told.push(Remark::new(
                &place,
                Problem::UnusedAllowance { check: one.check.clone(), file: one.file.clone() },
            ));
        }
    }
    let count = before - remarks.len();
    remarks.append(&mut told);
    Ok(count)
}

/// Each text once.
fn distinct(sought: &[Sought]) -> Vec<Sought> {
    let mut kept: Vec<Sought> = Vec::new();
    for one in sought.iter().filter(|one| one.text.len() > 2) {
        if !kept.iter().any(|known| known.text == one.text) {
            kept.push(one.clone());
        }
    }
    kept
}

/// In a package by itself, what is not there may be in one that it needs: the seal has proved it with all of them.
fn leave_to_needs(subject: &Subject, remarks: &mut [Remark]) {
    let [package] = subject.packages.as_slice() else { return };
    if subject.kind != Kind::Package || package.needs.is_empty() {
        return;
    }
    for remark in remarks {
        if let Problem::Missing { library } | Problem::FromSystem { library, .. } = &remark.problem {
            let needs = package.needs.iter().map(ToString::to_string).collect();
            remark.problem = Problem::OfNeed { library: library.clone(), needs };
        }
    }
}

fn judge_maxima(path: &str, process: &Process, maxima: &[(String, SymbolVersion)], remarks: &mut Vec<Remark>) {
    for (set, max) in maxima {
        let Some(version) = process.floor.floor.get(set).filter(|version| *version > max) else { continue };
        let symbols = process.floor.above(set, max);
        let (set, version, max) = (set.clone(), version.to_string(), max.to_string());
        remarks.push(Remark::new(path, Problem::AboveMax { set, version, max, symbols }));
    }
}

fn judge_licences(subject: &Subject, places: &[hygiene::Place], remarks: &mut Vec<Remark>) {
    if subject.packages.is_empty() {
        if !places.is_empty() && !places.iter().any(|place| hygiene::is_licence(&place.path)) {
            remarks.push(Remark::new(".", Problem::NoLicence { package: None }));
        }
        return;
    }
    // Debug information lies under the licence of what it is of.
    for package in subject.packages.iter().filter(|package| package.debug_of.is_none()) {
        if !package.files().any(|(path, _)| hygiene::is_licence(path.as_str())) {
            remarks.push(Remark::new(".", Problem::NoLicence { package: Some(package.name.to_string()) }));
        }
    }
}

fn link(view: &View, need: &Need) -> Link {
    let shown = |path: &str| view.shown(path);
    let (found, place) = match &need.found {
        Found::At { path, way, .. } => (Some(shown(path)), way_name(*way)),
        Found::NotALibrary { .. } | Found::Missing => (None, "missing"),
    };
    Link { name: need.name.clone(), found, place, by: shown(&need.asker) }
}

fn way_name(way: Way) -> &'static str {
    match way {
        Way::Path => "slash",
        Way::Loaded => "loaded",
        Way::Rpath => "rpath",
        Way::Runpath => "runpath",
        Way::LibraryPath => "library-path",
        Way::Cache => "cache",
        Way::Default => "default",
    }
}

/// The names of the libraries that files of the tree take from elsewhere.
fn outside(audit: &Audit) -> impl Iterator<Item = &str> {
    let links = audit.files.iter().flat_map(|file| &file.needed);
    let is_outside = |link: &&Link| link.found.as_ref().is_none_or(|found| found.starts_with('/'));
    links.filter(is_outside).map(|link| link.name.as_str())
}

/// The architecture that most files are for, as wheels name it.
fn arch(audit: &Audit) -> Option<&'static str> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    audit.files.iter().for_each(|file| *counts.entry(file.facts.machine).or_default() += 1);
    let (machine, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    Some(match machine {
        3 => "i686",
        21 => "ppc64le",
        22 => "s390x",
        40 => "armv7l",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        _ => return None,
    })
}

/// Why nothing could be audited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} is not there", path.display())]
    Absent { path: PathBuf },
    #[error("{doing}: {source}")]
    Disk { doing: &'static str, source: std::io::Error },
    #[error("`{given}` is no symbol version")]
    Max { given: String },
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// A bundle manifest that lies in no channel's folder.
    #[error("{} lies in no channel", path.display())]
    NoChannel { path: PathBuf },
    /// The archive of a package that a bundle names.
    #[error("{} is not there", path.display())]
    NoPackage { name: RecipeName, path: PathBuf },
    #[error(transparent)]
    Recipes(#[from] recipe_folder::Error),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    #[error(transparent)]
    Root(#[from] HostError),
}

//! Builds a published package again, from its build record alone, and compares the bytes.
//!
//! ```text
//! manifest or record -records of all needs-> recipes of then, needs as published -build-> the same bytes?
//! ```
//! The record's recipe is believed only as far as it makes the ingredients of the record, which make its key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::checkout::Checkout;
use crate::flow::build::bundles::Bundles;
use crate::flow::build::check::compare;
use crate::flow::build::site::Site;
use crate::flow::build::{Checked, Error, Options, carry_out};
use crate::model::build_key::BuildKey;
use crate::model::bundle::{BuildRecord, BundleKind, BundleManifest, BundlePackage, BundleRef, record_path};
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::plan::{Given, Orders, Origin};
use crate::recipe_folder::RecipeFolder;
use crate::recipe_folder::layout::Layout;
use crate::recipe_folder::text;

/// What is built again.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A bundle manifest or a build record, as a file.
    File(PathBuf),
    /// The bundle of a tag on the project's channels.
    Tag(DepsTag),
}

/// Why a record cannot be built again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    #[error("{reason}")]
    Unreadable { reason: String },
    #[error("no channel has the record {path}")]
    Missing { path: String },
    /// The recipe was too large, or the record is older than the field.
    #[error("it holds no recipe")]
    NoRecipe { name: RecipeName },
    /// The recipe in the record does not make its ingredients.
    #[error("its recipe makes another {ingredient}")]
    Forged { name: RecipeName, ingredient: String },
    #[error("it holds no package {name}")]
    NoPackage { name: RecipeName, known: Vec<RecipeName> },
    #[error("it was built for {built}")]
    OtherPlatform { built: Box<Platform>, own: Box<Platform> },
}

/// Builds packages of a bundle or of a record again: those named, or all. What differs between this machine and the
/// builder of then is told before.
///
/// # Errors
/// [`Error::Record`], and as of a build.
pub fn reproduce(options: &Options<'_>, subject: &Subject) -> Result<Vec<Checked>, Error> {
    let mut site = Site::without_recipes(&options.place, Checkout::open(options.place.directory)?)?;
    let bundles = Bundles::new(&site.checkout, options.network, options.tell)?;
    let library = Library { bundles: &bundles, options };
    let roots = library.roots(subject, &site)?;
    let mut checked = Vec::new();
    for root in &roots {
        checked.extend(library.again(root, &mut site)?);
    }
    Ok(checked)
}

struct Library<'a> {
    bundles: &'a Bundles<'a>,
    options: &'a Options<'a>,
}

impl Library<'_> {
    /// The records of the packages that are built again.
    fn roots(&self, subject: &Subject, site: &Site) -> Result<Vec<BuildRecord>, Error> {
        let fault = |fault| Error::Record { fault };
        let manifest = match subject {
            Subject::Tag(tag) => {
                let bundle = BundleRef { kind: BundleKind::Tagged, tag: tag.clone(), platform: site.platform.clone() };
                let search = self.bundles.search(&site.store);
                search.find(std::slice::from_ref(&bundle)).map_err(|error| Error::Bundle { error })?.manifest
            }
            Subject::File(path) => {
                let unreadable = |reason: String| fault(RecordFault::Unreadable { reason });
                let json = fs_err::read(path).map_err(|error| unreadable(error.to_string()))?;
                match (BuildRecord::parse(&json), BundleManifest::parse(&json)) {
                    (Ok(record), _) => return Ok(vec![record]),
                    (_, Ok(manifest)) => manifest,
                    (Err(record), Err(_)) => return Err(unreadable(record.to_string())),
                }
            }
        };
        if manifest.platform != site.platform {
            let (built, own) = (Box::new(manifest.platform), Box::new(site.platform.clone()));
            return Err(fault(RecordFault::OtherPlatform { built, own }));
        }
        let known: Vec<RecipeName> = manifest.of_recipes().map(|package| package.name.clone()).collect();
        if let Some(name) = self.options.names.iter().find(|name| !known.contains(name)) {
            return Err(fault(RecordFault::NoPackage { name: name.clone(), known }));
        }
        let is_named = |name: &RecipeName| self.options.names.is_empty() || self.options.names.contains(name);
        let named = manifest.of_recipes().filter(|package| is_named(&package.name));
        // The bundle is signed: its archive is the one to compare with, whatever the record says.
        named
            .map(|package| {
                let record = self.record(package.build_key, site)?;
                Ok(BuildRecord { archive: package.archive, size: package.size, ..record })
            })
            .collect()
    }

    /// The record of a key: of the store, else of the first channel that has it.
    fn record(&self, key: BuildKey, site: &Site) -> Result<BuildRecord, Error> {
        if let Some(record) = site.store.record(&site.platform, key)?.filter(|record| record.recipe.is_some()) {
            return Ok(record);
        }
        let path = record_path(&site.platform, key);
        for channel in self.bundles.search(&site.store).channels {
            let Some(json) = channel.record(&site.platform, key)? else { continue };
            let unreadable = |error: crate::model::bundle::BundleFault| Error::Record {
                fault: RecordFault::Unreadable { reason: format!("{path}: {error}") },
            };
            let record = BuildRecord::parse(&json).map_err(unreadable)?;
            if record.build_key == key {
                return Ok(record);
            }
        }
        Err(Error::Record { fault: RecordFault::Missing { path } })
    }

    /// The record with those of all it was built from, what is needed first.
    fn closure(&self, root: &BuildRecord, site: &Site) -> Result<Vec<BuildRecord>, Error> {
        let mut found: BTreeMap<BuildKey, BuildRecord> = BTreeMap::new();
        let mut open = vec![root.clone()];
        while let Some(record) = open.pop() {
            for key in needs_of(&record) {
                if !found.contains_key(&key) && key != root.build_key {
                    open.push(self.record(key, site)?);
                }
            }
            if record.build_key != root.build_key {
                found.insert(record.build_key, record);
            }
        }
        Ok(found.into_values().chain([root.clone()]).collect())
    }

    /// Builds one package again; the recipes of the site are then those of its records.
    fn again(&self, root: &BuildRecord, site: &mut Site) -> Result<Vec<Checked>, Error> {
        let options = self.options;
        let scratch = tempfile::tempdir_in(options.place.cache).map_err(unwritable)?;
        let records = self.closure(root, site)?;
        for record in &records {
            lay_out(record, scratch.path())?;
        }
        // What the project said of all recipes then stands in the ingredients alone.
        let debug = root.ingredients.iter().any(|(name, _)| name == "recipe debug");
        let layout = Layout::of_folder(scratch.path()).with_debug(debug);
        site.folder = RecipeFolder::load(&layout, Some(&site.platform))?;
        let recipes = site.recipes(std::slice::from_ref(&root.name))?;
        let mut orders = Orders::default();
        orders.forced.insert(root.name.clone());
        self.fetch(&records, root, site)?;
        for record in records.iter().filter(|record| record.name != root.name) {
            let given = Given { key: record.build_key, archive: record.archive, from: Origin::Store };
            orders.given.insert(record.name.clone(), given);
        }
        let plan = site.plan(&recipes, &orders, self.bundles)?;
        let step = plan.steps.iter().find(|step| step.name == root.name);
        for difference in step.iter().flat_map(|step| step.ingredients.differences(&root.ingredients)) {
            if difference.name.starts_with("recipe ") {
                let (name, ingredient) = (root.name.clone(), difference.name.to_owned());
                return Err(Error::Record { fault: RecordFault::Forged { name, ingredient } });
            }
            (options.tell)(Event::BuiltElsewhere {
                name: root.name.clone(),
                ingredient: difference.name.to_owned(),
                was: difference.theirs.map(str::to_owned),
                is: difference.mine.map(str::to_owned),
            });
        }
        let again = Options { is_recorded: false, forced: vec![root.name.clone()], ..options.clone() };
        let made = carry_out(site, &recipes, &plan, self.bundles, &again)?;
        let first = (root.archive, root.debug);
        let second = made.get(&root.name).map_or(first, |made| (made.archive, made.debug));
        compare(&root.name, first, second, &site.store, options.place.cache)
    }

    /// Brings the archives of records into the store, that of the package itself to compare with.
    fn fetch(&self, records: &[BuildRecord], root: &BuildRecord, site: &Site) -> Result<(), Error> {
        let search = self.bundles.search(&site.store);
        let Some(first) = search.channels.first() else { return Ok(()) };
        let packages: Vec<BundlePackage> = records
            .iter()
            .flat_map(|record| {
                let mut all = record.packages();
                // Needs are built with as they are.
                all.truncate(if record.build_key == root.build_key { 2 } else { 1 });
                all
            })
            .collect();
        let wanted: Vec<_> = packages.iter().map(|package| (package, first)).collect();
        search.obtain(&wanted).map_err(|(name, fault)| Error::Archive { name, fault: Box::new(fault) })
    }
}

/// The keys that went into a build: of needs, and of tools that were recipes.
fn needs_of(record: &BuildRecord) -> Vec<BuildKey> {
    let is_need = |(name, _): &(&str, &str)| name.starts_with("need ") || name.starts_with("tool ");
    // A tool that was a program of the machine has more than a digest, or a version in front of it.
    let values = record.ingredients.iter().filter(is_need).map(|(_, value)| value);
    values.filter_map(|value| Digest::parse(value).ok()).map(BuildKey::of_digest).collect()
}

fn lay_out(record: &BuildRecord, folder: &Path) -> Result<(), Error> {
    let name = &record.name;
    let fault = |fault| Error::Record { fault };
    let recipe = record.recipe.as_ref().ok_or_else(|| fault(RecordFault::NoRecipe { name: name.clone() }))?;
    let wrong = text::lay_out(recipe, &folder.join(name.as_str())).map_err(unwritable)?;
    match wrong {
        None => Ok(()),
        Some(path) => {
            let reason = format!("the file `{}` of {name} is not below its folder", path.escape_debug());
            Err(fault(RecordFault::Unreadable { reason }))
        }
    }
}

fn unwritable(error: std::io::Error) -> Error {
    Error::Record { fault: RecordFault::Unreadable { reason: error.to_string() } }
}

//! Turns what a build installed into archives: tells what is its own, splits debug information off, seals, packs, keeps.
//!
//! Does not build (`package.rs`); how files are split and sealed is in `debug.rs` and `seal/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::archive;
use crate::builder::debug::{self, Split};
use crate::builder::error::BuildError;
use crate::builder::package::{Job, Workshop};
use crate::builder::seal::{self, SealedPackage, Sealing};
use crate::builder::snapshot::{Stamp, snapshot};
use crate::builder::work::Work;
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::package::PackageManifest;
use crate::model::project::Allowance;
use crate::model::recipe::RecipeName;

impl Workshop<'_> {
    /// The paths that the build put beside its needs, which it must have left alone.
    pub(super) fn own_paths(
        &self,
        job: &Job<'_>,
        work: &Work,
        before: &BTreeMap<PathBuf, Stamp>,
    ) -> Result<BTreeSet<PathBuf>, BuildError> {
        let name = &job.recipe.name;
        let after = snapshot(&work.tree()).map_err(|source| BuildError::Io {
            name: name.clone(),
            doing: "look at what it installed",
            source,
        })?;
        for (path, stamp) in before {
            // A folder that was empty may have been filled; what matters is that no file was touched.
            if *stamp != Stamp::FOLDER && after.get(path) != Some(stamp) {
                return Err(BuildError::NeedTouched { name: name.clone(), path: path.clone() });
            }
        }
        let own: BTreeSet<PathBuf> = after.into_keys().filter(|path| !before.contains_key(path)).collect();
        if own.is_empty() {
            return Err(BuildError::InstalledNothing { name: name.clone() });
        }
        Ok(own)
    }

    /// Splits debug information off the package's own files, if the recipe asks for it and there is any.
    pub(super) fn split(
        &self,
        job: &Job<'_>,
        work: &Work,
        own: &mut BTreeSet<PathBuf>,
        log: &Path,
    ) -> Result<Option<Split>, BuildError> {
        let recipe = job.recipe;
        if !recipe.build.has_debug() {
            return Ok(None);
        }
        let name = &recipe.name;
        let doing = |doing| move |source| BuildError::Io { name: name.clone(), doing, source };
        let plan =
            debug::plan(&work.tree(), own, &recipe.build.exclude).map_err(doing("look for debug information"))?;
        plan.notes(name).into_iter().for_each(|text| (self.tell)(Event::Note { text }));
        if plan.is_empty() {
            return Ok(None);
        }
        // A command may be shorter than a list of many files.
        let (_, mut step) = self.scene(job, work);
        fs_err::write(work.folder().join("build/split.sh"), plan.script(self.placeholder.as_str()))
            .map_err(doing("write the step that splits it"))?;
        step.folder = work.seen_build();
        step.command = ["/bin/sh", "-e", "split.sh"].map(str::to_owned).to_vec();
        self.runner.run(name, "split", &step, &work.step_file(), log)?;
        Ok(plan.done())
    }

    /// Seals these paths of the tree as the package, or as its debug information.
    pub(super) fn seal(
        &self,
        job: &Job<'_>,
        work: &Work,
        own: &BTreeSet<PathBuf>,
        debug_of: Option<&RecipeName>,
    ) -> Result<SealedPackage, BuildError> {
        let (recipe, tree) = (job.recipe, work.tree());
        let name = &debug_of.map_or_else(|| recipe.name.clone(), RecipeName::of_debug);
        let debug = debug_of.is_some();
        let sealing = Sealing {
            root: &tree,
            own,
            name,
            debug_of,
            version: &recipe.version,
            license: &recipe.license,
            platform: self.platform,
            build_key: job.planned.key,
            needs: debug_of.map_or(recipe.needs.as_slice(), std::slice::from_ref),
            placeholder: self.placeholder,
            build_folders: &[work.seen_build().into_os_string().into_encoded_bytes()],
            rpath: recipe.build.rpath,
            exclude: if debug { &[] } else { &recipe.build.exclude },
            is_static_kept: recipe.build.is_static_kept,
            runtime: if debug { &[] } else { &recipe.runtime },
            exports: if debug { &[] } else { &recipe.exports },
            system_libraries: &recipe.build.system_libraries,
            allow: if debug { &[] } else { &recipe.allow },
            system_root: Path::new("/"),
        };
        let sealed = seal::seal(&sealing).map_err(|source| BuildError::Seal { name: name.clone(), source })?;
        for Allowance { check, file, .. } in sealed.unused.clone() {
            (self.tell)(Event::UnusedAllowance { name: name.clone(), check, file });
        }
        Ok(sealed)
    }

    /// Tells of debug information that holds the prefix: gdb compares a checksum that an install changes.
    pub(super) fn tell_of_prefix(&self, name: &RecipeName, debug: &PackageManifest) {
        let count = debug.relocated();
        if count > 0 {
            let text = format!(
                "{name}: the debug information of {count} files holds the prefix, so that gdb finds it only after \
                 `set debug-file-directory PREFIX/lib/debug`"
            );
            (self.tell)(Event::Note { text });
        }
    }

    pub(super) fn pack(&self, manifest: &PackageManifest, work: &Work) -> Result<PathBuf, BuildError> {
        let name = &manifest.name;
        let doing = |source| BuildError::Io { name: name.clone(), doing: "pack it", source };
        let to = work.folder().join(format!("{name}.tar.zst"));
        let mut file = std::io::BufWriter::new(fs_err::File::create(&to).map_err(doing)?);
        archive::pack::pack(manifest, &work.tree(), &mut file)
            .map_err(|source| BuildError::Archive { name: name.clone(), source })?;
        std::io::Write::flush(&mut file).map_err(doing)?;
        Ok(to)
    }

    /// Takes a finished archive into the store, and tells of it.
    pub(super) fn keep(&self, manifest: &PackageManifest, packed: &Path) -> Result<(Digest, u64), BuildError> {
        let name = manifest.name.clone();
        let kept = self.store.add_file(packed);
        let (archive, size) = kept.map_err(|source| BuildError::Store { name: name.clone(), source })?;
        let (version, files) = (manifest.version.clone(), manifest.files().count() as u64);
        let relocated = manifest.relocated();
        (self.tell)(Event::Packed { name, version, files, relocated, size });
        Ok((archive, size))
    }
}

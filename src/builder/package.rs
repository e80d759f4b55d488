//! Makes one package: needs at the placeholder, sources, steps, seal, archive, tests at a second prefix.
//!
//! Does not decide what is made (`plan.rs`) nor in which order (`crew.rs`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::archive;
use crate::builder::contents;
use crate::builder::error::BuildError;
use crate::builder::host_files;
use crate::builder::prebuilt;
use crate::builder::probes;
use crate::builder::running::Runner;
use crate::builder::sandbox::{Sandbox, SandboxedStep};
use crate::builder::snapshot::snapshot;
use crate::builder::steps::{self, Scene};
use crate::builder::work::Work;
use crate::model::bundle::{DebugArchive, StepTime};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::host_package::HostPackage;
use crate::model::package::PackageManifest;
use crate::model::platform::Platform;
use crate::model::prefix::{Placeholder, Prefix};
use crate::model::recipe::{BuildSystem, Recipe, RecipeName};
use crate::plan::PlannedPackage;
use crate::sources::{self, Fetched};
use crate::store::Store;

/// One package to make.
pub struct Job<'a> {
    pub recipe: &'a Recipe,
    /// The folder of the recipe, with patches and what lies beside.
    pub folder: &'a Path,
    pub planned: &'a PlannedPackage,
    /// The sources of the recipe, in its order.
    pub fetched: &'a [Fetched],
    /// The archives of everything it needs, directly or not, and of the tools that are recipes.
    pub needs: Vec<Digest>,
}

/// A package that is proved, tested and in the store.
#[derive(Debug, Clone)]
pub struct Made {
    pub manifest: PackageManifest,
    /// What it took from the system.
    pub host: Vec<HostPackage>,
    pub archive: Digest,
    /// The size of the archive, in bytes.
    pub size: u64,
    /// The debug information that was split off.
    pub debug: Option<DebugArchive>,
    pub seconds: u64,
    pub steps: Vec<StepTime>,
}

/// What all packages of one build share.
pub struct Workshop<'a> {
    pub cache: &'a Path,
    pub store: &'a Store,
    pub sandbox: &'a Sandbox,
    pub placeholder: &'a Placeholder,
    pub platform: &'a Platform,
    pub runner: &'a Runner<'a>,
    /// The most jobs one program may start that does not know make's jobserver.
    pub jobs: u32,
    /// What the compilers are told beyond the usual.
    pub flags: &'a str,
    /// Whether the work folder stays when a step fails.
    pub is_kept: bool,
    /// The package that a shell is opened for instead of building it, and the step before which.
    pub shell: Option<(&'a RecipeName, Option<&'a str>)>,
    pub tell: Tell<'a>,
}

impl Workshop<'_> {
    /// Makes one package.
    ///
    /// # Errors
    /// [`BuildError`]; nothing of the package is in the store then.
    pub fn make(&self, job: &Job<'_>) -> Result<Made, BuildError> {
        let started = Instant::now();
        let name = &job.recipe.name;
        let doing = |doing| move |source| BuildError::Io { name: name.clone(), doing, source };
        let mut work = Work::make(self.cache, name, self.sandbox.level, self.placeholder, self.tell)
            .map_err(doing("make the work folder"))?;
        let placeholder = Prefix::new(self.placeholder.as_path())
            .map_err(|_| BuildError::Placeholder { placeholder: self.placeholder.clone() })?;
        self.unpack(job, &job.needs, &work.tree(), &placeholder)?;
        let before = snapshot(&work.tree()).map_err(doing("look at its needs"))?;
        sources::prepare(job.recipe, job.folder, job.fetched, &work.source())
            .map_err(|source| BuildError::Sources { name: name.clone(), source })?;
        let log = self.log_file(job).map_err(doing("make its log"))?;
        let kept = |work: &mut Work, error| self.keep_if_asked(work, error);
        let steps = self.build(job, &work, &log).map_err(|error| kept(&mut work, error))?;
        let mut own = self.own_paths(job, &work, &before).map_err(|error| kept(&mut work, error))?;
        let split = self.split(job, &work, &mut own, &log).map_err(|error| kept(&mut work, error))?;
        let sealed = self.seal(job, &work, &own, None).map_err(|error| kept(&mut work, error))?;
        let host = self.look_at_host(job, &work, &sealed.linked).map_err(doing("look at what it included"))?;
        let manifest = sealed.manifest;
        contents::check(job.recipe, &manifest).map_err(|error| kept(&mut work, error))?;
        let packed = self.pack(&manifest, &work)?;
        let debug = match &split {
            Some(split) => {
                let sealed = self.seal(job, &work, &split.paths, Some(name)).map_err(|error| kept(&mut work, error))?;
                self.tell_of_prefix(name, &sealed.manifest);
                Some((self.pack(&sealed.manifest, &work)?, sealed.manifest))
            }
            None => None,
        };
        self.test(job, &work, &log, &packed).map_err(|error| kept(&mut work, error))?;
        let (archive, size) = self.keep(&manifest, &packed)?;
        let debug = match debug {
            Some((packed, manifest)) => {
                let (archive, size) = self.keep(&manifest, &packed)?;
                Some(DebugArchive { archive, size })
            }
            None => None,
        };
        Ok(Made { manifest, host, archive, size, debug, seconds: started.elapsed().as_secs() + 1, steps })
    }

    fn keep_if_asked(&self, work: &mut Work, error: BuildError) -> BuildError {
        if !self.is_kept {
            return error;
        }
        work.keep();
        (self.tell)(Event::Note { text: format!("the work folder is kept: {}", work.folder().display()) });
        error
    }

    fn log_file(&self, job: &Job<'_>) -> std::io::Result<PathBuf> {
        let folder = self.cache.join("logs").join(self.platform.id());
        fs_err::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{}.log", job.recipe.name, job.planned.key.digest().short(12)));
        fs_err::write(&path, format!("{} {}\n", job.recipe.name, job.recipe.version))?;
        Ok(path)
    }

    fn unpack(&self, job: &Job<'_>, archives: &[Digest], into: &Path, prefix: &Prefix) -> Result<(), BuildError> {
        for digest in archives {
            let path = self
                .store
                .archive(*digest)
                .ok_or_else(|| BuildError::NeedGone { name: job.recipe.name.clone(), archive: *digest })?;
            self.unpack_file(job, &path, into, prefix)?;
        }
        Ok(())
    }

    fn unpack_file(&self, job: &Job<'_>, path: &Path, into: &Path, prefix: &Prefix) -> Result<(), BuildError> {
        let name = &job.recipe.name;
        let file = fs_err::File::open(path).map_err(|source| BuildError::Io {
            name: name.clone(),
            doing: "open a package",
            source,
        })?;
        archive::unpack::unpack(file, into, prefix, &archive::unpack::Limits::default())
            .map_err(|source| BuildError::Archive { name: name.clone(), source })?;
        Ok(())
    }

    /// What build steps see, and a step there that has no command yet.
    pub(super) fn scene(&self, job: &Job<'_>, work: &Work) -> (Scene, SandboxedStep) {
        let recipe = job.recipe;
        let seen = work.seen_build();
        let scene = Scene {
            prefix: self.placeholder.as_str().to_owned(),
            source: seen.join("src").display().to_string(),
            out: seen.join("out").display().to_string(),
            jobs: recipe.build.jobs.unwrap_or(self.jobs).min(self.jobs),
            flags: self.flags.to_owned(),
        };
        let home = work.seen_home().display().to_string();
        let environment = steps::environment(recipe, &scene, &home, &seen.display().to_string());
        let step = SandboxedStep {
            level: self.sandbox.level,
            root: work.root(),
            binds: work.build_binds(),
            folder: seen.join("src").join(&recipe.build.folder),
            command: Vec::new(),
            environment,
            is_interactive: false,
        };
        (scene, step)
    }

    fn build(&self, job: &Job<'_>, work: &Work, log: &Path) -> Result<Vec<StepTime>, BuildError> {
        let recipe = job.recipe;
        let (scene, mut step) = self.scene(job, work);
        let all = steps::steps(recipe, &scene);
        let shell = self.shell.filter(|(name, _)| **name == recipe.name);
        if let Some((_, Some(before))) = shell
            && all.iter().all(|one| one.name != before)
        {
            let known = all.iter().map(|one| one.name.to_owned()).collect();
            return Err(BuildError::NoStep { name: recipe.name.clone(), given: before.to_owned(), known });
        }
        let mut times = Vec::new();
        for (place, one) in all.iter().enumerate() {
            if shell.is_some_and(|(_, before)| before.map_or(place == 0, |before| before == one.name)) {
                return self.open_shell(job, work, step, &all).map(|()| times);
            }
            step.command = shell_command(&one.script);
            let done = self.runner.run(&recipe.name, one.name, &step, &work.step_file(), log);
            // A shell was asked for, and this step never lets it come so far: it opens where it failed.
            if let (Err(BuildError::Step { .. }), Some(_)) = (&done, shell) {
                (self.tell)(Event::Note { text: format!("the step `{}` of {} failed", one.name, recipe.name) });
                return self.open_shell(job, work, step, &all).map(|()| times);
            }
            times.push(done?);
        }
        if recipe.build.system == BuildSystem::Prebuilt {
            prebuilt::adopt(recipe, &work.tree(), self.placeholder)?;
        }
        Ok(times)
    }

    fn open_shell(
        &self,
        job: &Job<'_>,
        work: &Work,
        mut step: SandboxedStep,
        all: &[steps::Step],
    ) -> Result<(), BuildError> {
        let name = &job.recipe.name;
        let doing = |doing| move |source| BuildError::Io { name: name.clone(), doing, source };
        let folder = work.folder().join("build/steps");
        fs_err::create_dir_all(&folder).map_err(doing("write its steps"))?;
        for (place, one) in all.iter().enumerate() {
            let file = folder.join(format!("{}-{}.sh", place + 1, one.name));
            fs_err::write(file, format!("set -e\n{}\n", one.script)).map_err(doing("write its steps"))?;
        }
        (self.tell)(Event::Note {
            text: format!("a shell where {name} is built; its steps are in {}/steps", work.seen_build().display()),
        });
        step.command = vec!["/bin/sh".to_owned()];
        step.is_interactive = true;
        self.runner.run_shell(&step, &work.step_file()).map_err(doing("open a shell"))?;
        Err(BuildError::ShellEnded { name: name.clone() })
    }

    /// Notes what was taken from the system, and tells of what no compiler brings along.
    fn look_at_host(
        &self,
        job: &Job<'_>,
        work: &Work,
        linked: &BTreeSet<PathBuf>,
    ) -> std::io::Result<Vec<HostPackage>> {
        let build = work.folder().join("build");
        let seen = [work.seen_build(), build.clone(), self.placeholder.as_path().to_owned(), work.tree()];
        let host = host_files::look(&build, &seen.each_ref().map(PathBuf::as_path), linked)?;
        let packages: Vec<String> = (host.iter().filter(|one| one.headers > 0 && !one.is_toolchain))
            .map(|one| one.name.clone().unwrap_or_else(|| "no package".to_owned()))
            .collect();
        if !packages.is_empty() {
            (self.tell)(Event::TakenFromHost { name: job.recipe.name.clone(), packages });
        }
        Ok(host)
    }

    /// Installs the package and its needs at a second prefix and runs the tests there, the placeholder gone.
    fn test(&self, job: &Job<'_>, work: &Work, log: &Path, packed: &Path) -> Result<(), BuildError> {
        let recipe = job.recipe;
        if recipe.tests.is_empty() {
            return Ok(());
        }
        let seen = work.seen_test_tree();
        let prefix =
            Prefix::new(&seen).map_err(|_| BuildError::Placeholder { placeholder: self.placeholder.clone() })?;
        self.unpack(job, &job.needs, &work.test_tree(), &prefix)?;
        self.unpack_file(job, packed, &work.test_tree(), &prefix)?;
        let scene = Scene {
            prefix: seen.display().to_string(),
            source: String::new(),
            out: String::new(),
            jobs: self.jobs,
            flags: self.flags.to_owned(),
        };
        let home = work.seen_home().display().to_string();
        let mut environment = steps::environment(recipe, &scene, &home, "/nowhere");
        // A library must be found by what the package says, not by what the test brings.
        environment.retain(|(name, _)| name != "LD_RUN_PATH" && name != steps::INCLUDED_BY);
        let folder = if self.sandbox.level.has_own_root() { PathBuf::from("/tmp") } else { work.folder().join("tmp") };
        for (place, test) in recipe.tests.iter().enumerate() {
            let step = SandboxedStep {
                level: self.sandbox.level,
                root: work.root(),
                binds: work.test_binds(),
                folder: folder.clone(),
                command: shell_command(&probes::script(test, recipe, &scene)),
                environment: environment.clone(),
                is_interactive: false,
            };
            self.runner.run(&recipe.name, &format!("test {}", place + 1), &step, &work.step_file(), log)?;
        }
        Ok(())
    }
}

fn shell_command(script: &str) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-e".to_owned(), "-c".to_owned(), script.to_owned()]
}

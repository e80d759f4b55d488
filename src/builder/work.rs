//! The work folder of one package build: its parts, where a step sees them, and that nothing of it stays.
//!
//! Does not run anything. At level `host` the placeholder is made for real, so only one build can go on there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::builder::sandbox::{Bind, Level};
use crate::lock::Lock;
use crate::model::event::Tell;
use crate::model::prefix::Placeholder;
use crate::model::recipe::RecipeName;

/// The folder that builds see as theirs, inside a root of their own.
const BUILD_ROOT: &str = "/tagalong-build";

/// The prefix that a finished package is tried at.
const TEST_ROOT: &str = "/tagalong-test";

/// A folder below `<cache>/work`, locked while it is in use and removed when it is dropped.
pub struct Work {
    folder: PathBuf,
    level: Level,
    placeholder: Placeholder,
    name: RecipeName,
    is_kept: bool,
    /// Held as long as the folder is in use; the lock dies with the process (flock(2)).
    _lock: File,
    /// At level `host`: there is one placeholder on a machine, whoever builds.
    _machine: Option<Lock>,
}

impl Work {
    /// Makes the folder with its parts, after removing what dead runs left there.
    ///
    /// # Errors
    /// The I/O error of making it.
    pub fn make(
        cache: &Path,
        name: &RecipeName,
        level: Level,
        placeholder: &Placeholder,
        tell: Tell,
    ) -> io::Result<Work> {
        let all = cache.join("work");
        fs_err::create_dir_all(&all)?;
        sweep(&all)?;
        let folder = all.join(format!("{name}-{}", std::process::id()));
        let lock_path = lock_of(&folder);
        let lock = File::create(&lock_path)?;
        lock.lock()?;
        remove_tree(&folder)?;
        let machine = if level.has_own_root() { None } else { Some(lock_machine(placeholder, tell)?) };
        let work = Work {
            folder,
            level,
            placeholder: placeholder.clone(),
            name: name.clone(),
            is_kept: false,
            _lock: lock,
            _machine: machine,
        };
        for part in ["build/src", "build/out", "home", "tmp", "root", "test"] {
            fs_err::create_dir_all(work.folder.join(part))?;
        }
        if !level.has_own_root() {
            remove_tree(placeholder.as_path())?;
        }
        fs_err::create_dir_all(work.tree())?;
        Ok(work)
    }

    /// Leaves the folder where it is when the work is dropped.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sources, on disk.
    pub fn source(&self) -> PathBuf {
        self.folder.join("build/src")
    }

    /// The file that a step is described in.
    pub fn step_file(&self) -> PathBuf {
        self.folder.join("step.json")
    }

    pub fn log_file(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// What is the placeholder, on disk.
    pub fn tree(&self) -> PathBuf {
        if self.level.has_own_root() { self.folder.join("prefix") } else { self.placeholder.as_path().to_owned() }
    }

    /// The second prefix, on disk.
    pub fn test_tree(&self) -> PathBuf {
        self.folder.join("test")
    }

    /// The second prefix, as a test sees it.
    pub fn seen_test_tree(&self) -> PathBuf {
        if self.level.has_own_root() { Path::new(TEST_ROOT).join(self.name.as_str()) } else { self.test_tree() }
    }

    /// The build folder as a step sees it: the path that may not be left in any byte.
    pub fn seen_build(&self) -> PathBuf {
        if self.level.has_own_root() {
            Path::new(BUILD_ROOT).join(self.name.as_str())
        } else {
            self.folder.join("build")
        }
    }

    /// The home folder as a step sees it.
    pub fn seen_home(&self) -> PathBuf {
        if self.level.has_own_root() { PathBuf::from("/tmp/home") } else { self.folder.join("home") }
    }

    /// What a build step sees.
    pub fn build_binds(&self) -> Vec<Bind> {
        let mut binds = self.common_binds();
        binds.push(Bind { from: self.folder.join("build"), to: self.seen_build(), is_writable: true });
        binds.push(Bind { from: self.tree(), to: self.placeholder.as_path().to_owned(), is_writable: true });
        binds
    }

    /// What a test sees: the second prefix, and no placeholder.
    pub fn test_binds(&self) -> Vec<Bind> {
        let mut binds = self.common_binds();
        binds.push(Bind { from: self.test_tree(), to: self.seen_test_tree(), is_writable: false });
        binds
    }

    fn common_binds(&self) -> Vec<Bind> {
        let writable = |from: &str, to: &str| Bind { from: self.folder.join(from), to: to.into(), is_writable: true };
        vec![writable("tmp", "/tmp"), writable("home", "/tmp/home")]
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.is_kept {
            // Without its lock file the folder is nobody's, and no sweep touches it.
            let _ = fs_err::remove_file(lock_of(&self.folder));
            return;
        }
        // What cannot be removed now is swept by the next run.
        let _ = remove_tree(&self.folder);
        if !self.level.has_own_root() {
            let _ = remove_tree(self.placeholder.as_path());
            // The folders above go too, as far as they are empty: they were made for this.
            for above in self.placeholder.as_path().ancestors().skip(1) {
                if fs_err::remove_dir(above).is_err() {
                    break;
                }
            }
        }
        // The lock file goes last: until then no sweep takes the folder for a dead run's.
        let _ = fs_err::remove_file(lock_of(&self.folder));
    }
}

/// Waits until nobody else on this machine builds at the placeholder.
fn lock_machine(placeholder: &Placeholder, tell: Tell) -> io::Result<Lock> {
    let file = format!("tagalong-placeholder-{}.lock", placeholder.as_str().len());
    Lock::take(&Path::new("/var/tmp").join(file), "the placeholder of this machine", tell)
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_added_extension("lock")
}

/// Removes the folders of runs that are dead: those whose lock can be had. Kept ones have no lock file.
fn sweep(all: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(all)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        // It may vanish between listing and opening: then its owner has cleaned up.
        let Ok(lock) = File::open(&path) else { continue };
        if lock.try_lock().is_ok() {
            remove_tree(&path.with_extension(""))?;
            fs_err::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Removes a folder and all below it, also folders without write permission; nothing there is fine.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_folders(path)?;
            fs_err::remove_dir_all(path)
        }
        done => done,
    }
}

fn open_folders(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

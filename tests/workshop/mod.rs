//! A workshop for one package: a root that stands for the placeholder, a build folder, real compilers, and seal.

#![allow(dead_code, reason = "each test file uses a part of the workshop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tagalong::archive::{pack, unpack};
use tagalong::builder::seal::{SealError, Sealing, seal};
use tagalong::cli::failure::seal::line;
use tagalong::model::build_key::Ingredients;
use tagalong::model::package::{FileEntry, PackageManifest};
use tagalong::model::platform::Platform;
use tagalong::model::prefix::{Placeholder, Prefix};
use tagalong::model::project::Allowance;
use tagalong::model::recipe::{RecipeName, RpathKind};

pub struct Workshop {
    pub folder: tempfile::TempDir,
    pub placeholder: Placeholder,
    pub rpath: RpathKind,
    pub exclude: Vec<String>,
    pub system_libraries: Vec<String>,
    pub allow: Vec<Allowance>,
    /// What was there before the package: the files of its needs.
    pub needs: BTreeSet<PathBuf>,
}

impl Workshop {
    pub fn new() -> Workshop {
        let workshop = Workshop {
            folder: tempfile::tempdir().unwrap(),
            placeholder: Placeholder::standard(),
            rpath: RpathKind::Runpath,
            exclude: Vec::new(),
            system_libraries: Vec::new(),
            allow: Vec::new(),
            needs: BTreeSet::new(),
        };
        for folder in ["root", "root/lib", "root/bin", "build"] {
            fs::create_dir(workshop.path().join(folder)).unwrap();
        }
        workshop
    }

    fn path(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    pub fn root(&self) -> PathBuf {
        self.path().join("root")
    }

    pub fn build_folder(&self) -> PathBuf {
        self.path().join("build")
    }

    /// Writes a file of the package; `{P}` in a text stands for the placeholder.
    pub fn install(&self, path: &str, content: impl AsRef<[u8]>) -> &Workshop {
        let full = self.root().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        let content = match std::str::from_utf8(content.as_ref()) {
            Ok(text) => self.text(text).into_bytes(),
            Err(_) => content.as_ref().to_owned(),
        };
        fs::write(full, content).unwrap();
        self
    }

    pub fn link(&self, path: &str, target: &str) -> &Workshop {
        std::os::unix::fs::symlink(self.text(target), self.root().join(path)).unwrap();
        self
    }

    /// Compiles a source with this command, run in the build folder: `{P}` is the placeholder, `{R}` the root.
    pub fn compile(&self, source: (&str, &str), command: &str) -> &Workshop {
        fs::write(self.build_folder().join(source.0), self.text(source.1)).unwrap();
        self.shell(command);
        self
    }

    pub fn shell(&self, command: &str) {
        let command = self.text(command);
        let output = Command::new("sh").args(["-ec", &command]).current_dir(self.build_folder()).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn text(&self, text: &str) -> String {
        text.replace("{P}", self.placeholder.as_str()).replace("{R}", self.root().to_str().unwrap())
    }

    /// From here on, what is in the root belongs to the needs.
    pub fn needs_end_here(&mut self) {
        self.needs = files_below(&self.root());
    }

    pub fn seal(&self) -> Result<PackageManifest, SealError> {
        let own = files_below(&self.root()).difference(&self.needs).cloned().collect();
        seal(&Sealing {
            root: &self.root(),
            own: &own,
            name: &RecipeName::parse("fixture").unwrap(),
            version: "1.0",
            license: "MIT",
            platform: &Platform::parse("debian-12-x86_64").unwrap(),
            build_key: Ingredients::new().key(),
            needs: &[],
            placeholder: &self.placeholder,
            build_folders: &[self.build_folder().to_str().unwrap().as_bytes().to_vec()],
            rpath: self.rpath,
            exclude: &self.exclude,
            is_static_kept: true,
            debug_of: None,
            runtime: &[],
            exports: &[],
            system_libraries: &self.system_libraries,
            allow: &self.allow,
            system_root: Path::new("/"),
        })
        .map(|sealed| sealed.manifest)
    }

    /// What the checks found, a line each; the build folder is written `[BUILD]`.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        match self.seal() {
            Ok(_) => Vec::new(),
            Err(SealError::Findings { findings, .. }) => {
                let build = self.build_folder();
                findings.iter().map(|one| line(one).replace(build.to_str().unwrap(), "[BUILD]")).collect()
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Seals and packs; panics with the findings.
    #[track_caller]
    pub fn pack(&self) -> (PackageManifest, Vec<u8>) {
        let manifest = self.seal().unwrap_or_else(|error| panic!("{error:?}"));
        let mut archive = Vec::new();
        pack::pack(&manifest, &self.root(), &mut archive).unwrap();
        (manifest, archive)
    }

    /// Seals, packs and unpacks into a folder of its own, for that folder.
    #[track_caller]
    pub fn ship(&self) -> Shipped {
        let (manifest, archive) = self.pack();
        let folder = tempfile::tempdir().unwrap();
        let prefix = fs::canonicalize(folder.path()).unwrap();
        unpack::unpack(&archive[..], &prefix, &Prefix::new(&prefix).unwrap(), &Default::default()).unwrap();
        Shipped { folder, prefix, manifest }
    }
}

/// An unpacked package.
pub struct Shipped {
    folder: tempfile::TempDir,
    pub prefix: PathBuf,
    pub manifest: PackageManifest,
}

impl Shipped {
    /// Runs a program of the package with nothing in the environment; gives what it prints, the prefix as `[P]`.
    /// Leading slashes of a padded prefix are one.
    #[track_caller]
    pub fn run(&self, program: &str) -> String {
        let output = Command::new(self.prefix.join(program)).env_clear().current_dir("/").output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut text = text.replace(self.prefix.to_str().unwrap(), "[P]");
        while text.contains("/[P]") {
            text = text.replace("/[P]", "[P]");
        }
        text
    }

    pub fn file(&self, path: &str) -> &FileEntry {
        self.manifest.files().find(|(entry, _)| entry.as_str() == path).unwrap().1
    }
}

/// What a program says about a file.
pub fn tell(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{program} {}", file.display());
    String::from_utf8(output.stdout).unwrap()
}

/// The library path lines of `readelf -d`, without addresses.
pub fn library_path(file: &Path) -> Vec<String> {
    let lines = tell("readelf", &["-dW"], file);
    let lines = lines.lines().filter(|line| line.contains("PATH)"));
    lines.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect()
}

/// All files and links below a folder, relative to it.
pub fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                all.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    all
}

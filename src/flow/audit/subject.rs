//! What is audited: a tree, an installed prefix with its manifests, one file, or, unpacked aside, a package archive,
//! all packages of a bundle, or what others have packed, such as a wheel.
//!
//! Does not look into files (`collect.rs`).

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::archive;
use crate::archive::foreign::{self, ForeignError};
use crate::archive::unpack::{self, Limits};
use crate::flow::audit::Error;
use crate::model::bundle::BundleManifest;
use crate::model::digest::{Digest, Digester};
use crate::model::package::{EntryKind, FileEntry, PackageManifest};
use crate::model::prefix::{Placeholder, Prefix};
use crate::model::source::ArchiveKind;
use crate::prefix_dir::{PrefixDir, State};

/// The largest bundle manifest, in bytes.
const LARGEST_MANIFEST: u64 = 64 << 20;

/// What the path turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Tree,
    /// A prefix that an install made: the recorded places hold the prefix.
    Installed,
    /// All packages of a bundle, installed aside: the recorded places hold that folder.
    Bundle,
    /// A package archive, unpacked: the recorded places hold the placeholder.
    Package,
    /// A wheel, or another archive that this program did not make, unpacked.
    Foreign,
    File,
}

/// What is audited.
#[derive(Debug)]
pub struct Subject {
    pub kind: Kind,
    /// The folder, all links followed; of a file the one it lies in.
    pub root: PathBuf,
    /// Where the folder lies for a loader: the placeholder for a package, a path below `--root` inside of that.
    pub place: String,
    /// The file, where only one is meant.
    pub only: Option<String>,
    pub packages: Vec<PackageManifest>,
    /// Whether the files are those of a wheel, which may ask the system for what its policy lists.
    pub is_wheel: bool,
    /// Why an archive was not unpacked: it is looked at as a file then.
    pub refused: Option<String>,
    recorded: HashMap<String, (FileEntry, usize)>,
    _unpacked: Option<tempfile::TempDir>,
}

impl Subject {
    /// Finds out what the path is; a package archive is unpacked.
    pub fn open(path: &Path) -> Result<Subject, Error> {
        let disk = |doing| move |source| Error::Disk { doing, source };
        if !path.exists() {
            return Err(Error::Absent { path: path.to_owned() });
        }
        let real = fs_err::canonicalize(path).map_err(disk("looking at what is audited"))?;
        if real.is_dir() {
            let mut subject = Subject::bare(Kind::Tree, real);
            subject.read_manifests()?;
            return Ok(subject);
        }
        if is_package(&real) {
            let folder = tempfile::Builder::new().prefix("tagalong-audit-").tempdir();
            let folder = folder.map_err(disk("making a folder to unpack into"))?;
            let root = fs_err::canonicalize(folder.path()).map_err(disk("looking at the unpacked package"))?;
            let file = || fs_err::File::open(&real).map_err(disk("opening the package archive"));
            let placeholder = unpack::read_manifest(file()?)?.placeholder;
            // At its own placeholder the package stays as it was built.
            let prefix = Prefix::new(placeholder.as_path()).map_err(|error| Error::Disk {
                doing: "reading the placeholder of the package",
                source: std::io::Error::other(error.to_string()),
            })?;
            let unpacked = unpack::unpack(file()?, &root, &prefix, &Limits::default())?;
            let mut subject = Subject::bare(Kind::Package, root);
            subject.place = placeholder.as_str().to_owned();
            subject._unpacked = Some(folder);
            subject.add(unpacked.manifest);
            return Ok(subject);
        }
        if let Some(bundle) = bundle_at(&real) {
            return Subject::of_bundle(&real, &bundle);
        }
        let mut refused = None;
        if is_foreign(&real) {
            match Subject::of_foreign(&real)? {
                Ok(subject) => return Ok(subject),
                Err(reason) => refused = Some(reason),
            }
        }
        let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
        let folder = real.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Subject { only: name, refused, ..Subject::bare(Kind::File, folder) })
    }

    /// What others have packed; the inner error says what is wrong with the archive itself.
    fn of_foreign(archive: &Path) -> Result<Result<Subject, String>, Error> {
        let disk = |doing| move |source| Error::Disk { doing, source };
        let folder = tempfile::Builder::new().prefix("tagalong-audit-").tempdir();
        let folder = folder.map_err(disk("making a folder to unpack into"))?;
        let root = fs_err::canonicalize(folder.path()).map_err(disk("looking at the unpacked archive"))?.join("tree");
        match foreign::unpack(archive, &root) {
            Ok(()) => {}
            Err(ForeignError::Write(source)) => return Err(Error::Disk { doing: "unpacking the archive", source }),
            Err(error) => return Ok(Err(error.to_string())),
        }
        let is_wheel = archive.extension().is_some_and(|extension| extension == "whl");
        Ok(Ok(Subject { is_wheel, _unpacked: Some(folder), ..Subject::bare(Kind::Foreign, root) }))
    }

    fn of_bundle(manifest: &Path, bundle: &BundleManifest) -> Result<Subject, Error> {
        let disk = |doing| move |source| Error::Disk { doing, source };
        let no_channel = || Error::NoChannel { path: manifest.to_owned() };
        let below = bundle.reference().path();
        let channel = manifest.ancestors().nth(Path::new(&below).components().count());
        let channel = channel.filter(|channel| channel.join(&below) == manifest).ok_or_else(no_channel)?;
        let folder = tempfile::Builder::new().prefix("tagalong-audit-").tempdir();
        let folder = folder.map_err(disk("making a folder to unpack into"))?;
        let root = fs_err::canonicalize(folder.path()).map_err(disk("looking at the unpacked bundle"))?;
        let prefix = Prefix::new(&root).map_err(|error| io::Error::other(error.to_string()));
        let prefix = prefix.map_err(disk("naming a folder to unpack into"))?;
        let mut subject = Subject::bare(Kind::Bundle, root);
        for package in &bundle.packages {
            let path = channel.join(package.path());
            if !path.is_file() {
                return Err(Error::NoPackage { name: package.name.clone(), path });
            }
            let digest = digest_of(&path).map_err(disk("reading a package archive"))?;
            if digest != package.archive {
                let reason = format!("the bundle names {} for {}, and it has {digest}", package.archive, package.name);
                return Err(archive::Error::Corrupt { reason }.into());
            }
            let file = fs_err::File::open(&path).map_err(disk("opening a package archive"))?;
            subject.add(unpack::unpack(file, &subject.root, &prefix, &Limits::default())?.manifest);
        }
        subject._unpacked = Some(folder);
        Ok(subject)
    }

    fn bare(kind: Kind, root: PathBuf) -> Subject {
        let place = root.to_string_lossy().into_owned();
        Subject {
            kind,
            root,
            place,
            only: None,
            packages: Vec::new(),
            is_wheel: false,
            refused: None,
            recorded: HashMap::new(),
            _unpacked: None,
        }
    }

    /// A folder that a loader would see at another place.
    pub fn at(kind: Kind, root: &Path, place: &str) -> Subject {
        Subject { place: place.to_owned(), ..Subject::bare(kind, root.to_owned()) }
    }

    /// The same in a system: what lies below its root folder has its path from there.
    pub fn below(mut self, system: &Path) -> Subject {
        if self.kind != Kind::Package
            && let Ok(inside) = self.root.strip_prefix(system)
        {
            self.place = format!("/{}", inside.to_string_lossy());
        }
        self
    }

    fn read_manifests(&mut self) -> Result<(), Error> {
        // The root folder of a system is no prefix, but may be audited.
        let Ok(dir) = PrefixDir::new(&self.root) else { return Ok(()) };
        let State::Installed(receipt) = dir.state()? else { return Ok(()) };
        for package in &receipt.packages {
            let manifest = dir.manifest(package)?;
            self.add(manifest);
        }
        self.kind = Kind::Installed;
        Ok(())
    }

    fn add(&mut self, manifest: PackageManifest) {
        let place = self.packages.len();
        for entry in &manifest.entries {
            if let EntryKind::File(file) = &entry.kind
                && !file.relocations.is_empty()
            {
                self.recorded.insert(entry.path.to_string(), (file.clone(), place));
            }
        }
        self.packages.push(manifest);
    }

    pub fn is_tree(&self) -> bool {
        self.kind != Kind::File
    }

    /// All placeholders that may stand in the files, each once.
    pub fn placeholders(&self, project: &Placeholder) -> Vec<Placeholder> {
        let mut all = vec![project.clone()];
        for package in &self.packages {
            if !all.contains(&package.placeholder) {
                all.push(package.placeholder.clone());
            }
        }
        all
    }

    /// The offsets at which a file holds the placeholder by right.
    pub fn placeholders_in(&self, path: &str) -> Vec<u64> {
        let Some((file, _)) = self.recorded.get(path).filter(|_| self.kind == Kind::Package) else {
            return Vec::new();
        };
        file.relocations.text.iter().chain(&file.relocations.fixed).copied().collect()
    }

    /// The ranges of a file in which the prefix or the placeholder stands by right, ascending.
    pub fn recorded_in(&self, path: &str) -> Vec<Range<u64>> {
        let Some((file, package)) = self.recorded.get(path) else { return Vec::new() };
        let placeholder = self.packages[*package].placeholder.as_bytes().len() as u64;
        let prefix = self.root.as_os_str().len() as u64;
        let fixed = file.relocations.fixed.iter().map(|at| *at..at + placeholder);
        let text = file.relocations.text.iter().enumerate().map(|(place, at)| match self.kind {
            Kind::Package => *at..at + placeholder,
            // Each one before has changed the length.
            _ => {
                let start = at.saturating_sub(place as u64 * placeholder) + place as u64 * prefix;
                start..start + prefix
            }
        });
        fixed.chain(text).collect()
    }
}

/// The manifest of a bundle, if the file is one.
fn bundle_at(path: &Path) -> Option<BundleManifest> {
    path.extension().filter(|extension| *extension == "json")?;
    let mut bytes = Vec::new();
    fs_err::File::open(path).ok()?.take(LARGEST_MANIFEST).read_to_end(&mut bytes).ok()?;
    BundleManifest::parse(&bytes).ok()
}

/// Whether a file is an archive of others whose content is meant: zip by its bytes, tar by its name.
fn is_foreign(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_tar = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst"];
    match foreign::kind_of(path) {
        Ok(Some(ArchiveKind::Zip)) => true,
        Ok(Some(_)) => is_tar.iter().any(|end| name.ends_with(end)),
        _ => false,
    }
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut digester = Digester::new();
    io::copy(&mut fs_err::File::open(path)?, &mut digester)?;
    Ok(digester.finish())
}

/// Whether a file is a package archive of this program: it starts with a manifest, or, if it has the name of one, with
/// what would be one if it were not damaged.
fn is_package(path: &Path) -> bool {
    let Ok(file) = fs_err::File::open(path) else { return false };
    match unpack::read_manifest(file) {
        Ok(_) => true,
        Err(archive::Error::NoManifest { .. }) => false,
        Err(_) => path.as_os_str().as_encoded_bytes().ends_with(b".tar.zst"),
    }
}

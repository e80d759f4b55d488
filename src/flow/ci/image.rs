//! `ci image`: the builder images of the project's platforms: what is wrong with them, and the commands that build one.
//!
//! Runs nothing.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkout::{self, Checkout};
use crate::host;
use crate::model::platform::Platform;

/// The folder of builder images, from the root of the checkout.
pub const IMAGES_FOLDER: &str = "ci/images";

/// The file in the folder of an image.
const FILE: &str = "Containerfile";

/// The largest such file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// A program that builds images.
struct Engine {
    program: &'static str,
    /// What tells the digest of an image that only this machine has.
    inspect: &'static [&'static str],
    /// What pushes it.
    push: &'static [&'static str],
    /// What tells the digest of the image in the registry, if pushing does not print it: layers are compressed on the
    /// way, so that it is another one.
    inspect_pushed: Option<&'static [&'static str]>,
}

/// Where the digest is written by a program that writes it into a file only.
const TO_STDOUT: &str = "/dev/stdout";

/// The programs, the likeliest first.
const ENGINES: [Engine; 3] = [
    Engine {
        program: "podman",
        inspect: &["image", "inspect", "--format", "{{.Digest}}"],
        push: &["push", "--digestfile", TO_STDOUT],
        inspect_pushed: None,
    },
    Engine {
        program: "buildah",
        inspect: &["inspect", "--type", "image", "--format", "{{.FromImageDigest}}"],
        push: &["push", "--digestfile", TO_STDOUT],
        inspect_pushed: None,
    },
    Engine {
        program: "docker",
        inspect: &["image", "inspect", "--format", "{{.Id}}"],
        push: &["push"],
        inspect_pushed: Some(&["image", "inspect", "--format", "{{index .RepoDigests 0}}"]),
    },
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error("a bare repository has no images")]
    NoWorkTree,
    #[error("there is no image for {platform}")]
    NoImage { platform: Platform, path: PathBuf },
    #[error("no program that builds images is installed")]
    NoEngine,
    #[error("{}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
}

/// What is wrong with one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub platform: Platform,
    pub fault: ImageFault,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFault {
    /// tagalong.toml names no image for the platform.
    NoneNamed,
    /// It names one that may come to mean another.
    Unpinned { image: String },
    /// The base of the image may come to mean another: the line of the file.
    Base { line: usize, base: String },
    /// Builds would run as root.
    Root,
    /// The base is taken as it is today.
    Latest { line: usize },
    /// The file has no `FROM`.
    NoBase,
}

/// Looks at the images of the platforms that tagalong.toml names.
///
/// # Errors
/// [`Error`].
pub fn check(folder: &Path) -> Result<Vec<Problem>, Error> {
    let checkout = Checkout::open(folder)?;
    let root = checkout.root().ok_or(Error::NoWorkTree)?;
    let mut problems = Vec::new();
    for config in &checkout.project().platforms {
        let mut note = |fault| problems.push(Problem { platform: config.id.clone(), fault });
        match &config.image {
            None => note(ImageFault::NoneNamed),
            Some(image) if config.image_digest().is_none() => note(ImageFault::Unpinned { image: image.clone() }),
            Some(_) => {}
        }
        if let Some(text) = read(&file_of(root, &config.id))? {
            faults(&text).into_iter().for_each(note);
        }
    }
    Ok(problems)
}

/// What is wrong with the text of a `Containerfile`.
fn faults(text: &str) -> Vec<ImageFault> {
    let mut faults = Vec::new();
    let (mut base, mut user) = (None, "root");
    let mut argument = "";
    for (place, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("ARG"), Some(given)) => argument = given.strip_prefix("BASE=").unwrap_or(argument),
            (Some("FROM"), Some(name)) => {
                base = Some((place + 1, if name == "${BASE}" || name == "$BASE" { argument } else { name }));
            }
            (Some("USER"), Some(name)) => user = name,
            _ => {}
        }
    }
    match base {
        None => faults.push(ImageFault::NoBase),
        Some((line, base)) if base.ends_with(":latest") || !base.contains([':', '@']) => {
            faults.push(ImageFault::Latest { line });
        }
        Some((line, base)) if !base.contains("@sha256:") => {
            faults.push(ImageFault::Base { line, base: base.to_owned() });
        }
        Some(_) => {}
    }
    if ["root", "0"].contains(&user.split(':').next().unwrap_or_default()) {
        faults.push(ImageFault::Root);
    }
    faults
}

/// What builds an image.
pub struct Options<'a> {
    pub folder: &'a Path,
    pub platform: &'a Platform,
    /// The name of the new image; `tagalong-build:PLATFORM` by default.
    pub name: Option<&'a str>,
    /// What stands in the place of the file's own base.
    pub base: Option<&'a str>,
    /// Whether it is pushed, which is what gives it the digest that others know it by.
    pub is_pushed: bool,
    /// Where programs are looked for: `PATH`.
    pub path: Option<&'a OsStr>,
}

/// The commands, in order, each a program and its arguments; the last one prints the digest.
///
/// # Errors
/// [`Error`].
pub fn commands(options: &Options<'_>) -> Result<(String, Vec<Vec<String>>), Error> {
    let checkout = Checkout::open(options.folder)?;
    let root = checkout.root().ok_or(Error::NoWorkTree)?;
    let path = file_of(root, options.platform);
    if read(&path)?.is_none() {
        return Err(Error::NoImage { platform: options.platform.clone(), path });
    }
    let engine =
        (ENGINES.into_iter()).find(|engine| host::is_program(engine.program, options.path)).ok_or(Error::NoEngine)?;
    let name = options.name.map_or_else(|| format!("tagalong-build:{}", options.platform), str::to_owned);
    let command = |words: &[&str]| {
        std::iter::once(engine.program).chain(words.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut build = command(&["build", "--file", &path.display().to_string(), "--tag", &name]);
    build.extend(options.base.iter().flat_map(|base| ["--build-arg".to_owned(), format!("BASE={base}")]));
    build.push(path.parent().unwrap_or(root).display().to_string());
    let of_image = |words: &[&str]| command(&[words, &[name.as_str()]].concat());
    let mut all = vec![build];
    if options.is_pushed {
        all.push(of_image(engine.push));
        all.extend(engine.inspect_pushed.map(of_image));
    } else {
        all.push(of_image(engine.inspect));
    }
    Ok((name, all))
}

fn file_of(root: &Path, platform: &Platform) -> PathBuf {
    root.join(IMAGES_FOLDER).join(platform.id()).join(FILE)
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    let disk = |source| Error::Disk { path: path.to_owned(), source };
    match fs_err::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk(error)),
        Ok(facts) if facts.len() > LARGEST => Err(disk(io::Error::other("the file is too large"))),
        Ok(_) => fs_err::read_to_string(path).map(Some).map_err(disk),
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageFault, faults};

    #[test]
    fn each_fault_of_a_containerfile_is_found() {
        let pinned = format!("ARG BASE=debian:12@sha256:{}\nFROM ${{BASE}}\nUSER builder\n", "a".repeat(64));
        assert_eq!(faults(&pinned), []);
        assert_eq!(faults("FROM debian\nUSER 0\n"), [ImageFault::Latest { line: 1 }, ImageFault::Root]);
        let base = ImageFault::Base { line: 2, base: "debian:12".to_owned() };
        assert_eq!(faults("ARG BASE=debian:12\nFROM ${BASE}\nUSER builder\n"), [base]);
        assert_eq!(faults("# nothing\n"), [ImageFault::NoBase, ImageFault::Root]);
    }
}

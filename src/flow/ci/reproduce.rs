//! `ci reproduce`: the one command that repeats a job of CI here, from what the job left.
//!
//! Runs nothing. A failed build job leaves a note among its files, a build that went well leaves its record:
//! ```json
//! {"format": 1, "commit": "9f2c…", "platform": "debian-12-x86_64", "image": "registry…@sha256:…", "packages": "zlib hdf5"}
//! ```

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::checkout::{self, Checkout};
use crate::host;
use crate::http::{Client, HttpError};
use crate::model::bundle::{BuildRecord, BundleFault};
use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::pipeline::{JOB_NOTE, quote};

/// The largest note or record that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// The programs that run containers, the likeliest first.
const ENGINES: [&str; 2] = ["podman", "docker"];

/// What is asked.
pub struct Options<'a> {
    pub folder: &'a Path,
    /// The address of a job, or a file: its note, or a build record.
    pub subject: &'a str,
    /// This program's own file.
    pub program: &'a Path,
    /// Where programs are looked for: `PATH`.
    pub path: Option<&'a OsStr>,
}

/// The command, and what it repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// A line for the shell.
    pub command: String,
    pub packages: Vec<String>,
    pub platform: Platform,
    /// The program that runs the container; `None` where it runs on this machine, in tagalong's sandbox.
    pub engine: Option<&'static str>,
    pub image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    format: u32,
    commit: String,
    platform: Platform,
    image: String,
    packages: String,
}

/// Why there is no command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error("a bare repository has no work tree")]
    NoWorkTree,
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The job left no note: it did not fail in a build, or its files are gone or not public.
    #[error("the job left no note at {url}")]
    NoNote { url: String },
    #[error("{}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
    /// Neither a note nor a record.
    #[error("`{of}` is neither the note of a job nor a build record: {reason}")]
    Unreadable { of: String, reason: String },
}

/// Finds the command.
///
/// # Errors
/// [`Error`].
pub fn reproduce(options: &Options<'_>) -> Result<Outcome, Error> {
    let is_address = options.subject.starts_with("https://") || options.subject.starts_with("http://");
    if is_address {
        let url = format!("{}/artifacts/raw/{JOB_NOTE}", options.subject.trim_end_matches('/'));
        let bytes = Client::new()?.get(&url, LARGEST)?.ok_or(Error::NoNote { url: url.clone() })?;
        return of_note(&bytes, &url, options);
    }
    let path = options.folder.join(options.subject);
    let disk = |source| Error::Disk { path: path.clone(), source };
    let length = fs_err::metadata(&path).map_err(disk)?.len();
    let of = path.display().to_string();
    if length > LARGEST {
        return Err(Error::Unreadable { of, reason: format!("it has {length} bytes") });
    }
    let bytes = fs_err::read(&path).map_err(disk)?;
    match BuildRecord::parse(&bytes) {
        Ok(record) => of_record(&record, &path, options),
        Err(BundleFault::Json { .. }) => of_note(&bytes, &of, options),
        Err(fault) => Err(Error::Unreadable { of, reason: fault.to_string() }),
    }
}

fn of_record(record: &BuildRecord, path: &Path, options: &Options<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(options.folder)?;
    let root = checkout.root().ok_or(Error::NoWorkTree)?;
    let words = ["build".to_owned(), "--reproduce".to_owned(), path.display().to_string()];
    let place = Place { root, more: path.parent(), image: record.builder.image.as_deref() };
    let packages = vec![record.name.to_string()];
    Ok(place.outcome(&words, options, packages, record.platform.clone(), String::new()))
}

fn of_note(bytes: &[u8], of: &str, options: &Options<'_>) -> Result<Outcome, Error> {
    let wrong = |reason: String| Error::Unreadable { of: of.to_owned(), reason };
    let note: Note = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if note.format != 1 {
        return Err(wrong(format!("it has format {}, this program reads 1", note.format)));
    }
    if note.commit.len() < 40 || !note.commit.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(wrong("its commit is no commit id".to_owned()));
    }
    let names: Vec<String> = note
        .packages
        .split_whitespace()
        .map(|name| RecipeName::parse(name).map(|name| name.to_string()))
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    let checkout = Checkout::open(options.folder)?;
    let root = checkout.root().ok_or(Error::NoWorkTree)?;
    // Another commit is laid out beside the checkout, which stays as it is.
    let (place, before) = if checkout.head()?.as_deref() == Some(note.commit.as_str()) {
        (root.to_owned(), String::new())
    } else {
        let name = root.file_name().unwrap_or_default().to_string_lossy();
        let beside = root.with_file_name(format!("{name}-{}", &note.commit[..12]));
        let shown = [root, &beside].map(|path| quote(&path.display().to_string()));
        let [root, beside_text] = shown;
        (beside, format!("git -C {root} worktree add --detach {beside_text} {} && ", note.commit))
    };
    let mut words = vec!["build".to_owned()];
    words.extend(names.iter().cloned());
    words.push("--keep".to_owned());
    let image = Some(note.image.as_str()).filter(|image| !image.is_empty());
    let place = Place { root: &place, more: None, image };
    Ok(place.outcome(&words, options, names, note.platform, before))
}

/// Where a command runs.
struct Place<'a> {
    root: &'a Path,
    /// Another folder that it reads.
    more: Option<&'a Path>,
    image: Option<&'a str>,
}

impl Place<'_> {
    fn outcome(
        &self,
        words: &[String],
        options: &Options<'_>,
        packages: Vec<String>,
        platform: Platform,
        before: String,
    ) -> Outcome {
        let root = self.root.display().to_string();
        let program = options.program.display().to_string();
        // An image that begins with a dash would be an option.
        let image = self.image.filter(|image| !image.starts_with('-'));
        let is_there = |name: &&str| host::is_program(name, options.path);
        let engine = image.and_then(|_| ENGINES.into_iter().find(is_there));
        let line: Vec<String> = match (engine, image) {
            (Some(engine), Some(image)) => {
                let mut line = vec![engine.to_owned(), "run".to_owned(), "--rm".to_owned()];
                let volume = |from: &str, to: &str| ["--volume".to_owned(), format!("{from}:{to}")];
                line.extend(volume(&root, &root));
                line.extend(self.more.iter().flat_map(|more| {
                    let more = more.display().to_string();
                    volume(&more, &format!("{more}:ro"))
                }));
                line.extend(volume(&program, "/usr/local/bin/tagalong:ro"));
                line.extend(["--workdir", &root, image, "tagalong"].map(str::to_owned));
                line.extend(words.iter().cloned());
                line
            }
            _ => [program, "-C".to_owned(), root].into_iter().chain(words.iter().cloned()).collect(),
        };
        let line: Vec<String> = line.iter().map(|word| quote(word)).collect();
        let command = format!("{before}{}", line.join(" "));
        Outcome { command, packages, platform, engine, image: image.map(str::to_owned) }
    }
}

//! `tagalong elf set`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::cli::elf::exit;
use crate::cli::failure::{Code, Failure};
use crate::cli::print::say;
use crate::cli::settings::Settings;
use crate::flow::elf_edit::{self, Change, Options};
use crate::model::depth::Depth;
use crate::relocate::elf::edit::{Edit, OsAbi, RpathEdit, RpathTag};
use crate::rewrite::{self, HardLinks};

/// Edits ELF files
#[derive(Debug, clap::Args)]
#[command(
    after_help = "All edits of one call are one rewrite. A value that starts with `@` is the content of the file \
    that it names, all of it. A file is read again after the edit, and stays as it was if anything changed but what \
    was asked for. Refused: objects, static programs, files of debug information, and files with bytes behind the last \
    section."
)]
pub struct Arguments {
    /// Sets the library path; `''` leaves an empty one
    #[arg(long, value_name = "PATH", group = "path")]
    rpath: Option<OsString>,
    /// Adds PATH at the end of the library path
    #[arg(long, value_name = "PATH", group = "path")]
    add_rpath: Option<OsString>,
    /// Removes the library path
    #[arg(long, group = "path")]
    remove_rpath: bool,
    /// Removes absolute folders that hold no needed library from the library path
    #[arg(long, group = "path")]
    shrink_rpath: bool,
    /// Removes absolute folders too that do not start with PREFIX; repeatable
    #[arg(long, value_name = "PREFIX", requires = "shrink_rpath")]
    allowed_prefix: Vec<OsString>,
    /// The library path is DT_RPATH, which the libraries that the file loads inherit
    #[arg(long)]
    dt_rpath: bool,
    /// The library path is DT_RUNPATH, which only the file itself uses
    #[arg(long, conflicts_with = "dt_rpath")]
    dt_runpath: bool,
    /// Sets the loader of a program
    #[arg(long, value_name = "PATH")]
    interpreter: Option<OsString>,
    /// Sets the name of a library; a program is left alone
    #[arg(long, value_name = "NAME")]
    soname: Option<OsString>,
    /// Adds a needed library in front of the others; repeatable
    #[arg(long, value_name = "NAME")]
    add_needed: Vec<OsString>,
    /// Removes a needed library; repeatable
    #[arg(long, value_name = "NAME")]
    remove_needed: Vec<OsString>,
    /// Gives a needed library another name; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    replace_needed: Vec<OsString>,
    /// Keeps the loader from searching the system's folders for what the file needs
    #[arg(long)]
    no_default_lib: bool,
    /// Adds the entry in which the loader tells debuggers what it loaded
    #[arg(long)]
    add_debug_tag: bool,
    /// Lets a symbol be of any version; repeatable
    #[arg(long, value_name = "SYMBOL")]
    clear_symbol_version: Vec<OsString>,
    /// Renames dynamic symbols: each line of the file MAP is an old and a new name
    #[arg(long, value_name = "MAP")]
    rename_symbols: Option<PathBuf>,
    /// Sets the operating system of the header, such as `Linux` or `System V`
    #[arg(long, value_name = "NAME", value_parser = os_abi)]
    os_abi: Option<OsAbi>,
    /// Sets whether the stack may be executed
    #[arg(long, value_enum)]
    execstack: Option<Execstack>,
    /// What moves in the file moves by a multiple of N bytes, a power of two
    #[arg(long, value_name = "N", value_parser = page_size)]
    page_size: Option<u64>,
    /// Leaves strings that nothing uses any more as they are, instead of overwriting them
    #[arg(long)]
    keep_old_strings: bool,
    /// What happens to a file that has several names: `refuse`, `keep` overwrites its bytes, `split` parts this name
    /// from the others
    #[arg(long, value_enum, value_name = "HOW", default_value = "refuse")]
    hard_links: Links,
    /// Writes the result to OUT, even if nothing changed; for one FILE
    #[arg(long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Tells what would be changed, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Programs or libraries
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Execstack {
    Set,
    Clear,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Links {
    Refuse,
    Keep,
    Split,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    if arguments.output.is_some() && arguments.files.len() > 1 {
        return Err(Failure::new(Code::Usage, "`--output` takes one FILE".to_owned())
            .why(format!("{} were given", arguments.files.len()))
            .next("call it once for each file"));
    }
    let edit = edit(&arguments, &settings.directory)?;
    if edit == Edit::default() && arguments.output.is_none() {
        return Err(Failure::new(Code::Usage, "there is nothing to set".to_owned())
            .next("name an edit, such as `--rpath`; `tagalong elf set --help` lists them"));
    }
    let options = Options {
        files: arguments.files.iter().map(|file| settings.directory.join(file)).collect(),
        edit,
        output: arguments.output.as_ref().map(|output| settings.directory.join(output)),
        links: match arguments.hard_links {
            Links::Refuse => HardLinks::Refuse,
            Links::Keep => HardLinks::Keep,
            Links::Split => HardLinks::Split,
        },
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
    };
    let outcome = elf_edit::edit(&options);
    let (mut failures, mut changed) = (Vec::new(), 0);
    let all = outcome.files.len();
    for (_, result) in outcome.files {
        match result {
            Ok(Change::Unchanged) => {}
            Ok(Change::Written { .. }) => changed += 1,
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    let verb = if arguments.dry_run { "would change" } else { "changed" };
    say!("{verb} {changed} of {all} {}", if all == 1 { "file" } else { "files" });
    Ok(exit(&failures))
}

fn edit(arguments: &Arguments, directory: &Path) -> Result<Edit, Failure> {
    let value = |text: &OsString| value(text, directory);
    let values = |texts: &[OsString]| texts.iter().map(value).collect::<Result<Vec<_>, Failure>>();
    let one = |text: &Option<OsString>| text.as_ref().map(value).transpose();
    let pairs = values(&arguments.replace_needed)?.into_iter().map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (old, new) = (parts.next().unwrap_or_default().to_vec(), parts.next());
        let new = new.filter(|new| !new.is_empty() && !old.is_empty()).ok_or_else(|| {
            Failure::new(Code::Usage, format!("`{}` is no pair of names", String::from_utf8_lossy(&pair)))
                .next("write `--replace-needed OLD=NEW`")
        })?;
        Ok((old, new.to_vec()))
    });
    let replace_needed = pairs.collect::<Result<_, Failure>>()?;
    let rpath = if arguments.remove_rpath {
        Some(RpathEdit::Remove)
    } else if arguments.shrink_rpath {
        Some(RpathEdit::Shrink(values(&arguments.allowed_prefix)?))
    } else if let Some(path) = one(&arguments.add_rpath)? {
        Some(RpathEdit::Add(path))
    } else {
        one(&arguments.rpath)?.map(RpathEdit::Set)
    };
    let rename_symbols = match &arguments.rename_symbols {
        Some(path) => renames(&rewrite::read(&directory.join(path))?.bytes)?,
        None => Vec::new(),
    };
    Ok(Edit {
        os_abi: arguments.os_abi,
        soname: one(&arguments.soname)?,
        interpreter: one(&arguments.interpreter)?,
        execstack: arguments.execstack.map(|wanted| matches!(wanted, Execstack::Set)),
        rpath,
        rpath_tag: match (arguments.dt_rpath, arguments.dt_runpath) {
            (true, _) => Some(RpathTag::Rpath),
            (_, true) => Some(RpathTag::Runpath),
            _ => None,
        },
        remove_needed: values(&arguments.remove_needed)?,
        replace_needed,
        add_needed: values(&arguments.add_needed)?,
        clear_versions: values(&arguments.clear_symbol_version)?,
        no_default_lib: arguments.no_default_lib,
        debug_tag: arguments.add_debug_tag,
        rename_symbols,
        page_size: arguments.page_size,
        keep_old_strings: arguments.keep_old_strings,
    })
}

/// The bytes of a value: its own, or those of the file after `@`.
fn value(text: &OsString, directory: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = match text.as_bytes().strip_prefix(b"@") {
        Some(path) => rewrite::read(&directory.join(std::ffi::OsStr::from_bytes(path)))?.bytes,
        None => text.as_bytes().to_vec(),
    };
    if bytes.contains(&0) {
        return Err(Failure::new(Code::Usage, format!("`{}` holds a NUL byte", text.to_string_lossy()))
            .why("strings in ELF files end there"));
    }
    Ok(bytes)
}

/// An old and a new name.
type Pair = (Vec<u8>, Vec<u8>);

/// Lines of an old and a new name, white space between them.
fn renames(bytes: &[u8]) -> Result<Vec<Pair>, Failure> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |why: &str| {
            Failure::new(Code::Usage, format!("line {} of the names cannot be used", number + 1))
                .why(why)
                .next("write an old and a new name in each line")
        };
        let names: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()).collect();
        let [old, new] = names.as_slice() else {
            if names.is_empty() {
                continue;
            }
            return Err(wrong("it does not hold two names"));
        };
        if old.contains(&b'@') || new.contains(&b'@') {
            return Err(wrong("names are written without `@` and version"));
        }
        if old.contains(&0) || new.contains(&0) {
            return Err(wrong("it holds a NUL byte"));
        }
        if !seen.insert(old.to_vec()) {
            return Err(wrong("the old name stands there twice"));
        }
        pairs.push((old.to_vec(), new.to_vec()));
    }
    Ok(pairs)
}

fn os_abi(text: &str) -> Result<OsAbi, String> {
    OsAbi::parse(text).ok_or_else(|| format!("known are {}", OsAbi::names().collect::<Vec<_>>().join(", ")))
}

fn page_size(text: &str) -> Result<u64, String> {
    let size = text.parse::<u64>().ok().filter(|size| size.is_power_of_two());
    size.ok_or_else(|| "use a power of two, such as 4096".to_owned())
}

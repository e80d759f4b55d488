//! `tagalong relocate`.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::failure::{Code, Failure, relocate as words};
use crate::cli::print::{print, print_json};
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::relocate::check::{self, Fault, Held};
use crate::flow::relocate::{self, Aim, Change, Deed, Error, Left, Options, Outcome, Pyc, Rest, Why};
use crate::model::depth::Depth;
use crate::relocate::made_for::Sign;
use crate::relocate::mapping::Pair;
use crate::relocate::record::{Way, escape};

/// Moves a tree that others made to another prefix
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What changes: text, whatever its length; strings in other files, which keep their length by slashes before the new \
prefix; RPATH, interpreter and needed libraries of ELF files, which may become longer; the strings of compiled Python; \
absolute links; `#!` lines over 127 bytes or with spaces, which go through /bin/sh. A prefix counts only as whole names: \
behind it stand no letter, digit, `_ - + ~ @`, byte above 127 or `.` of a name, before it none of these and no `.`, but \
for `-L`, `-I` and their like; in other files than text a word may stand before it. Modes, owners, times, attributes, \
hard links and holes stay.

The new tree is put together beside DIR, searched again, looked at by the audit as a loader at the new place would, and \
exchanged with DIR in one step: DIR is the old tree or the new one at any moment. When a string is too short, or a \
program would load no more, or anything else cannot be changed, nothing is.

What stays and is told as a note: packed data, wide letters (UTF-16, UTF-32), debug information, names that only look \
like the prefix.

Without --from the tree is asked: a receipt or record of tagalong, conda's info/paths.json and info/has_prefix, \
bin/activate, `location` of HashDist, the token __KARABO_CI_PATH__, `#!` lines, pkg-config files. In a conda environment \
strings may grow up to the placeholder that they were made with. Without --to it is the path of DIR.

With --json one object with the keys version, outcome (planned, relocated, unchanged, refused), dir, pairs (from, to), \
relative, told_by, recorded, paths, changes (path, way, deed, offsets), left (path, offset, level, why, room, needed, \
message); with --check the keys version, dir, whole, seen (sign, path, prefix), prefixes (prefix, files, places, \
links), faults (fault, message). In paths `%` and what is no UTF-8 are %XX.")]
pub struct Arguments {
    /// The tree
    dir: PathBuf,
    /// The prefix that it was made for, a path or a token (repeatable; the longest is looked for first)
    #[arg(long, value_name = "OLD")]
    from: Vec<OsString>,
    /// The prefix that it is to have; once for all OLD, or once for each, in order
    #[arg(long, value_name = "NEW")]
    to: Vec<OsString>,
    /// Makes library paths, links, pkg-config and cmake files and scripts find the tree from their own place, so that
    /// it can be moved with `mv`
    #[arg(long, conflicts_with = "to")]
    make_relative: bool,
    /// Tells which prefix the tree was made for and whether it is whole; exits with 7 when it is not
    #[arg(long, conflicts_with_all = ["to", "make_relative", "dry_run", "leave"])]
    check: bool,
    /// Records where the prefix is; without --from the places are taken from FILE if it exists, without a search
    #[arg(long, value_name = "FILE", conflicts_with = "make_relative")]
    record: Option<PathBuf>,
    /// What happens to compiled Python that holds the prefix
    #[arg(long, value_enum, value_name = "HOW", default_value = "rewrite")]
    pyc: Compiled,
    /// Leaves what cannot be changed as it is instead of changing nothing; exits with 7 if there is any
    #[arg(long)]
    leave: bool,
    /// Tells what would be changed and what cannot be, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the outcome as JSON
    #[arg(long)]
    json: bool,
    /// How many files are worked on at once
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Compiled {
    Rewrite,
    Drop,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let jobs = arguments.jobs.unwrap_or(settings.jobs);
    let dir = settings.directory.join(&arguments.dir);
    let record = arguments.record.as_ref().map(|path| absolute(&settings.directory.join(path)));
    if arguments.check {
        let from = arguments.from.first().map(|from| prefix(from, settings)).transpose()?;
        let outcome = check::check(&check::Options { dir, from, record, jobs })?;
        return tell_check(&outcome, arguments.json);
    }
    let options = Options {
        aim: aim(&arguments, &dir, settings)?,
        dir,
        record,
        pyc: match arguments.pyc {
            Compiled::Rewrite => Pyc::Rewrite,
            Compiled::Drop => Pyc::Drop,
        },
        rest: if arguments.leave { Rest::Leave } else { Rest::Refuse },
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
        jobs,
    };
    let talk = Talk::new(settings);
    match relocate::relocate(&options, &|event| talk.tell(event)) {
        Ok(outcome) => tell(&outcome, &arguments, &talk),
        Err(Error::Refused { outcome }) => {
            if arguments.json {
                print_json(&outcome_json(&outcome, "refused"))?;
            } else if arguments.dry_run {
                print(&plan_text(&outcome))?;
            }
            Err(Error::Refused { outcome }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The path without links in its folder, which is how the tree is known too.
fn absolute(path: &Path) -> PathBuf {
    let folder = path.parent().and_then(|folder| fs_err::canonicalize(folder).ok());
    folder.zip(path.file_name()).map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
}

fn aim(arguments: &Arguments, dir: &Path, settings: &Settings) -> Result<Aim, Failure> {
    let all = |given: &[OsString]| given.iter().map(|one| prefix(one, settings)).collect::<Result<Vec<_>, Failure>>();
    let (from, mut to) = (all(&arguments.from)?, all(&arguments.to)?);
    if arguments.make_relative {
        return match from.as_slice() {
            [] | [_] => Ok(Aim::Relative(from.into_iter().next())),
            _ => Err(Failure::new(Code::Usage, "`--make-relative` takes one `--from`")
                .why("a file can find only the tree that it is in")
                .next("relocate the others first with `--from` and `--to`")),
        };
    }
    if to.is_empty() {
        to.push(absolute(&fs_err::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())).into_os_string().into_vec());
    }
    let pairs = |from: Vec<Vec<u8>>, to: Vec<Vec<u8>>| {
        Aim::Pairs(from.into_iter().zip(to).map(|(old, new)| Pair { old, new }).collect())
    };
    match (from.len(), to.len()) {
        (0, 1) => Ok(Aim::To(to.remove(0))),
        (olds, 1) => Ok(pairs(from, vec![to.remove(0); olds])),
        (olds, news) if olds == news => Ok(pairs(from, to)),
        (olds, news) => Err(Failure::new(Code::Usage, "each `--from` needs its own `--to`, or all the same one")
            .why(format!("{olds} old and {news} new prefixes were given"))
            .next("write `--from OLD --to NEW` for each")),
    }
}

/// A path made absolute; what has no slash is a token.
fn prefix(given: &OsStr, settings: &Settings) -> Result<Vec<u8>, Failure> {
    let bytes = given.as_bytes();
    if !bytes.contains(&b'/') {
        return Ok(bytes.to_vec());
    }
    let path = settings.directory.join(given);
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Failure::new(Code::Usage, format!("`{}` cannot be a prefix", given.display()))
            .why("it holds `..`")
            .next("name the folder without it"));
    }
    Ok(path.components().collect::<PathBuf>().into_os_string().into_vec())
}

fn tell(outcome: &Outcome, arguments: &Arguments, talk: &Talk) -> Result<ExitCode, Failure> {
    let stuck = outcome.left.iter().filter(|one| !one.why.is_note()).count();
    let word = match (outcome.changes.is_empty(), arguments.dry_run) {
        (true, _) => "unchanged",
        (false, true) => "planned",
        (false, false) => "relocated",
    };
    if arguments.json {
        print_json(&outcome_json(outcome, word))?;
    } else {
        if arguments.dry_run {
            print(&plan_text(outcome))?;
        } else {
            for left in &outcome.left {
                let level = if left.why.is_note() { "note" } else { "warning" };
                talk.say(&format!("{level}: {}", crate::cli::failure::on_one_line(&words::line(left))));
            }
        }
        talk.say(&summary(outcome, arguments.dry_run));
    }
    Ok(if stuck > 0 { ExitCode::from(Code::CheckFound as u8) } else { ExitCode::SUCCESS })
}

fn summary(outcome: &Outcome, is_plan: bool) -> String {
    let names = |side: fn(&Pair) -> &Vec<u8>| {
        let mut names: Vec<String> = outcome.pairs.iter().map(|pair| escape(side(pair))).collect();
        names.dedup();
        names.join(", ")
    };
    let (dir, old) = (outcome.dir.display(), names(|pair| &pair.old));
    let by = outcome.told_by.map_or(String::new(), |sign| format!(" (told by {})", sign_words(sign)));
    if outcome.changes.is_empty() {
        return format!("nothing in {dir} can be changed that names {old}{by}");
    }
    let links = outcome.changes.iter().filter(|one| one.way == Way::Link).count();
    let files = outcome.changes.len() - links;
    let counts = format!("{} of {} paths: {}", grouped(files + links), grouped(outcome.paths), counted(files, links));
    match (outcome.is_relative, is_plan) {
        (true, true) => format!("would make {dir} independent of {old}{by}: {counts}"),
        (true, false) => format!("made {dir} independent of {old}{by}: {counts}"),
        (false, true) => format!("would relocate {dir} from {old}{by} to {}: {counts}", names(|pair| &pair.new)),
        (false, false) => format!("relocated {dir} from {old}{by} to {}: {counts}", names(|pair| &pair.new)),
    }
}

fn counted(files: usize, links: usize) -> String {
    let many = |count: usize, one: &str| format!("{} {one}{}", grouped(count), if count == 1 { "" } else { "s" });
    format!("{}, {}", many(files, "file"), many(links, "link"))
}

fn sign_words(sign: Sign) -> &'static str {
    match sign {
        Sign::Receipt => "the receipt",
        Sign::Record => "the record",
        Sign::Conda => "conda",
        Sign::Virtualenv => "the virtual environment",
        Sign::HashDist => "`location` of HashDist",
        Sign::Token => "a token",
        Sign::Interpreter => "`#!` lines",
        Sign::PkgConfig => "pkg-config files",
    }
}

fn sign_name(sign: Sign) -> &'static str {
    match sign {
        Sign::Receipt => "receipt",
        Sign::Record => "record",
        Sign::Conda => "conda",
        Sign::Virtualenv => "virtualenv",
        Sign::HashDist => "hashdist",
        Sign::Token => "token",
        Sign::Interpreter => "interpreter",
        Sign::PkgConfig => "pkg-config",
    }
}

fn deed_name(deed: Deed) -> &'static str {
    match deed {
        Deed::Replaced => "replaced",
        Deed::Grown => "grown",
        Deed::Wrapped => "wrapped",
        Deed::Dropped => "dropped",
        Deed::Stamped => "stamped",
        Deed::Relative => "relative",
    }
}

fn way_name(way: Way) -> &'static str {
    match way {
        Way::Text => "text",
        Way::Script => "script",
        Way::Fixed => "fixed",
        Way::Elf => "elf",
        Way::Pyc => "pyc",
        Way::Link => "link",
    }
}

/// One line a change, and one a place that stays.
fn plan_text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for Change { path, way, deed, offsets } in &outcome.changes {
        let places = match offsets.as_slice() {
            [] => String::new(),
            [one] => format!("  byte {}", grouped(one)),
            all => format!("  {} places", grouped(all.len())),
        };
        text.push_str(&format!("{:<8}  {:<6}  {path}{places}\n", deed_name(*deed), way_name(*way)));
    }
    for left in &outcome.left {
        let level = if left.why.is_note() { "note" } else { "stays" };
        text.push_str(&format!("{level:<8}  {}\n", crate::cli::failure::on_one_line(&words::line(left))));
    }
    text
}

fn outcome_json(outcome: &Outcome, word: &str) -> Value {
    let pair = |pair: &Pair| json!({ "from": escape(&pair.old), "to": escape(&pair.new) });
    let change = |one: &Change| json!({ "path": one.path, "way": way_name(one.way), "deed": deed_name(one.deed), "offsets": one.offsets });
    json!({
        "version": 1,
        "outcome": word,
        "dir": outcome.dir.to_string_lossy(),
        "pairs": outcome.pairs.iter().map(pair).collect::<Vec<_>>(),
        "relative": outcome.is_relative,
        "told_by": outcome.told_by.map(sign_name),
        "recorded": outcome.is_recorded,
        "paths": outcome.paths,
        "changes": outcome.changes.iter().map(change).collect::<Vec<_>>(),
        "left": outcome.left.iter().map(left_json).collect::<Vec<_>>(),
    })
}

fn left_json(left: &Left) -> Value {
    let (name, room, needed) = match &left.why {
        Why::TooShort { room, needed } => ("too-short", Some(room), Some(needed)),
        Why::Elf { .. } => ("elf", None, None),
        Why::Head { .. } => ("head", None, None),
        Why::NotRelative => ("not-relative", None, None),
        Why::Packed { .. } => ("packed", None, None),
        Why::Unseen { .. } => ("unseen", None, None),
        Why::Wide => ("wide", None, None),
        Why::Escaped => ("escaped", None, None),
        Why::Doubt { .. } => ("doubt", None, None),
        Why::NotLoaded { room, needed } => ("not-loaded", Some(room), Some(needed)),
        Why::Marshal { .. } => ("marshal", None, None),
        Why::Tells => ("tells", None, None),
        Why::Stopped { .. } => ("stopped", None, None),
    };
    let level = if left.why.is_note() { "note" } else { "stuck" };
    json!({ "path": left.path, "offset": left.offset, "level": level, "why": name, "room": room, "needed": needed,
        "message": words::why(&left.why) })
}

fn tell_check(outcome: &check::Outcome, is_json: bool) -> Result<ExitCode, Failure> {
    let faults = |fault: &Fault| match fault {
        Fault::Elsewhere { prefix } => {
            ("elsewhere", format!("it was made for {prefix}, but lies at {}", outcome.dir.display()))
        }
        Fault::Mixed { prefixes } => ("mixed", format!("parts of it name different prefixes: {}", prefixes.join(", "))),
        Fault::Dangling { path, leads_to } => ("dangling", format!("{path} leads to {leads_to}, which is not there")),
        Fault::Stopped { file, what } => ("stopped", format!("the loader stops at {file}: {what}")),
        Fault::Stale { file } => ("stale", format!("{file} is not as it was recorded")),
    };
    if is_json {
        let seen = |one: &relocate::check::Sighting| json!({ "sign": sign_name(one.sign), "path": one.path, "prefix": escape(&one.prefix) });
        let held =
            |one: &Held| json!({ "prefix": one.prefix, "files": one.files, "places": one.places, "links": one.links });
        let fault = |one: &Fault| json!({ "fault": faults(one).0, "message": faults(one).1 });
        print_json(&json!({
            "version": 1,
            "dir": outcome.dir.to_string_lossy(),
            "whole": outcome.faults.is_empty(),
            "seen": outcome.seen.iter().map(seen).collect::<Vec<_>>(),
            "prefixes": outcome.prefixes.iter().map(held).collect::<Vec<_>>(),
            "faults": outcome.faults.iter().map(fault).collect::<Vec<_>>(),
        }))?;
    } else {
        let mut text = String::new();
        for one in &outcome.prefixes {
            let signs = outcome.seen.iter().filter(|seen| escape(&seen.prefix) == one.prefix);
            let mut signs: Vec<&str> = signs.map(|seen| sign_words(seen.sign)).collect();
            signs.dedup();
            let by = if signs.is_empty() { String::new() } else { format!(", told by {}", signs.join(", ")) };
            let places = grouped(one.places);
            text.push_str(&format!(
                "{}: {places} places, {}{by}\n",
                one.prefix,
                counted(one.files as usize, one.links as usize)
            ));
        }
        if outcome.prefixes.is_empty() {
            text.push_str("nothing names a prefix\n");
        }
        outcome.faults.iter().for_each(|fault| text.push_str(&format!("fault: {}\n", faults(fault).1)));
        print(&text)?;
    }
    Ok(if outcome.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Code::CheckFound as u8) })
}

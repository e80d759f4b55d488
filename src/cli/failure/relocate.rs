//! Words for `tagalong relocate`, and for the places that stay as they are.

use crate::cli::failure::{Code, Failure, list, on_one_line};
use crate::cli::talk::grouped;
use crate::flow::relocate::verify::Stopped;
use crate::flow::relocate::{Error, Left, Outcome, Why};
use crate::relocate::mapping::MappingFault;
use crate::tree::TreeError;

/// How many places a message shows.
const SHOWN: usize = 20;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match error {
            Error::NoFolder { path } => Failure::new(Code::NotFound, format!("`{}` is no folder", path.display()))
                .why("a tree to relocate is a folder that exists")
                .next("name the folder that holds `bin`, `lib` and the like"),
            Error::PrefixDir(error) => Failure::from(&error),
            Error::Tree(error) => error.into(),
            Error::Mapping(MappingFault::Old(old)) => {
                Failure::new(Code::Usage, format!("`{}` cannot be searched for", shown(&old)))
                    .why("a prefix has at least two bytes and no control characters")
                    .next("name the folder that the tree was made for after `--from`")
            }
            Error::Mapping(MappingFault::New(new)) => {
                Failure::new(Code::Usage, format!("`{}` cannot be a prefix", shown(&new)))
                    .why("a prefix has at least two bytes and no control characters")
                    .next("name the folder that the tree will be in after `--to`")
            }
            Error::Mapping(MappingFault::Twice(old)) => {
                Failure::new(Code::Usage, format!("`{}` is named twice", shown(&old)))
                    .why("an old prefix can become only one new one")
                    .next("name each old prefix once after `--from`")
            }
            Error::NotTold { dir } => {
                Failure::new(Code::NotFound, format!("`{}` does not say which prefix it was made for", dir.display()))
                    .why(
                        "it holds no receipt, no conda metadata, no virtual environment, no known token, no `#!` line \
                         and no pkg-config file with a prefix",
                    )
                    .next("name the prefix with `--from`")
            }
            Error::Several { dir, prefixes } => {
                Failure::new(Code::Ambiguous, format!("`{}` names several prefixes", dir.display()))
                    .why(format!("it names {}", list(&quoted(&prefixes))))
                    .next("name the one that is meant with `--from`; `--check` tells what names each")
            }
            Error::Refused { outcome } => refused(&outcome),
            Error::Record { path, reason } => {
                Failure::new(Code::Verification, format!("the record `{}` cannot be used", path.display()))
                    .why(reason)
                    .next("`--from` searches the tree again and writes a new record")
            }
            Error::Stale { path, file } => {
                Failure::new(Code::Verification, format!("the record `{}` is of another tree", path.display()))
                    .why(format!("{file} is not as it was recorded"))
                    .next("`--from` searches the tree again and writes a new record")
            }
            Error::SeveralRecorded { path, prefixes } => {
                Failure::new(Code::Ambiguous, format!("the record `{}` names several prefixes", path.display()))
                    .why(format!("it names {}", list(&quoted(&prefixes))))
                    .next("name each with `--from` and `--to`; the tree is searched then")
            }
            Error::Stopped { dir, files } => stopped(&dir, &files),
            Error::Audit(error) => error.into(),
            Error::NotProved { file, offset } => {
                let at = offset.map_or(String::new(), |offset| format!(" at byte {}", grouped(offset)));
                Failure::new(Code::Verification, format!("`{file}` would not be right in the new tree"))
                    .why(format!("it was searched again and holds the old prefix{at}, or cannot be read any more"))
                    .next("nothing was changed; report it with the file and the command that led here")
            }
        }
    }
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Failure {
        match error {
            TreeError::File { doing, path, source } => {
                Failure::new(Code::Internal, format!("`{}` stopped the relocation while {doing}", path.display()))
                    .why(source.to_string())
                    .next("nothing was changed; see to the file, then run it again")
            }
            TreeError::OtherDevice { path } => {
                Failure::new(Code::Usage, format!("`{}` is on another file system", path.display()))
                    .why("a tree takes the place of another one in one step, which cannot reach across file systems")
                    .next("unmount it, or relocate it alone")
            }
            TreeError::Changed { path } => {
                Failure::new(Code::Verification, format!("`{}` changed meanwhile", path.display()))
                    .why("another program works on the tree")
                    .next("nothing was changed; run it again when the other program is done")
            }
        }
    }
}

fn quoted(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

fn refused(outcome: &Outcome) -> Failure {
    let stuck: Vec<&Left> = outcome.left.iter().filter(|one| !one.why.is_note()).collect();
    let mut report: Vec<String> = stuck.iter().take(SHOWN).map(|one| line(one)).collect();
    if stuck.len() > SHOWN {
        report.push(format!("and {} more; `--json` lists all", grouped(stuck.len() - SHOWN)));
    }
    let places = if stuck.len() == 1 { "place" } else { "places" };
    let what = match outcome.is_relative {
        true => format!("{} {places} cannot be made relative", grouped(stuck.len())),
        false => format!("{} {places} cannot be changed", grouped(stuck.len())),
    };
    let failure = Failure::new(Code::CheckFound, what).report(report.join("\n"));
    let room = stuck.iter().filter_map(|one| match one.why {
        Why::TooShort { room, .. } => Some(room),
        _ => None,
    });
    let failure = match room.min() {
        Some(room) => failure
            .why(format!("the longest prefix that fits everywhere has {room} bytes"))
            .next(format!("choose a prefix of at most {room} bytes")),
        None => failure.why("each is listed above with its reason"),
    };
    failure.next("`--leave` changes everything else and leaves these; nothing was changed now")
}

fn stopped(dir: &std::path::Path, files: &[Stopped]) -> Failure {
    let mut report: Vec<String> =
        files.iter().take(SHOWN).map(|one| on_one_line(&format!("{}: {}", one.file, one.what))).collect();
    if files.len() > SHOWN {
        report.push(format!("and {} more", grouped(files.len() - SHOWN)));
    }
    let count = match files.len() {
        1 => "a file".to_owned(),
        count => format!("{} files", grouped(count)),
    };
    Failure::new(Code::Verification, format!("{count} of `{}` would load no more after the move", dir.display()))
        .report(report.join("\n"))
        .why("the audit looked at the new tree as a loader does; it found what they need before")
        .next("`--dry-run` shows each edit; `--leave` moves the tree all the same; nothing was changed now")
}

/// A place that stays, as one line.
pub fn line(left: &Left) -> String {
    match left.offset {
        Some(offset) => format!("{}: byte {}: {}", left.path, grouped(offset), why(&left.why)),
        None => format!("{}: {}", left.path, why(&left.why)),
    }
}

/// Why a place stays as it is.
pub fn why(why: &Why) -> String {
    match why {
        Why::TooShort { room, needed } => {
            format!("the string has room for a prefix of {room} bytes, the new one has {needed}")
        }
        Why::Elf { reason } => format!("the file cannot be edited: {reason}"),
        Why::Head { reason } => format!("its first line cannot be written: {reason}"),
        Why::NotRelative => "the prefix cannot be found from the place of this file".to_owned(),
        Why::Packed { member } => format!("packed data holds the prefix: {member}"),
        Why::Unseen { member, reason } => format!("packed data cannot be looked into: {member}: {reason}"),
        Why::Wide => "the prefix stands there in wide letters (UTF-16 or UTF-32)".to_owned(),
        Why::Escaped => "the prefix stands there with escaped slashes (`\\/`)".to_owned(),
        Why::Doubt { count } => {
            format!("the prefix goes on as another name, or is the end of one ({} such)", grouped(count))
        }
        Why::NotLoaded { room, needed } if room == needed => "it is debug information, which is not loaded".to_owned(),
        Why::NotLoaded { room, needed } => {
            format!("it is debug information with room for {room} bytes, the new prefix has {needed}")
        }
        Why::Marshal { fault } => format!("it was changed as other data is: {fault}"),
        Why::Stopped { what } => format!("the loader stops at it: {what}"),
        Why::Tells => "it only tells where the tree was made".to_owned(),
    }
}

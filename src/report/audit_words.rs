//! The words of an audit's findings: what, why it matters, what to do.
//!
//! Does not lay them out; `audit_text.rs`, `sarif.rs` and `junit.rs` do.

use crate::audit::problem::{Problem, Remark};
use crate::audit::traces::{TraceForm, TraceOf};

/// How many symbols are named before the rest is counted.
const NAMED: usize = 8;

/// A finding in words: lower case, no full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub what: String,
    pub why: String,
    pub next: String,
}

fn words(what: impl Into<String>, why: &str, next: impl Into<String>) -> Words {
    Words { what: what.into(), why: why.to_owned(), next: next.into() }
}

/// The words of a finding, without its file.
pub fn of(remark: &Remark) -> Words {
    let loader = |what: String, why: &str, next: String| words(what, why, next);
    match &remark.problem {
        Problem::Missing { library } => loader(
            format!("needs {library}, which is nowhere"),
            "the loader stops with an error when it is started or loaded",
            format!(
                "put {library} into the tree, or list it under `system-libraries` in `[audit]` and give its system with `--root`"
            ),
        ),
        Problem::MissingFor { library, by } => loader(
            format!("loads {by}, which needs {library}, which is nowhere"),
            "the loader stops with an error when it is started or loaded",
            format!("put {library} where {by} finds it, or audit the whole tree to see why it does not"),
        ),
        Problem::OfNeed { library, needs } => loader(
            format!("needs {library}, which is not in this package, but may be in {}", needs.join(" or ")),
            "a package alone cannot tell what those that it needs hold",
            "audit the installed prefix, which holds all of them".to_owned(),
        ),
        Problem::Luck { library, at } => loader(
            format!("needs {library}, which lies at {at}, but no library path leads there"),
            "it is found only by luck: with LD_LIBRARY_PATH set, or a system library of that name instead",
            format!("link it with an rpath from its folder to that of {at}: `tagalong elf set --add-rpath`"),
        ),
        Problem::FromSystem { library, at } => loader(
            format!("needs {library}, which is taken from the system: {at}"),
            "another system may have another version of it, or none",
            format!("put {library} into the tree, or list it under `system-libraries` in `[audit]`"),
        ),
        Problem::Outside { library, at } => loader(
            format!("needs {library}, which its library path finds outside of the tree: {at}"),
            "the folder is not there on another machine",
            "make the library path `$ORIGIN`-relative: `tagalong elf set --rpath`".to_owned(),
        ),
        Problem::Inherited { library, by } => loader(
            format!("needs {library}, which only {by} finds for it"),
            "loaded by another program it fails: DT_RPATH is inherited, and what is loaded already is taken",
            "give it a library path of its own: `tagalong elf set --add-rpath`".to_owned(),
        ),
        Problem::OnlyNewer { library, at } => loader(
            format!("needs {library}, which only newer processors find: {at}"),
            "folders of `glibc-hwcaps` are passed over on a processor of a lower level",
            format!("put a plain {library} into the folder above `glibc-hwcaps`"),
        ),
        Problem::NotALibrary { library, at } => loader(
            format!("needs {library}, but {at} is no library"),
            "the loader stops at the first file of that name",
            format!("find out what puts {at} there, and remove it"),
        ),
        Problem::Interpreter { interpreter } => loader(
            format!("asks for the loader {interpreter}, which is not one of the system's"),
            "where that file is missing the program does not start at all",
            "link it with the system's usual loader: `tagalong elf set --interpreter`".to_owned(),
        ),
        Problem::VersionMissing { version, library, at } => words(
            format!("needs version {version} of {library}, which {at} does not define"),
            "the loader refuses to start it",
            format!("link it against the {library} that it runs with, or bring a newer one"),
        ),
        Problem::SymbolMissing { symbol, library, at } => words(
            format!("needs the symbol {symbol} of {library}, which {at} does not define"),
            "it stops where the symbol is used first",
            format!("link it against the {library} that it runs with"),
        ),
        Problem::Interposed { other, example, count } => words(
            format!("defines {} that {other} defines too: {example}", symbols(*count)),
            "in one process the library that is loaded first wins for both",
            "hide what is not for others: `-fvisibility=hidden` or a version script",
        ),
        Problem::TwoSonames { one, other } => words(
            format!("loads {one} and {other}"),
            "two versions of one library in a process share names, and mix up their data",
            "build all that need it against one version",
        ),
        Problem::AboveMax { set, version, max, symbols } => words(
            format!("needs {set}_{version}, more than {set}_{max}: {}", named(symbols)),
            "it does not start on a system that is older",
            "build it on the oldest system that it is for, or without these functions",
        ),
        Problem::CpuLevel { level } => words(
            format!("needs a processor of level x86-64-v{level}"),
            "on an older one it stops with an illegal instruction, or is refused by the loader",
            "build it without `-march`, or put it beside a plain one into `glibc-hwcaps`",
        ),
        Problem::Malformed { reason } => words(
            format!("is an ELF file that cannot be read: {reason}"),
            "what loads it fails, and no check can tell about it",
            "build it anew, or remove it if nothing loads it",
        ),
        Problem::Unseen { member, reason } => words(
            format!("{}cannot be looked into: {reason}", within(member.as_ref())),
            "what is in there is not checked",
            "unpack it, or allow it with a reason in tagalong.toml",
        ),
        Problem::Trace { of, text, form, member, count } => trace(*of, text, *form, member.as_ref(), *count),
        other => hygiene(other),
    }
}

fn trace(of: TraceOf, text: &str, form: TraceForm, member: Option<&String>, count: usize) -> Words {
    let name = match of {
        TraceOf::Placeholder => text.to_owned(),
        TraceOf::Folder => format!("the build folder {text}"),
        TraceOf::Home => format!("the home folder {text}"),
        TraceOf::Ci => format!("the CI folder {text}"),
        TraceOf::User => format!("the user name {text}"),
        TraceOf::Host => format!("the host name {text}"),
    };
    let form = match form {
        TraceForm::Bytes => "",
        TraceForm::Wide16 => ", as UTF-16",
        TraceForm::Wide32 => ", as UTF-32",
        TraceForm::Percent => ", percent-encoded",
        TraceForm::Escaped => ", with escaped slashes",
        TraceForm::Split => ", split over strings",
    };
    let times = if count > 1 { format!(", {count} times") } else { String::new() };
    let what = format!("{}holds {name}{form}{times}", within(member));
    match of {
        TraceOf::Placeholder => words(
            what,
            "it is not recorded, so that no install replaces it: the path leads nowhere",
            "keep the prefix out of that file by a build option, or leave the file out",
        ),
        TraceOf::User | TraceOf::Host => words(
            what,
            "it tells about the builder, and another builder gives other bytes",
            "set it to something fixed in the build (`KBUILD_BUILD_USER`, `hostname`), or allow it",
        ),
        _ => words(
            what,
            "the path is there on the builder's machine only, and another builder gives other bytes",
            "build with `-ffile-prefix-map`, keep it out by a build option, or strip it",
        ),
    }
}

fn hygiene(problem: &Problem) -> Words {
    match problem {
        Problem::TextRelocations => words(
            "has relocations in its code (TEXTREL)",
            "its code is written to while it is loaded, which hardened systems refuse",
            "compile all of it with `-fPIC`, assembly too",
        ),
        Problem::ExecutableStack => words(
            "asks for an executable stack",
            "hardened systems refuse it, and dlopen does from glibc 2.41 on",
            "add `.section .note.GNU-stack` to its assembly, or `tagalong elf set --execstack clear`",
        ),
        Problem::WritableCode => words(
            "has a segment that is writable and executable",
            "who can write there can run code; hardened systems refuse it",
            "link it without `-N` and without a linker script that joins code and data",
        ),
        Problem::NoBuildId => words(
            "has no build id",
            "debuggers and crash reports cannot tell which build it is",
            "link it with `-Wl,--build-id`",
        ),
        Problem::WorldWritable { mode } => words(
            format!("may be written by everyone (mode {mode:04o})"),
            "any user of the machine can change what others run",
            "`chmod o-w` it",
        ),
        Problem::SetId { mode } => words(
            format!("runs as another user or group (mode {mode:04o})"),
            "a package has no business with that, and installs drop it",
            "`chmod ug-s` it",
        ),
        Problem::AbsoluteLink { aim } => words(
            format!("links to the absolute path {aim}"),
            "the link leads elsewhere once the tree lies in another folder",
            "make the link relative",
        ),
        Problem::DanglingLink { aim } => words(
            format!("links to {aim}, which is not there"),
            "whoever opens it fails",
            "remove the link, or bring what it leads to",
        ),
        Problem::Special { kind } => {
            words(format!("is a {kind}"), "it cannot be packaged", "remove it, and see what makes it")
        }
        Problem::LibraryPathInScript { line } => words(
            format!("uses LD_LIBRARY_PATH in line {line}"),
            "the variable is passed on to every program that the script starts, the system's too",
            "give the programs a library path (`tagalong elf set --rpath`), and remove the line",
        ),
        Problem::LibtoolArchive => words(
            "is a libtool archive",
            "it names absolute paths, which libtool follows in place of the linker's search",
            "remove it; nothing but libtool reads it",
        ),
        Problem::HostHeaders { folder, line } => words(
            format!("names the headers of the host in line {line}: {folder}"),
            "who builds with it gets the headers of the system in place of the tree's",
            "remove the folder from its flags",
        ),
        Problem::DuplicateSoname { soname, other } => words(
            format!("has the SONAME {soname}, as {other} has"),
            "in one process only the first one is loaded, for all that ask",
            "keep one of the two",
        ),
        Problem::CaseCollision { other } => words(
            format!("differs from {other} only in upper and lower case"),
            "on a file system that does not tell them apart one of them is lost",
            "rename one of the two",
        ),
        Problem::NoLicence { package } => words(
            package.as_ref().map_or_else(
                || "the tree holds no text of a licence".to_owned(),
                |package| format!("the package {package} holds no text of its licence"),
            ),
            "most licences ask that their text goes along with the files",
            "install the licence file, below `share/licenses`",
        ),
        Problem::UnusedAllowance { check, file } => words(
            format!("allows `{check}` for `{file}`, which nothing is found for"),
            "it would hide what comes later",
            "remove it from `[audit]`",
        ),
        // All others are worded above.
        other => words(other.check(), "", ""),
    }
}

fn within(member: Option<&String>) -> String {
    member.map_or_else(String::new, |member| format!("{member}: "))
}

fn symbols(count: usize) -> String {
    if count == 1 { "1 symbol".to_owned() } else { format!("{count} symbols") }
}

fn named(symbols: &[String]) -> String {
    let shown = symbols.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match symbols.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{shown} and {more} more"),
        None => shown,
    }
}

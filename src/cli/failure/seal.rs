//! Words for what the checks find while a package is sealed.

use crate::audit::leaks::{Leak, LeakTrace};
use crate::audit::{Fault, Finding};
use crate::builder::seal::SealError;
use crate::cli::failure::{Code, Failure};
use crate::relocate::residue::Form;

/// How many findings are shown; more would hide the first ones.
const SHOWN: usize = 20;

impl From<&SealError> for Failure {
    fn from(error: &SealError) -> Failure {
        match error {
            SealError::File { doing, path, source } => {
                Failure::new(Code::Internal, format!("`{}` cannot be used", path.display()))
                    .why(format!("{doing}: {source}"))
                    .next("check the free space and the rights there, then build again")
            }
            SealError::Findings { name, findings } => {
                let count = findings.len();
                let things = if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
                let mut report: Vec<String> = findings.iter().take(SHOWN).map(line).collect();
                if count > SHOWN {
                    report.push(format!("... and {} more", count - SHOWN));
                }
                let failure = Failure::new(Code::CheckFound, format!("{name} is not packed"))
                    .why(format!("the checks found {things}"))
                    .report(report.join("\n"));
                let mut said: Vec<String> = Vec::new();
                for next in findings.iter().map(|finding| next(&finding.fault)) {
                    if !said.contains(&next) {
                        said.push(next);
                    }
                }
                said.into_iter().fold(failure, Failure::next)
            }
        }
    }
}

/// One finding on one line: `residue: lib/libx.so: byte 1234: the build folder /build/x`.
pub fn line(finding: &Finding) -> String {
    let Finding { file, fault } = finding;
    let check = fault.check().name();
    match fault {
        Fault::Leak(leak) => {
            let member = leak.member.as_ref().map(|member| format!("{member}: ")).unwrap_or_default();
            match &leak.trace {
                LeakTrace::Unseen(reason) => format!("{check}: {file}: {member}cannot be looked into: {reason}"),
                _ => format!("{check}: {file}: {member}byte {}: {}", leak.offset, leaked(leak)),
            }
        }
        _ => format!("{check}: {file}: {}", what(fault)),
    }
}

fn leaked(leak: &Leak) -> String {
    let what = match &leak.trace {
        LeakTrace::Placeholder if leak.member.is_some() => "the placeholder, packed".to_owned(),
        LeakTrace::Placeholder => "the placeholder, not recorded".to_owned(),
        LeakTrace::Token => "the end of the placeholder without its start".to_owned(),
        LeakTrace::Head => "the start of the placeholder without its end".to_owned(),
        LeakTrace::Piece => "a piece of the placeholder".to_owned(),
        LeakTrace::Folder(folder) => format!("the build folder {folder}"),
        LeakTrace::Unseen(reason) => reason.clone(),
    };
    let form = match leak.form {
        Form::Bytes => "",
        Form::Wide16 => ", as UTF-16",
        Form::Wide32 => ", as UTF-32",
    };
    let count = if leak.count > 1 { format!(", {} times", leak.count) } else { String::new() };
    format!("{what}{form}{count}")
}

fn what(fault: &Fault) -> String {
    match fault {
        Fault::Leak(leak) => leaked(leak),
        Fault::Unreached { library, at } => {
            format!("needs {library}, which lies at {at}, but no library path leads there")
        }
        Fault::FromHost { library, at } => format!("needs {library}, which is taken from the host: {at}"),
        Fault::Missing { library } => format!("needs {library}, which is nowhere"),
        Fault::VersionMissing { version, library, at } => {
            format!("needs version {version} of {library}, which {at} does not define")
        }
        Fault::SymbolMissing { symbol, library, at } => {
            format!("needs the symbol {symbol} of {library}, which {at} does not define")
        }
        Fault::NotALibrary { library, at } => format!("needs {library}, but {at} is no library"),
        Fault::Interpreter { interpreter } => {
            format!("asks for the loader {interpreter}, which is not one of the system's")
        }
        Fault::NoRoom { path, needed, room } => {
            format!("has no room for the library path `{path}`: {needed} bytes are needed, {room} are free")
        }
        Fault::Unreadable { reason } => format!("is an ELF file that cannot be read: {reason}"),
        Fault::LinkOutside { link } => format!("links to {link}, out of the package"),
        Fault::Special { kind } => format!("is a {kind}"),
        Fault::SetId => "would run as another user".to_owned(),
        Fault::Name => "has a name that cannot stand in a package".to_owned(),
    }
}

fn next(fault: &Fault) -> String {
    match fault {
        Fault::Leak(leak) => match &leak.trace {
            LeakTrace::Folder(_) => {
                "keep the build folder out of what is installed (`-ffile-prefix-map`, a build \
                option), or list the file under `exclude`"
            }
            LeakTrace::Placeholder if leak.member.is_some() => "install the file unpacked, or list it under `exclude`",
            LeakTrace::Piece | LeakTrace::Token | LeakTrace::Head => {
                "where gcc cut a long string into constants, compile that file with `-Os` or \
                `-mtune-ctrl=^sse_unaligned_load_optimal`; else keep the prefix out of it by a build option, or list \
                it under `exclude`"
            }
            LeakTrace::Placeholder | LeakTrace::Unseen(_) => {
                "keep the prefix out of that file by a build option, or list it under `exclude`"
            }
        }
        .to_owned(),
        Fault::Unreached { .. } => "link with `-Wl,-rpath` for the folder of that library (`LD_RUN_PATH` is set to \
            `lib` in a build; a script that calls the linker with an rpath of its own overrides it)"
            .to_owned(),
        Fault::FromHost { .. } | Fault::Missing { .. } => "add the recipe that has the library to `needs`, or, if the \
            system is to give it, list it under `system-libraries` in `[build]`"
            .to_owned(),
        Fault::VersionMissing { .. } | Fault::SymbolMissing { .. } => "link it against the library that it will run \
            with (an older one lies in the way of the linker), or take the finding with `[[audit.allow]]` in the recipe"
            .to_owned(),
        Fault::NotALibrary { .. } => "find out what installs that file, and list it under `exclude`".to_owned(),
        Fault::Interpreter { .. } => "link the program with the system's usual loader".to_owned(),
        Fault::NoRoom { .. } => "link it with a longer `-Wl,-rpath`: what it has now shares its bytes".to_owned(),
        Fault::Unreadable { .. } => "list the file under `exclude` if nothing loads it".to_owned(),
        Fault::LinkOutside { .. } | Fault::Special { .. } | Fault::SetId | Fault::Name => {
            "keep it from being installed, or list it under `exclude`".to_owned()
        }
    }
}

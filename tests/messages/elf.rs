//! Messages of `tagalong elf`, and of files that are replaced.

use tagalong::flow::{elf_edit, elf_loads, elf_show};
use tagalong::host::HostError;
use tagalong::relocate::elf::Facts;
use tagalong::relocate::elf::edit::EditFault;
use tagalong::rewrite::RewriteError;

use crate::facts::{full_words, path};
use crate::told::{Told, by_value};

fn rewrite() -> Vec<RewriteError> {
    let program = || path("/opt/demo/bin/demo");
    vec![
        RewriteError::Absent { path: program() },
        RewriteError::NotAFile { path: path("/opt/demo/bin") },
        RewriteError::Unreadable { path: program(), reason: "Permission denied (os error 13)".to_owned() },
        RewriteError::Unwritable { path: program(), reason: full_words() },
        RewriteError::HardLinks { path: program(), count: 3 },
    ]
}

fn edits() -> Vec<EditFault> {
    let unsound = Facts::read(b"\x7fELF").expect_err("it is cut short");
    vec![
        EditFault::Elf(unsound),
        EditFault::NotLinked { kind: 1 },
        EditFault::NotLinked { kind: 4 },
        EditFault::Static,
        EditFault::StaticPie,
        EditFault::DebugFile,
        EditFault::BytesBehind { count: 190_112 },
        EditFault::Loader,
        EditFault::NoInterpreter,
        EditFault::NoHeaderRoom,
        EditFault::TooManyZeros { count: 2_147_483_648 },
        EditFault::NoGrowth { reason: "another one shares its end in the file".to_owned() },
        EditFault::Rename { reason: "its relocations are packed".to_owned() },
        EditFault::Damages { what: "a dynamic entry".to_owned() },
    ]
}

pub fn elf() -> Vec<Told> {
    let program = || path("/opt/demo/bin/demo");
    let unsound = || Facts::read(b"\x7fELF").expect_err("it is cut short");
    let mut told = by_value("rewrite", rewrite());
    let mut set: Vec<_> = edits().into_iter().map(|fault| elf_edit::Error::Edit { path: program(), fault }).collect();
    set.push(elf_edit::Error::NotElf { path: path("/opt/demo/bin/demo.sh") });
    set.push(elf_edit::Error::Rewrite(RewriteError::Absent { path: program() }));
    told.extend(by_value("elf_edit", set));
    told.extend(by_value(
        "elf_show",
        vec![
            elf_show::Error::Rewrite(RewriteError::Absent { path: program() }),
            elf_show::Error::NotElf { path: path("/opt/demo/bin/demo.sh") },
            elf_show::Error::Unsound { path: program(), fault: EditFault::Elf(unsound()) },
            elf_show::Error::NoInterpreter { path: path("/opt/demo/lib/libdemo.so") },
            elf_show::Error::NotDynamic { path: program() },
        ],
    ));
    told.extend(by_value(
        "elf_loads",
        vec![
            elf_loads::Error::Root(HostError::NoOsRelease { root: path("/") }),
            elf_loads::Error::Rewrite(RewriteError::Absent { path: program() }),
            elf_loads::Error::NotElf { path: path("/opt/demo/bin/demo.sh") },
            elf_loads::Error::Unsound { path: program(), fault: unsound() },
            elf_loads::Error::NotDynamic { path: program() },
        ],
    ));
    told
}

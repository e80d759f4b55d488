//! Words for `tagalong elf`, and for files that are replaced.

use std::path::Path;

use crate::cli::failure::{Code, Failure};
use crate::flow::{elf_edit, elf_loads, elf_show};
use crate::relocate::elf::edit::EditFault;
use crate::rewrite::RewriteError;

impl From<RewriteError> for Failure {
    fn from(error: RewriteError) -> Failure {
        match error {
            RewriteError::Absent { path } => {
                Failure::new(Code::NotFound, format!("`{}` does not exist", path.display()))
                    .why("nothing lies at that path, or it is a link to nothing")
                    .next("check the path; a relative one counts from the working directory, or from `-C`")
            }
            RewriteError::NotAFile { path } => {
                Failure::new(Code::Usage, format!("`{}` is no regular file", path.display()))
                    .why("it is a folder, a device or a pipe")
                    .next("name the files in it one by one")
            }
            RewriteError::Unreadable { path, reason } => {
                Failure::new(Code::Internal, format!("`{}` cannot be read", path.display()))
                    .why(reason)
                    .next("check the permissions of the file and of the folders that lead to it")
            }
            RewriteError::Unwritable { path, reason } => {
                Failure::new(Code::Internal, format!("`{}` cannot be written", path.display()))
                    .why(reason)
                    .next("the file is as it was; check the permissions of its folder and the space left on its disk")
            }
            RewriteError::HardLinks { path, count } => {
                Failure::new(Code::Usage, format!("`{}` is left as it is", path.display()))
                    .why(format!("it has {count} names, and the others would go on leading to the old file"))
                    .next("`--hard-links keep` changes it under all names, `--hard-links split` under this one only")
            }
        }
    }
}

impl From<elf_edit::Error> for Failure {
    fn from(error: elf_edit::Error) -> Failure {
        match error {
            elf_edit::Error::Rewrite(error) => error.into(),
            elf_edit::Error::NotElf { path } => not_elf(&path),
            elf_edit::Error::Edit { path, fault } => edit(&path, fault),
        }
    }
}

impl From<elf_show::Error> for Failure {
    fn from(error: elf_show::Error) -> Failure {
        match error {
            elf_show::Error::Rewrite(error) => error.into(),
            elf_show::Error::NotElf { path } => not_elf(&path),
            elf_show::Error::Unsound { path, fault } => unsound(&path, fault.to_string()),
            elf_show::Error::NoInterpreter { path } => {
                Failure::new(Code::NotFound, format!("`{}` has no interpreter", path.display()))
                    .why("only programs that are linked dynamically ask for a loader (PT_INTERP)")
                    .next("`tagalong elf show` tells what it has")
            }
            elf_show::Error::NotDynamic { path } => not_dynamic(&path),
        }
    }
}

impl From<elf_loads::Error> for Failure {
    fn from(error: elf_loads::Error) -> Failure {
        match error {
            elf_loads::Error::Root(error) => error.into(),
            elf_loads::Error::Rewrite(error) => error.into(),
            elf_loads::Error::NotElf { path } => not_elf(&path),
            elf_loads::Error::Unsound { path, fault } => unsound(&path, fault.reason),
            elf_loads::Error::NotDynamic { path } => not_dynamic(&path),
        }
    }
}

fn not_elf(path: &Path) -> Failure {
    Failure::new(Code::Usage, format!("`{}` is no ELF file", path.display()))
        .why("it does not start with the four bytes of one")
        .next("name programs and shared libraries only")
}

fn unsound(path: &Path, reason: String) -> Failure {
    Failure::new(Code::Verification, format!("`{}` is no sound ELF file", path.display()))
        .why(reason)
        .next("get the file anew: it was cut short or damaged")
}

fn not_dynamic(path: &Path) -> Failure {
    Failure::new(Code::Usage, format!("`{}` is not linked dynamically", path.display()))
        .why("it has no dynamic section, so no loader reads it")
        .next("`tagalong elf show` tells what it has")
}

fn edit(path: &Path, fault: EditFault) -> Failure {
    let left = |why: String| Failure::new(Code::Usage, format!("`{}` is left as it is", path.display())).why(why);
    match fault {
        EditFault::Elf(fault) => unsound(path, fault.reason),
        EditFault::NotLinked { kind: 1 } => left("it is an object for the linker, which no loader reads".to_owned())
            .next("edit the program or library that is linked from it"),
        EditFault::NotLinked { kind } => {
            left(format!("it is neither a program nor a shared library, but of type {kind} (`e_type`)"))
                .next("name programs and shared libraries only")
        }
        EditFault::Static => left("it is linked statically: it has no dynamic section".to_owned())
            .next("no loader reads it, so there is nothing that an edit could tell one"),
        EditFault::StaticPie => left("it is linked statically and moves itself at its start (static-pie)".to_owned())
            .next("link it with `-pie` instead of `-static-pie`; it would crash after an edit"),
        EditFault::DebugFile => left("it holds only debug information: its loaded sections have no bytes".to_owned())
            .next("edit the file that it was taken from"),
        EditFault::BytesBehind { count } => left(format!("{count} bytes lie behind its last section"))
            .next("edit the program before data is put behind it, as AppImages and self-extracting archives do"),
        EditFault::Loader => left("it is the loader itself, which does not start with a library path".to_owned())
            .next("set the library path of the programs and libraries that it loads"),
        EditFault::NoInterpreter => left("it has no interpreter that could be replaced".to_owned())
            .next("only programs that are linked dynamically have one"),
        EditFault::NoHeaderRoom => left("it has no PT_GNU_STACK, and no room for another program header".to_owned())
            .next("link it again with `-z noexecstack` or `-z execstack`"),
        EditFault::TooManyZeros { count } => left(format!(
            "it ends in {count} bytes of zeros that would have to become part of the file (.bss), and has no room for \
             another program header"
        ))
        .next("link it again with the new values, or use values that are no longer than the old ones"),
        EditFault::NoGrowth { reason } => left(format!("its last segment cannot be made longer: {reason}"))
            .next("link it again with the new values, or use values that are no longer than the old ones"),
        EditFault::Rename { reason } => left(format!("its symbols cannot be renamed: {reason}"))
            .next("rename them where they are compiled, or with a version script of the linker"),
        EditFault::Damages { what } => {
            Failure::new(Code::Verification, format!("`{}` is left as it is", path.display()))
                .why(format!("{what} would change that nobody asked for"))
                .next("report it with the file and the command that led here")
        }
    }
}

//! Turns what is left of the build in a file into leaks, by name.
//!
//! Does not search; `relocate/residue.rs` does.

use crate::relocate::residue::{Form, Residue, Trace};

/// A trace of the place where a file was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    pub trace: LeakTrace,
    pub form: Form,
    /// The first place, from the start of the file, or of the member if there is one.
    pub offset: u64,
    /// How many there are.
    pub count: usize,
    /// The packed member that holds it: a name in a zip, the section of an ELF file.
    pub member: Option<String>,
}

/// What the trace is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeakTrace {
    /// A whole placeholder where it cannot be replaced.
    Placeholder,
    /// The last name of the placeholder alone.
    Token,
    /// The head of a placeholder that was cut short.
    Head,
    /// The compiler has cut a string with the placeholder into constants.
    Piece,
    /// A folder of the build.
    Folder(String),
    /// Packed data that could not be looked into, and why.
    Unseen(String),
}

impl Leak {
    /// Names a residue; `folders` is the list that was searched for.
    pub fn of(residue: Residue, folders: &[Vec<u8>], member: Option<&str>) -> Leak {
        let trace = match residue.trace {
            Trace::Placeholder => LeakTrace::Placeholder,
            Trace::Token => LeakTrace::Token,
            Trace::Head => LeakTrace::Head,
            Trace::Piece => LeakTrace::Piece,
            Trace::Folder(place) => {
                LeakTrace::Folder(folders.get(place).map(|one| String::from_utf8_lossy(one).into()).unwrap_or_default())
            }
        };
        let member = member.map(str::to_owned);
        Leak { trace, form: residue.form, offset: residue.offset, count: residue.count, member }
    }

    /// A packed member that could not be looked into.
    pub fn unseen(member: &str, reason: String) -> Leak {
        let trace = LeakTrace::Unseen(reason);
        Leak { trace, form: Form::Bytes, offset: 0, count: 1, member: Some(member.to_owned()) }
    }
}

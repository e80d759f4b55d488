//! Edits an ELF file: library path, needed libraries, names, flags; all edits of one call are one rewrite.
//!
//! ```text
//! bytes -> Image -refuse-> Draft -edits-> entries and names -strings: reuse, in place, else behind the last
//! PT_LOAD, which is made longer, or gets a neighbour if it ends in a huge .bss-> bytes
//! -proof: read again, nothing else changed-> bytes
//! ```
//! Pure: bytes in, bytes out. What lies in folders is told through [`Folders`].

mod draft;
mod fault;
mod form;
mod grow;
mod headers;
mod image;
mod os_abi;
mod proof;
mod rename;
mod report;
mod room;
mod rpath;
mod strings;
mod table;

pub use crate::relocate::elf::edit::fault::EditFault;
pub use crate::relocate::elf::edit::os_abi::OsAbi;
pub use crate::relocate::elf::edit::report::{DynamicLine, Execstack, Note, Property, Report, SegmentLine};

use crate::relocate::elf::edit::draft::Draft;

/// All edits of one call; the default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub os_abi: Option<OsAbi>,
    /// Only for libraries; a program is left alone.
    pub soname: Option<Vec<u8>>,
    pub interpreter: Option<Vec<u8>>,
    /// Whether the stack may be executed.
    pub execstack: Option<bool>,
    pub rpath: Option<RpathEdit>,
    /// The tag of the library path; without one the file's own is kept, and DT_RUNPATH made where there is none.
    pub rpath_tag: Option<RpathTag>,
    pub remove_needed: Vec<Vec<u8>>,
    /// Old and new names.
    pub replace_needed: Vec<(Vec<u8>, Vec<u8>)>,
    pub add_needed: Vec<Vec<u8>>,
    /// Symbols that shall not ask for a version.
    pub clear_versions: Vec<Vec<u8>>,
    pub no_default_lib: bool,
    pub debug_tag: bool,
    /// Old and new names.
    pub rename_symbols: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes; what moves in the file moves by a multiple of it.
    pub page_size: Option<u64>,
    /// Leaves old strings that nothing uses any more as they are, instead of overwriting them.
    pub keep_old_strings: bool,
}

/// What happens to the library path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RpathEdit {
    Set(Vec<u8>),
    Add(Vec<u8>),
    Remove,
    /// Drops absolute folders that hold no needed library, and those that start with none of the prefixes, if any.
    Shrink(Vec<Vec<u8>>),
}

/// The tag of a library path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RpathTag {
    Rpath,
    Runpath,
}

/// What lies in folders, as far as shrinking a library path must know.
pub trait Folders {
    /// Whether `folder` holds a file `name` for this machine (`e_machine`).
    fn holds(&self, folder: &[u8], name: &[u8], machine: u16) -> bool;
}

/// Applies all edits; `None` when the file is already as wanted.
///
/// # Errors
/// [`EditFault`]: the file cannot be edited, or something else would change.
pub fn apply(original: &[u8], edit: &Edit, folders: &dyn Folders) -> Result<Option<Vec<u8>>, EditFault> {
    let mut draft = Draft::read(original)?;
    draft.set_os_abi(edit);
    draft.set_soname(edit);
    draft.set_interpreter(edit)?;
    draft.set_execstack(edit);
    rpath::edit(&mut draft, edit, folders)?;
    draft.edit_needed(edit)?;
    draft.clear_versions(edit)?;
    draft.set_flags(edit);
    rename::rename(&mut draft, &edit.rename_symbols)?;
    let expected = draft.expected()?;
    let bytes = draft.write(edit)?;
    if bytes == original {
        return Ok(None);
    }
    proof::prove(original, &bytes, &expected)?;
    Ok(Some(bytes))
}

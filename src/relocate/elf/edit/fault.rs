//! Why an ELF file is not edited, and the check for the kinds that never are.
//!
//! The words for the user stand in `cli/failure/elf.rs`.

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::image::{Image, Section, section, segment};
use crate::relocate::elf::layout::{Layout, tags};

/// Why a file was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    #[error(transparent)]
    Elf(#[from] ElfFault),
    /// An object for the linker, or a memory image (`e_type`).
    #[error("it is neither a program nor a shared library")]
    NotLinked { kind: u16 },
    #[error("it is linked statically")]
    Static,
    /// It moves itself at its start and knows where its parts lie.
    #[error("it is linked statically and moves itself")]
    StaticPie,
    #[error("it holds only debug information")]
    DebugFile,
    /// Something that finds itself by its distance from the end of the file would be lost.
    #[error("{count} bytes lie behind its last section")]
    BytesBehind { count: u64 },
    /// It would not start with a library path.
    #[error("it is the loader itself")]
    Loader,
    #[error("it has no interpreter")]
    NoInterpreter,
    /// There is no place for another program header.
    #[error("there is no room for another program header")]
    NoHeaderRoom,
    /// The last segment ends in so many zeros that only the kernel makes (`.bss`), and no program header can be added.
    #[error("it ends in {count} zeros, and has no room for another program header")]
    TooManyZeros { count: u64 },
    /// The last segment cannot be made longer.
    #[error("its last segment cannot be made longer: {reason}")]
    NoGrowth { reason: String },
    /// A symbol that was to be renamed is not there.
    #[error("it cannot rename its symbols: {reason}")]
    Rename { reason: String },
    /// Something would have changed that nobody asked for.
    #[error("{what} would change")]
    Damages { what: String },
}

/// Refuses what cannot be edited without breaking it.
pub fn refuse(image: &Image<'_>, layout: &Layout<'_>) -> Result<(), EditFault> {
    if !matches!(image.kind, 2 | 3) {
        return Err(EditFault::NotLinked { kind: image.kind });
    }
    if is_debug_file(image) {
        return Err(EditFault::DebugFile);
    }
    let has_interpreter = image.segment(segment::INTERP).is_some();
    if image.segment(segment::DYNAMIC).is_none() {
        return Err(EditFault::Static);
    }
    if !layout.has_dynamic() {
        return Err(ElfFault::new("its dynamic section cannot be read").into());
    }
    // DF_1_PIE; older linkers do not set it, but a program without libraries has no strings either.
    let is_pie = layout.value(tags::FLAGS_1).is_some_and(|flags| flags & 0x0800_0000 != 0);
    let is_mute = layout.value(tags::STRSZ).is_none_or(|size| size <= 1)
        && layout.value(tags::SONAME).is_none()
        && image.form.word(&image.bytes, 24)? != 0;
    if !has_interpreter && (is_pie || is_mute) {
        return Err(EditFault::StaticPie);
    }
    let end = image
        .sections
        .iter()
        .filter(|one| one.is_in_file())
        .map(|one| one.offset.saturating_add(one.size))
        .chain(image.segments.iter().map(|one| one.offset.saturating_add(one.in_file)))
        .chain([image.sections_end(), image.segments_end()])
        .max()
        .unwrap_or(0);
    let behind = usize::try_from(end).ok().and_then(|end| image.bytes.get(end..)).unwrap_or_default();
    // Without section headers nobody knows where they end; what is there stays behind the last segment. Zeros hold
    // nothing: linkers align files with them.
    if !image.sections.is_empty() && behind.iter().any(|&byte| byte != 0) {
        return Err(EditFault::BytesBehind { count: behind.len() as u64 });
    }
    Ok(())
}

/// A detached file keeps the headers, but its loaded sections have no bytes.
fn is_debug_file(image: &Image<'_>) -> bool {
    let loaded = |one: &&Section| one.is_loaded() && one.flags & section::TLS == 0 && one.size > 0;
    let is_empty = |one: &Section| one.kind == section::NOBITS || one.kind == 7;
    let has_dynamic = image.sections.iter().any(|one| one.kind == section::DYNAMIC);
    let mut all = image.sections.iter().filter(loaded).peekable();
    all.peek().is_some() && !has_dynamic && all.all(is_empty)
}

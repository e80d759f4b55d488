//! The names that a shared library offers to others (elf(5): defined, global or weak, visible dynamic symbols).
//!
//! Does not compare them (`compare.rs`).

use std::collections::BTreeSet;

use goblin::elf::Elf;
use goblin::elf::sym::{STB_GLOBAL, STB_WEAK, STV_DEFAULT, STV_PROTECTED};

use crate::relocate::elf::ElfFault;

/// Symbol type and binding values of elf.h that goblin has under other names: GNU's unique binding.
const STB_GNU_UNIQUE: u8 = 10;

/// Reads the exported names.
///
/// # Errors
/// [`ElfFault`] when the tables lie outside of the file.
pub fn read(bytes: &[u8]) -> Result<BTreeSet<String>, ElfFault> {
    let elf = Elf::parse(bytes)?;
    let is_offered = |symbol: &goblin::elf::Sym| {
        symbol.st_shndx != 0
            && [STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE].contains(&symbol.st_bind())
            && [STV_DEFAULT, STV_PROTECTED].contains(&symbol.st_visibility())
    };
    let offered = elf.dynsyms.iter().filter(is_offered);
    Ok(offered
        .filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

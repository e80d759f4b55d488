//! A file being edited: its dynamic entries and names as they shall be, before anything is written.
//!
//! Finding room for new strings is in `strings.rs`, writing in `grow.rs`.

use std::collections::BTreeMap;

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::fault::refuse;
use crate::relocate::elf::edit::image::{Image, Section, section, segment};
use crate::relocate::elf::edit::proof::Content;
use crate::relocate::elf::edit::{Edit, EditFault};
use crate::relocate::elf::layout::{Layout, tags};

/// DT_DEBUG and DT_VERSYM.
const DEBUG: u64 = 21;
pub const VERSYM: u64 = 0x6fff_fff0;

/// The value of something that names a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// A number, or an offset into the strings that are there.
    Old(u64),
    New(Vec<u8>),
}

/// A dynamic entry as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub tag: u64,
    pub text: Text,
    /// Its number in the old table.
    pub slot: Option<usize>,
}

/// The file.
pub struct Draft<'a> {
    pub image: Image<'a>,
    pub entries: Vec<Entry>,
    /// Entries of the old table before its DT_NULL.
    pub old_count: usize,
    /// Offsets of the names of all dynamic symbols, in their order, with new names by number.
    pub symbols: Vec<u32>,
    pub new_symbols: BTreeMap<usize, Vec<u8>>,
    /// Where the file names of the versions needed stand in the file, and what they name.
    pub version_files: Vec<(usize, Text)>,
    /// The names of all versions: offsets into the strings.
    pub versions: Vec<u64>,
    /// Offsets of strings that something named before.
    pub released: Vec<u64>,
    pub interpreter: Option<Vec<u8>>,
    pub strings_at: usize,
    pub strings_size: usize,
    /// The flags of a PT_GNU_STACK that is to be added.
    pub new_stack: Option<u32>,
    /// The most bytes that all names of a sound file have together.
    pub most_text: usize,
    /// Whether something beyond the dynamic section uses its strings: section names, other tables of symbols.
    pub shares_strings: bool,
    pub expected: Content,
    is_program: bool,
}

impl<'a> Draft<'a> {
    /// Reads a file that can be edited.
    pub fn read(original: &'a [u8]) -> Result<Draft<'a>, EditFault> {
        let image = Image::read(original)?;
        // Before anything else is read: objects may lack the rest.
        if !matches!(image.kind, 2 | 3) {
            return Err(EditFault::NotLinked { kind: image.kind });
        }
        let layout = Layout::read(original)?;
        refuse(&image, &layout)?;
        let entry = |(slot, one): (usize, &crate::relocate::elf::layout::DynamicEntry)| Entry {
            tag: one.tag,
            text: Text::Old(one.value),
            slot: Some(slot),
        };
        let entries = layout.entries().iter().take_while(|one| one.tag != tags::NULL).enumerate().map(entry);
        let entries: Vec<Entry> = entries.collect();
        let strings = layout.strings();
        let mut draft = Draft {
            old_count: entries.len(),
            entries,
            symbols: layout.symbol_names()?,
            new_symbols: BTreeMap::new(),
            version_files: Vec::new(),
            versions: layout.versions_defined()?.into_iter().map(u64::from).collect(),
            released: Vec::new(),
            interpreter: None,
            new_stack: None,
            most_text: layout.most_text(),
            shares_strings: shares_strings(&image, layout.value(tags::STRTAB))?,
            strings_at: strings.start,
            strings_size: strings.len(),
            expected: Content::of(&image, &layout)?,
            // DF_1_PIE marks programs that can lie at any address.
            is_program: image.kind == 2 || layout.value(tags::FLAGS_1).is_some_and(|flags| flags & 0x0800_0000 != 0),
            image,
        };
        for need in layout.versions_needed()? {
            draft.versions.extend(need.names.iter().map(|name| u64::from(*name)));
            draft.version_files.push((need.at + 4, Text::Old(u64::from(need.library))));
        }
        Ok(draft)
    }

    /// All strings.
    pub fn strings(&self) -> &[u8] {
        &self.image.bytes[self.strings_at..self.strings_at + self.strings_size]
    }

    /// The string at an offset.
    pub fn string(&self, offset: u64) -> Result<&[u8], ElfFault> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.strings().get(offset..));
        let rest = rest.ok_or_else(|| ElfFault::new(format!("the string {offset:#x} lies outside of its strings")))?;
        let end = memchr::memchr(0, rest).ok_or_else(|| ElfFault::new("a string has no end"))?;
        Ok(&rest[..end])
    }

    /// The string that an entry names.
    pub fn text(&self, entry: &Entry) -> Result<Vec<u8>, ElfFault> {
        match &entry.text {
            Text::Old(offset) => self.string(*offset).map(<[u8]>::to_vec),
            Text::New(text) => Ok(text.clone()),
        }
    }

    /// The strings of all entries with a tag.
    pub fn texts(&self, tag: u64) -> Result<Vec<Vec<u8>>, ElfFault> {
        self.entries.iter().filter(|entry| entry.tag == tag).map(|entry| self.text(entry)).collect()
    }

    /// The value of the last entry with a tag.
    pub fn value(&self, tag: u64) -> Option<u64> {
        self.entries.iter().rev().find(|entry| entry.tag == tag).and_then(|entry| match entry.text {
            Text::Old(value) => Some(value),
            Text::New(_) => None,
        })
    }

    pub fn add_entry(&mut self, tag: u64, text: Text) {
        self.entries.push(Entry { tag, text, slot: None });
    }

    /// Gives an entry another string.
    pub fn replace(&mut self, number: usize, text: Text) {
        if let Text::Old(offset) = std::mem::replace(&mut self.entries[number].text, text) {
            self.released.push(offset);
        }
    }

    /// Removes entries that name strings.
    pub fn drop_entries(&mut self, is_gone: impl Fn(&Entry) -> bool) {
        let released = &mut self.released;
        self.entries.retain(|entry| {
            let is_gone = is_gone(entry);
            if let (true, Text::Old(offset)) = (is_gone, &entry.text) {
                released.push(*offset);
            }
            !is_gone
        });
    }

    pub fn set_os_abi(&mut self, edit: &Edit) {
        if let Some(abi) = edit.os_abi {
            self.image.bytes.to_mut()[7] = abi.0;
            self.expected.os_abi = abi.0;
        }
    }

    pub fn set_soname(&mut self, edit: &Edit) {
        let Some(soname) = edit.soname.as_ref().filter(|_| !self.is_program) else { return };
        match self.entries.iter().position(|entry| entry.tag == tags::SONAME) {
            Some(number) if self.text(&self.entries[number]).as_ref() == Ok(soname) => {}
            Some(number) => self.replace(number, Text::New(soname.clone())),
            None => self.add_entry(tags::SONAME, Text::New(soname.clone())),
        }
    }

    pub fn set_interpreter(&mut self, edit: &Edit) -> Result<(), EditFault> {
        let Some(wanted) = &edit.interpreter else { return Ok(()) };
        let interpreter = self.image.segment(segment::INTERP).ok_or(EditFault::NoInterpreter)?;
        let old = self.image.part(interpreter.offset, interpreter.in_file);
        let old = old.ok_or_else(|| ElfFault::new("its interpreter lies outside of it"))?;
        if old.split(|byte| *byte == 0).next() != Some(wanted) {
            self.interpreter = Some(wanted.clone());
            self.expected.interpreter = Some(wanted.clone());
        }
        Ok(())
    }

    pub fn set_execstack(&mut self, edit: &Edit) {
        let Some(is_executable) = edit.execstack else { return };
        let flags = |old: u32| if is_executable { old | segment::EXECUTE } else { old & !segment::EXECUTE };
        match self.image.segments.iter_mut().find(|one| one.kind == segment::GNU_STACK) {
            Some(stack) => stack.flags = flags(stack.flags),
            None => self.new_stack = Some(flags(segment::READ | segment::WRITE)),
        }
        self.expected.execstack = Some(is_executable);
    }

    pub fn edit_needed(&mut self, edit: &Edit) -> Result<(), EditFault> {
        let mut gone = Vec::new();
        for number in 0..self.entries.len() {
            if self.entries[number].tag != tags::NEEDED {
                continue;
            }
            let name = self.text(&self.entries[number])?;
            if edit.remove_needed.contains(&name) {
                gone.push(self.entries[number].slot);
            } else if let Some((_, new)) = edit.replace_needed.iter().find(|(old, new)| *old == name && old != new) {
                self.replace(number, Text::New(new.clone()));
            }
        }
        self.drop_entries(|entry| gone.contains(&entry.slot));
        if !edit.replace_needed.is_empty() {
            for number in 0..self.version_files.len() {
                let Text::Old(offset) = self.version_files[number].1 else { continue };
                let name = self.string(offset)?;
                if let Some((_, new)) = edit.replace_needed.iter().find(|(old, new)| old == name && old != new) {
                    self.version_files[number].1 = Text::New(new.clone());
                    self.released.push(offset);
                    let (old, new) = (self.string(offset)?.to_vec(), new.clone());
                    self.expected.replace_version_file(&old, &new);
                }
            }
        }
        let present = self.texts(tags::NEEDED)?;
        let mut names: Vec<&Vec<u8>> = edit.add_needed.iter().filter(|name| !present.contains(name)).collect();
        let mut seen = Vec::new();
        names.retain(|name| {
            !seen.contains(name) && {
                seen.push(name);
                true
            }
        });
        let first = self.entries.iter().position(|entry| entry.tag == tags::NEEDED).unwrap_or(0);
        for (number, name) in names.into_iter().enumerate() {
            let entry = Entry { tag: tags::NEEDED, text: Text::New(name.clone()), slot: None };
            self.entries.insert(first + number, entry);
        }
        Ok(())
    }

    pub fn clear_versions(&mut self, edit: &Edit) -> Result<(), EditFault> {
        let Some(table) = self.value(VERSYM).filter(|_| !edit.clear_versions.is_empty()) else { return Ok(()) };
        let table = self.image.offset_of(table)?;
        let wanted: Vec<Vec<u8>> = edit.clear_versions.iter().map(|name| [name.as_slice(), b"\0"].concat()).collect();
        for number in 0..self.symbols.len() {
            let name = self.strings().get(self.symbols[number] as usize..).unwrap_or_default();
            if wanted.iter().any(|wanted| name.starts_with(wanted)) {
                // VER_NDX_GLOBAL.
                let at = table.saturating_add(2 * number);
                self.image.form.put_u16(self.image.bytes.to_mut(), at, 1)?;
                self.expected.clear_version(number);
            }
        }
        Ok(())
    }

    pub fn set_flags(&mut self, edit: &Edit) {
        if edit.no_default_lib {
            match self.entries.iter_mut().find(|entry| entry.tag == tags::FLAGS_1) {
                Some(Entry { text: Text::Old(value), .. }) => *value |= tags::DF_1_NODEFLIB,
                _ => self.add_entry(tags::FLAGS_1, Text::Old(tags::DF_1_NODEFLIB)),
            }
        }
        if edit.debug_tag && self.value(DEBUG).is_none() {
            self.add_entry(DEBUG, Text::Old(0));
        }
    }

    /// What the file shall say when it is read again.
    pub fn expected(&mut self) -> Result<Content, EditFault> {
        let mut expected = self.expected.clone();
        expected.entries.clear();
        for entry in &self.entries {
            let line = match &entry.text {
                Text::New(text) => (entry.tag, 0, text.clone()),
                Text::Old(_) if tags::STRINGS.contains(&entry.tag) => (entry.tag, 0, self.text(entry)?),
                Text::Old(value) => (entry.tag, Content::stable_value(entry.tag, *value), Vec::new()),
            };
            expected.entries.push(line);
        }
        Ok(expected)
    }
}

fn shares_strings(image: &Image<'_>, address: Option<u64>) -> Result<bool, ElfFault> {
    let is_table = |one: &Section| one.kind == section::STRTAB && one.is_loaded() && Some(one.address) == address;
    let Some(number) = image.sections.iter().position(is_table) else { return Ok(false) };
    // `e_shstrndx`.
    let of_names = image.form.u16(&image.bytes, image.form.pick(62, 50))?;
    let is_other = |one: &Section| one.link as usize == number && !one.is_loaded();
    Ok(usize::from(of_names) == number || image.sections.iter().any(is_other))
}

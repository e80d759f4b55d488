//! Decides for each file of a tree that is to be moved with `mv` how it finds the tree from its own place.
//!
//! What the new texts are knows `relocate/relative/`.

use crate::flow::relocate::plan::{Edit, File, Planned, Recipe, Verdict};
use crate::flow::relocate::{Deed, Error, Left, Why};
use crate::relocate::elf::edit::{self, Edit as ElfEdit, RpathEdit};
use crate::relocate::kind::Kind;
use crate::relocate::mapping::{Found, Hit, Mapping, Window};
use crate::relocate::moved_elf::{self, NoFolders};
use crate::relocate::pyc::Strings;
use crate::relocate::record::Way;
use crate::relocate::relative::shell::{self, Use};
use crate::relocate::relative::{self, way_up};
use crate::relocate::shebang::{Head, Start};
use crate::relocate::splice::{New, Splice};
use crate::tree::Scanned;

pub use crate::relocate::relative::link;

/// Plans a file that holds the prefix.
pub fn plan(file: &File<'_>, one: Scanned, is_text: bool) -> Result<Verdict, Error> {
    if one.kind == Kind::Elf {
        return plan_elf(file, &one);
    }
    let offsets: Vec<u64> = one.found.hits.iter().map(|hit| hit.offset).collect();
    let stuck = |offsets: &[u64]| -> Vec<Left> {
        let why = || if tells_only(file.path()) { Why::Tells } else { Why::NotRelative };
        offsets.iter().map(|offset| file.left(Some(*offset), why())).collect()
    };
    let Some(bytes) = file.bytes(&one.kept)?.filter(|_| is_text) else { return Ok((None, stuck(&offsets))) };
    let hits = one.found.hits.as_slice();
    let planned = |splices: Vec<Splice>, left: u64| Planned {
        way: if one.kind == Kind::Script { Way::Script } else { Way::Text },
        deed: Deed::Relative,
        edit: Edit::Spliced { splices, kept: one.kept.clone() },
        offsets: offsets.clone(),
        left,
    };
    let path = file.path();
    if path.ends_with(b".pc") {
        return Ok((Some(planned(relative::of_pkg_config(path, hits, file.mapping), 0)), Vec::new()));
    }
    if path.ends_with(b".cmake") {
        let (splices, offsets) = relative::of_cmake(path, &bytes, hits, file.mapping);
        let left = offsets.len() as u64;
        return Ok(((!splices.is_empty()).then(|| planned(splices, left)), stuck(&offsets)));
    }
    let (mut splices, mut body, mut left) = (Vec::new(), hits, Vec::new());
    let mut start = 0;
    if let Some(head) = file.head(&one)? {
        body = &hits[hits.partition_point(|hit| hit.offset < head.length as u64)..];
        match from_script(&head, path, file.mapping) {
            Ok(new) => splices.push(Splice { offset: 0, length: head.length as u64, new: New::Bytes(new) }),
            Err(reason) => left.push(file.left(Some(0), Why::Head { reason })),
        }
        start = head.length;
    } else if let Some(head) = Head::read(&bytes) {
        start = head.length;
    }
    if !body.is_empty() {
        match use_of(file, &one, &bytes) {
            Some(used) => match shell::of_shell(&bytes, start, &way_up(path), used, body, file.mapping) {
                Ok(more) => splices.extend(more),
                Err(offsets) => left.extend(stuck(&offsets)),
            },
            None => left.extend(stuck(&body.iter().map(|hit| hit.offset).collect::<Vec<u64>>())),
        }
    }
    let count = left.len() as u64;
    Ok(((!splices.is_empty()).then(|| planned(splices, count)), left))
}

/// Files in which a prefix is a note for people.
fn tells_only(path: &[u8]) -> bool {
    path == b"pyvenv.cfg"
}

/// How the shell comes to a file, if it is one of the shell's.
pub fn use_of(file: &File<'_>, one: &Scanned, bytes: &[u8]) -> Option<Use> {
    let path = file.path();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_program = file.tree.nodes[file.place].is_program();
    if name == b"activate" || (name.ends_with(b".sh") && !is_program) {
        return Some(Use::Sourced);
    }
    let head = Head::read(bytes).filter(|_| one.kind == Kind::Script && is_program)?;
    let program = head.line.rsplit(|byte| matches!(byte, b'/' | b' ')).find(|word| !word.starts_with(b"-"))?;
    matches!(program, b"sh" | b"bash" | b"dash" | b"ksh" | b"zsh").then_some(Use::Run)
}

/// A head that finds its interpreter from the place of the script.
fn from_script(head: &Head, path: &[u8], mapping: &Mapping) -> Result<Vec<u8>, String> {
    let skipped = 2 + head.line.iter().skip(2).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let hits = mapping.in_text(&head.line);
    let is_first = hits.first().is_some_and(|hit| hit.offset as usize == skipped);
    let [hit] = hits.as_slice() else { return Err("its first line names the prefix twice".to_owned()) };
    if !is_first {
        return Err("its first line names the prefix in an argument".to_owned());
    }
    let known = skipped + mapping.old(hit).len();
    let end = head.line[known..].iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let end = end.map_or(head.line.len(), |end| known + end);
    let mut way = relative::relative(path, &head.line[known..end]);
    if !way.contains(&b'/') {
        way = [b"./", way.as_slice()].concat();
    }
    let line = [b"#!", way.as_slice(), &head.line[end..]].concat();
    let start = Start::FromScript { way: way.clone() };
    head.write(&line, way.len(), &start).map_err(|fault| fault.to_string())
}

fn plan_elf(file: &File<'_>, one: &Scanned) -> Result<Verdict, Error> {
    let offsets: Vec<u64> = one.found.hits.iter().map(|hit| hit.offset).collect();
    let all = |reason: String| {
        let mut left: Vec<Left> =
            one.found.hits.iter().map(|hit| file.left(Some(hit.offset), Why::NotRelative)).collect();
        left.push(file.left(None, Why::Elf { reason }));
        (None, left)
    };
    let Some(bytes) = file.bytes(&one.kept)? else { return Ok(all("it is too large".to_owned())) };
    let new = match make(file.path(), &bytes, file.mapping) {
        Ok(new) => new,
        Err(reason) => return Ok(all(reason)),
    };
    let mut found = Found::default();
    file.mapping.search(Window { bytes: &new, base: 0 }, 0..new.len(), &mut found);
    let loaded = moved_elf::loaded(&new);
    let left: Vec<Left> =
        found.hits.iter().map(|hit| file.left(Some(hit.offset), why(hit, &loaded, file.mapping))).collect();
    let planned = (new != bytes).then_some(Planned {
        way: Way::Elf,
        deed: Deed::Relative,
        edit: Edit::Whole(Recipe::Relative),
        offsets,
        left: left.len() as u64,
    });
    Ok((planned, left))
}

fn why(hit: &Hit, loaded: &[std::ops::Range<u64>], mapping: &Mapping) -> Why {
    if loaded.iter().any(|part| part.contains(&hit.offset)) {
        return Why::NotRelative;
    }
    let room = mapping.old(hit).len() as u64;
    Why::NotLoaded { room, needed: room }
}

/// An ELF file whose library path is relative to it.
///
/// # Errors
/// Why it cannot be edited.
pub fn make(path: &[u8], bytes: &[u8], mapping: &Mapping) -> Result<Vec<u8>, String> {
    let found = moved_elf::library_path(bytes).map_err(|fault| fault.to_string())?;
    let new = found.and_then(|found| relative::library_path(found.as_bytes(), path, mapping));
    let Some(new) = new else { return Ok(bytes.to_vec()) };
    let wanted = ElfEdit { rpath: Some(RpathEdit::Set(new)), ..ElfEdit::default() };
    let edited = edit::apply(bytes, &wanted, &NoFolders).map_err(|fault| fault.to_string())?;
    Ok(edited.unwrap_or_else(|| bytes.to_vec()))
}

/// Makes the paths of sources relative to the tree, as `compileall -s` does: Python knows the whole path when it loads
/// them.
pub struct Stripped<'a> {
    mapping: &'a Mapping,
}

impl<'a> Stripped<'a> {
    pub fn new(mapping: &'a Mapping) -> Stripped<'a> {
        Stripped { mapping }
    }
}

impl Strings for Stripped<'_> {
    fn change(&mut self, string: &[u8]) -> Option<Vec<u8>> {
        let pairs = self.mapping.pairs().iter();
        let mut below =
            pairs.filter_map(|pair| string.strip_prefix(pair.old.as_slice())?.strip_prefix(b"/".as_slice()));
        let below = below.next().filter(|below| below.ends_with(b".py"))?;
        Some(below.to_vec())
    }
}

//! Decides for each path of the tree what becomes of it; writes nothing.
//!
//! What is said of a tree that is to be relative decides `relative.rs`, of ELF files that must grow `grow.rs`.

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;

use crate::archive::members;
use crate::at_once;
use crate::flow::relocate::{Aim, Deed, Error, Left, Options, Why, grow, is_record, relative, signs};
use crate::host::machine;
use crate::relocate::kind::Kind;
use crate::relocate::made_for::FileMode;
use crate::relocate::mapping::{Hit, Mapping};
use crate::relocate::pyc::{self, Header, Source};
use crate::relocate::record::{Way, escape};
use crate::relocate::relative::shell;
use crate::relocate::shebang::{self, Head, Start};
use crate::relocate::splice::{self, New, Splice, TooShort};
use crate::tree::{self, Kept, NodeKind, Scanned, Scanner, Tree};

/// What the files of a tree hold.
pub struct Search {
    pub mapping: Mapping,
    pub scanned: BTreeMap<usize, Scanned>,
    /// How files are changed, where somebody else says so.
    pub ways: HashMap<usize, Way>,
    /// Every ELF file of the tree.
    pub elves: Vec<usize>,
    pub is_recorded: bool,
}

/// What becomes of the tree; a path that is not in it stays.
pub struct Plan {
    pub mapping: Mapping,
    pub files: BTreeMap<usize, Planned>,
    pub left: Vec<Left>,
    /// Every ELF file of the tree.
    pub elves: Vec<usize>,
}

/// What becomes of one path.
pub struct Planned {
    pub way: Way,
    pub deed: Deed,
    pub edit: Edit,
    pub offsets: Vec<u64>,
    /// How many places of it stay as they are.
    pub left: u64,
}

pub enum Edit {
    Spliced {
        splices: Vec<Splice>,
        kept: Kept,
    },
    /// Made again from the old bytes when it is written: not all of them fit into memory at once.
    Whole(Recipe),
    Link(Vec<u8>),
    Gone,
}

/// How the new bytes of a file are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    Grown,
    /// With the new size of the source, if that changed.
    Pyc(Option<u32>),
    Relative,
}

/// Searches every file.
pub fn search(options: &Options, tree: &Tree, mapping: Mapping) -> Result<Search, Error> {
    let scanner = Scanner::new(&mapping);
    let files: Vec<usize> =
        (0..tree.nodes.len()).filter(|at| tree.nodes[*at].is_first_name() && !is_record(options, tree, *at)).collect();
    let all = at_once::each_with(&files, options.jobs.get(), |window: &mut Vec<u8>, place| {
        let node = &tree.nodes[*place];
        scanner.scan(&tree.full(node), &node.facts, window)
    })?;
    let ways = signs::conda(tree).map(|conda| {
        let binary = conda.files.iter().filter(|(_, (_, mode))| *mode == FileMode::Binary);
        binary.filter_map(|(path, _)| tree.find(path.as_bytes())).map(|place| (place, Way::Fixed)).collect()
    });
    let is_of_note = |one: &Scanned| {
        !one.found.hits.is_empty()
            || one.found.doubt_count > 0
            || one.wide.is_some()
            || one.escaped.is_some()
            || one.has_compressed
            || matches!(one.kind, Kind::Compressed(_))
    };
    let elves = files.iter().zip(&all).filter(|(_, one)| one.kind == Kind::Elf).map(|(place, _)| *place).collect();
    let scanned = files.into_iter().zip(all).filter(|(_, one)| is_of_note(one)).collect();
    Ok(Search { mapping, scanned, ways: ways.unwrap_or_default(), elves, is_recorded: false })
}

/// Plans the whole tree.
pub fn plan(options: &Options, tree: &Tree, search: Search) -> Result<Plan, Error> {
    let Search { mapping, scanned, ways, elves, is_recorded } = search;
    let scanned: Vec<(usize, std::sync::Mutex<Option<Scanned>>)> =
        scanned.into_iter().map(|(place, one)| (place, std::sync::Mutex::new(Some(one)))).collect();
    let rooms = signs::conda_rooms(tree);
    let planned = at_once::each(&scanned, options.jobs.get(), |(place, cell)| {
        // Each is taken once, so that nobody has panicked with it in hand.
        let one = cell.lock().map_or(None, |mut one| one.take());
        let file = File {
            options,
            mapping: &mapping,
            tree,
            place: *place,
            way: ways.get(place).copied(),
            room: rooms.get(place).copied(),
        };
        Ok::<_, Error>(one.map(|one| file.plan(one)).transpose()?.unwrap_or_default())
    })?;
    let mut plan = Plan { files: BTreeMap::new(), left: Vec::new(), mapping: mapping.clone(), elves };
    for ((place, _), (file, left)) in scanned.iter().zip(planned) {
        plan.files.extend(file.map(|file| (*place, file)));
        plan.left.extend(left);
    }
    plan.add_links(options, tree);
    if !is_recorded || plan.files.values().any(|one| matches!(one.way, Way::Text | Way::Script)) {
        plan.restamp(options, tree)?;
    }
    plan.left.sort_by(|a, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    Ok(plan)
}

/// What becomes of a file, and what of it stays.
pub type Verdict = (Option<Planned>, Vec<Left>);

/// One file, and all that decides what becomes of it.
pub struct File<'a> {
    pub options: &'a Options,
    pub mapping: &'a Mapping,
    pub tree: &'a Tree,
    pub place: usize,
    pub way: Option<Way>,
    /// The length of the placeholder that conda made it with.
    pub room: Option<usize>,
}

impl File<'_> {
    pub fn path(&self) -> &[u8] {
        &self.tree.nodes[self.place].path
    }

    pub fn left(&self, offset: Option<u64>, why: Why) -> Left {
        Left { path: escape(self.path()), offset, why }
    }

    /// The old bytes, if they fit into memory.
    pub fn bytes(&self, kept: &Kept) -> Result<Option<Vec<u8>>, Error> {
        match kept {
            Some(kept) => Ok(Some(kept.clone())),
            None => Ok(tree::read_whole(&self.tree.full(&self.tree.nodes[self.place]))?),
        }
    }

    fn plan(&self, mut one: Scanned) -> Result<Verdict, Error> {
        let mut left = Vec::new();
        if one.has_compressed || matches!(one.kind, Kind::Compressed(_)) {
            self.look_into(&one, &mut left)?;
            if matches!(one.kind, Kind::Compressed(_)) {
                return Ok((None, left));
            }
        }
        let is_text = one.kind.is_text() && self.way != Some(Way::Fixed) && self.room.is_none();
        if is_text {
            one.found.hits.retain(|hit| !hit.is_joined);
        } else {
            left.extend(one.wide.map(|offset| self.left(Some(offset), Why::Wide)));
        }
        let is_pyc = self.path().ends_with(b".pyc") && !is_text;
        if is_pyc && (!one.found.hits.is_empty() || one.found.doubt_count > 0) {
            if let Some(planned) = self.plan_pyc(&one, &mut left)? {
                return Ok((planned, left));
            }
        } else if !is_text && one.found.doubt_count > 0 {
            let first = one.found.doubts.first().copied();
            left.push(self.left(first, Why::Doubt { count: one.found.doubt_count }));
        }
        let (escaped, told) = self.escaped(&mut one, is_text)?;
        left.extend(told);
        if one.found.hits.is_empty() && escaped.is_empty() {
            return Ok((None, left));
        }
        let (planned, more) = match (&self.options.aim, is_text) {
            (Aim::Relative(_), _) => relative::plan(self, one, is_text)?,
            (_, true) => self.plan_text(one, escaped)?,
            (_, false) => self.plan_fixed(one)?,
        };
        left.extend(more);
        Ok((planned, left))
    }

    /// Tells packed members that hold a prefix.
    fn look_into(&self, one: &Scanned, left: &mut Vec<Left>) -> Result<(), Error> {
        let plain = one.found.hits.first().filter(|_| matches!(one.kind, Kind::Compressed(_)));
        left.extend(plain.map(|hit| self.left(Some(hit.offset), Why::Packed { member: "stored".to_owned() })));
        let full = self.tree.full(&self.tree.nodes[self.place]);
        let failed = |source| tree::TreeError::File { doing: "looking into packed data", path: full.clone(), source };
        let sections = match one.kind {
            Kind::Elf => machine::compressed_sections(&full).map_err(failed)?,
            _ => Vec::new(),
        };
        let mut file = BufReader::new(fs_err::File::open(&full).map_err(failed)?);
        let outcome = members::each_member(&mut file, one.kind, &sections, &mut |name, reader| {
            if grow::stream_holds(reader, self.mapping) {
                left.push(self.left(None, Why::Packed { member: name.to_owned() }));
            }
        });
        if let Err(unseen) = outcome {
            left.push(self.left(None, Why::Unseen { member: unseen.member, reason: unseen.reason }));
        }
        Ok(())
    }

    fn plan_text(&self, one: Scanned, mut escaped: Vec<Splice>) -> Result<Verdict, Error> {
        let mut planned = Planned {
            way: if one.kind == Kind::Script { Way::Script } else { Way::Text },
            deed: Deed::Replaced,
            edit: Edit::Gone,
            offsets: one.found.hits.iter().map(|hit| hit.offset).chain(escaped.iter().map(|one| one.offset)).collect(),
            left: 0,
        };
        let (mut splices, mut left) = (Vec::new(), Vec::new());
        let (mut body, mut start) = (one.found.hits.as_slice(), 0);
        let head = self.head(&one)?;
        let moved = head.and_then(|head| moved_line(&head.line, self.mapping).map(|moved| (head, moved)));
        if let Some((head, (line, program))) = moved {
            let count = body.partition_point(|hit| hit.offset < head.length as u64);
            body = &body[count..];
            start = head.length;
            match head.write(&line, program, &Start::Absolute) {
                Ok(new) => {
                    if !new.starts_with(&line) {
                        planned.deed = Deed::Wrapped;
                    }
                    splices.push(Splice { offset: 0, length: head.length as u64, new: New::Bytes(new) });
                }
                Err(fault) => {
                    planned.left = count as u64;
                    left.push(self.left(Some(0), Why::Head { reason: fault.to_string() }));
                }
            }
        }
        splices.extend(self.body_splices(&one, start, body)?);
        escaped.retain(|splice| splice.offset >= start as u64);
        splices.append(&mut escaped);
        splices.sort_by_key(|splice| splice.offset);
        planned.edit = Edit::Spliced { splices, kept: one.kept };
        Ok((Some(planned), left))
    }

    /// The splices of a text behind its head; a shell script gets quotes where it needs them.
    fn body_splices(&self, one: &Scanned, start: usize, hits: &[Hit]) -> Result<Vec<Splice>, Error> {
        let is_odd = |hit: &Hit| !shell::is_plain(self.mapping.old(hit)) || !shell::is_plain(self.mapping.new_of(hit));
        if hits.iter().any(is_odd)
            && let Some(bytes) = self.bytes(&one.kept)?.filter(|bytes| relative::use_of(self, one, bytes).is_some())
        {
            return Ok(shell::quoted(&bytes, start, hits, self.mapping));
        }
        Ok(splice::of_text(hits, self.mapping))
    }

    /// The head of a script that the kernel starts, if it holds a prefix.
    pub fn head(&self, one: &Scanned) -> Result<Option<Head>, Error> {
        let node = &self.tree.nodes[self.place];
        if one.kind != Kind::Script || !node.is_program() {
            return Ok(None);
        }
        let full = self.tree.full(node);
        let bytes = match &one.kept {
            Some(kept) => kept[..kept.len().min(shebang::ENOUGH)].to_vec(),
            None => tree::read_head(&full, shebang::ENOUGH as u64).map_err(|source| tree::TreeError::File {
                doing: "reading a script",
                path: full,
                source,
            })?,
        };
        let first = one.found.hits.first().map_or(u64::MAX, |hit| hit.offset);
        Ok(Head::read(&bytes).filter(|head| first < head.length as u64))
    }

    fn plan_fixed(&self, one: Scanned) -> Result<Verdict, Error> {
        let offsets: Vec<u64> = one.found.hits.iter().map(|hit| hit.offset).collect();
        let padded = match self.room {
            Some(room) => self.bytes(&one.kept)?.map(|bytes| (bytes, room)),
            None => None,
        };
        let (splices, short) = match padded {
            Some((bytes, room)) => splice::of_conda(&bytes, &one.found.hits, self.mapping, room),
            None => splice::of_fixed(&one.found.hits, self.mapping),
        };
        let way = if one.kind == Kind::Elf { Way::Elf } else { Way::Fixed };
        let mut planned = Planned { way, deed: Deed::Replaced, edit: Edit::Gone, offsets, left: short.len() as u64 };
        // Conda makes library paths relative: nothing that the loader reads has to grow.
        if short.is_empty() || one.kind != Kind::Elf || self.room.is_some() {
            planned.edit = Edit::Spliced { splices, kept: one.kept };
            return Ok((Some(planned), short.iter().map(|one| self.too_short(one)).collect()));
        }
        let Some(bytes) = self.bytes(&one.kept)? else {
            let reason = format!("it has more than {} MiB", tree::LARGEST_WHOLE >> 20);
            let mut left: Vec<Left> = short.iter().map(|one| self.too_short(one)).collect();
            left.push(self.left(None, Why::Elf { reason }));
            planned.edit = Edit::Spliced { splices, kept: None };
            return Ok((Some(planned), left));
        };
        match grow::grow(&bytes, self.mapping) {
            Ok(grown) => {
                let mut left: Vec<Left> = grown.short.iter().map(|one| self.too_short(one)).collect();
                left.extend(grown.unloaded.iter().map(|one| {
                    let needed = self.mapping.pairs()[one.pair].new.len() as u64;
                    self.left(Some(one.offset), Why::NotLoaded { room: one.room, needed })
                }));
                if grown.bytes == bytes {
                    return Ok((None, left));
                }
                planned.deed = if grown.bytes.len() > bytes.len() { Deed::Grown } else { Deed::Replaced };
                planned.edit = Edit::Whole(Recipe::Grown);
                planned.left = left.len() as u64;
                Ok((Some(planned), left))
            }
            Err(reason) => {
                let mut left: Vec<Left> = short.iter().map(|one| self.too_short(one)).collect();
                left.push(self.left(None, Why::Elf { reason }));
                planned.edit = Edit::Spliced { splices, kept: one.kept };
                Ok((Some(planned), left))
            }
        }
    }

    fn too_short(&self, one: &TooShort) -> Left {
        let needed = self.mapping.pairs()[one.pair].new.len() as u64;
        self.left(Some(one.offset), Why::TooShort { room: one.room, needed })
    }
}

/// A `#!` line with its prefixes replaced, and the length of the program's path in it; `None` when it holds none.
pub fn moved_line(line: &[u8], mapping: &Mapping) -> Option<(Vec<u8>, usize)> {
    let skipped = 2 + line.iter().skip(2).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let hits: Vec<Hit> = mapping.in_text(line);
    let first = hits.first()?;
    // A prefix with a space in it is a part of the path all the same.
    let is_first = line[skipped..first.offset as usize].iter().all(|byte| *byte == b'/');
    let known = if is_first { first.offset as usize + mapping.old(first).len() } else { skipped };
    let end = line[known..].iter().position(|byte| matches!(byte, b' ' | b'\t')).map_or(line.len(), |end| known + end);
    let program = mapping.replaced(&line[..end]).unwrap_or_else(|| line[..end].to_vec());
    Some((mapping.replaced(line)?, program.len() - skipped))
}

/// Makes the new bytes of a file that is written whole.
pub fn make(
    recipe: &Recipe,
    options: &Options,
    mapping: &Mapping,
    tree: &Tree,
    place: usize,
) -> Result<Vec<u8>, Error> {
    let node = &tree.nodes[place];
    let changed = || tree::TreeError::Changed { path: tree.full(node) };
    let bytes = tree::read_whole(&tree.full(node))?.ok_or_else(changed)?;
    match recipe {
        Recipe::Grown => Ok(grow::grow(&bytes, mapping).map_err(|_| changed())?.bytes),
        Recipe::Relative => Ok(relative::make(&node.path, &bytes, mapping).map_err(|_| changed())?),
        Recipe::Pyc(size) => {
            let new = match options.aim {
                Aim::Relative(_) => pyc::change(&bytes, &mut relative::Stripped::new(mapping)),
                _ => pyc::change(&bytes, &mut &*mapping),
            };
            let mut new = new.map_err(|_| changed())?.unwrap_or(bytes);
            if let (Some(size), Ok(Header { source: Source::Size { at, .. }, .. })) = (size, Header::read(&new)) {
                new[at..at + 4].copy_from_slice(&size.to_le_bytes());
            }
            Ok(new)
        }
    }
}

impl Plan {
    fn add_links(&mut self, options: &Options, tree: &Tree) {
        for (place, node) in tree.nodes.iter().enumerate() {
            let NodeKind::Link { target } = &node.kind else { continue };
            let (new, deed) = match options.aim {
                Aim::Relative(_) => (relative::link(target, &node.path, &self.mapping), Deed::Relative),
                _ => (self.mapping.replaced(target), Deed::Replaced),
            };
            if let Some(new) = new {
                let edit = Edit::Link(new);
                self.files.insert(place, Planned { way: Way::Link, deed, edit, offsets: vec![0], left: 0 });
            }
        }
    }
}

//! Another program header: in place of one that says nothing (PT_NULL), else where the first sections stand, which move.
//!
//! The table itself never moves: `strip` and kernels before 5.18 look for it behind the file's header. What moves is only
//! what headers and dynamic entries lead to: interpreter, notes, hash tables.

use std::ops::Range;

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::draft::{Draft, Text};
use crate::relocate::elf::edit::image::{Image, Section, Segment, section, segment, sum};
use crate::relocate::elf::layout::tags;

/// More program headers than any file has; the count has 16 bits.
const MOST_SEGMENTS: usize = 1000;

/// What must make room for program headers.
#[derive(Debug, Clone, Default)]
pub struct Front {
    pub blocks: Vec<Block>,
    pub moves_interpreter: bool,
}

/// Notes, or a table of hashes: bytes that move as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub offset: u64,
    pub address: u64,
    pub size: u64,
}

impl Front {
    pub fn moves_anything(&self) -> bool {
        self.moves_interpreter || !self.blocks.is_empty()
    }
}

impl Block {
    fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.size)
    }
}

/// What stands where `count` more program headers would go; `None` when something there cannot move.
pub fn front(draft: &Draft<'_>, count: usize) -> Option<Front> {
    let image = &draft.image;
    let free = image.segments.iter().filter(|one| one.kind == segment::NULL).count();
    let more = count.saturating_sub(free);
    let mut front = Front::default();
    if more == 0 {
        return Some(front);
    }
    if image.segments.len() + more > MOST_SEGMENTS || image.sections.is_empty() {
        return None;
    }
    let start = image.segments_end();
    let end = start.checked_add(more as u64 * image.segment_size)?;
    let load = *image.segments.iter().find(|one| {
        one.kind == segment::LOAD && one.offset <= start && one.offset.saturating_add(one.in_file) >= end
    })?;
    if image.sections_at < end && image.sections_end() > start {
        return None;
    }
    let here = start..end;
    let mut blank: Vec<u8> = image.part(start, end - start)?.to_vec();
    for one in image.sections.iter().filter(|one| one.is_in_file() && overlap(&range(one), &here)) {
        let is_interpreter = |other: &&Segment| other.kind == segment::INTERP && other.offset == one.offset;
        if !one.is_loaded() {
            return None;
        } else if one.kind == section::PROGBITS && image.segments.iter().any(|other| is_interpreter(&other)) {
            front.moves_interpreter = true;
        } else {
            let block = block(draft, one, &load)?;
            if !front.blocks.contains(&block) {
                front.blocks.push(block);
            }
        }
        let covered = range(one).start.max(start) - start..range(one).end.min(end) - start;
        blank[covered.start as usize..covered.end as usize].fill(0);
    }
    // What no section owns but is there must stay.
    blank.iter().all(|byte| *byte == 0).then_some(front)
}

fn range(one: &Section) -> Range<u64> {
    one.offset..one.offset.saturating_add(one.size)
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

fn is_note(kind: u32) -> bool {
    matches!(kind, segment::NOTE | segment::GNU_PROPERTY)
}

/// The block that a section belongs to: all notes of one segment stay together.
fn block(draft: &Draft<'_>, first: &Section, load: &Segment) -> Option<Block> {
    let image = &draft.image;
    let mut whole = range(first);
    match first.kind {
        section::NOTE => {
            // Until it grows no more; each round takes in at least one segment.
            for _ in 0..image.segments.len() {
                for one in image.segments.iter().filter(|one| is_note(one.kind)) {
                    let other = one.offset..one.offset.saturating_add(one.in_file);
                    if overlap(&whole, &other) {
                        whole = whole.start.min(other.start)..whole.end.max(other.end);
                    }
                }
            }
        }
        section::HASH if draft.value(tags::HASH) == Some(first.address) => {}
        section::GNU_HASH if draft.value(tags::GNU_HASH) == Some(first.address) => {}
        _ => return None,
    }
    let is_alone = image.sections.iter().filter(|one| one.is_in_file() && overlap(&range(one), &whole)).all(|one| {
        one.kind == first.kind && one.is_loaded() && range(one).start >= whole.start && range(one).end <= whole.end
    });
    let others = image.segments.iter().filter(|one| one.kind != segment::LOAD && !is_note(one.kind) && one.in_file > 0);
    let mut others = others.map(|one| one.offset..one.offset.saturating_add(one.in_file));
    let is_within = whole.start >= load.offset && whole.end <= load.offset.saturating_add(load.in_file);
    let address = load.address.checked_add(whole.start.checked_sub(load.offset)?)?;
    let fits = is_alone && is_within && !others.any(|other| overlap(&other, &whole));
    fits.then_some(Block { offset: whole.start, address, size: whole.end - whole.start })
}

/// Adds a program header behind another one, or as the last.
pub fn add(image: &mut Image<'_>, new: Segment, behind: Option<usize>) {
    let mut place = behind.map_or(image.segments.len(), |number| number + 1);
    if let Some(free) = image.segments.iter().position(|one| one.kind == segment::NULL) {
        image.segments.remove(free);
        place -= usize::from(free < place);
    }
    image.segments.insert(place, new);
    let size = image.segments.len() as u64 * image.segment_size;
    for one in image.segments.iter_mut().filter(|one| one.kind == segment::PHDR) {
        (one.in_file, one.in_memory) = (size.max(one.in_file), size.max(one.in_memory));
    }
}

impl Draft<'_> {
    /// Lets headers, dynamic entries and symbols lead to the new place of a block.
    pub fn move_block(&mut self, block: &Block, address: u64, offset: u64) -> Result<(), ElfFault> {
        let is_inside = |place: u64| block.range().contains(&place);
        let mut moved = Vec::new();
        for (number, one) in self.image.sections.iter_mut().enumerate() {
            if one.is_in_file() && one.is_loaded() && is_inside(one.offset) {
                moved.push((number, one.address, sum(address, one.offset - block.offset)?));
                one.address = sum(address, one.offset - block.offset)?;
                one.offset = sum(offset, one.offset - block.offset)?;
            }
        }
        for one in self.image.segments.iter_mut().filter(|one| is_note(one.kind) && is_inside(one.offset)) {
            let distance = one.offset - block.offset;
            (one.address, one.offset) = (sum(address, distance)?, sum(offset, distance)?);
            one.physical = one.address;
        }
        for entry in &mut self.entries {
            if matches!(entry.tag, tags::HASH | tags::GNU_HASH) && entry.text == Text::Old(block.address) {
                entry.text = Text::Old(address);
            }
        }
        for (number, old, new) in moved {
            self.follow_section(number, old, new)?;
        }
        Ok(())
    }
}

//! Searches a file and what is packed in it, level by level, for the placeholder and for the builder's places.
//!
//! Decodes through `archive/members.rs`; what is searched for is `relocate/residue.rs` and `audit/traces.rs`.

use std::io::{self, BufRead, Read, Seek};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::archive::members::{self, Unseen};
use crate::audit::problem::{Problem, Remark};
use crate::audit::traces::{Sought, TraceFinder, TraceForm, TraceHit, TraceOf};
use crate::model::prefix::Placeholder;
use crate::relocate::elf::{CompressedSection, Facts};
use crate::relocate::kind::{Kind, Packing};
use crate::relocate::residue::{Form, Searcher, Trace};

/// How much of a stream is in memory at once, in bytes.
pub const WINDOW: usize = 256 << 10;

/// So much of a stream is read first: most of what is packed is small.
const FIRST: usize = 16 << 10;

/// A packed member up to this size is looked into again, in bytes.
const NESTED: u64 = 16 << 20;

/// What is packed into no more than this takes little memory as a rule, in bytes.
const LIGHT: usize = 256 << 10;

/// How many packings lie in each other at most.
const DEEPEST: usize = 4;

/// How much of a member is decoded at most, in bytes: a bound on time.
const LARGEST: u64 = 4 << 30;

/// What is told of the placeholder's last name.
const END_OF_PLACEHOLDER: &str = "the end of the placeholder";

pub struct Residues {
    placeholders: Vec<Searcher>,
    traces: TraceFinder,
    overlap: usize,
    /// Who decodes what may take much memory: one thread at a time.
    turn: Mutex<()>,
}

/// A trace with its place, in the file or in a member.
struct Found(TraceHit);

impl Found {
    fn remark(self, file: &str, member: Option<&str>) -> Remark {
        let TraceHit { of, text, form, offset, count } = self.0;
        let problem = Problem::Trace { of, text, form, member: member.map(str::to_owned), count };
        Remark { file: file.to_owned(), offset: Some(offset), problem }
    }
}

impl Residues {
    pub fn new(placeholders: &[Placeholder], traces: TraceFinder) -> Residues {
        let split = placeholders.iter().map(|one| {
            let told = Sought { of: TraceOf::Placeholder, text: END_OF_PLACEHOLDER.to_owned() };
            (one.token().as_bytes().to_owned(), told)
        });
        let traces = traces.with_split(split.collect());
        let placeholders: Vec<Searcher> = placeholders.iter().map(|one| Searcher::new(one, &[])).collect();
        let longest = placeholders.iter().map(Searcher::longest).max().unwrap_or(0);
        let overlap = longest.max(traces.longest());
        Residues { placeholders, traces, overlap, turn: Mutex::new(()) }
    }

    /// The findings of a file that is in memory; `recorded` are the offsets of placeholders and the ranges that may
    /// hold the prefix.
    pub fn search_file(
        &self,
        path: &str,
        bytes: &[u8],
        kind: Kind,
        facts: Option<&Facts>,
        recorded: (&[u64], &[Range<u64>]),
    ) -> Vec<Remark> {
        let sections = facts.map_or(&[][..], |facts| &facts.compressed);
        let mut remarks = Vec::new();
        let _turn = self.turn_for(kind, bytes.len());
        self.search_members(path, "", (&mut io::Cursor::new(bytes), kind, sections), 1, &mut remarks);
        // What is stored without packing would be told twice.
        if !matches!(kind, Kind::Compressed(_)) || remarks.is_empty() {
            let own = self.search(bytes, recorded.0, recorded.1, kind.is_text());
            remarks.extend(own.into_iter().map(|found| found.remark(path, None)));
        }
        remarks
    }

    /// The same for a file that is too large for memory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn search_large(
        &self,
        path: &str,
        file: fs_err::File,
        kind: Kind,
        sections: &[CompressedSection],
        recorded: (&[u64], &[Range<u64>]),
    ) -> io::Result<Vec<Remark>> {
        let mut file = io::BufReader::with_capacity(WINDOW / 4, file);
        let mut remarks = Vec::new();
        let _turn = self.turn_for(kind, usize::MAX);
        self.search_members(path, "", (&mut file, kind, sections), 1, &mut remarks);
        if !matches!(kind, Kind::Compressed(_)) || remarks.is_empty() {
            file.rewind()?;
            let own = self.search_stream(&mut file, recorded.0, recorded.1, kind.is_text());
            remarks.extend(own.into_iter().map(|found| found.remark(path, None)));
        }
        Ok(remarks)
    }

    /// Waits until no other thread decodes what takes as much memory as its dictionary is large.
    fn turn_for(&self, kind: Kind, size: usize) -> Option<MutexGuard<'_, ()>> {
        let has_dictionary = matches!(kind, Kind::Compressed(Packing::Xz | Packing::Zstd));
        // A thread that panicked left nothing behind.
        let wait = || self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        (has_dictionary && size > LIGHT).then(wait)
    }

    fn search_members(
        &self,
        path: &str,
        above: &str,
        (source, kind, sections): (&mut (impl BufRead + Seek), Kind, &[CompressedSection]),
        depth: usize,
        remarks: &mut Vec<Remark>,
    ) {
        let outcome = members::each_member(source, kind, sections, &mut |name, reader| {
            let name = joined(above, name);
            self.search_member(path, &name, reader, depth, remarks);
        });
        if let Err(Unseen { member, reason }) = outcome {
            let problem = Problem::Unseen { member: Some(joined(above, &member)), reason };
            remarks.push(Remark::new(path, problem));
        }
    }

    fn search_member(&self, path: &str, name: &str, reader: &mut dyn Read, depth: usize, remarks: &mut Vec<Remark>) {
        let mut head = Vec::new();
        // A damaged stream ends where the damage is.
        let _ = reader.take(8).read_to_end(&mut head);
        let kind = Kind::of(&head);
        let before = remarks.len();
        if matches!(kind, Kind::Elf | Kind::Archive | Kind::Compressed(_)) && depth < DEEPEST {
            // As above.
            let _ = reader.take(NESTED).read_to_end(&mut head);
            let facts = if kind == Kind::Elf { Facts::read(&head).ok() } else { None };
            let sections = facts.map(|facts| facts.compressed).unwrap_or_default();
            self.search_members(path, name, (&mut io::Cursor::new(&head), kind, &sections), depth + 1, remarks);
        }
        if matches!(kind, Kind::Compressed(_)) && remarks.len() > before {
            return;
        }
        let mut whole = io::Cursor::new(head).chain(reader.take(LARGEST));
        let found = self.search_stream(&mut whole, &[], &[], false);
        remarks.extend(found.into_iter().map(|found| found.remark(path, Some(name))));
    }

    /// Searches a stream, a window at a time; it is read to its end, or to where it is damaged.
    fn search_stream(
        &self,
        reader: &mut dyn Read,
        placeholders: &[u64],
        recorded: &[Range<u64>],
        is_text: bool,
    ) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        let (mut buffer, mut filled, mut base) = (vec![0; FIRST], 0, 0u64);
        loop {
            let is_end = loop {
                if filled == buffer.len() {
                    if filled >= WINDOW {
                        break false;
                    }
                    buffer.resize(WINDOW, 0);
                }
                match reader.read(&mut buffer[filled..]) {
                    Ok(0) => break true,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break true,
                }
            };
            let window = &buffer[..filled];
            let end = base + window.len() as u64;
            let own = placeholders.iter().filter(|at| (base..end).contains(at)).map(|at| at - base);
            let inside = recorded.iter().filter(|range| range.end > base && range.start < end);
            let inside = inside.map(|range| range.start.saturating_sub(base)..range.end - base);
            let found = self.search(window, &own.collect::<Vec<_>>(), &inside.collect::<Vec<_>>(), is_text);
            for Found(hit) in found {
                let hit = TraceHit { offset: base + hit.offset, ..hit };
                match all.iter_mut().find(|one| (one.0.of, one.0.form, &one.0.text) == (hit.of, hit.form, &hit.text)) {
                    Some(known) => known.0.count += hit.count,
                    None => all.push(Found(hit)),
                }
            }
            if is_end {
                return all;
            }
            let kept = filled.min(self.overlap);
            buffer.copy_within(filled - kept..filled, 0);
            filled = kept;
            base = end - kept as u64;
        }
    }

    fn search(&self, bytes: &[u8], placeholders: &[u64], recorded: &[Range<u64>], is_text: bool) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        let is_recorded = |at: u64| {
            let before = recorded.partition_point(|range| range.start <= at);
            before > 0 && at < recorded[before - 1].end
        };
        // Each with a sieve of its own: one for all has so many texts that it passes too much, and is three times slower.
        for searcher in &self.placeholders {
            for residue in searcher.search(bytes, placeholders, is_text) {
                // One placeholder may be the head of another.
                if is_recorded(residue.offset) {
                    continue;
                }
                let text = match residue.trace {
                    Trace::Placeholder => "the placeholder",
                    Trace::Token => END_OF_PLACEHOLDER,
                    Trace::Head => "the start of the placeholder",
                    Trace::Piece => "a piece of the placeholder",
                    Trace::Folder(_) => "a folder",
                };
                let form = match residue.form {
                    Form::Bytes => TraceForm::Bytes,
                    Form::Wide16 => TraceForm::Wide16,
                    Form::Wide32 => TraceForm::Wide32,
                };
                let (of, text) = (TraceOf::Placeholder, text.to_owned());
                let hit = TraceHit { of, text, form, offset: residue.offset, count: residue.count };
                if !all.iter().any(|one| one.0.offset == hit.offset && one.0.of == of) {
                    all.push(Found(hit));
                }
            }
        }
        all.extend(self.traces.search(bytes, recorded, is_text).into_iter().map(Found));
        // A text is what holds no NUL.
        if is_text || memchr::memchr(0, bytes).is_none() {
            all.extend(self.traces.search_joined(bytes).into_iter().map(Found));
        }
        all
    }
}

fn joined(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}: {name}") }
}

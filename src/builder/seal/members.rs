//! Searches the packed members of a file for traces of the build, a window at a time.
//!
//! Does not decode (`archive/members.rs`) and does not know what is searched for (`relocate/residue.rs`).

use std::io::{Cursor, Read};

use crate::archive::members::{self, Unseen};
use crate::audit::leaks::Leak;
use crate::relocate::elf::Facts;
use crate::relocate::kind::Kind;
use crate::relocate::residue::{Residue, Searcher, Trace};

/// How much of a member is in memory at once, in bytes.
const WINDOW: usize = 16 << 20;

/// How much of a member is decoded at most, in bytes: a bound on time.
const LARGEST: u64 = 4 << 30;

/// The traces in the packed members of a file; a placeholder there can never be replaced.
pub fn leaks(bytes: &[u8], kind: Kind, facts: Option<&Facts>, searcher: &Searcher, folders: &[Vec<u8>]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    let sections = facts.map_or(&[][..], |facts| &facts.compressed);
    let outcome = members::each_member(&mut Cursor::new(bytes), kind, sections, &mut |name, reader| {
        let (residues, is_whole) = search(reader, searcher);
        leaks.extend(residues.into_iter().map(|residue| Leak::of(residue, folders, Some(name))));
        if !is_whole {
            leaks.push(Leak::unseen(name, format!("it has more than {} GiB", LARGEST >> 30)));
        }
    });
    if let Err(Unseen { member, reason }) = outcome {
        leaks.push(Leak::unseen(&member, reason));
    }
    leaks
}

/// The traces in a stream, and whether it was read to its end, be it because of damage.
fn search(reader: &mut dyn Read, searcher: &Searcher) -> (Vec<Residue>, bool) {
    let mut found: Vec<Residue> = Vec::new();
    let mut window = Vec::new();
    let mut base = 0;
    loop {
        let wanted = (WINDOW - window.len()) as u64;
        let before = window.len();
        // A damaged stream ends where the damage is.
        let is_damaged = reader.take(wanted).read_to_end(&mut window).is_err();
        let is_end = is_damaged || ((window.len() - before) as u64) < wanted;
        for residue in searcher.search(&window, &[], false) {
            let residue = Residue { offset: base + residue.offset, ..residue };
            match found.iter_mut().find(|one| one.trace == residue.trace && one.form == residue.form) {
                Some(known) => known.count += residue.count,
                None => found.push(residue),
            }
        }
        base += window.len() as u64;
        if is_end || base > LARGEST {
            // What a window cut was seen whole in the next one.
            if found.iter().any(|one| one.trace == Trace::Placeholder) {
                found.retain(|one| one.trace != Trace::Head);
            }
            return (found, is_end);
        }
        let kept = window.len().min(searcher.longest());
        window.drain(..window.len() - kept);
        base -= kept as u64;
    }
}

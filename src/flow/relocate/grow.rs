//! Gives an ELF file longer strings where its loader reads them, and the same length everywhere else.
//!
//! Does not decide when (`plan.rs`); how room is made knows `relocate/elf/edit/`.

use std::io::Read;

use crate::relocate::elf::edit;
use crate::relocate::mapping::{BEFORE, BEHIND, Found, Mapping, Window};
use crate::relocate::moved_elf::{self, NoFolders};
use crate::relocate::splice::{self, TooShort};

/// How much of a packed member is in memory at once, in bytes.
const WINDOW: usize = 256 << 10;

/// How much of a packed member is decoded at most, in bytes: a bound on time.
const LARGEST: u64 = 1 << 30;

/// An ELF file with its new strings.
pub struct Grown {
    pub bytes: Vec<u8>,
    /// Strings that are too short for the new prefix, and that the program has in memory.
    pub short: Vec<TooShort>,
    /// The same in parts that are not loaded.
    pub unloaded: Vec<TooShort>,
}

/// Makes the new file.
///
/// # Errors
/// Why the file cannot be edited.
pub fn grow(bytes: &[u8], mapping: &Mapping) -> Result<Grown, String> {
    let wanted = moved_elf::edit(bytes, mapping).map_err(|fault| fault.to_string())?;
    let edited = match wanted {
        Some(wanted) => edit::apply(bytes, &wanted, &NoFolders).map_err(|fault| fault.to_string())?,
        None => None,
    };
    let edited = edited.unwrap_or_else(|| bytes.to_vec());
    let mut found = Found::default();
    mapping.search(Window { bytes: &edited, base: 0 }, 0..edited.len(), &mut found);
    // What was just written may start with the old prefix: `/p` becomes `/p/q`.
    found.hits.retain(|hit| {
        let place = usize::try_from(hit.offset).unwrap_or(usize::MAX);
        let new = mapping.new_of(hit);
        !(new.starts_with(mapping.old(hit)) && edited.get(place..).is_some_and(|rest| rest.starts_with(new)))
    });
    let (splices, short) = splice::of_fixed(&found.hits, mapping);
    let loaded = moved_elf::loaded(&edited);
    let is_loaded = |one: &TooShort| loaded.iter().any(|part| part.contains(&one.offset));
    let (short, unloaded) = short.into_iter().partition(is_loaded);
    Ok(Grown { bytes: splice::apply(&edited, &splices, mapping), short, unloaded })
}

/// Whether a stream holds one of the prefixes.
pub fn stream_holds(stream: &mut dyn Read, mapping: &Mapping) -> bool {
    let (mut window, mut from, mut base) = (Vec::new(), 0, 0);
    loop {
        let wanted = (WINDOW + BEFORE - window.len()) as u64;
        let before = window.len();
        // A damaged stream ends where the damage is.
        let is_damaged = stream.take(wanted).read_to_end(&mut window).is_err();
        let is_end = is_damaged || ((window.len() - before) as u64) < wanted;
        let ahead = mapping.longest() + BEHIND;
        let limit = if is_end { window.len() } else { window.len().saturating_sub(ahead) };
        let mut found = Found::default();
        mapping.search(Window { bytes: &window, base: 0 }, from..limit, &mut found);
        base += (window.len() - before) as u64;
        if !found.hits.is_empty() || is_end || base > LARGEST {
            return !found.hits.is_empty();
        }
        let kept = limit.saturating_sub(BEFORE);
        window.drain(..kept);
        from = limit - kept;
    }
}

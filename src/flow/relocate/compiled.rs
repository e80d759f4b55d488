//! Decides what becomes of compiled Python: its strings, and the size of its source that it remembers.
//!
//! How its bytes are gone through knows `relocate/pyc.rs`.

use std::os::unix::fs::MetadataExt;

use crate::flow::relocate::plan::{Edit, File, Plan, Planned, Recipe};
use crate::flow::relocate::{Aim, Deed, Error, Left, Options, Pyc, Why, relative};
use crate::relocate::pyc::{self, Count, Header, Source};
use crate::relocate::record::Way;
use crate::relocate::splice::{self, New, Splice};
use crate::tree::{self, Scanned, Tree};

impl File<'_> {
    /// Compiled Python; `None` when it must be changed like other data.
    pub fn plan_pyc(&self, one: &Scanned, left: &mut Vec<Left>) -> Result<Option<Option<Planned>>, Error> {
        let Some(bytes) = self.bytes(&one.kept)? else { return Ok(None) };
        let offsets = one.found.hits.iter().map(|hit| hit.offset).collect();
        let planned = |deed, edit| Planned { way: Way::Pyc, deed, edit, offsets, left: 0 };
        let is_relative = matches!(self.options.aim, Aim::Relative(_));
        let changed = match is_relative {
            true => pyc::change(&bytes, &mut relative::Stripped::new(self.mapping)),
            false => pyc::change(&bytes, &mut &*self.mapping),
        };
        Ok(match (changed, self.options.pyc) {
            (Ok(None), _) => Some(None),
            (_, Pyc::Drop) => Some(Some(planned(Deed::Dropped, Edit::Gone))),
            (Ok(Some(new)), Pyc::Rewrite) => {
                let mut count = Count { mapping: self.mapping, count: 0 };
                // It was gone through a moment ago.
                let _ = pyc::change(&new, &mut count);
                let deed = if is_relative { Deed::Relative } else { Deed::Replaced };
                let mut planned = planned(deed, Edit::Whole(Recipe::Pyc(None)));
                if is_relative && count.count > 0 {
                    planned.left = count.count;
                    left.push(self.left(None, Why::NotRelative));
                }
                Some(Some(planned))
            }
            (Err(fault), Pyc::Rewrite) => {
                left.push(self.left(None, Why::Marshal { fault }));
                None
            }
        })
    }
}

impl Plan {
    /// Gives compiled Python the new size of its source, so that Python goes on taking it.
    pub fn restamp(&mut self, options: &Options, tree: &Tree) -> Result<(), Error> {
        let sources: Vec<(usize, u64)> = self
            .files
            .iter()
            .filter(|(place, _)| tree.nodes[**place].path.ends_with(b".py"))
            .filter_map(|(place, file)| match &file.edit {
                Edit::Spliced { splices, .. } => {
                    let old = tree.nodes[*place].facts.size();
                    Some((*place, splice::new_size(old, splices, &self.mapping)))
                }
                _ => None,
            })
            .collect();
        for (source, new_size) in sources {
            for place in compiled(tree, source) {
                let node = &tree.nodes[place];
                let full = tree.full(node);
                let head = tree::read_head(&full, 16).map_err(|source| tree::TreeError::File {
                    doing: "reading compiled Python",
                    path: full,
                    source,
                })?;
                let old = tree.nodes[source].facts.size();
                let gone = |offsets| Planned { way: Way::Pyc, deed: Deed::Dropped, edit: Edit::Gone, offsets, left: 0 };
                match (Header::read(&head).map(|header| header.source), u32::try_from(new_size)) {
                    (Ok(Source::Size { at, size }), Ok(new)) if u64::from(size) == old => {
                        if options.pyc == Pyc::Drop {
                            self.files.insert(place, gone(Vec::new()));
                            continue;
                        }
                        let stamp =
                            || Splice { offset: at as u64, length: 4, new: New::Bytes(new.to_le_bytes().to_vec()) };
                        match self.files.get_mut(&place) {
                            None => {
                                let edit = Edit::Spliced { splices: vec![stamp()], kept: None };
                                let file =
                                    Planned { way: Way::Pyc, deed: Deed::Stamped, edit, offsets: vec![], left: 0 };
                                self.files.insert(place, file);
                            }
                            Some(Planned { edit: Edit::Whole(Recipe::Pyc(size)), .. }) => *size = Some(new),
                            Some(Planned { edit: Edit::Spliced { splices, .. }, .. }) => splices.insert(0, stamp()),
                            Some(_) => {}
                        }
                    }
                    // The hash of the source is another one now.
                    (Ok(Source::Hash), _) => drop(self.files.insert(place, gone(Vec::new()))),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The places of the compiled forms of a source: `__pycache__/name.*.pyc`, and `name.pyc` beside it.
fn compiled(tree: &Tree, source: usize) -> Vec<usize> {
    let path = &tree.nodes[source].path;
    let stem = &path[..path.len() - 3];
    let cut = stem.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let start = [&stem[..cut], b"__pycache__/", &stem[cut..], b"."].concat();
    let first = tree.nodes.partition_point(|node| node.path < start);
    let cached = (first..tree.nodes.len()).take_while(|at| tree.nodes[*at].path.starts_with(&start));
    let beside = tree.find(&[stem, b".pyc"].concat());
    let is_pyc = |at: &usize| tree.nodes[*at].is_first_name() && tree.nodes[*at].path.ends_with(b".pyc");
    cached.chain(beside).filter(is_pyc).collect()
}

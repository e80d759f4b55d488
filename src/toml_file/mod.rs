//! TOML files as trees with the place of every value, and their mistakes; the only room that knows `toml`.
//!
//! Does not know what a recipe or a project is: `recipe_file/` and `project_file.rs` do.

pub mod allowances;
pub mod fields;
pub mod nearest_word;
pub mod tree;

use std::ops::Range;

/// Every mistake of one file, in the order of the text; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} has {} mistakes", list.len())]
pub struct Mistakes {
    /// The file as the user knows it.
    pub name: String,
    /// The whole text, to show lines of.
    pub text: String,
    pub list: Vec<Mistake>,
}

/// One mistake: the byte range in the text, what is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub span: Range<usize>,
    pub what: String,
    pub hint: Option<String>,
}

impl Mistakes {
    /// Line and column where a mistake starts, both from 1, the column in characters.
    pub fn place_of(&self, mistake: &Mistake) -> (usize, usize) {
        let mut start = mistake.span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |place| place + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Collects the mistakes of one file while it is read.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    list: Vec<Mistake>,
    /// Whether the text is no TOML: what seems to be absent may only be unreadable.
    pub is_broken: bool,
    /// Where the first line starts that is no TOML: what seems to stand from there on may be something else.
    broken_from: Option<usize>,
}

impl Notes {
    pub fn add(&mut self, span: &Range<usize>, what: impl Into<String>, hint: Option<String>) {
        if self.is_trusted(span) {
            self.list.push(Mistake { span: span.clone(), what: what.into(), hint });
        }
    }

    /// Adds a mistake with the way to mend it.
    pub fn add_with(&mut self, span: &Range<usize>, what: impl Into<String>, hint: impl Into<String>) {
        self.add(span, what, Some(hint.into()));
    }

    /// Adds what is no TOML, the first of each line: what follows there follows from it.
    fn add_broken(&mut self, text: &str, errors: Vec<Mistake>) {
        let line = |mistake: &Mistake| text.as_bytes().iter().take(mistake.span.start).filter(|b| **b == b'\n').count();
        let mut errors = errors;
        errors.sort_by_key(|mistake| mistake.span.start);
        errors.dedup_by_key(|mistake| line(mistake));
        if let Some(first) = errors.first() {
            let before = text.as_bytes().iter().take(first.span.start);
            let line_start = before.clone().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
            self.is_broken = true;
            self.broken_from = Some(line_start);
        }
        self.list.extend(errors);
    }

    /// Whether what was read at a place is what stands there.
    pub fn is_trusted(&self, span: &Range<usize>) -> bool {
        self.broken_from.is_none_or(|start| span.start < start)
    }

    /// The mistakes in the order of the text, each once.
    pub fn finish(self) -> Vec<Mistake> {
        let mut list = self.list;
        list.sort_by(|a, b| (a.span.start, a.span.end, &a.what).cmp(&(b.span.start, b.span.end, &b.what)));
        list.dedup_by(|a, b| a.span == b.span && a.what == b.what);
        list
    }
}

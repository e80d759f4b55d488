//! Shell scripts that find the prefix of their tree themselves: each prefix becomes a variable, quoted as its place asks.
//!
//! Follows quotes, comments, substitutions and here-documents, no more of the language; what stands where no variable
//! counts is handed back.

use crate::relocate::mapping::{Hit, Mapping};
use crate::relocate::splice::{New, Splice};

/// How the shell comes to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is run: `$0` is its path.
    Run,
    /// It is read by a running shell (`.`).
    Sourced,
}

/// Where a byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Single,
    Double,
    Comment,
    /// A here-document whose variables count, or not.
    Document(bool),
}

/// The splices that make a script find its prefix, with the lines that look for it at `start`; or the offsets of the
/// prefixes that must stay.
///
/// # Errors
/// The offsets.
pub fn of_shell(
    bytes: &[u8],
    start: usize,
    way_up: &str,
    used: Use,
    hits: &[Hit],
    mapping: &Mapping,
) -> Result<Vec<Splice>, Vec<u64>> {
    let mut reader = Reader { bytes, at: start, open: vec![Place::Plain], documents: Vec::new(), was_space: true };
    let mut splices = vec![Splice { offset: start as u64, length: 0, new: New::Bytes(search(way_up, used)) }];
    let mut stuck = Vec::new();
    for hit in hits {
        // In memory, so that it fits.
        let place = reader.go_to(hit.offset as usize);
        let new = match place {
            Place::Plain => &b"\"${tagalong_prefix}\""[..],
            Place::Double | Place::Document(true) | Place::Comment => b"${tagalong_prefix}",
            Place::Single => b"'\"${tagalong_prefix}\"'",
            Place::Document(false) => {
                stuck.push(hit.offset);
                continue;
            }
        };
        splices.push(Splice {
            offset: hit.offset,
            length: mapping.old(hit).len() as u64,
            new: New::Bytes(new.to_vec()),
        });
    }
    if stuck.is_empty() { Ok(splices) } else { Err(stuck) }
}

/// What stands behind a prefix that was quoted here: nothing to the shell, and a mark that the quotes may go again.
const MARK: &[u8] = b"\"\"\"";

/// The splices of a script whose prefix changes, quoted where it stands bare and the shell would split or expand it.
pub fn quoted(bytes: &[u8], start: usize, hits: &[Hit], mapping: &Mapping) -> Vec<Splice> {
    let mut reader = Reader { bytes, at: start, open: vec![Place::Plain], documents: Vec::new(), was_space: true };
    let splice = |hit: &Hit| {
        let (old, new) = (mapping.old(hit), mapping.new_of(hit));
        // In memory, so that it fits.
        let from = hit.offset as usize;
        let end = from + old.len();
        let is_marked = from > 0 && bytes[from - 1] == b'"' && bytes[end..].starts_with(MARK);
        let place = reader.go_to(from);
        let exact = Splice { offset: hit.offset, length: old.len() as u64, new: New::Exact(hit.pair) };
        match (is_plain(new), is_marked, place) {
            (true, true, _) => Splice { offset: hit.offset - 1, length: (old.len() + 1 + MARK.len()) as u64, ..exact },
            (false, false, Place::Plain) => Splice { new: New::Bytes([b"\"", new, MARK].concat()), ..exact },
            _ => exact,
        }
    };
    hits.iter().map(splice).collect()
}

/// Whether the shell takes a text as it is.
pub fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/_.+@:,%=-".contains(byte) || *byte >= 0x80)
}

/// The lines that look for the prefix.
fn search(way_up: &str, used: Use) -> Vec<u8> {
    let first = match used {
        Use::Run => "tagalong_prefix=$0\n",
        // Only zsh can read its own form.
        Use::Sourced => {
            "if [ -n \"${BASH_SOURCE-}\" ]; then tagalong_prefix=$BASH_SOURCE\n\
             elif [ -n \"${ZSH_VERSION-}\" ]; then eval 'tagalong_prefix=${(%):-%x}'\n\
             else tagalong_prefix=$0; fi\n"
        }
    };
    let find = format!(
        "tagalong_prefix=$(CDPATH= cd -- \"$(dirname -- \"$(realpath -- \"$tagalong_prefix\")\")/{way_up}\" && pwd)\n"
    );
    [first, &find].concat().into_bytes()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The innermost last; the first is always there.
    open: Vec<Place>,
    /// Here-documents that start at the next line: their last line, and whether variables count.
    documents: Vec<(Vec<u8>, bool, bool)>,
    /// Whether a word starts here.
    was_space: bool,
}

impl Reader<'_> {
    fn place(&self) -> Place {
        self.open.last().copied().unwrap_or(Place::Plain)
    }

    fn go_to(&mut self, end: usize) -> Place {
        while self.at < end {
            if let Place::Document(_) = self.place() {
                if !self.document_ends() {
                    self.at = self.line_end();
                    if self.at > end {
                        // The place lies in this line; it is read again from there.
                        return self.place();
                    }
                    continue;
                }
                self.open.pop();
                continue;
            }
            self.step();
        }
        self.place()
    }

    fn line_end(&self) -> usize {
        memchr::memchr(b'\n', &self.bytes[self.at..]).map_or(self.bytes.len(), |end| self.at + end + 1)
    }

    /// Whether the line here is the last one of the document; it is passed then.
    fn document_ends(&mut self) -> bool {
        let end = self.line_end();
        let line = self.bytes[self.at..end].strip_suffix(b"\n").unwrap_or(&self.bytes[self.at..end]);
        let Some((word, _, has_tabs)) = self.documents.first() else { return true };
        let line = if *has_tabs { line.trim_ascii_start() } else { line };
        if line != word.as_slice() {
            return false;
        }
        self.documents.remove(0);
        self.at = end;
        true
    }

    fn step(&mut self) {
        let byte = self.bytes[self.at];
        let next = self.bytes.get(self.at + 1).copied();
        let was_space =
            std::mem::replace(&mut self.was_space, matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'(' | b'|' | b'&'));
        self.at += 1;
        match (self.place(), byte) {
            (Place::Single, b'\'') | (Place::Double, b'"') => drop(self.open.pop()),
            (Place::Single, _) => {}
            (Place::Comment, b'\n') => {
                self.open.pop();
                self.start_documents();
            }
            (Place::Comment, _) => {}
            (_, b'\\') => self.at += 1,
            (_, b'$') if next == Some(b'(') => {
                self.open.push(Place::Plain);
                self.at += 1;
                self.was_space = true;
            }
            (Place::Double, _) => {}
            (_, b'\'') => self.open.push(Place::Single),
            (_, b'"') => self.open.push(Place::Double),
            (_, b'#') if was_space => self.open.push(Place::Comment),
            (_, b')') if self.open.len() > 1 => drop(self.open.pop()),
            (_, b'(') if self.open.len() > 1 => self.open.push(Place::Plain),
            (_, b'\n') => self.start_documents(),
            (_, b'<') if next == Some(b'<') => self.note_document(),
            _ => {}
        }
    }

    /// Reads `<<EOF`, `<<-EOF`, `<<'EOF'`; `<<<` is a string.
    fn note_document(&mut self) {
        self.at += 1;
        if self.bytes.get(self.at) == Some(&b'<') {
            self.at += 1;
            return;
        }
        let has_tabs = self.bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(has_tabs);
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let is_word = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'<' | b'>' | b')');
        let end =
            self.bytes[self.at..].iter().position(|byte| !is_word(byte)).map_or(self.bytes.len(), |end| self.at + end);
        let word = &self.bytes[self.at..end];
        let counts = !word.iter().any(|byte| matches!(byte, b'\'' | b'"' | b'\\'));
        let plain: Vec<u8> = word.iter().copied().filter(|byte| !matches!(byte, b'\'' | b'"' | b'\\')).collect();
        self.at = end;
        if !plain.is_empty() && !plain[0].is_ascii_digit() {
            self.documents.push((plain, counts, has_tabs));
        }
    }

    fn start_documents(&mut self) {
        // They follow each other; the last is innermost so that the first is read first.
        let kinds: Vec<bool> = self.documents.iter().map(|(_, counts, _)| *counts).collect();
        self.open.extend(kinds.into_iter().rev().map(Place::Document));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocate::mapping::Pair;
    use crate::relocate::splice;

    fn made_relative(script: &str) -> Result<String, Vec<u64>> {
        let mapping = Mapping::new([Pair { old: b"/p".to_vec(), new: b"/p".to_vec() }]).unwrap();
        let hits = mapping.in_text(script.as_bytes());
        let splices = of_shell(script.as_bytes(), 0, "..", Use::Run, &hits, &mapping)?;
        let new = splice::apply(script.as_bytes(), &splices[1..], &mapping);
        Ok(String::from_utf8(new).unwrap())
    }

    #[test]
    fn variable_is_quoted_as_its_place_asks() {
        let v = "${tagalong_prefix}";
        let table = [
            ("x=/p/lib", format!("x=\"{v}\"/lib")),
            ("x=\"/p/lib /p\"", format!("x=\"{v}/lib {v}\"")),
            ("x='/p/lib'", format!("x=''\"{v}\"'/lib'")),
            ("# it's /p\ny=/p", format!("# it's {v}\ny=\"{v}\"")),
            ("echo \"$(ls /p \"/p\")/p\" /p", format!("echo \"$(ls \"{v}\" \"{v}\"){v}\" \"{v}\"")),
            ("echo \\' /p", format!("echo \\' \"{v}\"")),
            ("cat <<EOF\nit's /p\nEOF\nx=/p", format!("cat <<EOF\nit's {v}\nEOF\nx=\"{v}\"")),
            ("cat <<-A; cat <<B\n/p\n\tA\n\"/p\"\nB\n/p", format!("cat <<-A; cat <<B\n{v}\n\tA\n\"{v}\"\nB\n\"{v}\"")),
            ("case x in a) y=/p;; esac", format!("case x in a) y=\"{v}\";; esac")),
        ];
        for (script, expected) in table {
            assert_eq!(made_relative(script).unwrap(), expected, "{script}");
        }
        assert_eq!(made_relative("cat <<'E'\n/p\nE\n"), Err(vec![10]));
    }

    #[test]
    fn bare_prefix_with_a_space_is_quoted_and_comes_back() {
        let moved = |script: &[u8], old: &str, new: &str| {
            let mapping = Mapping::new([Pair { old: old.into(), new: new.into() }]).unwrap();
            let splices = quoted(script, 0, &mapping.in_text(script), &mapping);
            splice::apply(script, &splices, &mapping)
        };
        let script = b"A=/p\nB=\"/p\"/lib\nC='/p' D=/p/x\n";
        let there = moved(script, "/p", "/a b");
        assert_eq!(there, b"A=\"/a b\"\"\"\nB=\"/a b\"/lib\nC='/a b' D=\"/a b\"\"\"/x\n");
        assert_eq!(moved(&there, "/a b", "/c d"), moved(script, "/p", "/c d"));
        assert_eq!(moved(&there, "/a b", "/p"), script);
    }
}

//! Finds every whole placeholder in a file and says how it must be replaced.
//!
//! Does not look for what is left of one; `residue.rs` does.

use memchr::memmem;

use crate::model::package::Relocations;
use crate::model::prefix::Placeholder;
use crate::relocate::kind::Kind;

/// The byte offsets of all placeholders in these bytes, ascending.
pub fn occurrences(bytes: &[u8], placeholder: &Placeholder) -> Vec<u64> {
    memmem::find_iter(bytes, placeholder.as_bytes()).map(|offset| offset as u64).collect()
}

/// The relocations of a file of this kind.
pub fn relocations(bytes: &[u8], kind: Kind, placeholder: &Placeholder) -> Relocations {
    let offsets = occurrences(bytes, placeholder);
    if kind.is_text() {
        Relocations { text: offsets, fixed: Vec::new() }
    } else {
        Relocations { text: Vec::new(), fixed: offsets }
    }
}

/// Whether the `#!` line of a file holds one of these offsets: the kernel splits it at white space (execve(2)).
/// `head` is the start of the file; a line that does not end in it is taken as long as it is.
pub fn is_in_interpreter_line(head: &[u8], offsets: &[u64]) -> bool {
    let line = memchr::memchr(b'\n', head).unwrap_or(head.len());
    head.starts_with(b"#!") && offsets.first().is_some_and(|first| *first < line as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_at_both_ends_and_side_by_side() {
        let placeholder = Placeholder::with_length(64).unwrap();
        let text = placeholder.as_str();
        let bytes = format!("{text}{text}/lib {text}");
        assert_eq!(occurrences(bytes.as_bytes(), &placeholder), [0, 64, 64 + 64 + 5]);
        assert!(occurrences(&text.as_bytes()[1..], &placeholder).is_empty());
    }

    #[test]
    fn text_may_change_its_length_and_all_else_may_not() {
        let placeholder = Placeholder::with_length(64).unwrap();
        let text = format!("prefix={}\n", placeholder.as_str()).into_bytes();
        assert_eq!(relocations(&text, Kind::of(&text), &placeholder).text, [7]);
        let opaque = [&text[..], b"\0"].concat();
        assert_eq!(relocations(&opaque, Kind::of(&opaque), &placeholder).fixed, [7]);
    }

    #[test]
    fn interpreter_line_is_the_first_line_of_a_script_only() {
        assert!(is_in_interpreter_line(b"#!/x\nrest", &[2]));
        assert!(is_in_interpreter_line(b"#! /usr/bin/env /x", &[16]));
        assert!(!is_in_interpreter_line(b"#!/x\nrest", &[5]));
        assert!(!is_in_interpreter_line(b"# /x\n", &[2]));
        assert!(!is_in_interpreter_line(b"#!/x\n", &[]));
    }
}

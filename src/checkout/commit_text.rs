//! The head of a commit object: parents and commit date.
//!
//! Does not read objects; `history.rs` and `packs.rs` do.

use gix::ObjectId;

/// Reads the date and appends the parents from the head of a commit (git-hash-object(1) has no page for it; see `commit.c` of git);
/// `None` when it is no commit or the head is not all there.
pub fn parse(commit: &[u8], parents: &mut Vec<ObjectId>) -> Option<i64> {
    let mut rest = commit.strip_prefix(b"tree ")?.get(41..)?;
    while let Some(line) = rest.strip_prefix(b"parent ") {
        parents.push(ObjectId::from_hex(line.get(..40)?).ok()?);
        rest = line.get(41..)?;
    }
    let author = rest.iter().position(|byte| *byte == b'\n')?;
    let committer = rest[author + 1..].strip_prefix(b"committer ")?;
    let committer = &committer[..committer.iter().position(|byte| *byte == b'\n')?];
    // As git does: a date that cannot be read is the oldest one.
    let after_name = committer.iter().rposition(|byte| *byte == b'>').map_or(committer, |end| &committer[end + 1..]);
    let digits = after_name.trim_ascii_start().split(|byte| !byte.is_ascii_digit() && *byte != b'-').next();
    Some(digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_tells_parents_and_date() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let head = format!("tree {a}\nparent {a}\nparent {b}\nauthor A > B <a@b> 1 +0000\ncommitter C <c@d> ");
        let mut parents = Vec::new();
        let mut date = |text: String| {
            parents.clear();
            parse(text.as_bytes(), &mut parents).map(|date| (date, parents.len()))
        };
        assert_eq!(date(format!("{head}1700000000 +0200\n\nmessage")), Some((1_700_000_000, 2)));
        assert_eq!(date(format!("{head}-5 +0200\n")), Some((-5, 2)));
        // A date that is none is the oldest, as it is for git; a head that ends too early is none.
        assert_eq!(date(format!("{head}soon\n")), Some((0, 2)));
        assert_eq!(date(head.clone()), None);
        assert_eq!(date(format!("tree {a}\nparent x\n")), None);
        assert_eq!(date("tree x".to_owned()), None);
    }
}

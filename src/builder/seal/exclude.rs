//! Which installed paths are not packaged: those of the recipe's globs, and those that no package wants.
//!
//! A glob with a `/` is matched against the path from the prefix, one without against each name of it; `*` and `?`
//! stop at `/`, `**` does not; what matches a folder drops all below it. Does not look at files.

/// Dropped from every package: libtool's archives name absolute paths that only libtool reads, compiled Python is
/// made again and holds times, and the index of info pages belongs to no single package.
const ALWAYS: [&str; 5] = ["*.la", "*.pyc", "*.pyo", "__pycache__", "share/info/dir"];

/// Whether a path from the prefix is dropped.
pub fn is_dropped(path: &str, globs: &[String]) -> bool {
    let globs = ALWAYS.iter().copied().chain(globs.iter().map(String::as_str));
    globs.map(|glob| glob.trim_matches('/')).any(|glob| {
        if glob.contains('/') {
            // The path itself and every folder above it.
            let ends = path.match_indices('/').map(|(place, _)| place).chain([path.len()]);
            ends.map(|end| &path[..end]).any(|part| matches(glob.as_bytes(), part.as_bytes()))
        } else {
            path.split('/').any(|name| matches(glob.as_bytes(), name.as_bytes()))
        }
    })
}

/// Whether a glob matches all of a text; takes the product of their lengths, never more.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    // `state[i]`: the glob read so far matches the first `i` bytes of the text.
    let mut state = vec![false; text.len() + 1];
    state[0] = true;
    let mut rest = glob;
    while let Some((&first, after)) = rest.split_first() {
        match (first, after.first()) {
            (b'*', Some(b'*')) => {
                rest = &after[1..];
                // `**/` also stands for nothing.
                let from = state.iter().position(|is_match| *is_match).unwrap_or(state.len());
                if rest.first() == Some(&b'/') {
                    let before = state.clone();
                    rest = &rest[1..];
                    for place in from..state.len() {
                        let is_after_slash = place > 0 && text[place - 1] == b'/' && place > from;
                        state[place] = before[place] || is_after_slash;
                    }
                } else {
                    state[from..].fill(true);
                }
                continue;
            }
            (b'*', _) => {
                for place in 1..state.len() {
                    state[place] |= state[place - 1] && text[place - 1] != b'/';
                }
            }
            (first, _) => {
                for place in (1..state.len()).rev() {
                    let byte = text[place - 1];
                    state[place] = state[place - 1] && (byte == first || (first == b'?' && byte != b'/'));
                }
                state[0] = false;
            }
        }
        rest = after;
    }
    state[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_names_anywhere_and_paths_from_the_prefix() {
        let table = [
            ("lib/libz.la", "", true),
            ("lib/python3/__pycache__/x.txt", "", true),
            ("share/info/dir", "", true),
            ("share/info/z.info", "", false),
            ("lib/libz.a", "*.a", true),
            ("lib/libz.a", "lib/*.a", true),
            ("lib/x/libz.a", "lib/*.a", false),
            ("lib/x/libz.a", "lib/**.a", true),
            ("lib/x/libz.a", "lib/**/*.a", true),
            ("lib/libz.a", "lib/**/*.a", true),
            ("xlib/libz.a", "lib/**/*.a", false),
            ("share/doc/z/README", "share/doc", true),
            ("share/doc/z/README", "/share/doc/", true),
            ("share/docs/z/README", "share/doc", false),
            ("share/man/man3/z.3", "share/man/man?", true),
            ("bin/z", "**", true),
            ("bin/z", "z", true),
        ];
        for (path, glob, expected) in table {
            let globs: Vec<String> =
                [glob].iter().filter(|glob| !glob.is_empty()).map(|glob| glob.to_string()).collect();
            assert_eq!(is_dropped(path, &globs), expected, "{glob} on {path}");
        }
    }
}

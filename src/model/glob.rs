//! The globs of recipes: of what is left out of a package or an install, and of what a package must hold.
//!
//! A glob with a `/` is matched against the path from the prefix, one without against each name of it; `*` and `?`
//! stop at `/`, `**` does not; what matches a folder matches all below it.

/// Whether a glob matches a path, a name in it or a folder above it.
pub fn matches_part(glob: &str, path: &str) -> bool {
    let glob = glob.trim_matches('/');
    if glob.contains('/') {
        // The path itself and every folder above it.
        let mut ends = path.match_indices('/').map(|(place, _)| place).chain([path.len()]);
        ends.any(|end| matches(glob.as_bytes(), &path.as_bytes()[..end]))
    } else {
        path.split('/').any(|name| matches(glob.as_bytes(), name.as_bytes()))
    }
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
            assert_eq!(matches_part(glob, path), expected, "{glob} on {path}");
        }
    }
}

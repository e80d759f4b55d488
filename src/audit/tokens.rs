//! The tokens that the loader replaces in library paths and names (ld.so(8), "Dynamic string tokens").
//!
//! Does not know which object a text belongs to; `loader.rs` does.

/// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`, with or without braces; what only starts like one stays.
pub fn expand(text: &str, origin: &str, lib: &str, platform: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('$') {
        out.push_str(&rest[..place]);
        rest = &rest[place..];
        let token = [("ORIGIN", origin), ("LIB", lib), ("PLATFORM", platform)].into_iter().find_map(|(word, value)| {
            let braced = rest.strip_prefix("${").and_then(|rest| rest.strip_prefix(word)?.strip_prefix('}'));
            let plain = || {
                let after = rest[1..].strip_prefix(word)?;
                let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                (!goes_on).then_some(after)
            };
            braced.or_else(plain).map(|after| (value, after))
        });
        match token {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

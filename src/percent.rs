//! Percent-encoding (RFC 3986, 2.1), both ways. Pure.

/// The text with `%20` and the like replaced; what is no such code stays.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| after.get(..2)).flatten();
        let code = code.filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if byte != 0 => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A part of a path, or a value, with everything replaced that does not stand for itself (RFC 3986, 2.3).
pub fn encoded(text: &str) -> String {
    encoded_but(text, None)
}

/// A path with everything replaced that does not stand for itself, but the slashes.
pub fn encoded_path(path: &str) -> String {
    encoded_but(path, Some(b'/'))
}

fn encoded_but(text: &str, kept: Option<u8>) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ if Some(byte) == kept => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_both_ways() {
        assert_eq!(encoded_path("a+b/c d"), "a%2Bb/c%20d");
        assert_eq!(encoded("group/project"), "group%2Fproject");
        assert_eq!(decoded("a%2Bb%zz%+f%0"), "a+b%zz%+f%0");
    }
}

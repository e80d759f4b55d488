//! Takes the few values out of S3's XML answers that this program needs.
//!
//! Is no XML parser: answers have no attributes, comments or namespaces that matter, and what does not look like one
//! has none of the values.

/// The text between `<name>` and `</name>`, with entities replaced.
pub(super) fn value(xml: &str, name: &str) -> Option<String> {
    parts(xml, name).next().map(unescaped)
}

/// The insides of each `<name>…</name>`, as they are.
pub(super) fn parts<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&start)?;
        let (inside, after) = after.split_once(&end)?;
        rest = after;
        Some(inside)
    })
}

fn unescaped(text: &str) -> String {
    let entities = [("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_nonsense_has_none() {
        let xml = "<?xml version=\"1.0\"?><L><C><Key>a&amp;b</Key><Size>1</Size></C><C><Key>c</Key></C></L>";
        let keys: Vec<_> = parts(xml, "C").map(|part| value(part, "Key").unwrap()).collect();
        assert_eq!(keys, ["a&b", "c"]);
        assert_eq!(value(xml, "Size").as_deref(), Some("1"));
        assert_eq!(value("<Key>a", "Key"), None);
        assert_eq!(value("", "Key"), None);
    }
}

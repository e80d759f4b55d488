//! Writes the few kinds of YAML that pipelines are made of: maps, lists, texts, numbers and flags (YAML 1.2, chapter 8).
//!
//! Does not read YAML. The same values give the same bytes.

/// A value of a pipeline; maps keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Value {
        Value::List(texts.into_iter().map(Value::text).collect())
    }

    pub fn map<V: Into<Value>>(pairs: impl IntoIterator<Item = (&'static str, V)>) -> Value {
        Value::Map(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }

    /// The value on one line, if it is written on one.
    fn on_one_line(&self) -> Option<String> {
        match self {
            Value::Text(text) if text.contains('\n') && is_block(text) => None,
            Value::Text(text) => Some(scalar(text)),
            Value::Number(number) => Some(number.to_string()),
            Value::Flag(flag) => Some(flag.to_string()),
            Value::List(list) if list.is_empty() => Some("[]".to_owned()),
            Value::Map(map) if map.is_empty() => Some("{}".to_owned()),
            Value::List(_) => None,
            // Needs are many: each takes one line.
            Value::Map(map) => {
                let pairs: Vec<String> = map
                    .iter()
                    .map(|(name, value)| match value {
                        Value::Text(text) if !text.contains('\n') => {
                            Some(format!("{}: {}", scalar(name), quoted(text)))
                        }
                        Value::Flag(_) | Value::Number(_) => {
                            Some(format!("{}: {}", scalar(name), value.on_one_line()?))
                        }
                        _ => None,
                    })
                    .collect::<Option<_>>()?;
                Some(format!("{{{}}}", pairs.join(", "))).filter(|line| line.len() <= 160)
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

/// Writes the pairs of a document.
pub fn write(pairs: &[(String, Value)], into: &mut String) {
    for (name, value) in pairs {
        into.push('\n');
        write_pair(name, value, 0, into);
    }
}

fn write_pair(name: &str, value: &Value, indent: usize, into: &mut String) {
    into.push_str(&format!("{:indent$}{}:", "", scalar(name)));
    // Only what stands in a list is written in braces.
    let is_block_map = matches!(value, Value::Map(map) if !map.is_empty());
    match value.on_one_line().filter(|_| !is_block_map) {
        Some(line) => into.push_str(&format!(" {line}\n")),
        None => write_block(value, indent + 2, into),
    }
}

/// Writes a value that takes more lines, after the `:` or `-` that it belongs to.
fn write_block(value: &Value, indent: usize, into: &mut String) {
    match value {
        Value::Map(map) => {
            into.push('\n');
            map.iter().for_each(|(name, value)| write_pair(name, value, indent, into));
        }
        Value::List(list) => {
            into.push('\n');
            for value in list {
                into.push_str(&format!("{:indent$}-", ""));
                match (value.on_one_line(), value) {
                    (Some(line), _) => into.push_str(&format!(" {line}\n")),
                    (None, Value::Map(map)) => {
                        let mut block = String::new();
                        map.iter().for_each(|(name, value)| write_pair(name, value, indent + 2, &mut block));
                        // The first line stands behind the dash.
                        into.push_str(&format!(" {}", block.trim_start()));
                    }
                    (None, _) => write_block(value, indent + 2, into),
                }
            }
        }
        Value::Text(text) => {
            let is_ended = text.ends_with('\n');
            into.push_str(if is_ended { " |\n" } else { " |-\n" });
            for line in text.trim_end_matches('\n').split('\n') {
                into.push_str(format!("{:indent$}{line}", "").trim_end_matches(' '));
                into.push('\n');
            }
        }
        Value::Number(_) | Value::Flag(_) => {}
    }
}

/// Whether a text can be a literal block: nothing is lost or needs an escape.
fn is_block(text: &str) -> bool {
    let is_plain = |line: &str| !line.ends_with(' ') && !line.chars().any(char::is_control);
    let body = text.strip_suffix('\n').unwrap_or(text);
    !text.starts_with([' ', '\n']) && !body.is_empty() && !body.ends_with('\n') && body.split('\n').all(is_plain)
}

/// A text as a plain scalar where that means the same, else in quotes.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '_' || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._/-+=".contains(c))
        && !text.ends_with(' ')
        && !text.contains(" -")
        && !is_word_of_yaml(text);
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// Texts that other YAML readers take for something else (YAML 1.1: bool, null, float).
fn is_word_of_yaml(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan"];
    words.contains(&text.to_ascii_lowercase().as_str())
        || text.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit())
}

/// A text in double quotes; whatever is no printable character as an escape.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_so_that_they_are_read_as_they_are() {
        let value = vec![
            (
                "a job: x".to_owned(),
                Value::map([("script", Value::texts(["echo hi", "- no", "yes", "a: b\nc", "x\ny "]))]),
            ),
            ("empty".to_owned(), Value::List(vec![])),
            (
                "needs".to_owned(),
                Value::List(vec![Value::Map(vec![
                    ("job".into(), "a".into()),
                    ("artifacts".into(), Value::Flag(true)),
                ])]),
            ),
            (
                "n".to_owned(),
                Value::List(vec![Value::Map(vec![("key".into(), "1".into()), ("paths".into(), Value::texts(["p"]))])]),
            ),
        ];
        let mut text = String::new();
        write(&value, &mut text);
        let expected = "\n\"a job: x\":\n  script:\n    - echo hi\n    - \"- no\"\n    - \"yes\"\n    - |-\n      a: b\n      c\n    - \"x\\ny \"\n\
                        \nempty: []\n\nneeds:\n  - {job: \"a\", artifacts: true}\n\n\"n\":\n  - key: \"1\"\n    paths:\n      - p\n";
        assert_eq!(text, expected);
    }
}

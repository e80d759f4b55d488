//! YAML as a tree of nodes that know their lines; the only file that knows `saphyr-parser`.
//!
//! Does not resolve aliases and types: an alias could stand for a billion nodes, and every scalar is a text here.

use saphyr_parser::{Event, Parser, ScanError};

use crate::recipe_import::ImportError;

/// The deepest nesting that is read; people write five levels.
const DEEPEST: usize = 40;

/// One node and the line that it starts on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub line: usize,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    List(Vec<Node>),
    Map(Vec<Pair>),
    /// `*name`, which is not followed.
    Alias,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub line: usize,
    pub key: String,
    pub value: Node,
}

impl Node {
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The pairs of a map; none for what is no map.
    pub fn pairs(&self) -> &[Pair] {
        if let Value::Map(pairs) = &self.value { pairs } else { &[] }
    }

    /// The nodes of a list; what is no list is a list of one, and an empty text is none.
    pub fn nodes(&self) -> &[Node] {
        match &self.value {
            Value::List(nodes) => nodes,
            Value::Text(text) if text.is_empty() => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The value of a key of a map.
    pub fn at(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|pair| pair.key == key).map(|pair| &pair.value)
    }

    /// The lines that something of it starts on.
    pub fn lines(&self) -> Vec<usize> {
        let mut lines = vec![self.line];
        match &self.value {
            Value::List(nodes) => lines.extend(nodes.iter().flat_map(Node::lines)),
            Value::Map(pairs) => {
                lines.extend(pairs.iter().flat_map(|pair| std::iter::once(pair.line).chain(pair.value.lines())));
            }
            Value::Text(_) | Value::Alias => {}
        }
        lines
    }
}

/// What is open while the events come: the nodes so far, or the pairs and the key that waits for its value.
enum Open {
    List(usize, Vec<Node>),
    Map(usize, Vec<Pair>, Option<(usize, String)>),
}

/// Reads the first document of a text.
///
/// # Errors
/// [`ImportError::Yaml`] with the line.
pub fn read(text: &str) -> Result<Node, ImportError> {
    let wrong = |line: usize, reason: &str| ImportError::Yaml { line, reason: reason.to_owned() };
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| broken(&error))?;
        let line = span.start.line();
        let done = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(line, Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(line, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(line, nodes)) => Some(Node { line, value: Value::List(nodes) }),
                Some(Open::Map(line, pairs, _)) => Some(Node { line, value: Value::Map(pairs) }),
                None => return Err(wrong(line, "it closes what is not open")),
            },
            Event::Scalar(text, style, ..) => {
                // An absent value reads as the text `~`.
                let is_absent = text == "~" && format!("{style:?}") == "Plain";
                let text = if is_absent { String::new() } else { text.into_owned() };
                Some(Node { line, value: Value::Text(text) })
            }
            Event::Alias(_) => Some(Node { line, value: Value::Alias }),
            Event::DocumentEnd | Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => None,
        };
        if open.len() > DEEPEST {
            return Err(wrong(line, "it is nested too deep"));
        }
        let Some(node) = done else { continue };
        match open.last_mut() {
            None => return Ok(node),
            Some(Open::List(_, nodes)) => nodes.push(node),
            Some(Open::Map(_, pairs, waiting)) => match waiting.take() {
                None => {
                    let Value::Text(key) = node.value else { return Err(wrong(line, "a key is no text")) };
                    *waiting = Some((node.line, key));
                }
                Some((line, key)) => pairs.push(Pair { line, key, value: node }),
            },
        }
    }
    Ok(Node { line: 1, value: Value::Map(Vec::new()) })
}

fn broken(error: &ScanError) -> ImportError {
    ImportError::Yaml { line: error.marker().line(), reason: error.info().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines() {
        let node = read("a: 1\nb:\n  - x\n  - {c: d}\ne:\n").unwrap();
        assert_eq!(node.at("b").unwrap().nodes()[1].line, 4);
        assert_eq!(node.pairs()[2].line, 5);
        assert_eq!(node.at("e").unwrap().text(), Some(""));
        assert_eq!(node.at("a").unwrap().text(), Some("1"));
    }

    #[test]
    fn what_is_no_yaml_is_an_error_and_no_panic() {
        let deep = "[".repeat(100_000);
        for text in ["package:\n  name: [\n", deep.as_str()] {
            assert!(read(text).is_err(), "{:?}", text.get(..10));
        }
        // What of these is YAML is for the parser to say.
        for text in ["a: b: c", "\t- x", "{a: 1", "- *x", "? [a]\n: b", "%YAML 9\n", "\u{0}", "---\n...\n- ]"] {
            drop(read(text));
        }
        assert!(read("").unwrap().pairs().is_empty());
        assert!(read("a: &x [1]\nb: *x\n").unwrap().at("b").is_some());
    }
}

//! The assignments of a shell script, read and never run: `NAME="value"`, with quotes removed and variables left.
//!
//! Does not know what the variables mean (`karabo.rs`).

/// The most lines that one value goes over; an open quote would take the whole file otherwise.
const LONGEST_VALUE: usize = 200;

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `NAME=value`; the value's quotes are removed, `$NAME` and `$(…)` in it stay as they are.
    Assignment { line: usize, name: String, value: String },
    /// Anything else: one line.
    Other { line: usize, text: String },
}

/// Reads a script; comments and empty lines are left out.
pub fn read(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((place, first)) = lines.next() {
        let line = place + 1;
        let trimmed = first.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let start = trimmed.strip_prefix("export ").map_or(trimmed, str::trim_start);
        let Some((name, rest)) = start.split_once('=').filter(|(name, _)| is_name(name)) else {
            statements.push(Statement::Other { line, text: trimmed.to_owned() });
            continue;
        };
        let mut whole = rest.to_owned();
        // A quote that is open goes on in the next line; a backslash at the end too.
        let mut count = 0;
        while count < LONGEST_VALUE && word(&whole) == Word::Open {
            count += 1;
            let Some((_, next)) = lines.next() else { break };
            whole.push('\n');
            whole.push_str(next);
        }
        match word(&whole) {
            Word::Whole(value) => statements.push(Statement::Assignment { line, name: name.to_owned(), value }),
            _ => {
                let texts = std::iter::once(first).chain(whole.lines().skip(1));
                let other = |(offset, text): (usize, &str)| Statement::Other {
                    line: line + offset,
                    text: text.trim().to_owned(),
                };
                statements.extend(texts.enumerate().map(other));
            }
        }
    }
    statements
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What comes after `=`.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Whole(String),
    /// A quote, or a substitution, is not closed yet.
    Open,
    /// There is more than one word: a command with a variable, an array.
    More,
}

/// Reads one word of sh(1), whose quotes are removed; a comment may follow it.
fn word(text: &str) -> Word {
    let mut value = String::new();
    let mut characters = text.chars().peekable();
    let mut quote: Option<char> = None;
    let mut depth = 0usize;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), other) => value.push(other),
            (Some('"'), '"') if depth == 0 => quote = None,
            (None, '\'' | '"') if depth == 0 => quote = Some(character),
            (_, '\\') => match characters.next() {
                None => return Word::Open,
                Some('\n') => {}
                // In double quotes the backslash is kept before all but these (sh(1)).
                Some(next) if quote.is_none() || "\"\\$`".contains(next) => {
                    if next == '$' || next == '`' {
                        value.push('\\');
                    }
                    value.push(next);
                }
                Some(next) => value.extend(['\\', next]),
            },
            (_, '$') if characters.peek() == Some(&'(') => {
                depth += 1;
                value.push('$');
                value.extend(characters.next());
            }
            (_, '(') if depth > 0 => {
                depth += 1;
                value.push('(');
            }
            (_, ')') if depth > 0 => {
                depth -= 1;
                value.push(')');
            }
            (None, '(' | '|' | '&' | '<' | '>') if depth == 0 => return Word::More,
            (None, c) if depth == 0 && (c.is_whitespace() || c == ';') => {
                let rest: String = characters.collect();
                let rest = rest.trim();
                return if rest.is_empty() || rest.starts_with('#') { Word::Whole(value) } else { Word::More };
            }
            (_, other) => value.push(other),
        }
    }
    if quote.is_some() || depth > 0 { Word::Open } else { Word::Whole(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(line: usize, name: &str, value: &str) -> Statement {
        Statement::Assignment { line, name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn quotes_are_removed_and_nothing_is_run() {
        let text = "# head\nA=\"x y\" # why\nB='a $(rm -rf /) \"b\"'\nexport C=a'b c'\"d\"\nD=\nE=\"one \\\n two\"\nF=\"a\nb\"\nG=\"$(cut -d\" \" x)\"\n";
        let expected = [
            assignment(2, "A", "x y"),
            assignment(3, "B", "a $(rm -rf /) \"b\""),
            assignment(4, "C", "ab cd"),
            assignment(5, "D", ""),
            assignment(6, "E", "one  two"),
            assignment(8, "F", "a\nb"),
            assignment(10, "G", "$(cut -d\" \" x)"),
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_is_no_single_assignment_is_told_by_its_line() {
        for text in ["A=1 make", "A=( $(ls) )", "make install", "if true; then", "A=$(x) | y", "A=\"open", "1A=2"] {
            let read = read(text);
            assert!(matches!(read.as_slice(), [Statement::Other { line: 1, .. }]), "{text}: {read:?}");
        }
    }
}

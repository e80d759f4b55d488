//! The little of Jinja that recipes of conda use: `{% set x = … %}`, `{{ x }}`, filters on texts, and selectors.
//!
//! What it does not know it leaves as [`UNKNOWN`], so that who reads the value sees that there is none.

use std::collections::BTreeMap;

use crate::recipe_import::found::Ledger;

/// Stands where an expression could not be told; no name, version or address holds it by itself.
pub const UNKNOWN: &str = "jinja-unknown-expression";

/// The longest value of a variable, in bytes: `{% set x = x ~ x %}` doubles it line by line.
const LONGEST: usize = 256;

/// The values of variables by name.
pub type Variables = BTreeMap<String, String>;

/// A `meta.yaml` as plain YAML for Linux, with as many lines as it had.
pub fn plain(text: &str, variables: &mut Variables, ledger: &mut Ledger<'_>) -> String {
    let mut lines = Vec::new();
    let mut blocks = 0usize;
    for (place, line) in text.lines().enumerate() {
        lines.push(plain_line(line, place + 1, &mut blocks, variables, ledger));
    }
    lines.join("\n") + "\n"
}

fn plain_line(
    line: &str,
    number: usize,
    blocks: &mut usize,
    variables: &mut Variables,
    ledger: &mut Ledger<'_>,
) -> String {
    let line = without_comments(line);
    if let Some(statement) = line.trim().strip_prefix("{%") {
        let statement = statement.trim_end_matches('}').trim_end_matches('%').trim_matches(['-', ' ']);
        let word = statement.split_whitespace().next().unwrap_or_default();
        match word {
            "set" if *blocks == 0 => match set(statement, variables) {
                Some((name, value)) => drop(variables.insert(name, value)),
                None => ledger.lose(number, "the value of this variable cannot be told without running Jinja"),
            },
            "if" | "for" | "macro" => {
                *blocks += 1;
                ledger.lose(number, "Jinja's blocks are not run; what stands in them is left out");
            }
            "endif" | "endfor" | "endmacro" => *blocks = blocks.saturating_sub(1),
            _ => ledger.lose(number, "this statement of Jinja is not known"),
        }
        return String::new();
    }
    if *blocks > 0 {
        if !line.trim().is_empty() {
            ledger.lose(number, "it stands in a block of Jinja");
        }
        return String::new();
    }
    if let Some((rest, selector)) = selector(&line) {
        match judged(selector) {
            Some(true) => return filled(rest, "{{", variables),
            Some(false) if ["win", "osx"].iter().any(|os| selector.contains(os)) => return String::new(),
            Some(false) => ledger.lose(number, "its selector does not hold on Linux for x86_64"),
            None => ledger.lose(number, "its selector cannot be judged; write it as `[[when]]`"),
        }
        return String::new();
    }
    filled(&line, "{{", variables)
}

fn without_comments(line: &str) -> String {
    let mut line = line.to_owned();
    while let Some(start) = line.find("{#") {
        let end = line[start..].find("#}").map_or(line.len(), |length| start + length + 2);
        line.replace_range(start..end, "");
    }
    line
}

fn set(statement: &str, variables: &Variables) -> Option<(String, String)> {
    let (name, expression) = statement.strip_prefix("set")?.split_once('=')?;
    Some((name.trim().to_owned(), evaluate(expression, variables)?))
}

/// A line without its selector, and the selector: `- cmake  # [win]`.
fn selector(line: &str) -> Option<(&str, &str)> {
    let at = line.rfind("# [").or_else(|| line.rfind("#["))?;
    let inner = line[at..].trim_start_matches(['#', ' ']).strip_prefix('[')?;
    Some((&line[..at], inner.split_once(']')?.0))
}

/// Whether a selector holds on Linux for x86_64; `None` where that is not all it asks.
pub fn judged(selector: &str) -> Option<bool> {
    let spaced = selector.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let value = either(&mut rest, 0)?;
    rest.is_empty().then_some(value)
}

fn either(rest: &mut &[&str], depth: usize) -> Option<bool> {
    let mut value = both(rest, depth);
    while let ["or", after @ ..] = *rest {
        *rest = after;
        value = match (value, both(rest, depth)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }
    value
}

fn both(rest: &mut &[&str], depth: usize) -> Option<bool> {
    let mut value = one(rest, depth);
    while let ["and", after @ ..] = *rest {
        *rest = after;
        value = match (value, one(rest, depth)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
    value
}

fn one(rest: &mut &[&str], depth: usize) -> Option<bool> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    if depth > 20 {
        return None;
    }
    match *first {
        "not" => one(rest, depth + 1).map(|value| !value),
        "(" => {
            let value = either(rest, depth + 1);
            let [")", after @ ..] = *rest else { return None };
            *rest = after;
            value
        }
        "linux" | "linux64" | "unix" | "x86_64" | "x86" | "true" | "True" => Some(true),
        "win" | "win32" | "win64" | "osx" | "arm64" | "aarch64" | "ppc64le" | "s390x" | "armv6l" | "armv7l"
        | "linux32" | "emscripten" | "wasi" | "false" | "False" => Some(false),
        // A comparison takes its other side with it.
        _ => {
            if let [operator, _, after @ ..] = *rest
                && ["==", "!=", "<", ">", "<=", ">=", "in"].contains(operator)
            {
                *rest = after;
            }
            None
        }
    }
}

/// A text with the expressions between `open` (`{{`, `${{`) and `}}` put in.
pub fn filled(text: &str, open: &str, variables: &Variables) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let inner = &rest[at + open.len()..];
        let Some(end) = inner.find("}}") else { break };
        result.push_str(&rest[..at]);
        result.push_str(&evaluate(&inner[..end], variables).unwrap_or_else(|| UNKNOWN.to_owned()));
        rest = &inner[end + 2..];
    }
    result + rest
}

/// The value of an expression: texts, numbers, variables, `~` and `+`, and what is done to texts.
pub fn evaluate(expression: &str, variables: &Variables) -> Option<String> {
    let mut reader = Reader { rest: expression.trim(), variables };
    let mut value = reader.operand()?;
    loop {
        reader.space();
        if value.len() > LONGEST {
            return None;
        }
        if reader.rest.is_empty() {
            return Some(value);
        }
        if !(reader.take("~") || reader.take("+")) {
            return None;
        }
        value.push_str(&reader.operand()?);
    }
}

struct Reader<'a> {
    rest: &'a str,
    variables: &'a Variables,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, word: &str) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn name(&mut self) -> &'a str {
        self.space();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    fn text(&mut self) -> Option<&'a str> {
        self.space();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn operand(&mut self) -> Option<String> {
        self.space();
        let mut value = match self.text() {
            Some(text) => text.to_owned(),
            None if self.rest.starts_with(|c: char| c.is_ascii_digit()) => {
                let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest;
                number.to_owned()
            }
            None => match self.name() {
                // What conda-build itself sets.
                "PYTHON" => "python3".to_owned(),
                "RECIPE_DIR" => return None,
                name => self.variables.get(name)?.clone(),
            },
        };
        loop {
            if self.take("|") || self.take(".") {
                let verb = self.name();
                let arguments = self.arguments()?;
                value = self.done(&value, verb, &arguments)?;
            } else if self.take("[") {
                let place: usize = self.name().parse().ok()?;
                value = value.chars().nth(place).filter(|_| self.take("]"))?.to_string();
            } else {
                return Some(value);
            }
        }
    }

    /// The texts between parentheses; none where there are no parentheses.
    fn arguments(&mut self) -> Option<Vec<&'a str>> {
        let mut arguments = Vec::new();
        if !self.take("(") {
            return Some(arguments);
        }
        while !self.take(")") {
            arguments.push(self.text()?);
            self.take(",");
        }
        Some(arguments)
    }

    fn done(&mut self, value: &str, verb: &str, arguments: &[&str]) -> Option<String> {
        Some(match (verb, arguments) {
            ("lower", []) => value.to_lowercase(),
            ("upper", []) => value.to_uppercase(),
            ("string" | "trim" | "strip", []) => value.trim().to_owned(),
            ("replace", [from, to]) if value.len().max(1) * to.len().max(1) < LONGEST * LONGEST => {
                value.replace(from, to)
            }
            ("split", [mark]) if !mark.is_empty() => {
                let place: usize = self.take("[").then(|| self.name().parse().ok()).flatten()?;
                let part = value.split(mark).nth(place)?.to_owned();
                self.take("]").then_some(part)?
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_on_texts_are_evaluated_and_others_are_not() {
        let variables =
            Variables::from([("version".to_owned(), "1.2.3".to_owned()), ("name".to_owned(), "Foo".to_owned())]);
        for (expression, value) in [
            (" version ", Some("1.2.3")),
            ("name|lower", Some("foo")),
            ("name[0] ~ '/' ~ name.lower()", Some("F/foo")),
            ("version.replace('.', '_')", Some("1_2_3")),
            ("version.split(\".\")[1]", Some("2")),
            ("version | replace(\".\", \"\")", Some("123")),
            ("1.5", Some("1.5")),
            ("compiler('c')", None),
            ("version.split('.')[:2]", None),
            ("environ.get('X', '')", None),
            ("", None),
        ] {
            assert_eq!(evaluate(expression, &variables).as_deref(), value, "{expression}");
        }
    }

    #[test]
    fn selectors_are_judged_for_linux() {
        for (selector, value) in [
            ("linux", Some(true)),
            ("not win", Some(true)),
            ("osx or win", Some(false)),
            ("unix and not osx", Some(true)),
            ("(win or linux) and x86_64", Some(true)),
            ("py<39", None),
            ("win and vc == 14", Some(false)),
            ("linux or cuda_compiler_version != \"None\"", Some(true)),
            ("linux and", None),
        ] {
            assert_eq!(judged(selector), value, "{selector}");
        }
    }
}

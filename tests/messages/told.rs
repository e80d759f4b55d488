//! One error and the message it becomes, taken apart again as the user reads it.

use std::fmt::{self, Debug, Display};

use tagalong::cli::failure::Failure;

/// A message, under the name of its error.
pub struct Told {
    /// The variants from the outside in: `Place > Host > NoFolder`.
    pub name: String,
    pub code: i32,
    /// The whole message.
    pub text: String,
}

/// Messages of errors that are turned into words by value.
pub fn by_value<E: Debug + Into<Failure>>(room: &str, errors: Vec<E>) -> Vec<Told> {
    errors.into_iter().map(|error| Told::new(room, &format!("{error:?}"), error.into())).collect()
}

/// Messages of errors that are turned into words by reference.
pub fn by_reference<E: Debug>(room: &str, errors: Vec<E>) -> Vec<Told>
where
    for<'a> Failure: From<&'a E>,
{
    errors.iter().map(|error| Told::new(room, &format!("{error:?}"), Failure::from(error))).collect()
}

impl Told {
    fn new(room: &str, debugged: &str, failure: Failure) -> Told {
        Told { name: format!("{room} {}", variants(debugged)), code: failure.code as i32, text: failure.to_string() }
    }

    /// The line after `error: `, behind the report if there is one.
    pub fn what(&self) -> &str {
        let line = self.summary().next().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or_default()
    }

    pub fn why(&self) -> Vec<&str> {
        self.part("  why: ")
    }

    pub fn next(&self) -> Vec<&str> {
        self.part(" next: ")
    }

    /// Whether something stands before the summary: a report with carets, the end of a log.
    pub fn has_report(&self) -> bool {
        self.summary().count() < self.text.lines().count()
    }

    /// The lines from the last `error: ` on; a report has such lines of its own.
    fn summary(&self) -> impl Iterator<Item = &str> {
        let start = self.text.lines().rev().position(|line| line.starts_with("error: ")).unwrap_or_default();
        self.text.lines().skip(self.text.lines().count().saturating_sub(start + 1))
    }

    fn part(&self, label: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut is_inside = false;
        for line in self.summary().skip(1) {
            match (line.strip_prefix(label), line.strip_prefix("       ")) {
                (Some(rest), _) => (found, is_inside) = (vec![rest], true),
                (None, Some(rest)) if is_inside => found.push(rest),
                _ => is_inside = false,
            }
        }
        found
    }
}

impl Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "--- {}\nexit code {}\n{}", self.name, self.code, self.text)
    }
}

/// The names of the variants in what `Debug` writes, from the outside in, as far as one holds nothing but another.
fn variants(debugged: &str) -> String {
    let mut names = Vec::new();
    let mut rest = debugged;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if !rest.starts_with(|c: char| c.is_ascii_uppercase()) {
            return names.join(" > ");
        }
        names.push(&rest[..end]);
        match rest[end..].strip_prefix('(') {
            Some(inner) => rest = inner,
            None => return names.join(" > "),
        }
    }
}

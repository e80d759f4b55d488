//! Tables of fields: which fields a table of a file may have, of which kind, and what they mean; one such table is
//! both what a reader checks against and what the documentation is made from.
//!
//! Does not know any file's own rules.

use std::ops::Range;

use crate::toml_file::Notes;
use crate::toml_file::nearest_word::did_you_mean;
use crate::toml_file::tree::{Placed, Table, Value};

/// One field of a table.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// What holds where the field is absent, for people; `None` for a field that must be there.
    pub default: Option<&'static str>,
    pub meaning: &'static str,
}

/// What the value of a field may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    List,
    TextOrList,
    Flag,
    Count,
    /// A table of texts under names of the user's own.
    Pairs,
    Table(&'static [Field]),
    Tables(&'static [Field]),
    /// Tables under names of the user's own: `[stack.gui]`.
    Named(&'static [Field]),
}

impl Kind {
    /// The kind in words, with its article.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Text => "a text",
            Kind::List => "a list of texts",
            Kind::TextOrList => "a text or a list of texts",
            Kind::Flag => "true or false",
            Kind::Count => "a whole number from 1 up",
            Kind::Pairs => "a table of texts",
            Kind::Table(_) => "a table",
            Kind::Tables(_) => "a list of tables",
            Kind::Named(_) => "a table of tables",
        }
    }

    fn takes(self, value: &Value) -> bool {
        let is_text = |value: &Placed<Value>| matches!(value.value, Value::Text(_));
        match (self, value) {
            (Kind::Text | Kind::TextOrList, Value::Text(_)) | (Kind::Flag, Value::Flag(_)) => true,
            (Kind::List | Kind::TextOrList, Value::List(list)) => list.iter().all(is_text),
            (Kind::Count, Value::Number(number)) => (1..=i64::from(u32::MAX)).contains(number),
            (Kind::Pairs, Value::Table(table)) => table.entries.iter().all(|entry| is_text(&entry.value)),
            (Kind::Table(_), Value::Table(_)) => true,
            (Kind::Named(_), Value::Table(table)) => {
                table.entries.iter().all(|entry| matches!(entry.value.value, Value::Table(_)))
            }
            (Kind::Tables(_), Value::List(list)) => list.iter().all(|one| matches!(one.value, Value::Table(_))),
            _ => false,
        }
    }

    /// How the value would be written right, where that can be told.
    fn hint(self, name: &str, value: &Value) -> Option<String> {
        Some(match (self, value) {
            (Kind::List, Value::Text(text)) => format!("write `{name} = [{text:?}]`"),
            (Kind::Text | Kind::TextOrList, Value::Number(number)) => format!("write `{name} = \"{number}\"`"),
            (Kind::Text, Value::Other("a number with a fraction")) => "put it between quotes".to_owned(),
            (Kind::Flag, Value::Text(_)) => format!("write `{name} = true`, without quotes"),
            (Kind::Count, Value::Text(_)) => "write it without quotes".to_owned(),
            (Kind::Tables(_), _) => format!("write it as `[[{name}]]`"),
            (Kind::Named(_), _) => format!("write it as `[{name}.NAME]`"),
            (Kind::Table(_) | Kind::Pairs, _) => format!("write it as `[{name}]`"),
            _ => return None,
        })
    }
}

/// Reads one table by its fields; what a getter gives is of the right kind, what is not was noted before.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    table: &'a Table,
    fields: &'static [Field],
}

impl<'a> Reader<'a> {
    /// Notes the fields that are unknown or of a wrong kind, here and in all tables below.
    pub fn new(table: &'a Table, fields: &'static [Field], notes: &mut Notes) -> Reader<'a> {
        check(table, fields, notes);
        Reader { table, fields }
    }

    fn below(&self, table: &'a Table, fields: &'static [Field]) -> Reader<'a> {
        Reader { table, fields }
    }

    /// The place of the table as a whole: its head, or the first byte of the file.
    pub fn span(&self) -> Range<usize> {
        if self.table.span.start == 0 { 0..0 } else { self.table.span.clone() }
    }

    /// Notes the fields that must be there and are not. `of` is how the user knows the table.
    pub fn require(&self, of: &str, notes: &mut Notes) {
        // What is absent from a text that is no TOML may only be unreadable.
        if notes.is_broken {
            return;
        }
        for field in self.fields.iter().filter(|field| field.default.is_none()) {
            if self.table.get(field.name).is_none() {
                let hint = format!("it is {}: {}", field.kind.words(), field.meaning.replace("<br>", " "));
                notes.add_with(&self.span(), format!("{of} has no `{}`", field.name), hint);
            }
        }
    }

    fn value(&self, name: &str) -> Option<&'a Placed<Value>> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        let entry = self.table.get(name)?;
        field.kind.takes(&entry.value.value).then_some(&entry.value)
    }

    /// The place of a field's value, of whatever kind.
    pub fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.table.get(name).map(|entry| entry.value.span.clone())
    }

    /// The place of a field's name.
    pub fn key_span(&self, name: &str) -> Option<Range<usize>> {
        self.table.get(name).map(|entry| entry.key.span.clone())
    }

    pub fn text(&self, name: &str) -> Option<Placed<String>> {
        self.value(name).and_then(as_text)
    }

    /// A list of texts, or one text as a list of one; of a list with other things in it, the texts.
    pub fn texts(&self, name: &str) -> Option<Vec<Placed<String>>> {
        let value = &self.table.get(name)?.value;
        match &value.value {
            Value::List(list) => Some(list.iter().filter_map(as_text).collect()),
            _ => as_text(value).map(|text| vec![text]),
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub fn count(&self, name: &str) -> Option<Placed<u32>> {
        let value = self.value(name)?;
        match value.value {
            Value::Number(number) => u32::try_from(number).ok().map(|count| Placed::new(&value.span, count)),
            _ => None,
        }
    }

    /// The names and texts of a table of pairs.
    pub fn pairs(&self, name: &str) -> Vec<(Placed<String>, Placed<String>)> {
        match self.table.get(name).map(|entry| &entry.value.value) {
            Some(Value::Table(table)) => {
                let pair = |entry: &'a crate::toml_file::tree::Entry| Some((entry.key.clone(), as_text(&entry.value)?));
                table.entries.iter().filter_map(pair).collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn table(&self, name: &str) -> Option<Reader<'a>> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        match (field.kind, &self.value(name)?.value) {
            (Kind::Table(fields), Value::Table(table)) => Some(self.below(table, fields)),
            _ => None,
        }
    }

    pub fn tables(&self, name: &str) -> Vec<Reader<'a>> {
        let kind = self.fields.iter().find(|field| field.name == name).map(|field| field.kind);
        match (kind, self.value(name).map(|value| &value.value)) {
            (Some(Kind::Tables(fields)), Some(Value::List(list))) => {
                let table = |one: &'a Placed<Value>| match &one.value {
                    Value::Table(table) => Some(self.below(table, fields)),
                    _ => None,
                };
                list.iter().filter_map(table).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The tables under names of the user's own, with those names.
    pub fn named(&self, name: &str) -> Vec<(Placed<String>, Reader<'a>)> {
        let kind = self.fields.iter().find(|field| field.name == name).map(|field| field.kind);
        match (kind, self.value(name).map(|value| &value.value)) {
            (Some(Kind::Named(fields)), Some(Value::Table(table))) => {
                let pair = |entry: &'a crate::toml_file::tree::Entry| match &entry.value.value {
                    Value::Table(below) => Some((entry.key.clone(), self.below(below, fields))),
                    _ => None,
                };
                table.entries.iter().filter_map(pair).collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn tree(&self) -> &'a Table {
        self.table
    }
}

fn as_text(value: &Placed<Value>) -> Option<Placed<String>> {
    match &value.value {
        Value::Text(text) => Some(Placed::new(&value.span, text.clone())),
        _ => None,
    }
}

fn check(table: &Table, fields: &'static [Field], notes: &mut Notes) {
    for entry in &table.entries {
        let (key, value) = (&entry.key, &entry.value);
        let Some(field) = fields.iter().find(|field| field.name == key.value) else {
            let names = || fields.iter().map(|field| field.name);
            let hint = did_you_mean(&key.value, names()).unwrap_or_else(|| {
                format!("there are {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
            });
            notes.add_with(&key.span, format!("unknown field `{}`", key.value.escape_debug()), hint);
            continue;
        };
        if !field.kind.takes(&value.value) {
            refuse_kind(field, value, notes);
            continue;
        }
        match (field.kind, &value.value) {
            (Kind::Table(below), Value::Table(table)) => check(table, below, notes),
            (Kind::Named(below), Value::Table(table)) => table.entries.iter().for_each(|entry| {
                if let Value::Table(table) = &entry.value.value {
                    check(table, below, notes);
                }
            }),
            (Kind::Tables(below), Value::List(list)) => list.iter().for_each(|one| {
                if let Value::Table(table) = &one.value {
                    check(table, below, notes);
                }
            }),
            _ => {}
        }
    }
}

/// Points at the part of a value that is of the wrong kind.
fn refuse_kind(field: &Field, value: &Placed<Value>, notes: &mut Notes) {
    let name = field.name;
    match (field.kind, &value.value) {
        (Kind::List | Kind::TextOrList, Value::List(list)) => {
            for one in list.iter().filter(|one| !matches!(one.value, Value::Text(_))) {
                notes.add(&one.span, format!("`{name}` holds {}, not only texts", one.value.kind()), None);
            }
        }
        (Kind::Pairs, Value::Table(table)) => {
            for entry in table.entries.iter().filter(|entry| !matches!(entry.value.value, Value::Text(_))) {
                let (key, kind) = (entry.key.value.escape_debug(), entry.value.value.kind());
                let hint = Kind::Text.hint(&entry.key.value, &entry.value.value);
                notes.add(&entry.value.span, format!("`{key}` is {kind}, not a text"), hint);
            }
        }
        (Kind::Count, Value::Number(number)) => {
            notes.add(&value.span, format!("`{name}` is {number}, not {}", Kind::Count.words()), None);
        }
        (kind, wrong) => {
            let what = format!("`{name}` is {}, not {}", wrong.kind(), kind.words());
            notes.add(&value.span, what, kind.hint(name, wrong));
        }
    }
}

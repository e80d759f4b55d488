//! Reads a text into a tree of values that know their places; the only file that knows `toml`.
//!
//! Does not know which fields a file may have: `fields.rs` does.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::toml_file::{Mistake, Notes};

/// The largest file that is read, in bytes; nobody writes a longer one by hand.
const LARGEST: usize = 1 << 20;

/// Something with its byte range in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    pub span: Range<usize>,
    pub value: T,
}

impl<T> Placed<T> {
    pub fn new(span: &Range<usize>, value: T) -> Placed<T> {
        Placed { span: span.clone(), value }
    }
}

/// A table, its entries in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub span: Range<usize>,
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: Placed<String>,
    pub value: Placed<Value>,
}

/// A value of one of the kinds that the program's own files use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<Placed<Value>>),
    Table(Table),
    /// A kind that no field has, by TOML's name for it.
    Other(&'static str),
}

impl Value {
    /// The kind in words, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "a text",
            Value::Number(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(name) => name,
        }
    }
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.value == key)
    }

    /// This table with the entries of another one in place of its own; tables under `deep` keys are overlaid in turn.
    #[must_use]
    pub fn overlaid(&self, over: &Table, deep: &[&str]) -> Table {
        let mut result = self.clone();
        for entry in &over.entries {
            let key = entry.key.value.as_str();
            match result.entries.iter_mut().find(|own| own.key.value == key) {
                Some(own) => match (&own.value.value, &entry.value.value) {
                    (Value::Table(below), Value::Table(above)) if deep.contains(&key) => {
                        own.value.value = Value::Table(below.overlaid(above, &[]));
                    }
                    _ => *own = entry.clone(),
                },
                None => result.entries.push(entry.clone()),
            }
        }
        result
    }
}

/// Reads a text; what is no TOML is noted, all of it, and the rest is read as far as it can be.
pub fn read(text: &str, notes: &mut Notes) -> Table {
    if text.len() > LARGEST {
        let what = format!("the file has {} bytes, the most that is read is {LARGEST}", text.len());
        notes.add_broken("", vec![Mistake { span: 0..0, what, hint: None }]);
        return Table::default();
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistake = |error: toml::de::Error| Mistake {
        span: error.span().unwrap_or(0..0),
        what: error.message().replace('\n', "; "),
        hint: None,
    };
    notes.add_broken(text, errors.into_iter().map(mistake).collect());
    convert_table(table.span(), table.get_ref())
}

fn convert_table(span: Range<usize>, table: &DeTable<'_>) -> Table {
    let convert = |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| Entry {
        key: Placed::new(&key.span(), key.get_ref().to_string()),
        value: Placed::new(&value.span(), convert_value(value.span(), value.get_ref())),
    };
    let mut entries: Vec<Entry> = table.iter().map(convert).collect();
    entries.sort_by_key(|entry| entry.key.span.start);
    Table { span, entries }
}

fn convert_value(span: Range<usize>, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Other("a number out of range"),
        },
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Array(list) => {
            let convert = |value: &toml::Spanned<DeValue<'_>>| {
                Placed::new(&value.span(), convert_value(value.span(), value.get_ref()))
            };
            Value::List(list.iter().map(convert).collect())
        }
        DeValue::Table(table) => Value::Table(convert_table(span, table)),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
    }
}

/// The place of a part of a text value: within the quotes where the value is written plainly, else the whole value.
pub fn part_of(text: &str, value: &Placed<String>, part: &Range<usize>) -> Range<usize> {
    let written = text.get(value.span.clone()).unwrap_or_default();
    let is_plain = written.len() == value.value.len() + 2 && written.get(1..written.len() - 1) == Some(&value.value);
    if !is_plain || part.end > value.value.len() {
        return value.span.clone();
    }
    value.span.start + 1 + part.start..value.span.start + 1 + part.end.max(part.start)
}

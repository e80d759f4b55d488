//! Checks a recipe's licence expression; the only file that knows `spdx`.
//!
//! Does not judge licences.

use spdx::error::Reason;
use spdx::{Expression, ParseMode};

use crate::toml_file::Notes;
use crate::toml_file::nearest_word::nearest_word;
use crate::toml_file::tree::{Placed, part_of};

/// Notes what is no SPDX expression, at the word that is wrong.
pub fn check(text: &str, license: &Placed<String>, notes: &mut Notes) {
    let Err(error) = Expression::parse_mode(&license.value, ParseMode::STRICT) else { return };
    let word = license.value.get(error.span.clone()).unwrap_or_default().trim();
    let span = part_of(text, license, &error.span);
    let (what, hint) = match &error.reason {
        Reason::Empty => {
            ("the licence is empty".to_owned(), Some("write `LicenseRef-…` for what has no SPDX id".to_owned()))
        }
        Reason::UnknownLicense | Reason::UnknownException | Reason::UnknownTerm => {
            (format!("`{}` is not an SPDX licence id", word.escape_debug()), Some(meant(word)))
        }
        Reason::DeprecatedLicenseId => (
            format!("`{}` is an SPDX licence id of old", word.escape_debug()),
            is_gnu(word).then(|| format!("say which: `{0}-only` or `{0}-or-later`", word.trim_end_matches('+'))),
        ),
        other => (format!("the licence is not an SPDX expression: {other}"), None),
    };
    notes.add(&span, what, hint);
}

fn is_gnu(word: &str) -> bool {
    ["GPL", "LGPL", "AGPL", "GFDL"].iter().any(|family| word.starts_with(family))
}

/// What was probably meant by a word that is no id.
fn meant(word: &str) -> String {
    let known = spdx::identifiers::LICENSES.iter().filter(|license| license.name != "NOASSERTION");
    let imprecise = spdx::imprecise_license_id(word).filter(|(_, length)| *length == word.len()).map(|(id, _)| id.name);
    match imprecise.or_else(|| nearest_word(word, known.map(|license| license.name))) {
        Some(id) => format!("did you mean `{id}`?"),
        None => "write `LicenseRef-…` for what has no SPDX id".to_owned(),
    }
}

/// Whether a text is an SPDX licence expression.
pub fn is_expression(text: &str) -> bool {
    Expression::parse_mode(text, ParseMode::STRICT).is_ok()
}

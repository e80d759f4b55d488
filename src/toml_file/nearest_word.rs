//! Finds the word that was probably meant; the only file that knows `strsim`.
//!
//! Does not decide what the known words are.

/// The known word nearest to the one given, if it is near enough to be a slip of the finger.
pub fn nearest_word<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let measured = known.into_iter().filter_map(|word| Some((distance(&given, &word.to_lowercase())?, word)));
    measured.min().map(|(_, word)| word)
}

/// How far two words are apart, if they are near.
fn distance(given: &str, word: &str) -> Option<usize> {
    // A word cut short, or one with more behind it, is as near as one slip.
    if given.len() >= 3 && word.len() >= 3 && (word.starts_with(given) || given.starts_with(word)) {
        return Some(1);
    }
    let distance = strsim::damerau_levenshtein(given, word);
    // A third of the word may be wrong; more is another word.
    (distance <= given.chars().count().max(word.chars().count()).div_ceil(3).min(4)).then_some(distance)
}

/// `did you mean ...?`, if some known word is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest_word(given, known).map(|word| format!("did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_takes_slips_and_refuses_other_words() {
        let known = ["version", "license", "needs", "url"];
        assert_eq!(nearest_word("licence", known), Some("license"));
        assert_eq!(nearest_word("Nedes", known), Some("needs"));
        assert_eq!(nearest_word("vers", known), Some("version"));
        assert_eq!(nearest_word("frobnicate", known), None);
        assert_eq!(nearest_word("x", []), None);
    }
}

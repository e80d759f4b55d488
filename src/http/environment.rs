//! What the environment says to those who ask servers: credentials, credential files, time limits.
//!
//! Does not read the environment: the cli does, once, and hands it in. Nothing of it is ever printed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// How long a server may say nothing, if `TAGALONG_TIMEOUT` does not say otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest file that [`text_of`] reads, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

static VARIABLES: OnceLock<BTreeMap<String, String>> = OnceLock::new();

/// Hands in the variables of the process; only the first time counts.
pub fn enter(variables: impl Iterator<Item = (String, String)>) {
    VARIABLES.get_or_init(|| variables.filter(|(_, value)| !value.is_empty()).collect());
}

/// The value of a variable that is set and not empty.
pub fn variable(name: &str) -> Option<&'static str> {
    VARIABLES.get()?.get(name).map(String::as_str)
}

/// The token of a channel: `TAGALONG_TOKEN_<NAME>`, the name in upper case and `_` for what is no letter or digit.
pub fn token_of(channel: &str) -> Option<&'static str> {
    variable(&token_variable(channel))
}

/// The name of the variable that holds the token of a channel.
pub fn token_variable(channel: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("TAGALONG_TOKEN_{}", channel.chars().map(plain).collect::<String>())
}

/// The text of a file with logins or settings of servers; `None` for one that cannot be read, which is as good as none:
/// the server says whether a login is needed.
pub fn text_of(path: &Path) -> Option<String> {
    let is_sane = fs_err::metadata(path).is_ok_and(|facts| facts.is_file() && facts.len() <= LARGEST_FILE);
    is_sane.then(|| fs_err::read_to_string(path).ok()).flatten()
}

/// How long a server may say nothing, before its answer or within it: `TAGALONG_TIMEOUT` in seconds.
pub fn patience() -> Duration {
    let given = variable("TAGALONG_TIMEOUT").and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
    given.map_or(PATIENCE, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_variables_are_names_that_a_shell_can_set() {
        assert_eq!(token_variable("main"), "TAGALONG_TOKEN_MAIN");
        assert_eq!(token_variable("my-site.2"), "TAGALONG_TOKEN_MY_SITE_2");
    }
}

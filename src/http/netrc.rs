//! Users and passwords by host, from the file that `NETRC` names, else from `~/.netrc` (curl(1), ftp(1)).
//!
//! Does not decide who is sent one: only the host of the address that was asked for is.

use std::path::PathBuf;

use crate::http::environment::{text_of, variable};

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// The login that the user's file has for a host.
pub(super) fn login(host: &str) -> Option<Login> {
    let beside_home = || variable("HOME").map(|home| PathBuf::from(home).join(".netrc"));
    let path = variable("NETRC").map(PathBuf::from).or_else(beside_home)?;
    find(&text_of(&path)?, host)
}

/// The first entry for the host, else the `default` one.
fn find(text: &str, host: &str) -> Option<Login> {
    let mut words = text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let (mut is_for_host, mut user, mut password) = (false, None, None);
    let whole = |user: &Option<&str>, password: &Option<&str>| {
        Some(Login { user: user.unwrap_or_default().to_owned(), password: (*password)?.to_owned() })
    };
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if is_for_host && let Some(login) = whole(&user, &password) {
                    return Some(login);
                }
                is_for_host = word == "default" || words.next() == Some(host);
                (user, password) = (None, None);
            }
            "login" if is_for_host => user = words.next(),
            "password" if is_for_host => password = words.next(),
            "login" | "password" | "account" => {
                words.next();
            }
            // A macro goes on to the next empty line, which words do not show; it is for ftp alone.
            _ => {}
        }
    }
    is_for_host.then(|| whole(&user, &password)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_host_and_the_default_is_last() {
        let text = "# mine\nmachine a.example.org login ada password one\nmachine b.example.org\n  login bob\n  \
                    password two\ndefault login any password three\n";
        let found = |host| find(text, host).map(|login| (login.user, login.password));
        assert_eq!(found("a.example.org"), Some(("ada".to_owned(), "one".to_owned())));
        assert_eq!(found("b.example.org"), Some(("bob".to_owned(), "two".to_owned())));
        assert_eq!(found("c.example.org"), Some(("any".to_owned(), "three".to_owned())));
        assert!(find("machine a login ada", "a").is_none());
        assert!(find("machine", "a").is_none() && find("", "a").is_none());
    }
}

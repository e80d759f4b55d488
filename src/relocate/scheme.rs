//! What a colon before a path means: the scheme of an address (RFC 3986, 3.1), or the end of another path.

use crate::relocate::mapping::{BEFORE, is_in_word};

/// What a colon before slashes may be.
pub(super) enum Scheme {
    /// That of an address: `https:`.
    Known,
    /// A word that may be one, or `name:/path` with padding.
    Possible,
    /// That of a list of paths.
    Path,
}

impl Scheme {
    /// Of the bytes up to and with the colon.
    pub(super) fn before(head: &[u8]) -> Scheme {
        const KNOWN: [&str; 16] = [
            "file", "http", "https", "ftp", "ftps", "sftp", "ssh", "git", "svn", "rsync", "s3", "oci", "ws", "wss",
            "nfs", "smb",
        ];
        let word = &head[..head.len() - 1];
        let start = word.iter().rev().take(BEFORE).take_while(|byte| is_in_word(**byte)).count();
        let word = &word[word.len() - start..];
        // `git+https`.
        let last = word.rsplit(|byte| *byte == b'+').next().unwrap_or_default();
        match word {
            [] => Scheme::Path,
            word if word.contains(&b'/') => Scheme::Path,
            _ if KNOWN.iter().any(|known| last.eq_ignore_ascii_case(known.as_bytes())) => Scheme::Known,
            _ => Scheme::Possible,
        }
    }
}

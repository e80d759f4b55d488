//! Reads a `[[source]]`: its places, the one digest or commit that decides, and what is done with the bytes.
//!
//! Does not fetch; `sources/` does.

use crate::model::digest::Digest;
use crate::model::source::{Identity, Place, Source, Unpack};
use crate::recipe_file::{Document, Mentioned, values};
use crate::toml_file::fields::Reader;
use crate::toml_file::tree::{Placed, part_of};

/// What is replaced in the texts of a place.
pub struct Words {
    pub name: String,
    pub version: String,
}

impl Document<'_> {
    /// One source; `None` when it cannot be told, which was noted then.
    pub(super) fn source(&mut self, source: &Reader<'_>, words: &Words) -> Option<Source> {
        let places = self.places(source, words);
        let identity = self.identity(source, &places);
        for patch in source.texts("patches").unwrap_or_default() {
            if values::check_relative(&patch, &mut self.notes) {
                self.mention(Mentioned::Patch, &patch);
            }
        }
        for name in ["folder", "into"] {
            if let Some(path) = source.text(name) {
                values::check_relative(&path, &mut self.notes);
            }
        }
        let unpack = if source.flag("unpack") == Some(false) { Unpack::File } else { Unpack::Archive };
        if let (Unpack::File, Some(span)) = (unpack, source.key_span("folder")) {
            self.notes.add(&span, "a file that is not unpacked has no `folder`", None);
        }
        if let (Some(span), true) = (source.key_span("unpack"), places.iter().any(is_git)) {
            self.notes.add(&span, "what comes from git is always a folder", None);
        }
        let plain = |name: &str| source.text(name).map(|text| text.value).unwrap_or_default();
        Some(Source {
            identity: identity?,
            places: places.into_iter().map(|place| place.value).collect(),
            patches: source.texts("patches").unwrap_or_default().into_iter().map(|patch| patch.value).collect(),
            folder: plain("folder"),
            into: plain("into"),
            unpack,
        })
    }

    /// The places, in the order in which they are tried: the beside one, the registries, the addresses.
    fn places(&mut self, source: &Reader<'_>, words: &Words) -> Vec<Placed<Place>> {
        let mut places = Vec::new();
        if let Some(path) = source.text("path") {
            let path = self.filled(&path, words);
            if values::check_relative(&path, &mut self.notes) {
                self.mention(Mentioned::Path, &path);
            }
            places.push(Placed::new(&path.span, Place::Path(path.value)));
        }
        if let Some(file) = source.text("debian") {
            let file = self.filled(&file, words);
            self.check_debian(&file);
            places.push(Placed::new(&file.span, Place::Debian(file.value)));
        }
        for (field, mark) in [("crate", "@"), ("pypi", "==")] {
            if let Some(text) = source.text(field) {
                let text = self.filled(&text, words);
                let (name, version) = self.name_and_version(&text, field, mark);
                let place =
                    if field == "crate" { Place::Crate { name, version } } else { Place::Pypi { name, version } };
                places.push(Placed::new(&text.span, place));
            }
        }
        for url in source.texts("url").unwrap_or_default() {
            let filled = self.filled(&url, words);
            if let Some((what, hint)) = values::fault_of_url(&filled.value) {
                self.notes.add(&filled.span, what, hint);
            }
            places.push(Placed::new(&filled.span, Place::Url(filled.value)));
        }
        if let Some(url) = source.text("git") {
            let url = self.filled(&url, words);
            if let Some((what, hint)) = values::fault_of_git(&url.value) {
                self.notes.add(&url.span, what, hint);
            }
            places.push(Placed::new(&url.span, Place::Git { url: url.value }));
        }
        let has_any =
            ["path", "debian", "crate", "pypi", "url", "git"].iter().any(|name| source.tree().get(name).is_some());
        if !has_any && !self.notes.is_broken {
            let hint = "add `url`, `debian`, `crate`, `pypi`, `git` or `path`";
            self.notes.add_with(&source.span(), "this `[[source]]` has no place to come from", hint);
        }
        places
    }

    /// What decides; a source without a digest is the commonest mistake of all.
    fn identity(&mut self, source: &Reader<'_>, places: &[Placed<Place>]) -> Option<Identity> {
        let digest = source.text("sha256");
        let commit = source.text("commit");
        if let Some(git) = places.iter().find(|place| is_git(place)) {
            if let Some(other) = places.iter().find(|place| !is_git(place)) {
                let hint = "a commit and a digest cannot both decide: leave one of the places out";
                self.notes.add_with(&other.span, "a source from git has no other place", hint);
            }
            if let Some(span) = source.key_span("sha256") {
                self.notes.add(&span, "a source from git is decided by its `commit`, not by a `sha256`", None);
            }
            if commit.is_none() && source.key_span("commit").is_none() && !self.notes.is_broken {
                let hint = "`git rev-parse v1.2.3^{commit}` prints it for a tag";
                self.notes.add_with(&git.span, "a source from git has no `commit`", hint);
            }
            return commit.and_then(|commit| values::commit(&commit, &mut self.notes)).map(Identity::Commit);
        }
        if let Some(span) = source.key_span("commit") {
            self.notes.add(&span, "`commit` means nothing without `git`", None);
        }
        if let Some(digest) = digest {
            return self.digest(&digest);
        }
        let is_beside = |place: &Placed<Place>| matches!(place.value, Place::Path(_));
        if !places.is_empty() && places.iter().all(is_beside) {
            return Some(Identity::Beside);
        }
        if let (Some(place), None) = (places.iter().find(|place| !is_beside(place)), source.key_span("sha256"))
            && !self.notes.is_broken
        {
            let hint = "add `sha256 = \"…\"`; `sha256sum FILE` prints it, `tagalong recipe new` writes it";
            self.notes.add_with(&place.span, "this source has no digest", hint);
        }
        None
    }

    fn digest(&mut self, digest: &Placed<String>) -> Option<Identity> {
        match Digest::parse(&digest.value) {
            Ok(parsed) => Some(Identity::Sha256(parsed)),
            Err(_) => {
                let count = digest.value.chars().count();
                let what = match digest.value.chars().find(|c| !c.is_ascii_hexdigit()) {
                    Some(wrong) => format!("the digest holds `{}`, which is no hex digit", wrong.escape_debug()),
                    None => format!("the digest has {count} hex digits, not 64"),
                };
                self.notes.add_with(&digest.span, what, "a SHA-256 has 64 hex digits; `sha256sum FILE` prints it");
                None
            }
        }
    }

    /// A text with `{name}` and `{version}` replaced.
    fn filled(&mut self, text: &Placed<String>, words: &Words) -> Placed<String> {
        let mut result = String::new();
        let mut rest = text.value.as_str();
        while let Some(open) = rest.find('{') {
            let at = text.value.len() - rest.len() + open;
            result.push_str(&rest[..open]);
            let close = rest[open..].find('}').map_or(rest.len(), |length| open + length + 1);
            let word = &rest[open..close];
            match word {
                "{version}" => result.push_str(&words.version),
                "{name}" => result.push_str(&words.name),
                _ => {
                    let span = part_of(self.text, text, &(at..at + word.len()));
                    let what = format!("nothing is known to put in place of `{}`", word.escape_debug());
                    self.notes.add_with(&span, what, "there are `{version}` and `{name}`");
                }
            }
            rest = &rest[close..];
        }
        result.push_str(rest);
        Placed::new(&text.span, result)
    }

    fn check_debian(&mut self, file: &Placed<String>) {
        let text = &file.value;
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "._+-~".contains(c));
        let is_named = text.split_once('_').is_some_and(|(source, _)| {
            source.len() >= 2 && source.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        if !is_plain || !is_named {
            let what = format!("`{}` is not a file of a Debian source package", text.escape_debug());
            self.notes.add_with(&file.span, what, "it is named `<package>_<version>.orig.tar.<xz>`");
        }
    }

    fn name_and_version(&mut self, text: &Placed<String>, field: &str, mark: &str) -> (String, String) {
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "._+-!".contains(c))
        };
        match text.value.split_once(mark) {
            Some((name, version)) if is_word(name) && is_word(version) => (name.to_owned(), version.to_owned()),
            _ => {
                let what = format!("`{}` does not name one release", text.value.escape_debug());
                self.notes.add_with(&text.span, what, format!("write `{field} = \"name{mark}1.2.3\"`"));
                (String::new(), String::new())
            }
        }
    }
}

fn is_git(place: &Placed<Place>) -> bool {
    matches!(place.value, Place::Git { .. })
}

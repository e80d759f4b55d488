//! os-release(5): which system it is, and what of it is the release in a platform id.
//!
//! Pure: text in, names out. `debian-12`, `ubuntu-24`, `almalinux-9`, `alpine-3.19`, `arch-rolling`.

use std::collections::BTreeMap;

/// Systems whose releases are told apart by the first two numbers: the first alone says nothing.
const TWO_NUMBERS: [&str; 8] =
    ["alpine", "postmarketos", "nixos", "openwrt", "guix", "solus", "openmandriva", "buildroot"];

/// Systems without releases, whatever VERSION_ID holds: a date, a snapshot, the version of an installer.
const ROLLING: [&str; 18] = [
    "arch",
    "archarm",
    "artix",
    "blackarch",
    "cachyos",
    "chimera",
    "clear-linux-os",
    "endeavouros",
    "garuda",
    "gentoo",
    "kali",
    "manjaro",
    "opensuse-microos",
    "opensuse-slowroll",
    "opensuse-tumbleweed",
    "parabola",
    "void",
    "wolfi",
];

/// The assignments of an os-release file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease(BTreeMap<String, String>);

impl OsRelease {
    /// Reads the text; lines that are no assignment are passed over, as the page asks of readers.
    pub fn parse(text: &str) -> OsRelease {
        let assignment = |line: &str| {
            let (name, value) = line.trim().split_once('=')?;
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            is_name.then(|| (name.to_owned(), unquote(value)))
        };
        let is_text = |line: &&str| !line.trim_start().starts_with('#');
        OsRelease(text.lines().filter(is_text).filter_map(assignment).collect())
    }

    /// The value of a variable; `None` if it is empty or not set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The id of the system; `linux` where it has none, as the page says.
    pub fn id(&self) -> String {
        plain(self.value("ID").unwrap_or_default(), "-._").unwrap_or_else(|| "linux".to_owned())
    }

    /// The systems that this one says to be like, the closest first.
    pub fn like(&self) -> Vec<String> {
        self.value("ID_LIKE").map(|like| like.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// How the system calls itself.
    pub fn name(&self) -> String {
        self.value("PRETTY_NAME").or_else(|| self.value("NAME")).unwrap_or("Linux").to_owned()
    }

    /// What tells the releases of the system apart, as it stands in a platform id. `debian_version` is the text of
    /// `/etc/debian_version`.
    pub fn release(&self, debian_version: Option<&str>) -> String {
        let id = self.id();
        if ROLLING.contains(&id.as_str()) || self.value("BUILD_ID") == Some("rolling") {
            return "rolling".to_owned();
        }
        let version = self.value("VERSION_ID").and_then(|version| {
            // Snapshots between releases: `3.20_alpha20240329` of Alpine edge.
            let is_snapshot = version.contains("_alpha") || version.contains("_git");
            let parts = if TWO_NUMBERS.contains(&id.as_str()) { 2 } else { 1 };
            let kept: Vec<&str> = version.split('.').take(parts).collect();
            if is_snapshot { Some("edge".to_owned()) } else { plain(&kept.join("."), "._") }
        });
        let codename = || plain(self.value("VERSION_CODENAME")?.split_whitespace().next()?, "._");
        // `forky/sid` is the testing release that will be forky, or sid that looks the same; `sid` alone is sid.
        let debian = || plain(debian_version?.trim().split('/').next()?, "._");
        let is_debian = id == "debian" || self.like().iter().any(|like| like == "debian");
        version
            .or_else(codename)
            .or_else(|| if is_debian { debian() } else { None })
            .unwrap_or_else(|| "rolling".to_owned())
    }
}

/// The text in lower case with `-` or `_` for what is not allowed; `None` when nothing is left.
fn plain(text: &str, extra: &str) -> Option<String> {
    let filler = if extra.contains('-') { '-' } else { '_' };
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c);
    let clean = |c: char| if is_allowed(c) { c } else { filler };
    let cleaned: String = text.trim().to_ascii_lowercase().chars().map(clean).take(32).collect();
    let start = cleaned.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    (!start.is_empty()).then(|| start.to_owned())
}

/// The value of a shell assignment: quotes of both kinds, and backslashes where a shell takes them.
fn unquote(value: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut letters = value.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('\''), letter) => plain.push(letter),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(_), '\\') => match letters.peek() {
                Some('"' | '$' | '`' | '\\') => plain.extend(letters.next()),
                _ => plain.push('\\'),
            },
            (None, '\\') => plain.extend(letters.next()),
            // Outside of quotes an assignment ends at a space; what follows is a comment or a mistake.
            (None, letter) if letter.is_whitespace() => break,
            (_, letter) => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_unquoted_as_a_shell_would() {
        let text = "A=plain\nB=\"two words\"\nC='$x \"y\"'\nD=\"a\\\"b\\$c\\`d\\\\e\\n\"\nE=\n F=\"f\" \n#G=no\nH=x # y\nno line\n1-I=no\nJ=a\\ b";
        let os = OsRelease::parse(text);
        let wanted = [
            ("A", "plain"),
            ("B", "two words"),
            ("C", "$x \"y\""),
            ("D", "a\"b$c`d\\e\\n"),
            ("F", "f"),
            ("H", "x"),
            ("J", "a b"),
        ];
        for (name, value) in wanted {
            assert_eq!(os.value(name), Some(value), "{name}");
        }
        assert_eq!((os.value("E"), os.value("G"), os.value("1-I")), (None, None, None));
    }

    #[test]
    fn hostile_values_never_leave_the_alphabet_of_platform_ids() {
        let os = OsRelease::parse("ID=\"../../Etc PassWd\"\nVERSION_ID=\"/../1 2\"");
        assert_eq!((os.id().as_str(), os.release(None).as_str()), ("etc-passwd", "rolling"));
        let os = OsRelease::parse("ID=\"é\"\nVERSION_ID=\"~1\"");
        assert_eq!((os.id().as_str(), os.release(None).as_str()), ("linux", "1"));
    }
}

//! The programs that builds need: those of the toolchain, and the tools that the recipes name.
//!
//! Does not run them; a build does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::builder::steps::PROGRAM_FOLDERS;
use crate::flow::doctor::Finding;
use crate::model::platform::Platform;
use crate::model::recipe::Recipe;

/// What every build of C and C++ takes, and what fetching and patching take.
const ALWAYS: [&str; 9] = ["cc", "c++", "ld", "as", "ar", "make", "patch", "git", "unshare"];

/// Programs whose package has another name: on Debian and its kin, and on Red Hat's.
const PACKAGES: [(&str, &str, &str); 26] = [
    ("cc", "gcc libc6-dev", "gcc"),
    ("c++", "g++", "gcc-c++"),
    ("gcc", "gcc libc6-dev", "gcc"),
    ("g++", "g++", "gcc-c++"),
    ("gfortran", "gfortran", "gcc-gfortran"),
    ("ld", "binutils", "binutils"),
    ("as", "binutils", "binutils"),
    ("ar", "binutils", "binutils"),
    ("unshare", "util-linux", "util-linux"),
    ("ninja", "ninja-build", "ninja-build"),
    ("pkg-config", "pkg-config", "pkgconf-pkg-config"),
    ("python3", "python3 python3-pip", "python3 python3-pip"),
    ("pip", "python3-pip", "python3-pip"),
    ("pip3", "python3-pip", "python3-pip"),
    ("libtoolize", "libtool", "libtool"),
    ("autoreconf", "autoconf", "autoconf"),
    ("aclocal", "automake", "automake"),
    ("makeinfo", "texinfo", "texinfo"),
    ("msgfmt", "gettext", "gettext"),
    ("autopoint", "autopoint", "gettext-devel"),
    ("xz", "xz-utils", "xz"),
    ("rustc", "rustc", "rust"),
    ("go", "golang-go", "golang"),
    ("perl", "perl", "perl-interpreter"),
    ("tclsh", "tcl", "tcl"),
    ("xsltproc", "xsltproc", "libxslt"),
];

/// Looks for the programs; without recipes what is missing is a warning only.
pub fn findings(recipes: &[Recipe], platform: Option<&Platform>) -> Vec<Finding> {
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in ALWAYS {
        wanted.entry(name).or_default();
    }
    let is_recipe = |tool: &str| recipes.iter().any(|recipe| recipe.name.as_str() == tool);
    for recipe in recipes {
        for tool in recipe.tools.iter().filter(|tool| !is_recipe(tool)) {
            wanted.entry(tool).or_default().push(recipe.name.as_str());
        }
    }
    let (there, missing): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(name, _)| find(name).is_some());
    let names: Vec<&str> = there.iter().map(|(name, _)| *name).collect();
    let mut findings = Vec::new();
    if !names.is_empty() {
        findings.push(Finding::fine("programs", format!("there are {}", names.join(", "))));
    }
    for (name, users) in missing {
        let what = format!("there is no `{name}` in {}", PROGRAM_FOLDERS.replace(':', ", "));
        let is_needed = !users.is_empty() || (ALWAYS[..6].contains(&name) && !recipes.is_empty());
        let why = match users.as_slice() {
            [] => why(name).to_owned(),
            users => format!("it is a tool of {}", users.join(", ")),
        };
        let finding = if is_needed { Finding::error("programs", what) } else { Finding::warning("programs", what) };
        findings.push(finding.why(why).next(format!("`{}`", install(name, platform))));
    }
    findings
}

fn why(name: &str) -> &'static str {
    match name {
        "patch" => "sources with patches cannot be built",
        "git" => "sources from git cannot be fetched",
        "unshare" => "steps cannot be put into a sandbox",
        _ => "nothing can be compiled",
    }
}

fn find(name: &str) -> Option<PathBuf> {
    PROGRAM_FOLDERS.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The command that installs a program; the package has the program's name where nothing else is known.
fn install(name: &str, platform: Option<&Platform>) -> String {
    let id = platform.map(Platform::id).unwrap_or_default();
    let known = PACKAGES.iter().find(|(program, ..)| *program == name);
    let is = |names: &[&str]| names.iter().any(|os| id.starts_with(&format!("{os}-")));
    if is(&["almalinux", "rocky", "rhel", "centos", "fedora", "ol", "scientific", "amzn"]) {
        return format!("dnf install {}", known.map_or(name, |(.., package)| package));
    }
    let package = known.map_or(name, |(_, package, _)| package);
    match () {
        () if is(&["alpine"]) => format!("apk add {package}"),
        () if is(&["opensuse", "sles"]) => format!("zypper install {package}"),
        () if is(&["arch"]) => format!("pacman -S {package}"),
        () => format!("apt-get install {package}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_the_names_that_the_system_gives_them() {
        let platform = |id: &str| Platform::parse(id).unwrap();
        for (name, id, command) in [
            ("c++", "debian-12-x86_64", "apt-get install g++"),
            ("c++", "almalinux-9-x86_64", "dnf install gcc-c++"),
            ("cmake", "ubuntu-24-x86_64", "apt-get install cmake"),
        ] {
            assert_eq!(install(name, Some(&platform(id))), command);
        }
        assert_eq!(install("ninja", None), "apt-get install ninja-build");
    }
}

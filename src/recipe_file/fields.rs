//! The fields of `recipe.toml`: the one table that the reader checks against and the documentation is made from.
//!
//! Does not hold the rules between fields; `checks.rs` and `sources.rs` do.

use crate::toml_file::allowances::ALLOW;
use crate::toml_file::fields::{Field, Kind};

const fn field(name: &'static str, kind: Kind, default: Option<&'static str>, meaning: &'static str) -> Field {
    Field { name, kind, default, meaning }
}

const NONE: Option<&str> = Some("");

/// The file itself.
pub static TOP: &[Field] = &[
    field(
        "name",
        Kind::Text,
        None,
        "the name of the recipe, of its folder and of its package: lower-case letters, digits, `-`, `_`, `+`, `.`",
    ),
    field("version", Kind::Text, None, "the version of the dependency, as its makers write it"),
    field(
        "license",
        Kind::Text,
        None,
        "an SPDX licence expression, such as `MIT` or `GPL-2.0-or-later WITH GCC-exception-2.0`; `LicenseRef-…` for what has no SPDX id",
    ),
    field("homepage", Kind::Text, NONE, "where people read about it"),
    field("summary", Kind::Text, NONE, "what it is, in a sentence"),
    field(
        "needs",
        Kind::List,
        Some("`[]`"),
        "the recipes it needs at build and at run time; they are in every bundle that it is in",
    ),
    field(
        "tools",
        Kind::List,
        Some("`[]`"),
        "what it needs at build time only: a recipe, or else a program of the builder image",
    ),
    field("stacks", Kind::List, Some("`[]`"), "the stacks it belongs to; an install may pick stacks"),
    field(
        "provides",
        Kind::List,
        Some("`[]`"),
        "names beside its own under which others may need it, such as `blas`; where several recipes provide one, `[providers]` of tagalong.toml chooses",
    ),
    field(
        "source",
        Kind::Tables(SOURCE),
        Some("none"),
        "what is fetched, unpacked and patched; `script` alone may do without",
    ),
    field("build", Kind::Table(BUILD), None, "how it is built"),
    field("test", Kind::Tables(TEST), Some("none"), "what must work with the finished package"),
    field("contents", Kind::Table(CONTENTS), Some("anything"), "what the package must hold, and must not"),
    field(
        "exports",
        Kind::Pairs,
        Some("none"),
        "variables that whoever uses the package needs, as `tagalong env` sets them; `{prefix}` is the prefix",
    ),
    field(
        "runtime",
        Kind::List,
        Some("`[]`"),
        "globs of what `tagalong install --runtime` keeps although its rule leaves it out, such as `include/foo/data`; with `!` in front, of what it leaves out too",
    ),
    field("audit", Kind::Table(AUDIT), Some("nothing is allowed"), "what the checks of the package take"),
    field("when", Kind::Tables(WHEN), Some("none"), "what is different on some platforms"),
];

/// One `[[source]]`.
pub static SOURCE: &[Field] = &[
    field(
        "url",
        Kind::TextOrList,
        NONE,
        "where the file is, `https:`, `http:` or `file:`; several are tried in order; `{version}` and `{name}` are replaced",
    ),
    field(
        "sha256",
        Kind::Text,
        Some("required for all but `git` and `path`"),
        "the digest of the file, 64 hex digits; it decides, wherever the bytes come from",
    ),
    field(
        "debian",
        Kind::Text,
        NONE,
        "a file of a Debian source package, `bzip2_1.0.8.orig.tar.gz`, through apt's own settings",
    ),
    field("crate", Kind::Text, NONE, "a crate, `libz-sys@1.1.20`, through cargo's own settings"),
    field("pypi", Kind::Text, NONE, "a release, `numpy==1.26.4`, through pip's own settings"),
    field(
        "git",
        Kind::Text,
        NONE,
        "a git repository, `https:`, `ssh:`, `git:` or `file:`; needs `commit`, and no other place beside it",
    ),
    field("commit", Kind::Text, Some("required for `git`"), "the full id of the commit, 40 hex digits"),
    field("path", Kind::Text, NONE, "a folder, or a file, beside the recipe"),
    field(
        "patches",
        Kind::List,
        Some("`[]`"),
        "files beside the recipe, applied in order as by `patch -p1 --fuzz=0`; each must apply, and must not apply twice",
    ),
    field(
        "folder",
        Kind::Text,
        Some("the whole source"),
        "the folder of the unpacked source that is used; the rest is left out",
    ),
    field("into", Kind::Text, Some("the build folder"), "where it is put, from the build folder"),
    field(
        "unpack",
        Kind::Flag,
        Some("`true`"),
        "`false` for a single file that is put there as it is, under its own name",
    ),
];

/// `[build]`.
pub static BUILD: &[Field] = &[
    field(
        "system",
        Kind::Text,
        None,
        "`autotools`, `cmake`, `meson`, `make`, `python`, `cargo`, `prebuilt` or `script`",
    ),
    field("options", Kind::List, Some("`[]`"), "handed to configure, cmake, meson, make, pip or cargo"),
    field("folder", Kind::Text, Some("the build folder"), "the folder that is built, from the build folder"),
    field("env", Kind::Pairs, Some("none"), "variables set for every step"),
    field("before", Kind::TextOrList, NONE, "shell commands before the system's own steps"),
    field("after", Kind::TextOrList, NONE, "shell commands after the system's own steps"),
    field("targets", Kind::List, Some("make's default"), "what `make` builds (`make`, `autotools`)"),
    field("install-targets", Kind::List, Some("`[\"install\"]`"), "what `make` installs (`make`, `autotools`)"),
    field(
        "script",
        Kind::TextOrList,
        NONE,
        "the shell commands of the build system `script`, which put the package into `{prefix}`",
    ),
    field(
        "was",
        Kind::Text,
        NONE,
        "the prefix, or token, that a `prebuilt` tree was made for; it is relocated from there",
    ),
    field(
        "rpath",
        Kind::Text,
        Some("`\"runpath\"`"),
        "`\"runpath\"` or `\"rpath\"`: which entry of an ELF file holds the library path (ld.so(8))",
    ),
    field("exclude", Kind::List, Some("`[]`"), "globs of installed files that are not packaged, from the prefix"),
    field(
        "keep-static",
        Kind::Flag,
        Some("`true`"),
        "`false` leaves out static libraries that a shared one of the same name stands beside: `libz.a` beside `libz.so`",
    ),
    field(
        "debug",
        Kind::Flag,
        Some("`[build] debug` of tagalong.toml, else `false`"),
        "whether debug information is made, and kept in a package of its own, which `tagalong install --debug` installs; a build that strips its files itself leaves none",
    ),
    field("jobs", Kind::Count, Some("the whole budget"), "the most jobs it may use"),
    field(
        "system-libraries",
        Kind::List,
        Some("`[]`"),
        "libraries of the system, beyond the standard ones, that its files may ask for, such as `libX11.so.6`",
    ),
];

/// One `[[test]]`: one of `run`, `pkg-config` and `cmake`.
pub static TEST: &[Field] = &[
    field(
        "run",
        Kind::Text,
        NONE,
        "a shell command that must succeed with the package installed at another prefix; `{prefix}` is that prefix",
    ),
    field("pkg-config", Kind::Text, NONE, "a module: a program is compiled with its flags, and run"),
    field("cmake", Kind::Text, NONE, "a package: a program is built with what `find_package` finds, and run"),
    field(
        "targets",
        Kind::List,
        Some("`<package>_LIBRARIES`"),
        "the targets of cmake that the program is linked with, such as `PNG::PNG`",
    ),
    field("program", Kind::Text, Some("one that does nothing"), "the text of the program"),
    field("language", Kind::Text, Some("`\"c\"`"), "`\"c\"` or `\"c++\"`: what the program is written in"),
];

/// `[contents]`.
pub static CONTENTS: &[Field] = &[
    field("has", Kind::List, Some("`[]`"), "globs from the prefix: each must match something in the package"),
    field("has-not", Kind::List, Some("`[]`"), "globs from the prefix: none may match anything in the package"),
];

/// The `[audit]` table.
pub static AUDIT: &[Field] = &[field(
    "allow",
    Kind::Tables(ALLOW),
    Some("none"),
    "findings of the seal and of `tagalong audit` that are taken, each with a reason",
)];

/// One `[[when]]`.
pub static WHEN: &[Field] = &[
    field(
        "platform",
        Kind::TextOrList,
        None,
        "globs of the platforms, `ubuntu-20-*`; of the blocks that match, the later one wins",
    ),
    field("version", Kind::Text, NONE, "in place of `version`"),
    field("license", Kind::Text, NONE, "in place of `license`"),
    field("needs", Kind::List, NONE, "in place of `needs`"),
    field("tools", Kind::List, NONE, "in place of `tools`"),
    field("stacks", Kind::List, NONE, "in place of `stacks`"),
    field("provides", Kind::List, NONE, "in place of `provides`"),
    field("source", Kind::Tables(SOURCE), NONE, "in place of all `[[source]]`, as `[[when.source]]`"),
    field(
        "build",
        Kind::Table(BUILD),
        NONE,
        "each field in place of the same one of `[build]`; `build.options = […]` replaces all options",
    ),
    field("contents", Kind::Table(CONTENTS), NONE, "in place of `[contents]`"),
    field("exports", Kind::Pairs, NONE, "in place of `[exports]`"),
    field("runtime", Kind::List, NONE, "in place of `runtime`"),
    field("audit", Kind::Table(AUDIT), NONE, "in place of `[audit]`, as `[[when.audit.allow]]`"),
    field("test", Kind::Tables(TEST), NONE, "in place of all `[[test]]`, as `[[when.test]]`"),
];

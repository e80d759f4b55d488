//! The reference of the recipe format as Markdown, made from the table of fields: `extern-recipes/README.md`.
//!
//! Does not know the fields; `fields.rs` does.

use crate::recipe_file::fields::{AUDIT, BUILD, CONTENTS, SOURCE, TEST, TOP, WHEN};
use crate::toml_file::allowances::ALLOW;
use crate::toml_file::fields::{Field, Kind};

const HEAD: &str = r#"# Recipes

Each folder here says how one dependency is made: `<name>/recipe.toml`, and the patches beside it.
This page is printed by `tagalong recipe reference`; it is made from the table that the program reads recipes with.

```toml
name = "libpng"
version = "1.6.43"
license = "libpng-2.0"
homepage = "http://www.libpng.org/pub/png/libpng.html"
needs = ["zlib"]
tools = ["cmake"]

[[source]]
url = ["https://download.example.org/libpng-{version}.tar.xz", "https://mirror.example.org/libpng-{version}.tar.xz"]
sha256 = "6a5ca0652392a2d7c9db2ae5b40210843c0b9c081fbd410825ab00cc59f14a6c"
patches = ["no-neon.patch"]

[build]
system = "cmake"
options = ["-DPNG_TESTS=OFF"]

[[test]]
run = "pngfix --help"

[[test]]
pkg-config = "libpng"

[[when]]
platform = "ubuntu-20-*"
build.options = ["-DPNG_TESTS=OFF", "-DPNG_HARDWARE_OPTIMIZATIONS=OFF"]
```

`tagalong recipe new NAME --url URL` fetches, digests, looks inside and writes a first version. `tagalong recipe check`
tells all mistakes of all recipes at once.
"#;

const ORDER: &str = "
Several places in one `[[source]]` are several places of the same bytes: one digest decides, wherever they come from.
They are tried in this order: the mirrors of `TAGALONG_SOURCE_MIRRORS` (folders, or `http:` and `https:` addresses, that
hold a file named by the digest), `path`, `debian`, `crate`, `pypi`, then each `url`. `git` stands alone: its
commit decides. A `path` without a digest is part of the recipe, so the repository decides.

Sources are archives (`.tar`, `.tar.gz`, `.tar.xz`, `.tar.bz2`, `.tar.zst`, `.zip`), told by their first bytes; a single top
folder is stripped. Several sources are laid over each other in order; a file that is there already is a mistake.
";

const BUILDS: &str = "
`{prefix}`, `{version}` and `{jobs}` are replaced in `options`, `env`, `before`, `after`, `script` and in the `run` of tests
when it is built: where the package goes, its version, and how many jobs may run at once.
";

const TESTS: &str = r#"
Each is one of `run`, `pkg-config` and `cmake`, and is run where nothing of the build is left:

```toml
[[test]]
pkg-config = "libpng"
program = """
#include <png.h>
int main(void) { return png_access_version_number() == PNG_LIBPNG_VER ? 0 : 1; }
"""

[[test]]
cmake = "PNG"
targets = ["PNG::PNG"]
```
"#;

const GLOBS: &str = "
A glob with a `/` is matched against the path from the prefix, one without against each name of it; `*` and `?` stop at
`/`, `**` does not. `exclude` has the same globs.
";

const ALLOWS: &str = "
A package that the checks find something in is not made; an allowance takes the finding, and says why. Checks that may be
allowed in a recipe are those of `tagalong audit` (`residue-*`, `loader-*`, `symbols-*`, `elf-malformed`); what could not be
installed at all may not. An allowance that nothing is found for is told when the package is made.
";

const WHENS: &str = "
All blocks whose `platform` matches are applied in order. A field replaces the one of the recipe: nothing is added to a
list. All blocks are checked on every platform.
";

/// The whole page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "The recipe", TOP, "");
    section(&mut page, "`[[source]]`", SOURCE, ORDER);
    section(&mut page, "`[build]`", BUILD, BUILDS);
    section(&mut page, "`[[test]]`", TEST, TESTS);
    section(&mut page, "`[contents]`", CONTENTS, GLOBS);
    section(&mut page, "`[audit]`", AUDIT, "");
    section(&mut page, "`[[audit.allow]]`", ALLOW, ALLOWS);
    section(&mut page, "`[[when]]`", WHEN, WHENS);
    page
}

fn section(page: &mut String, title: &str, fields: &[Field], text: &str) {
    page.push_str(&format!("\n## {title}\n\n| field | is | where it is absent | means |\n|---|---|---|---|\n"));
    for field in fields {
        let default = match field.default {
            None => "**required**",
            Some("") => "–",
            Some(default) => default,
        };
        let name = match field.kind {
            Kind::Tables(_) => format!("`[[{}]]`", field.name),
            Kind::Table(_) => format!("`[{}]`", field.name),
            _ => format!("`{}`", field.name),
        };
        page.push_str(&format!("| {name} | {} | {default} | {} |\n", field.kind.words(), field.meaning));
    }
    page.push_str(text);
}

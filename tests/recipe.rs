//! `tagalong recipe check | show | graph | reference`: the format, and all its mistakes at once.

mod world;

use tagalong::recipe_file;
use world::World;

/// A recipe that is right, with a name and more top-level lines.
fn recipe(name: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"1.0\"\nlicense = \"MIT\"\n{more}\n[[source]]\npath = \"tree\"\n\n[build]\nsystem = \"make\"\n"
    )
}

fn with_recipe(world: &World, name: &str, more: &str) {
    world.write(&format!("extern-recipes/{name}/recipe.toml"), recipe(name, more));
    world.write(&format!("extern-recipes/{name}/tree/Makefile"), "all:\n");
}

/// The mistakes of a text as `line:column what (hint)`.
fn mistakes(text: &str) -> Vec<String> {
    let Err(found) = recipe_file::parse("recipe.toml", text, None) else { return Vec::new() };
    let line = |mistake| {
        let (line, column) = found.place_of(mistake);
        format!("{line}:{column} {}", mistake.what)
    };
    found.list.iter().map(line).collect()
}

#[test]
fn all_mistakes_of_a_recipe_are_told_at_once_with_line_caret_and_hint() {
    let world = World::new();
    with_recipe(&world, "zlib", "");
    world.write(
        "extern-recipes/libpng/recipe.toml",
        r#"nme = "libpng"
version = 1.6
license = "MIT OR Apache 2"
homepage = "libpng.org"
needs = ["zlibb", 3]
tools = "cmake"

[[source]]
url = ["ftp://example.org/libpng.tar.gz", "https://example.org/libpng-{versio}.tar.gz"]
sha256 = "abc"
patches = ["../other.patch", "absent.patch"]

[[source]]
git = "git@example.org:libpng"
commit = "v1.6"

[[source]]
url = "https://example.org/more-{version}.tar.gz"

[build]
system = "cmak"
env = { "A-B" = "1", C = 2 }
jobs = 0
rpath = "both"

[[test]]
runs = "pngfix --help"

[[when]]
build.option = ["-DX=1"]
needs = ["nothing"]
"#,
    );
    let run = world.run("recipe check").exits(7);
    assert_eq!(run.stdout, "");
    insta::assert_snapshot!("all_mistakes_of_a_recipe", run.stderr);
}

#[test]
fn a_text_that_is_no_toml_is_told_line_by_line_without_what_follows_from_it() {
    let world = World::new();
    world.write("extern-recipes/a/recipe.toml", "name = \"b\"\nversion = \nlicense == \"MIT\"\n[build\nsystem = 1\n");
    insta::assert_snapshot!("no_toml", world.run("recipe check").exits(7).stderr);
}

#[test]
fn each_mistake_is_found() {
    let base = |more: &str| format!("name = \"a\"\nversion = \"1\"\nlicense = \"MIT\"\n{more}");
    let source = |more: &str| base(&format!("[[source]]\n{more}\n[build]\nsystem = \"make\"\n"));
    let build = |more: &str| base(&format!("[[source]]\npath = \"t\"\n[build]\n{more}\n"));
    let zeros = "0".repeat(64);
    let table: Vec<(String, &[&str])> = vec![
        (
            String::new(),
            &[
                "1:1 the recipe has no `build`",
                "1:1 the recipe has no `license`",
                "1:1 the recipe has no `name`",
                "1:1 the recipe has no `version`",
            ],
        ),
        (build("system = \"make\""), &[]),
        (build("system = \"Make\""), &["7:10 unknown build system `Make`"]),
        (build("systm = \"make\""), &["6:1 `[build]` has no `system`", "7:1 unknown field `systm`"]),
        (build("system = \"script\""), &["6:1 the build system `script` has no commands"]),
        (build("system = \"make\"\nscript = \"x\""), &["8:1 `script` means nothing to the build system `make`"]),
        (build("system = \"cmake\"\nwas = \"/opt\""), &["8:1 `was` means nothing to the build system `cmake`"]),
        (
            build("system = \"prebuilt\"\nwas = \"/opt\"\noptions = []"),
            &["9:1 `options` means nothing to the build system `prebuilt`"],
        ),
        (build("system = \"make\"\njobs = \"2\""), &["8:8 `jobs` is a text, not a whole number from 1 up"]),
        (
            build("system = \"make\"\nfolder = \"/x\""),
            &["8:10 `/x` is not a path from the folder down: it is absolute"],
        ),
        (
            build("system = \"make\"\nexclude = [\"a/../b\"]"),
            &["8:12 `a/../b` is not a path from the folder down: it holds `..`"],
        ),
        (base("[build]\nsystem = \"make\""), &["1:1 the recipe has no `[[source]]`, which `make` builds from"]),
        (base("[build]\nsystem = \"script\"\nscript = \"true\""), &[]),
        (
            source("sha256 = \"00\""),
            &["4:1 this `[[source]]` has no place to come from", "5:10 the digest has 2 hex digits, not 64"],
        ),
        (source("url = \"https://e.org/a\""), &["5:7 this source has no digest"]),
        (
            source("debian = \"x.tar.gz\""),
            &["5:10 `x.tar.gz` is not a file of a Debian source package", "5:10 this source has no digest"],
        ),
        (source(&format!("crate = \"a-1\"\nsha256 = \"{zeros}\"")), &["5:9 `a-1` does not name one release"]),
        (source(&format!("pypi = \"a=1\"\nsha256 = \"{zeros}\"")), &["5:8 `a=1` does not name one release"]),
        (source(&format!("url = \"e.org/a\"\nsha256 = \"{zeros}\"")), &["5:7 `e.org/a` is not an address"]),
        (source(&format!("url = \"https:///a\"\nsha256 = \"{zeros}\"")), &["5:7 `https:///a` names no host"]),
        (source(&format!("url = \"file:a\"\nsha256 = \"{zeros}\"")), &["5:7 `file:a` is not an absolute path"]),
        (
            source(&format!("url = \"https://e.org/a b\"\nsha256 = \"{zeros}\"")),
            &["5:7 the address `https://e.org/a b` holds white space"],
        ),
        (
            source(&format!("url = \"https://e.org/a\"\nsha256 = \"{}\"", "g".repeat(64))),
            &["6:10 the digest holds `g`, which is no hex digit"],
        ),
        (source("git = \"https://e.org/a\""), &["5:7 a source from git has no `commit`"]),
        (
            source("git = \"--upload-pack=x\"\ncommit = \"main\""),
            &["5:7 `--upload-pack=x` is not a git address that can be fetched", "6:10 `main` is not a full commit id"],
        ),
        (
            source(&format!("git = \"https://e.org/a\"\ncommit = \"{0}\"\nsha256 = \"{zeros}\"", "1".repeat(40))),
            &["7:1 a source from git is decided by its `commit`, not by a `sha256`"],
        ),
        (source("path = \"t\"\ncommit = \"1\""), &["6:1 `commit` means nothing without `git`"]),
        (source("path = \"../t\""), &["5:8 `../t` is not a path from the folder down: it holds `..`"]),
        (source("path = \"t\"\nunpack = false\nfolder = \"x\""), &["7:1 a file that is not unpacked has no `folder`"]),
        (
            base("needs = [\"a\", \"b\", \"b\", \"C\"]\n[build]\nsystem = \"script\"\nscript = \"true\""),
            &["4:10 `a` needs itself", "4:20 `b` is needed twice", "4:25 `C` is not a recipe name"],
        ),
        (
            base("tools = [\"a b\"]\nstacks = [\"\"]\n[build]\nsystem = \"script\"\nscript = \"true\""),
            &["4:10 `a b` is not the name of a program or a recipe", "5:11 `` is not the name of a stack"],
        ),
        (
            base("[build]\nsystem = \"script\"\nscript = \"true\"\n[[when]]\nplatform = \"Debian\"\nversion = \"1 2\""),
            &["8:12 no platform can match `Debian`", "9:11 `1 2` is not a version"],
        ),
        (
            base("[build]\nsystem = \"script\"\nscript = \"true\"\n[[when]]\nplatform = \"debian-*\"\nname = \"b\""),
            &["9:1 unknown field `name`"],
        ),
        (
            base(
                "[build]\nsystem = \"script\"\nscript = \"true\"\n[[when]]\nplatform = \"debian-*\"\nbuild.system = \"make\"",
            ),
            &[
                "1:1 the recipe has no `[[source]]`, which `make` builds from",
                "6:1 `script` means nothing to the build system `make`",
            ],
        ),
        (base("name = \"b\"\n"), &["4:1 duplicate key"]),
    ];
    for (text, expected) in table {
        assert_eq!(mistakes(&text), expected, "{text}");
    }
}

#[test]
fn licences_are_spdx_expressions() {
    let told = |license: &str| {
        let text = format!(
            "name = \"a\"\nversion = \"1\"\nlicense = \"{license}\"\n[build]\nsystem = \"script\"\nscript = \"true\""
        );
        let Err(found) = recipe_file::parse("x", &text, None) else { return "fine".to_owned() };
        let mistake = &found.list[0];
        format!("{} {}; {}", found.place_of(mistake).1, mistake.what, mistake.hint.as_deref().unwrap_or("no hint"))
    };
    for (license, expected) in [
        ("MIT", "fine"),
        ("GPL-2.0-or-later WITH GCC-exception-2.0 OR LicenseRef-own", "fine"),
        ("libpng-2.0 AND (Zlib OR BSD-3-Clause)", "fine"),
        ("zlib", "12 `zlib` is not an SPDX licence id; did you mean `Zlib`?"),
        ("MIT OR Apache2", "19 `Apache2` is not an SPDX licence id; did you mean `Apache-2.0`?"),
        ("GPL-2.0", "12 `GPL-2.0` is an SPDX licence id of old; say which: `GPL-2.0-only` or `GPL-2.0-or-later`"),
        ("MIT OR", "18 the licence is not an SPDX expression: expected one of `<license>`, `(` here; no hint"),
        ("", "12 the licence is empty; write `LicenseRef-…` for what has no SPDX id"),
        ("proprietary", "12 `proprietary` is not an SPDX licence id; write `LicenseRef-…` for what has no SPDX id"),
    ] {
        assert_eq!(told(license), expected, "{license}");
    }
}

#[test]
fn needs_that_go_round_in_a_circle_are_told_once_with_the_way() {
    let world = World::new();
    with_recipe(&world, "a", "needs = [\"b\"]");
    with_recipe(&world, "b", "tools = [\"c\"]");
    with_recipe(&world, "c", "needs = [\"a\"]");
    with_recipe(&world, "d", "needs = [\"a\"]");
    world.run("recipe check").fails(
        7,
        "error: `a` needs itself: a -> b -> c -> a
 --> extern-recipes/a/recipe.toml:4:10
  |
4 | needs = [\"b\"]
  |          ^^^
  |
  = help: one of these needs must go
error: 1 mistake in 1 file
 next: `tagalong recipe reference` tells what a recipe may say
",
    );
}

#[test]
fn what_lies_beside_a_recipe_must_be_there_and_inside() {
    let world = World::new();
    with_recipe(&world, "a", "");
    world.write("extern-recipes/a/recipe.toml", recipe("a", "").replace("tree", "tre"));
    world.write("outside/file", "x");
    with_recipe(&world, "b", "");
    world.write("extern-recipes/b/recipe.toml", recipe("b", "").replace("path = \"tree\"", "path = \"link\""));
    std::os::unix::fs::symlink("../../outside", world.checkout().join("extern-recipes/b/link")).unwrap();
    std::fs::create_dir(world.checkout().join("extern-recipes/empty")).unwrap();
    with_recipe(&world, "other", "");
    world.write("extern-recipes/other/recipe.toml", recipe("another", ""));
    world.write("extern-recipes/README.md", "no recipe");
    insta::assert_snapshot!("beside", world.run("recipe check").exits(7).stderr);
}

#[test]
fn check_says_that_there_is_nothing_to_say_and_as_json() {
    let world = World::new();
    with_recipe(&world, "a", "");
    with_recipe(&world, "b", "needs = [\"a\"]");
    world.run("recipe check").prints("no mistakes in 2 recipes\n");
    world.run("recipe check b").prints("no mistakes in 1 recipe\n");
    with_recipe(&world, "b", "needs = [\"aa\"]");
    let run = world.run("recipe check --json").exits(7);
    let mistake = serde_json::json!({"file": "extern-recipes/b/recipe.toml", "line": 4, "column": 10,
        "what": "there is no recipe `aa`", "hint": "did you mean `a`?"});
    assert_eq!(run.json(), serde_json::json!({"checked": ["a", "b"], "mistakes": [mistake]}));
    world.run("recipe check a").prints("no mistakes in 1 recipe\n");
    world
        .run("recipe check c")
        .fails(3, "error: there is no recipe `c`\n next: did you mean `a`? `tagalong recipe graph` lists all\n");
}

#[test]
fn check_reads_recipes_as_on_every_platform_of_the_project() {
    let world = World::new();
    with_recipe(&world, "a", "");
    let when = "\n[[when]]\nplatform = \"debian-*\"\nneeds = [\"a\"]\n";
    world.write("extern-recipes/b/recipe.toml", recipe("b", "") + when);
    world.write("extern-recipes/b/tree/Makefile", "");
    world.write("extern-recipes/a/recipe.toml", recipe("a", "") + &when.replace("\"a\"", "\"b\""));
    world.run("recipe check").prints("no mistakes in 2 recipes\n");
    world.write("tagalong.toml", "[[platform]]\nid = \"debian-12-x86_64\"\n");
    let run = world.run("recipe check").exits(7);
    assert!(run.stderr.starts_with("error: `a` needs itself: a -> b -> a\n"), "{}", run.stderr);
}

#[test]
fn overrides_replace_on_the_platforms_that_match() {
    let world = World::new();
    with_recipe(&world, "zlib", "");
    let text = recipe("a", "needs = [\"zlib\"]")
        .replace("system = \"make\"", "system = \"make\"\noptions = [\"A=1\"]\njobs = 2")
        + "\n[[when]]\nplatform = [\"ubuntu-20-*\", \"debian-11-x86_64\"]\nversion = \"0.9\"\nneeds = []\nbuild.options = [\"A=2\"]\n\
           \n[[when]]\nplatform = \"*-arm64\"\nbuild.options = [\"A=3\"]\n[[when.source]]\npath = \"other\"\n";
    world.write("extern-recipes/a/recipe.toml", text);
    world.write("extern-recipes/a/tree/x", "").write("extern-recipes/a/other/x", "");
    let shown = |platform: &str| {
        let json = world.run(&format!("recipe show a --json {platform}")).succeeds().json();
        let pick = |path: &str| json.pointer(path).unwrap().to_string();
        ["/version", "/needs", "/build/options", "/build/jobs", "/sources/0/places"].map(pick).join(" ")
    };
    assert_eq!(shown(""), r#""1.0" ["zlib"] ["A=1"] 2 ["tree"]"#);
    assert_eq!(shown("--platform debian-12-x86_64"), r#""1.0" ["zlib"] ["A=1"] 2 ["tree"]"#);
    assert_eq!(shown("--platform debian-11-x86_64"), r#""0.9" [] ["A=2"] 2 ["tree"]"#);
    assert_eq!(shown("--platform ubuntu-20-arm64"), r#""0.9" [] ["A=3"] 2 ["other"]"#);
}

#[test]
fn show_tells_a_recipe_whole() {
    let world = World::new();
    with_recipe(&world, "zlib", "");
    world.write("extern-recipes/libpng/fix.patch", "");
    world.write(
        "extern-recipes/libpng/recipe.toml",
        format!(
            r#"name = "libpng"
version = "1.6.43"
license = "libpng-2.0"
homepage = "http://www.libpng.org/"
summary = "PNG images"
needs = ["zlib"]
tools = ["cmake"]
stacks = ["base", "gui"]

[[source]]
url = ["https://ada:secret@example.org/{{name}}-{{version}}.tar.xz?token=1", "https://example.com/x"]
debian = "libpng1.6_{{version}}.orig.tar.gz"
sha256 = "{}"
patches = ["fix.patch"]

[build]
system = "cmake"
options = ["-DPNG_TESTS=OFF"]
after = "rm -r {{prefix}}/share"

[[test]]
run = "pngfix --help"
"#,
            "AB".repeat(32)
        ),
    );
    world.run("recipe show libpng").prints(
        "libpng 1.6.43
summary   PNG images
license   libpng-2.0
homepage  http://www.libpng.org/
needs     zlib
tools     cmake
stacks    base, gui
source    debian libpng1.6_1.6.43.orig.tar.gz
          https://example.org/libpng-1.6.43.tar.xz
          https://example.com/x
          sha256 abababababababababababababababababababababababababababababababab
          patched with fix.patch
build     cmake -DPNG_TESTS=OFF
after     rm -r {prefix}/share
test      pngfix --help
follows   zlib
",
    );
    world.run("recipe show libpgn").fails(
        3,
        "error: there is no recipe `libpgn`\n next: did you mean `libpng`? `tagalong recipe graph` lists all\n",
    );
}

#[test]
fn graph_prints_what_is_needed_first_then_by_name() {
    let world = World::new();
    with_recipe(&world, "zlib", "");
    with_recipe(&world, "a", "needs = [\"libpng\"]\ntools = [\"make\", \"cmake\"]");
    with_recipe(&world, "libpng", "needs = [\"zlib\"]");
    with_recipe(&world, "cmake", "");
    with_recipe(&world, "other", "");
    world
        .run("recipe graph")
        .prints("cmake 1.0\nother 1.0\nzlib 1.0\nlibpng 1.0 needs zlib\na 1.0 needs libpng made with cmake\n");
    world.run("recipe graph libpng").prints("zlib 1.0\nlibpng 1.0 needs zlib\n");
    world.run("recipe graph a --dot").prints(
        r#"digraph recipes {
    rankdir = "LR";
    node [shape = "box"];
    "cmake" [label = "cmake\n1.0"];
    "zlib" [label = "zlib\n1.0"];
    "libpng" [label = "libpng\n1.0"];
    "a" [label = "a\n1.0"];
    "libpng" -> "zlib";
    "a" -> "libpng";
    "a" -> "cmake" [style = "dashed"];
}
"#,
    );
    let json = world.run("recipe graph libpng --json").succeeds().json();
    let node = |name: &str, needs: &[&str], level: u32| serde_json::json!({"name": name, "version": "1.0", "needs": needs, "tools": [], "level": level});
    assert_eq!(json, serde_json::json!({"recipes": [node("zlib", &[], 0), node("libpng", &["zlib"], 1)]}));
}

#[test]
fn a_project_without_recipes_is_told_how_to_get_one() {
    for verb in ["check", "graph", "show a"] {
        World::new().run(&format!("recipe {verb}")).fails(
            3,
            "error: there are no recipes\n  why: there is no folder `[WORLD]/checkout/extern-recipes`\n next: `tagalong recipe new NAME --url URL` writes the first one\n",
        );
    }
}

#[test]
fn recipes_are_found_from_a_folder_of_the_project() {
    let world = World::new();
    with_recipe(&world, "a", "");
    world.write("src/deep/file", "");
    world.run_in(&world.checkout().join("src/deep"), &["recipe", "check"]).prints("no mistakes in 1 recipe\n");
}

#[test]
fn no_text_makes_the_reader_panic() {
    let whole = std::fs::read_to_string("tests/recipe.rs").unwrap();
    let seeds = [recipe("a", "needs = [\"b\"]"), whole.chars().take(3000).collect()];
    for seed in seeds {
        for cut in (0..seed.len()).filter(|cut| seed.is_char_boundary(*cut)).step_by(3) {
            let text = format!("{}\u{1F980}{}", &seed[..cut], seed.get(cut + 2..).unwrap_or_default());
            for text in [&seed[..cut], &text] {
                if let Err(mistakes) = recipe_file::parse("x", text, None) {
                    assert!(!mistakes.list.is_empty(), "{text}");
                    tagalong::cli::mistakes::render(&mistakes, false);
                }
            }
        }
    }
}

#[test]
fn the_reference_in_the_repository_is_the_one_that_the_program_prints() {
    let committed = std::fs::read_to_string("extern-recipes/README.md").unwrap_or_default();
    let run = World::new().run("recipe reference").succeeds();
    assert!(run.stdout == committed, "write it anew: tagalong recipe reference > extern-recipes/README.md");
}

#[test]
fn the_example_of_the_reference_is_right() {
    let page = recipe_file::reference::reference();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(mistakes(example), Vec::<String>::new());
}

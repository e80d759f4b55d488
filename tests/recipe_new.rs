//! `tagalong recipe new`: a source is fetched, digested, looked into, and a recipe written.

mod world;

use std::fs;

use tagalong::model::digest::Digest;
use world::World;

/// An archive of a small library in the world's folder; gives its address and digest.
fn archive(world: &World, name: &str, files: &[(&str, &str)]) -> (String, Digest) {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("top/{path}"), content.as_bytes()).unwrap();
    }
    let bytes = builder.into_inner().unwrap();
    let path = world.root().join(name);
    fs::write(&path, &bytes).unwrap();
    (format!("file://{}", path.display()), Digest::of(&bytes))
}

type Files = &'static [(&'static str, &'static str)];

const MIT: &str = "Permission is hereby granted, free of charge, to any person\nobtaining a copy";

#[test]
fn a_cmake_library_gets_a_recipe_that_is_right() {
    let world = World::new();
    let cmake = "option(DEMO_TESTS \"tests\" ON)\ninclude(CTest)\n";
    let (url, digest) = archive(&world, "demo-1.2.tar", &[("CMakeLists.txt", cmake), ("LICENSE", MIT), ("a.c", "")]);
    world.run(&format!("recipe new demo --url {url}")).prints(
        "wrote extern-recipes/demo/recipe.toml: demo 1.2, build system cmake, licence MIT; guesses are marked in it\n",
    );
    let root = world.root().display().to_string();
    let expected = format!(
        r#"name = "demo"
version = "1.2"
license = "MIT"  # guessed from LICENSE; check it
# homepage = "https://…"
# needs = ["zlib"]     # recipes that it needs at build and at run time
tools = ["cmake", "make"]
# stacks = ["base"]

[[source]]
url = "file://{root}/demo-{{version}}.tar"
sha256 = "{digest}"
# patches = ["why.patch"]

[build]
system = "cmake"  # guessed from CMakeLists.txt
options = ["-DBUILD_SHARED_LIBS=ON", "-DBUILD_TESTING=OFF", "-DDEMO_TESTS=OFF"]

# A command that must work with the installed package.
# [[test]]
# run = "demo --version"
"#
    );
    assert_eq!(world.read("extern-recipes/demo/recipe.toml"), expected);
    world.run("recipe check").prints("no mistakes in 1 recipe\n");
    world.run(&format!("recipe new demo --url {url}")).fails(
        2,
        "error: there is a recipe already: `[WORLD]/checkout/extern-recipes/demo/recipe.toml`\n  why: nothing is written over unless that is asked for\n next: edit it, or write over it with `--force`\n",
    );
    world.run(&format!("recipe new demo --url {url} --force --version 1.2.3")).succeeds();
    assert!(world.read("extern-recipes/demo/recipe.toml").contains("version = \"1.2.3\"\n"));
}

#[test]
fn build_systems_are_guessed_with_what_they_need() {
    let world = World::new();
    let table: &[(Files, &[&str])] = &[
        (
            &[("configure", "enable-static")],
            &["system = \"autotools\"  # guessed from configure\noptions = [\"--disable-static\"]"],
        ),
        (
            &[("configure.ac", "LT_INIT")],
            &[
                "system = \"autotools\"  # guessed from configure.ac\nbefore = \"autoreconf --force --install\"",
                "\"libtoolize\"",
            ],
        ),
        (
            &[("meson.build", "")],
            &["system = \"meson\"  # guessed from meson.build\n# options = []", "tools = [\"meson\", \"ninja\"]"],
        ),
        (
            &[("Makefile", "PREFIX ?= /usr/local\n")],
            &["system = \"make\"  # guessed from Makefile\noptions = [\"PREFIX={prefix}\", \"prefix={prefix}\"]"],
        ),
        (&[("pyproject.toml", "")], &["system = \"python\""]),
        (&[("Cargo.toml", "")], &["system = \"cargo\""]),
        (
            &[("c/CMakeLists.txt", ""), ("x", "")],
            &["system = \"cmake\"  # guessed from c/CMakeLists.txt\nfolder = \"c\""],
        ),
        (&[("a.c", ""), ("b.c", "")], &["system = \"script\"", "license = \"LicenseRef-unknown\""]),
    ];
    for (files, expected) in table {
        let (url, _) = archive(&world, "demo-1.2.tar", files);
        let text = world.run(&format!("recipe new demo --dry-run --url {url}")).succeeds().stdout;
        for part in *expected {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
    assert!(!world.checkout().join("extern-recipes").exists());
}

#[test]
fn what_cannot_be_made_into_a_recipe_is_told() {
    let world = World::new();
    let (url, _) = archive(&world, "latest.tar", &[("a.c", "")]);
    world.run(&format!("recipe new demo --url {url}")).fails(
        2,
        "error: `file://[WORLD]/latest.tar` does not tell its version\n  why: no part of the address looks like one\n next: say it with `--version VERSION`\n",
    );
    let run = world.run(&format!("recipe new demo --url {url}-none --version 1"));
    run.fails(
        3,
        "demo: fetching from file://[WORLD]/latest.tar-none
error: no place has the source of demo
  why: file://[WORLD]/latest.tar-none: it has no such file
 next: check the place, then try again
",
    );
    world
        .run("recipe new demo --crate demo")
        .fails(2, "error: `demo` does not name one release\n  why: it takes a name and one version\n next: write it as in `libz-sys@1.1.20`\n");
    fs::write(world.root().join("page-1.0.tar.gz"), "<html>").unwrap();
    let page = format!("file://{}/page-1.0.tar.gz", world.root().display());
    let run = world.run(&format!("recipe new demo --url {page}")).exits(4);
    assert!(run.stderr.contains("is no archive that can be unpacked"), "{}", run.stderr);
    world.run("recipe new demo").exits(2);
    world.run("recipe new Demo --url https://example.org/x").exits(2);
}

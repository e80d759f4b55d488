//! `install --runtime`: programs run, nothing of development is there, and what was left out comes back.

mod world;

use std::fs;
use std::os::unix::fs::MetadataExt;

use world::World;
use world::bundle::Package;

/// What is in the prefix, sorted, without the program's own.
fn installed(world: &World) -> Vec<String> {
    let output = world
        .command("find", &world.checkout().join("extern/p"))
        .args([".", "-path", "./.tagalong", "-prune", "-o", "-print"])
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut all: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("./")).map(str::to_owned).collect();
    all.sort();
    all
}

const RUNTIME: [&str; 7] = ["bin", "bin/hello", "bin/script", "lib", "lib/libgreet.so.1", "share", "share/greet"];

#[test]
fn program_runs_without_development_files_which_come_back_when_all_is_wished() {
    let world = World::published_greetings();
    let installed_words = world.run("install --runtime").succeeds().stderr;
    assert_eq!(
        installed_words.lines().last().unwrap(),
        format!(
            "installed deps-1 for {} in extern/p: 2 packages, 4 files, 2 relocated, 3 for development left out",
            world::bundle::own()
        )
    );
    let mut runtime = RUNTIME.to_vec();
    runtime.push("share/greet/words");
    assert_eq!(installed(&world), runtime);
    let hello = || world.command(world.checkout().join("extern/p/bin/hello"), &world.root()).output().unwrap();
    assert!(String::from_utf8(hello().stdout).unwrap().starts_with("hello from "));
    world.run("status --check --verify").succeeds();
    let status = world.run("status").succeeds().stdout;
    assert!(status.contains(": 2 packages, without development files\n"), "{status}");
    world.run("audit extern/p").succeeds();
    assert!(world.run("install --runtime").succeeds().stderr.contains("already installed"));

    // What stays is the same file; what was left out is unpacked.
    let program = world.checkout().join("extern/p/bin/hello");
    let inode = || fs::metadata(&program).unwrap().ino();
    let before = inode();
    world.run("install").succeeds();
    assert_eq!(inode(), before);
    let mut all = runtime.clone();
    all.extend(["include", "include/greet.h", "lib/libgreet.so", "lib/pkgconfig", "lib/pkgconfig/greet.pc"]);
    all.sort_unstable();
    assert_eq!(installed(&world), all);
    world.run("install --runtime").succeeds();
    assert_eq!(installed(&world), runtime);
    world.run("status --check --verify").succeeds();
    world.run("install --runtime --link hard --force").succeeds();
    assert_eq!(installed(&world), runtime);
    world.run("status --check --verify").succeeds();
    world.run("uninstall").succeeds();
    assert!(!world.checkout().join("extern/p").exists());
}

#[test]
fn package_with_nothing_left_is_in_the_receipt() {
    let world = World::with_key();
    let eigen = Package::new("eigen").text("include/eigen", "template").text("share/pkgconfig/eigen.pc", "x");
    world.published("deps-1", &[eigen, Package::new("zlib").text("share/z", "z")]);
    let outcome = world.run("install --runtime --json").succeeds().json();
    let packages = &outcome["packages"];
    assert_eq!(
        (&packages[0]["name"], &packages[0]["files"], &packages[0]["left_out"]),
        (&"eigen".into(), &0.into(), &2.into())
    );
    assert_eq!(outcome["extent"], "runtime");
    assert_eq!(installed(&world), ["share", "share/z"]);
    world.run("status --check --verify").succeeds();
}

#[test]
fn a_recipe_says_what_else_stays_and_goes() {
    let world = World::with_key();
    fs::remove_dir_all(world.checkout().join("extern-recipes/zlib")).unwrap();
    world.script_recipe(
        "data",
        "mkdir -p {prefix}/include/data/tables {prefix}/share/doc {prefix}/bin\necho t > {prefix}/include/data/tables/t\n\
         echo h > {prefix}/include/data/h.h\necho d > {prefix}/share/doc/d\necho b > {prefix}/bin/b",
    );
    let recipe = world.read("extern-recipes/data/recipe.toml");
    let more = "runtime = [\"include/data/tables\", \"!share/doc\"]\n\n[build]";
    world.write("extern-recipes/data/recipe.toml", recipe.replace("[build]", more));
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    world.run("install --runtime").succeeds();
    let kept = ["bin", "bin/b", "include", "include/data", "include/data/tables", "include/data/tables/t"];
    assert_eq!(installed(&world), kept);
}

#[test]
fn globs_that_lead_out_of_the_prefix_are_mistakes() {
    let world = World::new();
    world.script_recipe("data", "true");
    let recipe = world.read("extern-recipes/data/recipe.toml");
    world.write("extern-recipes/data/recipe.toml", recipe.replace("[build]", "runtime = [\"!../x\"]\n\n[build]"));
    let run = world.run("recipe check").exits(7);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("`!../x` is not a glob of paths below the prefix"), "{said}");
}

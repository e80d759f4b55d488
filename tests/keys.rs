//! Build keys: each ingredient changes them, and nothing else does.

mod world;

use std::collections::BTreeMap;
use std::path::Path;

use world::World;
use world::bundle::own;

/// Two recipes, one with a patch, a tool and a need.
fn project() -> World {
    let world = World::new().with_greetings();
    let tree = "--- a/hello.c\n+++ b/hello.c\n@@ -1,2 +1,2 @@\n #include <greet.h>\n-#include <stdio.h>\n+#include <stdio.h> // x\n";
    world.write("extern-recipes/hello/more.patch", tree);
    let recipe = world.read("extern-recipes/hello/recipe.toml");
    let recipe = recipe.replace("path = \"tree\"", "path = \"tree\"\npatches = [\"more.patch\"]");
    world.write("extern-recipes/hello/recipe.toml", recipe.replace("[\"cc\"]", "[\"cc\", \"sed\"]"));
    world
}

/// The key of each recipe.
fn keys(world: &World) -> BTreeMap<String, String> {
    keys_of(world.run("build --dry-run --json").json())
}

fn keys_of(plan: serde_json::Value) -> BTreeMap<String, String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let packages = plan["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(&package["name"]), text(&package["key"]))).collect()
}

/// Edits a file of the project; the keys that are others then, by name.
fn changed(world: &World, path: &str, from: &str, to: &str) -> Vec<String> {
    let (before, old) = (keys(world), world.read(path));
    assert!(old.contains(from), "{path} holds no {from:?}");
    world.write(path, old.replace(from, to));
    let after = keys(world);
    world.write(path, old);
    assert_eq!(keys(world), before, "the key did not come back with the old {path}");
    before.keys().filter(|name| before[*name] != after[*name]).cloned().collect()
}

const BOTH: [&str; 2] = ["hello", "libgreet"];

#[test]
fn every_ingredient_of_the_recipe_changes_the_key_of_it_and_of_what_needs_it() {
    let world = project();
    let recipe = "extern-recipes/libgreet/recipe.toml";
    assert_eq!(changed(&world, recipe, "\"1.0\"", "\"1.1\""), BOTH);
    assert_eq!(changed(&world, recipe, "PREFIX={prefix}", "PREFIX={prefix}/"), BOTH);
    assert_eq!(changed(&world, recipe, "system = \"make\"", "system = \"make\"\nenv = { A = \"1\" }"), BOTH);
    assert_eq!(changed(&world, recipe, "system = \"make\"", "system = \"make\"\nexclude = [\"*.a\"]"), BOTH);
    assert_eq!(changed(&world, recipe, "\n[build]", "\n[[test]]\nrun = \"true\"\n\n[build]"), BOTH);
    assert_eq!(changed(&world, recipe, "\n[build]", "\n[exports]\nA = \"1\"\n\n[build]"), BOTH);
    // One file of a folder source, one byte of a patch.
    assert_eq!(changed(&world, "extern-recipes/libgreet/tree/greet.h", "home", "hom"), BOTH);
    assert_eq!(changed(&world, "extern-recipes/hello/more.patch", "// x", "// y"), ["hello"]);
}

#[test]
fn comments_order_jobs_homepage_and_another_checkout_change_nothing() {
    let world = project();
    let recipe = "extern-recipes/libgreet/recipe.toml";
    let none: [&str; 0] = [];
    assert_eq!(changed(&world, recipe, "name = \"libgreet\"", "# words\nname  =  \"libgreet\""), none);
    assert_eq!(
        changed(&world, recipe, "license = \"MIT\"\n", "license = \"MIT\"\nhomepage = \"https://example.org\"\n"),
        none
    );
    assert_eq!(
        changed(&world, recipe, "version = \"1.0\"\nlicense = \"MIT\"", "license = \"MIT\"\nversion = \"1.0\""),
        none
    );
    assert_eq!(changed(&world, recipe, "system = \"make\"", "jobs = 2\nsystem = \"make\""), none);
    let before = keys(&world);
    assert_eq!(keys(&project()), before);
    assert_eq!(keys_of(world.run("build --dry-run --json -j 7").json()), before);
    world.commit().tag("deps-9");
    assert_eq!(keys(&world), before);
    let elsewhere = project().with("HOME", "/nonexistent").with("USER", "someone").with("TZ", "Asia/Tokyo");
    assert_eq!(keys(&elsewhere), before);
}

#[test]
fn sandbox_placeholder_and_image_change_all_keys() {
    let world = project();
    let before = keys(&world);
    let differs = |after: BTreeMap<String, String>| assert!(before.iter().all(|(name, key)| after[name] != *key));
    differs(keys_of(world.run("build --dry-run --json --sandbox host").json()));
    let file = "tagalong.toml";
    let project = world.read(file);
    world.write(file, project.replace("name = \"demo\"", "name = \"demo\"\nplaceholder-length = 170"));
    differs(keys(&world));
    let image = |name: &str| {
        world.write(file, format!("{project}\n[[platform]]\nid = \"{}\"\nimage = \"{name}\"\n", own()));
        keys(&world)
    };
    let (one, other) = ("1".repeat(64), "2".repeat(64));
    let pinned = image(&format!("example.org/build@sha256:{one}"));
    differs(pinned.clone());
    // The same image under another name, and a name that was given to another image.
    assert_eq!(image(&format!("example.net/build:12@sha256:{one}")), pinned);
    differs(image(&format!("example.org/build@sha256:{other}")));
    assert_ne!(image(&format!("example.org/build@sha256:{other}")), pinned);
}

/// Runs a plan where a folder of ours stands in place of `/usr/local/bin`, in a mount namespace.
fn keys_with_programs(world: &World, folder: &Path) -> BTreeMap<String, String> {
    let script = "mount --bind \"$1\" /usr/local/bin && shift && exec \"$@\"";
    let output = world
        .command("unshare", world.checkout())
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"])
        .arg(folder)
        .args([env!("CARGO_BIN_EXE_tagalong"), "build", "--dry-run", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    keys_of(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn another_compiler_or_tool_in_path_changes_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let world = project();
    let folder = world.root().join("programs");
    std::fs::create_dir(&folder).unwrap();
    let before = keys_with_programs(&world, &folder);
    let put = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    // The tool of one recipe alone.
    put("sed", "#!/bin/sh\nexec /usr/bin/sed \"$@\"\n");
    let with_tool = keys_with_programs(&world, &folder);
    assert!(with_tool["hello"] != before["hello"] && with_tool["libgreet"] == before["libgreet"]);
    put("cc", "#!/bin/sh\nexec /usr/bin/cc \"$@\"\n");
    let with_compiler = keys_with_programs(&world, &folder);
    assert!(BOTH.iter().all(|name| with_compiler[*name] != with_tool[*name]));
    // One byte of the compiler.
    put("cc", "#!/bin/sh\nexec /usr/bin/cc  \"$@\"\n");
    let other = keys_with_programs(&world, &folder);
    assert!(BOTH.iter().all(|name| other[*name] != with_compiler[*name]));
    std::fs::remove_file(folder.join("cc")).unwrap();
    std::fs::remove_file(folder.join("sed")).unwrap();
    assert_eq!(keys_with_programs(&world, &folder), before);
}

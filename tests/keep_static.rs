//! `keep-static` of recipes: whether a static library stays that a shared one of the same name stands beside.

mod world;

use world::{World, files_below};

/// What of `lib/` is packaged, with these words in `[build]`.
fn packaged(words: &str) -> Vec<String> {
    let world = World::new();
    world.script_recipe(
        "twins",
        "mkdir -p {prefix}/lib/sub && cd {prefix}/lib\necho 'int f(void) { return 1; }' > /tmp/f.c\n\
         cc $CFLAGS -c /tmp/f.c -o /tmp/f.o\nar rcs libtwin.a /tmp/f.o\ncp libtwin.a libonly.a\ncp libtwin.a sub/libtwin.a\n\
         cc $CFLAGS $LDFLAGS -shared -Wl,-soname,libtwin.so.1 -o libtwin.so.1 /tmp/f.c\nln -s libtwin.so.1 libtwin.so",
    );
    let recipe = world.read("extern-recipes/twins/recipe.toml");
    world.write("extern-recipes/twins/recipe.toml", recipe.replace("[build]\n", &format!("[build]\n{words}\n")));
    world.run("build").succeeds();
    let archives = files_below(&world.cache().join("packages"));
    let listed = world.command("tar", &world.root()).args(["--zstd", "-tf"]).arg(&archives[0]).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    names.lines().filter(|name| name.starts_with("lib/") && !name.ends_with('/')).map(str::to_owned).collect()
}

#[test]
fn static_libraries_stay_unless_the_recipe_leaves_out_those_with_a_shared_twin() {
    let all = ["lib/libonly.a", "lib/libtwin.a", "lib/libtwin.so", "lib/libtwin.so.1", "lib/sub/libtwin.a"];
    assert_eq!(packaged(""), all);
    assert_eq!(packaged("keep-static = true"), all);
    let without = ["lib/libonly.a", "lib/libtwin.so", "lib/libtwin.so.1", "lib/sub/libtwin.a"];
    assert_eq!(packaged("keep-static = false"), without);
}

//! The command line as a whole: help, version, usage errors.

mod world;

use world::World;

#[test]
fn version_is_the_one_of_the_package() {
    World::new().run("--version").prints(concat!("tagalong ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn unknown_verb_is_a_usage_error() {
    World::new().run("frobnicate").exits(2);
}

#[test]
fn missing_folder_after_c_is_named() {
    World::new()
        .run("-C nowhere resolve")
        .fails(2, "error: `nowhere` is not a folder\n next: name a folder that exists after `-C`\n");
}

//! Where a prefix may be, what is there already, and what is left when it goes.

mod world;

use std::fs;
use std::process::Stdio;

use world::World;
use world::bundle::{Package, own, zlib};

#[test]
fn prefix_that_no_install_made_is_kept_unless_forced() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]).write("extern/p/mine", "mine");
    world.run("install").fails(
        2,
        "error: `[WORLD]/checkout/extern/p` is left as it is\n  why: it is not empty, and no install made it\n \
         next: move it away, name another folder with `--prefix`, or replace it with `--force`\n",
    );
    assert_eq!(world.read("extern/p/mine"), "mine");
    world.run("install --force").succeeds();
    assert!(!world.checkout().join("extern/p/mine").exists());
    world.write("extern/q", "a file");
    world.run("install --prefix extern/q").exits(2);
}

#[test]
fn prefix_may_be_anywhere_hold_spaces_if_no_script_does_and_be_a_link() {
    let world = World::with_key();
    let plain = Package::new("zlib").text("share/zlib", "@PREFIX@\n");
    world.published("deps-1", std::slice::from_ref(&plain));
    let spaced = world.root().join("with space/é");
    world.run_with(&["install", "--prefix", spaced.to_str().unwrap()]).succeeds();
    assert_eq!(fs::read_to_string(spaced.join("share/zlib")).unwrap(), format!("{}\n", spaced.display()));

    let scratch = world.root().join("scratch");
    fs::create_dir_all(&scratch).unwrap();
    fs::create_dir_all(world.checkout().join("extern")).unwrap();
    std::os::unix::fs::symlink(&scratch, world.checkout().join("extern/p")).unwrap();
    world.run("install").succeeds();
    assert!(world.checkout().join("extern/p").is_symlink(), "the link survives");
    assert_eq!(world.read("extern/p/share/zlib"), format!("{}\n", scratch.display()));

    let deep = format!("extern/{}", "x".repeat(160));
    let run = world.run_with(&["install", "--prefix", &deep]).exits(2);
    assert!(run.stderr.contains("the package allows 160"), "{}", run.stderr);
    assert!(run.stderr.contains("choose a shorter `prefix`"), "{}", run.stderr);
    assert_eq!(fs::read_dir(world.checkout().join("extern")).unwrap().count(), 1);
}

#[test]
fn moved_checkout_is_noticed_and_installed_anew_from_the_store() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.run("install").succeeds();
    let moved = world.root().join("elsewhere");
    fs::rename(world.checkout(), &moved).unwrap();
    let status = world.run_in(&moved, &["status"]).succeeds();
    let line = "state      moved from [WORLD]/checkout/extern/p; `tagalong install` makes it anew\n";
    assert!(status.stdout.contains(line), "{}", status.stdout);
    fs::remove_dir_all(world.channel().join("packages")).unwrap();
    world.run_in(&moved, &["install"]).succeeds();
    let text = fs::read_to_string(moved.join("extern/p/lib/pkgconfig/zlib.pc")).unwrap();
    assert!(text.starts_with(&format!("prefix={}/extern/p\n", moved.display())), "{text}");
    world.run_in(&moved, &["status", "--check", "--verify"]).succeeds();
}

#[test]
fn uninstall_removes_what_was_installed_and_nothing_else() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let nothing = "error: nothing is installed in `[WORLD]/checkout/extern/p`\n \
                   next: `tagalong status` tells where the bundle belongs; `--prefix DIR` names another folder\n";
    world.run("uninstall").fails(3, nothing);
    world.run("install").succeeds();
    world.write("extern/p/lib/mine", "mine").write("extern/p/new/one", "mine");
    world.run("uninstall").fails(
        2,
        "error: `[WORLD]/checkout/extern/p` is left as it is\n  why: it holds files that no package brought:\n       \
         lib/mine\n       new/\n next: move them away, or remove them too with `--force`\n",
    );
    fs::remove_file(world.checkout().join("extern/p/lib/mine")).unwrap();
    fs::remove_dir_all(world.checkout().join("extern/p/new")).unwrap();
    let said = format!("deps-1 for {} from extern/p: 1 package, 3 files\n", own());
    assert_eq!(world.run("uninstall --dry-run").succeeds().stderr, format!("would remove {said}"));
    world.run("status --check").succeeds();
    assert_eq!(world.run("uninstall").succeeds().stderr, format!("removed {said}"));
    assert_eq!(fs::read_dir(world.checkout().join("extern")).unwrap().count(), 0);
    world.write("extern/p/mine", "mine");
    world.run("uninstall --force").exits(2);
    assert_eq!(world.read("extern/p/mine"), "mine");
}

/// An overlay over the checkout, until it is dropped.
struct Overlay(std::path::PathBuf);

impl Overlay {
    /// `None` where this process may not mount.
    fn over(world: &World) -> Option<Overlay> {
        let root = world.root();
        let [merged, upper, work] = ["merged", "upper", "work"].map(|name| root.join(name));
        [&merged, &upper, &work].iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let (lower, upper, work) = (world.checkout().display(), upper.display(), work.display());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work},redirect_dir=off");
        let mut mount = world.command("mount", &root);
        mount.args(["-t", "overlay", "overlay", "-o", &options]).arg(&merged).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Overlay(merged))
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(&self.0).status().unwrap();
    }
}

#[test]
fn bundle_in_a_lower_overlay_layer_is_replaced_though_its_folder_cannot_be_renamed() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # changed\n");
    world.published("deps-2", &[Package::new("zlib").version("2").text("share/new", "@PREFIX@\n")]);
    world.run("install --tag deps-1").succeeds();
    let Some(overlay) = Overlay::over(&world) else {
        eprintln!("not tested: this process may not mount");
        return;
    };
    world.run_in(&overlay.0, &["install"]).succeeds();
    world.run_in(&overlay.0, &["status", "--check", "--verify"]).succeeds();
    assert!(!overlay.0.join("extern/p/lib").exists());
    assert_eq!(fs::read_dir(overlay.0.join("extern")).unwrap().count(), 1, "nothing is left beside the prefix");
    world.run_in(&overlay.0, &["uninstall"]).succeeds();
    world.run("status --tag deps-1 --verify --check").succeeds();
}

#[test]
fn prefix_may_be_another_for_each_tag() {
    let world = World::with_key();
    world.write("tagalong.toml", world.read("tagalong.toml").replace("extern/p", "extern/{platform}/{tag}"));
    world.published("deps-1", &[zlib()]);
    let run = world.run("install").succeeds();
    assert!(run.stderr.contains(&format!("in extern/{}/deps-1: ", own())), "{}", run.stderr);
    world.run("run zpipe").prints(&format!("zpipe of [WORLD]/checkout/extern/{}/deps-1\n", own()));
    world.run("status --check").succeeds();
    world.run("uninstall").succeeds();
}

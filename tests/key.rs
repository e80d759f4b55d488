//! Keys: what is written where, and that minisign and tagalong take each other's signatures and keys.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use world::World;
use world::bundle::{Package, own};

fn minisign(world: &World, arguments: &[&str]) -> Output {
    let mut command = world.command("minisign", &world.root());
    command.args(arguments).stdin(std::process::Stdio::null()).output().expect("minisign is installed")
}

#[test]
fn new_key_goes_to_its_file_and_the_line_for_the_project_to_stdout() {
    let world = World::new();
    let run = world.run("key new --output ../key").succeeds();
    let line = run.stdout.strip_prefix("keys = [\"").and_then(|rest| rest.strip_suffix("\"]\n")).unwrap().to_owned();
    assert_eq!((line.len(), &line[..2]), (56, "RW"));
    assert_eq!(
        run.stderr,
        "wrote the secret key to ../key; the line above goes into the channel's part of tagalong.toml\n"
    );
    let path = world.root().join("key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    world.run("key show ../key").prints(&format!("{line}\n"));
    let before = fs::read(&path).unwrap();
    world.run("key new --output ../key").fails(
        2,
        "error: `../key` is not written\n  why: there is such a file, and a lost key is lost for ever\n \
         next: name another file with `--output`\n"
            .replace("`../key`", "`[WORLD]/checkout/../key`")
            .as_str(),
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    world.run("key new --output ../other --dry-run").prints("");
    assert!(!world.root().join("other").exists());
}

#[test]
fn minisign_verifies_what_tagalong_published() {
    let world = World::with_key();
    world.published("deps-1", &[Package::new("zlib").text("share/zlib", "@PREFIX@")]);
    let manifest = world.channel().join(format!("bundles/deps-1/{}.json", own()));
    let key = world.key().public().line().to_owned();
    let output = minisign(&world, &["-Vm", manifest.to_str().unwrap(), "-P", &key]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("Trusted comment: tag:deps-1 platform:{} sequence:1", own())), "{said}");
    let stranger = world.run("key new --output ../stranger").succeeds().stdout[9..65].to_owned();
    assert!(!minisign(&world, &["-Vm", manifest.to_str().unwrap(), "-P", &stranger]).status.success());
}

#[test]
fn keys_and_signatures_of_minisign_are_taken() {
    let world = World::new();
    let made = minisign(&world, &["-G", "-W", "-p", "m.pub", "-s", "m.key"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = fs::read_to_string(world.root().join("m.pub")).unwrap();
    let public = text.lines().nth(1).unwrap().to_owned();
    world.run("key show ../m.key").prints(&format!("{public}\n"));
    fs::write(world.root().join("file"), "bytes").unwrap();
    let signed = minisign(&world, &["-S", "-s", "m.key", "-m", "file", "-t", "hello"]);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    world.run(&format!("key verify ../file --key {public}")).prints("hello\n");
    world.run("key sign ../file --secret-key ../m.key").succeeds();
    assert!(minisign(&world, &["-Vm", "file", "-p", "m.pub"]).status.success());
    world.run("key new --output ../own.key").succeeds();
    fs::write(world.root().join("own"), "bytes").unwrap();
    let signed = minisign(&world, &["-S", "-s", "own.key", "-m", "own"]);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let own = world.run("key show ../own.key").succeeds().stdout;
    world.run(&format!("key verify ../own --key {own}")).succeeds();
    fs::write(world.root().join("file"), "other bytes").unwrap();
    let run = world.run(&format!("key verify ../file --key {public}")).exits(4);
    assert!(run.stderr.contains("error: the signature is not of these bytes"), "{}", run.stderr);
}

#[test]
fn wrong_keys_are_refused_without_repeating_secrets() {
    let world = World::new();
    world.write("file", "bytes").write("key", "untrusted comment: x\nsecret-looking-text\n");
    for arguments in ["key show key", "key sign file --secret-key key"] {
        let run = world.run(arguments).exits(2);
        assert!(run.stderr.contains("error: what is given as secret key is none"), "{}", run.stderr);
        assert!(!run.stderr.contains("secret-looking"), "{}", run.stderr);
    }
    assert!(world.run("key show").exits(2).stderr.contains("error: no secret key is named"));
    world.run("key verify file --key RWnonsense").exits(2);
    let key = world.run("key new --output ../k").succeeds().stdout[9..65].to_owned();
    assert!(world.run(&format!("key verify file --key {key}")).exits(4).stderr.contains("there is no signature"));
}

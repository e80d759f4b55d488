//! `tagalong.toml`, and `tagalong init` that writes it.

mod world;

use tagalong::model::project::{DriftPolicy, Keys, Trust, Walk};
use tagalong::project_file;
use world::World;

const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

/// The mistakes of a text as `line:column what`.
fn mistakes(text: &str) -> Vec<String> {
    let Err(found) = project_file::parse("tagalong.toml", text) else { return Vec::new() };
    let line = |mistake| {
        let (line, column) = found.place_of(mistake);
        format!("{line}:{column} {}", mistake.what)
    };
    found.list.iter().map(line).collect()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let project = project_file::parse("tagalong.toml", "").unwrap();
    assert_eq!((project.prefix.as_str(), project.tags.as_str()), ("extern/{platform}", "deps-*"));
    assert_eq!((project.walk, project.drift), (Walk::Maximal, DriftPolicy::Warn));
    assert_eq!(project.placeholder.as_str().len(), 160);
    assert!(project.channels.is_empty() && project.platforms.is_empty());
}

#[test]
fn every_field_is_read() {
    let text = format!(
        r#"[project]
name = "demo"
prefix = "/opt/demo/{{tag}}/{{platform}}"
tags = "libs-*"
walk = "first-parent"
drift = "build"
placeholder-length = 200

[[channel]]
name = "main"
url = "https://deps.example.org/demo"
keys = ["{KEY}"]

[[channel]]
name = "near"
url = "file:../channel"
unsigned = true

[[platform]]
id = "debian-12-x86_64"
image = "registry.example.org/build/debian-12@sha256:00"
serves = ["ubuntu-24-x86_64"]
"#
    );
    let project = project_file::parse("tagalong.toml", &text).unwrap();
    assert_eq!(project.name, "demo");
    assert_eq!((project.walk, project.drift), (Walk::FirstParent, DriftPolicy::Build));
    assert_eq!(project.placeholder.as_str().len(), 200);
    assert_eq!(project.channels[0].trust, Trust::Keys(Keys { named: vec![KEY.to_owned()], ..Keys::default() }));
    assert_eq!((project.channels[1].url.as_str(), &project.channels[1].trust), ("file:../channel", &Trust::Unsigned));
    assert_eq!(project.platforms[0].serves[0].id(), "ubuntu-24-x86_64");
}

#[test]
fn each_mistake_is_found() {
    let project = |line: &str| format!("[project]\n{line}\n");
    let channel = |lines: &str| format!("[[channel]]\nname = \"main\"\n{lines}\n");
    let signed = |url: &str| channel(&format!("url = \"{url}\"\nunsigned = true"));
    let table: Vec<(String, &[&str])> = vec![
        ("projct = 1\n[[chanel]]".to_owned(), &["1:1 unknown field `projct`", "2:3 unknown field `chanel`"]),
        ("project = 1".to_owned(), &["1:11 `project` is a number, not a table"]),
        ("[channel]\nname = \"x\"".to_owned(), &["1:1 `channel` is a table, not a list of tables"]),
        (project("nam = \"x\""), &["2:1 unknown field `nam`"]),
        (project("name = \"a b\""), &["2:8 `a b` is not the name of a project"]),
        (project("prefix = \"../extern\""), &["2:10 the prefix `../extern` climbs with `..`"]),
        (project("prefix = \".\""), &["2:10 the prefix `.` is no folder of its own"]),
        (project("prefix = \".git/x\""), &["2:10 the prefix `.git/x` is inside of git's own folder"]),
        (project("prefix = \"x/{platfrm}\""), &["2:13 nothing is known to put in place of `{platfrm}`"]),
        (project("tags = \"deps/*\""), &["2:8 no deps tag can match `deps/*`"]),
        (project("walk = \"firstparent\""), &["2:8 unknown `walk`: `firstparent`"]),
        (project("drift = 1"), &["2:9 `drift` is a number, not a text"]),
        (project("placeholder-length = 20"), &["2:22 a placeholder of 20 bytes is not between 64 and 220"]),
        (channel("url = \"file:x\""), &["1:1 this `[[channel]]` says nobody to trust"]),
        (channel("url = \"file:x\"\nkeys = []"), &["1:1 this `[[channel]]` says nobody to trust"]),
        (channel("url = \"file:x\"\nunsigned = false"), &["1:1 this `[[channel]]` says nobody to trust"]),
        (channel("url = \"file:x\"\nunsigned = \"yes\""), &["4:12 `unsigned` is a text, not true or false"]),
        (
            channel(&format!("url = \"file:x\"\nkeys = [\"{KEY}\"]\nunsigned = true")),
            &["5:1 a channel with `keys` cannot be `unsigned`"],
        ),
        (channel("url = \"file:x\"\nkeys = [\"RWQ\"]"), &["4:9 `RWQ` is not a public key"]),
        (channel("unsigned = true"), &["1:1 this `[[channel]]` has no `url`"]),
        (signed("ftp://host/deps"), &["3:7 `ftp:` channels are not known"]),
        (signed("s3:bucket"), &["3:7 the address `s3:bucket` names no place"]),
        (signed("../folder"), &["3:7 `../folder` is not an address"]),
        (signed("https://"), &["3:7 the address `https://` names no place"]),
        (signed("file:a") + &signed("file:b"), &["6:8 there are two channels `main`"]),
        (
            "[[platform]]\nid = \"debian\"\nserves = [\"Ubuntu\"]".to_owned(),
            &[
                "2:6 `debian` is not a platform id such as `debian-12-x86_64`",
                "3:11 `Ubuntu` is not a platform id such as `debian-12-x86_64`",
            ],
        ),
        (
            "[[platform]]\nimage = \"a b\"".to_owned(),
            &["1:1 this `[[platform]]` has no `id`", "2:9 `a b` is not the name of an image"],
        ),
        ("[[platform]]\nid = \"a-1-b\"\nserves = [\"a-1-b\"]".to_owned(), &["3:11 `a-1-b` is served already"]),
    ];
    for (text, expected) in table {
        assert_eq!(mistakes(&text), expected, "{text}");
    }
}

#[test]
fn check_tells_the_mistakes_of_the_project_file_too() {
    let world = World::new();
    world.write("tagalong.toml", "[project]\nwalk = \"date \"\n").write("extern-recipes/README.md", "");
    world.run("recipe check").fails(
        7,
        "error: unknown `walk`: `date `
 --> tagalong.toml:2:8
  |
2 | walk = \"date \"
  |        ^^^^^^^
  |
  = help: did you mean `date`?
error: 1 mistake in 1 file
 next: `tagalong recipe reference` tells what a recipe may say
",
    );
}

#[test]
fn init_writes_a_project_with_its_defaults_and_what_git_needs() {
    let world = World::new();
    world.write("src/main.c", "").write(".gitignore", "build");
    let text = world.run("init --dry-run --name demo").succeeds().stdout;
    assert!(text.starts_with("would write tagalong.toml:\n    # What tagalong does"), "{text}");
    assert!(!world.checkout().join("tagalong.toml").exists());
    world.run_in(&world.checkout().join("src"), &["init", "--name", "demo"]).prints(
        "wrote tagalong.toml and .gitattributes, added a line to .gitignore: project demo in [WORLD]/checkout\n",
    );
    assert_eq!(world.read(".gitignore"), "build\n/extern/\n");
    assert_eq!(world.read(".gitattributes"), "extern-recipes/** -text\n");
    let project = project_file::parse("tagalong.toml", &world.read("tagalong.toml")).unwrap();
    assert_eq!((project.name.as_str(), project.prefix.as_str()), ("demo", "extern/{platform}"));
    world.run("init").fails(
        2,
        "error: there is a project already: `[WORLD]/checkout/tagalong.toml`\n  why: `tagalong init` never changes one that is there\n next: edit it; `tagalong init --dry-run` in an empty folder shows all its fields\n",
    );
}

#[test]
fn init_takes_the_name_of_the_folder_and_refuses_what_is_no_name() {
    let world = World::new();
    world.write(".gitignore", "/extern/\n").write(".gitattributes", "extern-recipes/** -text\n");
    world.run_with(&["init", "--name", "a b"]).fails(
        2,
        "error: `a b` cannot name a project\n  why: a name is made of letters, digits, `-`, `_` and `.`\n next: give it another name: `tagalong init --name NAME`\n",
    );
    world.run("init").prints("wrote tagalong.toml: project checkout in [WORLD]/checkout\n");
}

#[test]
fn what_init_comments_out_is_right_too() {
    let template = project_file::template("demo");
    let setting = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let is_setting = rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
        is_setting.then(|| rest.to_owned())
    };
    let whole: Vec<String> = template.lines().map(|line| setting(line).unwrap_or_else(|| line.to_owned())).collect();
    let whole = whole.join("\n").replace("RW…", KEY);
    let project = project_file::parse("tagalong.toml", &whole).unwrap_or_else(|found| panic!("{found:?}\n{whole}"));
    assert_eq!((project.channels.len(), project.platforms.len()), (1, 1));
    assert_eq!(project.placeholder.as_str().len(), 160);
}

#[test]
fn completions_are_printed_for_the_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let run = World::new().run(&format!("completions {shell}")).succeeds();
        assert!(run.stdout.contains("tagalong"), "{shell}");
    }
    World::new().run("completions tcl").exits(2);
}

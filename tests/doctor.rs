//! `tagalong doctor`: every line has a grade, and only an error makes it fail.

mod world;

use std::fs;

use serde_json::Value;
use world::World;

/// The findings about a subject: grade and what.
fn about(json: &Value, subject: &str) -> Vec<(String, String)> {
    let findings = json["findings"].as_array().unwrap().iter().filter(|one| one["subject"] == subject);
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    findings.map(|one| (text(one, "grade"), text(one, "what"))).collect()
}

#[test]
fn outside_of_a_checkout_the_machine_is_looked_at() {
    let world = World::new();
    let outside = world.root().join("home");
    let run = world.run_in(&outside, &["doctor", "--offline", "--json"]);
    let json = run.json();
    for subject in ["platform", "sandbox", "clock", "locale", "programs", "cache", "project", "setting"] {
        assert!(!about(&json, subject).is_empty(), "{subject}: {}", run.stdout);
    }
    let what = "`[WORLD]/home` is in no checkout; only the machine was looked at".to_owned();
    assert_eq!(about(&json, "project"), [("ok".to_owned(), what)]);
    assert_eq!(about(&json, "setting")[0].1, "cache = [WORLD]/cache (TAGALONG_CACHE)");
    let errors = json["findings"].as_array().unwrap().iter().filter(|one| one["grade"] == "error").count();
    assert_eq!(json["errors"], errors);
    run.exits(if errors == 0 { 0 } else { 7 });
    // What was tried leaves nothing behind.
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn what_a_checkout_needs_and_lacks_is_an_error_with_the_way_out() {
    let world = World::new();
    let channel = world.channel().display().to_string();
    world.write(
        "tagalong.toml",
        format!(
            "[project]\nname = \"demo\"\n[[channel]]\nname = \"main\"\nurl = \"file:{channel}\"\nunsigned = true\n\
             [[channel]]\nname = \"away\"\nurl = \"http://127.0.0.1:9/demo\"\nunsigned = true\n"
        ),
    );
    world.write(
        "extern-recipes/demo/recipe.toml",
        "name = \"demo\"\nversion = \"1\"\nlicense = \"MIT\"\ntools = [\"no-such-tool\"]\n[build]\nsystem = \"script\"\nscript = \"true\"\n",
    );
    let run = world.run("doctor --offline").exits(7);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let place = lines.iter().position(|line| line.contains("`no-such-tool`")).unwrap();
    let expected = [
        "error    programs     there is no `no-such-tool` in /usr/local/bin, /usr/bin, /bin, /usr/sbin, /sbin",
        "                why:  it is a tool of demo",
    ];
    assert_eq!(lines[place..place + 2], expected);
    assert!(lines[place + 2].starts_with("               next:  `") && lines[place + 2].ends_with(" no-such-tool`"));
    for line in [
        "ok       recipes      1 recipe without a mistake",
        "warning  channel      there is no channel at the url of `main`",
        "ok       channel      `away` was not asked: offline",
        "warning  keys         channel `main` is unsigned",
    ] {
        assert!(lines.contains(&line), "{line}\n{}", run.stdout);
    }
    let json = world.run("doctor --json").exits(7).json();
    let channels = about(&json, "channel");
    assert_eq!(channels[1].0, "error", "{channels:?}");
    assert!(about(&json, "placeholder")[0].1.starts_with("160 bytes; the prefix has "));
}

#[test]
fn mistakes_and_open_keys_are_told() {
    let world = World::new().with("TAGALONG_SECRET_KEY", "secret.key").with("LC_ALL", "C");
    world.write("tagalong.toml", "[project]\nnmae = \"demo\"\n");
    world.write("secret.key", "untrusted comment: x\n");
    let json = world.run("doctor --offline --json").exits(7).json();
    let project = about(&json, "project");
    assert_eq!(project, [("error".to_owned(), "tagalong.toml has mistakes".to_owned())]);
    let finding = json["findings"].as_array().unwrap().iter().find(|one| one["subject"] == "project").unwrap();
    assert!(finding["why"].as_str().unwrap().starts_with("line 2: unknown field `nmae`"), "{finding}");
    assert_eq!(about(&json, "secret key")[0].0, "warning");
    assert_eq!(about(&json, "locale"), [("warning".to_owned(), "`C` is not UTF-8".to_owned())]);
}

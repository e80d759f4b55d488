//! Every command of the README's console blocks is run, in order, and prints what the README says.

mod world;

use std::fs;

use world::World;

/// A command of the README and what it is said to print.
struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for line in readme.lines() {
        match line {
            "```console" => is_inside = true,
            "```" => is_inside = false,
            _ if !is_inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => examples.push(Example { command: command.to_owned(), output: Vec::new() }),
                None => examples.last_mut().expect("output stands below a command").output.push(line.to_owned()),
            },
        }
    }
    examples
}

/// Whether a line is as written; `[..]` stands for anything.
fn is_as_written(written: &str, line: &str) -> bool {
    let mut parts = written.split("[..]");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (place, part) in parts.iter().enumerate() {
        let found = if place + 1 == parts.len() {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || written.ends_with("[..]")
}

#[test]
fn every_console_example_of_the_readme_prints_what_it_says() {
    let world = World::new().with_greetings();
    let secret = world.root().join("secret.key");
    let key = world.run_with(&["key", "new", "--output", secret.to_str().unwrap()]).succeeds();
    let project = world.read("tagalong.toml").replace("unsigned = true\n", &key.stdout);
    world.write("tagalong.toml", project);
    world.commit().tag("deps-add-hello");
    world.run("build").succeeds();
    world.run_with(&["publish", "--secret-key", secret.to_str().unwrap()]).succeeds();
    world.git(&["commit", "-q", "--allow-empty", "-m", "later"]);
    let readme = fs::read_to_string("README.md").unwrap();
    let examples = examples(&readme);
    assert!(examples.len() >= 4);
    for example in examples {
        let arguments: Vec<&str> = example.command.split_whitespace().skip(1).collect();
        let run = world.run_with(&arguments).succeeds();
        let printed = format!("{}{}", run.stdout, run.stderr);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), example.output.len(), "`{}` printed:\n{printed}", example.command);
        for (written, line) in example.output.iter().zip(lines) {
            assert!(
                is_as_written(written, line),
                "`{}` printed `{line}`, the README says `{written}`",
                example.command
            );
        }
    }
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_help() {
    let readme = fs::read_to_string("README.md").unwrap();
    let help = World::new().run("--help").succeeds().stdout.replace('\n', " ");
    for line in readme.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let meaning = cells[2].split(':').next().unwrap();
        assert!(help.contains(&format!("{} {meaning}", cells[1])), "{line}");
    }
}

#[test]
fn the_readme_fits_on_a_page_or_two() {
    assert!(fs::read_to_string("README.md").unwrap().lines().count() <= 210);
}

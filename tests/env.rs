//! The environment of a bundle: `env`, `run` and `shell`.

mod world;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Output;

use world::World;
use world::bundle::Package;

fn package() -> Package {
    Package::new("zlib")
        .program("bin/zpipe", "echo zpipe")
        .text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
        .text("share/man/man1/zpipe.1", "")
}

fn installed() -> World {
    let world = World::with_key();
    world.published("deps-1", &[package()]);
    world.run("install").succeeds();
    world
}

fn output_of(world: &World, program: &str, script: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = world.command(program, world.checkout());
    command.env("TAGALONG", env!("CARGO_BIN_EXE_tagalong")).envs(variables.iter().copied());
    command.args(["-c", script]).output().unwrap_or_else(|error| panic!("{program} is installed: {error}"))
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn environment_names_the_folders_that_exist_and_keeps_what_was_there() {
    let world = installed();
    world.run("env").prints(
        "export PATH='[WORLD]/checkout/extern/p/bin'\"${PATH:+:$PATH}\"\n\
         export PKG_CONFIG_PATH='[WORLD]/checkout/extern/p/lib/pkgconfig'\"${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}\"\n\
         export CMAKE_PREFIX_PATH='[WORLD]/checkout/extern/p'\"${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}\"\n\
         export MANPATH='[WORLD]/checkout/extern/p/share/man'\":${MANPATH:-}\"\n\
         export XDG_DATA_DIRS='[WORLD]/checkout/extern/p/share'\":${XDG_DATA_DIRS:-/usr/local/share:/usr/share}\"\n\
         export TAGALONG_PREFIX='[WORLD]/checkout/extern/p'\n",
    );
    let json = world.run("env --json").succeeds().json();
    assert_eq!(json["variables"]["PATH"][0], "[WORLD]/checkout/extern/p/bin");
    let script = "eval \"$($TAGALONG env)\"; echo \"$PKG_CONFIG_PATH\"; zpipe";
    let output = output_of(&world, "sh", script, &[("PKG_CONFIG_PATH", "/mine")]);
    assert_eq!(said(&output), format!("{}/extern/p/lib/pkgconfig:/mine\nzpipe\n", world.checkout().display()));
}

#[test]
fn every_shell_takes_its_form_even_of_an_odd_prefix() {
    let world = World::with_key();
    let plain = Package::new("zlib").text("bin/zpipe", "").text("share/man/man1/z.1", "");
    world.published("deps-1", &[plain]);
    let odd = world.root().join("o'd d!$x");
    world.run_with(&["install", "--prefix", odd.to_str().unwrap()]).succeeds();
    let odd = odd.to_str().unwrap();
    for (shell, form, script) in [
        ("sh", "sh", "eval \"$($TAGALONG env --prefix \"$ODD\")\""),
        ("fish", "fish", "$TAGALONG env --shell fish --prefix \"$ODD\" | source"),
        ("csh", "csh", "eval `$TAGALONG env --shell csh --prefix \"$ODD\"`"),
    ] {
        let script = format!("{script}; printenv TAGALONG_PREFIX; printenv PATH; printenv XDG_DATA_DIRS");
        let output = output_of(&world, shell, &script, &[("ODD", odd), ("XDG_DATA_DIRS", "/a:/b")]);
        let path = std::env::var("PATH").unwrap();
        let expected = format!("{odd}\n{odd}/bin:{path}\n{odd}/share:/a:/b\n");
        assert_eq!(said(&output), expected, "{form}");
    }
}

#[test]
fn run_passes_arguments_exit_code_and_signals_through() {
    let world = installed();
    world.run("run zpipe").prints("zpipe\n");
    world
        .run_with(&["run", "--", "sh", "-c", "echo \"$1 $TAGALONG_PREFIX\"", "sh", "--flag"])
        .prints("--flag [WORLD]/checkout/extern/p\n");
    world.run_with(&["run", "sh", "-c", "exit 42"]).exits(42);
    world.run_with(&["run", "sh", "-c", "test -z \"$LD_LIBRARY_PATH\""]).succeeds();
    let status = world.tagalong(world.checkout()).args(["run", "sh", "-c", "kill -TERM $$"]).status().unwrap();
    assert_eq!(status.signal(), Some(15));
    world.run("run no-such-program").fails(
        3,
        "error: there is no program `no-such-program`\n \
         next: name a program of the bundle, of `PATH`, or by its path\n",
    );
}

#[test]
fn shell_is_the_users_own() {
    let world = installed().with("SHELL", "/bin/sh");
    let mut command = world.tagalong(world.checkout());
    let mut child =
        command.arg("shell").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"zpipe; exit 5\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), b"zpipe\n".as_slice()));
}

#[test]
fn nothing_installed_is_an_error_that_says_so() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    for arguments in ["env", "run true", "shell"] {
        world
            .run(arguments)
            .fails(3, "error: nothing is installed in `[WORLD]/checkout/extern/p`\n next: `tagalong install` puts the bundle there\n");
    }
}

#[test]
fn prefix_of_its_own_needs_no_checkout() {
    let world = installed();
    let prefix = world.checkout().join("extern/p");
    let run = world.run_in(Path::new("/"), &["run", "--prefix", prefix.to_str().unwrap(), "zpipe"]);
    run.prints("zpipe\n");
}

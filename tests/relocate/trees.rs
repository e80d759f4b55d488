//! Trees as other tools make them: virtual environments, conda packages, tarballs with a token, installed libraries.
//! Their own programs tell whether it worked.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::world::World;
use crate::{gcc, installed, listing, output, own_leftovers, virtual_environment, write, write_program};

/// The paths of a JSON outcome, each with its deed.
fn deeds(json: &serde_json::Value) -> Vec<String> {
    let word = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = json["changes"].as_array().unwrap().iter();
    all.map(|one| format!("{} {} {}", word(one, "deed"), word(one, "way"), word(one, "path"))).collect()
}

#[test]
fn virtual_environment_that_was_moved_tells_its_old_place_and_runs_at_the_new_one_and_back() {
    let world = World::new();
    let env = virtual_environment(&world.root());
    let before = listing(&env);
    // Too long for a `#!` line, and with a space, which no `#!` line can hold.
    let names = ["there", &"long-".repeat(40), "a folder"];
    for name in names {
        let new = world.root().join(name);
        fs::rename(&env, &new).unwrap();
        let run = world.run_with(&["relocate", new.to_str().unwrap()]).succeeds();
        assert!(run.stderr.contains("home-of-env/env (told by the virtual environment) to [WORLD]/"), "{}", run.stderr);
        let module = format!("{}/lib/python3.", new.display());
        let hello = output(new.join("bin/hello"), &[]);
        assert!(hello.starts_with(&format!("hello from {} {module}", new.display())), "{hello}");
        assert!(output(new.join("bin/pip"), &["--version"]).contains(&module));
        let activated = format!(". '{}/bin/activate' && command -v hello", new.display());
        assert_eq!(output("bash", &["-c", &activated]), format!("{}/bin/hello\n", new.display()));
        // Python goes on taking the compiled files: none is written anew.
        let code = "import pip._internal.cli.main as m; print(m.main.__code__.co_filename)";
        assert!(output(new.join("bin/python"), &["-v", "-c", code]).starts_with(&module));
        fs::rename(&new, &env).unwrap();
        world.run_with(&["relocate", env.to_str().unwrap(), "--from", new.to_str().unwrap()]).succeeds();
    }
    let after = listing(&env);
    let differ = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect::<Vec<_>>();
    assert_eq!((before.len(), differ), (after.len(), Vec::<&PathBuf>::new()));
}

#[test]
fn conda_package_is_relocated_by_what_its_metadata_says() {
    let world = World::new();
    let tree = world.checkout().join("pkg");
    let placeholder = format!("/home/conda/feedstock_root/{}", "placehold_".repeat(22));
    write_program(&tree.join("bin/tool"), format!("#!{placeholder}/bin/sh\necho {placeholder}/etc\n"));
    symlink("/bin/sh", tree.join("bin/sh")).unwrap();
    let source = tree.join("x.c");
    write(&source, "#include <stdio.h>\nint main(void) { puts(PREFIX \"/share/x\"); return 0; }\n");
    let define = format!("-DPREFIX=\"{placeholder}\"");
    gcc(&[&define, "-o", tree.join("bin/x").to_str().unwrap(), source.to_str().unwrap()]);
    fs::remove_file(source).unwrap();
    write(&tree.join("share/data"), format!("{placeholder}/no-nul-but-binary"));
    let entry = |path: &str, mode: &str| serde_json::json!({ "_path": path, "path_type": "hardlink", "prefix_placeholder": placeholder, "file_mode": mode });
    let paths = [entry("bin/tool", "text"), entry("bin/x", "binary"), entry("share/data", "binary")];
    write(&tree.join("info/paths.json"), serde_json::json!({ "paths_version": 1, "paths": paths }).to_string());
    let json = world.run("relocate pkg --to /opt/env --json --dry-run").succeeds().json();
    assert_eq!((json["outcome"].as_str(), json["told_by"].as_str()), (Some("planned"), Some("conda")));
    let expected = [
        "replaced elf bin/x",
        "replaced fixed share/data",
        "replaced script bin/tool",
        "replaced text info/paths.json",
    ];
    let mut found = deeds(&json);
    found.sort();
    assert_eq!(found, expected);
    let run = world.run("relocate pkg --to /opt/env").succeeds();
    assert_eq!(
        run.stderr,
        format!(
            "relocated [WORLD]/checkout/pkg from {placeholder} (told by conda) to /opt/env: 4 of 8 paths: 4 files, 0 links\n"
        )
    );
    assert_eq!(world.read("pkg/bin/tool"), "#!/opt/env/bin/sh\necho /opt/env/etc\n");
    let slashes = "/".repeat(placeholder.len() - "/opt/env".len());
    assert_eq!(output(tree.join("bin/x"), &[]), format!("{slashes}/opt/env/share/x\n"));
    assert_eq!(world.read("pkg/share/data"), format!("{slashes}/opt/env/no-nul-but-binary"));
    // The metadata says the new prefix now, so that the next move needs no `--from` either.
    world.run("relocate pkg --to /srv/b").succeeds();
    assert_eq!(world.read("pkg/bin/tool"), "#!/srv/b/bin/sh\necho /srv/b/etc\n");
}

#[test]
fn tarball_with_a_token_is_found_by_the_token_and_gets_the_path_it_lies_at() {
    let world = World::new();
    let tree = world.checkout().join("karabo");
    let token = "__KARABO_CI_PATH__";
    write_program(&tree.join("bin/start"), format!("#!{token}/bin/sh\n. {token}/activate\necho $KARABO\n"));
    symlink("/bin/sh", tree.join("bin/sh")).unwrap();
    symlink(format!("{token}/lib/libx.so.1"), tree.join("bin/libx")).unwrap();
    write(&tree.join("activate"), format!("KARABO=\"{token}\"\nCFLAGS=-I{token}/include\n"));
    write(&tree.join("lib/libx.so.1"), format!("\0{token}/x\0not {token}s\0"));
    let run = world.run("relocate karabo").exits(7);
    assert_eq!(
        run.stderr.lines().collect::<Vec<_>>(),
        [
            "lib/libx.so.1: byte 1: the string has room for a prefix of 18 bytes, the new one has LENGTH",
            "error: 1 place cannot be changed",
            "  why: the longest prefix that fits everywhere has 18 bytes",
            " next: choose a prefix of at most 18 bytes",
            "       `--leave` changes everything else and leaves these; nothing was changed now",
        ]
        .map(|line| line.replace("LENGTH", &tree.as_os_str().len().to_string()))
    );
    assert!(world.read("karabo/activate").contains(token));
    world.run("relocate karabo --leave").exits(7);
    assert_eq!(output(tree.join("bin/start"), &[]), format!("{}\n", tree.display()));
    assert_eq!(fs::read_link(tree.join("bin/libx")).unwrap(), tree.join("lib/libx.so.1"));
    assert_eq!(world.read("karabo/activate"), format!("KARABO=\"{0}\"\nCFLAGS=-I{0}/include\n", tree.display()));
}

#[test]
fn installed_library_gets_room_for_a_longer_library_path_and_its_program_runs() {
    let world = World::new();
    let prefix = world.checkout().join("p");
    installed(&prefix, "hello");
    let new = world.checkout().join("a-much-longer-name/of/the/prefix");
    fs::create_dir_all(new.parent().unwrap()).unwrap();
    let old = prefix.to_str().unwrap().to_owned();
    fs::rename(&prefix, &new).unwrap();
    let new_text = new.to_str().unwrap();
    let json = world.run_with(&["relocate", new_text, "--from", &old, "--json"]).succeeds().json();
    let mut found = deeds(&json);
    found.sort();
    assert_eq!(
        found,
        [
            "grown elf bin/greet",
            "replaced link lib/libgreet.so",
            "replaced text lib/cmake/greet/greet-config.cmake",
            "replaced text lib/pkgconfig/greet.pc"
        ]
    );
    assert_eq!(output(new.join("bin/greet"), &[]), "hello\n");
    assert!(output("readelf", &["-d", &format!("{new_text}/bin/greet")]).contains(&format!("[{new_text}/lib]")));
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "greet"])
        .env("PKG_CONFIG_PATH", new.join("lib/pkgconfig"))
        .output()
        .unwrap();
    let flags = String::from_utf8(flags.stdout).unwrap();
    assert_eq!(flags.trim(), format!("-I{new_text}/include -L{new_text}/lib -lgreet"));
}

#[test]
fn strings_in_programs_keep_their_length_and_refuse_what_is_longer() {
    let world = World::new();
    let prefix = world.checkout().join("prefix-of-some-length");
    installed(&prefix, &format!("{}/share", prefix.display()));
    let old = prefix.to_str().unwrap();
    let before = listing(&prefix);
    let long = format!("{old}-and-more");
    let run = world.run_with(&["relocate", old, "--from", old, "--to", &long]).exits(7);
    assert!(
        run.stderr.starts_with("lib/libgreet.so.1: byte 8,192: the string has room for a prefix of "),
        "{}",
        run.stderr
    );
    assert_eq!(listing(&prefix), before);
    let short = world.checkout().join("s");
    fs::rename(&prefix, &short).unwrap();
    world.run_with(&["relocate", "s", "--from", old]).succeeds();
    let slashes = "/".repeat(old.len() - short.as_os_str().len());
    assert_eq!(output(short.join("bin/greet"), &[]), format!("{slashes}{}/share\n", short.display()));
    fs::rename(&short, &prefix).unwrap();
    world.run_with(&["relocate", old, "--from", short.to_str().unwrap()]).succeeds();
    assert_eq!(listing(&prefix), before);
}

#[test]
fn everything_that_is_not_the_prefix_stays() {
    let world = World::new();
    let tree = world.checkout().join("t");
    let old = "/old/prefix";
    write_program(&tree.join("bin/a"), format!("{old}/x"));
    fs::hard_link(tree.join("bin/a"), tree.join("bin/b")).unwrap();
    fs::create_dir_all(tree.join("lib")).unwrap();
    fs::hard_link(tree.join("bin/a"), tree.join("lib/c")).unwrap();
    write(&tree.join("same"), "nothing");
    fs::hard_link(tree.join("same"), world.checkout().join("outside")).unwrap();
    write(&tree.join("cache"), format!("{old}/shared"));
    fs::hard_link(tree.join("cache"), world.checkout().join("cache-outside")).unwrap();
    let odd = tree.join(OsStr::from_bytes(b"odd\n\xff name"));
    write(&odd, format!("{old}\n"));
    write(&tree.join("read-only/x"), format!("{old}/y"));
    let set_mode = |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(tree.join("read-only/x"), 0o444);
    set_mode(tree.join("bin/a"), 0o4755);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789);
    fs::File::open(&odd).unwrap().set_modified(long_ago).unwrap();
    fs::File::open(tree.join("lib")).unwrap().set_modified(long_ago).unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.write_all_at(old.as_bytes(), 40 << 20).unwrap();
    sparse.set_len(100 << 20).unwrap();
    symlink(format!("{old}/lib"), tree.join("to-folder")).unwrap();
    symlink(format!("{old}/nowhere"), tree.join("dangling")).unwrap();
    symlink("/old/prefix-2/lib", tree.join("other")).unwrap();
    assert!(Command::new("mkfifo").arg(tree.join("pipe")).status().unwrap().success());
    let attribute = Command::new("python3")
        .args(["-c", "import os, sys; os.setxattr(sys.argv[1], 'user.note', b'kept')"])
        .arg(&odd)
        .status()
        .unwrap();
    set_mode(tree.join("read-only"), 0o555);
    let run = world.run_with(&["relocate", "t", "--from", old, "--to", "/n"]).succeeds();
    assert_eq!(run.stderr, "relocated [WORLD]/checkout/t from /old/prefix to /n: 7 of 15 paths: 5 files, 2 links\n");
    let facts = |path: &str| fs::symlink_metadata(tree.join(path)).unwrap();
    assert_eq!(fs::read(tree.join("lib/c")).unwrap(), b"/n/x");
    assert_eq!([facts("bin/b").ino(), facts("lib/c").ino()], [facts("bin/a").ino(); 2]);
    assert_eq!((facts("bin/a").nlink(), facts("bin/a").mode() & 0o7777), (3, 0o4755));
    // What has a name outside of the tree is changed inside only.
    assert_eq!(fs::read_to_string(world.checkout().join("cache-outside")).unwrap(), "/old/prefix/shared");
    assert_eq!((facts("cache").nlink(), facts("same").nlink()), (1, 2));
    assert_eq!(fs::metadata(&odd).unwrap().modified().unwrap(), long_ago);
    assert_eq!(facts("lib").modified().unwrap(), long_ago);
    assert_eq!((facts("read-only").mode() & 0o7777, facts("read-only/x").mode() & 0o7777), (0o555, 0o444));
    assert!(facts("sparse").blocks() * 512 < 1 << 20, "{} blocks", facts("sparse").blocks());
    let mut bytes = [1; 14];
    fs::File::open(tree.join("sparse")).unwrap().read_exact_at(&mut bytes, (40 << 20) - 1).unwrap();
    assert_eq!(bytes, *b"\0//////////n\0\0");
    let target = |path: &str| fs::read_link(tree.join(path)).unwrap();
    assert_eq!(
        [target("to-folder"), target("dangling"), target("other")],
        ["/n/lib", "/n/nowhere", "/old/prefix-2/lib"].map(PathBuf::from)
    );
    if attribute.success() {
        let read = "import os, sys; print(os.getxattr(sys.argv[1], 'user.note').decode())";
        let said = Command::new("python3").args(["-c", read]).arg(&odd).output().unwrap();
        assert_eq!(said.stdout, b"kept\n");
    }
    assert_eq!(own_leftovers(world.checkout()), Vec::<String>::new());
}

#[test]
fn scripts_whose_interpreter_no_first_line_can_name_run_through_the_shell() {
    let world = World::new();
    let tree = world.checkout().join("t");
    fs::create_dir_all(tree.join("bin")).unwrap();
    let scripts = [
        ("sh", "/bin/sh", "-eu", "echo \"$1\" $# \"${0##*/}\"\n"),
        ("bash", "/bin/bash", "", "a=(x y)\necho \"$1\" $# \"${0##*/}\"\n"),
        ("perl", "/usr/bin/perl", "-w", "$0 =~ s/.*\\///; print \"$ARGV[0] \" . @ARGV . \" $0\\n\";\n"),
        (
            "python3",
            "/usr/bin/python3",
            "-E",
            "# coding: latin-1\nimport sys, os\nprint(sys.argv[1], len(sys.argv) - 1, os.path.basename(sys.argv[0]))\n# \u{e9}\n",
        ),
    ];
    for (name, real, option, body) in scripts {
        symlink(real, tree.join("bin").join(name)).unwrap();
        let first = format!("#!/old/bin/{name} {option}");
        write_program(&tree.join(format!("run-{name}")), format!("{}\n{body}", first.trim_end()));
    }
    let before = listing(&tree);
    let new = world.checkout().join("a folder");
    fs::rename(&tree, &new).unwrap();
    let run = world.run_with(&["relocate", "a folder", "--from", "/old"]).succeeds();
    assert!(run.stderr.ends_with(": 4 of 9 paths: 4 files, 0 links\n"), "{}", run.stderr);
    for (name, ..) in scripts {
        assert_eq!(output(new.join(format!("run-{name}")), &["a b", "c"]), format!("a b 2 run-{name}\n"));
    }
    world.run_with(&["relocate", "a folder", "--from", new.to_str().unwrap(), "--to", "/old"]).succeeds();
    assert_eq!(listing(&new), before);
}

#[test]
fn packed_and_wide_places_are_told_and_left() {
    let world = World::new();
    let tree = world.checkout().join("t");
    write(&tree.join("plain"), "/old/p");
    write(&tree.join("doc"), "/old/p/doc\n");
    output("gzip", &["-n", tree.join("doc").to_str().unwrap()]);
    write(&tree.join("wide"), "x\0/old/p".chars().flat_map(|c| [c as u8, 0]).collect::<Vec<u8>>());
    write(&tree.join("doubt"), b"\0/old/pp\0");
    let source = tree.join("m.c");
    write(&source, "int main(void) { return 0; }\n");
    let map = format!("-fdebug-prefix-map={}=/old/p", tree.display());
    gcc(&["-g", "-gz=zlib", &map, "-o", tree.join("debug").to_str().unwrap(), source.to_str().unwrap()]);
    fs::remove_file(source).unwrap();
    let run = world.run("relocate t --from /old/p --to /a-long-one --dry-run").succeeds();
    let lines: Vec<&str> = run.stdout.lines().filter(|line| !line.contains("debug: ")).collect();
    assert_eq!(
        lines,
        [
            "replaced  text    plain  byte 0",
            "note      doc.gz: packed data holds the prefix: gzip",
            "note      doubt: byte 1: the prefix goes on as another name, or is the end of one (1 such)",
            "note      wide: byte 4: the prefix stands there in wide letters (UTF-16 or UTF-32)",
        ]
    );
    assert_eq!(world.read("t/plain"), "/old/p");
}

#[test]
fn check_says_for_which_prefix_a_tree_was_made_and_whether_it_is_whole() {
    let world = World::new();
    let tree = world.checkout().join("t");
    write_program(&tree.join("bin/x"), format!("#!{}/bin/sh\n", tree.display()));
    symlink("/bin/sh", tree.join("bin/sh")).unwrap();
    let whole = world.run("relocate t --check").succeeds();
    assert_eq!(whole.stdout, "[WORLD]/checkout/t: 1 places, 1 file, 0 links, told by `#!` lines\n");
    symlink(tree.join("lib/gone"), tree.join("link")).unwrap();
    write(&tree.join("lib/pkgconfig/x.pc"), "prefix=/elsewhere\n");
    let broken = world.run("relocate t --check").exits(7);
    assert_eq!(
        broken.stdout,
        "/elsewhere: 1 places, 1 file, 0 links, told by pkg-config files\n\
         [WORLD]/checkout/t: 1 places, 1 file, 1 link, told by `#!` lines\n\
         fault: parts of it name different prefixes: /elsewhere, [WORLD]/checkout/t\n\
         fault: it was made for /elsewhere, but lies at [WORLD]/checkout/t\n\
         fault: link leads to [WORLD]/checkout/t/lib/gone, which is not there\n"
    );
    let json = world.run("relocate t --check --json").exits(7).json();
    assert_eq!((json["whole"].as_bool(), json["faults"].as_array().unwrap().len()), (Some(false), 3));
    write(&tree.join("bin/x"), "");
    fs::remove_file(tree.join("lib/pkgconfig/x.pc")).unwrap();
    fs::remove_file(tree.join("link")).unwrap();
    world.run("relocate t --check").prints("nothing names a prefix\n");
    world.run("relocate t").fails(
        3,
        "error: `[WORLD]/checkout/t` does not say which prefix it was made for\n  \
         why: it holds no receipt, no conda metadata, no virtual environment, no known token, no `#!` line and no \
         pkg-config file with a prefix\n next: name the prefix with `--from`\n",
    );
}

#[test]
fn recorded_places_serve_the_next_move_until_the_tree_changes() {
    let world = World::new();
    let tree = world.checkout().join("prefix-of-some-length");
    installed(&tree, &format!("{}/share", tree.display()));
    write_program(&tree.join("bin/run"), format!("#!{}/bin/python3\nprint('{0}')\n", tree.display()));
    let text = tree.to_str().unwrap();
    let copy = world.checkout().join("copy");
    output("cp", &["-a", text, copy.to_str().unwrap()]);
    let record = ["--record", "places.json"];
    world.run_with(&[&["relocate", text, "--from", text, "--to", "/opt/one"], &record[..]].concat()).succeeds();
    let run = world.run_with(&[&["relocate", text, "--to", "/srv/number/two"], &record[..]].concat()).succeeds();
    assert!(run.stderr.starts_with(
        "relocated [WORLD]/checkout/prefix-of-some-length from /opt/one (told by the record) to /srv/number/two: "
    ));
    // The same as by a search.
    world.run_with(&["relocate", "copy", "--from", text, "--to", "/opt/one"]).succeeds();
    world.run_with(&["relocate", "copy", "--from", "/opt/one", "--to", "/srv/number/two"]).succeeds();
    assert_eq!(listing(&tree), listing(&copy));
    let check = world.run_with(&[&["relocate", text, "--check"], &record[..]].concat()).exits(7);
    assert!(check.stdout.contains("told by the record"), "{}", check.stdout);
    write(&tree.join("lib/pkgconfig/greet.pc"), "prefix=/changed\n");
    world.run_with(&[&["relocate", text, "--to", "/x"], &record[..]].concat()).fails(
        4,
        "error: the record `[WORLD]/checkout/places.json` is of another tree\n  why: the list of its files is not as it was recorded\n \
         next: `--from` searches the tree again and writes a new record\n",
    );
}

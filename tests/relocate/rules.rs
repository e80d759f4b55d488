//! What may be changed and what may not: strings whose length is stored, texts of any encoding, compiled Python, static
//! libraries, loaders. Real compilers, linkers and interpreters tell whether it is right.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::world::World;
use crate::{gcc, installed, listing, output, write, write_program};

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn text_of_any_encoding_is_changed_as_bytes_and_data_with_a_nul_keeps_its_length() {
    let world = World::new();
    let tree = world.checkout().join("t");
    let cases: [(&str, &[u8], &[u8]); 8] = [
        ("latin-1", b"caf\xe9 /p/store/x \xe9\n", b"caf\xe9 /new/place/x \xe9\n"),
        ("bom", b"\xef\xbb\xbf/p/store\r\n\"/p/store\"\r\n", b"\xef\xbb\xbf/new/place\r\n\"/new/place\"\r\n"),
        (
            "boundary",
            b"/p/store-old x/p/store /p/store.old /p/stores",
            b"/p/store-old x/p/store /p/store.old /p/stores",
        ),
        ("lib.la", b"libdir='/p/store/lib'\n", b"libdir='/new/place/lib'\n"),
        ("sed", b"s,/p/store/bin,&,;s|/p/store|x|\n", b"s,/new/place/bin,&,;s|/new/place|x|\n"),
        ("shell", b"x=${y:-/p/store} -I/p/store:\n", b"x=${y:-/new/place} -I/new/place:\n"),
        ("url", b"file:///p/store/doc http://p/store\n", b"file:///new/place/doc http://p/store\n"),
        ("no-end", b"/p/store", b"/new/place"),
    ];
    for (name, old, _) in cases {
        write(&tree.join(name), old);
    }
    write(&tree.join("binary"), b"\0/p/store/x\0////p/store\0/p/storeys\0");
    world.run("relocate t --from /p/store --to /new/place --leave").exits(7);
    for (name, _, new) in cases {
        assert_eq!(
            String::from_utf8_lossy(&fs::read(tree.join(name)).unwrap()),
            String::from_utf8_lossy(new),
            "{name}"
        );
    }
    // One has no room and stays, one has three slashes more and needs two of them.
    let binary = fs::read(tree.join("binary")).unwrap();
    assert_eq!(String::from_utf8_lossy(&binary), "\0/p/store/x\0//new/place\0/p/storeys\0");
}

#[test]
fn escaped_slashes_are_replaced_in_texts_and_told_in_data() {
    let world = World::new();
    let tree = world.checkout().join("t");
    let escaped = |path: &str| path.replace('/', "\\/");
    let json = |prefix: &str| {
        let (path, other) = (escaped(prefix), escaped("/p/store-old"));
        format!("{{\"a\": \"{path}\\/lib\", \"b\": \"{prefix}/x\", \"c\": \"{other}\"}}\n")
    };
    write(&tree.join("a.json"), json("/p/store"));
    write(&tree.join("pattern"), "s/\\/p\\/store\\/bin//\n");
    let data = b"x\0\\/p\\/store\\/lib\0";
    write(&tree.join("data"), data);
    let told = world.run("relocate t --from /p/store --to /n/longer/one --json").json();
    let read = |name: &str| fs::read_to_string(tree.join(name)).unwrap();
    assert_eq!((read("a.json"), read("pattern")), (json("/n/longer/one"), "s/\\/n\\/longer\\/one\\/bin//\n".into()));
    assert_eq!(fs::read(tree.join("data")).unwrap(), data);
    let left = told["left"].as_array().unwrap().iter();
    let left: Vec<_> = left.map(|one| (one["path"].as_str().unwrap(), one["why"].as_str().unwrap())).collect();
    assert_eq!(left, [("data", "escaped")]);
    world.run("relocate t --from /n/longer/one --to /p/store").succeeds();
    assert_eq!((read("a.json"), read("pattern")), (json("/p/store"), "s/\\/p\\/store\\/bin//\n".into()));
}

/// Go keeps all constant strings in one run of bytes, by length, without an end of their own.
#[test]
fn strings_of_go_keep_their_length_and_what_runs_on_is_told() {
    let world = World::new();
    let tree = world.checkout().join("t");
    // The second path runs into the next string, so that nobody can say where it ends.
    let data = b"\0\0runtime/p/store/lib/goSIGSEGV: /p/storesegmentation\0\0";
    write(&tree.join("program"), data);
    world.run("relocate t --from /p/store --to /a/longer/one").exits(7);
    assert_eq!(fs::read(tree.join("program")).unwrap(), data);
    let told = world.run("relocate t --from /p/store --to /new --json").json();
    let moved = fs::read(tree.join("program")).unwrap();
    assert_eq!(moved.len(), data.len());
    assert_eq!(String::from_utf8_lossy(&moved), "\0\0runtime/////new/lib/goSIGSEGV: /p/storesegmentation\0\0");
    assert_eq!(told["left"][0]["why"], "doubt");
}

#[test]
fn longest_prefix_comes_first_and_one_pass_replaces_nothing_twice() {
    let world = World::new();
    write(&world.checkout().join("t/a"), "/p/store/x /p/x /q\n");
    let all = [
        "relocate", "t", "--from", "/p", "--to", "/q", "--from", "/p/store", "--to", "/p", "--from", "/q", "--to", "/z",
    ];
    world.run_with(&all).succeeds();
    assert_eq!(world.read("t/a"), "/p/x /q/x /z\n");
}

/// A program in each language that stores the length of strings, or shares their tails.
fn programs(folder: &Path, prefix: &str) {
    let define = format!("-DP=\"{prefix}\"");
    let c = r#"
        #include <stdio.h>
        #include <string.h>
        /* As Fortran has it: no end, blanks behind. */
        static const char blank[64] = P "/f                                                              ";
        int main(int n, char **v) {
            const char *whole = P "/share/tail", *tail = n > 9 ? v[9] : "/share/tail";
            printf("%s %zu %s %.64s|\n", whole, strlen(whole), tail, blank);
            return 0;
        }"#;
    write(&folder.join("c.c"), c);
    gcc(&["-O2", "-Wno-all", &define, "-o", shown(&folder.join("c")), shown(&folder.join("c.c"))]);
    let cpp = "#include <string_view>\n#include <cstdio>\nusing namespace std::string_view_literals;\n\
        constexpr std::string_view all = P \"/sv:\"sv P \"/next\"sv;\n\
        int main() { std::printf(\"%.*s %zu\\n\", (int)all.size(), all.data(), all.size()); }\n";
    write(&folder.join("cpp.cc"), cpp);
    output("g++", &["-std=c++17", "-O1", &define, "-o", shown(&folder.join("cpp")), shown(&folder.join("cpp.cc"))]);
    let rust = format!(
        "static A: &str = \"{prefix}/a\"; static B: &str = \"{prefix}/b:{prefix}\";\n\
         fn main() {{ println!(\"{{A}} {{}} {{B}} {{}}\", A.len(), B.len()); }}\n"
    );
    write(&folder.join("rust.rs"), rust);
    output(
        "rustc",
        &["-Cdebuginfo=0", "-Cstrip=symbols", "-o", shown(&folder.join("rust")), shown(&folder.join("rust.rs"))],
    );
    for source in ["c.c", "cpp.cc", "rust.rs"] {
        fs::remove_file(folder.join(source)).unwrap();
    }
}

#[test]
fn strings_with_a_stored_length_and_shared_tails_stay_right_in_c_cpp_fortran_and_rust() {
    let world = World::new();
    let tree = world.checkout().join("t");
    fs::create_dir_all(&tree).unwrap();
    let old = "/opt/a/prefix/of/some/length";
    programs(&tree, old);
    let before: Vec<String> = ["c", "cpp", "rust"].map(|name| output(tree.join(name), &[])).to_vec();
    assert_eq!(before[0], format!("{old}/share/tail 39 /share/tail {:<64}|\n", format!("{old}/f")));
    let whole = listing(&tree);
    world.run_with(&["relocate", "t", "--from", old, "--to", "/n"]).succeeds();
    let padded = format!("{}n", "/".repeat(old.len() - 1));
    for (name, said) in ["c", "cpp", "rust"].iter().zip(&before) {
        assert_eq!(output(tree.join(name), &[]), said.replace(old, &padded), "{name}");
    }
    world.run_with(&["relocate", "t", "--from", "/n", "--to", old]).succeeds();
    assert_eq!(listing(&tree), whole);
}

#[test]
fn compiled_python_is_rewritten_so_that_python_takes_it_or_dropped_as_told() {
    let world = World::new();
    let made = world.root().join("made-here");
    write(
        &made.join("m.py"),
        format!("P = '{}/share'\ndef where():\n    return where.__code__.co_filename\n", shown(&made)),
    );
    write(&made.join("checked.py"), format!("P = '{}'\n", shown(&made)));
    output("/usr/bin/python3", &["-m", "py_compile", shown(&made.join("m.py"))]);
    let checked = made.join("checked.py");
    let checked = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", shown(&checked)];
    output("/usr/bin/python3", &checked);
    let new = world.checkout().join("a/place/with/a/longer/name");
    fs::create_dir_all(new.parent().unwrap()).unwrap();
    fs::rename(&made, &new).unwrap();
    let copy = world.checkout().join("copy");
    output("cp", &["-a", shown(&new), shown(&copy)]);
    let moved = |at: &Path, how: &str| {
        world.run_with(&["relocate", shown(at), "--from", shown(&made), "--to", shown(&new), "--pyc", how]).succeeds();
    };
    moved(&new, "rewrite");
    let cached: Vec<_> = fs::read_dir(new.join("__pycache__")).unwrap().map(|one| one.unwrap().path()).collect();
    // Its source has another hash now: Python would refuse it.
    assert_eq!(cached.len(), 1, "{cached:?}");
    let bytes = fs::read(&cached[0]).unwrap();
    let code = format!("import sys; sys.path.insert(0, {:?}); import m; print(m.where(), m.P)", shown(&new));
    let run = Command::new("/usr/bin/python3").args(["-v", "-c", &code]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stdout), format!("{0}/m.py {0}/share\n", shown(&new)));
    let log = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(log.contains(&format!("{} matches {}/m.py", cached[0].display(), shown(&new))), "{log}");
    assert_eq!(fs::read(&cached[0]).unwrap(), bytes, "Python wrote it anew");
    moved(&copy, "drop");
    assert_eq!(fs::read_dir(copy.join("__pycache__")).unwrap().count(), 0);
}

#[test]
fn static_library_keeps_its_members_and_what_is_too_short_is_named_with_file_and_offset() {
    let world = World::new();
    let tree = world.checkout().join("t");
    let old = "/opt/a/prefix/of/some/length";
    write(&tree.join("m.c"), format!("const char *where(void) {{ return \"{old}/share\"; }}\n"));
    write(
        &tree.join("main.c"),
        "#include <stdio.h>\nconst char *where(void);\nint main(void) { puts(where()); return 0; }\n",
    );
    let at = |name: &str| shown(&tree.join(name)).to_owned();
    gcc(&["-c", "-o", &at("m.o"), &at("m.c")]);
    output("ar", &["rcs", &at("libm.a"), &at("m.o")]);
    fs::remove_file(tree.join("m.c")).unwrap();
    fs::remove_file(tree.join("m.o")).unwrap();
    let place = fs::read(tree.join("libm.a")).unwrap();
    let place = place.windows(old.len()).position(|part| part == old.as_bytes()).unwrap();
    let run = world.run_with(&["relocate", "t", "--from", old, "--to", &format!("{old}/longer")]).exits(7);
    let first = format!("libm.a: byte {place}: the string has room for a prefix of 28 bytes, the new one has 35");
    assert_eq!(run.stderr.lines().next().unwrap(), first);
    world.run_with(&["relocate", "t", "--from", old, "--to", "/n"]).succeeds();
    assert_eq!(output("ar", &["t", &at("libm.a")]), "m.o\n");
    gcc(&["-o", &at("main"), &at("main.c"), &at("libm.a")]);
    assert_eq!(output(tree.join("main"), &[]), format!("{}n/share\n", "/".repeat(old.len() - 1)));
}

#[test]
fn program_whose_loader_is_in_the_tree_gets_the_new_place_of_its_loader() {
    let world = World::new();
    let tree = world.checkout().join("t");
    fs::create_dir_all(tree.join("lib")).unwrap();
    let said = output("readelf", &["-lW", "/bin/true"]);
    let system = said.split("interpreter: ").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let loader = tree.join("lib/ld.so");
    fs::copy(fs::canonicalize(system).unwrap(), &loader).unwrap();
    output("chmod", &["755", shown(&loader)]);
    write(&tree.join("m.c"), "#include <stdio.h>\nint main(void) { puts(\"runs\"); return 0; }\n");
    let option = format!("-Wl,--dynamic-linker={}", shown(&loader));
    gcc(&[&option, "-o", shown(&tree.join("run")), shown(&tree.join("m.c"))]);
    let new = world.checkout().join("a/place/that/has/a/longer/name");
    fs::create_dir_all(new.parent().unwrap()).unwrap();
    fs::rename(&tree, &new).unwrap();
    Command::new(new.join("run")).output().unwrap_err();
    world.run_with(&["relocate", shown(&new), "--from", shown(&tree)]).succeeds();
    assert_eq!(output(new.join("run"), &[]), "runs\n");
    assert!(output("readelf", &["-lW", shown(&new.join("run"))]).contains(&format!("{}/lib/ld.so]", shown(&new))));
}

#[test]
fn script_that_finds_itself_stays_and_goes_on_finding_itself() {
    let world = World::new();
    let tree = world.checkout().join("t");
    let script = "#!/bin/sh\nhere=$(printf '%s\\n' \"$0\" | sed -e 's|/bin/[^/]*$||')\necho \"$here/share\"\n";
    write_program(&tree.join("bin/self"), script);
    write_program(&tree.join("bin/both"), script.replace("/share", "/etc\"; echo \"/old/p/etc"));
    world.run("relocate t --from /old/p --to /n").succeeds();
    assert_eq!(world.read("t/bin/self"), script);
    assert_eq!(output(tree.join("bin/self"), &[]), format!("{}/share\n", shown(&tree)));
    assert_eq!(output(tree.join("bin/both"), &[]), format!("{}/etc\n/n/etc\n", shown(&tree)));
}

#[test]
fn move_that_would_stop_a_program_is_refused_by_the_audit() {
    let world = World::new();
    let tree = world.checkout().join("p");
    installed(&tree, "hello");
    let before = listing(&tree);
    let libraries = format!("{}/lib", shown(&tree));
    let run = world.run_with(&["relocate", "p", "--from", &libraries, "--to", "/elsewhere"]).exits(4);
    assert_eq!(
        run.stderr.lines().take(2).collect::<Vec<_>>(),
        [
            "bin/greet: needs libgreet.so.1, which lies at lib/libgreet.so.1, but no library path leads there",
            "error: a file of `[WORLD]/checkout/p` would load no more after the move",
        ]
    );
    assert_eq!(listing(&tree), before);
    world.run_with(&["relocate", "p", "--from", &libraries, "--to", "/elsewhere", "--leave"]).exits(7);
    assert_ne!(listing(&tree), before);
    let check = world.run("relocate p --check").exits(7);
    let fault = "fault: the loader stops at bin/greet: needs libgreet.so.1, which lies at lib/libgreet.so.1, but no library path leads there\n";
    assert!(check.stdout.ends_with(fault), "{}", check.stdout);
}

#[test]
fn records_and_metadata_that_lie_change_nothing() {
    let world = World::new();
    let tree = world.checkout().join("t");
    write(&tree.join("a"), "/old/p /old/p\n");
    write(&world.checkout().join("outside"), "/old/p\n");
    world.run("relocate t --from /old/p --to /n --record places.json").succeeds();
    let record = world.read("places.json");
    let before = listing(&tree);
    let lies = [
        record.replace("\"path\":\"a\"", "\"path\":\"../outside\""),
        record.replace("[0,0,0]", "[1,0,0]"),
        record.replace("[0,0,0]", "[99999999,0,0]"),
        record.replace("[0,0,0]", "[0,7,0]"),
        record.replace("[0,0,0]", "[0,0,9]"),
        record.replace("\"format\":1", "\"format\":2"),
        "{".repeat(200_000),
        String::new(),
    ];
    for lie in lies {
        assert_ne!(lie, record);
        fs::write(world.checkout().join("places.json"), &lie).unwrap();
        let run = world.run("relocate t --to /m --record places.json").exits(4);
        assert!(run.stderr.starts_with("error: the record `[WORLD]/checkout/places.json` "), "{}", run.stderr);
        assert_eq!(listing(&tree), before, "{lie}");
    }
    assert_eq!(world.read("outside"), "/old/p\n");
    for (file, text) in [
        ("info/paths.json", "{\"paths\": [{\"_path\": \"a\", \"prefix_placeholder\": \"/\"}]}".to_owned()),
        ("info/paths.json", "[".repeat(200_000)),
        ("info/has_prefix", "\"\n\" text \"\n'".to_owned()),
        ("conda-meta/x.json", "{\"paths_data\": 1}".to_owned()),
        ("pyvenv.cfg", "command = -m venv /\n".to_owned()),
        ("bin/activate", "VIRTUAL_ENV=/\u{1}\n".to_owned()),
    ] {
        write(&tree.join(file), text);
        let before = listing(&tree);
        let run = world.run("relocate t --to /m --dry-run");
        assert!(run.stderr.starts_with("error: ") || run.stderr.contains("told by"), "{file}: {}", run.stderr);
        assert_eq!(listing(&tree), before);
        fs::remove_file(tree.join(file)).unwrap();
    }
    symlink("loop", tree.join("loop")).unwrap();
    world.run("relocate t --from /n --to /old/p").succeeds();
}

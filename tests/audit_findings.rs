//! Each check of `audit` with one fixture, the report in every format, allowances, and a clean package.

mod world;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use serde_json::Value;
use world::World;

fn tree(world: &World) -> std::path::PathBuf {
    world.root().join("tree")
}

fn put(world: &World, path: &str, bytes: impl AsRef<[u8]>) {
    let path = tree(world).join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn shell(world: &World, script: &str) {
    fs::create_dir_all(tree(world)).unwrap();
    let output = world.command("sh", &tree(world)).args(["-e", "-c", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

fn audit(world: &World, more: &[&str]) -> world::Run {
    let tree = tree(world);
    let mut arguments = vec!["audit", tree.to_str().unwrap()];
    arguments.extend(more);
    world.run_in(&world.root(), &arguments)
}

/// Level, check and file of every finding.
fn findings(world: &World) -> Vec<String> {
    let json = audit(world, &["--json"]).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = json["findings"].as_array().unwrap();
    all.iter().map(|one| format!("{} {} {}", text(&one["level"]), text(&one["check"]), text(&one["file"]))).collect()
}

#[test]
fn every_check_of_hardening_and_hygiene_has_its_finding() {
    let world = World::new();
    put(&world, "LICENSE", "free");
    put(&world, "bin/run.sh", "#!/bin/sh\nexport LD_LIBRARY_PATH=/x\n");
    put(&world, "bin/su", "x");
    put(&world, "lib/libx.la", "# libx.la - a libtool library file\n");
    put(&world, "lib/pkgconfig/x.pc", "Cflags: -I/usr/include/x\n");
    put(&world, "share/open", "x");
    put(&world, "share/OPEN", "x");
    let mode =
        |path: &str, mode| fs::set_permissions(tree(&world).join(path), fs::Permissions::from_mode(mode)).unwrap();
    mode("bin/su", 0o4755);
    mode("share/open", 0o666);
    std::os::unix::fs::symlink("/etc/passwd", tree(&world).join("share/absolute")).unwrap();
    std::os::unix::fs::symlink("nowhere", tree(&world).join("share/dangling")).unwrap();
    shell(
        &world,
        "echo 'int x; int *f(void) { return &x; }' > x.c
        gcc -shared -fPIC x.c -o lib/stack.so -Wl,-z,execstack -Wl,--build-id
        gcc -shared -fPIC x.c -o lib/noid.so -Wl,--build-id=none
        gcc -shared -fPIC x.c -o lib/one.so -Wl,-soname,same.so -Wl,--build-id
        gcc -shared -fPIC x.c -o lib/two.so -Wl,-soname,same.so -Wl,--build-id
        gcc -shared -fPIC x.c -o lib/rwx.so -Wl,-N -Wl,--build-id -nostdlib
        printf '.text\\n.globl g\\ng: .quad y\\n.data\\n.globl y\\ny: .quad 0\\n.section .note.GNU-stack\\n' > t.s
        gcc -shared t.s -o lib/textrel.so -Wl,-z,notext -Wl,--build-id -nostdlib; rm x.c t.s",
    );
    assert_eq!(
        findings(&world),
        [
            "warning hygiene-ld-library-path bin/run.sh",
            "error hygiene-setid bin/su",
            "warning hygiene-la lib/libx.la",
            "note hygiene-build-id lib/noid.so",
            "warning hygiene-host-headers lib/pkgconfig/x.pc",
            "error hardening-rwx lib/rwx.so",
            "error hardening-execstack lib/stack.so",
            "error hardening-textrel lib/textrel.so",
            "warning hygiene-duplicate-soname lib/two.so",
            "error hygiene-absolute-link share/absolute",
            "warning hygiene-dangling-link share/dangling",
            "error hygiene-world-writable share/open",
            "warning hygiene-case share/open",
        ]
    );
    audit(&world, &[]).exits(7);
}

#[test]
fn traces_are_found_in_every_form_and_packing() {
    let world = World::new().with("HOME", "/home/ada").with("CI_PROJECT_DIR", "/builds/team/demo").with("USER", "root");
    let utf16: Vec<u8> = "/home/ada/x".bytes().flat_map(|letter| [letter, 0]).collect();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    put(&world, "LICENSE", "free");
    put(&world, "a.bin", b"\0\0/home/ada/src\0");
    put(&world, "b.bin", utf16);
    put(&world, "c.gz", gzip(b"see /builds/team/demo/x"));
    put(&world, "d.gz", gzip(&gzip(b"see /builds/team/demo/x")));
    put(&world, "e.txt", "url=file:%2Fhome%2Fada");
    put(&world, "f.txt", "fine /home/adam /mnt/home/ada");
    put(&world, "g.txt", "made in /tmp/build/x");
    shell(&world, "printf 'x /home/ada/y' > m; zip -q h.zip m; ar rc i.a m; xz -k m; zstd -q m; rm m");
    let json = audit(&world, &["--json", "--build-folder", "/tmp/build/x"]).exits(7).json();
    let found: Vec<String> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let message = one["message"].as_str().unwrap();
            let what = message.split(": the path is there").next().unwrap();
            format!("{} {} {}: {what}", one["check"].as_str().unwrap(), one["file"].as_str().unwrap(), one["offset"])
        })
        .collect();
    assert_eq!(
        found,
        [
            "residue-home a.bin 2: holds the home folder /home/ada",
            "residue-home b.bin 0: holds the home folder /home/ada, as UTF-16",
            "residue-ci c.gz 4: gzip: holds the CI folder /builds/team/demo",
            "residue-ci d.gz 4: gzip: gzip: holds the CI folder /builds/team/demo",
            "residue-home e.txt 9: holds the home folder /home/ada, percent-encoded",
            "residue-folder g.txt 8: holds the build folder /tmp/build/x",
            "residue-home h.zip 2: m: holds the home folder /home/ada",
            "residue-home i.a 70: holds the home folder /home/ada",
            "residue-home m.xz 2: xz: holds the home folder /home/ada",
            "residue-home m.zst 2: zstd: holds the home folder /home/ada",
        ]
    );
}

/// A tree with an error, a warning and a note.
fn small_tree() -> World {
    let world = World::new();
    put(&world, "bin/run.sh", "#!/bin/sh\nLD_LIBRARY_PATH=/x exec y\n");
    put(&world, "lib/<&>\"cut\".so", b"\x7fELF\x02\x01");
    world
}

#[test]
fn the_report_says_what_why_and_next() {
    let world = small_tree();
    let run = audit(&world, &[]).exits(7);
    insta::assert_snapshot!("audit_report", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn sarif_and_junit_are_read_by_others() {
    let world = small_tree();
    for (format, script) in [
        (
            "sarif",
            "import json,sys; d=json.load(sys.stdin); r=d['runs'][0]; assert d['version']=='2.1.0'; \
             ids=[x['id'] for x in r['tool']['driver']['rules']]; \
             assert all(ids[x['ruleIndex']]==x['ruleId'] for x in r['results']); \
             print([x['level'] for x in r['results']])",
        ),
        (
            "junit",
            "import sys,xml.etree.ElementTree as e; s=e.parse(sys.stdin).getroot()[0]; \
             assert int(s.get('tests'))==len(s); assert int(s.get('failures'))==len(s.findall('.//failure')); \
             print(sorted(c.get('classname') for c in s))",
        ),
    ] {
        let run = audit(&world, &["--format", format]).exits(7);
        let file = world.root().join(format);
        fs::write(&file, &run.stdout).unwrap();
        let mut python = world.command("python3", &world.root());
        let output = python.args(["-c", script]).stdin(fs::File::open(&file).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected = match format {
            "sarif" => "['note', 'warning', 'error']\n",
            _ => "['.', 'bin/run.sh', 'lib/<&>\"cut\".so']\n",
        };
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

#[test]
fn an_allowance_takes_a_finding_and_one_without_use_is_told() {
    let world = small_tree();
    world.write(
        "tagalong.toml",
        "[project]\nname = \"demo\"\n\n[[audit.allow]]\ncheck = \"elf-*\"\nfile = \"lib/*.so\"\nreason = \"a test file\"\n\
         \n[[audit.allow]]\ncheck = \"hardening-textrel\"\nreason = \"none is there\"\n",
    );
    let tree = tree(&world);
    let run = world.run_with(&["audit", tree.to_str().unwrap(), "--json"]).succeeds();
    let checks: Vec<String> = run.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["check"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(checks, ["hygiene-licence", "hygiene-ld-library-path", "allow-unused"]);
    world.write("tagalong.toml", "[project]\nname = \"demo\"\n\n[[audit.allow]]\ncheck = \"elf-*\"\nreason = \"\"\n");
    let run = world.run_with(&["audit", tree.to_str().unwrap()]).exits(2);
    assert!(run.stderr.contains("an allowance needs a reason"), "{}", run.stderr);
}

#[test]
fn what_is_not_there_is_an_error() {
    let world = World::new();
    world.run("audit nowhere").fails(
        3,
        "error: [WORLD]/checkout/nowhere is not there\n  why: no file or folder has that name\n next: name a folder, a file, or a package archive (`.tar.zst`)\n",
    );
}

/// The packages in the store.
fn find_archives(world: &World) -> Vec<std::path::PathBuf> {
    let mut archives = Vec::new();
    let mut open = vec![world.cache()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false if path.to_str().unwrap().ends_with(".tar.zst") => archives.push(path),
                false => {}
            }
        }
    }
    archives.retain(|path| path.components().any(|part| part.as_os_str() == "packages"));
    archives
}

#[test]
fn packages_and_prefixes_that_tagalong_makes_are_clean() {
    let world = World::new().with_greetings();
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    let archives = find_archives(&world);
    assert!(!archives.is_empty(), "no archive lies in the store");
    let clean = |path: &std::path::Path| {
        let run = world.run_with(&["audit", path.to_str().unwrap()]).succeeds();
        assert!(run.stdout.contains(": 0 errors, 0 warnings, "), "{}", run.stdout);
    };
    archives.iter().for_each(|archive| clean(archive));
    // A key is made for the channel, since publishing signs.
    let key = world.root().join("key");
    let secret = tagalong::signing::SecretKey::generate().unwrap();
    fs::write(&key, secret.to_text().unwrap()).unwrap();
    world.run_with(&["publish", "--secret-key", key.to_str().unwrap()]).succeeds();
    let mut bundles = fs::read_dir(world.channel().join("bundles/deps-1")).unwrap().map(|entry| entry.unwrap().path());
    let bundle = bundles.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    clean(&bundle);
    // All libraries are there: the package alone could only name those that may have them.
    let json = world.run_with(&["audit", bundle.to_str().unwrap(), "--json"]).succeeds().json();
    let greet = json["files"].as_array().unwrap().iter().flat_map(|file| file["needed"].as_array().unwrap());
    let greet = greet.filter(|need| need["name"] == "libgreet.so.1").map(|need| need["found"].clone());
    assert_eq!(greet.collect::<Vec<_>>(), ["lib/libgreet.so.1"]);
    let alone = world.root().join("alone.json");
    fs::copy(&bundle, &alone).unwrap();
    world.run_with(&["audit", alone.to_str().unwrap()]).exits(2);
    world.run("install").succeeds();
    let prefix = fs::read_dir(world.checkout().join("extern")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.is_dir().then_some(path)
    });
    clean(&prefix.unwrap());
}

#[test]
fn random_bytes_never_break_it() {
    let world = World::new();
    put(&world, "lib/libc.so.6", fs::read("/lib64/ld-linux-x86-64.so.2").unwrap_or_default());
    let original = fs::read(tree(&world).join("lib/libc.so.6")).unwrap();
    fs::remove_file(tree(&world).join("lib/libc.so.6")).unwrap();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let flips = prop::collection::vec((0..4096usize, any::<u8>()), 1..40);
    let cut = 0..original.len();
    let random = prop::collection::vec(any::<u8>(), 0..2000);
    runner
        .run(&(prop::collection::vec((flips, cut), 30), random), |(files, random)| {
            for (number, (flips, cut)) in files.iter().enumerate() {
                let mut bytes = original.clone();
                flips.iter().for_each(|(at, byte)| bytes[*at] = *byte);
                bytes[..4].copy_from_slice(b"\x7fELF");
                if number % 3 == 0 {
                    bytes.truncate((*cut).max(4));
                }
                put(&world, &format!("lib/{number}.so"), bytes);
            }
            for (number, magic) in
                [&b"\x7fELF\x02\x01\x01"[..], b"!<arch>\n", b"PK\x03\x04", b"\x1f\x8b\x08", b""].iter().enumerate()
            {
                put(&world, &format!("random/{number}"), [magic, &random[..]].concat());
            }
            let run = audit(&world, &["--json"]);
            prop_assert!(run.code == 7 || run.code == 0, "{}: {}", run.code, run.stderr);
            prop_assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_recipe_allows_for_its_own_files_and_is_told_what_it_allows_in_vain() {
    let world = World::new().with_greetings();
    world.write(
        "extern-recipes/tool/recipe.toml",
        r#"name = "tool"
version = "1.0"
license = "MIT"

[build]
system = "script"
script = ["mkdir -p {prefix}/bin", "printf '#!/bin/sh\\nLD_LIBRARY_PATH=/x exec y\\n' > {prefix}/bin/run"]

[[audit.allow]]
check = "hygiene-ld-library-path"
file = "bin/*"
reason = "it starts a foreign program"

[[audit.allow]]
check = "loader-missing"
reason = "was there once"

[[audit.allow]]
check = "hardening-*"
reason = "was there once"
"#,
    );
    world.commit().tag("deps-1");
    let run = world.run_with(&["build", "tool"]).succeeds();
    let told: Vec<&str> = run.stderr.lines().filter(|line| line.contains("allows")).collect();
    assert_eq!(told, ["warning: tool: its recipe allows `loader-missing` for `*`, which nothing was found for"]);
    let archive = find_archives(&world).remove(0);
    let json = world.run_with(&["audit", archive.to_str().unwrap(), "--json"]).succeeds().json();
    let checks: Vec<_> = json["findings"].as_array().unwrap().iter().map(|one| (&one["check"], &one["file"])).collect();
    let expected = [("hygiene-licence", "."), ("allow-unused", "extern-recipes/tool/recipe.toml")];
    assert_eq!(
        checks,
        expected
            .map(|(check, file)| (Value::from(check), Value::from(file)))
            .iter()
            .map(|(a, b)| (a, b))
            .collect::<Vec<_>>()
    );
}

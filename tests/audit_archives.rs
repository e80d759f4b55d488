//! What `audit` finds in what is packed: wheels and archives as they are, and what lies deep in the files of a tree.

mod world;

use serde_json::Value;
use world::World;

fn json(world: &World, path: &str) -> Value {
    world.run_in(&world.tree(), &["audit", path, "--json"]).json()
}

/// Check, file and what is said, without its reason.
fn findings(json: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = json["findings"].as_array().unwrap().iter();
    all.map(|one| {
        let message = text(&one["message"]);
        let reasons = [": the path is there", ": the loader stops", ": what is in there", ": it is not recorded"];
        let message = reasons.iter().fold(message.as_str(), |rest, why| rest.split(why).next().unwrap());
        format!("{} {}: {message}", text(&one["check"]), text(&one["file"]))
    })
    .collect()
}

/// A wheel with a module that needs a library beside it, one that the policy allows, and one that is nowhere.
const WHEEL: &str = "mkdir -p w/pkg w/pkg.libs w/pkg-1.dist-info; echo free > w/pkg-1.dist-info/LICENSE
    echo 'int f(void) { return 1; }' > f.c; own=w/pkg.libs/libown.so
    lib() { o=$1; shift; gcc -shared -fPIC -fvisibility=hidden f.c -Wl,--build-id,--no-as-needed \"$@\" -o $o; }
    lib $own -Wl,-soname,libown.so; lib libz.so.1 -Wl,-soname,libz.so.1; lib libgone.so -Wl,-soname,libgone.so
    lib w/pkg/mod.so $own ./libz.so.1 libgone.so -Wl,-rpath,'$ORIGIN/../pkg.libs'
    printf 'p = \"/home\" \"/ada/x\"\\n' > w/pkg/split.py; rm f.c libz.so.1 libgone.so\n";

#[test]
fn a_wheel_is_looked_at_as_the_tree_it_holds() {
    let world = World::new().with("HOME", "/home/ada");
    world.shell(&format!(
        "{WHEEL}cd w; zip -qr ../pkg-1-cp311-linux_x86_64.whl .; tar czf ../pkg.tar.gz .
        tar cf - . | zstd -q > ../pkg.tar.zst; cd ..; rm -r w"
    ));
    let wheel = json(&world, "pkg-1-cp311-linux_x86_64.whl");
    assert_eq!(
        findings(&wheel),
        [
            "loader-missing pkg/mod.so: needs libgone.so, which is nowhere",
            "residue-home pkg/split.py: holds the home folder /home/ada, split over strings",
        ]
    );
    let files: Vec<_> = wheel["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(files, ["pkg.libs/libown.so", "pkg/mod.so"]);
    assert_eq!(wheel["files"][1]["needed"][0]["found"], "pkg.libs/libown.so");
    // Nothing says that what lies in another archive may ask for the libraries of wheels.
    let checks = findings(&json(&world, "pkg.tar.gz"));
    assert!(checks.iter().any(|one| one.starts_with("loader-") && one.contains("libz.so.1")), "{checks:?}");
    assert!(checks.iter().any(|one| one.contains("libgone.so")), "{checks:?}");
    // The name is that of our packages too, but it does not start with a manifest.
    assert_eq!(findings(&json(&world, "pkg.tar.zst")), checks);
}

#[test]
fn an_archive_that_cannot_be_unpacked_is_a_finding() {
    let world = World::new();
    world.shell(
        "echo x > m; zip -q whole.zip m; head -c 60 whole.zip > cut.zip; printf 'PK\\003\\004 and nothing' > no.zip",
    );
    for name in ["cut.zip", "no.zip"] {
        let found = findings(&json(&world, name));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("residue-unseen {name}: cannot be looked into: ")), "{found:?}");
    }
}

#[test]
fn texts_in_packed_members_are_put_together_too() {
    let world = World::new().with("HOME", "/home/ada");
    world.shell(
        "echo free > LICENSE; printf 'p = \"/home\" + \"/ada/x\"\\n' > m.py; zip -q m.zip m.py; xz -k m.py; rm m.py",
    );
    assert_eq!(
        findings(&json(&world, ".")),
        [
            "residue-home m.py.xz: xz: holds the home folder /home/ada, split over strings",
            "residue-home m.zip: m.py: holds the home folder /home/ada, split over strings",
        ]
    );
}

#[test]
fn a_split_placeholder_is_found() {
    let world = World::new();
    let placeholder = tagalong::model::prefix::Placeholder::standard();
    let (start, end) = placeholder.as_str().split_at(placeholder.as_str().len() - 7);
    world.shell(&format!("echo free > LICENSE; printf '\"%s\" \"%s/lib\"' {start} {end} > x.c"));
    let found = findings(&json(&world, "."));
    let split = "residue-placeholder x.c: holds the end of the placeholder, split over strings";
    assert!(found.iter().any(|one| one == split), "{found:?}");
}

#[test]
fn debug_sections_as_older_tools_packed_them_are_searched() {
    let world = World::new().with("HOME", "/home/ada");
    world.shell(
        "echo free > LICENSE; for n in $(seq 200); do echo \"int function_number_$n(void) { return $n; }\"; done > f.c
        gcc -g -gdwarf-4 -ffile-prefix-map=$PWD=/home/ada/src -c $PWD/f.c -o plain.o
        objcopy --compress-debug-sections=zlib-gnu plain.o old.o; rm f.c plain.o
        readelf -SW old.o | grep -q zdebug_str; ! grep -q /home/ada old.o",
    );
    let found = findings(&json(&world, "."));
    assert!(found.iter().any(|one| one.starts_with("residue-home old.o: .zdebug_")), "{found:?}");
}

#[test]
fn what_takes_too_much_memory_to_unpack_is_told() {
    let world = World::new();
    world.shell("echo free > LICENSE; echo x | xz --lzma2=dict=512MiB > large.xz; echo x | xz -9 > fine.xz");
    assert_eq!(
        findings(&json(&world, ".")),
        ["residue-unseen large.xz: xz: cannot be looked into: memory limit reached"]
    );
}

#[test]
fn what_has_no_name_in_text_is_told() {
    let world = World::new();
    world.shell("echo free > LICENSE; mkdir d; echo x > \"d/$(printf 'a\\377')\"");
    let expected = ["residue-unseen d/a\u{fffd}: cannot be looked into: its name is not UTF-8"];
    assert_eq!(findings(&json(&world, ".")), expected);
}

#[test]
fn of_a_single_file_what_its_libraries_lack_is_told() {
    let world = World::new();
    world.shell(
        "echo 'int f(void) { return 1; }' > f.c; gcc -shared -fPIC f.c -Wl,-soname,libgone.so -o libgone.so
        gcc -shared -fPIC f.c -Wl,-soname,libmid.so -Wl,--no-as-needed libgone.so -o libmid.so
        echo 'int main(void) { return 0; }' > m.c; rm libgone.so
        gcc m.c -Wl,--no-as-needed,--allow-shlib-undefined libmid.so -Wl,-rpath,'$ORIGIN' -o p; rm f.c m.c",
    );
    let expected = ["loader-missing p: loads libmid.so, which needs libgone.so, which is nowhere"];
    assert_eq!(findings(&json(&world, "p")), expected);
}

#[test]
fn the_tree_of_libraries_is_a_text() {
    let world = World::new();
    world.shell("echo x > m");
    let run = world.run_in(&world.tree(), &["audit", "m", "--tree", "--format", "sarif"]).exits(2);
    assert!(run.stderr.contains("--tree"), "{}", run.stderr);
}

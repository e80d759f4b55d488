//! `elf set`: every edit and every kind of file, with gcc's programs; readelf, strip and the loader are asked.

mod elf_tools;
mod world;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use elf_tools::{fixture, gcc, output, print, set, tagalong};
use world::World;

const LD_SO: &str = "/lib64/ld-linux-x86-64.so.2";

fn readelf(world: &World, flags: &str, file: &str) -> String {
    output("readelf", &["-W", flags, file], world.checkout())
}

fn run(world: &World, program: &str) -> String {
    output(&format!("./{program}"), &[], world.checkout())
}

fn size(world: &World, file: &str) -> u64 {
    fs::metadata(world.checkout().join(file)).unwrap().len()
}

/// Newer releases have it in a package of its own.
fn has_gold() -> bool {
    Path::new("/usr/bin/ld.gold").exists()
}

/// The fixture's program, able to find its libraries, and built with more flags.
fn linked(flags: &str) -> World {
    let world = fixture();
    gcc(&world, &format!("main.c libs/libout.so -Wl,-rpath-link,libs {flags} -o main"));
    gcc(&world, &format!("-shared -fPIC -Wl,-soname,libout.so out.c libs/libin.so {flags} -o libs/libout.so"));
    world
}

#[test]
fn every_way_of_linking_takes_a_long_path_and_another_interpreter() {
    let interpreter = format!("/{}{}", "./".repeat(60), LD_SO.trim_start_matches('/'));
    for flags in [
        "-Wl,--hash-style=sysv",
        "-Wl,--hash-style=gnu",
        "-Wl,--hash-style=both -Wl,-z,now -Wl,-z,relro",
        "-Wl,-z,noseparate-code -Wl,-z,norelro",
        "-Wl,-z,max-page-size=0x200000",
        "-Wl,-z,max-page-size=0x10000 -Wl,-z,separate-code",
        "-Wl,--spare-dynamic-tags=0",
        "-Wl,--spare-dynamic-tags=0 -Wl,-z,now -g",
        "-fuse-ld=gold",
        "-fuse-ld=gold -Wl,--spare-dynamic-tags=0 -g",
        "-Wl,-z,nodynamic-undefined-weak -Wl,--build-id=none",
        "-Wl,-z,execstack -Wl,-z,pack-relative-relocs",
    ] {
        if flags.contains("gold") && !has_gold() {
            continue;
        }
        let world = linked(flags);
        gcc(&world, &format!("main.c libs/libout.so -Wl,-rpath-link,libs {flags} -no-pie -o fixed"));
        let path = format!("$ORIGIN/libs:/{}", "x".repeat(150));
        set(&world, &["--interpreter", &interpreter, "--rpath", &path, "--add-needed", "libm.so.6", "main", "fixed"]);
        set(&world, &["--rpath", &path.replace("/libs", ""), "libs/libout.so"]);
        for round in ["edited", "stripped", "edited again"] {
            for program in ["main", "fixed"] {
                assert_eq!(run(&world, program), "42\n", "{flags}, {program}, {round}");
                let told =
                    Command::new("readelf").args(["-aW", program]).current_dir(world.checkout()).output().unwrap();
                let warnings = String::from_utf8_lossy(&told.stderr).into_owned();
                assert!(!warnings.contains("arning"), "{flags}, {program}, {round}: {warnings}");
            }
            match round {
                "edited" => drop(output("strip", &["main", "fixed", "libs/libout.so"], world.checkout())),
                _ => set(&world, &["--rpath", &format!("{path}y"), "--soname", "other", "main", "fixed"]),
            }
        }
        assert_eq!(print(&world, "interpreter", "fixed"), format!("{interpreter}\n"), "{flags}");
    }
}

#[test]
fn dynamic_section_without_a_free_entry_moves_with_all_that_leads_to_it() {
    let world = linked("-Wl,--spare-dynamic-tags=0 -g");
    set(&world, &["--rpath", "$ORIGIN/libs", "main"]);
    set(&world, &["--rpath", "$ORIGIN", "--add-debug-tag", "libs/libout.so"]);
    let sections = readelf(&world, "-S", "main");
    let line = sections.lines().find(|line| line.contains(" .dynamic ")).unwrap();
    let address = line.split_whitespace().find(|word| word.len() == 16).unwrap();
    let symbols = readelf(&world, "-s", "main");
    assert!(symbols.lines().any(|line| line.contains(address) && line.ends_with(" _DYNAMIC")), "{line}\n{symbols}");
    let segments = readelf(&world, "-l", "main");
    let is_there = |line: &str| line.contains("DYNAMIC ") && line.contains(address);
    assert!(segments.lines().any(is_there), "{address}\n{segments}");
    assert_eq!(run(&world, "main"), "42\n");
    // A place was left for more, and nothing moves again.
    let first = size(&world, "main");
    set(&world, &["--add-debug-tag", "--no-default-lib", "--add-needed", "libc.so.6", "main"]);
    assert_eq!(size(&world, "main"), first);
}

#[test]
fn shrinking_keeps_the_first_folder_of_each_library() {
    let world = fixture();
    let folder = world.checkout().to_str().unwrap().to_owned();
    for name in ["twin", "other", "empty"] {
        fs::create_dir(world.checkout().join(name)).unwrap();
    }
    fs::copy(world.checkout().join("libs/libout.so"), world.checkout().join("twin/libout.so")).unwrap();
    // The same name, but for AArch64.
    let mut foreign = fs::read(world.checkout().join("libs/libout.so")).unwrap();
    foreign[18..20].copy_from_slice(&[183, 0]);
    fs::write(world.checkout().join("other/libout.so"), foreign).unwrap();
    let all = format!("$ORIGIN/a:{folder}/empty:{folder}/other:{folder}/libs:relative:{folder}/twin:/none");
    set(&world, &["--rpath", &all, "main"]);
    set(&world, &["--shrink-rpath", "main"]);
    assert_eq!(print(&world, "rpath", "main"), format!("$ORIGIN/a:{folder}/libs:relative\n"));
    set(&world, &["--rpath", &all, "main"]);
    let allowed = format!("{folder}/twin");
    set(&world, &["--shrink-rpath", "--allowed-prefix", "/none", "--allowed-prefix", &allowed, "main"]);
    assert_eq!(print(&world, "rpath", "main"), format!("$ORIGIN/a:relative:{folder}/twin\n"));
    set(&world, &["--rpath", "/none", "main"]);
    set(&world, &["--shrink-rpath", "main"]);
    assert_eq!(print(&world, "rpath", "main"), "\n");
}

#[test]
fn cleared_symbol_asks_for_no_version_and_is_still_found() {
    let world = fixture();
    set(&world, &["--rpath", "$ORIGIN/libs", "main"]);
    set(&world, &["--rpath", "$ORIGIN", "libs/libout.so"]);
    assert!(readelf(&world, "--dyn-syms", "main").contains(" printf@GLIBC_2.2.5"));
    set(&world, &["--clear-symbol-version", "printf", "--clear-symbol-version", "absent", "main"]);
    let symbols = readelf(&world, "--dyn-syms", "main");
    assert!(symbols.lines().any(|line| line.ends_with(" printf")), "{symbols}");
    assert_eq!(symbols.matches("@GLIBC").count(), 2, "{symbols}");
    assert_eq!(run(&world, "main"), "42\n");
}

#[test]
fn flags_and_tags_are_made_where_they_are_missing() {
    let world = fixture();
    let library = "libs/libin.so";
    assert!(!readelf(&world, "-d", library).contains("DEBUG"));
    set(&world, &["--add-debug-tag", "--no-default-lib", library]);
    let entries = readelf(&world, "-d", library);
    assert!(entries.contains("(DEBUG)") && entries.contains("Flags: NODEFLIB"), "{entries}");
    // The loader obeys: the C library lies in a default folder.
    set(&world, &["--no-default-lib", "--rpath", "$ORIGIN/libs", "main"]);
    let listed = Command::new(LD_SO).args(["--list", "./main"]).current_dir(world.checkout()).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stderr).into_owned() + &String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains("libc.so.6 => not found") || text.contains("libc.so.6: cannot open"), "{text}");
}

#[test]
fn page_size_tells_how_far_the_rest_of_the_file_moves() {
    let world = fixture();
    let place = |file: &str| {
        let header = readelf(&world, "-h", file);
        let line = header.lines().find(|line| line.contains("Start of section headers")).unwrap().to_owned();
        line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap()
    };
    let before = place("main");
    set(&world, &["--page-size", "65536", "--rpath", &format!("$ORIGIN/libs:/{}", "x".repeat(99)), "main"]);
    let moved = place("main") - before;
    assert!(moved > 0 && moved % 65536 == 0, "{moved}");
    set(&world, &["--rpath", "$ORIGIN", "libs/libout.so"]);
    assert_eq!(run(&world, "main"), "42\n");
}

#[test]
fn old_strings_are_overwritten_unless_asked_not_to() {
    let world = fixture();
    set(&world, &["--rpath", "/a/path/to/look/for", "main"]);
    let holds = |file: &str| {
        let bytes = fs::read(world.checkout().join(file)).unwrap();
        bytes.windows(19).any(|part| part == b"/a/path/to/look/for")
    };
    fs::copy(world.checkout().join("main"), world.checkout().join("second")).unwrap();
    set(&world, &["--rpath", &"y".repeat(99), "main"]);
    set(&world, &["--keep-old-strings", "--rpath", &"y".repeat(99), "second"]);
    assert_eq!((holds("main"), holds("second")), (false, true));
}

#[test]
fn owner_mode_and_attributes_stay_and_hard_links_do_as_told() {
    let world = fixture();
    let path = world.checkout().join("main");
    let attribute = |way: &str| {
        let code = format!("import os; {way}");
        output("python3", &["-c", &code], world.checkout()).trim().to_owned()
    };
    attribute("os.setxattr('main', 'user.origin', b'here')");
    let is_root = fs::metadata(&path).unwrap().uid() == 0;
    if is_root {
        std::os::unix::fs::chown(&path, Some(1234), Some(2345)).unwrap();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
    set(&world, &["--rpath", &"z".repeat(200), "main"]);
    let facts = fs::metadata(&path).unwrap();
    assert_eq!(facts.mode() & 0o7777, 0o4751);
    assert!(!is_root || (facts.uid(), facts.gid()) == (1234, 2345));
    assert_eq!(attribute("print(os.getxattr('main', 'user.origin').decode())"), "here");

    let other = world.checkout().join("other");
    fs::hard_link(&path, &other).unwrap();
    let before = fs::read(&path).unwrap();
    let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/q", "main"]);
    assert!(code == 2 && errors.contains("2 names"), "{code} {errors}");
    assert!(fs::read(&path).unwrap() == before);
    set(&world, &["--hard-links", "keep", "--rpath", "/q", "main"]);
    assert_eq!(fs::metadata(&path).unwrap().ino(), fs::metadata(&other).unwrap().ino());
    assert_eq!(print(&world, "rpath", "other"), "/q\n");
    set(&world, &["--hard-links", "split", "--rpath", "/r", "main"]);
    assert_eq!(print(&world, "rpath", "main") + &print(&world, "rpath", "other"), "/r\n/q\n");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o4751);
    let names: Vec<_> = fs::read_dir(world.checkout()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".tagalong-")), "{names:?}");
}

/// Takes the section headers away, as `sstrip` does.
fn without_sections(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let sections = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    bytes[40..48].fill(0);
    bytes[58..64].fill(0);
    bytes.truncate(sections);
    fs::write(path, bytes).unwrap();
}

#[test]
fn files_without_section_headers_are_edited() {
    let world = fixture();
    for file in ["main", "libs/libout.so", "libs/libin.so"] {
        without_sections(&world.checkout().join(file));
    }
    let path = format!("$ORIGIN/libs:/{}", "x".repeat(150));
    set(&world, &["--rpath", &path, "--interpreter", &format!("/.{}{LD_SO}", "/.".repeat(50)), "main"]);
    set(&world, &["--rpath", &format!("$ORIGIN:{path}"), "--add-needed", "libm.so.6", "libs/libout.so"]);
    assert_eq!(run(&world, "main"), "42\n");
    set(&world, &["--add-needed", "libm.so.6", "--output", "copy", "main"]);
    assert_eq!(print(&world, "needed", "copy"), "libm.so.6\nlibout.so\nlibc.so.6\n");
    assert_eq!(run(&world, "copy"), "42\n");
}

#[test]
fn huge_bss_does_not_become_part_of_the_file() {
    let world = fixture();
    world.write(
        "big.c",
        "#include <stdio.h>\nstatic char big[1 << 30]; int outer(void);\n\
         int main(int count, char **all) { big[(long)count << 29] = 1; big[5] = 2; (void)all;\n\
         int sum = 0; for (long at = 0; at < 1 << 30; at += 4096) sum += big[at];\n\
         printf(\"%d\\n\", outer() + sum - 1); }",
    );
    world.write(
        "biglib.c",
        "static char big[600 << 20]; char *place(long at) { return big + at; } int inner(void) { \
         *place(5000) = 40; return *place(5000); } int lib = 1;",
    );
    for flags in ["-pie", "-no-pie", "-fuse-ld=gold -pie", "-no-pie -Wl,--hash-style=sysv -Wl,--spare-dynamic-tags=0"] {
        if flags.contains("gold") && !has_gold() {
            continue;
        }
        gcc(&world, &format!("big.c libs/libout.so -Wl,-rpath-link,libs {flags} -o big"));
        gcc(&world, "-shared -fPIC -Wl,-soname,libin.so biglib.c -o libs/libin.so");
        let before = size(&world, "big");
        let path = |letter: &str| format!("$ORIGIN/libs:$ORIGIN:/{}", letter.repeat(300));
        set(&world, &["--rpath", &path("x"), "big", "libs/libout.so"]);
        set(&world, &["--rpath", &path("x"), "--execstack", "clear", "libs/libin.so"]);
        let first = size(&world, "big");
        assert!(first < before + 70_000, "{flags}: {before} {first}");
        assert!(size(&world, "libs/libin.so") < 100_000);
        assert_eq!(run(&world, "big"), "42\n", "{flags}");
        set(&world, &["--rpath", &path("y"), "--interpreter", &format!("/.{LD_SO}"), "big"]);
        set(&world, &["--rpath", &path("z"), "big"]);
        assert!(size(&world, "big") < first + 1000, "{flags}: {first} {}", size(&world, "big"));
        output("strip", &["big", "libs/libin.so"], world.checkout());
        assert_eq!(run(&world, "big"), "42\n", "{flags}, stripped");
        set(&world, &["--execstack", "set", "--add-needed", "libm.so.6", "big"]);
        assert_eq!(run(&world, "big"), "42\n", "{flags}, stripped and edited");
        let notes = readelf(&world, "-n", "big");
        assert!(notes.contains("Build ID"), "{flags}: {notes}");
    }
}

/// Takes the program header of the stack out of the table, or makes it one of a kind that nobody knows.
fn without_stack(path: &Path, leaves_room: bool) {
    let mut bytes = fs::read(path).unwrap();
    let count = u16::from_le_bytes(bytes[56..58].try_into().unwrap());
    let at = |number: usize| 64 + 56 * number;
    let stack = (0..count as usize).find(|number| bytes[at(*number)..][..4] == 0x6474_e551_u32.to_le_bytes()).unwrap();
    if !leaves_room {
        bytes[at(stack)..][..4].copy_from_slice(&0x6500_0001_u32.to_le_bytes());
        return fs::write(path, bytes).unwrap();
    }
    bytes.copy_within(at(stack + 1)..at(count as usize), at(stack));
    bytes[at(count as usize - 1)..at(count as usize)].fill(0);
    bytes[56..58].copy_from_slice(&(count - 1).to_le_bytes());
    if bytes[64] == 6 {
        let size = (56 * u64::from(count - 1)).to_le_bytes();
        bytes[at(0) + 32..][..8].copy_from_slice(&size);
        bytes[at(0) + 40..][..8].copy_from_slice(&size);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn stack_header_is_made_where_there_is_none() {
    for leaves_room in [true, false] {
        let world = fixture();
        set(&world, &["--rpath", "$ORIGIN/libs", "main"]);
        set(&world, &["--rpath", "$ORIGIN", "libs/libout.so"]);
        for file in ["main", "libs/libout.so"] {
            without_stack(&world.checkout().join(file), leaves_room);
            assert_eq!(print(&world, "execstack", file), "absent\n");
            set(&world, &["--execstack", "clear", file]);
            assert_eq!(print(&world, "execstack", file), "clear\n");
            assert_eq!(run(&world, "main"), "42\n");
            output("strip", &[file], world.checkout());
            set(&world, &["--execstack", "set", file]);
            assert_eq!(print(&world, "execstack", file), "set\n");
            assert_eq!(run(&world, "main"), "42\n");
            let notes = readelf(&world, "-n", file);
            assert!(notes.contains("Build ID"), "{notes}");
        }
    }
}

#[test]
fn huge_bss_without_room_for_a_header_is_refused_with_the_reason() {
    let world = World::new();
    world
        .write("big.c", "static char big[1 << 30]; int main(int count, char **all) { return big[(long)count << 20]; }");
    gcc(&world, "big.c -o big");
    without_sections(&world.checkout().join("big"));
    let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", &"x".repeat(99), "big"]);
    assert!(code == 2 && errors.contains("bytes of zeros") && errors.contains("program header"), "{code} {errors}");
}

#[test]
fn objcopy_follows_an_edit() {
    let world = linked("-g");
    set(&world, &["--rpath", &format!("$ORIGIN/libs:{}", "x".repeat(200)), "main"]);
    set(&world, &["--rpath", "$ORIGIN", "libs/libout.so"]);
    output("objcopy", &["--only-keep-debug", "main", "main.debug"], world.checkout());
    output("objcopy", &["--strip-debug", "--add-gnu-debuglink=main.debug", "main", "copy"], world.checkout());
    assert_eq!(run(&world, "copy"), "42\n");
    set(&world, &["--rpath", &format!("$ORIGIN/libs:{}", "y".repeat(250)), "copy"]);
    assert_eq!(run(&world, "copy"), "42\n");
}

#[test]
fn the_loader_itself_gets_no_library_path() {
    let world = fixture();
    fs::copy(LD_SO, world.checkout().join("ld.so")).unwrap();
    let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/x", "ld.so"]);
    assert!(code == 2 && errors.contains("the loader itself"), "{code} {errors}");
    set(&world, &["--add-debug-tag", "ld.so"]);
    set(&world, &["--rpath", "$ORIGIN/libs", "main"]);
    set(&world, &["--rpath", "$ORIGIN", "libs/libout.so"]);
    assert_eq!(output("./ld.so", &["./main"], world.checkout()), "42\n");
}

#[test]
fn output_goes_elsewhere_and_a_dry_run_goes_nowhere() {
    let world = fixture();
    let before = fs::read(world.checkout().join("main")).unwrap();
    let (code, out, errors) = tagalong(&world, &["elf", "set", "--dry-run", "--rpath", "/x", "main"]);
    assert_eq!((code, out.as_str(), errors.as_str()), (0, "", "would change 1 of 1 file\n"));
    set(&world, &["--rpath", "/x", "--output", "/dev/null", "main"]);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    set(&world, &["--rpath", "/x", "--output", "copy", "main"]);
    assert_eq!(print(&world, "rpath", "copy"), "/x\n");
    assert!(fs::read(world.checkout().join("main")).unwrap() == before);
    assert_eq!(fs::metadata(world.checkout().join("copy")).unwrap().mode() & 0o777, 0o755);
    std::os::unix::fs::symlink("main", world.checkout().join("link")).unwrap();
    let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/y", "link"]);
    assert_eq!((code, errors.as_str()), (0, "changed 1 of 1 file\n"));
    assert!(fs::symlink_metadata(world.checkout().join("link")).unwrap().is_symlink());
    assert_eq!(print(&world, "rpath", "main"), "/y\n");
    let (_, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/y", "main"]);
    assert_eq!(errors, "changed 0 of 1 file\n");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let world = fixture();
    world.write("nul", b"a\0b");
    world.write("map", "one two\none three\n");
    world.write("versions", "one@GLIBC two\n");
    world.write("three", "one two three\n");
    for (arguments, code, what) in [
        ("--rpath /x --add-rpath /y main", 2, "cannot be used with"),
        ("--rpath /x --remove-rpath main", 2, "cannot be used with"),
        ("--allowed-prefix /x main", 2, "--shrink-rpath"),
        ("--dt-rpath --dt-runpath --rpath /x main", 2, "cannot be used with"),
        ("--page-size 3 --rpath /x main", 2, "power of two"),
        ("--page-size 0 --rpath /x main", 2, "power of two"),
        ("--os-abi Plan9 main", 2, "known are System V"),
        ("--replace-needed libc.so.6 main", 2, "no pair of names"),
        ("--output out --rpath /x main main", 2, "takes one FILE"),
        ("main", 2, "nothing to set"),
        ("--rpath @nul main", 2, "NUL"),
        ("--rpath @absent main", 3, "does not exist"),
        ("--rename-symbols map main", 2, "line 2"),
        ("--rename-symbols versions main", 2, "without `@`"),
        ("--rename-symbols three main", 2, "line 1"),
        ("--rpath /x absent", 3, "does not exist"),
        ("--rpath /x libs", 2, "no regular file"),
        ("--interpreter /x libs/libin.so", 2, "no interpreter"),
        ("--rpath /x", 2, "FILE"),
    ] {
        let words: Vec<&str> = ["elf", "set"].into_iter().chain(arguments.split(' ')).collect();
        let (found, out, errors) = tagalong(&world, &words);
        assert!(found == code && errors.contains(what) && out.is_empty(), "{arguments}: {found} {out}{errors}");
    }
}

#[test]
fn one_file_that_cannot_be_edited_does_not_keep_the_others_from_it() {
    let world = fixture();
    let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/x", "main.c", "main", "libs/libin.so"]);
    assert!(code == 2 && errors.contains("`") && errors.contains("changed 2 of 3 files"), "{errors}");
    assert_eq!(print(&world, "rpath", "main") + &print(&world, "rpath", "libs/libin.so"), "/x\n/x\n");
}

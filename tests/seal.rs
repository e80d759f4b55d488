//! Sealed packages made with real compilers run at another place, with every string and symbol as it was.

mod workshop;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use workshop::{Workshop, library_path, tell};

/// `lib/libt.so` with this library path, and `bin/t`, which prints what it says.
fn library_and_program(workshop: &Workshop, flags: &str) {
    workshop.compile(
        ("t.c", "const char *lib(void) { return \"works\"; }"),
        &format!("gcc -shared -fPIC t.c -o {{R}}/lib/libt.so -Wl,-soname,libt.so -Wl,-rpath,{{P}}/lib {flags}"),
    );
    workshop.compile(
        ("main.c", "#include <stdio.h>\nconst char *lib(void);\nint main(void) { puts(lib()); return 0; }"),
        &format!("gcc main.c -o {{R}}/bin/t -L{{R}}/lib -lt -Wl,-rpath,{{P}}/lib {flags}"),
    );
}

#[test]
fn a_symbol_that_shares_the_end_of_the_library_path_stays() {
    let workshop = Workshop::new();
    library_and_program(&workshop, "");
    let library = workshop.root().join("lib/libt.so");
    let before = tell("readelf", &["-W", "--dyn-syms"], &library);
    // The fixture is of use only if the linker merged the two: the name `lib` is stored once.
    let bytes = fs::read(&library).unwrap();
    assert_eq!(memchr::memmem::find_iter(&bytes, b"\0lib\0").filter(|place| *place < 0x1000).count(), 0);
    assert_eq!(library_path(&library), [format!("(RUNPATH) Library runpath: [{}/lib]", workshop.placeholder.as_str())]);
    let shipped = workshop.ship();
    let library = shipped.prefix.join("lib/libt.so");
    assert_eq!(tell("readelf", &["-W", "--dyn-syms"], &library), before);
    assert_eq!(library_path(&library), ["(RUNPATH) Library runpath: [$ORIGIN]"]);
    assert_eq!(library_path(&shipped.prefix.join("bin/t")), ["(RUNPATH) Library runpath: [$ORIGIN/../lib]"]);
    assert_eq!(shipped.run("bin/t"), "works\n");
    // Nothing is left to patch: installing never touches these files.
    assert!(shipped.file("lib/libt.so").relocations.is_empty());
    assert_eq!(shipped.manifest.floor.iter().map(|(set, _)| set).collect::<Vec<_>>(), ["GLIBC"]);
}

#[test]
fn library_path_is_under_the_tag_that_the_recipe_wants() {
    for (flags, rpath, tag) in [
        ("-Wl,--disable-new-dtags", tagalong::model::recipe::RpathKind::Runpath, "(RUNPATH) Library runpath"),
        ("-Wl,--enable-new-dtags", tagalong::model::recipe::RpathKind::Rpath, "(RPATH) Library rpath"),
        ("-Wl,--disable-new-dtags", tagalong::model::recipe::RpathKind::Rpath, "(RPATH) Library rpath"),
    ] {
        let workshop = Workshop { rpath, ..Workshop::new() };
        library_and_program(&workshop, flags);
        let shipped = workshop.ship();
        assert_eq!(library_path(&shipped.prefix.join("bin/t")), [format!("{tag}: [$ORIGIN/../lib]")]);
        assert_eq!(shipped.run("bin/t"), "works\n");
    }
}

#[test]
fn library_path_loses_what_lies_outside_and_its_entry_when_nothing_is_left() {
    let workshop = Workshop::new();
    let build = workshop.build_folder();
    library_and_program(&workshop, &format!("-Wl,-rpath,{}:/usr/lib:/usr/lib/x86_64-linux-gnu::.", build.display()));
    workshop.compile(
        ("alone.c", "int main(void) { return 0; }"),
        &format!("gcc alone.c -o {{R}}/bin/alone -Wl,-rpath,{}/.libs", build.display()),
    );
    let before = tell("readelf", &["-dW"], &workshop.root().join("bin/alone"));
    let shipped = workshop.ship();
    assert_eq!(library_path(&shipped.prefix.join("bin/t")), ["(RUNPATH) Library runpath: [$ORIGIN/../lib]"]);
    assert_eq!(library_path(&shipped.prefix.join("bin/alone")), [""; 0]);
    // All other entries are there, in order.
    let after = tell("readelf", &["-dW"], &shipped.prefix.join("bin/alone"));
    let entries = |text: &str| {
        let lines = text.lines().filter(|line| line.trim_start().starts_with("0x") && !line.contains("RUNPATH"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(entries(&after), entries(&before));
    shipped.run("bin/alone");
}

#[test]
fn files_without_section_headers_are_rewritten_through_their_segments() {
    let workshop = Workshop::new();
    library_and_program(&workshop, "-s");
    // No section headers: e_shoff, e_shnum and e_shstrndx are zero.
    for file in ["lib/libt.so", "bin/t"] {
        let path = workshop.root().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[0x28..0x30].fill(0);
        bytes[0x3c..0x40].fill(0);
        fs::write(path, bytes).unwrap();
    }
    let shipped = workshop.ship();
    assert_eq!(shipped.run("bin/t"), "works\n");
}

#[test]
fn strings_with_stored_lengths_and_merged_tails_stay_right() {
    let workshop = Workshop::new();
    workshop.compile(
        ("tail.c", "#include <stdio.h>\nint main(void) { puts(\"{P}/share/x\"); puts(\"/share/x\"); return 0; }"),
        "gcc -Os tail.c -o {R}/bin/tail",
    );
    let bytes = fs::read(workshop.root().join("bin/tail")).unwrap();
    assert_eq!(memchr::memmem::find_iter(&bytes, b"/share/x\0").count(), 1, "the linker merges the tails");
    workshop.compile(
        (
            "view.cc",
            "#include <string_view>\n#include <cstdio>\n#include <cstring>\n\
            constexpr std::string_view path = \"{P}/etc\";\n\
            int main(int n, char **) { std::string_view v = n ? path : \"\";\n\
            fwrite(v.data(), 1, v.size(), stdout); puts(v.ends_with(\"/etc\") ? \" ends\" : \" lost\"); return 0; }",
        ),
        "g++ -std=c++20 -Os view.cc -o {R}/bin/view",
    );
    workshop.compile(
        (
            "slice.rs",
            "static PATH: &str = \"{P}/etc\";\n\
            fn main() { let text = std::hint::black_box(PATH); print!(\"{text}|{}\", text.ends_with(\"/etc\")); }",
        ),
        "rustc -O --remap-path-prefix $PWD=. slice.rs -o {R}/bin/slice",
    );
    let shipped = workshop.ship();
    assert_eq!(shipped.run("bin/tail"), "[P]/share/x\n/share/x\n");
    assert_eq!(shipped.run("bin/view"), "[P]/etc ends\n");
    assert_eq!(shipped.run("bin/slice"), "[P]/etc|true");
    assert_eq!(shipped.file("bin/tail").relocations.fixed.len(), 1);
}

#[test]
fn tree_is_made_plain() {
    let workshop = Workshop { exclude: vec!["share/doc".to_owned(), "*.a".to_owned()], ..Workshop::new() };
    workshop
        .install("lib/pkgconfig/t.pc", "prefix={P}\nlibdir={P}/lib\n")
        .install("bin/t-config", "#!{P}/bin/sh\necho {P}\n")
        .install("lib/libt.la", "libdir='{P}/lib'")
        .install("lib/libt.a", "!<arch>\n")
        .install("share/doc/t/README", "{P}")
        .install("share/info/dir", "index")
        .install("lib/python/__pycache__/t.pyc", "x")
        .install("lib/real.so.1", "x")
        .link("lib/real.so", "{P}/lib/real.so.1")
        .link("bin/up", "{R}/lib/pkgconfig/t.pc")
        .link("lib/detour", "../lib/./pkgconfig/../real.so.1")
        .link("lib/top", "{P}");
    let tool = workshop.root().join("bin/t-config");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o500)).unwrap();
    fs::set_permissions(workshop.root().join("lib"), fs::Permissions::from_mode(0o700)).unwrap();
    let shipped = workshop.ship();
    let entries: Vec<String> = shipped
        .manifest
        .entries
        .iter()
        .map(|entry| match &entry.kind {
            tagalong::model::package::EntryKind::Folder => format!("{}/", entry.path),
            tagalong::model::package::EntryKind::File(file) => {
                format!(
                    "{} {:o} text {:?} fixed {:?}",
                    entry.path, file.mode, file.relocations.text, file.relocations.fixed
                )
            }
            tagalong::model::package::EntryKind::Link { target } => format!("{} -> {target}", entry.path),
        })
        .collect();
    assert_eq!(
        entries,
        [
            "bin/",
            "bin/t-config 755 text [2, 175] fixed []",
            "bin/up -> ../lib/pkgconfig/t.pc",
            "lib/",
            "lib/detour -> real.so.1",
            "lib/pkgconfig/",
            "lib/pkgconfig/t.pc 644 text [7, 175] fixed []",
            "lib/python/",
            "lib/real.so -> real.so.1",
            "lib/real.so.1 644 text [] fixed []",
            "lib/top -> ..",
            "share/",
            "share/info/",
        ]
    );
    let text = fs::read_to_string(shipped.prefix.join("lib/pkgconfig/t.pc")).unwrap();
    assert_eq!(text, format!("prefix={0}\nlibdir={0}/lib\n", shipped.prefix.display()));
    assert!(!workshop.root().join("lib/libt.la").exists());
}

#[test]
fn sealing_in_two_folders_gives_the_same_archive() {
    let archive = || {
        let workshop = Workshop::new();
        library_and_program(&workshop, "-g -ffile-prefix-map=$PWD=.");
        workshop.pack().1
    };
    assert_eq!(archive(), archive());
}

#[test]
fn files_of_32_bits_are_rewritten_too() {
    let workshop = Workshop::new();
    workshop.compile(
        ("old.c", "int lib(void) { return 1; }"),
        "gcc -m32 -c old.c; ld -m elf_i386 -shared old.o -soname libold.so -rpath {P}/lib --enable-new-dtags \\
             -o {R}/lib/libold.so",
    );
    let library = workshop.root().join("lib/libold.so");
    let before = tell("readelf", &["-W", "--dyn-syms"], &library);
    let shipped = workshop.ship();
    let library = shipped.prefix.join("lib/libold.so");
    assert_eq!(library_path(&library), ["(RUNPATH) Library runpath: [$ORIGIN]"]);
    assert_eq!(tell("readelf", &["-W", "--dyn-syms"], &library), before);
}

//! What a package may not hold is found, all at once, each with its file and place.

mod workshop;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::{fs, os::unix::net::UnixListener};

use tagalong::builder::seal::SealError;
use tagalong::cli::failure::Failure;
use tagalong::model::project::Allowance;
use workshop::Workshop;

#[test]
fn traces_of_the_build_folder_are_found_in_every_form() {
    let workshop = Workshop::new();
    let build = workshop.build_folder().to_str().unwrap().to_owned();
    let wide = |width: usize, place: usize| {
        let mut bytes = vec![0; 4 + build.len() * width];
        bytes[4 + place..].iter_mut().step_by(width).zip(build.bytes()).for_each(|(to, letter)| *to = letter);
        bytes
    };
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    workshop
        .install("lib/raw.bin", [b"\0\0", build.as_bytes(), b"/zlib.c\0", build.as_bytes()].concat())
        .install("lib/text.cmake", format!("set(X {build}/x)\n"))
        .install("lib/utf16le.bin", wide(2, 0))
        .install("lib/utf16be.bin", wide(2, 1))
        .install("lib/utf32.bin", wide(4, 0))
        .install("share/man/t.3.gz", gzip(&format!("see {build}/doc")))
        .install("share/fine.gz", gzip("nothing"));
    fs::write(workshop.build_folder().join("member"), format!("in {build}")).unwrap();
    workshop.shell(
        "mkdir -p {R}/share; xz -k member; bzip2 -k member; zstd -q member; zip -q member.zip member; \
        mv member.* {R}/share",
    );
    assert_eq!(
        workshop.findings(),
        [
            "residue: lib/raw.bin: byte 2: the build folder [BUILD], 2 times",
            "residue: lib/text.cmake: byte 6: the build folder [BUILD]",
            "residue: lib/utf16be.bin: byte 5: the build folder [BUILD], as UTF-16",
            "residue: lib/utf16le.bin: byte 4: the build folder [BUILD], as UTF-16",
            "residue: lib/utf32.bin: byte 4: the build folder [BUILD], as UTF-32",
            "residue: share/man/t.3.gz: gzip: byte 4: the build folder [BUILD]",
            "residue: share/member.bz2: bzip2: byte 3: the build folder [BUILD]",
            "residue: share/member.xz: xz: byte 3: the build folder [BUILD]",
            "residue: share/member.zip: member: byte 3: the build folder [BUILD]",
            "residue: share/member.zst: zstd: byte 3: the build folder [BUILD]",
        ]
    );
}

#[test]
fn traces_of_the_placeholder_that_cannot_be_replaced_are_found() {
    let workshop = Workshop::new();
    let placeholder = workshop.placeholder.as_str().to_owned();
    let utf16: Vec<u8> = placeholder.bytes().flat_map(|letter| [letter, 0]).collect();
    fs::write(workshop.build_folder().join("page"), format!("see {placeholder}/share")).unwrap();
    workshop
        .install("lib/cut.bin", format!("\0{}\0", &placeholder[..100]))
        .install("lib/end.txt", format!("x/{}/lib\n", workshop.placeholder.token()))
        .install("lib/wide.bin", utf16)
        .install("lib/fine.bin", format!("\0{placeholder}\0"));
    workshop.shell("gzip page; mv page.gz {R}/lib");
    assert_eq!(
        workshop.findings(),
        [
            "residue: lib/cut.bin: byte 1: the start of the placeholder without its end",
            "residue: lib/end.txt: byte 2: the end of the placeholder without its start",
            "residue: lib/page.gz: gzip: byte 4: the placeholder, packed",
            "residue: lib/wide.bin: byte 288: the end of the placeholder without its start, as UTF-16",
        ]
    );
}

#[test]
fn strings_that_the_compiler_cut_into_constants_are_found() {
    let source = (
        "cut.cc",
        "#include <string>\n#include <cstdio>\n__attribute__((noinline)) std::string path() { \
        return \"{P}/share/x\"; }\nint main() { puts(path().c_str()); }",
    );
    let workshop = Workshop::new();
    workshop.compile(source, "g++ -O2 -mtune=generic cut.cc -o {R}/bin/cut");
    let findings = workshop.findings().join("\n");
    assert!(findings.contains("residue: bin/cut: byte "), "{findings}");
    assert!(findings.contains("the start of the placeholder without its end"), "{findings}");
    // The way out that the message names.
    let workshop = Workshop::new();
    workshop.compile(source, "g++ -O2 -mtune-ctrl=^sse_unaligned_load_optimal cut.cc -o {R}/bin/cut");
    assert_eq!(workshop.ship().run("bin/cut"), "[P]/share/x\n");
}

#[test]
fn debug_information_is_searched_even_when_it_is_compressed() {
    for (flags, expected) in [
        ("-g", "residue: bin/t: byte N: the build folder [BUILD]"),
        ("-g3 -gdwarf-4 -gz=zlib", "residue: bin/t: .debug_str: byte N: the build folder [BUILD]"),
    ] {
        let workshop = Workshop::new();
        workshop.compile(("t.c", "int main(void) { return 0; }"), &format!("gcc {flags} $PWD/t.c -o {{R}}/bin/t"));
        let findings = workshop.findings().join("\n");
        let is_digit = |c: char| c.is_ascii_digit();
        let mut plain = findings.replace(is_digit, "#");
        while plain.contains("##") {
            plain = plain.replace("##", "#");
        }
        assert!(plain.contains(&expected.replace('N', "#")), "{flags}: {findings}");
    }
}

#[test]
fn libraries_are_found_the_way_the_loader_finds_them() {
    let mut workshop = Workshop::new();
    let library = |name: &str| {
        format!(
            "echo 'int {name}(void) {{ return 1; }}' > {name}.c; \
        gcc -shared -fPIC {name}.c -Wl,-soname,lib{name}.so -o"
        )
    };
    // A need's library in `lib`, and another in a folder of its own.
    workshop.shell(&format!("mkdir {{R}}/lib/private; {} {{R}}/lib/libneed.so", library("need")));
    workshop.shell(&format!("{} {{R}}/lib/private/libhidden.so", library("hidden")));
    workshop.needs_end_here();
    workshop.shell(&format!(
        "{} libgone.so; {} {{R}}/lib/libfine.so -Wl,-rpath,{{P}}/lib -Wl,--no-as-needed \
        {{R}}/lib/libneed.so",
        library("gone"),
        library("fine")
    ));
    let link = |out: &str, with: &str| {
        workshop.shell(&format!(
            "echo 'int main(void) {{ return 0; }}' > m.c; \
            gcc m.c -Wl,--no-as-needed -o {{R}}/bin/{out} {with} -Wl,--allow-shlib-undefined"
        ));
    };
    link("fine", "{R}/lib/libfine.so {R}/lib/libneed.so -Wl,-rpath,{P}/lib");
    link("hidden", "{R}/lib/private/libhidden.so -Wl,-rpath,{P}/lib");
    link("pathless", "{R}/lib/libneed.so");
    link("gone", "libgone.so -Wl,-rpath,{P}/lib");
    let host = ["libz.so.1", "libcrypt.so.1", "libtinfo.so.6"].map(|name| (name, host_library(name)));
    let (name, at) = host.iter().find(|(_, at)| at.is_some()).expect("one of them is on every machine");
    let at = at.clone().unwrap();
    link("host", &format!("{at} -Wl,-rpath,{{P}}/lib"));
    link("loader", "-Wl,-rpath,{P}/lib -Wl,--dynamic-linker,/build/ld.so");
    // A text file under the name of a library: the loader stops there.
    link("text", "libgone.so -Wl,-rpath,{P}/share");
    workshop.install("share/libgone.so", "no library");
    let expected = [
        "loader: bin/gone: needs libgone.so, which lies at share/libgone.so, but no library path leads there".to_owned(),
        "loader: bin/hidden: needs libhidden.so, which lies at lib/private/libhidden.so, but no library path leads there"
            .to_owned(),
        format!("loader: bin/host: needs {name}, which is taken from the host: {at}"),
        "loader: bin/loader: asks for the loader /build/ld.so, which is not one of the system's".to_owned(),
        "loader: bin/pathless: needs libneed.so, which lies at lib/libneed.so, but no library path leads there".to_owned(),
        format!("loader: bin/text: needs libgone.so, but {}/bin/../share/libgone.so is no library", workshop.placeholder.as_str()),
    ];
    assert_eq!(workshop.findings(), expected);
    fs::remove_file(workshop.root().join("share/libgone.so")).unwrap();
    workshop.system_libraries = vec![(*name).to_owned()];
    let findings = workshop.findings();
    assert_eq!(findings[0], "loader: bin/gone: needs libgone.so, which is nowhere");
    assert!(!findings.iter().any(|one| one.contains("bin/host")));
}

/// Where the loader finds a library of this machine.
fn host_library(name: &str) -> Option<String> {
    let folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
    folders.iter().map(|folder| format!("{folder}/{name}")).find(|path| fs::exists(path).unwrap())
}

#[test]
fn what_may_not_be_packaged_is_refused() {
    let workshop = Workshop::new();
    workshop
        .install("bin/su", "x")
        .install("lib/fine", "x")
        .link("lib/passwd", "/etc/passwd")
        .link("lib/up", "../../x");
    fs::set_permissions(workshop.root().join("bin/su"), fs::Permissions::from_mode(0o4755)).unwrap();
    let _socket = UnixListener::bind(workshop.root().join("lib/socket")).unwrap();
    workshop.shell("mkfifo {R}/lib/pipe");
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
    fs::write(workshop.root().join("lib").join(name), "x").unwrap();
    fs::create_dir(workshop.root().join(".tagalong")).unwrap();
    fs::write(workshop.root().join(".tagalong/receipt.json"), "{}").unwrap();
    assert_eq!(
        workshop.findings(),
        [
            "content: .tagalong: has a name that cannot stand in a package",
            "content: .tagalong/receipt.json: has a name that cannot stand in a package",
            "content: bin/su: would run as another user",
            "content: lib/caf\u{fffd}: has a name that cannot stand in a package",
            "content: lib/passwd: links to /etc/passwd, out of the package",
            "content: lib/pipe: is a pipe",
            "content: lib/socket: is a socket",
            "content: lib/up: links to ../../x, out of the package",
        ]
    );
}

#[test]
fn a_library_path_without_room_is_a_finding_and_damaged_elf_files_too() {
    let workshop = Workshop::new();
    // The whole path is the name of a symbol too, so that no byte of it may change.
    workshop.compile(
        ("full.s", ".globl \"{P}/lib\"\n.type \"{P}/lib\", @function\n\"{P}/lib\": ret\n.section .note.GNU-stack\n"),
        "gcc -shared full.s -o {R}/lib/libfull.so -Wl,-rpath,{P}/lib",
    );
    let mut bytes = fs::read(workshop.root().join("lib/libfull.so")).unwrap();
    bytes.truncate(200);
    workshop.install("lib/libcut.so", bytes);
    let findings = workshop.findings();
    assert!(findings[0].starts_with("loader: lib/libcut.so: is an ELF file that cannot be read: "), "{findings:?}");
    assert_eq!(
        findings[1..],
        ["loader: lib/libfull.so: has no room for the library path `$ORIGIN`: 8 bytes are needed, 0 are free"]
    );
}

#[test]
fn a_failure_lists_what_was_found_and_says_what_to_do() {
    let workshop = Workshop::new();
    workshop.install("lib/a", workshop.build_folder().to_str().unwrap()).link("lib/b", "/etc");
    let Err(error @ SealError::Findings { .. }) = workshop.seal() else { panic!() };
    let text = Failure::from(&error).to_string().replace(workshop.build_folder().to_str().unwrap(), "[BUILD]");
    assert_eq!(
        text,
        "residue: lib/a: byte 0: the build folder [BUILD]\n\
         content: lib/b: links to /etc, out of the package\n\
         error: fixture is not packed\n\
         \x20 why: the checks found 2 things\n\
         \x20next: keep the build folder out of what is installed (`-ffile-prefix-map`, a build option), or list the \
         file under `exclude`\n\
         \x20      keep it from being installed, or list it under `exclude`\n"
    );
}

/// A library that lost a function after the program was linked against it.
fn with_a_lost_function() -> Workshop {
    let workshop = Workshop::new();
    workshop.shell(
        "echo 'int f(void) { return 1; } int g(void) { return 2; }' > f.c; echo 'int f(void) { return 1; }' > less.c
        echo 'V1 { f; g; };' > v; echo 'V1 { f; };' > w; mkdir -p {R}/lib {R}/bin
        lib() { gcc -shared -fPIC $1 -Wl,-soname,libf.so,--version-script,$2 -o {R}/lib/libf.so; }
        lib f.c v; echo 'int f(void); int g(void); int main(void) { return f() + g(); }' > m.c
        gcc m.c {R}/lib/libf.so -o {R}/bin/p -Wl,-rpath,{P}/lib; lib less.c w",
    );
    workshop
}

#[test]
fn what_lacks_a_symbol_at_a_users_is_not_packed() {
    let workshop = with_a_lost_function();
    assert_eq!(
        workshop.findings(),
        ["symbols: bin/p: needs the symbol g@V1 of libf.so, which lib/libf.so does not define"]
    );
}

#[test]
fn a_recipe_takes_findings_with_a_reason() {
    let allow = |check: &str, file: &str| Allowance { check: check.into(), file: file.into(), reason: "known".into() };
    let mut workshop = with_a_lost_function();
    workshop.allow = vec![allow("symbols-*", "bin/*")];
    assert_eq!(workshop.findings(), [""; 0]);
    workshop.allow = vec![allow("symbols-*", "lib/*"), allow("loader-*", "*")];
    assert_eq!(workshop.findings().len(), 1);
    // What cannot stand in a package is not to be allowed.
    let mut workshop = Workshop::new();
    workshop.allow = vec![allow("*", "*")];
    workshop.link("out", "/etc/passwd");
    assert_eq!(workshop.findings(), ["content: out: links to /etc/passwd, out of the package"]);
}

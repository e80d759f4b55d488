//! `relocate`: trees as other tools make them, trees that can be moved with `mv`, the laws, and what a kill leaves.

mod formats;
mod killed;
mod laws;
mod relative;
mod rules;
mod trees;
#[path = "../world/mod.rs"]
mod world;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A real program; what it printed.
#[track_caller]
pub fn output(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let program = program.as_ref();
    let output = Command::new(program).args(arguments).env_remove("PYTHONHOME").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program:?} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[track_caller]
pub fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    write(path, content);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn gcc(arguments: &[&str]) {
    output("gcc", arguments);
}

/// Every path with its mode and bytes.
pub fn listing(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let (mut all, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let bytes = if facts.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().as_bytes().to_vec()
            } else if facts.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            all.push((path.strip_prefix(root).unwrap().to_owned(), facts.mode(), bytes));
        }
    }
    all.sort();
    all
}

/// What lies in a folder and is the program's own.
pub fn own_leftovers(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("tagalong")).collect()
}

/// A virtual environment with an installed wheel that has a program.
pub fn virtual_environment(root: &Path) -> PathBuf {
    let (folder, env) = (root.join("wheel"), root.join("home-of-env/env"));
    output("/usr/bin/python3", &["-m", "venv", env.to_str().unwrap()]);
    write(&folder.join("hello.py"), "import sys\ndef main():\n    print('hello from', sys.prefix, __file__)\n");
    let info = folder.join("hello-1.0.dist-info");
    write(&info.join("METADATA"), "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n");
    write(&info.join("WHEEL"), "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
    write(&info.join("entry_points.txt"), "[console_scripts]\nhello = hello:main\n");
    write(&info.join("RECORD"), "hello.py,,\n");
    let wheel = root.join("hello-1.0-py3-none-any.whl");
    let wheel = wheel.to_str().unwrap();
    let (module, info) = (folder.join("hello.py"), info.to_str().unwrap());
    output("/usr/bin/python3", &["-m", "zipfile", "-c", wheel, module.to_str().unwrap(), info]);
    output(env.join("bin/pip"), &["install", "-q", "--no-index", "--disable-pip-version-check", wheel]);
    env
}

/// A library with a `.pc` file, a cmake file and a link, and a program that needs it; `define` is a string of the
/// library's.
pub fn installed(prefix: &Path, define: &str) {
    let text = prefix.to_str().unwrap();
    let source = prefix.with_extension("c");
    write(&prefix.join("include/greet.h"), "const char *greet(void);\n");
    fs::create_dir_all(prefix.join("lib")).unwrap();
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::write(&source, format!("const char *greet(void) {{ return \"{define}\"; }}\n")).unwrap();
    let library = format!("{text}/lib/libgreet.so.1");
    gcc(&["-shared", "-fPIC", "-Wl,-soname,libgreet.so.1", "-o", &library, source.to_str().unwrap()]);
    symlink(library, prefix.join("lib/libgreet.so")).unwrap();
    fs::write(&source, "#include <stdio.h>\n#include <greet.h>\nint main(void) { puts(greet()); return 0; }\n")
        .unwrap();
    let rpath = format!("-Wl,-rpath,{text}/lib");
    let (include, lib) = (format!("-I{text}/include"), format!("-L{text}/lib"));
    gcc(&["-o", &format!("{text}/bin/greet"), source.to_str().unwrap(), &include, &lib, "-lgreet", &rpath]);
    fs::remove_file(source).unwrap();
    write(
        &prefix.join("lib/pkgconfig/greet.pc"),
        format!(
            "prefix={text}\nlibdir={text}/lib\n\nName: greet\nDescription: greets\nVersion: 1\n\
             Libs: -L${{libdir}} -lgreet\nCflags: -I{text}/include\n"
        ),
    );
    write(
        &prefix.join("lib/cmake/greet/greet-config.cmake"),
        format!("set(greet_INCLUDE_DIRS \"{text}/include\")\nset(greet_LIBRARIES \"{text}/lib/libgreet.so\")\n"),
    );
}

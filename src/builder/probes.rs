//! The tests of a recipe as shell scripts: a command, or a small program that uses the package as its users do. Pure.
//!
//! Does not run them (`package.rs` does).

use crate::builder::steps::{Scene, quote, replace};
use crate::model::recipe::{Language, Program, Recipe, TestStep};

/// The script of a test, for `sh -e` in a folder that may be written to.
pub fn script(test: &TestStep, recipe: &Recipe, scene: &Scene) -> String {
    match test {
        TestStep::Run(command) => replace(command, recipe, scene),
        TestStep::PkgConfig { module, program } => pkg_config(module, program),
        TestStep::Cmake { package, targets, program } => cmake(package, targets, program, scene),
    }
}

/// The programs of the machine that a test runs.
pub fn programs(test: &TestStep) -> &'static [&'static str] {
    match test {
        TestStep::Run(_) => &[],
        TestStep::PkgConfig { .. } => &["cc", "pkg-config"],
        TestStep::Cmake { .. } => &["cc", "cmake", "make"],
    }
}

fn names(program: &Program) -> (&'static str, &'static str, &'static str) {
    match program.language {
        Language::C => ("probe.c", "cc", "C"),
        Language::Cxx => ("probe.cc", "c++", "CXX"),
    }
}

/// A folder of its own with the program in it.
fn start(program: &Program) -> Vec<String> {
    let file = names(program).0;
    vec![
        "folder=$(mktemp -d)".to_owned(),
        "cd \"$folder\"".to_owned(),
        format!("printf %s {} > {file}", quote(&program.text)),
    ]
}

fn pkg_config(module: &str, program: &Program) -> String {
    let (file, compiler, _) = names(program);
    let module = quote(module);
    let mut lines = start(program);
    lines.push(format!("pkg-config --print-errors --exists {module}"));
    // As its users do: the library path comes from what pkg-config says, so that a missing `-L` shows.
    lines.push(format!("libraries=$(pkg-config --variable=libdir {module})"));
    lines.push(format!(
        "{compiler} {file} -o probe $(pkg-config --cflags {module}) $(pkg-config --libs {module}) -Wl,-rpath,\"$libraries\""
    ));
    lines.push("./probe".to_owned());
    lines.join("\n")
}

fn cmake(package: &str, targets: &[String], program: &Program, scene: &Scene) -> String {
    let (file, _, language) = names(program);
    let (links, includes) = if targets.is_empty() {
        (format!("${{{package}_LIBRARIES}}"), format!("${{{package}_INCLUDE_DIRS}}"))
    } else {
        (targets.join(" "), String::new())
    };
    let project = [
        "cmake_minimum_required(VERSION 3.16)".to_owned(),
        format!("project(probe LANGUAGES {})", if language == "C" { "C" } else { "C CXX" }),
        format!("find_package({package} REQUIRED)"),
        format!("add_executable(probe {file})"),
        format!("target_link_libraries(probe PRIVATE {links})"),
        format!("target_include_directories(probe PRIVATE {includes})"),
    ];
    let mut lines = start(program);
    lines.push(format!("printf %s {} > CMakeLists.txt", quote(&(project.join("\n") + "\n"))));
    // What the builder's system has is no proof.
    lines.push(format!(
        "cmake -S . -B out -DCMAKE_PREFIX_PATH={} -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF",
        quote(&scene.prefix)
    ));
    lines.push("cmake --build out".to_owned());
    lines.push("out/probe".to_owned());
    lines.join("\n")
}

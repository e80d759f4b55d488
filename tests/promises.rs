//! What a recipe promises of its package: programs that use it, contents, exported variables.

mod world;

use world::World;

/// A library of one function, with a `.pc` file and files for cmake, and more TOML behind its recipe.
fn library(more: &str) -> World {
    let world = World::new();
    world.write(
        "extern-recipes/answer/recipe.toml",
        format!(
            r#"name = "answer"
version = "1.0"
license = "MIT"

[[source]]
path = "tree"

[build]
system = "cmake"
{more}
"#
        ),
    );
    let tree = "extern-recipes/answer/tree";
    world.write(&format!("{tree}/answer.c"), "int answer(void) { return 42; }\n");
    world.write(&format!("{tree}/answer.h"), "int answer(void);\n");
    world.write(
        &format!("{tree}/answer.pc.in"),
        "prefix=@CMAKE_INSTALL_PREFIX@\nlibdir=${prefix}/lib\nName: answer\nDescription: a\nVersion: 1\n\
         Libs: -L${libdir} -lanswer\nCflags: -I${prefix}/include\n",
    );
    world.write(
        &format!("{tree}/CMakeLists.txt"),
        r#"cmake_minimum_required(VERSION 3.16)
project(answer C)
add_library(answer answer.c)
add_library(answer-static STATIC answer.c)
set_target_properties(answer-static PROPERTIES OUTPUT_NAME answer)
target_include_directories(answer INTERFACE $<INSTALL_INTERFACE:include>)
configure_file(answer.pc.in answer.pc @ONLY)
install(TARGETS answer EXPORT Answer)
install(TARGETS answer-static)
install(FILES answer.h DESTINATION include)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/answer.pc DESTINATION lib/pkgconfig)
install(EXPORT Answer NAMESPACE Answer:: FILE AnswerConfig.cmake DESTINATION lib/cmake/Answer)
"#,
    );
    world
}

#[test]
fn programs_that_use_the_package_through_pkg_config_and_cmake_are_built_and_run() {
    let program = "program = \"#include <answer.h>\\nint main(void) { return answer() - 42; }\"";
    let world = library(&format!(
        "[[test]]\npkg-config = \"answer\"\n{program}\n\n[[test]]\ncmake = \"Answer\"\ntargets = [\"Answer::answer\"]\n{program}\n"
    ));
    world.run("build").succeeds();
    let wrong = library(&format!("[[test]]\npkg-config = \"answer\"\n{}\n", program.replace("- 42", "- 41")));
    let run = wrong.run("build").exits(6);
    assert!(run.stderr.contains("the step `test 1` of answer failed with exit code 1\n"), "{}", run.stderr);
}

#[test]
fn a_module_that_is_not_there_fails_the_test_though_the_machine_may_have_it() {
    let world = library("[[test]]\npkg-config = \"zlib\"\n\n[[test]]\ncmake = \"ZLIB\"\n");
    let run = world.run("build").exits(6);
    assert!(run.stderr.contains("zlib"), "{}", run.stderr);
}

#[test]
fn contents_must_be_there_and_must_not() {
    let world =
        library("[contents]\nhas = [\"lib/libanswer.so\", \"include/*.hpp\"]\nhas-not = [\"*.a\", \"share/doc\"]\n");
    let run = world.run("build").exits(7);
    let told = "error: answer does not hold what `[contents]` of its recipe says\n  \
         why: nothing matches `include/*.hpp`, which `has` names\n       \
         `lib/libanswer.a` matches `*.a`, which `has-not` names\n \
         next: `tagalong build --keep answer` keeps what it installed, to look at\n       \
         mend the build, or `[contents]` where it asks for the wrong thing\n";
    assert!(run.stderr.ends_with(told), "{}", run.stderr);
    let recipe = world.read("extern-recipes/answer/recipe.toml");
    let recipe = recipe.replace(", \"include/*.hpp\"", "").replace("system = ", "keep-static = false\nsystem = ");
    world.write("extern-recipes/answer/recipe.toml", recipe);
    world.run("build").succeeds();
}

#[test]
fn exported_variables_are_those_of_env_with_the_prefix_put_in() {
    let world = library("[exports]\nANSWER_DATA = \"{prefix}/share:it's {prefix}\"\n");
    world.write("tagalong.toml", world::recipes::UNSIGNED_PROJECT);
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    world.run("install").succeeds();
    let prefix = world.run("env --json").json()["prefix"].as_str().unwrap().to_owned();
    assert_eq!(world.run("env --json").json()["exports"]["ANSWER_DATA"], format!("{prefix}/share:it's {prefix}"));
    world.run_with(&["run", "sh", "-c", "echo $ANSWER_DATA"]).prints(&format!("{prefix}/share:it's {prefix}\n"));
    let line = format!("export ANSWER_DATA='{prefix}/share:it'\\''s {prefix}'\n");
    let text = world.run("env").succeeds().stdout;
    assert!(text.ends_with(&line), "{text}");
}

#[test]
fn variables_of_the_loader_and_lists_of_folders_are_not_exported() {
    for name in ["LD_PRELOAD", "PATH", "1A"] {
        let run = library(&format!("[exports]\n{name} = \"x\"\n")).run("recipe check").exits(7);
        assert!(run.stderr.contains("no package may export"), "{name}: {}", run.stderr);
    }
}

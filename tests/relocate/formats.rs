//! Trees of HashDist, conda environments, AppImages, and what cmake itself installs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::world::World;
use crate::{gcc, output, write, write_program};

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn hashdist_artifact_tells_by_its_location_where_it_was_built() {
    let world = World::new();
    let tree = world.checkout().join("zlib");
    let old = "/home/u/.hashdist/bld/zlib/abcdefghijkl";
    write(&tree.join("artifact.json"), "{\"name\": \"zlib\", \"id\": \"zlib/abcdefghijkl\"}\n");
    write(&tree.join("location"), format!("{old}/\n"));
    write(&tree.join("lib/pkgconfig/zlib.pc"), format!("prefix={old}\n"));
    write_program(&tree.join("bin/run"), format!("#!/bin/sh\necho {old}/share\n"));
    let run = world.run("relocate zlib").succeeds();
    let said = format!(
        "relocated [WORLD]/checkout/zlib from {old} (told by `location` of HashDist) to [WORLD]/checkout/zlib: "
    );
    assert_eq!(run.stderr, format!("{said}3 of 7 paths: 3 files, 0 links\n"));
    assert_eq!(output(tree.join("bin/run"), &[]), format!("{}/share\n", shown(&tree)));
    // It tells the new place now.
    world.run("relocate zlib --check").prints(
        "[WORLD]/checkout/zlib: 3 places, 3 files, 0 links, told by `location` of HashDist, pkg-config files\n",
    );
}

#[test]
fn conda_environment_moves_to_a_longer_path_as_far_as_its_placeholders_have_room() {
    let world = World::new();
    let env = world.checkout().join("env");
    let placeholder = format!("/home/conda/feedstock_root/{}", "placehold_".repeat(20));
    fs::create_dir_all(env.join("bin")).unwrap();
    write(
        &world.checkout().join("x.c"),
        "#include <stdio.h>\nint main(void) { puts(P \"/share/x\"); puts(P \"/a:\" P \"/b\"); return 0; }\n",
    );
    let x = env.join("bin/x");
    gcc(&[&format!("-DP=\"{placeholder}\""), "-o", shown(&x), shown(&world.checkout().join("x.c"))]);
    // As conda installs: each string becomes shorter, with NUL bytes behind it.
    let install = "import re, sys\npath, old, new = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()\n\
        data = open(path, 'rb').read()\n\
        def put(found):\n    text = found.group().replace(old, new)\n    return text + bytes(len(found.group()) - len(text))\n\
        open(path, 'wb').write(re.sub(re.escape(old) + b'[^\\0]*\\0', put, data))\n";
    output("/usr/bin/python3", &["-c", install, shown(&x), &placeholder, shown(&env)]);
    assert_eq!(output(&x, &[]), format!("{0}/share/x\n{0}/a:{0}/b\n", shown(&env)));
    symlink("/usr/bin/python3", env.join("bin/python")).unwrap();
    write_program(&env.join("bin/tool"), format!("#!{}/bin/python\nprint('tool')\n", shown(&env)));
    let file = |path: &str, mode: &str| serde_json::json!({ "_path": path, "prefix_placeholder": placeholder, "file_mode": mode });
    let meta = serde_json::json!({ "name": "x", "paths_data": { "paths_version": 1, "paths": [file("bin/x", "binary"), file("bin/tool", "text")] } });
    write(&env.join("conda-meta/x-1.0-0.json"), meta.to_string());
    let before = crate::listing(&env);
    let new = world.checkout().join("a-much-longer-name/of/the/environment");
    fs::create_dir_all(new.parent().unwrap()).unwrap();
    fs::rename(&env, &new).unwrap();
    let run = world.run_with(&["relocate", shown(&new)]).succeeds();
    assert!(run.stderr.contains("(told by `#!` lines)"), "{}", run.stderr);
    assert_eq!(output(new.join("bin/x"), &[]), format!("{0}/share/x\n{0}/a:{0}/b\n", shown(&new)));
    assert_eq!(output(new.join("bin/tool"), &[]), "tool\n");
    fs::rename(&new, &env).unwrap();
    world.run("relocate env").succeeds();
    assert_eq!(crate::listing(&env), before);
    let long = format!("/{}", "x".repeat(placeholder.len()));
    let run = world.run_with(&["relocate", "env", "--to", &long]).exits(7);
    assert!(
        run.stderr.contains(&format!("the longest prefix that fits everywhere has {} bytes", placeholder.len())),
        "{}",
        run.stderr
    );
}

#[test]
fn unpacked_appimage_runs_where_it_is_moved_to() {
    let world = World::new();
    let tree = world.checkout().join("AppDir");
    let text = shown(&tree).to_owned();
    fs::create_dir_all(tree.join("usr/bin")).unwrap();
    fs::create_dir_all(tree.join("usr/lib")).unwrap();
    let source = world.checkout().join("x.c");
    let at = |name: &str| shown(&tree.join(name)).to_owned();
    write(&source, format!("const char *data(void) {{ return \"{text}/usr/share\"; }}\n"));
    gcc(&["-shared", "-fPIC", "-o", &at("usr/lib/libdata.so"), shown(&source)]);
    write(&source, "#include <stdio.h>\nconst char *data(void);\nint main(void) { puts(data()); return 0; }\n");
    let rpath = format!("-Wl,-rpath,{text}/usr/lib");
    gcc(&["-o", &at("usr/bin/app"), shown(&source), &format!("-L{}", at("usr/lib")), "-ldata", &rpath]);
    write_program(
        &tree.join("AppRun"),
        "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")\nexec \"$here/usr/bin/app\" \"$@\"\n",
    );
    write(&tree.join("app.desktop"), format!("[Desktop Entry]\nExec={text}/AppRun %F\nIcon=app\n"));
    write(&tree.join("app.png"), b"\x89PNG\r\n\x1a\n\0");
    symlink(at("app.png"), tree.join(".DirIcon")).unwrap();
    let new = world.checkout().join("app");
    fs::rename(&tree, &new).unwrap();
    world.run_with(&["relocate", "app", "--from", &text]).succeeds();
    assert_eq!(output(new.join("AppRun"), &[]), format!("{}{}/usr/share\n", "/".repeat(3), shown(&new)));
    assert_eq!(fs::read(new.join(".DirIcon")).unwrap(), b"\x89PNG\r\n\x1a\n\0");
    assert!(
        fs::read_to_string(new.join("app.desktop")).unwrap().contains(&format!("\nExec={}/AppRun %F\n", shown(&new)))
    );
}

#[test]
fn what_cmake_installed_and_was_made_relative_is_moved_and_built_against() {
    let world = World::new();
    let (sources, prefix) = (world.root().join("tmp/src"), world.checkout().join("made-here"));
    write(&sources.join("greet.c"), "const char *greet(void) { return \"hello\"; }\n");
    write(&sources.join("greet.h"), "const char *greet(void);\n");
    write(
        &sources.join("greet-config.cmake.in"),
        "@PACKAGE_INIT@\nset(greet_DATA \"@CMAKE_INSTALL_PREFIX@/share\")\n\
         include(\"@CMAKE_INSTALL_PREFIX@/lib/cmake/greet/greet-targets.cmake\")\n",
    );
    write(
        &sources.join("CMakeLists.txt"),
        "cmake_minimum_required(VERSION 3.13)\nproject(greet C)\ninclude(CMakePackageConfigHelpers)\n\
         add_library(greet SHARED greet.c)\ntarget_include_directories(greet INTERFACE ${CMAKE_INSTALL_PREFIX}/include)\n\
         install(TARGETS greet EXPORT greet DESTINATION lib)\ninstall(FILES greet.h DESTINATION include)\n\
         install(EXPORT greet FILE greet-targets.cmake NAMESPACE greet:: DESTINATION lib/cmake/greet)\n\
         configure_package_config_file(greet-config.cmake.in greet-config.cmake INSTALL_DESTINATION lib/cmake/greet)\n\
         install(FILES ${CMAKE_CURRENT_BINARY_DIR}/greet-config.cmake DESTINATION lib/cmake/greet)\n",
    );
    let build = world.root().join("tmp/build");
    let option = format!("-DCMAKE_INSTALL_PREFIX={}", shown(&prefix));
    output("cmake", &["-S", shown(&sources), "-B", shown(&build), &option]);
    output("cmake", &["--build", shown(&build), "--target", "install"]);
    world.run_with(&["relocate", "made-here", "--make-relative", "--from", shown(&prefix)]).succeeds();
    let new = world.root().join("tmp/moved");
    fs::rename(&prefix, &new).unwrap();
    let consumer = world.root().join("tmp/consumer");
    write(
        &consumer.join("main.c"),
        "#include <greet.h>\n#include <stdio.h>\nint main(void) { puts(greet()); return 0; }\n",
    );
    write(
        &consumer.join("CMakeLists.txt"),
        "cmake_minimum_required(VERSION 3.13)\nproject(consumer C)\nfind_package(greet REQUIRED CONFIG)\n\
         message(STATUS \"data ${greet_DATA}\")\nadd_executable(main main.c)\ntarget_link_libraries(main greet::greet)\n",
    );
    let out = world.root().join("tmp/out");
    let said =
        output("cmake", &["-S", shown(&consumer), "-B", shown(&out), &format!("-DCMAKE_PREFIX_PATH={}", shown(&new))]);
    assert!(said.contains(&format!("data {}/lib/cmake/greet/../../../share", shown(&new))), "{said}");
    output("cmake", &["--build", shown(&out)]);
    assert_eq!(output(out.join("main"), &[]), "hello\n");
}

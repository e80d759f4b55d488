//! Checks of `audit` that need real programs: symbols, processor levels, hidden traces, files that are too large.

mod world;

use std::process::Command;

use serde_json::Value;
use world::World;

fn json(world: &World, more: &[&str]) -> Value {
    let tree = world.tree();
    let mut arguments = vec!["audit", tree.to_str().unwrap(), "--json"];
    arguments.extend(more);
    world.run_in(&world.root(), &arguments).json()
}

/// Check, file and message of the findings whose check starts so.
fn findings(json: &Value, start: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = json["findings"].as_array().unwrap().iter();
    let all = all.filter(|one| one["check"].as_str().unwrap().starts_with(start));
    all.map(|one| {
        let message = text(&one["message"]);
        format!("{} {}: {}", text(&one["check"]), text(&one["file"]), message.split(": ").next().unwrap())
    })
    .collect()
}

const GCC: &str = "mkdir -p bin lib; so() { o=$1; shift; gcc -shared -fPIC \"$@\" -Wl,-soname,$o -o lib/$o; }\n";

#[test]
fn symbols_without_a_provider_interposition_and_two_sonames_are_told() {
    let world = World::new();
    world.shell(&format!(
        "{GCC}echo 'int f(void) {{ return 1; }} int g(void) {{ return 2; }}' > f.c
            echo 'int f(void) {{ return 1; }}' > less.c; echo 'V1 {{ f; g; }};' > v; echo 'V1 {{ f; }};' > w
            so libf.so f.c -Wl,--version-script,v
            echo 'int f(void); int g(void); int main(void) {{ return f() + g(); }}' > m.c
            gcc m.c lib/libf.so -o bin/p -Wl,-rpath,'$ORIGIN/../lib'
            so libf.so less.c -Wl,--version-script,w
            echo 'int same(void) {{ return 1; }} int x(void) {{ return same(); }}' > s.c
            so libone.so s.c; sed s/x/y/ s.c > t.c; so libtwo.so t.c
            echo 'int x(void); int y(void); int main(void) {{ return x() + y(); }}' > m.c
            gcc m.c lib/libone.so lib/libtwo.so -o bin/q -Wl,-rpath,'$ORIGIN/../lib'
            echo 'int v1(void) {{ return 1; }}' > a.c; echo 'int v2(void) {{ return 2; }}' > b.c
            so libv.so.1 a.c; so libv.so.2 b.c
            echo 'int v1(void); int v2(void); int main(void) {{ return v1() + v2(); }}' > m.c
            gcc m.c lib/libv.so.1 lib/libv.so.2 -o bin/r -Wl,-rpath,'$ORIGIN/../lib'; rm *.c v w"
    ));
    // The loader's own word on the missing symbol.
    let run = Command::new(world.tree().join("bin/p")).env("LD_BIND_NOW", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&run.stderr).contains("undefined symbol: g, version V1"));
    assert_eq!(
        findings(&json(&world, &[]), "symbols"),
        [
            "symbols-missing bin/p: needs the symbol g@V1 of libf.so, which lib/libf.so does not define",
            "symbols-two-sonames bin/r: loads libv.so.1 and libv.so.2",
            "symbols-interposed lib/libtwo.so: defines 1 symbol that lib/libone.so defines too",
        ]
    );
}

#[test]
fn processor_levels_are_told_by_property_and_by_folder() {
    let world = World::new();
    world.shell(&format!(
        "{GCC}echo 'int f(void) {{ return 1; }}' > f.c; so libv3.so f.c -Wl,-z,x86-64-v3
            so libplain.so f.c; mkdir -p lib/glibc-hwcaps/x86-64-v2
            so libonly.so f.c; mv lib/libonly.so lib/glibc-hwcaps/x86-64-v2
            echo 'int main(void) {{ return 0; }}' > m.c
            gcc m.c -Wl,--no-as-needed lib/glibc-hwcaps/x86-64-v2/libonly.so -o bin/p -Wl,-rpath,'$ORIGIN/../lib'
            rm *.c"
    ));
    let json = json(&world, &[]);
    assert_eq!(
        findings(&json, "floor"),
        [
            "floor-cpu lib/glibc-hwcaps/x86-64-v2/libonly.so: needs a processor of level x86-64-v2",
            "floor-cpu lib/libv3.so: needs a processor of level x86-64-v3",
        ]
    );
    assert_eq!(
        findings(&json, "loader"),
        ["loader-processor bin/p: needs libonly.so, which only newer processors find"]
    );
}

#[test]
fn traces_are_found_in_wheels_objects_and_debug_sections() {
    let world = World::new().with("HOME", "/home/ada");
    world.shell("mkdir -p /tmp/trace-$$; cd /tmp/trace-$$; trap 'rm -rf /tmp/trace-$$' EXIT; t=$OLDPWD
        echo 'int f(void) { return 1; }' > f.c
        map() { gcc -g -ffile-prefix-map=$PWD=/home/ada/src -gz=$1 -c $PWD/f.c -o $2; }
        map none plain.o; map zlib packed.o; cp plain.o $t/plain.o; cp packed.o $t/packed.o
        for n in $(seq 80); do echo \"int function_number_$n(void) { return $n; }\"; done >> f.c
        gcc -shared -g -gdwarf-4 -gz=zlib -ffile-prefix-map=$PWD=/home/ada/src -fPIC $PWD/f.c -o $t/packed.so
        cp packed.o object-with-a-long-name.o; ar rc $t/lib.a object-with-a-long-name.o
        echo 'p = \"/home/ada/x\"' > m.py; python3 -c 'import py_compile,sys; py_compile.compile(\"m.py\", cfile=\"m.pyc\")'
        cp m.pyc $t/m.pyc; zip -q inner.jar m.py; zip -q $t/outer.whl inner.jar
        printf '/home/ada/x' | iconv -t UTF-32LE > $t/wide32; printf '/home/ada/x' | iconv -t UTF-16BE > $t/wide16
        printf 'char *p = \"/home\" \"/ada/x\";\\nq = \"/ho\\\\\\nme/ada\";\\n' > $t/split.c",
    );
    let json = json(&world, &[]);
    let all = json["findings"].as_array().unwrap().iter();
    let all = all.filter(|one| one["check"].as_str().unwrap().starts_with("residue"));
    let messages: Vec<String> = all
        .map(|one| {
            let message = one["message"].as_str().unwrap().split(": the path is there").next().unwrap();
            let (message, times) = message.rsplit_once(", ").unwrap_or((message, ""));
            let message = if times.ends_with(" times") { message.to_owned() } else { format!("{message}, {times}") };
            // Which of its sections a compiler writes a name to depends on its version.
            let message = message.replace(".debug_line_str", ".debug_str").replace(".debug_line:", ".debug_str:");
            format!("{}: {}", one["file"].as_str().unwrap(), message.trim_end_matches(", "))
        })
        .collect();
    let home = "holds the home folder /home/ada";
    let expected = [
        ("lib.a", "object-with-a-long-name.o: .debug_str: ", ""),
        ("m.pyc", "", ""),
        ("outer.whl", "inner.jar: m.py: ", ""),
        ("packed.o", ".debug_str: ", ""),
        ("packed.so", ".debug_str: ", ""),
        ("plain.o", "", ""),
        ("split.c", "", ", split over strings"),
        ("wide16", "", ", as UTF-16"),
        ("wide32", "", ", as UTF-32"),
    ];
    for (file, member, form) in expected {
        let line = format!("{file}: {member}{home}{form}");
        assert!(messages.contains(&line), "{line} in {messages:#?}");
    }
    let others = messages.iter().filter(|one| !expected.iter().any(|(file, ..)| one.starts_with(&format!("{file}:"))));
    assert_eq!(others.count(), 0, "{messages:#?}");
}

#[test]
fn a_limit_names_files_and_functions_as_the_report_does() {
    let world = World::new();
    world.shell(
        "mkdir bin; echo '#include <threads.h>
        int main(void) { return thrd_sleep(0, 0); }' > m.c; gcc m.c -o bin/new; rm m.c",
    );
    let json = json(&world, &["--max", "GLIBC_2.27"]);
    let all = findings(&json, "floor-max");
    assert_eq!(all, ["floor-max bin/new: needs GLIBC_2.34, more than GLIBC_2.27"]);
    let tree = world.tree();
    let run = world.run_in(&world.root(), &["audit", tree.to_str().unwrap(), "--max", "GLIBC_2.27"]).exits(7);
    let line = run.stdout.lines().find(|line| line.contains("floor-max")).unwrap();
    assert!(line.contains("thrd_sleep@GLIBC_2.28") || line.contains("thrd_sleep@GLIBC_2.34"), "{line}");
    assert!(run.stdout.contains("(manylinux_2_34_x86_64)"), "{}", run.stdout);
}

/// A large file must need no more memory than a small one, and say the same.
#[test]
fn large_files_are_read_in_windows() {
    let world = World::new().with("HOME", "/home/ada");
    world.shell(&format!(
        "{GCC}echo 'int g(void) {{ return 1; }}' > g.c; so libg.so g.c
            echo '#include <stdio.h>
            int g(void); int f(void) {{ return printf(\"x\") + g(); }}' > f.c
            gcc -g -gz=zlib -shared -fPIC f.c lib/libg.so -Wl,-rpath,'$ORIGIN' -Wl,--build-id -o lib/small.so
            truncate -s 300M zeros; printf ' /home/ada/x' >> zeros
            objcopy --add-section .big=zeros lib/small.so lib/big.so; gzip -1 -c zeros > zeros.gz; rm *.c
            truncate -s 260M text; tr '\\0' 'x' < text > long.txt; printf ' /home/ada/x' >> long.txt; rm text"
    ));
    let tree = world.tree();
    let program = env!("CARGO_BIN_EXE_tagalong");
    let mut command = world.command("/usr/bin/time", &world.root());
    command.args(["-f", "%M", program, "audit", tree.to_str().unwrap(), "--json"]).env("TAGALONG_JOBS", "2");
    let output = command.output().unwrap();
    let peak: u64 = String::from_utf8(output.stderr).unwrap().trim().lines().last().unwrap().parse().unwrap();
    assert!(peak < 150_000, "{peak} kB");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = |name: &str| {
        let mut file = json["files"].as_array().unwrap().iter().find(|file| file["path"] == name).unwrap().clone();
        file["path"] = Value::Null;
        let text = file.to_string().replace("big.so", "small.so");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(file("lib/big.so"), file("lib/small.so"));
    assert!(file("lib/big.so")["floor"]["GLIBC"].is_string());
    let found: Vec<String> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["level"] != "note")
        .map(|one| format!("{} {}", one["check"].as_str().unwrap(), one["file"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        ["residue-home lib/big.so", "residue-home long.txt", "residue-home zeros", "residue-home zeros.gz",]
    );
}

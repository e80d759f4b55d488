//! Each rule of the loader on files that gcc made: `audit` says what `LD_DEBUG=libs` shows, path and rule.

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use world::World;

/// Name, real path, and the rule that led there.
type Led = (String, String, &'static str);

fn tree(world: &World) -> PathBuf {
    world.root().join("tree")
}

fn shell(world: &World, script: &str) {
    fs::create_dir_all(tree(world)).unwrap();
    let script = script.replace("{T}", tree(world).to_str().unwrap());
    let output = world.command("sh", &tree(world)).args(["-e", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

fn real(path: &str) -> String {
    fs::canonicalize(path).map_or_else(|_| "not found".to_owned(), |path| path.to_str().unwrap().to_owned())
}

/// What the loader says that it does for a program: the last file tried for each name, and from which list.
fn told_by_loader(program: &Path) -> BTreeSet<Led> {
    let output = Command::new(program)
        .env_clear()
        .envs([("LD_DEBUG", "libs"), ("LD_TRACE_LOADED_OBJECTS", "1")])
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let mut all = BTreeSet::new();
    let (mut name, mut rule) = (String::new(), "missing");
    for line in text.lines().filter_map(|line| line.split_once(":\t")).map(|(_, line)| line.trim()) {
        if let Some(rest) = line.strip_prefix("find library=") {
            name = rest.split(' ').next().unwrap().to_owned();
            all.insert((name.clone(), "not found".to_owned(), "missing"));
        } else if line.starts_with("search cache=") {
            rule = "cache";
        } else if line.starts_with("search path=") {
            rule = match line.rsplit_once('(').unwrap().1 {
                from if from.starts_with("RPATH") => "rpath",
                from if from.starts_with("RUNPATH") => "runpath",
                "system search path)" => "default",
                from => panic!("{from}"),
            };
        } else if let Some(path) = line.strip_prefix("trying file=")
            && Path::new(path).exists()
        {
            all.retain(|(known, _, rule)| *known != name || *rule != "missing");
            all.insert((name.clone(), real(path), rule));
        }
    }
    // What the cache leads to is shown also where DF_1_NODEFLIB forbids it then.
    for name in String::from_utf8(output.stdout).unwrap().lines().filter_map(|line| line.strip_suffix(" => not found"))
    {
        all.retain(|(known, ..)| known != name.trim());
        all.insert((name.trim().to_owned(), "not found".to_owned(), "missing"));
    }
    all
}

/// What the audit says; names that are loaded already are not looked for, nor are paths.
fn told_by_audit(world: &World, program: &Path) -> BTreeSet<Led> {
    let run = world.run_in(&world.root(), &["audit", program.to_str().unwrap(), "--tree"]);
    let text = run.stdout.replace("[WORLD]", world.root().to_str().unwrap());
    let folder = program.parent().unwrap();
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" => ")?;
            let (aim, rule) = rest.rsplit_once(" (")?;
            let rules = ["rpath", "runpath", "cache", "default", "missing"];
            let rule = rules.into_iter().find(|known| rule.trim_end_matches(')') == *known)?;
            Some((name.to_owned(), real(folder.join(aim).to_str().unwrap()), rule))
        })
        .collect()
}

const LIBRARY: &str = "lib() { n=$1; d=$2; shift 2; mkdir -p $d; echo \"int $n(void) { return 1; }\" > $n.c
    gcc -shared -fPIC $n.c -Wl,-soname,lib$n.so -Wl,--no-as-needed -o $d/lib$n.so \"$@\"; rm $n.c; }
    prog() { o=$1; shift; mkdir -p bin; echo 'int main(void) { return 0; }' > m.c
    gcc m.c -o $o -Wl,--no-as-needed -Wl,--allow-shlib-undefined \"$@\"; rm m.c; }\n";

#[test]
fn each_rule_leads_where_ld_debug_says() {
    let rpath = "-Wl,--disable-new-dtags,-rpath";
    let runpath = "-Wl,--enable-new-dtags,-rpath";
    let triple = "x86_64-linux-gnu";
    for (name, script) in [
        (
            "rpath is inherited",
            format!("lib b lib; lib a lib lib/libb.so; prog bin/p lib/liba.so {rpath},'$ORIGIN/../lib'"),
        ),
        (
            "runpath is not",
            format!("lib b lib; lib a lib lib/libb.so; prog bin/p lib/liba.so {runpath},'$ORIGIN/../lib'"),
        ),
        (
            "rpath is not searched for an object with a runpath",
            format!(
                "lib b two; lib a lib two/libb.so {runpath},/nowhere; prog bin/p lib/liba.so {rpath},'$ORIGIN/../lib:$ORIGIN/../two'"
            ),
        ),
        (
            // The loader shows a folder under the list that had it first, so the two are written differently.
            "an ancestor with a runpath is passed over",
            format!(
                "lib c two; lib b lib two/libc.so; lib a lib lib/libb.so {runpath},'$ORIGIN/.'; prog bin/p lib/liba.so {rpath},'$ORIGIN/../lib:$ORIGIN/../two'"
            ),
        ),
        ("origin in braces", format!("lib a lib; prog bin/p lib/liba.so {runpath},'${{ORIGIN}}/../lib'")),
        ("lib", format!("lib a lib/{triple}; prog bin/p lib/{triple}/liba.so {runpath},'$ORIGIN/../$LIB'")),
        ("platform", format!("lib a lib/x86_64; prog bin/p lib/x86_64/liba.so {runpath},'$ORIGIN/../lib/$PLATFORM'")),
        (
            "hwcaps",
            format!(
                "lib a lib; mkdir -p lib/glibc-hwcaps/x86-64-v2; cp lib/liba.so lib/glibc-hwcaps/x86-64-v2; prog bin/p lib/liba.so {runpath},'$ORIGIN/../lib'"
            ),
        ),
        (
            "only in hwcaps",
            format!(
                "lib a lib/glibc-hwcaps/x86-64-v2; prog bin/p lib/glibc-hwcaps/x86-64-v2/liba.so {runpath},'$ORIGIN/../lib'"
            ),
        ),
        // glibc before 2.37 looks there too; whichever it is, the audit says the same.
        (
            "folders that glibc gave up",
            format!(
                "lib a lib; lib b lib; mkdir -p lib/tls/x86_64 lib/x86_64; cp lib/liba.so lib/tls; cp lib/libb.so lib/x86_64; cp lib/libb.so lib/tls/x86_64; prog bin/p lib/liba.so lib/libb.so {runpath},'$ORIGIN/../lib'"
            ),
        ),
        (
            "loaded by its soname",
            format!(
                "lib b two; lib a lib two/libb.so; cp two/libb.so two/other.so; ln -s other.so two/alias.so; prog bin/p two/other.so lib/liba.so {runpath},'$ORIGIN/../two:$ORIGIN/../lib'"
            ),
        ),
        (
            "no default folders",
            format!("lib a lib -Wl,-z,nodefaultlib -lm; prog bin/p lib/liba.so {runpath},'$ORIGIN/../lib'"),
        ),
        ("missing", "lib a lib; prog bin/p lib/liba.so; rm lib/liba.so".to_owned()),
        ("only by luck", "lib a lib; prog bin/p lib/liba.so".to_owned()),
        (
            "another machine",
            format!(
                "lib a lib; mkdir bad; cp lib/liba.so bad; printf '\\267' | dd of=bad/liba.so bs=1 seek=18 conv=notrunc status=none; prog bin/p lib/liba.so {runpath},'$ORIGIN/../bad:$ORIGIN/../lib'"
            ),
        ),
        ("a slash at the end", format!("lib a lib; prog bin/p lib/liba.so {runpath},'/nowhere/:$ORIGIN/../lib/'")),
        (
            "with a slash",
            "lib s lib; sed -i s/libs.so/././././ lib/libs.so; prog bin/p {T}/lib/libs.so"
                .replace("sed -i s/libs.so/././././ lib/libs.so; ", ""),
        ),
    ] {
        let world = World::new();
        shell(&world, &format!("{LIBRARY}{script}"));
        let program = tree(&world).join("bin/p");
        let mut expected = told_by_loader(&program);
        if name == "another machine" {
            // It is tried, and passed over.
            expected.retain(|(_, path, _)| !path.contains("/bad/"));
        }
        assert_eq!(told_by_audit(&world, &program), expected, "{name}");
    }
}

#[test]
fn the_cache_of_another_root_is_read_and_without_one_its_configuration() {
    let world = World::new();
    shell(
        &world,
        &format!(
            "{LIBRARY}r={{T}}/../root; mkdir -p $r/opt/one $r/opt/two $r/etc/ld.so.conf.d $r/opt/app/bin
            lib a $r/opt/two; cp $r/opt/two/liba.so $r/opt/one; prog $r/opt/app/bin/p $r/opt/two/liba.so
            echo 'include ld.so.conf.d/*.conf' > $r/etc/ld.so.conf; echo /opt/one > $r/etc/ld.so.conf.d/b.conf
            echo /opt/two > $r/etc/ld.so.conf.d/a.conf; /sbin/ldconfig -r $r; /sbin/ldconfig -r $r -p > cache"
        ),
    );
    let cache = fs::read_to_string(tree(&world).join("cache")).unwrap();
    let line = cache.lines().find(|line| line.trim().starts_with("liba.so ")).unwrap();
    let expected = line.split(" => ").nth(1).unwrap();
    let root = world.root().join("root");
    let app = root.join("opt/app");
    for has_cache in [true, false] {
        if !has_cache {
            fs::remove_file(root.join("etc/ld.so.cache")).unwrap();
        }
        let arguments = ["audit", app.to_str().unwrap(), "--json", "--root", root.to_str().unwrap()];
        let json = world.run_in(&world.root(), &arguments).exits(7).json();
        let needed = &json["files"][0]["needed"][0];
        assert_eq!(
            *needed,
            serde_json::json!({"name": "liba.so", "found": expected, "where": "cache", "by": "bin/p"}),
            "cache: {has_cache}"
        );
        // The root has no C library.
        assert_eq!(json["files"][0]["needed"][1]["where"], "missing");
    }
}

#[test]
fn a_plugin_is_judged_with_the_programs_that_may_open_it() {
    for (name, flags, is_linked, expected) in [
        ("rpath", "-Wl,--disable-new-dtags", false, Some("loader-inherited")),
        ("runpath", "-Wl,--enable-new-dtags", false, Some("loader-luck")),
        ("loaded by the program", "-Wl,--enable-new-dtags", true, Some("loader-inherited")),
    ] {
        let world = World::new();
        let linked = if is_linked { "lib/libx.so" } else { "" };
        shell(
            &world,
            &format!(
                "{LIBRARY}mkdir bin; lib x lib; lib plugin plugins lib/libx.so
                echo '#include <dlfcn.h>
                int main(void) {{ return !dlopen(\"{{T}}/plugins/libplugin.so\", RTLD_NOW); }}' > m.c
                gcc m.c -o bin/p -Wl,--no-as-needed {linked} {flags},-rpath,'$ORIGIN/../lib'; rm m.c"
            ),
        );
        let works = Command::new(tree(&world).join("bin/p")).env_clear().status().unwrap().success();
        assert_eq!(works, expected != Some("loader-luck"), "{name}");
        let json = world.run_in(&world.root(), &["audit", tree(&world).to_str().unwrap(), "--json"]).json();
        let findings = json["findings"].as_array().unwrap();
        let of_plugin = findings.iter().filter(|one| one["file"] == "plugins/libplugin.so");
        let found: Vec<_> =
            of_plugin.filter_map(|one| one["check"].as_str()).filter(|check| check.starts_with("loader")).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

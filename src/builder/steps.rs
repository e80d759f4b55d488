//! The steps of each build system, as shell scripts with their names. Pure.
//!
//! Does not run them (`package.rs` does) and knows no paths of its own: the scene gives them.

use crate::builder::host_files::INCLUDED;
use crate::model::recipe::{BuildSystem, Recipe};

/// Where a build happens, as its steps see it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The placeholder, where needs lie and the package goes.
    pub prefix: String,
    /// The folder that the sources are unpacked in.
    pub source: String,
    /// A folder beside it for builds out of the source.
    pub out: String,
    /// The jobs that a program may start that does not know make's jobserver.
    pub jobs: u32,
    /// What the compilers are told beyond the usual.
    pub flags: String,
}

/// One step: a name for the log, and a script for `sh -e`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub script: String,
}

/// The steps that build and install a recipe.
pub fn steps(recipe: &Recipe, scene: &Scene) -> Vec<Step> {
    let build = &recipe.build;
    let mut steps = Vec::new();
    let mut add = |name, lines: &[String]| {
        if !lines.is_empty() {
            steps.push(Step { name, script: lines.join("\n") });
        }
    };
    let fill = |texts: &[String]| texts.iter().map(|text| replace(text, recipe, scene)).collect::<Vec<_>>();
    let words = |texts: &[String]| quoted(&fill(texts));
    let (options, targets) = (words(&build.options), words(&build.targets));
    let install = if build.install_targets.is_empty() { "install".to_owned() } else { words(&build.install_targets) };
    let (prefix, out) = (quote(&scene.prefix), quote(&scene.out));
    let make = if build.jobs == Some(1) { "make -j1" } else { "make" };
    add("prepare", &fill(&build.before));
    match build.system {
        BuildSystem::Autotools => {
            let line = format!("./configure --prefix={prefix} --libdir={prefix}/lib {options}");
            add("configure", &[line]);
            add("build", &[format!("{make} {targets}")]);
            add("install", &[format!("{make} {install}")]);
        }
        BuildSystem::Cmake => {
            add("configure", &[cmake_line(&prefix, &out, &options)]);
            add("build", &[format!("{make} -C {out} {targets}")]);
            add("install", &[format!("{make} -C {out} {install}")]);
        }
        BuildSystem::Meson => {
            let line = format!(
                "meson setup {out} . --prefix={prefix} --libdir=lib --buildtype=release --wrap-mode=nodownload {options}"
            );
            add("configure", &[line]);
            add("build", &[format!("ninja -C {out} -j {} {targets}", scene.jobs)]);
            add("install", &[format!("ninja -C {out} {install}")]);
        }
        BuildSystem::Make => {
            add("build", &[format!("{make} {options} {targets}")]);
            add("install", &[format!("{make} {options} {install}")]);
        }
        BuildSystem::Python => {
            let pip = "python3 -m pip install --no-index --no-deps --no-build-isolation --no-compile";
            add("install", &[format!("{pip} --prefix={prefix} {options} .")]);
        }
        BuildSystem::Cargo => {
            add("install", &[format!("cargo install --offline --no-track --root {prefix} --path . {options}")]);
        }
        BuildSystem::Prebuilt => add("install", &[format!("mkdir -p {prefix} && cp -a . {prefix}/")]),
        BuildSystem::Script => add("script", &fill(&build.script)),
    }
    add("finish", &fill(&build.after));
    steps
}

fn cmake_line(prefix: &str, out: &str, options: &str) -> String {
    let settings = [
        "-DCMAKE_BUILD_TYPE=Release".to_owned(),
        format!("-DCMAKE_INSTALL_PREFIX={prefix}"),
        // Typed: without PATH a project's own cache entry makes it absolute (cmake(1), -D).
        "-DCMAKE_INSTALL_LIBDIR:PATH=lib".to_owned(),
        format!("-DCMAKE_INSTALL_RPATH={prefix}/lib"),
        "-DCMAKE_INSTALL_RPATH_USE_LINK_PATH=ON".to_owned(),
        format!("-DCMAKE_PREFIX_PATH={prefix}"),
        // The registry in the user's home is no declared input.
        "-DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF".to_owned(),
        "-DCMAKE_POLICY_VERSION_MINIMUM=3.5".to_owned(),
        "-DBUILD_SHARED_LIBS=ON".to_owned(),
        "-DCMAKE_POSITION_INDEPENDENT_CODE=ON".to_owned(),
    ];
    format!("cmake -S . -B {out} -G 'Unix Makefiles' {} {options}", settings.join(" "))
}

/// Replaces `{prefix}`, `{version}`, `{name}` and `{jobs}`; the shell's own `${prefix}` stays.
pub fn replace(text: &str, recipe: &Recipe, scene: &Scene) -> String {
    let jobs = scene.jobs.to_string();
    let values: [(&str, &str); 4] = [
        ("{prefix}", &scene.prefix),
        ("{version}", &recipe.version),
        ("{name}", recipe.name.as_str()),
        ("{jobs}", &jobs),
    ];
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        replaced.push_str(before);
        let value = values.iter().find(|(word, _)| from.starts_with(word) && !before.ends_with('$'));
        let (written, taken) = value.map_or(("{", 1), |(word, value)| (*value, word.len()));
        replaced.push_str(written);
        rest = &from[taken..];
    }
    replaced + rest
}

/// One word for sh(1), whatever it holds.
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=+:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// The environment of every step, by name: nothing of the caller's.
pub fn environment(recipe: &Recipe, scene: &Scene, home: &str, build_folder: &str) -> Vec<(String, String)> {
    let prefix = &scene.prefix;
    let has_debug = recipe.build.has_debug();
    let level = if has_debug { "-g" } else { "-g0" };
    let mut flags = format!("-O2 {level} -fPIC -ffile-prefix-map={build_folder}=. {}", scene.flags);
    if has_debug {
        flags = format!("{} {}", flags.trim_end(), debug_paths(recipe, scene, build_folder));
    }
    // Debug information is found by the build id.
    let build_id = if has_debug { " -Wl,--build-id=sha1" } else { "" };
    let pkg_config = format!("{prefix}/lib/pkgconfig:{prefix}/share/pkgconfig");
    let mut variables: Vec<(String, String)> = [
        ("PATH", format!("{prefix}/bin:{PROGRAM_FOLDERS}")),
        ("HOME", home.to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH.to_owned()),
        ("CFLAGS", flags.clone()),
        ("CXXFLAGS", flags),
        ("CPPFLAGS", format!("-I{prefix}/include")),
        ("LDFLAGS", format!("-L{prefix}/lib -Wl,-rpath,{prefix}/lib{build_id}")),
        ("LD_RUN_PATH", format!("{prefix}/lib")),
        ("PKG_CONFIG_PATH", pkg_config.clone()),
        // Without it the `.pc` files of the builder's own libraries are found.
        ("PKG_CONFIG_LIBDIR", pkg_config),
        ("CMAKE_PREFIX_PATH", prefix.clone()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PREFIX", prefix.clone()),
        (INCLUDED_BY, format!("{build_folder}/{INCLUDED}")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    if has_debug {
        // What strips before the split leaves nothing to split.
        variables.extend(["STRIP", "STRIPPROG"].map(|name| (name.to_owned(), "true".to_owned())));
    }
    if has_debug && recipe.build.system == BuildSystem::Cargo {
        let flags =
            format!("--remap-path-prefix={build_folder}={} -Clink-arg=-Wl,--build-id=sha1", shown_source(recipe));
        variables.push(("CARGO_PROFILE_RELEASE_DEBUG".to_owned(), "true".to_owned()));
        variables.push(("RUSTFLAGS".to_owned(), flags));
    }
    for (name, value) in &recipe.build.env {
        let value = replace(value, recipe, scene);
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => variables.push((name.clone(), value)),
        }
    }
    variables.sort();
    variables
}

/// Where debug information says that the build folder of a package was: the sources are in `src` there.
fn shown_source(recipe: &Recipe) -> String {
    format!("{SHOWN_SOURCES}/{}-{}", recipe.name, recipe.version)
}

/// What compilers write into debug information in place of the build's own paths. The prefix too is another one there:
/// a debugger compares a checksum of the whole file, so that nothing in it can be replaced at an install. Of several
/// flags that fit gcc takes the last, so these come last.
fn debug_paths(recipe: &Recipe, scene: &Scene, build_folder: &str) -> String {
    let pairs = [(scene.prefix.as_str(), format!("{SHOWN_SOURCES}/prefix")), (build_folder, shown_source(recipe))];
    pairs.map(|(from, to)| format!("-fdebug-prefix-map={from}={to}")).join(" ")
}

/// The folder that debug information says all sources are in: where distributions put theirs.
const SHOWN_SOURCES: &str = "/usr/src/debug";

/// Has compilers write what they include.
pub const INCLUDED_BY: &str = "SUNPRO_DEPENDENCIES";

/// Where the builder's own programs are looked for.
pub const PROGRAM_FOLDERS: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The clock of reproducible builds: 2020-09-13, later than the format's lowest (zip: 1980).
pub const SOURCE_DATE_EPOCH: &str = "1600000000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell_only_where_they_must_be() {
        assert_eq!(quote("-DX=/a/b"), "-DX=/a/b");
        assert_eq!(quote("a b'c"), "'a b'\\''c'");
        assert_eq!(quote(""), "''");
    }
}

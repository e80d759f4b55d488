//! `tagalong recipe import`: recipes of other systems become recipes here, and every line that cannot is told.

mod world;

use std::fs;

use world::World;

/// Puts a file of another system into the world's folder `old/`.
fn old(world: &World, path: &str, text: &str) -> String {
    let path = world.root().join("old").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const HDF5: &str = r#"DEP_NAME="hdf5-1.8.11"
DEP_EXT="tar.gz"
EXTRACT_COMMAND="tar -xzf $DEP_NAME.$DEP_EXT"
CONFIGURE_COMMAND="./configure --prefix=$INSTALL_PREFIX --libdir=$INSTALL_PREFIX/lib --with-zlib"
MAKE_COMMAND="make -j$NUM_CORES"
INSTALL_COMMAND="make install"
"#;

#[test]
fn a_build_config_becomes_a_recipe_that_is_right() {
    let world = World::new();
    let file = old(&world, "hdf5/build.config", HDF5);
    let why = "the format names no address and no digest: put the archive beside the recipe, or write `url` and `sha256` in place of `path`";
    world.run_with(&["recipe", "import", &file]).prints(&format!(
        "build.config:1: DEP_NAME=\"hdf5-1.8.11\": {why}\n\
         wrote extern-recipes/hdf5/recipe.toml: hdf5 1.8.11 from karabo; 1 line not carried\n"
    ));
    let expected = format!(
        r#"# Imported from build.config.
name = "hdf5"
version = "1.8.11"
license = "LicenseRef-unknown"  # put the SPDX id here
needs = []
tools = ["make"]

[[source]]
path = "hdf5-{{version}}.tar.gz"

[build]
system = "autotools"
options = ["--with-zlib"]

# Not carried:
# build.config:1: DEP_NAME="hdf5-1.8.11"
#     {why}
"#
    );
    assert_eq!(world.read("extern-recipes/hdf5/recipe.toml"), expected);
    world.write("extern-recipes/hdf5/hdf5-1.8.11.tar.gz", "");
    world.run("recipe check").prints("no mistakes in 1 recipe\n");
    world.run_with(&["recipe", "import", &file]).fails(
        2,
        "error: there is a recipe already: `[WORLD]/checkout/extern-recipes/hdf5/recipe.toml`\n  why: nothing is written over unless that is asked for\n next: give it another name with `--to NAME`, or write over it with `--force`\n",
    );
    world.run_with(&["recipe", "import", &file, "--force", "--version", "1.9"]).succeeds();
    assert!(world.read("extern-recipes/hdf5/recipe.toml").contains("version = \"1.9\"\n"));
}

#[test]
fn a_build_config_is_read_and_never_run() {
    let world = World::new();
    let mark = world.root().join("mark").display().to_string();
    let text = format!(
        "DEP_NAME=\"boost_1_66_0\"\nDEP_EXT=tar\ntouch {mark}\nX=$(touch {mark})\nY=`touch {mark}`\n\
         if [ \"$(uname -s)\" == \"Darwin\" ]; then\n  LIBS=\"none\"\nelse\n  LIBS=\"chrono,fiber\"\nfi\n\
         if [ \"$DISTRO_ID\" = \"Ubuntu\" ]; then\n  MAKE_COMMAND=\"other\"\nfi\n\
         CONFIGURE_COMMAND=\"ln -s a b; ./bootstrap.sh --prefix=$INSTALL_PREFIX --with-libraries=$LIBS $CWD\"\n\
         INSTALL_COMMAND='cp $(cut -d: -f6 BIN) $INSTALL_PREFIX/bin'\n"
    );
    let file = old(&world, "boost/build.config", &text);
    let json = world.run_with(&["recipe", "import", &file, "--json"]).succeeds().json();
    assert!(!world.root().join("mark").exists());
    let lines: Vec<u64> = json["lost"].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 3, 4, 5, 11, 12, 14]);
    assert_eq!(json["lost"][6]["why"], "`$CWD` is not set when it is built");
    let recipe = world.read("extern-recipes/boost/recipe.toml");
    let script = "script = [\n    \"ln -s a b; ./bootstrap.sh --prefix={prefix} --with-libraries=chrono,fiber $CWD\",\n    \
                  \"cp $(cut -d: -f6 BIN) {prefix}/bin\",\n]\n";
    assert!(recipe.contains(script), "{recipe}");
    assert!(recipe.contains("version = \"1.66.0\"\n") && recipe.contains("path = \"boost_1_66_0.tar\"\n"), "{recipe}");
    let custom = "CUSTOM_BUILD=y\nCWD=$(pwd)\ndpkg -L libblas3gf > $CWD/libs.txt\ncp -a x $INSTALL_PREFIX/lib\n";
    let file = old(&world, "lapack/build.config", custom);
    world.run_with(&["recipe", "import", &file, "--version", "1"]).prints(
        "build.config:3: dpkg -L libblas3gf > $CWD/libs.txt: it takes what the host has; a build here has no package manager to ask\n\
         wrote extern-recipes/lapack/recipe.toml: lapack 1 from karabo; 1 line not carried\n",
    );
    let recipe = world.read("extern-recipes/lapack/recipe.toml");
    assert!(recipe.contains("env = { INSTALL_PREFIX = \"{prefix}\", NUM_CORES = \"{jobs}\" }\n"), "{recipe}");
}

const META: &str = r#"{% set version = "1.6.34" %}
{% set major = ".".join(version.split(".")[:2]) %}

package:
  name: LibPNG
  version: {{ version }}

source:
  url: http://download.example.org/libpng/libpng-{{ version }}.tar.gz
  sha256: 574623a4901a9969080ab4a2df9437026c8a87150dfd5c235e28c94b212964a7
  patches:
    - patches/here.patch
    - gone.patch  # [linux]
    - ../out.patch
    - win.patch  # [win]

build:
  number: 2
  run_exports:
    - {{ pin_subpackage('libpng', max_pin='x.x') }}

requirements:
  build:
    - {{ compiler('c') }}
    - cmake  # [win]
    - libtool  # [not win]
  host:
    - zlib >=1.2
    - foo  # [py<39]

test:
  commands:
    - test -f ${PREFIX}/lib/libpng.so  # [linux]
    - conda inspect linkages -p $PREFIX $PKG_NAME  # [not win]

about:
  home: http://www.libpng.org/pub/png/libpng.html
  license: zlib/libpng
  license_file: LICENSE
  summary: 'PNG reference library.'
"#;

#[test]
fn a_meta_yaml_is_carried_with_its_patches_and_its_build_script() {
    let world = World::new();
    let file = old(&world, "png/meta.yaml", META);
    old(&world, "png/patches/here.patch", "a patch\n");
    old(&world, "out.patch", "outside\n");
    old(&world, "png/build.sh", "#!/bin/bash\n./configure --prefix=$PREFIX\nmake -j${CPU_COUNT}\ncp $RECIPE_DIR/x .\n");
    let run = world.run_with(&["recipe", "import", &file]).succeeds();
    let expected = r#"meta.yaml:2: {% set major = ".".join(version.split(".")[:2]) %}: the value of this variable cannot be told without running Jinja
meta.yaml:13: - gone.patch  # [linux]: the patch cannot be taken over: it is not there
meta.yaml:14: - ../out.patch: the patch cannot be taken over: it does not lie below the folder of the file
meta.yaml:19: run_exports:: what needs this recipe says so itself, in `needs`
meta.yaml:20: - {{ pin_subpackage('libpng', max_pin='x.x') }}: what needs this recipe says so itself, in `needs`
meta.yaml:24: - {{ compiler('c') }}: the compiler is the one of the builder
meta.yaml:28: - zlib >=1.2: needs have no versions here: `>=1.2` is what its own recipe says
meta.yaml:29: - foo  # [py<39]: its selector cannot be judged; write it as `[[when]]`
meta.yaml:34: - conda inspect linkages -p $PREFIX $PKG_NAME  # [not win]: there is no conda to ask; `tagalong audit` checks the libraries
meta.yaml:38: license: zlib/libpng: the licence is no SPDX expression
meta.yaml:39: license_file: LICENSE: the recipe says `license` only
build.sh:1: #!/bin/bash: steps are run by `sh -e`; what only bash knows must be written anew
build.sh:4: cp $RECIPE_DIR/x .: conda's `$RECIPE_DIR` is not set when it is built
wrote extern-recipes/libpng/recipe.toml: libpng 1.6.34 from conda, 1 patch; 13 lines not carried
its needs have no recipe yet: zlib
"#;
    assert_eq!(run.stdout, expected);
    assert_eq!(world.read("extern-recipes/libpng/patches/here.patch"), "a patch\n");
    let recipe = world.read("extern-recipes/libpng/recipe.toml");
    let (recipe, _) = recipe.split_once("\n# Not carried:\n").unwrap();
    let expected = r#"# Imported from meta.yaml.
name = "libpng"
version = "1.6.34"
license = "LicenseRef-unknown"  # put the SPDX id here
homepage = "http://www.libpng.org/pub/png/libpng.html"
summary = "PNG reference library."
needs = ["zlib"]
tools = ["libtoolize", "make"]

[[source]]
url = "http://download.example.org/libpng/libpng-{version}.tar.gz"
sha256 = "574623a4901a9969080ab4a2df9437026c8a87150dfd5c235e28c94b212964a7"
patches = ["patches/here.patch"]

[build]
system = "script"
script = [
    "./configure --prefix=$PREFIX",
    "make -j${CPU_COUNT}",
    "cp $RECIPE_DIR/x .",
]
env = { CPU_COUNT = "{jobs}" }

[[test]]
run = "test -f {prefix}/lib/libpng.so"
"#;
    assert_eq!(recipe, expected);
}

#[test]
fn a_recipe_yaml_of_rattler_build_is_carried() {
    let world = World::new();
    let text = r#"schema_version: 1
context:
  name: ZLib
  version: "1.3.1"
package:
  name: ${{ name|lower }}
  version: ${{ version }}
source:
  - url: https://example.org/${{ name }}-${{ version }}.tar.gz
    sha256: 9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23
build:
  number: 0
  script:
    - if: unix
      then:
        - ./configure --prefix=$PREFIX
        - make install
      else: nmake
requirements:
  build:
    - ${{ compiler('c') }}
    - make
  run:
    - if: cuda_version == "12"
      then: cuda
tests:
  - script:
      - test -e $PREFIX/lib/libz.so
about:
  homepage: https://zlib.net
  license: Zlib
"#;
    let file = old(&world, "z/recipe.yaml", text);
    let recipe = world.run_with(&["recipe", "import", &file, "--dry-run"]).succeeds().stdout;
    let expected = r#"# Imported from recipe.yaml.
name = "zlib"
version = "1.3.1"
license = "Zlib"
homepage = "https://zlib.net"
needs = []
tools = ["make"]

[[source]]
url = "https://example.org/ZLib-{version}.tar.gz"
sha256 = "9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23"

[build]
system = "script"
script = [
    "./configure --prefix=$PREFIX",
    "make install",
]

[[test]]
run = "test -e {prefix}/lib/libz.so"

# Not carried:
# recipe.yaml:21: - ${{ compiler('c') }}
#     the compiler is the one of the builder
# recipe.yaml:24: - if: cuda_version == "12"
#     its condition cannot be judged; write it as `[[when]]`
# recipe.yaml:25: then: cuda
#     its condition cannot be judged; write it as `[[when]]`
"#;
    assert_eq!(recipe, expected);
    assert!(!world.checkout().join("extern-recipes").exists());
}

#[test]
fn a_hashdist_package_is_carried_and_update_finds_its_digest() {
    let world = World::new();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    builder.append_data(&mut header, "hdf5/none", std::io::empty()).unwrap();
    let bytes = builder.into_inner().unwrap();
    fs::write(world.root().join("hdf5-1.8.11.tar"), &bytes).unwrap();
    let text = format!(
        "extends: [autotools_package]\ndependencies:\n  build: [mpi, zlib, cmake]\n  run: [zlib]\nsources:\n\
         - url: file://{}/hdf5-1.8.11.tar\n  key: tar.bz2:l2q3vax4o42q5zriw6k243w6ax7ov4og\n\
         defaults:\n  relocatable: false\nbuild_stages:\n- name: fix\n  before: configure\n  handler: bash\n  \
         bash: |\n    autoconf\n- when: platform == 'Cygwin'\n  name: configure\n  extra: ['--static']\n\
         - name: configure\n  extra: ['--with-zlib=${{ZLIB_DIR}}', '--with-pthread']\n",
        world.root().display()
    );
    let file = old(&world, "hdf5.yaml", &text);
    let run = world.run_with(&["recipe", "import", &file, "--to", "hdf5-serial"]).succeeds();
    let lines: Vec<&str> = run.stdout.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let expected = ["hdf5.yaml:7", "hdf5.yaml:8", "hdf5.yaml:9", "hdf5.yaml:16", "hdf5.yaml:17", "hdf5.yaml:18"];
    assert_eq!(lines[..6], expected, "{}", run.stdout);
    let recipe = world.read("extern-recipes/hdf5-serial/recipe.toml");
    for part in [
        "needs = [\"mpi\", \"zlib\"]\ntools = [\"cmake\", \"make\", \"autoconf\"]\n",
        "options = [\"--with-zlib={prefix}\", \"--with-pthread\"]\nbefore = [\n    \"autoconf\",\n]\n",
        "sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"",
    ] {
        assert!(recipe.contains(part), "{part}\n{recipe}");
    }
    world.run("recipe update hdf5-serial 1.8.11").succeeds();
    let digest = tagalong::model::digest::Digest::of(&bytes).hex();
    assert!(world.read("extern-recipes/hdf5-serial/recipe.toml").contains(&digest));
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_is_written() {
    let world = World::new();
    world.run("recipe import none/meta.yaml").fails(
        3,
        "error: there is no file `[WORLD]/checkout/none/meta.yaml`\n  why: it is read from the folder that the run works in\n next: name a `build.config`, a `meta.yaml`, a `recipe.yaml` or a HashDist package\n",
    );
    let table: [(&str, &str, i32, &str); 7] = [
        ("README", "hello\n", 2, "is of no format that is known"),
        ("meta.yaml", "package:\n  name: [\n", 7, "is no YAML that can be read"),
        ("meta.yaml", "package:\n  version: 1.0\n", 2, "gives no name for the recipe"),
        ("meta.yaml", "package:\n  name: Lib PNG\n  version: 1\n", 2, "`lib png` is not the name of a recipe"),
        ("recipe.yaml", "package:\n  name: x\n", 2, "tells no version"),
        ("meta.yaml", "package:\n  name: x\n  version: 1 2\nsource:\n  url: ftp://x\n", 7, "`1 2` is not a version"),
        ("meta.yaml", "a: &a [x]\nb: *a\n", 2, "gives no name"),
    ];
    for (name, text, code, part) in table {
        let file = old(&world, name, text);
        let run = world.run_with(&["recipe", "import", &file]).exits(code);
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
    let file = old(&world, "meta.yaml", &format!("package: {}\n", "[".repeat(50_000)));
    world.run_with(&["recipe", "import", &file]).exits(7);
    let doubled = "{% set x = x ~ x %}\n".repeat(60);
    old(&world, "meta.yaml", &format!("{{% set x = 'aaaaaaaa' %}}\n{doubled}package:\n  name: {{{{ x }}}}\n"));
    world.run_with(&["recipe", "import", &file]).exits(2);
    let round = "A=\"$A$B$A$B$A$B$A$B\"\nB=\"$A$A$A$A$A$A\"\nDEP_NAME=x-1.0\nMAKE_COMMAND=\"$A\"\n";
    let config = old(&world, "x/build.config", round);
    world.run_with(&["recipe", "import", &config, "--dry-run"]).succeeds();
    fs::write(world.root().join("old/meta.yaml"), b"package:\n  name: \xff\n").unwrap();
    world.run_with(&["recipe", "import", &file]).exits(2);
    assert!(!world.checkout().join("extern-recipes").exists());
}

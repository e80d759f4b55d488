//! Small recipes for tests: a C library, a program that needs it, and a project around them.

use super::World;

/// A `tagalong.toml` whose channel is a folder of the world and unsigned.
pub const UNSIGNED_PROJECT: &str = r#"[project]
name = "demo"

[[channel]]
name = "main"
url = "file:../channel"
unsigned = true
"#;

impl World {
    /// A project with `libgreet`, a shared library that knows its prefix, and `hello`, a program that needs it.
    pub fn with_greetings(self) -> World {
        self.write("tagalong.toml", UNSIGNED_PROJECT);
        self.write(
            "extern-recipes/libgreet/recipe.toml",
            r#"name = "libgreet"
version = "1.0"
license = "MIT"
tools = ["cc"]

[[source]]
path = "tree"

[build]
system = "make"
options = ["PREFIX={prefix}"]
"#,
        );
        self.write(
            "extern-recipes/libgreet/tree/greet.h",
            "const char *greeting(void);\nconst char *greet_home(void);\n",
        );
        self.write(
            "extern-recipes/libgreet/tree/greet.c",
            "#include \"greet.h\"\nconst char *greeting(void) { return \"hello\"; }\n\
             const char *greet_home(void) { return HOME \"/share/greet\"; }\n",
        );
        self.write(
            "extern-recipes/libgreet/tree/Makefile",
            "all: libgreet.so.1\n\
             libgreet.so.1: greet.c\n\
             \t$(CC) $(CFLAGS) -DHOME='\"$(PREFIX)\"' -shared -Wl,-soname,libgreet.so.1 -o $@ greet.c\n\
             install: all\n\
             \tmkdir -p $(PREFIX)/lib/pkgconfig $(PREFIX)/include $(PREFIX)/share/greet\n\
             \tcp libgreet.so.1 $(PREFIX)/lib/\n\
             \tln -sf $(PREFIX)/lib/libgreet.so.1 $(PREFIX)/lib/libgreet.so\n\
             \tcp greet.h $(PREFIX)/include/\n\
             \techo words > $(PREFIX)/share/greet/words\n\
             \tprintf 'prefix=%s\\nName: greet\\nDescription: g\\nVersion: 1\\nLibs: -L$${prefix}/lib -lgreet\\nCflags: -I$${prefix}/include\\n' $(PREFIX) > $(PREFIX)/lib/pkgconfig/greet.pc\n",
        );
        self.write(
            "extern-recipes/hello/recipe.toml",
            r#"name = "hello"
version = "2.0"
license = "MIT"
needs = ["libgreet"]
tools = ["cc"]

[[source]]
path = "tree"

[build]
system = "script"
script = """
cc $CFLAGS $CPPFLAGS hello.c -o hello $LDFLAGS -lgreet
mkdir -p {prefix}/bin
cp hello {prefix}/bin/
printf '#!{prefix}/bin/hello\\n' > {prefix}/bin/script
chmod +x {prefix}/bin/script
"""

[[test]]
run = "hello | grep -x 'hello from {prefix}/share/greet' || hello | grep 'from /.*{prefix}/share/greet'"
"#,
        );
        self.write(
            "extern-recipes/hello/tree/hello.c",
            "#include <greet.h>\n#include <stdio.h>\n\
             int main(void) { printf(\"%s from %s\\n\", greeting(), greet_home()); return 0; }\n",
        );
        self
    }

    /// A world whose two greetings are built and published as `deps-1`.
    pub fn published_greetings() -> World {
        let world = World::with_key().with_greetings();
        std::fs::remove_dir_all(world.checkout().join("extern-recipes/zlib")).unwrap();
        world.write_project("file:../channel", "");
        world.commit().tag("deps-1");
        world.run("build").succeeds();
        world.run("publish").succeeds();
        world
    }

    /// A recipe of a few shell commands, with nothing else in it.
    pub fn script_recipe(&self, name: &str, script: &str) -> &World {
        let text = format!(
            "name = \"{name}\"\nversion = \"1\"\nlicense = \"MIT\"\n\n[build]\nsystem = \"script\"\nscript = '''\n{script}\n'''\n"
        );
        self.write(&format!("extern-recipes/{name}/recipe.toml"), text)
    }
}

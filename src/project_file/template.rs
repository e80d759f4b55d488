//! The commented `tagalong.toml` that `init` writes: every field with its default.

use crate::model::prefix::STANDARD_LENGTH;

/// The commented `tagalong.toml` of a new project: every field with its default.
pub fn template(name: &str) -> String {
    let length = STANDARD_LENGTH;
    format!(
        r#"# What tagalong does in this checkout. What starts with `#` is the default, or an example.

[project]
name = "{name}"

# Where the bundle goes, from here; `{{platform}}` and `{{tag}}` are replaced.
# prefix = "extern/{{platform}}"

# Which tags are deps tags.
# tags = "deps-*"

# On which branches `tagalong tag` makes them; by default on the one that the remote's HEAD names.
# branches = "main"

# Which of them is the nearest: "maximal" (the one that is no ancestor of another), "first-parent" or "date".
# walk = "maximal"

# What `install` does when the recipes differ from the tag's: "warn", "error", or "build" what differs.
# drift = "warn"

# The longest prefix that a bundle can be installed at, in bytes.
# placeholder-length = {length}

# Where bundles are fetched from and published to, asked in order. `tagalong key new` makes the key pair.
# [[channel]]
# name = "main"
# url = "https://deps.example.org/{name}"    # or `file:`, `s3:`, `oci:`, `gitlab:`
# keys = ["RW…"]                              # whose bundles are taken; or `unsigned = true` for anyone's

# What the project builds for; `tagalong platform` prints the id of this machine.
# [[platform]]
# id = "debian-12-x86_64"
# image = "registry.example.org/build/debian-12@sha256:…"
# serves = ["ubuntu-24-x86_64"]               # hosts that take this bundle when there is none of their own
# tags = ["docker"]                           # of the CI runners that build for it

# Folders of recipes beside `extern-recipes/`; of two recipes of one name the nearest wins.
# [[recipes]]
# path = "../shared-recipes"                  # or `git`, `commit` and `folder`

# Which recipe is taken for a name that several provide.
# [providers]
# blas = "openblas"

# Recipes of a stack, beside those that name it themselves.
# [stack.gui]
# recipes = ["freetype"]

# [build]
# debug = false                               # true keeps debug information, in packages of its own

# [publish]
# sandbox = "full"                            # nothing is published that was built without
"#
    )
}

#!/bin/sh
# Bootstraps a checkout: gets tagalong, installs the bundle that belongs to this commit, configures, compiles, runs.
# Safe to repeat: what is done is not done again.
#   FORCED_DEPS_TAG=deps-x scripts/auto_build_all.sh    builds against another bundle
#   TAGALONG=/path/to/tagalong                          uses this program
set -eu
cd "$(dirname "$0")/.."

version=0.1.0
tagalong=${TAGALONG:-$(command -v tagalong || true)}
if [ -z "$tagalong" ]; then
    tools=$PWD/.tools
    tagalong=$tools/bin/tagalong
    if [ ! -x "$tagalong" ]; then
        echo "getting tagalong $version"
        cargo install --quiet --locked --root "$tools" --version "$version" tagalong
    fi
fi

"$tagalong" install
prefix=$("$tagalong" run -- sh -c 'printf %s "$TAGALONG_PREFIX"')

# One build folder for each bundle: two bundles never mix their object files.
build=build/$("$tagalong" status --json | sed -n 's/^    "tag": "\([^"]*\)".*/\1/p')
if [ ! -f "$build/Makefile" ]; then
    "$tagalong" run -- cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release "-DBUNDLE=$prefix" "-DCMAKE_INSTALL_PREFIX=$PWD/out"
fi
"$tagalong" run -- cmake --build "$build" -- --no-print-directory
"$tagalong" run -- cmake --install "$build"
env -i out/bin/consumer

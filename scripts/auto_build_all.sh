#!/bin/sh
# Bootstraps a checkout: gets tagalong, installs the bundle that belongs to this commit, configures, compiles, tests.
# Made to be copied into other projects; what a project changes stands in the first lines. Safe to repeat: what is done
# is not done again.
#
#   auto_build_all.sh [Debug|Release|Clean|Clean-All] [OPTION]...
#     Debug, Release    the kind of build (default: Release)
#     Clean             removes the build folders; Clean-All also the installed bundles and what was fetched
#     --jobs N          how many jobs run at once
#     --no-deps         takes the bundle that is installed, and asks nobody
#     --tag TAG         builds against this deps tag, or candidate (FORCED_DEPS_TAG does the same)
#     --offline         uses no network: what was fetched before
#     --no-test         builds only
#   TAGALONG            the program, if it is not on the PATH
set -eu
version=0.1.0
# The address and the digest of the program for machines that do not have it; without an address it is built by cargo.
url=${TAGALONG_URL:-}
sha256=${TAGALONG_SHA256:-}

die() { printf 'error: %s\n' "$1" >&2; [ -z "${2:-}" ] || printf ' next: %s\n' "$2" >&2; exit 2; }

script=$(readlink -f "$0")
cd "$(dirname "$script")"
root=$(git rev-parse --show-toplevel) || die "this is no git checkout" "clone the project, do not copy it"
cd "$root"

kind=Release jobs='' deps=yes test=yes offline=''
while [ $# -gt 0 ]; do
    case $1 in
    Debug | Release) kind=$1 ;;
    Clean | Clean-All) kind=$1 ;;
    --jobs) [ $# -gt 1 ] || die "--jobs needs a count"; jobs=$2; shift ;;
    --jobs=*) jobs=${1#*=} ;;
    --no-deps) deps=no ;;
    --tag) [ $# -gt 1 ] || die "--tag needs a name"; FORCED_DEPS_TAG=$2; export FORCED_DEPS_TAG; shift ;;
    --tag=*) FORCED_DEPS_TAG=${1#*=}; export FORCED_DEPS_TAG ;;
    --offline) offline=--offline ;;
    --no-test) test=no ;;
    -h | --help) sed -n '2,/^set -eu/ { /^set -eu/d; s/^# \{0,1\}//; p }' "$script"; exit 0 ;;
    *) die "\`$1\` is not known" "auto_build_all.sh --help" ;;
    esac
    shift
done
case ${jobs:-1} in *[!0-9]* | 0) die "\`$jobs\` is not a count of jobs" ;; esac
jobs=${jobs:-$(nproc)}
export TAGALONG_JOBS="$jobs"

if [ "$kind" = Clean ] || [ "$kind" = Clean-All ]; then
    rm -rf build out
    if [ "$kind" = Clean-All ]; then
        prefix=$("${TAGALONG:-tagalong}" status --json 2>/dev/null | sed -n 's/^ *"prefix": "\(.*\)",*$/\1/p') || prefix=
        [ -z "$prefix" ] || "${TAGALONG:-tagalong}" uninstall || true
        rm -rf .tools
    fi
    exit 0
fi

# The program: named, on the PATH, fetched once by its digest, or built once.
tagalong=${TAGALONG:-$(command -v tagalong || true)}
if [ -z "$tagalong" ]; then
    tagalong=$root/.tools/tagalong-$version
    if [ ! -x "$tagalong" ] && [ -n "$url" ]; then
        [ -n "$sha256" ] || die "TAGALONG_URL without TAGALONG_SHA256" "set both: the digest stands beside the release"
        mkdir -p "$root/.tools"
        new=$(mktemp "$root/.tools/new.XXXXXX")
        curl -fsSL --retry 3 -o "$new" "$url"
        printf '%s  %s\n' "$sha256" "$new" | sha256sum -c --quiet - || { rm -f "$new"; die "what $url gives is another program"; }
        chmod 755 "$new"
        mv "$new" "$tagalong"
    elif [ ! -x "$tagalong" ]; then
        echo "building tagalong $version"
        cargo install --quiet --locked --root "$root/.tools" --version "$version" tagalong
        mv "$root/.tools/bin/tagalong" "$tagalong"
    fi
fi

# shellcheck disable=SC2086
[ "$deps" = no ] || "$tagalong" install $offline
prefix=$("$tagalong" run -- sh -c 'printf %s "$TAGALONG_PREFIX"')
tag=$("$tagalong" status --json | sed -n 's/^ *"tag": "\(.*\)",*$/\1/p' | head -n 1)

# One build folder for each bundle and kind: two bundles never mix their object files.
build=build/$tag-$kind
if [ ! -f "$build/CMakeCache.txt" ]; then
    "$tagalong" run -- cmake -S . -B "$build" "-DCMAKE_BUILD_TYPE=$kind" "-DBUNDLE=$prefix" "-DCMAKE_INSTALL_PREFIX=$root/out"
fi
"$tagalong" run -- cmake --build "$build" --parallel "$jobs"
"$tagalong" run -- cmake --install "$build"
[ "$test" = no ] || (cd "$build" && "$tagalong" run -- ctest --output-on-failure)

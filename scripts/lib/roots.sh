# Root file systems of Debian releases, for the tests that need more than one system. Sourced; makes what is missing.

suites="bullseye bookworm trixie"
declare -A release=([bullseye]=11 [bookworm]=12 [trixie]=13)

# installed PROGRAM PACKAGE...: installs the packages if the program is not there.
installed() {
    local program=$1
    shift
    command -v "$program" >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

# static_binary: the path of the release's binary, made if there is none or REBUILD is set; it runs on all of them.
static_binary() {
    local found
    found=$(find target/dist -maxdepth 1 -name 'tagalong-*-linux' 2>/dev/null | head -n 1)
    if [ -z "$found" ] || [ -n "${REBUILD:-}" ]; then
        scripts/release >&2
        found=$(find target/dist -maxdepth 1 -name 'tagalong-*-linux' | head -n 1)
    fi
    readlink -f "$found"
}

# make_root SUITE ROOT [PACKAGES]: the least Debian and these packages (with commas), unless it is there whole.
make_root() {
    local suite=$1 root=$2 packages=${3:-} mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    if [ -e "$root/etc/made-for-tests" ]; then return; fi
    installed mmdebstrap mmdebstrap
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1)
    rm -rf "$root"
    mmdebstrap --quiet --mode=root --variant=minbase --dpkgopt=force-unsafe-io ${packages:+--include="$packages"} \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --aptopt='Acquire::Languages "none"' "$suite" "$root" "deb [signed-by=$keyring] $mirror $suite main"
    printf '127.0.0.1 localhost\n' > "$root/etc/hosts"
    : > "$root/etc/made-for-tests"
}

# A container engine of this machine's own, in a folder: its images, its settings, its programs. Sourced.
#
# Users need none of this: the settings cure what a machine in a container lacks, and change nothing that an image or a
# pipeline says.

# make_engine FOLDER: podman and buildah, first on the PATH, that keep everything below FOLDER.
make_engine() {
    local folder=$1 program
    installed podman podman crun uidmap
    installed buildah buildah
    mkdir -p "$folder/bin"
    # default_ulimits: the engine would raise the limits, which needs a capability that containers do not have.
    # cgroups: there is no systemd to ask for one, and it may be that none can be written.
    # netns: the host's, so that apt finds the mirror; a bridge would need more rights.
    # events_logger: there is no journal.
    cat > "$folder/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
cgroups = "disabled"
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
CONF
    cat > "$folder/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$folder/graph"
runroot = "$folder/run"
CONF
    # crun refuses a machine where both versions of cgroups are mounted; the mount is hidden from the engine alone.
    for program in podman buildah; do
        cat > "$folder/bin/$program" <<WRAPPER
#!/bin/sh
export CONTAINERS_CONF="$folder/containers.conf" CONTAINERS_STORAGE_CONF="$folder/storage.conf"
exec unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "\$@"' sh /usr/bin/$program "\$@"
WRAPPER
        chmod 755 "$folder/bin/$program"
    done
    export PATH="$folder/bin:$PATH"
}

# import_root ROOT NAME: the root file system as an image of this name, unless there is one.
import_root() {
    podman image exists "$2" ||
        tar -C "$1" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . | podman import -q - "$2" >&2
}

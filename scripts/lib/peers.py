"""Gives the tree of a tagalong world to each peer as its own kind of package, then measures all in turns.

Called by scripts/bench-peers: FOLDER RUNS PROGRAM WORLD PEERS, the last a virtual environment that holds the peers.
"""

import atexit
import hashlib
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
import zipfile

folder, runs, program, world, peers = sys.argv[1:]
folder, world, peers, runs = pathlib.Path(folder), pathlib.Path(world), pathlib.Path(peers), int(runs)
python = peers / "bin/python"
SUBDIR = "linux-64"

# The environment of each run: nothing of the caller's but PATH.
environment = {
    "PATH": f"{peers}/bin:{os.environ['PATH']}",
    "HOME": str(world / "home"),
    "TMPDIR": str(world / "tmp"),
    "TAGALONG_CACHE": str(world / "cache"),
    "LC_ALL": "C.UTF-8",
    # aliBuild asks for a name before it looks at recipes.
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def run(*command, cwd=folder):
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def remove(*paths):
    for path in paths:
        shutil.rmtree(folder / path, ignore_errors=True)


def tagalong(*arguments):
    return run(program, *arguments, cwd=world / "checkout")


PREFIX = world / "checkout/extern/p"


def packages():
    """The unpacked packages of the store, as built: (manifest, folder of the files)."""
    tagalong("install", "--tag", "deps-1", "--link", "hard")
    found = []
    for place in sorted((world / "cache/trees").glob("*/*/package.json")):
        found.append((json.loads(place.read_text()), place.parent / "files"))
    return found


# conda packages: the same files, and where they hold the placeholder.

def conda_package(manifest, files):
    """Writes NAME-VERSION-0.conda; gives its record."""
    name, version = manifest["name"], manifest["version"]
    stem, work = f"{name}-{version}-0", folder / "work"
    remove("work")
    (work / "info").mkdir(parents=True)
    paths = []
    for entry in manifest["entries"]:
        if entry["kind"] == "folder":
            continue
        if entry["kind"] == "link":
            paths.append({"_path": entry["path"], "path_type": "softlink"})
            continue
        digest = hashlib.sha256((files / entry["path"]).read_bytes()).hexdigest()
        path = {"_path": entry["path"], "path_type": "hardlink", "sha256": digest, "size_in_bytes": entry["size"]}
        if "text" in entry or "fixed" in entry:
            path["prefix_placeholder"] = manifest["placeholder"]
            path["file_mode"] = "text" if "text" in entry else "binary"
        paths.append(path)
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "subdir": SUBDIR, "depends": []}
    for file, content in (("paths", {"paths": paths, "paths_version": 1}), ("index", index), ("about", {})):
        (work / f"info/{file}.json").write_text(json.dumps(content))
    (work / "info/files").write_text("".join(path["_path"] + "\n" for path in paths))
    archive = folder / f"conda/{stem}.conda"
    archive.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zip:
        zip.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        for kind, top, what in (("pkg", files, "."), ("info", work, "info")):
            inner = work / f"{kind}-{stem}.tar.zst"
            # No `./` before the names: conda's own tools write none.
            tar = f"find {what} -mindepth 1 -printf '%P\\n'" if what == "." else f"find {what} -type f"
            script = f"{tar} | LC_ALL=C sort | tar --no-recursion --owner=0 --group=0 --mtime=@1 -c -T - | zstd -q -9 -o {inner}"
            run("sh", "-ec", script, cwd=top)
            zip.write(inner, inner.name)
    bytes = archive.read_bytes()
    return {"index": index, "file": str(archive), "size": len(bytes), "sha256": hashlib.sha256(bytes).hexdigest()}


# Inside the process: what starting Python and importing costs is not counted. It often crashes when it should exit.
RATTLER = """
import asyncio, json, os, resource, sys, time
from rattler import PackageRecord, RepoDataRecord, install
from rattler.platform import Platform
records, prefix, cache, index = json.load(open(sys.argv[1])), sys.argv[2], sys.argv[3], sys.argv[1] + ".index"
wanted = []
for one in records:
    json.dump(one["index"], open(index, "w"))
    record = PackageRecord.from_index_json(index, size=one["size"], sha256=one["sha256"])
    name = os.path.basename(one["file"])
    wanted.append(RepoDataRecord(record, name, "file://" + one["file"], "file://" + os.path.dirname(one["file"])))
def processor():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime
own, start = processor(), time.monotonic()
asyncio.run(install(wanted, prefix, cache_dir=cache, show_progress=False))
print(time.monotonic() - start, processor() - own, flush=True)
os._exit(0)
"""


def rattler():
    wall, own = run(python, "-c", RATTLER, folder / "records.json", folder / "rattler", folder / "rattler-cache").split()
    return float(wall), float(own)


def conda_pack():
    """The environment that py-rattler made, as conda-pack packs it."""
    remove("rattler", "rattler-cache")
    rattler()
    # It looks for the packages where the records of the environment say.
    run(peers / "bin/conda-pack", "-q", "-p", folder / "rattler", "-o", folder / "packed.tar.zst")


def conda_unpack():
    (folder / "unpacked").mkdir()
    run("tar", "--zstd", "-xf", folder / "packed.tar.zst", "-C", folder / "unpacked")
    run(python, folder / "unpacked/bin/conda-unpack")


# aliBuild: one package of all files, the kindest way; a recipe that copies them where a build would make them.

ARCHITECTURE = "debian12_x86-64"


def ali_build(store):
    run(peers / "bin/aliBuild", "build", "tree", "--defaults", "release", "-a", ARCHITECTURE, "--remote-store", store,
        "--force-unknown-architecture", "-c", "alidist", "-w", "sw", "--no-auto-cleanup", cwd=folder / "ali")


def ali_prepare(trees):
    whole, ali = folder / "whole", folder / "ali"
    whole.mkdir()
    for files in trees:
        run("cp", "-a", f"{files}/.", whole)
    (ali / "alidist").mkdir(parents=True)
    for name, body in (("defaults-release", ""), ("tree", f'cp -a {whole}/. "$INSTALLROOT/"\n')):
        (ali / f"alidist/{name}.sh").write_text(f"package: {name}\nversion: v1\n---\n{body}")
        # It asks a new store for folders that it does not make.
        (ali / f"store/TARS/{ARCHITECTURE}/{name}").mkdir(parents=True)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "recipes"]):
        run("git", *command, cwd=ali / "alidist")
    ali_build(f"{ali}/store::rw")
    # From now on it can only restore: there is nothing to build from.
    remove("whole")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (ali / "rsyncd.conf").write_text(
        f"use chroot = no\naddress = 127.0.0.1\nport = {port}\n[store]\npath = {ali}/store\nread only = yes\n"
        f"uid = {os.getuid()}\ngid = {os.getgid()}\n")
    # A path would do, but it does not expand its own pattern there, and finds nothing.
    server = subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={ali}/rsyncd.conf"])
    atexit.register(server.terminate)
    time.sleep(1)
    return f"rsync://127.0.0.1:{port}/store"


def timed(work):
    """Wall time and time of processors, in seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    own = work()
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    # What a work measured itself counts.
    if isinstance(own, tuple):
        return own
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def look_at(tree):
    """How many files and bytes of packages there are, and how many of the files hold the path of the tree."""
    files, bytes, moved, path = 0, 0, 0, str(tree).encode()
    for top in ("include", "lib"):
        for file in (tree / top).rglob("*"):
            if file.is_file() and not file.name.endswith(".unrelocated"):
                content = file.read_bytes()
                files, bytes, moved = files + 1, bytes + len(content), moved + (path in content)
    return files, bytes, moved


def main():
    all = packages()
    relocated = sum("fixed" in entry or "text" in entry for manifest, _ in all for entry in manifest["entries"])
    records = [conda_package(*one) for one in all]
    (folder / "records.json").write_text(json.dumps(records))
    store = ali_prepare([files for _, files in all])
    conda_pack()
    versions = run(peers / "bin/pip", "list", "--format", "freeze").lower().split()
    version = {line.partition("==")[0]: line.partition("==")[2] for line in versions}
    rattler_name, pack_name = f"py-rattler {version['py-rattler']}", f"conda-pack {version['conda-pack']}"
    ali_name, own_name = f"aliBuild {version['alibuild']}", run(program, "--version").strip()

    def install(link):
        return lambda: tagalong("install", "--tag", "deps-1", "--link", link)

    def gone(*paths):
        return lambda: remove(*paths)

    cache = world / "cache"
    ali_tree = folder / f"ali/sw/{ARCHITECTURE}/tree/v1-1"
    rattler_tree, unpacked = folder / "rattler", folder / "unpacked"
    # Warm comes after cold of the same, whose store it finds; each leaves nothing that the next would not find.
    rows = [
        ("cold", f"{own_name}, `--link copy`", gone(PREFIX, cache), install("copy"), PREFIX),
        ("cold", f"{own_name}, `--link hard`", gone(PREFIX, cache), install("hard"), PREFIX),
        ("warm", f"{own_name}, `--link copy`", gone(PREFIX), install("copy"), PREFIX),
        ("warm", f"{own_name}, `--link hard`", gone(PREFIX), install("hard"), PREFIX),
        ("cold", rattler_name, gone("rattler", "rattler-cache"), rattler, rattler_tree),
        ("warm", rattler_name, gone("rattler"), rattler, rattler_tree),
        ("cold", f"{pack_name}: `tar --zstd -x`, `conda-unpack`", gone("unpacked"), conda_unpack, unpacked),
        ("cold", f"{ali_name}, one package", gone("ali/sw"), lambda: ali_build(store), ali_tree),
    ]
    times, seen = [[] for _ in rows], [None] * len(rows)
    for turn in range(runs):
        for place, (_, name, prepare, work, tree) in enumerate(rows):
            prepare()
            # What the run before left to be written must not slow down the next one.
            os.sync()
            times[place].append(timed(work))
            if turn == 0:
                seen[place] = look_at(tree)
                print(f"{name}: {seen[place][0]} files, {seen[place][2]} of {relocated} relocated", file=sys.stderr)
    whole = {one[:2] for one in seen}
    if len(whole) != 1:
        sys.exit(f"the trees are not of one size: {seen}")

    def median(place, which):
        return statistics.median(one[which] for one in times[place])

    print("| what | with | wall, s | processors, s | times tagalong's best | relocated files |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for kind in ("cold", "warm"):
        best = min(median(place, 0) for place in range(4) if rows[place][0] == kind)
        for place, row in enumerate(rows):
            if row[0] == kind:
                wall, own = median(place, 0), median(place, 1)
                print(f"| {kind} | {row[1]} | {wall:.2f} | {own:.2f} | {wall / best:.1f} | {seen[place][2]} of {relocated} |")


main()

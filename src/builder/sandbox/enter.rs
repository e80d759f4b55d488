//! The far side of the sandbox: makes the root that a step sees, runs the step in it, dies with its parent.
//!
//! Runs as the first process of a new pid namespace: when it ends, the kernel kills all that is left in there
//! (pid_namespaces(7)).

use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::StatVfsMountFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use super::{Bind, Level, MOST_PROCESSES, SandboxedStep, TOO_MANY_PROCESSES};

/// The folders of the base system that every step sees, read-only.
const BASE: [&str; 8] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc"];

/// The devices that every step sees.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The name of the machine, as steps see it.
pub const NAME: &str = "tagalong";

/// Why the root of a step could not be made or the step not be started.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}", path.display())]
pub struct EnterError {
    pub doing: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

/// Runs a step and gives its exit code; 128 + N when signal N ended it (sh(1)).
///
/// # Errors
/// [`EnterError`] when the step could not even be started.
pub fn enter(step: &SandboxedStep) -> Result<u8, EnterError> {
    if step.level.has_own_root() {
        make_root(step)?;
    }
    let (program, arguments) = step.command.split_first().ok_or_else(|| EnterError {
        doing: "start",
        path: step.folder.clone(),
        source: io::Error::other("the step has no command"),
    })?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(step.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(&step.folder);
    if !step.is_interactive {
        command.stdin(Stdio::null());
        if step.level == Level::Host {
            command.process_group(0);
        }
    }
    let others = processes();
    let mut child = command.spawn().map_err(|source| EnterError { doing: "start", path: program.into(), source })?;
    let group = rustix::process::Pid::from_child(&child);
    if !step.is_interactive {
        std::thread::spawn(move || die_with_parent(group));
        if step.level.has_own_root() {
            std::thread::spawn(move || die_of_too_many(others + MOST_PROCESSES));
        }
    }
    let status = child.wait().map_err(|source| EnterError { doing: "wait for", path: program.into(), source })?;
    if step.level == Level::Host && !step.is_interactive {
        // A group without members is what is hoped for.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let signal = || status.signal().map_or(255, |signal| u8::try_from(128 + signal).unwrap_or(255));
    Ok(status.code().map_or_else(signal, |code| u8::try_from(code).unwrap_or(255)))
}

/// Waits until the near side closes the lifeline, by will or by dying, and takes everything along.
fn die_with_parent(group: rustix::process::Pid) {
    let mut nothing = [0; 16];
    let mut lifeline = io::stdin();
    while matches!(lifeline.read(&mut nothing), Ok(count) if count > 0) {}
    // The group may be gone already.
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    std::process::exit(137);
}

/// Ends all when there are more processes than that: this is the first one of its namespace.
fn die_of_too_many(most: usize) {
    while processes() <= most {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    std::process::exit(TOO_MANY_PROCESSES);
}

/// How many processes `/proc` shows.
fn processes() -> usize {
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter(|entry| is_process(&entry.file_name())).count()
}

fn make_root(step: &SandboxedStep) -> Result<(), EnterError> {
    let root = step.root.as_path();
    // Nothing mounted here may reach the mounts of the machine.
    failing(
        "make private",
        "/",
        rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE),
    )?;
    failing("mount a root on", root, rustix::mount::mount("tmpfs", root, "tmpfs", MountFlags::NOSUID, c"mode=0755"))?;
    for name in BASE {
        base_folder(root, name)?;
    }
    for tool in fs_err::read_dir("/opt").into_iter().flatten().flatten() {
        let (from, to) = (tool.path(), root.join("opt").join(tool.file_name()));
        // Another build at level `host` may have its placeholder there right now.
        let is_placeholder = tool.file_name().as_encoded_bytes().starts_with(b"tagalong-placeholder");
        if from.is_dir() && !from.is_symlink() && !is_placeholder {
            bind(&Bind { from, to, is_writable: false }, Path::new("/"))?;
        }
    }
    devices(root)?;
    let proc = root.join("proc");
    make_folder(&proc)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    if rustix::mount::mount("proc", &proc, "proc", flags, None).is_err() {
        // Containers that mask parts of /proc forbid a new one; the old one shows other processes, but no more.
        failing("bind", &proc, rustix::mount::mount_bind_recursive("/proc", &proc))?;
    }
    for folder in ["tmp", "var/tmp", "run"] {
        make_folder(&root.join(folder))?;
    }
    for one in &step.binds {
        bind(one, root)?;
    }
    failing("enter", root, rustix::process::chdir(root))?;
    failing("change the root to", root, rustix::process::pivot_root(".", "."))?;
    failing("leave the old root below", root, rustix::mount::unmount(".", UnmountFlags::DETACH))?;
    failing("enter", "/", rustix::process::chdir("/"))?;
    // Some builds write the name of the machine into their output; it is the same everywhere in here.
    match rustix::system::sethostname(NAME.as_bytes()) {
        // The system call filter of a container, which forbids it even where all else is allowed; the near side tells.
        Err(rustix::io::Errno::PERM) => Ok(()),
        named => failing("name the machine in", "/", named),
    }
}

fn base_folder(root: &Path, name: &str) -> Result<(), EnterError> {
    let (from, to) = (Path::new("/").join(name), root.join(name));
    match fs_err::read_link(&from) {
        Ok(link) => symlink(link, &to).map_err(|source| EnterError { doing: "link", path: to, source }),
        Err(_) if from.is_dir() => bind(&Bind { from, to, is_writable: false }, Path::new("/")),
        Err(_) => Ok(()),
    }
}

fn devices(root: &Path) -> Result<(), EnterError> {
    let folder = root.join("dev");
    make_folder(&folder.join("shm"))?;
    for name in DEVICES {
        let (from, to) = (Path::new("/dev").join(name), folder.join(name));
        if !from.exists() {
            continue;
        }
        failing_io("make", &to, fs_err::write(&to, b""))?;
        failing("bind", &to, rustix::mount::mount_bind(&from, &to))?;
    }
    for (name, target) in [("fd", "self/fd"), ("stdin", "self/fd/0"), ("stdout", "self/fd/1"), ("stderr", "self/fd/2")]
    {
        let link = folder.join(name);
        failing_io("link", &link, symlink(Path::new("/proc").join(target), &link))?;
    }
    Ok(())
}

/// Binds one folder below the root, read-only unless it says otherwise.
fn bind(bind: &Bind, root: &Path) -> Result<(), EnterError> {
    let to = root.join(bind.to.strip_prefix("/").unwrap_or(&bind.to));
    if bind.from.is_dir() {
        make_folder(&to)?;
    } else {
        make_folder(to.parent().unwrap_or(root))?;
        failing_io("make", &to, fs_err::write(&to, b""))?;
    }
    failing("bind", &to, rustix::mount::mount_bind_recursive(&bind.from, &to))?;
    if bind.is_writable {
        return Ok(());
    }
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    // A user namespace may not take away what the mount forbade before (mount_namespaces(7)).
    let had = rustix::fs::statvfs(&to).map(|facts| facts.f_flag).unwrap_or(StatVfsMountFlags::empty());
    for (old, kept) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if had.contains(old) {
            flags |= kept;
        }
    }
    failing("make read-only", &to, rustix::mount::mount_remount(&to, flags, ""))
}

fn make_folder(path: &Path) -> Result<(), EnterError> {
    failing_io("make", path, fs_err::create_dir_all(path))
}

fn failing(doing: &'static str, path: impl AsRef<Path>, result: rustix::io::Result<()>) -> Result<(), EnterError> {
    failing_io(doing, path, result.map_err(io::Error::from))
}

fn failing_io(doing: &'static str, path: impl AsRef<Path>, result: io::Result<()>) -> Result<(), EnterError> {
    result.map_err(|source| EnterError { doing, path: path.as_ref().to_owned(), source })
}

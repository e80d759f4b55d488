//! What the machine gives: platform, sandbox, disks, clock, locale.
//!
//! Does not look at programs (`tools.rs`) and knows no checkout.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::builder::sandbox::Sandbox;
use crate::flow::doctor::{Finding, Options};
use crate::host;
use crate::host::disk::{self, Disk};

/// Less room than this is too little for any build, in bytes.
const TOO_LITTLE: u64 = 1 << 30;

/// Less room than this does not last for long.
const LITTLE: u64 = 10 << 30;

/// The clock of builds (2020-09-13): a machine's clock that is before it was never set.
const EARLIEST: Duration = Duration::from_secs(1_600_000_000);

/// A file system's clock may be so far from the machine's before make(1) is misled, in seconds.
const CLOCK_SLACK: i64 = 5;

/// Looks at platform, sandbox, clock and locale.
pub fn findings(options: &Options) -> Vec<Finding> {
    vec![platform(), sandbox(options), clock(options), locale(options)]
}

fn platform() -> Finding {
    match host::platform(Path::new("/")) {
        Ok(host) => {
            let libc = format!("{} {}", host.libc.kind.name(), host.libc.version.as_deref().unwrap_or("?"));
            Finding::fine("platform", format!("{} ({}, {libc})", host.platform, host.name))
        }
        Err(error) => Finding::error("platform", "what this machine is cannot be told")
            .why(error.to_string())
            .next("name it with `--platform ID`"),
    }
}

fn sandbox(options: &Options) -> Finding {
    let sandbox = Sandbox::probe(&options.program, &options.cache);
    if sandbox.level.has_own_root() {
        return Finding::fine("sandbox", format!("level {}: steps see what they declare", sandbox.level));
    }
    let reason = sandbox.reason.unwrap_or_else(|| "the kernel gives no namespaces".to_owned());
    Finding::warning("sandbox", format!("level {}: steps see the whole machine and the network", sandbox.level))
        .why(reason)
        .next(way_to_namespaces())
}

/// What keeps this machine from giving namespaces, the first that is found.
fn way_to_namespaces() -> String {
    let says = |path: &str, value: &str| fs_err::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if !["/usr/bin/unshare", "/bin/unshare", "/usr/local/bin/unshare"].iter().any(|path| Path::new(path).exists()) {
        return "install `unshare`: `apt-get install util-linux`".to_owned();
    }
    if says("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        return "`sysctl kernel.unprivileged_userns_clone=1` allows user namespaces".to_owned();
    }
    if says("/proc/sys/user/max_user_namespaces", "0") {
        return "`sysctl user.max_user_namespaces=15000` allows user namespaces".to_owned();
    }
    if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        return "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or an AppArmor profile with `userns,`"
            .to_owned();
    }
    let is_container = ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists());
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let is_filtered = status.lines().any(|line| line.starts_with("Seccomp:") && line.trim_end().ends_with('2'));
    match (is_container, is_filtered) {
        (_, true) => {
            "start the container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`, \
                      or with a seccomp profile that allows unshare(2) and mount(2)"
                .to_owned()
        }
        (true, false) => "start the container with `--cap-add SYS_ADMIN --security-opt apparmor=unconfined`".to_owned(),
        _ => "ask who runs this machine for unprivileged user namespaces".to_owned(),
    }
}

fn clock(options: &Options) -> Finding {
    let now = options.now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if now >= EARLIEST {
        return Finding::fine("clock", "is set");
    }
    Finding::error("clock", "the clock is before 2020-09-13")
        .why("certificates are not valid yet then, and make builds what is newer than now again")
        .next("set it: `timedatectl set-ntp true`")
}

fn locale(options: &Options) -> Finding {
    match &options.locale {
        Some(locale) if locale.to_ascii_uppercase().replace('-', "").contains("UTF8") => {
            Finding::fine("locale", format!("{locale}; steps have C.UTF-8"))
        }
        Some(locale) => Finding::warning("locale", format!("`{locale}` is not UTF-8"))
            .why("names of files with other letters may not be shown right; steps have C.UTF-8 all the same")
            .next("`export LC_ALL=C.UTF-8`"),
        None => Finding::warning("locale", "none is set")
            .why("programs take ASCII then; steps have C.UTF-8 all the same")
            .next("`export LC_ALL=C.UTF-8`"),
    }
}

/// Looks at the disks of the cache and of the prefix.
pub fn disks(options: &Options, prefix: Option<&Path>) -> Vec<Finding> {
    let mut findings = of_disk("cache", &options.cache, options);
    prefix.iter().for_each(|prefix| findings.extend(of_disk("prefix", prefix, options)));
    findings
}

fn of_disk(subject: &'static str, folder: &Path, options: &Options) -> Vec<Finding> {
    let disk = match disk::look(folder, options.now) {
        Ok(disk) => disk,
        Err(error) => {
            let what = format!("the disk of `{}` cannot be looked at", folder.display());
            return vec![Finding::error(subject, what).why(error.to_string()).next("use another folder")];
        }
    };
    let mut findings = vec![room(subject, folder, &disk)];
    match &disk.writing {
        Err(reason) => {
            let what = format!("`{}` cannot be written", disk.folder.display());
            findings.push(Finding::error(subject, what).why(reason).next(match subject {
                "cache" => "set `TAGALONG_CACHE` to a folder that you may write",
                _ => "say another `prefix` in tagalong.toml, or give one with `--prefix`",
            }));
        }
        Ok(writing) => {
            if subject == "prefix" && !writing.exchanges {
                let what = "two folders cannot be exchanged in one step there";
                findings.push(
                    Finding::warning(subject, what)
                        .why("an install writes a journal instead; a run that is killed is finished by the next one")
                        .next("put the prefix on a local ext4, xfs or btrfs"),
                );
            }
            if writing.clock_offset.abs() > CLOCK_SLACK {
                let what = format!("the clock of the file system is off by {} s", writing.clock_offset);
                findings.push(
                    Finding::warning(subject, what)
                        .why("make decides by times")
                        .next("set both clocks, or use a local disk"),
                );
            }
        }
    }
    findings
}

fn room(subject: &'static str, folder: &Path, disk: &Disk) -> Finding {
    let file_system = disk.file_system.unwrap_or("a file system without a known name");
    let mib = disk.free >> 20;
    let mut what = format!("`{}` on {file_system}: {mib} MiB free", folder.display());
    if let Ok(writing) = &disk.writing {
        let word = |is: bool, yes: &'static str, no: &'static str| if is { yes } else { no };
        what.push_str(word(writing.exchanges, ", exchange of folders", ""));
        what.push_str(word(writing.shares_blocks, ", copies that share blocks", ""));
    }
    match disk.free {
        free if free < TOO_LITTLE => Finding::error(subject, what)
            .why("less than 1 GiB is too little for a build")
            .next("make room, or use another disk"),
        free if free < LITTLE => Finding::warning(subject, what)
            .why("less than 10 GiB does not last for long")
            .next("make room, or use another disk"),
        _ => Finding::fine(subject, what),
    }
}

//! Brings a file of a Debian source package through apt: its own sources, proxies and credentials.
//!
//! Does not know any archive's address: apt tells which archives it uses, and apt's own client fetches.
//!
//! The place of a file is `pool/<component>/<letter>/<source>/<file>` below the archive's address, the letter being
//! `lib` and one more for sources that start so (Debian wiki, DebianRepository/Format; the layout of every mirror).

use std::path::Path;
use std::process::Command;

use crate::sources::Reason;
use crate::sources::program::{self, Said};

/// Apt's own program for fetching one file; not on the `PATH` (apt-helper, package apt).
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// Writes the file to `into`.
pub(super) fn bring(file: &str, into: &Path) -> Result<(), Reason> {
    let archives = archives()?;
    let mut reason = Reason::Absent;
    for archive in &archives {
        let url = format!("{}/{}", archive.address, pool_path(&archive.component, file));
        let mut command = Command::new(APT_HELPER);
        command.arg("download-file").arg(&url).arg(into);
        let said = run(&mut command)?;
        if said.is_success {
            return Ok(());
        }
        if !said.stderr.contains("404")
            && !said.stdout_text().contains("404")
            && !said.stderr.contains("File not found")
        {
            reason = Reason::Unreachable(said.complaint());
        }
    }
    Err(reason)
}

struct Archive {
    address: String,
    component: String,
}

/// The archives that apt is set up for, each component once.
fn archives() -> Result<Vec<Archive>, Reason> {
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", "$(REPO_URI)|$(COMPONENT)", "Created-By: Packages"]);
    let said = run(&mut command)?;
    if !said.is_success {
        return Err(Reason::Unusable(said.complaint()));
    }
    let mut archives: Vec<Archive> = Vec::new();
    for line in said.stdout_text().lines() {
        let Some((address, component)) = line.trim().rsplit_once('|') else { continue };
        let address = address.trim_end_matches('/').to_owned();
        let is_new = archives.iter().all(|known| known.address != address || known.component != component);
        if is_new && !component.is_empty() {
            archives.push(Archive { address, component: component.to_owned() });
        }
    }
    if archives.is_empty() {
        return Err(Reason::Unusable("apt knows no archive; run `apt-get update`".to_owned()));
    }
    Ok(archives)
}

fn run(command: &mut Command) -> Result<Said, Reason> {
    match program::run(command) {
        Ok(Some(said)) => Ok(said),
        Ok(None) => Err(Reason::Unusable("apt is not installed".to_owned())),
        Err(error) => Err(Reason::Unusable(error.to_string())),
    }
}

fn pool_path(component: &str, file: &str) -> String {
    let source = file.split('_').next().unwrap_or(file);
    let letters = if source.starts_with("lib") { 4 } else { 1 };
    let letter: String = source.chars().take(letters).collect();
    format!("pool/{component}/{letter}/{source}/{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_in_the_pool_by_the_letter_of_their_source() {
        for (file, path) in [
            ("bzip2_1.0.8.orig.tar.gz", "pool/main/b/bzip2/bzip2_1.0.8.orig.tar.gz"),
            ("libpng1.6_1.6.39.orig.tar.gz", "pool/main/libp/libpng1.6/libpng1.6_1.6.39.orig.tar.gz"),
        ] {
            assert_eq!(pool_path("main", file), path);
        }
    }
}

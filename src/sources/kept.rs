//! The cache of source files, named by digest: verified on every use, put in place in one step, read-only.
//!
//! Does not know where files come from. The cache may be deleted at any time.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::model::digest::{Digest, Digester};
use crate::model::event::{Event, Tell};
use crate::sources::Reason;

pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub fn new(cache: &Path) -> Kept {
        Kept { folder: cache.join("sources") }
    }

    /// Where the git repositories are.
    pub fn git_folder(&self) -> PathBuf {
        self.folder.join("git")
    }

    /// The file with this digest; one that has changed since is removed.
    pub fn find(&self, digest: &Digest, tell: Tell) -> io::Result<Option<PathBuf>> {
        let path = self.path_of(digest);
        match digest_of(&path) {
            Ok(found) if found == *digest => Ok(Some(path)),
            Ok(_) => {
                let shown = path.display();
                tell(Event::Note { text: format!("the kept source {shown} was damaged, and is fetched again") });
                fs_err::remove_file(&path)?;
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An empty file beside the kept ones, which vanishes unless it is kept.
    pub fn temporary(&self) -> io::Result<NamedTempFile> {
        let folder = self.folder.join("new");
        fs_err::create_dir_all(&folder)?;
        tempfile::Builder::new().prefix("fetching-").tempfile_in(folder)
    }

    /// Keeps a file if it has this digest.
    pub fn keep(&self, file: NamedTempFile, digest: &Digest) -> io::Result<Result<PathBuf, Reason>> {
        let found = digest_of(file.path())?;
        if found != *digest {
            return Ok(Err(Reason::WrongDigest { found }));
        }
        self.place(file, digest).map(Ok)
    }

    /// Keeps a file under the digest it has.
    pub fn keep_any(&self, file: NamedTempFile) -> io::Result<(PathBuf, Digest)> {
        let digest = digest_of(file.path())?;
        Ok((self.place(file, &digest)?, digest))
    }

    fn place(&self, file: NamedTempFile, digest: &Digest) -> io::Result<PathBuf> {
        let path = self.path_of(digest);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        // A client may have put another file at the path; what was verified is what stands there.
        fs_err::set_permissions(file.path(), Permissions::from_mode(0o444))?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(path)
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.join(&hex[..2]).join(hex)
    }
}

/// The digest of a file.
fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut digester = Digester::new();
    io::copy(&mut fs_err::File::open(path)?, &mut digester)?;
    Ok(digester.finish())
}

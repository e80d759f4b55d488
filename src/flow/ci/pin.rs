//! The digest that an image has now, asked of its registry with skopeo, so that all jobs of a pipeline run in the same.
//!
//! What tagalong.toml says stays: only the pipeline names the digest.

use std::process::{Command, Stdio};

use crate::flow::ci::generate::Error;

/// The image with its digest.
///
/// # Errors
/// [`Error::Pin`] when skopeo is not there or gets no answer.
pub fn pinned(image: &str) -> Result<String, Error> {
    let failed = |reason: String| Error::Pin { image: image.to_owned(), reason };
    let mut command = Command::new("skopeo");
    command.args(["inspect", "--format", "{{.Digest}}"]).arg(format!("docker://{image}")).stdin(Stdio::null());
    let output = command.output().map_err(|error| failed(format!("skopeo does not start: {error}")))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let digest = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(failed(format!("`{}` is no digest", digest.escape_debug())));
    }
    Ok(format!("{image}@{digest}"))
}

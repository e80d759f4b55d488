//! How the files of a prefix come from the store: as copies of their own, as hard links, or as reflinks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How files came into a prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// Each file has bytes of its own, decoded from the archive.
    #[default]
    Copy,
    /// A file is another name of the store's (link(2)).
    Hard,
    /// A file shares its blocks with the store's until one of the two is written to (ioctl_ficlone(2)).
    Reflink,
}

impl LinkKind {
    const ALL: [LinkKind; 3] = [LinkKind::Hard, LinkKind::Reflink, LinkKind::Copy];

    /// Its name in receipts and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            LinkKind::Copy => "copy",
            LinkKind::Hard => "hard",
            LinkKind::Reflink => "reflink",
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How they should come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinkWish {
    /// As reflinks where the file system makes them, else as copies.
    #[default]
    Auto,
    Only(LinkKind),
}

impl LinkWish {
    /// The wish of a name: `auto`, or that of a kind.
    ///
    /// # Errors
    /// [`UnknownLink`].
    pub fn parse(text: &str) -> Result<LinkWish, UnknownLink> {
        if text == "auto" {
            return Ok(LinkWish::Auto);
        }
        LinkKind::ALL.into_iter().find(|kind| kind.name() == text).map(LinkWish::Only).ok_or(UnknownLink)
    }
}

/// No wish has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is one of auto, {}", LinkKind::ALL.map(LinkKind::name).join(", "))]
pub struct UnknownLink;

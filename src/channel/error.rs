//! Why a channel cannot do what it is asked, as facts.
//!
//! The words for the user are in `cli/failure/channel.rs`.

use std::fmt;
use std::path::PathBuf;

use crate::http::HttpError;

/// Why a channel cannot do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    #[error("`{url}` is no address of a channel: {reason}")]
    Address { channel: String, url: String, reason: AddressFault },
    #[error("{0}")]
    Http(HttpError),
    /// The system's own words, with the path.
    #[error("{reason}")]
    System { reason: String },
    /// The folder of a `file:` channel is not there: not mounted, or never published to.
    #[error("there is no folder {}", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("{path} is larger than {limit} bytes")]
    TooLarge { path: String, limit: u64 },
    #[error("nothing can be published to `{channel}`: the server answered {status}")]
    ReadOnly { channel: String, status: u16 },
    #[error("it is a channel of another format")]
    Format { found: Option<u32> },
    /// What lies there is not what was written.
    #[error("{path} holds other bytes than were written")]
    Damaged { path: String },
    /// The server does not let us; `said` are its own words.
    #[error("{act} {path} was refused with {status}{}", said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Refused { kind: Kind, channel: String, act: Act, path: String, status: u16, said: Option<String> },
    /// An answer that is none of its protocol.
    #[error("{path}: {reason}")]
    Nonsense { kind: Kind, path: String, reason: String },
    /// A file of credentials or a credential program that is not what it should be; nothing secret is kept.
    #[error("{of}: {reason}")]
    Credentials { of: String, reason: String },
    /// The place has no way to say what it holds.
    #[error("`{channel}` cannot be listed")]
    NotListed { channel: String },
    /// Another publisher wrote the same name each time that this one tried.
    #[error("{path} is being written by another")]
    Lost { path: String },
}

/// The kinds of channels that are a server of their own protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Http,
    S3,
    Oci,
    Gitlab,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Http => "http",
            Kind::S3 => "s3",
            Kind::Oci => "oci",
            Kind::Gitlab => "gitlab",
        })
    }
}

/// What was tried when a server refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Read,
    Write,
    Delete,
    List,
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Act::Read => "reading",
            Act::Write => "writing",
            Act::Delete => "deleting",
            Act::List => "listing",
        })
    }
}

/// What is wrong about the address of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    #[error("it begins with none of `file:`, `https:`, `http:`, `s3:`, `oci:` and `gitlab:`")]
    Scheme,
    #[error("a `file:` address names a folder of this machine, no host")]
    Host,
    #[error("it names no folder")]
    Empty,
    #[error("it counts from a checkout, and there is none")]
    NoCheckout,
    #[error("it names no bucket, or one that no store can have")]
    Bucket,
    #[error("an `s3:` address has only the settings `endpoint`, `region` and `path-style`")]
    Setting,
    #[error("it does not name a registry and, in small letters, a repository there")]
    Repository,
    #[error("it does not name a GitLab server and a project there")]
    Project,
}

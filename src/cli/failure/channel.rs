//! Words for what goes wrong with channels.

use crate::channel::{AddressFault, ChannelError};
use crate::cli::failure::{Code, Failure};

impl From<&ChannelError> for Failure {
    fn from(error: &ChannelError) -> Failure {
        match error {
            ChannelError::Address { channel, url, reason } => {
                let failure = Failure::new(Code::Usage, format!("`{url}` of channel `{channel}` is no address of one"))
                    .why(reason.to_string());
                match reason {
                    AddressFault::NoCheckout => failure.next("write the whole path: `file:///srv/deps`"),
                    _ => failure
                        .next("write `https://host/folder`, `file:///folder`, or `file:folder` from the checkout"),
                }
            }
            ChannelError::Http(error) => Failure::from(error),
            ChannelError::System { reason } => Failure::new(Code::Internal, "the channel's folder cannot be used")
                .why(reason)
                .next("check the free space and the rights there, then run it again"),
            ChannelError::NoFolder { folder } => {
                Failure::new(Code::NotFound, format!("there is no channel at `{}`", folder.display()))
                    .why("there is no such folder")
                    .next("mount it, or make it with the first `tagalong publish`; `url` in tagalong.toml names it")
            }
            ChannelError::TooLarge { path, limit } => Failure::new(Code::Verification, format!("`{path}` is refused"))
                .why(format!("it is larger than the {limit} bytes that it may have"))
                .next("publish it anew; if it was right once, somebody changed it"),
            ChannelError::ReadOnly { channel } => {
                Failure::new(Code::Usage, format!("nothing can be published to channel `{channel}`"))
                    .why("a web server is only read from")
                    .next("publish to a `file:` channel whose folder the server shows: `--channel NAME`")
            }
            ChannelError::Format { found } => {
                let found = found.map_or("no format that can be read".to_owned(), |found| format!("format {found}"));
                Failure::new(Code::Usage, "the channel is not one that this program can write to")
                    .why(format!("its `channel.json` has {found}, this program writes format 1"))
                    .next("use the program of the version that made the channel, or another folder")
            }
            ChannelError::Damaged { path } => Failure::new(Code::Verification, format!("`{path}` is damaged"))
                .why("what lies there is not what was written")
                .next("remove that file from the channel, and publish again; check the disk it is on"),
        }
    }
}

//! Words for what goes wrong with channels.

use crate::channel::{Act, AddressFault, ChannelError, Kind};
use crate::cli::failure::{Code, Failure};
use crate::http::environment::token_variable;

impl From<&ChannelError> for Failure {
    fn from(error: &ChannelError) -> Failure {
        match error {
            ChannelError::Address { channel, url, reason } => {
                let failure = Failure::new(Code::Usage, format!("`{url}` of channel `{channel}` is no address of one"))
                    .why(reason.to_string());
                match reason {
                    AddressFault::NoCheckout => failure.next("write the whole path: `file:///srv/deps`"),
                    AddressFault::Bucket | AddressFault::Setting => {
                        failure.next("write `s3://bucket/folder`, or `s3://bucket/folder?endpoint=https://host&region=eu-1`")
                    }
                    AddressFault::Repository => failure.next("write `oci://registry.example.org/team/deps`"),
                    AddressFault::Project => failure.next("write `gitlab://gitlab.example.org/group/project`"),
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
                    .next("mount it, or make that folder before the first `tagalong publish`; `url` in tagalong.toml names it")
            }
            ChannelError::TooLarge { path, limit } => Failure::new(Code::Verification, format!("`{path}` is refused"))
                .why(format!("it is larger than the {limit} bytes that it may have"))
                .next("publish it anew; if it was right once, somebody changed it"),
            ChannelError::ReadOnly { channel, status } => {
                Failure::new(Code::Usage, format!("nothing can be published to channel `{channel}`"))
                    .why(format!("its server takes no `PUT`: it answered {status}"))
                    .next("have WebDAV's `PUT`, `DELETE` and `MOVE` allowed there, or publish to a `file:` channel whose folder the server shows")
            }
            ChannelError::Refused { kind, channel, act, path, status, said } => {
                let what = match act {
                    Act::Read => format!("`{path}` of channel `{channel}` cannot be read"),
                    Act::Write => format!("`{path}` cannot be written to channel `{channel}`"),
                    Act::Delete => format!("`{path}` cannot be deleted from channel `{channel}`"),
                    Act::List => format!("`{path}` of channel `{channel}` cannot be listed"),
                };
                let said = said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
                let failure = Failure::new(Code::Network, what).why(format!("the server answered {status}{said}"));
                match status {
                    401 | 403 | 407 => failure.next(login_advice(*kind, channel)),
                    413 => failure.next("have larger bodies allowed there: nginx's `client_max_body_size`, or the limit of the proxy before it"),
                    404 => failure.next("look at the address of the channel in tagalong.toml: there is nothing of that name"),
                    _ => failure.next("try again later; if it stays so, ask who runs the server"),
                }
            }
            ChannelError::Nonsense { kind, path, reason } => {
                Failure::new(Code::Network, format!("the answer for `{path}` is not one of an {kind} server"))
                    .why(reason)
                    .next("look at the address of the channel in tagalong.toml, and whether a proxy answers in its place")
            }
            ChannelError::Credentials { of, reason } => {
                Failure::new(Code::Usage, format!("the credentials of {of} cannot be used"))
                    .why(reason)
                    .next("repair them, or log in anew with the program that wrote them")
            }
            ChannelError::NotListed { channel } => {
                Failure::new(Code::Usage, format!("channel `{channel}` cannot be listed"))
                    .why("its server does not tell what it holds in a form that programs can read")
                    .next("with nginx, set `autoindex on; autoindex_format json;`, or run this where the folder is a `file:` channel")
            }
            ChannelError::Lost { path } => Failure::new(Code::Network, format!("`{path}` was not written"))
                .why("another publisher wrote the same name each time that this one tried")
                .next("run it again when the other one is done"),
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

/// Where the credentials of a kind of channel come from.
fn login_advice(kind: Kind, channel: &str) -> String {
    let variable = token_variable(channel);
    match kind {
        Kind::Http => format!("set `{variable}` to a token or to `user:password`, or name the host in `~/.netrc`"),
        Kind::S3 => {
            "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`, to who may do that".to_owned()
        }
        Kind::Oci => format!("log in with `docker login` or `skopeo login`, or set `{variable}` to `user:password`"),
        Kind::Gitlab => {
            format!("set `{variable}` to a token of the project; in a job, `CI_JOB_TOKEN` of the same server is taken")
        }
    }
}

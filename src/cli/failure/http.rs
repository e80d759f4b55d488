//! The words for what went wrong over HTTP(S).

use crate::cli::failure::{Code, Failure};
use crate::http::HttpError;

impl From<&HttpError> for Failure {
    fn from(error: &HttpError) -> Failure {
        match error {
            HttpError::Client { reason } => Failure::new(Code::Usage, "nothing can be fetched over HTTP")
                .why(reason)
                .next("look at the proxy settings of the environment"),
            HttpError::Address { url, reason } => Failure::new(Code::Usage, format!("`{url}` cannot be fetched"))
                .why(reason)
                .next("write it as `https://host/folder`"),
            HttpError::NoAuthorities { url, reason } => {
                Failure::new(Code::Network, format!("`{url}` cannot be trusted"))
                    .why(format!("this system knows no certificate authority: {reason}"))
                    .next("install the package `ca-certificates`, or name a file of certificates in `SSL_CERT_FILE`")
            }
            HttpError::Unreachable { url, reason } if reason.contains("certificate") => {
                Failure::new(Code::Network, format!("`{url}` cannot be trusted"))
                    .why(reason)
                    .next("if the server has a certificate of an own authority, name that one in `SSL_CERT_FILE`")
            }
            HttpError::Unreachable { url, reason } => Failure::new(Code::Network, format!("`{url}` cannot be reached"))
                .why(reason)
                .next("look at the network and at `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, then try again"),
            HttpError::Broken { url, reason } => {
                Failure::new(Code::Network, format!("the answer of `{url}` broke off again and again"))
                    .why(reason)
                    .next("try again when the network is better")
            }
            HttpError::Status { url, status, .. } => {
                let failure = Failure::new(Code::Network, format!("`{url}` cannot be fetched"))
                    .why(format!("the server answered {status}"));
                match status {
                    401 | 403 => {
                        failure.next("set `TAGALONG_TOKEN_<CHANNEL>` to a token or to `user:password`, or name the host in `~/.netrc`")
                    }
                    407 => failure.next("put the user and the password into the proxy's address"),
                    _ => failure.next("try again later"),
                }
            }
            HttpError::Redirect { url, reason } => Failure::new(Code::Network, format!("`{url}` cannot be fetched"))
                .why(reason.to_string())
                .next("ask who runs the server, or name the address it leads to"),
            HttpError::TooLarge { url, limit } => Failure::new(Code::Verification, format!("`{url}` is refused"))
                .why(format!("it is larger than the {limit} bytes that it may have"))
                .next("publish it anew; if it was right once, somebody changed it"),
            HttpError::File { url, reason } => {
                Failure::new(Code::Internal, format!("what came from `{url}` could not be written"))
                    .why(reason)
                    .next("make room on the disk of `TAGALONG_CACHE`")
            }
        }
    }
}

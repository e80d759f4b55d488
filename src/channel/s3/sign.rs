//! Signs requests to S3: AWS Signature Version 4 in headers, with the digest of the body, so that the store refuses a
//! body that was changed on the way.
//!
//! Does not send, and knows no credentials but those it is given.

use crate::channel::s3::credentials::Credentials;
use crate::http::Header;
use crate::model::digest::{Digest, Digester};
use crate::moment;

/// What is signed of a request.
pub(super) struct Outline<'a> {
    pub method: &'a str,
    pub host: &'a str,
    /// Encoded, as it is sent.
    pub path: &'a str,
    /// Encoded and sorted, as it is sent.
    pub query: &'a str,
    /// Those that are sent; of them, the ones of S3 are signed.
    pub headers: &'a [Header],
    pub body: Digest,
}

/// The headers that prove who asks, at a time in seconds since 1970.
pub(super) fn sign(outline: &Outline, credentials: &Credentials, region: &str, now: u64) -> Vec<Header> {
    let header = |name: &str, value: String| (name.to_owned(), value);
    let mut added = vec![header("x-amz-content-sha256", outline.body.hex()), header("x-amz-date", moment::basic(now))];
    added.extend(credentials.token.iter().map(|token| header("x-amz-security-token", token.clone())));
    let authorization = authorization(outline, &added, credentials, (region, "s3"), now);
    added.push(header("authorization", authorization));
    added
}

fn authorization(
    outline: &Outline,
    added: &[Header],
    credentials: &Credentials,
    (region, service): (&str, &str),
    now: u64,
) -> String {
    let mut signed: Vec<(String, &str)> = vec![("host".to_owned(), outline.host)];
    let own = outline.headers.iter().filter(|(name, _)| name.starts_with("x-amz-"));
    signed.extend(own.chain(added).map(|(name, value)| (name.to_lowercase(), value.trim())));
    signed.sort();
    let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let Outline { method, path, query, body, .. } = outline;
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{body}");

    let time = moment::basic(now);
    let day = &time[..8];
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", Digest::of(canonical.as_bytes()));
    let mut key = hmac(format!("AWS4{}", credentials.secret).as_bytes(), day.as_bytes());
    for part in [region, service, "aws4_request"] {
        key = hmac(key.as_bytes(), part.as_bytes());
    }
    let signature = hmac(key.as_bytes(), text.as_bytes());
    format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}", credentials.key)
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> Digest {
    let mut block = [0; 64];
    match key.len() > block.len() {
        true => block[..32].copy_from_slice(Digest::of(key).as_bytes()),
        false => block[..key.len()].copy_from_slice(key),
    }
    let with = |pad: u8, text: &[u8]| {
        let mut digester = Digester::new();
        digester.update(&block.map(|byte| byte ^ pad));
        digester.update(text);
        digester.finish()
    };
    with(0x5c, with(0x36, text).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_the_standard() {
        // RFC 4231, test cases 2 and 6.
        let found = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(found.hex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let found = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(found.hex(), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn signature_is_that_of_the_published_example() {
        // `get-vanilla` of AWS's Signature Version 4 test suite.
        let credentials = Credentials {
            key: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let body = Digest::of(b"");
        let outline =
            Outline { method: "GET", host: "example.amazonaws.com", path: "/", query: "", headers: &[], body };
        let added = [("x-amz-date".to_owned(), "20150830T123600Z".to_owned())];
        let found = authorization(&outline, &added, &credentials, ("us-east-1", "service"), 1_440_938_160);
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,\
                        SignedHeaders=host;x-amz-date,\
                        Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert_eq!(found, expected);
    }
}

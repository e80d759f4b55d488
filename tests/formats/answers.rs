//! What servers answer, read through channels of each kind.
//!
//! ```text
//! kind of channel (1 byte), then answers, apart by NUL:  status (1 byte), text of its headers up to \n, body
//! ```
//! A server in this process gives them out one by one; after the last one it has nothing. Only statuses are among them
//! after which the program neither waits nor asks elsewhere.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;

use tagalong::channel::Channel;
use tagalong::http::environment;
use tagalong::model::build_key::BuildKey;
use tagalong::model::bundle::{BundleKind, BundleRef};
use tagalong::model::digest::Digest;
use tagalong::model::platform::Platform;
use tagalong::model::project::{ChannelConfig, Trust};
use tagalong::model::tag::DepsTag;

const STATUSES: [u16; 10] = [200, 200, 200, 206, 400, 401, 403, 404, 409, 412];

/// What is still to be given out, the next one last.
static ANSWERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Channels at the server, one of each kind.
static CHANNELS: LazyLock<[Channel; 4]> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn({
        let host = host.clone();
        move || {
            for stream in listener.incoming() {
                let host = host.clone();
                // A client that went away is none of the server's business.
                thread::spawn(move || drop(serve(&stream.unwrap(), &host)));
            }
        }
    });
    let logins = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("TAGALONG_TIMEOUT", "5")];
    environment::enter(logins.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    [
        format!("http://{host}/deps"),
        format!("s3://bucket/deps?endpoint=http://{host}&region=x"),
        format!("oci+http://{host}/a/deps"),
        format!("gitlab+http://{host}/group/project"),
    ]
    .map(|url| Channel::open(&ChannelConfig { name: "c".to_owned(), url, trust: Trust::Unsigned }, None).unwrap())
});

fn serve(stream: &TcpStream, host: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let Some(first) = lines.next().transpose()? else { return Ok(()) };
        let mut length = 0;
        while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
            length = line.to_lowercase().strip_prefix("content-length: ").map_or(length, |size| size.parse().unwrap());
        }
        // Nothing here reads a body: all that is asked is asked by GET.
        assert_eq!(length, 0, "{first}");
        let answer = ANSWERS.lock().unwrap().pop().unwrap_or_else(|| vec![7]);
        let (status, rest) = answer.split_first().unwrap_or((&7, &[]));
        let status = STATUSES[usize::from(*status) % STATUSES.len()];
        let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (text, body) = (&rest[..at], rest.get(at + 1..).unwrap_or_default());
        let text: String = text.iter().map(|byte| char::from(*byte)).filter(|c| (' '..='~').contains(c)).collect();
        // Where another address stands in it, the program would ask there.
        let text = if text.contains("://") || text.contains("realm") { String::new() } else { text };
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nwww-authenticate: Bearer realm=\"http://{host}/t\",{text}\r\n\
             link: <{text}>; rel=\"next\"\r\nx-next-page: {text}\r\netag: {text}\r\ncontent-type: {text}\r\n\r\n",
            body.len()
        );
        (&*stream).write_all(&[head.as_bytes(), body].concat())?;
    }
}

pub fn read(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let channel = &CHANNELS[usize::from(*kind) % CHANNELS.len()];
    let mut answers: Vec<Vec<u8>> = rest.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    answers.reverse();
    *ANSWERS.lock().unwrap() = answers;
    let platform = Platform::parse("debian-12-x86_64").unwrap();
    let tag = DepsTag::parse("deps-1").unwrap();
    let wanted = BundleRef { kind: BundleKind::Tagged, tag: tag.clone(), platform: platform.clone() };
    let _ = channel.is_there();
    let _ = channel.manifest(&wanted);
    let _ = channel.platforms(BundleKind::Tagged, &tag, std::slice::from_ref(&platform));
    let _ = channel.writable().list("bundles/");
    let mut into = tempfile::tempfile().unwrap();
    let _ = channel.archive(Digest::of(b"x"), 1 << 20, &mut into, &mut |_| ());
    let _ = channel.record(&platform, BuildKey::of_digest(Digest::of(b"x")));
    ANSWERS.lock().unwrap().clear();
}

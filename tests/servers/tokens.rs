//! A giver of tokens before the registry: who comes without a token is sent to it, and gets one for the right login
//! (`Bearer`, as GitLab's, Docker's and GitHub's registries have it). What comes with a token is handed on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::{Place, registry};

const LOGIN: &str = "authorization: Basic YWRhOnJpZ2h0";

/// How often a token is taken before it is over.
const USES: u32 = 5;

/// The registry behind the giver of tokens.
pub fn start() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let server = registry::start();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (own, behind) = (listener.local_addr().unwrap().port(), server.port.unwrap());
        let uses = Arc::new(AtomicU32::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let uses = Arc::clone(&uses);
                // What breaks here is the client's way to end.
                thread::spawn(move || drop(serve(&stream, own, behind, &uses)));
            }
        });
        server.through(own)
    })
}

fn serve(mut stream: &TcpStream, own: u16, behind: u16, uses: &AtomicU32) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let Some(first) = head.first().cloned() else { return Ok(()) };
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = Vec::new();
    reader.take(length.unwrap_or(0)).read_to_end(&mut body)?;
    let number = uses.load(Ordering::Relaxed) / USES;
    let is_login = |line: &String| line.eq_ignore_ascii_case(LOGIN);
    let is_token = |line: &String| *line == format!("authorization: Bearer token-{number}");
    if first.starts_with("GET /token?") {
        let is_asked_well = first.contains("service=reg") && first.contains("scope=repository%3Ateam%2F");
        let text = match head.iter().any(is_login) && is_asked_well {
            true => format!("{{\"token\": \"token-{number}\", \"expires_in\": 300}}"),
            false => String::new(),
        };
        let status = if text.is_empty() { "401 Unauthorized" } else { "200 OK" };
        return write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
    }
    if !head.iter().any(is_token) {
        let repository = first.split("/v2/").nth(1).map_or("", |rest| {
            rest.split_once("/manifests")
                .or(rest.split_once("/blobs"))
                .or(rest.split_once("/tags"))
                .map_or("", |(name, _)| name)
        });
        let challenge = format!(
            "Bearer realm=\"http://127.0.0.1:{own}/token\",service=\"reg\",scope=\"repository:{repository}:pull,push\""
        );
        return write!(
            stream,
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    uses.fetch_add(1, Ordering::Relaxed);
    let mut server = TcpStream::connect(("127.0.0.1", behind))?;
    let kept = head.iter().filter(|line| !line.to_lowercase().starts_with("authorization:"));
    let mut question: String = kept.map(|line| format!("{line}\r\n")).collect();
    question.push_str(&format!("{LOGIN}\r\nConnection: close\r\n\r\n"));
    server.write_all(question.as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut stream)?;
    Ok(())
}

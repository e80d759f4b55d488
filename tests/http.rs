//! The HTTP client against servers that behave badly: broken answers, errors that pass, redirects, ranges.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tagalong::http::{Client, HttpError, Method, Request, environment};

/// A server that gives each connection the next answer and keeps what was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn answering(answers: Vec<Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                log.lock().unwrap().push(head(&stream));
                // The client may have gone away already, which is its right.
                let _ = stream.write_all(&answer);
            }
        });
        Server { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n").to_lowercase()
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn text(file: &mut std::fs::File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn small_object_is_got_and_its_absence_is_no_error() {
    let server = Server::answering(vec![
        answer("200 OK\r\nContent-Length: 5", b"hello"),
        answer("404 Not Found\r\nContent-Length: 0", b""),
    ]);
    let client = Client::new().unwrap();
    assert_eq!(client.get(&server.url, 10), Ok(Some(b"hello".to_vec())));
    assert_eq!(client.get(&server.url, 10), Ok(None));
    assert!(server.asked()[0].contains("accept-encoding: identity"));
}

#[test]
fn error_that_may_pass_is_tried_again_and_a_refusal_is_not() {
    let server = Server::answering(vec![
        answer("503 Service Unavailable\r\nContent-Length: 0", b""),
        b"".to_vec(),
        answer("200 OK\r\nContent-Length: 2", b"ok"),
        answer("403 Forbidden\r\nContent-Length: 0", b""),
    ]);
    let client = Client::new().unwrap();
    assert_eq!(client.get(&server.url, 10), Ok(Some(b"ok".to_vec())));
    let refused = HttpError::Status { url: format!("{}/", server.url), status: 403, retry_after: None };
    assert_eq!(client.get(&server.url, 10), Err(refused));
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn larger_object_than_allowed_is_refused_with_and_without_a_length() {
    let server = Server::answering(vec![
        answer("200 OK\r\nContent-Length: 11", b"hello world"),
        answer("200 OK", b"hello world"),
        answer("200 OK", b"hello world"),
    ]);
    let client = Client::new().unwrap();
    let refused = HttpError::TooLarge { url: format!("{}/", server.url), limit: 10 };
    assert_eq!(client.get(&server.url, 10), Err(refused.clone()));
    assert_eq!(client.get(&server.url, 10), Err(refused.clone()));
    let mut file = tempfile::tempfile().unwrap();
    assert_eq!(client.download(&server.url, &mut file, 10, &mut |_| ()), Err(refused));
}

#[test]
fn broken_download_is_resumed_where_it_broke_if_it_is_still_the_same_object() {
    let server = Server::answering(vec![
        answer("200 OK\r\nContent-Length: 11\r\nETag: \"a\"", b"hello"),
        answer("206 Partial Content\r\nContent-Range: bytes 5-10/11\r\nContent-Length: 6\r\nETag: \"a\"", b" wor"),
        answer("200 OK\r\nContent-Length: 7\r\nETag: \"b\"", b"another"),
    ]);
    let mut file = tempfile::tempfile().unwrap();
    let mut heard = Vec::new();
    let count = Client::new().unwrap().download(&server.url, &mut file, 100, &mut |bytes| heard.push(bytes));
    assert_eq!((count, text(&mut file)), (Ok(Some(7)), "another".to_owned()));
    assert_eq!(heard, [5, 9, 7]);
    let asked = server.asked();
    assert!(!asked[0].contains("range:"), "{}", asked[0]);
    assert!(asked[1].contains("range: bytes=5-\nif-range: \"a\""), "{}", asked[1]);
    assert!(asked[2].contains("range: bytes=9-\nif-range: \"a\""), "{}", asked[2]);
}

#[test]
fn broken_download_starts_anew_where_nothing_proves_that_it_is_the_same_object() {
    let server = Server::answering(vec![
        answer("200 OK\r\nContent-Length: 11", b"hello"),
        answer("200 OK\r\nContent-Length: 5", b"other"),
    ]);
    let mut file = tempfile::tempfile().unwrap();
    let count = Client::new().unwrap().download(&server.url, &mut file, 100, &mut |_| ());
    assert_eq!((count, text(&mut file)), (Ok(Some(5)), "other".to_owned()));
    assert!(!server.asked()[1].contains("range:"));
}

#[test]
fn redirects_are_followed_without_the_user_and_not_for_ever() {
    let end = Server::answering(vec![answer("200 OK\r\nContent-Length: 2", b"ok")]);
    let start = Server::answering(vec![answer(&format!("302 Found\r\nLocation: {}/there", end.url), b"")]);
    let client = Client::new().unwrap();
    let with_user = start.url.replace("http://", "http://ada:secret@");
    assert_eq!(client.get(&with_user, 10), Ok(Some(b"ok".to_vec())));
    assert!(start.asked()[0].contains("authorization: basic"));
    assert!(!end.asked()[0].contains("authorization"));

    let circle = Server::answering(vec![answer("302 Found\r\nLocation: /again\r\nContent-Length: 0", b""); 9]);
    let error = client.get(&circle.url.replace("http://", "http://ada:secret@"), 10).unwrap_err();
    assert_eq!(error.to_string(), format!("{}/: it redirects too often", circle.url));
    assert_eq!(circle.asked().len(), 6);
}

#[test]
fn secrets_of_a_request_go_to_its_host_alone() {
    let end = Server::answering(vec![answer("200 OK\r\nContent-Length: 2", b"ok")]);
    let start = Server::answering(vec![
        answer("307 Temporary Redirect\r\nLocation: /same\r\nContent-Length: 0", b""),
        answer(&format!("302 Found\r\nLocation: {}/there", end.url), b""),
    ]);
    let secrets = || vec![("private-token".to_owned(), "secret".to_owned())];
    let plain = [("x-plain".to_owned(), "yes".to_owned())];
    let request = Request::new(Method::Get, &start.url).headers(&plain).secrets(&secrets);
    assert_eq!(Client::new().unwrap().send(&request, 10).unwrap().body, b"ok");
    assert!(start.asked().iter().all(|head| head.contains("private-token: secret")), "{:?}", start.asked());
    assert!(end.asked()[0].contains("x-plain: yes") && !end.asked()[0].contains("private-token"));
}

#[test]
fn answer_that_only_trickles_is_broken_off_and_resumed() {
    environment::enter([("TAGALONG_TIMEOUT".to_owned(), "1".to_owned())].into_iter());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        let (mut slow, _) = listener.accept().unwrap();
        log.lock().unwrap().push(head(&slow));
        slow.write_all(&answer("200 OK\r\nContent-Length: 1000\r\nETag: \"a\"", b"")).unwrap();
        // Until the client has gone.
        while slow.write_all(b"0123456789").is_ok() {
            thread::sleep(std::time::Duration::from_millis(100));
        }
        let (mut fast, _) = listener.accept().unwrap();
        let question = head(&fast);
        let start: usize = question.split("range: bytes=").nth(1).unwrap().split('-').next().unwrap().parse().unwrap();
        log.lock().unwrap().push(question);
        let range = format!("206 Partial Content\r\nContent-Range: bytes {start}-999/1000\r\nETag: \"a\"");
        fast.write_all(&answer(&range, &b"0123456789".repeat(100)[start..])).unwrap();
    });
    let mut file = tempfile::tempfile().unwrap();
    let count = Client::new().unwrap().download(&url, &mut file, 1000, &mut |_| ());
    assert_eq!((count, text(&mut file)), (Ok(Some(1000)), "0123456789".repeat(100)));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn server_that_says_nothing_is_not_waited_for_for_ever_and_what_it_cannot_do_is_not_asked_again() {
    environment::enter([("TAGALONG_TIMEOUT".to_owned(), "1".to_owned())].into_iter());
    let server = Server::answering(vec![answer("501 Not Implemented\r\nContent-Length: 0", b"")]);
    let answer = Client::new().unwrap().send(&Request::new(Method::Put, &server.url), 10).unwrap();
    assert_eq!((answer.status, server.asked().len()), (501, 1));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let start = std::time::Instant::now();
    assert!(matches!(Client::new().unwrap().get(&url, 10), Err(HttpError::Unreachable { .. })));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

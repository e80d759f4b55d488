//! A proxy before a server: it counts what goes by, and does to some connections what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is done to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Closes it after so many bytes of the answer.
    Cut(usize),
    /// Resets it after so many bytes of the question.
    Reset(usize),
    /// Says nothing more after so many bytes of the answer.
    Stall(usize),
    /// Changes a bit of this byte of the answer.
    FlipAnswer(usize),
    /// Changes a bit of this byte of the question.
    FlipQuestion(usize),
    /// Answers 503 in the server's place.
    Error,
    /// Answers what is no HTTP, as a server of TLS does.
    Garbage,
    /// Tells another length than the answer has.
    WrongLength,
    /// Sends these bytes of the answer twice.
    Duplicate(usize),
    /// Leaves bytes of the answer out, and ends it properly.
    Truncate(usize),
}

/// Gives a fault for each connection.
type Next = Box<dyn Fn() -> Fault + Send + Sync>;

pub struct Proxy {
    pub port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    is_on: Arc<AtomicBool>,
    /// How many connections there were, and to how many of them something was done.
    pub connections: Arc<[AtomicUsize; 2]>,
}

impl Proxy {
    /// Starts one that does nothing but count.
    pub fn counting(server: u16) -> Proxy {
        Proxy::start(server, Box::new(|| Fault::None))
    }

    pub fn start(server: u16, next: Next) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, is_on) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(true)));
        let connections = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let counts = Arc::clone(&connections);
        let (log, on) = (Arc::clone(&asked), Arc::clone(&is_on));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let fault = if on.load(Ordering::Relaxed) { next() } else { Fault::None };
                counts[0].fetch_add(1, Ordering::Relaxed);
                counts[1].fetch_add(usize::from(fault != Fault::None), Ordering::Relaxed);
                let log = Arc::clone(&log);
                // What breaks here is what is wanted, or the client's way to end.
                thread::spawn(move || drop(serve(client, server, fault, &log)));
            }
        });
        Proxy { port, asked, is_on, connections }
    }

    /// Lets everything pass from now on.
    pub fn heal(&self) {
        self.is_on.store(false, Ordering::Relaxed);
    }

    /// The requests since the last time, as `GET /path`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn serve(mut client: TcpStream, server: u16, fault: Fault, log: &Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    match fault {
        Fault::Error => return instead(client, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Fault::Garbage => return instead(client, b"\x15\x03\x01\x00\x02\x02\x46"),
        _ => {}
    }
    let upstream = TcpStream::connect(("127.0.0.1", server))?;
    let (question, answer) = (upstream.try_clone()?, client.try_clone()?);
    let log = Arc::clone(log);
    let asking = {
        let from = client.try_clone()?;
        thread::spawn(move || {
            let flip = if let Fault::FlipQuestion(place) = fault { Some(place) } else { None };
            let reset = if let Fault::Reset(place) = fault { Some(place) } else { None };
            pump(from, question, |bytes, before| {
                note(bytes, &log);
                flipped(bytes, before, flip);
                reset.is_none_or(|place| before < place)
            })
        })
    };
    let mut is_first = true;
    let done = pump(upstream, answer, |bytes, before| {
        let after = before + bytes.len();
        match fault {
            Fault::FlipAnswer(place) => flipped(bytes, before, Some(place)),
            Fault::Duplicate(place) if (before..after).contains(&place) => {
                let again = bytes[place - before..].to_vec();
                bytes.extend(again);
            }
            Fault::Truncate(place) if (before..after).contains(&place) => bytes.truncate(place - before),
            Fault::WrongLength if is_first => longer(bytes),
            Fault::Cut(place) if after > place => {
                bytes.truncate(place.saturating_sub(before));
            }
            Fault::Stall(place) if after > place => thread::sleep(Duration::from_secs(6)),
            _ => {}
        }
        is_first = false;
        !matches!(fault, Fault::Cut(place) | Fault::Stall(place) if after > place)
    });
    // Both are over by now, or shall be.
    let _ = client.shutdown(Shutdown::Both);
    let _ = client.flush();
    let _ = asking.join();
    done
}

/// Answers without asking the server.
fn instead(mut client: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut some = [0; 4096];
    let _ = client.read(&mut some)?;
    client.write_all(answer)?;
    client.shutdown(Shutdown::Write)?;
    // The rest of the question is read, so that the answer is not lost in a reset.
    client.set_read_timeout(Some(Duration::from_millis(300)))?;
    while client.read(&mut some).is_ok_and(|count| count > 0) {}
    Ok(())
}

/// Copies until the end, or until `change` says that it is over.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    mut change: impl FnMut(&mut Vec<u8>, usize) -> bool,
) -> std::io::Result<()> {
    let (mut buffer, mut count) = (vec![0; 64 << 10], 0);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return to.shutdown(Shutdown::Write);
        }
        let mut bytes = buffer[..read].to_vec();
        let goes_on = change(&mut bytes, count);
        count += read;
        to.write_all(&bytes)?;
        if !goes_on {
            to.shutdown(Shutdown::Both)?;
            return from.shutdown(Shutdown::Both);
        }
    }
}

/// Requests begin at the start of what is read: clients wait for an answer before they ask again.
fn note(bytes: &[u8], log: &Mutex<Vec<String>>) {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else { return };
    if let Some(request) = line.strip_suffix(" HTTP/1.1") {
        log.lock().unwrap().push(request.to_owned());
    }
}

fn flipped(bytes: &mut [u8], before: usize, place: Option<usize>) {
    if let Some(byte) = place.and_then(|place| place.checked_sub(before)).and_then(|place| bytes.get_mut(place)) {
        *byte ^= 1 << (before % 7);
    }
}

/// Adds to the length that the head tells.
fn longer(bytes: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    if let Some(start) = text.find("content-length: ") {
        bytes.insert(start + "content-length: ".len(), b'1');
    }
}

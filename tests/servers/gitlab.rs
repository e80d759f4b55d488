//! A server that keeps to what GitLab documents of its generic packages and package files, and to nothing more.
//!
//! Tokens: `writer` and `reader` as private tokens, `job` as a job's, `deploy` as a deploy token. Projects whose names
//! hold `redirect` send reads to an object storage on another port, which refuses whoever brings a token; those that
//! hold `unique` refuse duplicates; the first upload of each version in those that hold `race` fails with 500.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use serde_json::{Value, json};
use tagalong::model::digest::Digest;

use super::Place;

#[derive(Clone)]
struct PackageFile {
    id: u64,
    package: u64,
    name: String,
    bytes: Arc<Vec<u8>>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// By project, name and version.
    packages: BTreeMap<(String, String, String), u64>,
    files: Vec<PackageFile>,
    seen: BTreeSet<String>,
    storage: u16,
}

struct Question {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Reply {
    status: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The server.
pub fn start() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let state = Arc::new(Mutex::new(State::default()));
        let storage = serve(Arc::clone(&state), stored);
        state.lock().unwrap().storage = storage;
        let port = serve(state, answer);
        let token = |token: &str| vec![("TAGALONG_TOKEN_MAIN", token.to_owned())];
        Place {
            kind: "gitlab",
            address: format!("gitlab+http://127.0.0.1:{port}/group/NAME"),
            port: Some(port),
            writer: token("writer"),
            reader: Some(token("reader")),
            stranger: Some(token("stranger")),
        }
    })
}

fn serve(state: Arc<Mutex<State>>, answer: fn(&Mutex<State>, &Question) -> Reply) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(question) = read(&mut reader) {
                    let reply = answer(&state, &question);
                    if write(&stream, &question, &reply).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Question> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let (method, whole) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = tagalong::percent::decoded;
    let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length: u64 = headers.get("content-length").and_then(|length: &String| length.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut body).ok()?;
    // What broke off is no upload.
    (body.len() as u64 == length).then(|| Question { method, path: path.to_owned(), query, headers, body })
}

fn write(mut stream: &TcpStream, question: &Question, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {}\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
    reply.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if question.method == "HEAD" { Ok(()) } else { stream.write_all(&reply.body) }
}

fn told(status: &'static str, body: &Value) -> Reply {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Reply { status, headers, body: body.to_string().into_bytes() }
}

fn refused(status: &'static str) -> Reply {
    told(status, &json!({ "message": status }))
}

/// Who asks, by the header that a token of its sort goes in.
fn may(question: &Question) -> Result<bool, Reply> {
    let header = |name: &str| question.headers.get(name).map(String::as_str);
    match (header("private-token"), header("job-token"), header("deploy-token")) {
        (Some("writer"), ..) | (_, Some("job"), _) | (.., Some("deploy")) => Ok(true),
        (Some("reader"), ..) => Ok(false),
        _ => Err(refused("401 Unauthorized")),
    }
}

fn answer(state: &Mutex<State>, question: &Question) -> Reply {
    let is_writer = match may(question) {
        Ok(is_writer) => is_writer,
        Err(reply) => return reply,
    };
    if question.method != "GET" && !is_writer {
        return refused("403 Forbidden");
    }
    let parts: Vec<String> = question.path.split('/').skip(1).map(tagalong::percent::decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut state = state.lock().unwrap();
    match (question.method.as_str(), &parts[..]) {
        ("GET", ["api", "v4", "projects", project, "packages", "generic", name, version, file]) => {
            let Some(found) = newest(&state, project, name, version, file) else { return refused("404 Not Found") };
            if project.contains("redirect") {
                let location = format!("http://127.0.0.1:{}/stored/{}", state.storage, found.id);
                return Reply {
                    status: "302 Found",
                    headers: vec![("Location".to_owned(), location)],
                    body: Vec::new(),
                };
            }
            content(question, &found)
        }
        ("PUT", ["api", "v4", "projects", project, "packages", "generic", name, version, file]) => {
            put(&mut state, question, project, name, version, file)
        }
        ("GET", ["api", "v4", "projects", project, "packages"]) => {
            let wanted = question.query.get("package_name").cloned().unwrap_or_default();
            let found: Vec<Value> = state
                .packages
                .iter()
                .filter(|((owner, name, _), _)| owner == project && name.contains(&wanted))
                .map(|((_, name, version), id)| json!({"id": id, "name": name, "version": version, "package_type": "generic"}))
                .collect();
            told("200 OK", &page(question, found))
        }
        ("GET", ["api", "v4", "projects", _, "packages", id, "package_files"]) => {
            let of = |file: &&PackageFile| Ok(file.package) == id.parse();
            let found: Vec<Value> = state.files.iter().filter(of).map(record).collect();
            told("200 OK", &page(question, found))
        }
        ("DELETE", ["api", "v4", "projects", _, "packages", _, "package_files", id]) => {
            let before = state.files.len();
            state.files.retain(|file| Ok(file.id) != id.parse());
            if state.files.len() == before {
                refused("404 Not Found")
            } else {
                Reply { status: "204 No Content", headers: vec![], body: vec![] }
            }
        }
        _ => refused("404 Not Found"),
    }
}

fn page(question: &Question, found: Vec<Value>) -> Value {
    let number =
        |name: &str, other: usize| question.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(other);
    let (size, page) = (number("per_page", 20).min(100), number("page", 1).max(1));
    Value::Array(found.into_iter().skip(size * (page - 1)).take(size).collect())
}

fn newest(state: &State, project: &str, name: &str, version: &str, file: &str) -> Option<PackageFile> {
    let package = *state.packages.get(&(project.to_owned(), name.to_owned(), version.to_owned()))?;
    let is_it = |found: &&PackageFile| found.package == package && found.name == file;
    state.files.iter().filter(is_it).max_by_key(|found| found.id).cloned()
}

fn record(file: &PackageFile) -> Value {
    json!({"id": file.id, "package_id": file.package, "file_name": file.name, "size": file.bytes.len(),
           "file_sha256": Digest::of(&file.bytes).hex(), "created_at": "2026-11-21T18:45:52.123Z"})
}

fn put(state: &mut State, question: &Question, project: &str, name: &str, version: &str, file: &str) -> Reply {
    let is_plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c))
    };
    if !is_plain(name, "") || !is_plain(file, "") || !is_plain(version, "+") || version.contains("..") {
        return told("400 Bad Request", &json!({"error": "file_name is invalid"}));
    }
    if project.contains("race") && state.seen.insert(format!("{project}/{name}/{version}")) {
        return refused("500 Internal Server Error");
    }
    if project.contains("unique") && newest(state, project, name, version, file).is_some() {
        return told("403 Forbidden", &json!({"message": "403 Forbidden - Duplicate package is not allowed"}));
    }
    state.next += 1;
    let (fresh, key) = (state.next, (project.to_owned(), name.to_owned(), version.to_owned()));
    let package = *state.packages.entry(key).or_insert(fresh);
    state.next += 1;
    let bytes = Arc::new(question.body.clone());
    let put = PackageFile { id: state.next, package, name: file.to_owned(), bytes };
    state.files.push(put.clone());
    match question.query.get("select").map(String::as_str) {
        Some("package_file") => told("201 Created", &record(&put)),
        _ => told("201 Created", &json!({"message": "201 Created"})),
    }
}

/// A file as it is read, from a byte on where a range is asked for.
fn content(question: &Question, file: &PackageFile) -> Reply {
    let kind = ("Content-Type".to_owned(), "application/octet-stream".to_owned());
    let tag = ("ETag".to_owned(), format!("\"{}\"", file.id));
    let from =
        question.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) if from < file.bytes.len() => {
            let range = format!("bytes {from}-{}/{}", file.bytes.len() - 1, file.bytes.len());
            let headers = vec![kind, tag, ("Content-Range".to_owned(), range)];
            Reply { status: "206 Partial Content", headers, body: file.bytes[from..].to_vec() }
        }
        _ => Reply { status: "200 OK", headers: vec![kind, tag], body: file.bytes.to_vec() },
    }
}

/// The object storage: it knows no tokens, and does not want to see any.
fn stored(state: &Mutex<State>, question: &Question) -> Reply {
    let secrets = ["private-token", "job-token", "deploy-token", "authorization"];
    if secrets.iter().any(|name| question.headers.contains_key(*name)) {
        return refused("400 Bad Request");
    }
    let id = question.path.rsplit('/').next().and_then(|id| id.parse().ok());
    let state = state.lock().unwrap();
    let found = state.files.iter().find(|file| Some(file.id) == id);
    found.map_or_else(|| refused("404 Not Found"), |file| content(question, file))
}

//! The servers that channels lie on, as they are installed, and one of the tests' own that keeps to GitLab's interface.
//!
//! Each is started once per test program, on a free port, and ends with it.

#![allow(dead_code, reason = "each test program uses some of the servers")]

pub mod gitlab;
pub mod nginx;
pub mod proxy;
pub mod radosgw;
pub mod registry;
pub mod tokens;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A place for channels: where it is, and with which variables it lets one write, read, or neither.
#[derive(Clone)]
pub struct Place {
    pub kind: &'static str,
    /// An address with `NAME` in the place of a channel's own name.
    pub address: String,
    pub port: Option<u16>,
    pub writer: Vec<(&'static str, String)>,
    /// Who may only read; `None` where everybody who may do that may write.
    pub reader: Option<Vec<(&'static str, String)>>,
    /// Credentials that are none; `None` where none are asked for.
    pub stranger: Option<Vec<(&'static str, String)>>,
}

impl Place {
    /// The address of a channel that nobody else uses.
    pub fn fresh(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("c{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let address = self.address.replace("NAME", &name);
        if let Some(folder) = address.strip_prefix("file://") {
            std::fs::create_dir(folder).unwrap();
        }
        address
    }

    /// The same place seen through another port.
    pub fn through(&self, port: u16) -> Place {
        let own = format!("127.0.0.1:{}", self.port.expect("it is on a port"));
        Place { address: self.address.replace(&own, &format!("127.0.0.1:{port}")), port: Some(port), ..self.clone() }
    }
}

/// A port that nobody listens on; another program may take it before it is used, and then the server says so.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A folder that is removed when this process has ended, in whatever way.
pub fn folder(name: &str, parent: &Path) -> PathBuf {
    let folder = tempfile::Builder::new().prefix(&format!("tagalong-{name}-")).tempdir_in(parent).unwrap().keep();
    let own = std::process::id().to_string();
    let script = "{ while kill -0 $1; do sleep 1; done; sleep 1; rm -rf \"$2\"; } &";
    let status = Command::new("sh")
        .args(["-c", script, "sh", &own, folder.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    folder
}

/// Starts a program that ends with this process, whatever becomes of the test that started it.
pub fn keep(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new("setpriv");
    let log = std::fs::File::create(folder.join(format!("{}.log", program.rsplit('/').next().unwrap()))).unwrap();
    command
        .args(["--pdeathsig", "KILL", "--", program])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    let (done, is_started) = mpsc::channel();
    let name = program.to_owned();
    // The signal comes when the thread that started the program ends: this one does not.
    thread::spawn(move || {
        let child = command.spawn();
        done.send(child.as_ref().map(|_| ()).map_err(ToString::to_string)).unwrap();
        loop {
            thread::park();
        }
    });
    is_started.recv().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// Waits until somebody listens.
pub fn wait_for(port: u16, what: &str) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} does not listen on {port}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a program to its end; gives what it printed.
pub fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

//! Installing from a web server: nginx in front of a folder that was published to.

mod world;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use world::World;
use world::bundle::{Package, own};

/// nginx on a free port, until it is dropped.
struct Nginx {
    process: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Nginx {
    fn start(world: &World, listen: &str, more: &str) -> Nginx {
        // Another process may take the port between the two: then nginx says so and the test fails loudly.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = world.root().join("nginx");
        fs::create_dir_all(&folder).unwrap();
        let (here, channel) = (folder.display(), world.channel());
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};"))
            .join("\n");
        let config = format!(
            "daemon off; master_process off; pid {here}/pid; error_log {here}/error;\nevents {{}}\n\
             http {{ access_log {here}/access; {places}\n\
             server {{ listen 127.0.0.1:{port}{listen}; {more} location / {{ root {}; }} }} }}\n",
            channel.display()
        );
        fs::write(folder.join("conf"), config).unwrap();
        let process = world
            .command("/usr/sbin/nginx", &folder)
            .args(["-e", "error", "-p", folder.to_str().unwrap(), "-c", "conf"])
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let log = folder.join("access");
        let nginx = Nginx { process, port, log };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return nginx;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not listen: {}", fs::read_to_string(folder.join("error")).unwrap_or_default());
    }

    /// The requests since the last time, as `GET /path status`.
    fn requests(&self) -> Vec<String> {
        // The log is written when the answer has been sent, which the client may see earlier.
        thread::sleep(Duration::from_millis(50));
        let text = fs::read_to_string(&self.log).unwrap();
        fs::write(&self.log, "").unwrap();
        let request = |line: &str| {
            let mut parts = line.split('"').skip(1);
            let (request, status) = (parts.next().unwrap(), parts.next().unwrap());
            format!("{} {}", request.trim_end_matches(" HTTP/1.1"), &status[1..4])
        };
        text.lines().map(request).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn zlib() -> Package {
    Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
}

fn png() -> Package {
    Package::new("libpng+x").needs("zlib").text("include/png.h", "// png\n")
}

#[test]
fn cold_install_asks_for_manifest_signature_and_each_package_once_and_a_warm_one_for_nothing() {
    let world = World::with_key();
    world.published("deps-1+x", &[zlib(), png()]).forget_cache();
    let nginx = Nginx::start(&world, "", "");
    world.write_project(&format!("http://127.0.0.1:{}/", nginx.port), "");
    world.run("install").succeeds();
    let mut requests = nginx.requests();
    let manifest = format!("GET /bundles/deps-1%2Bx/{}.json 200", own());
    assert_eq!(requests[0], manifest);
    assert_eq!(requests[1], manifest.replace(".json", ".json.minisig"));
    requests.drain(..2);
    assert_eq!(requests.len(), 2, "{requests:#?}");
    assert!(requests.iter().all(|line| line.starts_with("GET /packages/") && line.ends_with(".tar.zst 200")));
    world.run("status --verify --check").succeeds();
    world.run("install").succeeds();
    assert_eq!(nginx.requests(), Vec::<String>::new());
    // From the store only the manifest and its signature are asked for.
    world.run("uninstall").succeeds();
    world.run("install").succeeds();
    assert_eq!(nginx.requests().len(), 2);
}

#[test]
fn offline_takes_what_was_seen_before_and_says_what_was_not() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]).forget_cache();
    let nginx = Nginx::start(&world, "", "");
    world.write_project(&format!("http://127.0.0.1:{}", nginx.port), "");
    let run = world.run("install --offline").exits(3);
    let line = "  why: the channel is not asked `--offline`, and it was not installed before\n";
    assert!(run.stderr.contains(line), "{}", run.stderr);
    assert_eq!(nginx.requests(), Vec::<String>::new());
    world.run("install").succeeds();
    world.run("uninstall").succeeds();
    drop(nginx);
    world.run("install --offline").succeeds();
    world.run("status --verify --check").succeeds();
    world.run("uninstall").succeeds();
    let run = world.run("install").exits(5);
    assert!(run.stderr.contains("cannot be reached\n  why: Connection refused"), "{}", run.stderr);
}

#[test]
fn missing_bundle_is_looked_for_among_the_declared_platforms() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    let nginx = Nginx::start(&world, "", "");
    let more = "\n[[platform]]\nid = \"debian-11-x86_64\"\n\n[[platform]]\nid = \"ubuntu-20-x86_64\"\n";
    world.write_project(&format!("http://127.0.0.1:{}", nginx.port), more);
    fs::create_dir_all(world.channel().join("bundles/deps-1")).unwrap();
    fs::write(world.channel().join("bundles/deps-1/ubuntu-20-x86_64.json"), "{}").unwrap();
    world.run("install").fails(
        3,
        &format!(
            "error: bundle deps-1 for {} is not on channel `main`\n  why: the channel has it for ubuntu-20-x86_64\n \
             next: `tagalong build` makes it here\n",
            own()
        ),
    );
}

#[test]
fn refusal_of_the_server_names_the_address_without_its_secrets() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    let nginx = Nginx::start(&world, "", "location /bundles/ { return 403; }");
    world.write_project(&format!("http://ada:secret@127.0.0.1:{}", nginx.port), "");
    world.run("install").fails(
        5,
        &format!(
            "error: `http://127.0.0.1:{}/bundles/deps-1/{}.json` cannot be fetched\n  why: the server answered 403\n       \
             it is channel `main` of tagalong.toml\n \
             next: set `TAGALONG_TOKEN_<CHANNEL>` to a token or to `user:password`, or name the host in `~/.netrc`\n",
            nginx.port,
            own()
        ),
    );
}

#[test]
fn https_is_trusted_by_the_certificates_of_the_environment_only() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]).forget_cache();
    let made = world
        .command("openssl", &world.root())
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let root = world.root();
    let files = format!("ssl_certificate {0}/tls.crt; ssl_certificate_key {0}/tls.key;", root.display());
    let nginx = Nginx::start(&world, " ssl", &files);
    world.write_project(&format!("https://127.0.0.1:{}", nginx.port), "");
    let run = world.run("install").exits(5);
    assert!(run.stderr.contains("cannot be trusted"), "{}", run.stderr);
    let world = world.with("SSL_CERT_FILE", root.join("tls.crt").to_str().unwrap());
    world.run("install").succeeds();
}

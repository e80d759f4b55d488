//! Ceph's S3 store: one monitor, one store in memory, one gateway. It checks signatures, digests and conditions.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::{Place, folder, free_port, keep, run, wait_for};

pub const KEY: &str = "TAGALONGKEY";
pub const SECRET: &str = "TAGALONGSECRET/with+signs";

/// The store; its bucket is `deps`.
pub fn start() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(launch)
}

fn launch() -> Place {
    let folder = folder("ceph", &std::env::temp_dir());
    let here = folder.to_str().unwrap();
    let (port, [v2, v1]) = (free_port(), two_ports());
    let mon = format!("[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]");
    let fsid = "a7f64266-0894-4f1e-a635-d0aeaca0e993";
    let config = format!(
        "[global]\nfsid = {fsid}\nmon host = {mon}\nmon initial members = a\nauth cluster required = cephx\n\
         auth service required = cephx\nauth client required = cephx\nkeyring = {here}/$name.keyring\n\
         osd pool default size = 1\nosd pool default min size = 1\nosd pool default pg num = 4\n\
         osd pool default pgp num = 4\nosd pool default pg autoscale mode = off\nmon allow pool size one = true\n\
         osd crush chooseleaf type = 0\nosd objectstore = memstore\nmemstore device bytes = 2147483648\n\
         run dir = {here}\nlog file = {here}/$name.ceph\nadmin socket = {here}/$name.asok\nmon data = {here}/mon\n\
         osd data = {here}/osd\n[client.rgw]\nrgw frontends = beast endpoint=127.0.0.1:{port}\n"
    );
    fs::write(folder.join("ceph.conf"), config).unwrap();
    fs::create_dir_all(folder.join("osd")).unwrap();
    let ceph = |program: &str, arguments: &str| {
        let mut all =
            if program == "ceph-authtool" || program == "monmaptool" { vec![] } else { vec!["-c", "ceph.conf"] };
        all.extend(arguments.split(' '));
        run(program, &all, &folder)
    };
    ceph("monmaptool", &format!("--create --addv a {mon} --fsid {fsid} monmap"));
    run(
        "ceph-authtool",
        &["--create-keyring", "mon.keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"],
        &folder,
    );
    let caps = ["mon", "osd", "mds", "mgr"].map(|of| ["--cap", of, "allow *"]).concat();
    let admin = [&["--create-keyring", "client.admin.keyring", "--gen-key", "-n", "client.admin"], &caps[..]].concat();
    run("ceph-authtool", &admin, &folder);
    run("ceph-authtool", &["mon.keyring", "--import-keyring", "client.admin.keyring"], &folder);
    ceph("ceph-mon", "-i a --mkfs --monmap monmap --keyring mon.keyring");
    keep("ceph-mon", &["-c", "ceph.conf", "-i", "a", "-f"], &folder);
    wait_for(v1, "ceph-mon");
    let uuid = "3a4b2f0e-6d1f-4f5d-9d65-6a3c0f7d1b11";
    ceph("ceph", &format!("osd new {uuid}"));
    let grant = |who: &str, mon: &str, osd: &str| {
        let keyring = format!("{who}.keyring");
        let arguments =
            ["-c", "ceph.conf", "auth", "get-or-create", who, "mon", mon, "osd", osd, "-o", keyring.as_str()];
        run("ceph", &arguments, &folder)
    };
    grant("osd.0", "allow profile osd", "allow *");
    ceph("ceph-osd", &format!("-i 0 --mkfs --osd-uuid {uuid}"));
    keep("ceph-osd", &["-c", "ceph.conf", "-i", "0", "-f"], &folder);
    grant("client.rgw", "allow *", "allow *");
    let user = format!("user create --uid=t --display-name=t --access-key={KEY} --secret-key={SECRET}");
    ceph("radosgw-admin", &user);
    keep("radosgw", &["-c", "ceph.conf", "-n", "client.rgw", "-f"], &folder);
    wait_for(port, "radosgw");
    make_bucket(port, &folder);
    let keys = |secret: &str| {
        vec![
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    };
    Place {
        kind: "s3",
        address: format!("s3://deps/NAME?endpoint=http://127.0.0.1:{port}"),
        port: Some(port),
        writer: keys(SECRET),
        reader: None,
        stranger: Some(keys("TAGALONGWRONG")),
    }
}

/// Makes the bucket with curl's own signature, so that it does not depend on what is tested.
fn make_bucket(port: u16, folder: &Path) {
    let start = Instant::now();
    loop {
        let user = format!("{KEY}:{SECRET}");
        let url = format!("http://127.0.0.1:{port}/deps");
        let arguments = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--user", &user];
        let signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", &url];
        if run("curl", &[&arguments[..], &signed[..]].concat(), folder) == "200" {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "radosgw makes no bucket");
        thread::sleep(Duration::from_millis(500));
    }
}

fn two_ports() -> [u16; 2] {
    // Both are taken at once, so that they differ.
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

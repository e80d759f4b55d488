//! What every kind of channel does, before Ceph's S3 store, which takes half a minute to start; and what is S3's own.

mod contract;
mod servers;
mod world;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use servers::radosgw;
use world::bundle::Package;

#[test]
fn bucket_does_what_every_channel_does() {
    let place = radosgw::start();
    contract::cold_and_empty_place_becomes_a_channel(place);
    contract::candidate_is_replaced(place);
    contract::cold_install_makes_two_requests_and_one_for_each_package(place);
    contract::publication_of_what_is_there_asks_little(place, 1);
    contract::missing_bundle_is_told_with_the_platforms_there_are(place);
    contract::strangers_are_refused(place);
    contract::objects_are_put_once_listed_and_deleted(place);
    contract::broken_download_is_resumed(place);
    contract::killed_publisher_leaves_the_old_state_or_the_new_one(place);
}

#[test]
fn of_racing_writers_one_wins() {
    contract::racing_writers_leave_one_whole_bundle(radosgw::start(), true);
}

#[test]
fn large_archive_is_sent_in_parts() {
    let place = radosgw::start();
    let world = contract::world_at(&place.fresh(), &place.writer);
    world.published("deps-1", &[Package::new("large").binary("lib/large.so", &contract::noise(3, 40 << 20))]);
    world.run("publish").succeeds();
    world.forget_cache().run("install").succeeds();
    world.run("status --verify --check").succeeds();
}

#[test]
fn keys_come_from_a_profile() {
    let place = radosgw::start();
    let (folder, url) = (tempfile::tempdir().unwrap(), place.fresh());
    let file = folder.path().join("credentials");
    let text = format!(
        "[default]\naws_access_key_id = x\naws_secret_access_key = y\n[ci]\naws_access_key_id = {}\n\
         aws_secret_access_key = {}\n",
        radosgw::KEY,
        radosgw::SECRET
    );
    std::fs::write(&file, text).unwrap();
    let variables = |profile: &str| {
        vec![
            ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap().to_owned()),
            ("AWS_PROFILE", profile.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    };
    let world = contract::world_at(&url, &variables("ci"));
    world.published("deps-1", &[contract::zlib()]);
    let other = contract::world_at(&url, &variables("none"));
    other.commit().tag("deps-1");
    let run = other.run("install").exits(2);
    assert!(run.stderr.contains("no file has a key pair"), "{}", run.stderr);
}

#[test]
fn keys_come_from_the_instance_when_nothing_else_has_any() {
    let place = radosgw::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let instance = format!("http://{}", listener.local_addr().unwrap());
    let keys = format!(
        "{{\"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\", \"Expiration\": \"2999-01-01T00:00:00Z\"}}",
        radosgw::KEY,
        radosgw::SECRET
    );
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let has_token = head.iter().any(|line| line == "x-aws-ec2-metadata-token: T");
            let body = match head[0].split(' ').take(2).collect::<Vec<_>>()[..] {
                ["PUT", "/latest/api/token"] => "T",
                ["GET", "/latest/meta-data/iam/security-credentials/"] if has_token => "role",
                ["GET", "/latest/meta-data/iam/security-credentials/role"] if has_token => &keys,
                _ => "",
            };
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
                .unwrap();
        }
    });
    let world = contract::world_at(&place.fresh(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance)]);
    world.published("deps-1", &[contract::zlib()]);
    world.forget_cache().run("install").succeeds();
}

#[test]
fn who_has_no_keys_asks_without_a_name() {
    let place = radosgw::start();
    let world = contract::world_at(&place.fresh(), &[("AWS_EC2_METADATA_DISABLED", "true".to_owned())]);
    world.commit().tag("deps-1");
    let run = world.run("install").exits(5);
    assert!(run.stderr.contains("the server answered 403: AccessDenied"), "{}", run.stderr);
}

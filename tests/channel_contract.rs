//! What every kind of channel does, before real servers: a folder on disk and in memory, nginx with and without
//! `MOVE`, docker-registry, and the tests' own GitLab server. Ceph's S3 store is in `channel_s3.rs`.

mod contract;
mod servers;
mod world;

use std::fs;
use std::path::Path;

use servers::nginx::Dav;
use servers::{Place, gitlab, nginx, registry, tokens};
use world::bundle::own;

fn folder(parent: &Path) -> Place {
    let parent = servers::folder("channel", parent);
    let address = format!("file://{}/NAME", parent.display());
    Place { kind: "file", address, port: None, writer: Vec::new(), reader: None, stranger: None }
}

/// One of each kind that is on a port.
fn served() -> Vec<Place> {
    let webs = [Dav::Whole, Dav::Puts].map(|dav| nginx::start(dav).0.clone());
    webs.into_iter().chain([registry::start().clone(), gitlab::start().clone()]).collect()
}

/// One of each kind.
fn all() -> Vec<Place> {
    let mut all = vec![folder(&std::env::temp_dir()), folder(Path::new("/dev/shm"))];
    all.extend(served());
    all
}

/// Projects that read through an object storage, refuse duplicates, or fail at first.
fn odd_projects() -> [Place; 3] {
    ["redirect", "unique", "race"].map(|how| named(gitlab::start(), how))
}

/// Projects whose names make the tests' own server behave so.
fn named(place: &Place, how: &str) -> Place {
    Place { address: place.address.replace("NAME", &format!("{how}-NAME")), ..place.clone() }
}

#[test]
fn cold_and_empty_place_becomes_a_channel() {
    all().iter().chain(&odd_projects()).for_each(contract::cold_and_empty_place_becomes_a_channel);
}

#[test]
fn candidate_is_replaced() {
    all().iter().chain(&odd_projects()).for_each(contract::candidate_is_replaced);
}

#[test]
fn cold_install_makes_two_requests_and_one_for_each_package() {
    served().iter().chain(&odd_projects()).for_each(contract::cold_install_makes_two_requests_and_one_for_each_package);
}

/// GitLab has one name for a file, whole or not: an upload that broke and could not be taken back.
#[test]
fn a_package_that_was_sent_in_part_is_mended_by_the_next_publication() {
    for place in [gitlab::start().clone(), named(gitlab::start(), "unique")] {
        let url = place.fresh();
        let world = contract::world_at(&url, &place.writer);
        world.commit().tag("deps-1");
        let digest = world.built(&[contract::zlib()]).packages[0].archive.hex();
        let (_, project) = url.rsplit_once('/').unwrap();
        let there = format!(
            "http://127.0.0.1:{}/api/v4/projects/group%2F{project}/packages/generic/packages/{}/{digest}.tar.zst",
            place.port.unwrap(),
            &digest[..2]
        );
        let mut curl = world.command("curl", world.checkout());
        let arguments = ["-sSf", "-X", "PUT", "-H", "PRIVATE-TOKEN: writer", "--data-binary", "a part of it"];
        let sent = curl.args(arguments).arg(&there).output().unwrap();
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        world.run("publish").succeeds();
        world.forget_cache().run("install").succeeds();
        world.run("status --verify --check").succeeds();
    }
}

#[test]
fn publication_of_what_is_there_asks_little() {
    // GitLab tells the digest of a file only with all those of its package, which is to be found first.
    served().iter().for_each(|place| {
        contract::publication_of_what_is_there_asks_little(place, if place.kind == "gitlab" { 2 } else { 1 });
    });
}

#[test]
fn missing_bundle_is_told_with_the_platforms_there_are() {
    all().iter().for_each(contract::missing_bundle_is_told_with_the_platforms_there_are);
}

#[test]
fn strangers_are_refused() {
    served().iter().for_each(contract::strangers_are_refused);
}

#[test]
fn readers_install_and_publish_nothing() {
    served().iter().for_each(contract::readers_install_and_publish_nothing);
}

#[test]
fn objects_are_put_once_listed_and_deleted() {
    all().iter().for_each(contract::objects_are_put_once_listed_and_deleted);
}

#[test]
fn broken_download_is_resumed() {
    served().iter().for_each(contract::broken_download_is_resumed);
}

#[test]
fn racing_writers_leave_one_whole_bundle() {
    // A registry has no conditions; nginx looks and renames in two steps.
    all().iter().for_each(|place| {
        let is_strict = matches!(place.kind, "file" | "gitlab");
        contract::racing_writers_leave_one_whole_bundle(place, is_strict);
    });
}

#[test]
fn killed_publisher_leaves_the_old_state_or_the_new_one() {
    all().iter().for_each(contract::killed_publisher_leaves_the_old_state_or_the_new_one);
}

#[test]
fn server_that_takes_no_put_is_said_to_be_one() {
    let place = &nginx::start(Dav::None).0;
    let world = contract::world_at(&place.fresh(), &place.writer);
    world.commit().tag("deps-1");
    world.built(&[contract::zlib()]);
    world.run("publish").fails(
        2,
        "error: nothing can be published to channel `main`\n  why: its server takes no `PUT`: it answered 405\n \
         next: have WebDAV's `PUT`, `DELETE` and `MOVE` allowed there, or publish to a `file:` channel whose folder the \
         server shows\n",
    );
}

#[test]
fn folder_on_a_read_only_mount_is_read_from() {
    let place = folder(&std::env::temp_dir());
    let url = place.fresh();
    let world = contract::world_at(&url, &[]);
    world.published("deps-1", &[contract::zlib()]).forget_cache();
    let folder = url.strip_prefix("file://").unwrap();
    let script = format!("mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && exec \"$@\"");
    let mut command = world.command("unshare", world.checkout());
    let output =
        command.args(["-rm", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_tagalong"), "install"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.run("status --verify --check").succeeds();
}

#[test]
fn bundle_in_a_registry_is_copied_by_skopeo() {
    let place = registry::start();
    let url = place.fresh();
    let world = contract::world_at(&url, &place.writer);
    world.published("deps-1", &[contract::zlib(), contract::png()]);
    let from = url.replace("oci+http://", "docker://");
    let arguments = ["--insecure-policy", "copy", "--src-tls-verify=false", "--src-creds", "ada:right"];
    let copied = |tag: &str, to: &str, more: &[&str]| {
        let (from, to) = (format!("{from}:{tag}"), format!("oci:{to}:copy"));
        servers::run("skopeo", &[&arguments[..], more, &[&from, &to]].concat(), &world.root());
    };
    copied(&format!("deps-1..{}", own()), "one", &[]);
    copied("deps-1", "all", &["--all"]);
    for folder in ["one", "all"] {
        // Archives, the manifest of the bundle, and what skopeo adds: manifests of its own.
        let blobs = fs::read_dir(world.root().join(folder).join("blobs/sha256")).unwrap().count();
        assert!(blobs >= 4, "{folder}: {blobs}");
    }
}

#[test]
fn registry_that_wants_tokens_is_given_them_and_new_ones_when_they_are_over() {
    let place = tokens::start();
    contract::cold_and_empty_place_becomes_a_channel(place);
    contract::objects_are_put_once_listed_and_deleted(place);
    contract::strangers_are_refused(place);
}

#[test]
fn login_of_docker_is_taken_from_its_file_and_its_programs() {
    let place = registry::start();
    let world = contract::world_at(&place.fresh(), &[]);
    let config = world.root().join("docker");
    fs::create_dir(&config).unwrap();
    let registry = format!("127.0.0.1:{}", place.port.unwrap());
    fs::write(config.join("config.json"), format!("{{\"auths\": {{\"{registry}\": {{\"auth\": \"YWRhOnJpZ2h0\"}}}}}}"))
        .unwrap();
    let world = world.with("DOCKER_CONFIG", config.to_str().unwrap());
    world.published("deps-1", &[contract::zlib()]);
    let program = config.join("docker-credential-mine");
    fs::write(&program, "#!/bin/sh\nread name\n[ \"$1\" = get ] && echo '{\"ServerURL\": \"'$name'\", \"Username\": \"ada\", \"Secret\": \"right\"}'\n").unwrap();
    std::os::unix::fs::chown(&program, None, None).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(
        config.join("config.json"),
        "{\"credsStore\": \"mine\", \"auths\": {\"REGISTRY\": {}}}".replace("REGISTRY", &registry),
    )
    .unwrap();
    let path = format!("{}:{}", config.display(), std::env::var("PATH").unwrap());
    let world = world.with("PATH", &path);
    world.forget_cache().run("install").succeeds();
    fs::write(config.join("config.json"), "{").unwrap();
    world.forget_cache().run("uninstall").succeeds();
    let run = world.run("install").exits(2);
    assert!(run.stderr.contains("config.json cannot be used"), "{}", run.stderr);
}

#[test]
fn tokens_of_a_job_go_to_the_server_of_the_job_alone() {
    let place = gitlab::start();
    let job = |host: &str| vec![("CI_SERVER_HOST", host.to_owned()), ("CI_JOB_TOKEN", "job".to_owned())];
    let url = place.fresh();
    let world = contract::world_at(&url, &job("127.0.0.1"));
    world.published("deps-1", &[contract::zlib()]);
    world.forget_cache().run("install").succeeds();
    for (variables, code) in [
        (job("gitlab.example.org"), 5),
        (vec![("TAGALONG_TOKEN_MAIN", "Deploy-Token:deploy".to_owned())], 0),
        (vec![("GITLAB_HOST", "127.0.0.1".to_owned()), ("GITLAB_TOKEN", "writer".to_owned())], 0),
        (vec![("GITLAB_TOKEN", "writer".to_owned())], 5),
    ] {
        let other = contract::world_at(&url, &variables);
        fs::copy(world.key_path(), other.key_path()).unwrap();
        other.write("tagalong.toml", world.read("tagalong.toml")).commit().tag("deps-1");
        other.run("install").exits(code);
    }
}

#[test]
fn login_of_a_web_server_comes_from_address_netrc_or_variable() {
    let place = &nginx::start(Dav::Whole).0;
    let url = place.fresh();
    let world = contract::world_at(&url, &place.writer);
    world.published("deps-1", &[contract::zlib()]);
    let netrc = world.root().join("netrc");
    fs::write(&netrc, "machine 127.0.0.1 login bob password right\n").unwrap();
    let netrc = vec![("NETRC", netrc.to_str().unwrap().to_owned())];
    for (url, variables) in [(url.clone(), netrc), (url.replace("http://", "http://bob:right@"), vec![])] {
        let other = contract::world_at(&url, &variables);
        fs::copy(world.key_path(), other.key_path()).unwrap();
        other.write_project(&url, "").commit().tag("deps-1");
        other.run("install").succeeds();
    }
}

//! `tagalong ci image`: what is wrong with builder images, and how one is built; the engine is played by a script.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use world::World;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn world() -> World {
    let world = World::new();
    world.write(
        "tagalong.toml",
        format!(
            "[project]\nname = \"demo\"\n\n[[platform]]\nid = \"debian-11-x86_64\"\n\n[[platform]]\nid = \"debian-12-x86_64\"\n\
             image = \"build:12\"\n\n[[platform]]\nid = \"debian-13-x86_64\"\nimage = \"build@{DIGEST}\"\n"
        ),
    );
    world.write("ci/images/debian-13-x86_64/Containerfile", "ARG BASE=debian:13\nFROM ${BASE}\n").commit();
    world
}

#[test]
fn images_that_are_not_pinned_or_end_as_root_are_told() {
    let world = world();
    let run = world.run("ci image check").exits(7);
    let expected = "debian-11-x86_64: tagalong.toml names no image for it\n\
        debian-12-x86_64: `build:12` is not pinned by digest in tagalong.toml\n\
        debian-13-x86_64: line 2 of its Containerfile starts from `debian:13` without a digest\n\
        debian-13-x86_64: its Containerfile ends as root\n";
    assert_eq!(run.stdout, expected);
    assert_eq!(world.run("ci image check --json").exits(7).json().as_array().unwrap().len(), 4);
}

#[test]
fn an_image_is_built_by_the_engine_that_is_there_and_its_digest_printed() {
    let world = world();
    let tools = world.root().join("tools");
    fs::create_dir(&tools).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}/called\ncase $1 in image|push) echo {DIGEST} ;; *) echo step of $1 ;; esac\n",
        tools.display()
    );
    fs::write(tools.join("podman"), script).unwrap();
    fs::set_permissions(tools.join("podman"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let world = world.with("PATH", &path);
    let dry = world.run("ci image build debian-13-x86_64 --base debian:13@sha256:1 --dry-run").succeeds();
    let expected = "podman build --file [WORLD]/checkout/ci/images/debian-13-x86_64/Containerfile --tag tagalong-build:debian-13-x86_64 \
        --build-arg BASE=debian:13@sha256:1 [WORLD]/checkout/ci/images/debian-13-x86_64\n\
        podman image inspect --format '{{.Digest}}' tagalong-build:debian-13-x86_64\n";
    assert_eq!(dry.stdout, expected);
    assert!(!tools.join("called").exists());
    let run = world.run("ci image build debian-13-x86_64 --name reg/b:13 --push");
    // What the engine prints while it builds is talk.
    assert!(run.stderr.contains("\nstep of build\n"), "{}", run.stderr);
    run.prints(&format!("reg/b:13@{DIGEST}\n"));
    let called = fs::read_to_string(tools.join("called")).unwrap();
    assert!(called.contains("\npush --digestfile /dev/stdout reg/b:13\n"), "{called}");
    world.run("ci image build debian-11-x86_64").exits(3);
    fs::write(tools.join("podman"), "#!/bin/sh\nexit 3\n").unwrap();
    world.run("ci image build debian-13-x86_64").exits(6);
}

#[test]
fn the_digest_of_a_pushed_image_is_that_of_the_registry() {
    let world = world();
    let tools = world.root().join("tools");
    fs::create_dir(&tools).unwrap();
    let world = world.with("PATH", &tools.display().to_string());
    let docker = |said: &str| {
        let script = format!("#!/bin/sh\ncase \"$*\" in *RepoDigests*) echo '{said}' ;; *) echo layers ;; esac\n");
        fs::write(tools.join("docker"), script).unwrap();
        fs::set_permissions(tools.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    docker(&format!("reg/b@{DIGEST}"));
    let build = "ci image build debian-13-x86_64 --name reg/b:13 --push";
    world.run(build).prints(&format!("reg/b:13@{DIGEST}\n"));
    docker("");
    let run = world.run(build).exits(1);
    assert!(run.stderr.contains("error: the digest of reg/b:13 is not told\n"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn the_images_of_this_repository_are_written_alike() {
    let mut count = 0;
    for entry in fs::read_dir("ci/images").unwrap() {
        let folder = entry.unwrap().path();
        let text = fs::read_to_string(folder.join("Containerfile")).unwrap();
        let id = folder.file_name().unwrap().to_str().unwrap();
        assert!(tagalong::model::platform::Platform::parse(id).is_ok(), "{id}");
        assert!(text.starts_with(&format!("# The builder image of {id}: ")), "{id}");
        assert!(text.contains("\nARG BASE=") && text.contains("\nFROM ${BASE}\n"), "{id}");
        assert!(text.ends_with("USER builder\nWORKDIR /home/builder\n"), "{id}");
        count += 1;
    }
    assert_eq!(count, 9);
}

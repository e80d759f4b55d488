//! Sources: fetched from the first place that has the right bytes, kept by digest, unpacked, patched.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use tagalong::cli::failure::Failure;
use tagalong::cli::talk;
use tagalong::http::Client;
use tagalong::model::digest::Digest;
use tagalong::model::recipe::Recipe;
use tagalong::recipe_file;
use tagalong::sources::{Error, Fetched, Fetcher, prepare};
use world::World;

/// A world with a recipe folder, mirrors, and what was told.
struct Bench {
    world: World,
    mirrors: Vec<String>,
    told: Mutex<Vec<String>>,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench { world: World::new(), mirrors: Vec::new(), told: Mutex::new(Vec::new()) };
        fs::create_dir_all(bench.recipe_folder()).unwrap();
        bench
    }

    fn recipe_folder(&self) -> PathBuf {
        self.world.checkout().join("extern-recipes/demo")
    }

    /// A file outside of the checkout; gives its path.
    fn outside(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.world.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn fetch(&self, recipe: &Recipe) -> Result<Vec<Fetched>, Error> {
        let client = Client::new().unwrap();
        let fetcher = Fetcher::new(&self.world.cache(), &self.mirrors, &client);
        let told = &self.told;
        let tell = |event| told.lock().unwrap().extend(talk::words(&event, false));
        recipe.sources.iter().map(|source| fetcher.fetch(recipe, source, &self.recipe_folder(), &tell)).collect()
    }

    /// Fetches and prepares; gives the build folder.
    fn prepare(&self, recipe: &Recipe) -> Result<PathBuf, Error> {
        let build = self.world.root().join("build/demo");
        if build.exists() {
            fs::remove_dir_all(&build).unwrap();
        }
        prepare(recipe, &self.recipe_folder(), &self.fetch(recipe)?, &build)?;
        Ok(build)
    }

    /// What was told since the last time, the world's folder written `[WORLD]`.
    fn told(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *self.told.lock().unwrap());
        lines.into_iter().map(|line| self.plain(&line)).collect()
    }

    fn plain(&self, text: &str) -> String {
        text.replace(self.world.root().to_str().unwrap(), "[WORLD]")
    }

    fn failure(&self, error: &Error) -> (i32, String) {
        let failure = Failure::from(error);
        (failure.code as i32, self.plain(&failure.to_string()))
    }
}

/// A recipe with these lines in its `[[source]]`.
fn recipe(source: &str) -> Recipe {
    let text = format!(
        "name = \"demo\"\nversion = \"1.0\"\nlicense = \"MIT\"\n[[source]]\n{source}\n[build]\nsystem = \"make\"\n"
    );
    recipe_file::parse("recipe.toml", &text, None).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"))
}

/// A tar of files, all in one folder.
fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_600_000_000);
        builder.append_data(&mut header, format!("demo-1.0/{name}"), content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn mirrors_come_first_and_the_cache_before_them() {
    let mut bench = Bench::new();
    let digest = Digest::of(b"bytes");
    let recipe = recipe(&format!("url = \"https://localhost:1/never\"\nsha256 = \"{digest}\""));
    let one = bench.outside(&format!("mirror/{digest}"), "bytes");
    bench.mirrors = vec!["/nowhere".to_owned(), format!("file://{}", one.rsplit_once('/').unwrap().0)];
    let kept = bench.world.cache().join(format!("sources/{}/{digest}", &digest.hex()[..2]));
    assert_eq!(bench.fetch(&recipe).unwrap(), [Fetched::File(kept.clone())]);
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o444);
    bench.told();
    fs::remove_file(one).unwrap();
    assert_eq!(bench.fetch(&recipe).unwrap(), [Fetched::File(kept)]);
    assert_eq!(bench.told(), Vec::<String>::new());
}

#[test]
fn a_mirror_may_be_a_web_server() {
    use std::io::{Read, Write};
    let mut bench = Bench::new();
    let digest = Digest::of(b"bytes");
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bench.mirrors = vec![format!("http://{}/sources/", server.local_addr().unwrap())];
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 1024];
        let count = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbytes").unwrap();
        String::from_utf8_lossy(&request[..count]).lines().next().unwrap().to_owned()
    });
    bench.fetch(&recipe(&format!("url = \"file:///never\"\nsha256 = \"{digest}\""))).unwrap();
    assert_eq!(asked.join().unwrap(), format!("GET /sources/{digest} HTTP/1.1"));
}

#[test]
fn a_cache_is_a_mirror_and_a_damaged_file_in_it_is_fetched_again() {
    let mut bench = Bench::new();
    let digest = Digest::of(b"bytes");
    let hex = digest.hex();
    bench.outside(&format!("other/sources/{}/{hex}", &hex[..2]), "bytes");
    bench.mirrors = vec![bench.world.root().join("other/sources").display().to_string()];
    let recipe = recipe(&format!("url = \"file:///never\"\nsha256 = \"{digest}\""));
    bench.outside(&format!("cache/sources/{}/{hex}", &hex[..2]), "damaged");
    let [Fetched::File(path)] = &bench.fetch(&recipe).unwrap()[..] else { panic!("no file") };
    assert_eq!(fs::read(path).unwrap(), b"bytes");
    let shown = format!("[WORLD]/cache/sources/{}/{hex}", &hex[..2]);
    assert_eq!(bench.told(), [format!("note: the kept source {shown} was damaged, and is fetched again")]);
}

#[test]
fn wrong_bytes_are_not_kept_and_the_next_place_is_asked() {
    let bench = Bench::new();
    let (wrong, right) = (bench.outside("a/demo-1.0.tar", "wrong"), bench.outside("b/demo-1.0.tar", "right"));
    let digest = Digest::of(b"right");
    let text = format!("url = [\"file://{wrong}\", \"file://{right}\"]\nsha256 = \"{digest}\"");
    let [Fetched::File(path)] = &bench.fetch(&recipe(&text)).unwrap()[..] else { panic!("no file") };
    assert_eq!(fs::read(path).unwrap(), b"right");
    assert_eq!(
        bench.told(),
        [
            "demo: fetching from file://[WORLD]/a/demo-1.0.tar".to_owned(),
            format!(
                "demo: not from file://[WORLD]/a/demo-1.0.tar: its bytes are others: SHA-256 {}",
                Digest::of(b"wrong")
            ),
            "demo: fetching from file://[WORLD]/b/demo-1.0.tar".to_owned(),
        ]
    );
    let files = walkdir(&bench.world.cache());
    assert_eq!(files.len(), 1, "{files:?}");
}

fn walkdir(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walkdir(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn when_every_place_fails_each_is_told_with_its_reason() {
    let mut bench = Bench::new();
    let wrong = bench.outside("wrong", "wrong");
    let digest = Digest::of(b"right");
    let found = Digest::of(b"wrong");
    let absent = recipe(&format!("url = [\"file:///nowhere/a\", \"file:///nowhere/b\"]\nsha256 = \"{digest}\""));
    bench.mirrors = vec!["/nowhere".to_owned()];
    let error = bench.fetch(&absent).unwrap_err();
    assert_eq!(
        bench.failure(&error),
        (
            3,
            format!(
                "error: no place has the source of demo
  why: wanted: SHA-256 {digest}
       /nowhere: it has no such file
       file:///nowhere/a: it has no such file
       file:///nowhere/b: it has no such file
 next: put the file, named by its digest, into a folder of `TAGALONG_SOURCE_MIRRORS`, or add a place to the recipe
"
            )
        )
    );
    bench.mirrors.clear();
    let text = format!("url = [\"file:///nowhere/a\", \"file://{wrong}\"]\nsha256 = \"{digest}\"");
    let error = bench.fetch(&recipe(&text)).unwrap_err();
    assert_eq!(
        bench.failure(&error),
        (
            4,
            format!(
                "error: the source of demo is not what the recipe says
  why: wanted: SHA-256 {digest}
       file:///nowhere/a: it has no such file
       file://[WORLD]/wrong: its bytes are others: SHA-256 {found}
 next: find out why the bytes changed before the recipe's digest is
"
            )
        )
    );
    let unreachable = recipe(&format!("url = \"http://127.0.0.1:1/a\"\nsha256 = \"{digest}\""));
    let (code, words) = bench.failure(&bench.fetch(&unreachable).unwrap_err());
    assert_eq!(code, 5, "{words}");
}

#[test]
fn the_user_and_token_of_an_address_are_not_told() {
    let bench = Bench::new();
    let digest = Digest::of(b"");
    let secret = recipe(&format!("url = \"http://ada:hush@127.0.0.1:1/a?token=hush\"\nsha256 = \"{digest}\""));
    let (_, words) = bench.failure(&bench.fetch(&secret).unwrap_err());
    assert!(!words.contains("hush") && !bench.told().concat().contains("hush"), "{words}");
}

/// A repository with attributes that would change what is exported; gives its address and commit.
fn repository(bench: &Bench) -> (String, String) {
    let folder = bench.world.root().join("upstream");
    fs::create_dir(&folder).unwrap();
    let git = |arguments: &[&str]| bench.world.git_in(&folder, arguments);
    git(&["init", "-q", "-b", "main", "."]);
    for (name, content) in [
        (".gitattributes", "hidden export-ignore\nid export-subst\n* text eol=crlf\n"),
        ("hidden", "h\n"),
        ("id", "$Format:%H$\n"),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    fs::write(folder.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "one"]);
    let commit = git(&["rev-parse", "HEAD"]);
    git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    (format!("file://{}", folder.display()), commit)
}

#[test]
fn a_commit_of_git_is_taken_exactly_as_committed_and_kept() {
    let bench = Bench::new();
    let (url, commit) = repository(&bench);
    let recipe = recipe(&format!("git = \"{url}\"\ncommit = \"{commit}\""));
    let build = bench.prepare(&recipe).unwrap();
    let read = |name: &str| fs::read_to_string(build.join(name)).unwrap();
    assert_eq!(
        (read("hidden"), read("id"), read("run.sh")),
        ("h\n".into(), "$Format:%H$\n".into(), "#!/bin/sh\n".into())
    );
    assert_eq!(fs::metadata(build.join("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    assert!(!build.join(".git").exists());
    assert_eq!(bench.told(), ["demo: fetching from git file://[WORLD]/upstream"]);
    fs::remove_dir_all(bench.world.root().join("upstream")).unwrap();
    bench.prepare(&recipe).unwrap();
    assert_eq!(bench.told(), Vec::<String>::new());
}

#[test]
fn a_commit_that_is_not_there_and_a_repository_that_is_not_there_are_told() {
    let bench = Bench::new();
    let (url, _) = repository(&bench);
    let commit = "1".repeat(40);
    let error = bench.fetch(&recipe(&format!("git = \"{url}\"\ncommit = \"{commit}\""))).unwrap_err();
    assert_eq!(
        bench.failure(&error),
        (
            3,
            format!(
                "error: no place has the source of demo
  why: wanted: commit {commit}
       git file://[WORLD]/upstream: it has no such file
 next: check the place, then try again
"
            )
        )
    );
    let error = bench.fetch(&recipe(&format!("git = \"{url}-none\"\ncommit = \"{commit}\""))).unwrap_err();
    let (code, words) = bench.failure(&error);
    assert_eq!((code, words.contains("does not appear to be a git repository")), (5, true), "{words}");
}

#[test]
fn a_folder_beside_the_recipe_is_copied_with_one_time() {
    let bench = Bench::new();
    let at = |name: &str| format!("extern-recipes/demo/{name}");
    bench.world.write(&at("tree/sub/file"), "content").write(&at("tree/run"), "#!");
    fs::set_permissions(bench.recipe_folder().join("tree/run"), fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink("sub/file", bench.recipe_folder().join("tree/link")).unwrap();
    let build = bench.prepare(&recipe("path = \"tree\"\ninto = \"in\"")).unwrap();
    let metadata = fs::metadata(build.join("in/run")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o755);
    assert_eq!(metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs(), 315_532_800);
    assert_eq!(fs::read_to_string(build.join("in/link")).unwrap(), "content");
    std::os::unix::fs::symlink("../../../other", bench.recipe_folder().join("tree/out")).unwrap();
    let (code, words) = bench.failure(&bench.prepare(&recipe("path = \"tree\"")).unwrap_err());
    assert_eq!(code, 4);
    assert!(words.contains("`out`: the link leads out of the archive, to `../../../other`"), "{words}");
}

#[test]
fn a_path_that_leads_out_of_the_recipe_is_refused() {
    let bench = Bench::new();
    bench.outside("secret/file", "x");
    std::os::unix::fs::symlink(bench.world.root().join("secret"), bench.recipe_folder().join("tree")).unwrap();
    let (code, words) = bench.failure(&bench.fetch(&recipe("path = \"tree\"")).unwrap_err());
    assert_eq!(code, 3);
    assert!(words.contains("it leads out of the recipe's folder"), "{words}");
}

/// A recipe whose archive holds `a.c` and `sub/b.c`, patched with these.
fn patched(bench: &Bench, patches: &[(&str, &str)]) -> Recipe {
    let lines: String = (1..=9).map(|line| format!("line {line}\n")).collect();
    let archive = tar(&[("a.c", &lines), ("sub/b.c", "b\n"), ("other", "o\n")]);
    let path = bench.outside("demo-1.0.tar", &archive);
    for (name, text) in patches {
        bench.world.write(&format!("extern-recipes/demo/{name}"), text);
    }
    let names: Vec<&str> = patches.iter().map(|(name, _)| *name).collect();
    recipe(&format!("url = \"file://{path}\"\nsha256 = \"{}\"\npatches = {names:?}", Digest::of(&archive)))
}

const GOOD: &str = "--- a/a.c\n+++ b/a.c\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+line five\n line 6\n";

#[test]
fn patches_are_applied_in_order_and_keep_the_times_in_order() {
    let bench = Bench::new();
    let second =
        GOOD.replace("-line 5", "-line five").replace("+line five", "+line 5!").replace("-line 5!", "-line five");
    let build = bench.prepare(&patched(&bench, &[("one.patch", GOOD), ("two.patch", &second)])).unwrap();
    assert!(fs::read_to_string(build.join("a.c")).unwrap().contains("line 4\nline 5!\nline 6\n"));
    let time = |name: &str| fs::metadata(build.join(name)).unwrap().modified().unwrap();
    assert_eq!(time("a.c"), time("other"));
    let names: Vec<_> = walkdir(&build).iter().map(|path| path.strip_prefix(&build).unwrap().to_owned()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn a_patch_that_needs_fuzz_is_refused_with_what_patch_says() {
    let bench = Bench::new();
    let fuzzy = GOOD.replace(" line 4", " line four");
    let error = bench.prepare(&patched(&bench, &[("bad.patch", &fuzzy)])).unwrap_err();
    let (code, words) = bench.failure(&error);
    assert_eq!(code, 6);
    assert_eq!(
        words,
        "checking file a.c
Hunk #1 FAILED at 4.
1 out of 1 hunk FAILED
error: the patch `bad.patch` of demo does not apply
  why: a patch is applied with `patch -p1 --fuzz=0`: every line around it must be as it was
 next: make the patch anew against this version of the source
"
    );
}

#[test]
fn a_patch_that_is_in_the_source_already_and_one_that_applies_twice_are_refused() {
    let bench = Bench::new();
    let error = bench.prepare(&patched(&bench, &[("one.patch", GOOD), ("again.patch", GOOD)])).unwrap_err();
    let (code, words) = bench.failure(&error);
    assert_eq!((code, words.contains("`again.patch` of demo does not apply")), (6, true), "{words}");
    let twice = "--- a/a.c\n+++ b/a.c\n@@ -5,0 +6 @@\n+more\n";
    let error = bench.prepare(&patched(&bench, &[("twice.patch", twice)])).unwrap_err();
    let (code, words) = bench.failure(&error);
    assert_eq!(
        (code, words.starts_with("error: the patch `twice.patch` of demo can be applied twice\n")),
        (6, true),
        "{words}"
    );
}

#[test]
fn a_patch_cannot_write_outside_of_the_source() {
    let bench = Bench::new();
    let text = "--- /dev/null\n+++ b/../../escaped\n@@ -0,0 +1 @@\n+x\n";
    let refused = bench.prepare(&patched(&bench, &[("out.patch", text)]));
    assert!(matches!(refused, Err(Error::Patch { .. })));
    assert!(!bench.world.root().join("escaped").exists());
}

#[test]
fn sources_are_laid_over_each_other_and_never_over_a_file() {
    let bench = Bench::new();
    let archive = tar(&[("keep/a", "a"), ("keep/LICENSE", "l"), ("rest/b", "b")]);
    let path = bench.outside("demo.tar", &archive);
    let first = format!("url = \"file://{path}\"\nsha256 = \"{}\"\nfolder = \"keep\"", Digest::of(&archive));
    let file = bench.outside("one.txt", "one");
    let second = format!("[[source]]\nurl = \"file://{file}\"\nsha256 = \"{}\"\nunpack = false", Digest::of(b"one"));
    let build = bench.prepare(&recipe(&format!("{first}\n{second}\ninto = \"data\""))).unwrap();
    let mut names: Vec<String> =
        walkdir(&build).iter().map(|path| path.strip_prefix(&build).unwrap().display().to_string()).collect();
    names.sort();
    assert_eq!(names, ["LICENSE", "a", "data/one.txt"]);
    let (code, words) = bench.failure(&bench.prepare(&recipe(&format!("{first}\n[[source]]\n{first}"))).unwrap_err());
    assert_eq!(code, 6);
    assert!(words.starts_with("error: two sources of demo hold `"), "{words}");
    let error = bench.prepare(&recipe(&first.replace("\"keep\"", "\"kept\""))).unwrap_err();
    assert_eq!(
        bench.failure(&error),
        (
            3,
            "error: the source of demo has no folder `kept`
  why: at its top there are keep, rest
 next: write another `folder` in the recipe; a single top folder is stripped before
"
            .to_owned()
        )
    );
}

#[test]
fn links_out_of_the_folder_that_is_used_become_copies() {
    let bench = Bench::new();
    let mut builder = tar::Builder::new(tar(&[("LICENSE", "text"), ("lib/a", "a")]));
    // Appended by hand after the end marker of the first is cut off.
    let bytes = builder.get_mut();
    bytes.truncate(bytes.len() - 1024);
    for (name, target) in [("demo-1.0/lib/LICENSE", "../LICENSE"), ("demo-1.0/lib/gone", "../none")] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, name, target).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let path = bench.outside("demo.tar", &archive);
    let text = format!("url = \"file://{path}\"\nsha256 = \"{}\"\nfolder = \"lib\"", Digest::of(&archive));
    let build = bench.prepare(&recipe(&text)).unwrap();
    assert_eq!(fs::read_to_string(build.join("LICENSE")).unwrap(), "text");
    assert!(fs::symlink_metadata(build.join("LICENSE")).unwrap().is_file());
    assert!(fs::symlink_metadata(build.join("gone")).is_err());
}

#[test]
fn a_file_of_a_debian_source_package_comes_through_apt() {
    let bench = Bench::new();
    let digest = "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269";
    let fetched = recipe(&format!("debian = \"bzip2_1.0.8.orig.tar.gz\"\nsha256 = \"{digest}\""));
    let build = bench.prepare(&fetched).unwrap_or_else(|error| panic!("{}", bench.failure(&error).1));
    assert!(build.join("bzlib.h").is_file());
    let absent = recipe(&format!("debian = \"bzip2_0.0.0.orig.tar.gz\"\nsha256 = \"{}\"", Digest::of(b"")));
    assert_eq!(bench.failure(&bench.fetch(&absent).unwrap_err()).0, 3);
}

#[test]
fn a_crate_comes_through_cargo() {
    let bench = Bench::new();
    let digest = "baf1de4339761588bc0619e3cbc0120ee582ebb74b53b4efbf79117bd2da40fd";
    let fetched = recipe(&format!("crate = \"cfg-if@1.0.0\"\nsha256 = \"{digest}\""));
    let build = bench.prepare(&fetched).unwrap_or_else(|error| panic!("{}", bench.failure(&error).1));
    assert!(build.join("Cargo.toml").is_file());
}

#[test]
fn a_python_package_comes_from_the_index_of_pip() {
    let bench = Bench::new();
    let digest = "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926";
    let fetched = recipe(&format!("pypi = \"six==1.16.0\"\nsha256 = \"{digest}\""));
    let build = bench.prepare(&fetched).unwrap_or_else(|error| panic!("{}", bench.failure(&error).1));
    assert!(build.join("six.py").is_file());
}

//! Sealing and packing the bundle of field measurements, as `tagalong build` does it after the last step of each
//! recipe, against `tar | zstd` of the same tree: for `scripts/bench-pack`.
//!
//! Prints a row of a Markdown table.

mod field_bundle;
mod timing;
#[path = "../tests/world/mod.rs"]
mod world;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tagalong::archive::pack;
use tagalong::at_once;
use tagalong::builder::seal::{self, Sealing};
use tagalong::model::build_key::Ingredients;
use tagalong::model::prefix::Placeholder;
use tagalong::model::recipe::{RecipeName, RpathKind};
use timing::{medians, peak, row, sh};
use world::{World, bundle, files_below};

/// The length that `World`'s packages have their placeholder in, in bytes.
const PLACEHOLDER: usize = 160;

/// The folders of packages below `trees`: sealed, and packed into `<trees>/../packed`.
fn seal_and_pack(trees: &Path) {
    let packed = trees.with_file_name("packed");
    fs::create_dir_all(&packed).unwrap();
    let mut roots: Vec<PathBuf> = fs::read_dir(trees).unwrap().map(|entry| entry.unwrap().path()).collect();
    roots.sort();
    let processors = std::thread::available_parallelism().unwrap().get();
    let done = at_once::each(&roots, processors, |root| {
        let own: BTreeSet<PathBuf> =
            files_below(root).into_iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect();
        let name = RecipeName::parse(root.file_name().unwrap().to_str().unwrap()).unwrap();
        let mut ingredients = Ingredients::new();
        ingredients.add("name", name.as_str());
        let placeholder = Placeholder::with_length(PLACEHOLDER).unwrap();
        let sealed = seal::seal(&Sealing {
            root,
            own: &own,
            name: &name,
            debug_of: None,
            version: "1",
            license: "MIT",
            platform: &bundle::own(),
            build_key: ingredients.key(),
            needs: &[],
            placeholder: &placeholder,
            build_folders: &[b"/tagalong/build".to_vec()],
            rpath: RpathKind::Runpath,
            exclude: &[],
            is_static_kept: false,
            runtime: &[],
            exports: &[],
            system_libraries: &[],
            allow: &[],
            system_root: Path::new("/"),
        })
        .map_err(|error| format!("{error:?}"))?;
        let mut file = BufWriter::new(File::create(packed.join(name.as_str())).unwrap());
        pack::pack(&sealed.manifest, root, &mut file).map_err(|error| error.to_string())
    });
    done.unwrap();
}

fn main() {
    // A process of its own, which `main` below starts: as whole a process as the peer.
    if let Some(trees) = std::env::var_os("TAGALONG_BENCH_PACK_TREES") {
        return seal_and_pack(Path::new(&trees));
    }
    // `cargo bench` alone would take minutes and 3 GB.
    let scale = std::env::var("TAGALONG_BENCH_PACK").ok().and_then(|text| text.parse().ok());
    let Some(scale) = scale else { return };
    let world = World::with_key();
    let root = world.root();
    world.built(&field_bundle::packages("1", scale));
    sh(
        &root,
        "mkdir trees; for one in $(find cache/packages -name '*.tar.zst'); do
            mkdir unpacked; tar --zstd -C unpacked -xf $one; rm -rf unpacked/.tagalong
            mv unpacked trees/$(ls unpacked/lib); done; cp -a trees kept",
    );
    let fresh = || sh(&root, "rm -rf trees packed && cp -a kept trees");
    let own = std::env::current_exe().unwrap();
    let ours = || {
        let mut command = Command::new(&own);
        let command = command.env("TAGALONG_BENCH_PACK_TREES", root.join("trees")).stdout(Stdio::null());
        assert!(command.status().unwrap().success());
    };
    let gone = || sh(&root, "rm -f packed.tar.zst");
    let theirs = || sh(&root, "tar -c -C kept . | zstd -q -T0 -9 -o packed.tar.zst");
    row(
        "seal, prove, pack and compress",
        "`tar -c \\| zstd -T0 -9`",
        medians((&fresh, &ours), (&gone, &theirs)),
        "1.3",
    );
    fresh();
    let mut time = Command::new("/usr/bin/time");
    time.env("TAGALONG_BENCH_PACK_TREES", root.join("trees"));
    println!("| its peak memory | {:.0} MB | | | 150 MB |", peak(time, &[own.to_str().unwrap()]));
    let size = |path: PathBuf| -> u64 { files_below(&path).iter().map(|path| fs::metadata(path).unwrap().len()).sum() };
    let (ours, theirs) = (size(root.join("packed")), fs::metadata(root.join("packed.tar.zst")).unwrap().len());
    println!(
        "| its size | {:.0} MB | {:.0} MB | {:.2} | - |",
        ours as f64 / 1e6,
        theirs as f64 / 1e6,
        ours as f64 / theirs as f64
    );
}

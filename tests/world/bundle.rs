//! Packages made by hand, as a build leaves them in the store: what `publish` takes, without building anything.
//!
//! ```ignore
//! let world = World::with_key();
//! world.commit().tag("deps-1");
//! world.built(&[Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")]);
//! world.run("publish").succeeds();
//! ```

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tagalong::archive::pack;
use tagalong::checkout::Checkout;
use tagalong::host;
use tagalong::model::build_key::Ingredients;
use tagalong::model::bundle::{BuildRecord, Builder, BuiltBundle, BundleManifest, BundlePackage, BundleRef, FORMAT};
use tagalong::model::digest::Digest;
use tagalong::model::package::{Entry, EntryKind, EntryPath, FileEntry, PackageManifest, Relocations};
use tagalong::model::platform::{Floor, Platform};
use tagalong::model::prefix::Placeholder;
use tagalong::model::recipe::RecipeName;
use tagalong::signing::{Password, SecretKey};
use tagalong::store::Store;

use super::World;

/// A package with a file of every kind: text and binary with the prefix, a link, a program.
pub fn zlib() -> Package {
    Package::new("zlib")
        .text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\nlibdir=@PREFIX@/lib\n")
        .binary("lib/libz.so.1", b"\x7fELF\0@PREFIX@/share\0\0@PREFIX@\0tail")
        .link("lib/libz.so", "libz.so.1")
        .program("bin/zpipe", "echo zpipe of @PREFIX@")
}

/// Where a file says so, its bytes hold the prefix.
const MARK: &str = "@PREFIX@";

/// A package that was never built.
#[derive(Clone)]
pub struct Package {
    name: String,
    version: String,
    stacks: Vec<String>,
    needs: Vec<String>,
    placeholder: usize,
    entries: Vec<(String, Content)>,
}

#[derive(Clone)]
enum Content {
    Text(u32, Vec<u8>),
    Binary(u32, Vec<u8>),
    Link(String),
}

impl Package {
    pub fn new(name: &str) -> Package {
        let entries = Vec::new();
        Package { name: name.into(), version: "1.0".into(), stacks: vec![], needs: vec![], placeholder: 160, entries }
    }

    pub fn version(self, version: &str) -> Package {
        Package { version: version.into(), ..self }
    }

    pub fn stack(mut self, stack: &str) -> Package {
        self.stacks.push(stack.into());
        self
    }

    pub fn needs(mut self, name: &str) -> Package {
        self.needs.push(name.into());
        self
    }

    pub fn placeholder(self, length: usize) -> Package {
        Package { placeholder: length, ..self }
    }

    /// A text file; each `@PREFIX@` in it is a relocation.
    pub fn text(mut self, path: &str, text: &str) -> Package {
        self.entries.push((path.into(), Content::Text(0o644, text.into())));
        self
    }

    /// A shell script at the prefix.
    pub fn program(mut self, path: &str, script: &str) -> Package {
        self.entries.push((path.into(), Content::Text(0o755, format!("#!/bin/sh\n{script}\n").into())));
        self
    }

    /// A file whose length must not change.
    pub fn binary(mut self, path: &str, bytes: &[u8]) -> Package {
        self.entries.push((path.into(), Content::Binary(0o755, bytes.into())));
        self
    }

    pub fn link(mut self, path: &str, target: &str) -> Package {
        self.entries.push((path.into(), Content::Link(target.into())));
        self
    }

    /// Writes the tree and describes it.
    fn lay_out(&self, tree: &Path, platform: &Platform) -> PackageManifest {
        let placeholder = Placeholder::with_length(self.placeholder).unwrap();
        let mut entries: Vec<Entry> = Vec::new();
        let folder_of = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let mut folders = std::collections::BTreeSet::new();
        for (path, content) in &self.entries {
            let mut folder = folder_of(path);
            while let Some(here) = folder {
                folder = folder_of(&here);
                folders.insert(here);
            }
            let there = tree.join(path);
            fs::create_dir_all(there.parent().unwrap()).unwrap();
            let kind = match content {
                Content::Link(target) => {
                    symlink(target, &there).unwrap();
                    EntryKind::Link { target: target.clone() }
                }
                Content::Text(mode, bytes) | Content::Binary(mode, bytes) => {
                    let (bytes, offsets) = with_placeholder(bytes, placeholder.as_bytes());
                    fs::write(&there, &bytes).unwrap();
                    fs::set_permissions(&there, fs::Permissions::from_mode(*mode)).unwrap();
                    let relocations = match content {
                        Content::Text(..) => Relocations { text: offsets, fixed: vec![] },
                        _ => Relocations { text: vec![], fixed: offsets },
                    };
                    let (size, digest) = (bytes.len() as u64, Digest::of(&bytes));
                    EntryKind::File(FileEntry { mode: *mode, size, digest, relocations })
                }
            };
            entries.push(Entry { path: EntryPath::parse(path).unwrap(), kind });
        }
        let folder = |path: &String| Entry { path: EntryPath::parse(path).unwrap(), kind: EntryKind::Folder };
        entries.extend(folders.iter().map(folder));
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        PackageManifest {
            format: tagalong::model::package::FORMAT,
            name: RecipeName::parse(&self.name).unwrap(),
            version: self.version.clone(),
            license: "Zlib".to_owned(),
            platform: platform.clone(),
            build_key: self.ingredients().key(),
            placeholder,
            needs: self.need_names(),
            debug_of: None,
            runtime: Vec::new(),
            exports: Default::default(),
            floor: Floor::default(),
            entries,
        }
    }

    fn need_names(&self) -> Vec<RecipeName> {
        self.needs.iter().map(|need| RecipeName::parse(need).unwrap()).collect()
    }

    fn ingredients(&self) -> Ingredients {
        let mut ingredients = Ingredients::new();
        ingredients.add("name", &self.name);
        ingredients.add("version", &self.version);
        ingredients
    }
}

/// The bytes with a placeholder for every mark, and the offsets of the placeholders.
fn with_placeholder(bytes: &[u8], placeholder: &[u8]) -> (Vec<u8>, Vec<u64>) {
    let (mut out, mut offsets, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(MARK.as_bytes()) {
            offsets.push(out.len() as u64);
            out.extend_from_slice(placeholder);
            at += MARK.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    (out, offsets)
}

/// The platform of the machine that the tests run on.
pub fn own() -> Platform {
    host::platform(Path::new("/")).unwrap().platform
}

impl World {
    /// A world whose project has a `file:` channel `main`, and the key of it in `<world>/key`; one recipe is there.
    pub fn with_key() -> World {
        let world = World::new();
        let key = SecretKey::generate().unwrap();
        fs::write(world.key_path(), key.to_text().unwrap()).unwrap();
        world.write_project("file:../channel", "");
        world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\"\n");
        let path = world.key_path().to_str().unwrap().to_owned();
        world.with("TAGALONG_SECRET_KEY", &path)
    }

    pub fn key_path(&self) -> PathBuf {
        self.root().join("key")
    }

    /// The secret key of the channel `main`.
    pub fn key(&self) -> SecretKey {
        SecretKey::parse(&fs::read_to_string(self.key_path()).unwrap(), Password::None).unwrap()
    }

    /// Writes tagalong.toml with this channel as `main`, and more text after it.
    pub fn write_project(&self, url: &str, more: &str) -> &World {
        let key = self.key().public().line().to_owned();
        let project = format!(
            "[project]\nname = \"demo\"\nprefix = \"extern/p\"\n\n[[channel]]\nname = \"main\"\nurl = \"{url}\"\n\
             keys = [\"{key}\"]\n{more}"
        );
        self.write("tagalong.toml", project).write(".gitignore", "/extern/\n")
    }

    /// Puts packages into the store as the last build of the checkout for this machine's platform.
    pub fn built(&self, packages: &[Package]) -> BuiltBundle {
        self.built_for(&own(), Floor::default(), packages)
    }

    /// The same for any platform, with a floor.
    pub fn built_for(&self, platform: &Platform, floor: Floor, packages: &[Package]) -> BuiltBundle {
        let recipes = Checkout::open(self.checkout()).unwrap().recipes_tree_on_disk().unwrap().unwrap_or_default();
        let builder = Builder { image: None, compiler: "cc".to_owned(), sandbox: "host".to_owned(), job: None };
        let store = Store::open(&self.cache()).unwrap();
        let packages = packages.iter().map(|package| self.pack(package, platform, &store, &builder)).collect();
        let built = BuiltBundle { recipes, state: None, platform: platform.clone(), builder, packages, floor };
        store.set_last_build(self.checkout(), &built).unwrap();
        built
    }

    fn pack(&self, package: &Package, platform: &Platform, store: &Store, builder: &Builder) -> BundlePackage {
        let folder = tempfile::tempdir_in(self.root()).unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let manifest = package.lay_out(&tree, platform);
        let path = folder.path().join("archive");
        pack::pack(&manifest, &tree, &mut fs::File::create(&path).unwrap()).unwrap();
        let (archive, size) = store.add_file(&path).unwrap();
        let record = BuildRecord {
            format: FORMAT,
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            platform: platform.clone(),
            build_key: manifest.build_key,
            ingredients: package.ingredients(),
            archive,
            size,
            debug: None,
            floor: Floor::default(),
            builder: builder.clone(),
            recipe: None,
            host: Vec::new(),
            seconds: 1,
            steps: Vec::new(),
        };
        store.add_record(&record).unwrap();
        BundlePackage {
            name: manifest.name,
            version: manifest.version,
            license: manifest.license,
            stacks: package.stacks.clone(),
            needs: manifest.needs,
            build_key: manifest.build_key,
            archive,
            size,
            sources: Vec::new(),
            debug_of: None,
        }
    }

    /// Removes the store, as on another machine.
    pub fn forget_cache(&self) -> &World {
        fs::remove_dir_all(self.cache()).unwrap();
        self
    }

    /// Commits, tags, builds and publishes.
    pub fn published(&self, tag: &str, packages: &[Package]) -> &World {
        self.commit().tag(tag);
        self.built(packages);
        self.run("publish").succeeds();
        self
    }

    /// The manifest of a bundle on the channel.
    pub fn manifest(&self, wanted: &BundleRef) -> BundleManifest {
        BundleManifest::parse(&fs::read(self.channel().join(wanted.path())).unwrap()).unwrap()
    }

    /// Puts a manifest on the channel, signed with a key, whatever it says.
    pub fn forge(&self, at: &BundleRef, manifest: &BundleManifest, key: &SecretKey) {
        let bytes = manifest.to_json();
        let path = self.channel().join(at.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &bytes).unwrap();
        fs::write(self.channel().join(at.signature_path()), key.sign(&bytes, "forged").unwrap()).unwrap();
    }
}

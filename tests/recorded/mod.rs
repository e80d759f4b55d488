//! Records what a run does to its files, as strace(1) tells it, and makes of it what a disk may hold when the power fails at
//! any moment of it.
//!
//! What a disk owes is little (fsync(2), syncfs(2)): what was asked to be there is there, and each file or folder on its own
//! is as it was at some moment since then; different ones need not be of the same moment. Does not judge what a program
//! makes of it.

mod strace;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, FileTimes};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use crate::world::World;
use crate::world::random::Random;

/// The folders of a world that are recorded.
const TOPS: [&str; 3] = ["cache", "channel", "checkout/extern"];

/// What a loss takes of what nobody asked to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The bytes of files; names stay in their order: a journal of names (ext4, XFS, btrfs).
    Bytes,
    /// The bytes of some files, or a part of them.
    SomeBytes,
    /// The names in folders in which something was renamed; all else is kept.
    Renames,
    Everything,
    Anything,
}

pub const LOSSES: [Loss; 5] = [Loss::Bytes, Loss::SomeBytes, Loss::Renames, Loss::Everything, Loss::Anything];

#[derive(Debug, Clone)]
enum Value {
    Bytes(Rc<Vec<u8>>),
    Names(Rc<BTreeMap<Vec<u8>, usize>>),
    Target(PathBuf),
}

/// A file, folder or link through all of a run.
#[derive(Debug)]
struct Node {
    /// Each with the step that made it.
    versions: Vec<(usize, Value)>,
    /// The steps at which it was asked to be on the disk.
    kept: Vec<usize>,
    mode: u32,
    changed: Option<SystemTime>,
    /// Whether something was renamed in this folder.
    is_renamed_in: bool,
}

impl Node {
    fn new(step: usize, value: Value, mode: u32) -> Node {
        Node { versions: vec![(step, value)], kept: Vec::new(), mode, changed: None, is_renamed_in: false }
    }

    fn now(&self) -> &Value {
        &self.versions.last().unwrap().1
    }

    /// What it was after a step; nothing in it where that is before it was made.
    fn at(&self, step: usize) -> Value {
        match (self.versions.iter().rev().find(|(made, _)| *made <= step), self.now()) {
            (Some((_, value)), _) => value.clone(),
            (None, Value::Bytes(_)) => Value::Bytes(Rc::default()),
            (None, Value::Names(_)) => Value::Names(Rc::default()),
            (None, target) => target.clone(),
        }
    }
}

/// A recorded run.
pub struct Recording {
    root: PathBuf,
    /// The first is the root.
    nodes: Vec<Node>,
    /// The system calls that changed something or asked for the disk, in order; step 1 is the first.
    pub steps: Vec<String>,
    /// The steps after which everything was on the disk.
    kept: Vec<usize>,
    /// Of open files: the node, and the place of the next byte.
    open: HashMap<i32, (usize, usize)>,
    told: HashSet<u64>,
}

/// What is on the disk after a loss.
#[derive(Debug, Hash)]
pub struct Image(BTreeMap<PathBuf, Found>);

#[derive(Debug, Hash)]
enum Found {
    Folder(u32),
    Link(PathBuf),
    /// Its node, mode and bytes.
    File(usize, u32, Rc<Vec<u8>>),
}

impl Recording {
    /// Records a run of the binary, which must succeed; `faults` are strace's own options.
    pub fn of(world: &World, arguments: &[&str], faults: &[&str]) -> Recording {
        let log = world.root().join("strace.log");
        let mut recording = Recording::of_disk(&world.root());
        let mut command = world.command("strace", world.checkout());
        command.args(strace::OPTIONS).args(["-o", log.to_str().unwrap()]).args(faults);
        let output = command.arg(env!("CARGO_BIN_EXE_tagalong")).args(arguments).output();
        let output = output.expect("`scripts/prepare tests` installs strace");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        recording.read(&fs::read_to_string(&log).unwrap());
        recording.note_times();
        // The proof that nothing was overlooked.
        let (told, found) = (recording.at(recording.steps.len(), |_, _| usize::MAX), Recording::of_disk(&world.root()));
        let found = found.at(0, |_, _| 0);
        assert_eq!(told.shown(), found.shown(), "strace tells something else than what the disk holds");
        recording
    }

    /// What lies on the disk now, all of it kept.
    fn of_disk(root: &Path) -> Recording {
        let mut recording = Recording {
            root: root.to_owned(),
            nodes: vec![Node::new(0, Value::Names(Rc::default()), 0o755)],
            steps: Vec::new(),
            kept: vec![0],
            open: HashMap::new(),
            told: HashSet::new(),
        };
        let mut known = HashMap::new();
        let checkout = recording.add(0, b"checkout", Value::Names(Rc::default()), 0o755);
        for (folder, name) in [(0, "cache"), (0, "channel"), (checkout, "extern")] {
            let path = root.join(if folder == 0 { name.to_owned() } else { format!("checkout/{name}") });
            if path.exists() {
                recording.read_disk(folder, name.as_bytes(), &path, &mut known);
            }
        }
        recording
    }

    fn read_disk(&mut self, folder: usize, name: &[u8], path: &Path, known: &mut HashMap<(u64, u64), usize>) {
        let facts = fs::symlink_metadata(path).unwrap();
        if let Some(node) = known.get(&(facts.dev(), facts.ino())).filter(|_| facts.is_file()) {
            return self.name(folder, name, Some(*node));
        }
        let value = if facts.is_symlink() {
            Value::Target(fs::read_link(path).unwrap())
        } else if facts.is_dir() {
            Value::Names(Rc::default())
        } else {
            Value::Bytes(Rc::new(fs::read(path).unwrap()))
        };
        let node = self.add(folder, name, value, facts.mode() & 0o7777);
        self.nodes[node].changed = facts.modified().ok();
        known.insert((facts.dev(), facts.ino()), node);
        if facts.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                self.read_disk(node, entry.file_name().as_bytes(), &entry.path(), known);
            }
        }
    }

    /// The times of the files that are there after the run.
    fn note_times(&mut self) {
        let image = self.at(self.steps.len(), |_, _| usize::MAX);
        for (path, found) in image.0 {
            if let Found::File(node, ..) = found {
                self.nodes[node].changed = fs::metadata(self.root.join(path)).unwrap().modified().ok();
            }
        }
    }

    fn step(&self) -> usize {
        self.steps.len()
    }

    fn set(&mut self, node: usize, value: Value) {
        let step = self.step();
        self.nodes[node].versions.push((step, value));
    }

    /// A new node with this name.
    fn add(&mut self, folder: usize, name: &[u8], value: Value, mode: u32) -> usize {
        self.nodes.push(Node::new(self.step(), value, mode));
        let node = self.nodes.len() - 1;
        self.name(folder, name, Some(node));
        node
    }

    /// Gives a name to a node, or to none.
    fn name(&mut self, folder: usize, name: &[u8], node: Option<usize>) {
        let mut names = self.names(folder).clone();
        match node {
            Some(node) => names.insert(name.to_owned(), node),
            None => names.remove(name),
        };
        self.set(folder, Value::Names(Rc::new(names)));
    }

    fn names(&self, folder: usize) -> &BTreeMap<Vec<u8>, usize> {
        match self.nodes[folder].now() {
            Value::Names(names) => names,
            other => panic!("{folder} is no folder but {other:?}"),
        }
    }

    /// The node of a path from the root.
    fn find(&self, path: &Path) -> Option<usize> {
        path.iter().try_fold(0, |folder, name| match self.nodes[folder].now() {
            Value::Names(names) => names.get(name.as_bytes()).copied(),
            _ => None,
        })
    }

    /// What is there after a loss at a step; `None` if a loss like it was told before.
    pub fn image(&mut self, step: usize, loss: Loss, random: &mut Random) -> Option<Image> {
        let image = self.at(step, |node, kept| {
            let is_file = matches!(node.now(), Value::Bytes(_));
            let any = |random: &mut Random| kept + random.below(step - kept + 1);
            match loss {
                Loss::Bytes if is_file => kept,
                Loss::SomeBytes if is_file => [kept, step, any(random)][random.below(3)],
                Loss::Renames if node.is_renamed_in => kept,
                Loss::Bytes | Loss::SomeBytes | Loss::Renames => step,
                Loss::Everything => kept,
                Loss::Anything => [kept, step, any(random)][random.below(3)],
            }
        });
        let mut hasher = DefaultHasher::new();
        image.hash(&mut hasher);
        self.told.insert(hasher.finish()).then_some(image)
    }

    /// What is there when each node is as it was at the step that `choose` says; it is given the last at which the node was
    /// asked to be on the disk.
    fn at(&self, step: usize, mut choose: impl FnMut(&Node, usize) -> usize) -> Image {
        let mut chosen = HashMap::new();
        let mut found = BTreeMap::new();
        let mut open = vec![(PathBuf::new(), 0)];
        while let Some((path, id)) = open.pop() {
            let node = &self.nodes[id];
            let value = chosen.entry(id).or_insert_with(|| {
                let kept = self.kept.iter().chain(&node.kept).filter(|kept| **kept <= step).max().unwrap();
                node.at(choose(node, *kept).min(step))
            });
            match value {
                Value::Bytes(bytes) => drop(found.insert(path, Found::File(id, node.mode, bytes.clone()))),
                Value::Target(target) => drop(found.insert(path, Found::Link(target.clone()))),
                Value::Names(names) => {
                    let names: Vec<_> = names.iter().map(|(name, id)| (path_of(&path, name), *id)).collect();
                    open.extend(names);
                    found.insert(path, Found::Folder(node.mode));
                }
            }
        }
        Image(found)
    }
}

fn path_of(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(std::ffi::OsStr::from_bytes(name))
}

impl Image {
    /// Puts it on the disk in place of what is there, with the times of files, and receipts last: nothing in a prefix was
    /// changed after its receipt.
    pub fn lay_out(&self, recording: &Recording) {
        for top in TOPS {
            let path = recording.root.join(top);
            if path.exists() {
                fs::remove_dir_all(&path).unwrap();
            }
        }
        let is_receipt = |path: &Path| path.ends_with("receipt.json");
        let mut first: HashMap<usize, &Path> = HashMap::new();
        for are_receipts in [false, true] {
            for (path, found) in self.0.iter().filter(|(path, _)| is_receipt(path) == are_receipts) {
                let there = recording.root.join(path);
                match found {
                    Found::Folder(_) if there.exists() => {}
                    Found::Folder(mode) => {
                        fs::create_dir(&there).unwrap();
                        fs::set_permissions(&there, PermissionsExt::from_mode(*mode)).unwrap();
                    }
                    Found::Link(target) => symlink(target, &there).unwrap(),
                    Found::File(node, ..) if first.contains_key(node) => {
                        fs::hard_link(recording.root.join(first[node]), &there).unwrap();
                    }
                    Found::File(node, mode, bytes) => {
                        fs::write(&there, bytes.as_slice()).unwrap();
                        if let Some(at) = recording.nodes[*node].changed {
                            let file = fs::OpenOptions::new().write(true).open(&there).unwrap();
                            file.set_times(FileTimes::new().set_modified(at)).unwrap();
                        }
                        fs::set_permissions(&there, PermissionsExt::from_mode(*mode)).unwrap();
                        first.insert(*node, path);
                    }
                }
            }
        }
    }

    /// For comparing: each path with what it is.
    fn shown(&self) -> BTreeMap<&Path, String> {
        let shown = |found: &Found| match found {
            Found::Folder(_) => "folder".to_owned(),
            Found::Link(target) => format!("link to {}", target.display()),
            Found::File(_, mode, bytes) => {
                let mut hasher = DefaultHasher::new();
                bytes.hash(&mut hasher);
                format!("file, {mode:o}, {} bytes, {:x}", bytes.len(), hasher.finish())
            }
        };
        self.0.iter().map(|(path, found)| (path.as_path(), shown(found))).collect()
    }
}

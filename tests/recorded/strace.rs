//! Reads a log of strace(1) into a recording: each call that changed a file or a name, or asked for the disk.
//!
//! Does not know what a loss is.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::{Recording, Value};

/// All that writes, in every thread, with the paths of open files and with all bytes (in hexadecimal).
pub const OPTIONS: [&str; 8] = [
    "-f",
    "-qq",
    "-y",
    "-xx",
    "-s",
    "100000000",
    "-e",
    "trace=open,openat,creat,write,pwrite64,writev,pwritev,copy_file_range,sendfile,lseek,ftruncate,fallocate,rename,\
     renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,chmod,fchmod,fchmodat,fsync,\
     fdatasync,syncfs",
];

/// A call that succeeded.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    arguments: Vec<String>,
    result: String,
}

impl Recording {
    /// Takes all calls of a log, in the order in which they came back.
    pub(super) fn read(&mut self, log: &str) {
        let mut begun: HashMap<&str, String> = HashMap::new();
        // A call of one thread may come back before the one of another that it builds on is told.
        let mut early: Vec<Call> = Vec::new();
        for line in log.lines() {
            let (thread, rest) = line.split_once(' ').unwrap();
            let rest = rest.trim_start();
            if let Some(head) = rest.strip_suffix("<unfinished ...>") {
                begun.insert(thread, head.trim_end().to_owned());
                continue;
            }
            let whole = match rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
                Some((_, tail)) => begun.remove(thread).unwrap() + tail,
                None => rest.to_owned(),
            };
            let Some(call) = Call::read(&whole) else { continue };
            early.push(call);
            while let Some(place) = early.iter().position(|call| self.take(call)) {
                early.remove(place);
            }
        }
        assert!(early.is_empty(), "calls that build on nothing: {early:?}");
    }

    /// Takes a call; `false` when what it builds on is not there yet.
    fn take(&mut self, call: &Call) -> bool {
        let taken = match call.name.as_str() {
            "open" | "openat" | "creat" => self.opened(call),
            "lseek" => {
                if let Some(open) = self.open.get_mut(&call.file(0)) {
                    open.1 = call.number();
                }
                Some(())
            }
            _ => self.changed(call),
        };
        taken.is_some()
    }

    /// The path of the arguments from this place on, below the root; `None` outside of what is recorded.
    fn path(&self, call: &Call, place: usize) -> Option<PathBuf> {
        let (folder, name) = match call.name.ends_with("at") || call.name == "renameat2" {
            true => (call.path_of(place), call.text(place + 1)),
            false => (None, call.text(place)),
        };
        let path = plain(&folder.unwrap_or_default().join(name));
        let below = path.strip_prefix(&self.root).ok()?;
        super::TOPS.iter().any(|top| below.starts_with(top)).then(|| below.to_owned())
    }

    /// The node of the folder of a path, and the last name.
    fn place(&self, path: &Path) -> Option<(usize, Vec<u8>)> {
        Some((self.find(path.parent()?)?, path.file_name()?.as_bytes().to_owned()))
    }

    fn opened(&mut self, call: &Call) -> Option<()> {
        let Some(path) = annotation(&call.result) else { return Some(()) };
        let number: i32 = call.result.split('<').next()?.parse().ok()?;
        let flags = if call.name == "openat" { &call.arguments[2] } else { &call.arguments[1] };
        let path = match path.strip_prefix(&self.root) {
            Ok(path) if super::TOPS.iter().any(|top| path.starts_with(top)) => path.to_owned(),
            // Another file has this number from now on.
            _ => {
                self.open.remove(&number);
                return Some(());
            }
        };
        let (folder, name) = self.place(&path)?;
        let there = self.names(folder).get(&name).copied();
        let node = match there {
            Some(node) => {
                if flags.contains("O_TRUNC") {
                    self.note(call);
                    self.set(node, Value::Bytes(Rc::default()));
                }
                node
            }
            None if flags.contains("O_CREAT") => {
                self.note(call);
                let mode = u32::from_str_radix(call.arguments.last()?, 8).ok()? & !0o022;
                self.add(folder, &name, Value::Bytes(Rc::default()), mode)
            }
            None => return None,
        };
        self.open.insert(number, (node, 0));
        Some(())
    }

    fn note(&mut self, call: &Call) {
        let text: Vec<String> = call.arguments.iter().map(|argument| shown(argument)).collect();
        self.steps.push(format!("{}({})", call.name, text.join(", ")));
    }

    fn changed(&mut self, call: &Call) -> Option<()> {
        match call.name.as_str() {
            "write" | "pwrite64" | "writev" | "pwritev" | "copy_file_range" | "sendfile" | "ftruncate" => {
                self.written(call);
            }
            "fallocate" => assert!(!self.open.contains_key(&call.file(0)), "{call:?} is not known here"),
            "fsync" | "fdatasync" => {
                if let Some((node, _)) = self.open.get(&call.file(0)).copied() {
                    self.note(call);
                    let step = self.step();
                    self.nodes[node].kept.push(step);
                }
            }
            "syncfs" => {
                self.note(call);
                self.kept.push(self.step());
            }
            "fchmod" => {
                if let Some((node, _)) = self.open.get(&call.file(0)).copied() {
                    self.nodes[node].mode = call.octal(1);
                }
            }
            "chmod" | "fchmodat" => {
                let Some(path) = self.path(call, 0) else { return Some(()) };
                let node = self.find(&path)?;
                self.nodes[node].mode = call.octal(if call.name == "chmod" { 1 } else { 2 });
            }
            "mkdir" | "mkdirat" => {
                let Some(path) = self.path(call, 0) else { return Some(()) };
                let (folder, name) = self.place(&path)?;
                self.note(call);
                let mode = call.octal(call.arguments.len() - 1) & !0o022;
                self.add(folder, &name, Value::Names(Rc::new(BTreeMap::new())), mode);
            }
            "symlink" | "symlinkat" => {
                let Some(path) = self.path(call, 1) else { return Some(()) };
                let (folder, name) = self.place(&path)?;
                self.note(call);
                self.add(folder, &name, Value::Target(call.text(0).into()), 0o777);
            }
            "unlink" | "unlinkat" | "rmdir" => {
                let Some(path) = self.path(call, 0) else { return Some(()) };
                let (folder, name) = self.place(&path)?;
                self.names(folder).get(&name)?;
                self.note(call);
                self.name(folder, &name, None);
            }
            "link" | "linkat" => {
                let second = if call.name == "link" { 1 } else { 2 };
                let Some(to) = self.path(call, second) else { return Some(()) };
                let node = self.find(&self.path(call, 0)?)?;
                let (folder, name) = self.place(&to)?;
                self.note(call);
                self.name(folder, &name, Some(node));
            }
            "rename" | "renameat" | "renameat2" => self.renamed(call)?,
            other => panic!("{other} is not known here"),
        }
        Some(())
    }

    fn renamed(&mut self, call: &Call) -> Option<()> {
        let second = if call.name == "rename" { 1 } else { 2 };
        let Some(from) = self.path(call, 0) else {
            assert!(self.path(call, second).is_none(), "something comes from outside: {call:?}");
            return Some(());
        };
        let (from_folder, from_name) = self.place(&from)?;
        let (to_folder, to_name) = self.place(&self.path(call, second)?)?;
        let node = *self.names(from_folder).get(&from_name)?;
        let is_exchange = call.arguments.last()?.contains("RENAME_EXCHANGE");
        let other = if is_exchange { Some(*self.names(to_folder).get(&to_name)?) } else { None };
        self.note(call);
        self.name(to_folder, &to_name, Some(node));
        self.name(from_folder, &from_name, other);
        // In one folder it is one change.
        if from_folder == to_folder {
            let versions = &mut self.nodes[to_folder].versions;
            versions.remove(versions.len() - 2);
        }
        for folder in [from_folder, to_folder] {
            self.nodes[folder].is_renamed_in = true;
        }
        Some(())
    }

    fn written(&mut self, call: &Call) {
        let (file, from) = match call.name.as_str() {
            "copy_file_range" => (call.file(2), Some(call.file(0))),
            "sendfile" => (call.file(0), Some(call.file(1))),
            _ => (call.file(0), None),
        };
        let count = call.number();
        let bytes = match from {
            None if call.name == "ftruncate" => Vec::new(),
            None => call.bytes(),
            Some(from) => {
                let (node, place) = self.open[&from];
                self.open.insert(from, (node, place + count));
                match self.nodes[node].now() {
                    Value::Bytes(bytes) => bytes[place..place + count].to_owned(),
                    other => panic!("{call:?} reads {other:?}"),
                }
            }
        };
        let Some((node, place)) = self.open.get(&file).copied() else { return };
        let Value::Bytes(old) = self.nodes[node].now() else { panic!("{call:?} writes into a folder") };
        let mut new = old.as_ref().clone();
        if call.name == "ftruncate" {
            new.resize(call.arguments[1].parse().unwrap(), 0);
        } else {
            let is_placed = call.name.starts_with('p');
            let start = if is_placed { call.arguments.last().unwrap().parse().unwrap() } else { place };
            let bytes = &bytes[..count];
            new.resize(new.len().max(start + bytes.len()), 0);
            new[start..start + bytes.len()].copy_from_slice(bytes);
            if !is_placed {
                self.open.insert(file, (node, start + bytes.len()));
            }
        }
        if bytes.is_empty() && call.name != "ftruncate" {
            return;
        }
        self.note(call);
        self.set(node, Value::Bytes(Rc::new(new)));
    }
}

impl Call {
    /// Reads `name(arguments) = result`; `None` for what failed, and for what is no call.
    fn read(line: &str) -> Option<Call> {
        let (head, result) = line.rsplit_once(" = ")?;
        let result = result.trim();
        if result.starts_with('-') || result.starts_with('?') {
            return None;
        }
        let (name, rest) = head.trim_end().split_once('(')?;
        let arguments = split(rest.strip_suffix(')')?);
        Some(Call { name: name.to_owned(), arguments, result: result.to_owned() })
    }

    /// The number of an open file.
    fn file(&self, place: usize) -> i32 {
        self.arguments[place].split('<').next().unwrap().parse().unwrap()
    }

    /// The path of an open file.
    fn path_of(&self, place: usize) -> Option<PathBuf> {
        annotation(&self.arguments[place])
    }

    fn text(&self, place: usize) -> OsString {
        OsString::from_vec(unescaped(&self.arguments[place]))
    }

    fn octal(&self, place: usize) -> u32 {
        u32::from_str_radix(&self.arguments[place], 8).unwrap()
    }

    /// The result as a number.
    fn number(&self) -> usize {
        self.result.split(' ').next().unwrap().parse().unwrap()
    }

    /// The bytes of a write; of all pieces of a `writev`.
    fn bytes(&self) -> Vec<u8> {
        self.arguments[1].split('"').skip(1).step_by(2).flat_map(unescaped).collect()
    }
}

/// The path after the number of an open file.
fn annotation(text: &str) -> Option<PathBuf> {
    let (_, rest) = text.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    Some(PathBuf::from(OsString::from_vec(unescaped(path))))
}

/// A path without `..`; no folder of a test is a link.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

/// The bytes of `\x2f\x74…`, with or without quotes.
fn unescaped(text: &str) -> Vec<u8> {
    text.trim_matches('"').split("\\x").skip(1).map(|two| u8::from_str_radix(&two[..2], 16).unwrap()).collect()
}

/// An argument as people read it, cut.
fn shown(argument: &str) -> String {
    let shown = match argument.strip_prefix('"') {
        Some(text) => format!("{:?}", String::from_utf8_lossy(&unescaped(text))),
        None => annotation(argument).map_or_else(|| argument.to_owned(), |path| path.display().to_string()),
    };
    shown.chars().take(120).collect()
}

/// The arguments at the outermost commas; strings hold none, being hexadecimal.
fn split(text: &str) -> Vec<String> {
    let (mut found, mut depth) = (vec![String::new()], 0);
    for one in text.chars() {
        match one {
            '[' | '{' | '(' | '<' => depth += 1,
            ']' | '}' | ')' | '>' => depth -= 1,
            ',' if depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut().unwrap().push(one);
    }
    found.into_iter().map(|argument| argument.trim().to_owned()).collect()
}

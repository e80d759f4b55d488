//! Scans all files of a folder for the placeholder, as the seal does, on one thread: for `scripts/bench-audit`.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use tagalong::model::prefix::Placeholder;
use tagalong::relocate::kind::Kind;
use tagalong::relocate::scan;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let Some(folder) = folder else { return };
    let placeholder = Placeholder::standard();
    let (mut open, mut found, mut bytes) = (vec![PathBuf::from(folder)], 0, Vec::new());
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let Ok(mut file) = fs::File::open(entry.path()) else { continue };
                // One buffer for all files: what is measured is the scan.
                bytes.clear();
                file.read_to_end(&mut bytes).unwrap();
                let relocations = scan::relocations(&bytes, Kind::of(&bytes), &placeholder);
                found += relocations.text.len() + relocations.fixed.len();
            }
        }
    }
    println!("{found} placeholders");
}

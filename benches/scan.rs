//! Scans all files of a folder for the placeholder, a window at a time, on one thread: for `scripts/bench-audit`.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use tagalong::model::prefix::Placeholder;
use tagalong::relocate::scan;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let Some(folder) = folder else { return };
    let placeholder = Placeholder::standard();
    // A window stays in the processor's caches, as that of `cat` does.
    let (mut open, mut found, mut window) = (vec![PathBuf::from(folder)], 0, vec![0; 128 << 10]);
    let overlap = placeholder.as_bytes().len() - 1;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let Ok(mut file) = fs::File::open(entry.path()) else { continue };
                let mut filled = 0;
                loop {
                    let count = file.read(&mut window[filled..]).unwrap();
                    if count == 0 {
                        break;
                    }
                    filled += count;
                    found += scan::occurrences(&window[..filled], &placeholder).len();
                    // A placeholder over the end is found with what follows.
                    let kept = filled.min(overlap);
                    window.copy_within(filled - kept..filled, 0);
                    filled = kept;
                }
            }
        }
    }
    println!("{found} placeholders");
}

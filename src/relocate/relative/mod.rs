//! Makes what names the prefix of a tree find it from its own place: library paths, links, `.pc`, cmake files, scripts.
//!
//! Does not decide what kind of file one is (`flow/relocate/`); what cannot be made relative is handed back.

pub mod shell;

use std::ops::Range;

use crate::relocate::mapping::{Hit, Mapping};
use crate::relocate::splice::{New, Splice};

/// The way from the folder of a file up to the top of its tree: `../..`, or `.` at the top.
pub fn way_up(path: &[u8]) -> String {
    let depth = path.iter().filter(|byte| **byte == b'/').count();
    if depth == 0 { ".".to_owned() } else { vec![".."; depth].join("/") }
}

/// A text in which each prefix is replaced by a variable with the file's own folder, and the way up behind it.
fn of_variable(variable: &str, path: &[u8], hits: &[Hit], mapping: &Mapping) -> Vec<Splice> {
    let new = match way_up(path).as_str() {
        "." => variable.to_owned(),
        way => format!("{variable}/{way}"),
    };
    let splice = |hit: &Hit| Splice {
        offset: hit.offset,
        length: mapping.old(hit).len() as u64,
        new: New::Bytes(new.clone().into_bytes()),
    };
    hits.iter().map(splice).collect()
}

/// A pkg-config file; `pcfiledir` is its folder (pc(5)).
pub fn of_pkg_config(path: &[u8], hits: &[Hit], mapping: &Mapping) -> Vec<Splice> {
    of_variable("${pcfiledir}", path, hits, mapping)
}

/// A cmake file; `CMAKE_CURRENT_LIST_DIR` is its folder while it is read. The offsets of the prefixes that must stay
/// come with it: those in a function or macro, where the variable is that of the caller, and those in brackets, where no
/// variable counts.
pub fn of_cmake(path: &[u8], bytes: &[u8], hits: &[Hit], mapping: &Mapping) -> (Vec<Splice>, Vec<u64>) {
    let closed = without_variables(bytes);
    let is_open = |hit: &&Hit| !closed.iter().any(|part| part.contains(&(hit.offset as usize)));
    let (open, stuck): (Vec<&Hit>, Vec<&Hit>) = hits.iter().partition(is_open);
    let open: Vec<Hit> = open.into_iter().copied().collect();
    let stuck = stuck.into_iter().map(|hit| hit.offset).collect();
    (of_variable("${CMAKE_CURRENT_LIST_DIR}", path, &open, mapping), stuck)
}

/// The parts of a cmake file in which the variable is none of its own: functions, macros, brackets. Comments are free.
fn without_variables(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut parts, mut at) = (Vec::new(), 0);
    let mut body: Option<(usize, usize)> = None;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if let Some(length) = bracket(rest) {
            parts.push(at..at + length);
            at += length;
            continue;
        }
        match rest[0] {
            b'#' => at += bracket(&rest[1..]).map_or_else(|| line_length(rest), |length| length + 1),
            b'"' => {
                let end = quoted_length(rest);
                at += end;
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                let length = rest.iter().take_while(is_word).count();
                let is_call = rest[length..].iter().find(|byte| !matches!(byte, b' ' | b'\t')) == Some(&b'(');
                match (rest[..length].to_ascii_lowercase().as_slice(), body) {
                    (b"function" | b"macro", None) if is_call => body = Some((at, 1)),
                    (b"function" | b"macro", Some((start, depth))) if is_call => body = Some((start, depth + 1)),
                    (b"endfunction" | b"endmacro", Some((start, 1))) if is_call => {
                        parts.push(start..at);
                        body = None;
                    }
                    (b"endfunction" | b"endmacro", Some((start, depth))) if is_call => body = Some((start, depth - 1)),
                    _ => {}
                }
                at += length;
            }
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    parts.extend(body.map(|(start, _)| start..bytes.len()));
    parts
}

/// The length of `[==[ … ]==]`, if the bytes start with one.
fn bracket(bytes: &[u8]) -> Option<usize> {
    let inner = bytes.strip_prefix(b"[")?;
    let equals = inner.iter().take_while(|byte| **byte == b'=').count();
    inner[equals..].strip_prefix(b"[")?;
    let close = [b"]".as_slice(), &vec![b'='; equals], b"]"].concat();
    let end = memchr::memmem::find(&bytes[equals + 2..], &close);
    Some(end.map_or(bytes.len(), |end| equals + 2 + end + close.len()))
}

fn line_length(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)
}

fn quoted_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A library path in which the folders of the tree are relative to the file; the others stay. `None` when none is in it.
pub fn library_path(text: &[u8], path: &[u8], mapping: &Mapping) -> Option<Vec<u8>> {
    let mut is_changed = false;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for part in text.split(|byte| *byte == b':') {
        let inside = below(part, mapping);
        is_changed |= inside.is_some();
        let part = match inside {
            Some(inside) => {
                let way = relative(path, inside);
                if way == b"." { b"$ORIGIN".to_vec() } else { [b"$ORIGIN/", way.as_slice()].concat() }
            }
            None => part.to_vec(),
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    is_changed.then(|| parts.join(&b':'))
}

/// The target of a link relative to the link; `None` when it does not lead into the tree by its prefix.
pub fn link(target: &[u8], path: &[u8], mapping: &Mapping) -> Option<Vec<u8>> {
    below(target, mapping).map(|inside| relative(path, inside))
}

/// What of a path lies below the prefix.
fn below<'a>(path: &'a [u8], mapping: &Mapping) -> Option<&'a [u8]> {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    let normal = &path[slashes.saturating_sub(1)..];
    mapping.pairs().iter().find_map(|pair| {
        let rest = normal.strip_prefix(pair.old.as_slice())?;
        (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
    })
}

/// The way from the folder of one path of the tree to another path of it.
pub fn relative(from: &[u8], to: &[u8]) -> Vec<u8> {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for name in path.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." if names.last().is_some_and(|last| last != b"..") => drop(names.pop()),
                name => names.push(name.to_vec()),
            }
        }
        names
    };
    let (mut own, aim) = (names(from), names(to));
    own.pop();
    let common = own.iter().zip(&aim).take_while(|(a, b)| a == b).count();
    let mut way: Vec<Vec<u8>> = vec![b"..".to_vec(); own.len() - common];
    way.extend_from_slice(&aim[common..]);
    if way.is_empty() { b".".to_vec() } else { way.join(&b'/') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocate::mapping::Pair;
    use crate::relocate::splice;

    fn mapping() -> Mapping {
        Mapping::new([Pair { old: b"/p".to_vec(), new: b"/p".to_vec() }]).unwrap()
    }

    #[test]
    fn library_path_and_links_become_relative_and_others_stay() {
        let table = [
            ("/p/lib", "bin/x", Some("$ORIGIN/../lib")),
            ("/p/lib:/usr/lib:///p/lib", "lib/x.so", Some("$ORIGIN:/usr/lib")),
            ("/p", "x", Some("$ORIGIN")),
            ("/p/a/../b", "lib/q/x", Some("$ORIGIN/../../b")),
            ("$ORIGIN/../lib:/pp/lib", "bin/x", None),
        ];
        for (text, path, expected) in table {
            let new = library_path(text.as_bytes(), path.as_bytes(), &mapping());
            assert_eq!(new.as_deref(), expected.map(str::as_bytes), "{text}");
        }
        assert_eq!(link(b"/p/lib/x", b"lib/y", &mapping()).unwrap(), b"x");
        assert_eq!(link(b"/p", b"a/b/c", &mapping()).unwrap(), b"../..");
        assert_eq!(link(b"../x", b"lib/y", &mapping()), None);
    }

    #[test]
    fn pkg_config_and_cmake_files_name_their_own_folder() {
        let mapping = mapping();
        let pc = b"prefix=/p\nlibdir=/p/lib\n";
        let new = splice::apply(pc, &of_pkg_config(b"lib/pkgconfig/x.pc", &mapping.in_text(pc), &mapping), &mapping);
        assert_eq!(new, b"prefix=${pcfiledir}/../..\nlibdir=${pcfiledir}/../../lib\n");
        let changed = |cmake: &str| {
            let (splices, stuck) = of_cmake(b"x.cmake", cmake.as_bytes(), &mapping.in_text(cmake.as_bytes()), &mapping);
            (String::from_utf8(splice::apply(cmake.as_bytes(), &splices, &mapping)).unwrap(), stuck)
        };
        let here = "${CMAKE_CURRENT_LIST_DIR}";
        let table = [
            ("set(X \"/p/lib\")\n", format!("set(X \"{here}/lib\")\n"), vec![]),
            (
                "# function( /p\nset(Y \"macro( [[\" /p)\nFunction (f)\nset(X /p)\nendfunction()\nset(Z /p)\n",
                format!(
                    "# function( {here}\nset(Y \"macro( [[\" {here})\nFunction (f)\nset(X /p)\nendfunction()\nset(Z {here})\n"
                ),
                vec![56],
            ),
            ("set(X [=[ /p ]] ]=] /p)", format!("set(X [=[ /p ]] ]=] {here})"), vec![10]),
            ("macro(m)\nset(X /p)", "macro(m)\nset(X /p)".to_owned(), vec![15]),
            ("set(X [=[ /p", "set(X [=[ /p".to_owned(), vec![10]),
            ("set(X \"a\\\" /p", format!("set(X \"a\\\" {here}"), vec![]),
        ];
        for (cmake, expected, stuck) in table {
            assert_eq!(changed(cmake), (expected, stuck), "{cmake}");
        }
    }
}

//! Makes library paths relative to the file that holds them: `<placeholder>/lib` becomes `$ORIGIN/../lib`.
//!
//! Does not write them into files; `elf/library_path.rs` does.

use crate::model::prefix::Placeholder;

/// The library path for a file in `folder` (relative to the tree, `""` for its top) that was linked with `path`.
///
/// What lies in the tree is kept as `$ORIGIN/…`, each folder once, in order. Everything else goes: folders of the
/// build and of the system, relative and empty parts, which the loader reads as the working directory (ld.so(8)).
pub fn relative_library_path(path: &str, folder: &str, placeholder: &Placeholder) -> String {
    let mut kept: Vec<String> = Vec::new();
    for part in path.split(':') {
        let Some(part) = relative_part(part, folder, placeholder) else { continue };
        if !kept.contains(&part) {
            kept.push(part);
        }
    }
    kept.join(":")
}

fn relative_part(part: &str, folder: &str, placeholder: &Placeholder) -> Option<String> {
    let own = names(folder, &[])?;
    let after_origin = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|token| part.strip_prefix(token));
    let aim = match after_origin {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => names(rest, &own)?,
        Some(_) => return None,
        None => {
            let absolute = names(part.strip_prefix('/')?, &[])?;
            let base = names(placeholder.as_str(), &[])?;
            absolute.strip_prefix(base.as_slice())?.to_vec()
        }
    };
    let common = own.iter().zip(&aim).take_while(|(a, b)| a == b).count();
    let mut relative = String::from("$ORIGIN");
    own[common..].iter().for_each(|_| relative.push_str("/.."));
    for name in &aim[common..] {
        relative.push('/');
        relative.push_str(name);
    }
    Some(relative)
}

/// The names of a path from a folder on, without `.` and `..`; `None` when it climbs out of the top.
fn names<'a>(path: &'a str, from: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut names = from.to_vec();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            _ => names.push(name),
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_path_becomes_relative_to_the_folder_of_its_file() {
        let placeholder = Placeholder::with_length(64).unwrap();
        let p = placeholder.as_str();
        let table = [
            (format!("{p}/lib"), "bin", "$ORIGIN/../lib"),
            (format!("{p}/lib"), "lib", "$ORIGIN"),
            (format!("{p}/lib/"), "lib/a/b", "$ORIGIN/../.."),
            (format!("/{p}//lib/./x/../y"), "lib", "$ORIGIN/y"),
            (p.to_owned(), "lib", "$ORIGIN/.."),
            (p.to_owned(), "", "$ORIGIN"),
            (format!("{p}/lib:{p}/lib64:{p}/lib"), "lib", "$ORIGIN:$ORIGIN/../lib64"),
            (format!("{p}/lib::/usr/lib:/build/x/.libs:lib:{p}x/lib"), "bin", "$ORIGIN/../lib"),
            ("$ORIGIN/../lib:${ORIGIN}/../lib:$ORIGINAL/x".to_owned(), "bin", "$ORIGIN/../lib"),
            ("$ORIGIN/../../lib:$ORIGIN/..".to_owned(), "bin", "$ORIGIN/.."),
            (format!("{p}/../x:/usr/lib"), "bin", ""),
            (format!("{p}/$LIB"), "bin", "$ORIGIN/../$LIB"),
            (String::new(), "bin", ""),
        ];
        for (path, folder, expected) in table {
            assert_eq!(relative_library_path(&path, folder, &placeholder), expected, "{path} in {folder}");
        }
    }
}

//! The files of a recipe as they were when it was built: what a build record keeps, so that it can be built again.
//!
//! ```json
//! {"files": [{"path": "fix.patch", "text": "--- a/x\n…"}, {"path": "recipe.toml", "text": "name = …"},
//!            {"path": "tree/logo", "hex": "89504e47…"}, {"path": "tree/run", "executable": true, "text": "#!…"}]}
//! ```
//! Does not read or write files (`recipe_folder/text.rs`).

use serde::{Deserialize, Serialize};

use crate::model::package::EntryPath;

/// The most bytes of files that are kept.
pub const MOST_BYTES: u64 = 1 << 20;

/// All files of a recipe's folder, in order of path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeText {
    pub files: Vec<RecipeTextFile>,
}

/// One of the files: a regular one, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeTextFile {
    /// From the recipe's folder; below it.
    pub path: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// The content of a file in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content of any other file, two digits a byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
}

impl RecipeTextFile {
    pub fn new(path: String, executable: bool, bytes: Vec<u8>) -> RecipeTextFile {
        match String::from_utf8(bytes) {
            Ok(text) => RecipeTextFile { path, executable, text: Some(text), hex: None },
            Err(error) => {
                let hex = error.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                RecipeTextFile { path, executable, text: None, hex: Some(hex) }
            }
        }
    }

    /// The path and the bytes; `None` where it leads out of its folder or its content cannot be read.
    pub fn content(&self) -> Option<(EntryPath, Vec<u8>)> {
        let path = EntryPath::parse(&self.path).ok()?;
        let bytes = match (&self.text, &self.hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(hex)) => {
                let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
                pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?
            }
            _ => return None,
        };
        Some((path, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_of_any_bytes_comes_back_and_no_path_leads_out() {
        for bytes in [b"text\n".to_vec(), vec![0xff, 0, 7]] {
            let file = RecipeTextFile::new("tree/x".to_owned(), false, bytes.clone());
            assert_eq!(file.content().unwrap().1, bytes);
        }
        for path in ["../x", "/x", "a/../../x", ""] {
            assert!(RecipeTextFile::new(path.to_owned(), false, Vec::new()).content().is_none(), "{path}");
        }
        let odd = RecipeTextFile { path: "x".to_owned(), executable: false, text: None, hex: Some("0é".to_owned()) };
        assert!(odd.content().is_none());
    }
}

//! What came of the names that objects ask for: where each led, and by which rule.
//!
//! Does not search; `loader/mod.rs` does.

/// One name that one object asks for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The path under which the asking object was opened.
    pub asker: String,
    /// The asking object's path after all links.
    pub asker_real: String,
    pub name: String,
    pub found: Found,
}

/// Where a name led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    At {
        path: String,
        real: String,
        way: Way,
    },
    Missing,
    /// Something that is no library lies at this path.
    NotALibrary {
        path: String,
    },
}

/// The rule that led to a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The name is a path.
    Path,
    /// It was loaded before, under that name or with that DT_SONAME.
    Loaded,
    /// DT_RPATH of the asking object or of one that led to it.
    Rpath,
    /// DT_RUNPATH of the asking object.
    Runpath,
    /// The system's folders.
    Default,
    /// LD_LIBRARY_PATH.
    LibraryPath,
    /// ld.so.cache.
    Cache,
}

//! One target for every format: `TAGALONG_FORMAT` names it. Crashes become files in `tests/formats/found/`.

#![no_main]

#[path = "../../tests/formats/mod.rs"]
mod formats;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static READ: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("TAGALONG_FORMAT").expect("TAGALONG_FORMAT names a format");
    formats::format(&name).read
});

fuzz_target!(|bytes: &[u8]| (*READ)(bytes));

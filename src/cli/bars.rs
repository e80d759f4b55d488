//! Progress bars on a terminal: one for each object that is being fetched.
//!
//! Does not word anything.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// What a bar looks like.
const TEMPLATE: &str = "{prefix:>20} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";

/// The bars that are on the screen.
pub struct Bars {
    screen: MultiProgress,
    open: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub fn new() -> Bars {
        Bars { screen: MultiProgress::new(), open: Mutex::default() }
    }

    /// Moves the bar of an object, opening it at first and removing it at the end.
    pub fn advance(&self, name: &str, bytes: u64, size: u64) {
        // A bar is only looks: what another thread left of it when it panicked will do.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes >= size {
            if let Some(bar) = open.remove(name) {
                bar.finish_and_clear();
                self.screen.remove(&bar);
            }
            return;
        }
        let bar = open.entry(name.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
            self.screen.add(ProgressBar::new(size).with_style(style).with_prefix(name.to_owned()))
        });
        bar.set_position(bytes);
    }

    /// Runs something that writes to the screen, without the bars in its way.
    pub fn aside(&self, write: impl FnOnce()) {
        self.screen.suspend(write);
    }
}

impl Default for Bars {
    fn default() -> Bars {
        Bars::new()
    }
}

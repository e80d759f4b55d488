//! Prints data on stdout and talk on stderr; nothing else does, as `println!` panics where nobody reads.
//!
//! Does not know what it prints. A reader that went away (`tagalong … | head`) is no mistake; a full disk behind stdout is
//! one, and a line of talk that cannot be written is lost, as there is nobody to tell.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::failure::{Code, Failure};

/// Writes a text to stdout.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::Internal, "stdout cannot be written")
                .why(error.to_string())
                .next("see to it that there is room where stdout goes to"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes a line of data to stdout, as [`print`] does; where it cannot be written the run ends with exit code 1.
macro_rules! show {
    ($($words:tt)*) => { $crate::cli::print::line(&format!($($words)*)) };
}

/// Writes a line of talk to stderr.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::print::aside(&(format!($($words)*) + "\n")) };
}

pub(crate) use {say, show};

/// What [`show`] does.
pub fn line(text: &str) {
    if let Err(failure) = print(&format!("{text}\n")) {
        failure.show();
        std::process::exit(i32::from(Code::Internal as u8));
    }
}

/// What [`say`] does.
pub fn aside(text: &str) {
    // There is nobody left to tell.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a value to stdout as indented JSON with a line break at its end.
pub fn print_json(value: &impl serde::Serialize) -> Result<ExitCode, Failure> {
    let json = serde_json::to_string_pretty(value);
    print(&(json.map_err(|error| Failure::internal(format!("the answer is no JSON: {error}")))? + "\n"))
}

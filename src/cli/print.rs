//! Prints data on stdout.
//!
//! Does not know what it prints. A reader that went away (`tagalong … | head`) is no mistake.

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

/// Writes a value to stdout as indented JSON with a line break at its end.
pub fn print_json(value: &impl serde::Serialize) -> Result<ExitCode, Failure> {
    let json = serde_json::to_string_pretty(value);
    print(&(json.map_err(|error| Failure::internal(format!("the answer is no JSON: {error}")))? + "\n"))
}

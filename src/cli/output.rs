//! How a tool ends: its data on stdout, its refusal on stderr, its exit code.
//!
//! Room:       `cli`, output.
//! Called by:  every tool.
//! Calls:      nothing.
//! Never:      panics because the reader of a pipe went away.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Done, or refused with one line.
pub type Outcome = Result<(), Refusal>;

/// Why a tool did not do it, and what to do: one line for people.
#[derive(Debug)]
pub struct Refusal(String);

impl Refusal {
    pub fn new(line: impl fmt::Display) -> Self {
        Self(line.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<crate::config::ConfigError> for Refusal {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(error)
    }
}

impl From<crate::client::ClientError> for Refusal {
    fn from(error: crate::client::ClientError) -> Self {
        Self::new(error)
    }
}

/// Writes data to stdout. A reader that has read enough is no failure.
pub fn print(text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Refusal::new(format_args!(
            "cannot write to stdout: {error}"
        ))),
    }
}

/// Writes a note to stderr, where it does not mix with data.
pub fn note(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// 0 done, 1 refused; clap itself exits with 2 on misuse.
pub fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            note(format_args!("ottla: {refusal}"));
            ExitCode::FAILURE
        }
    }
}

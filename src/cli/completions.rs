//! `ottla completions SHELL`: a script that completes our commands and flags.
//!
//! Room:       `cli`, completions.
//! Called by:  `cli::main`.
//! Calls:      nothing; clap knows the commands.
//! Never:      lists commands by hand.

use super::Outcome;
use super::output::print;

/// The flags of `ottla completions`.
#[derive(clap::Args, Debug)]
pub struct Completions {
    /// The shell to print for.
    shell: clap_complete::Shell,
}

impl Completions {
    pub fn run(self, mut command: clap::Command) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "ottla", &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}

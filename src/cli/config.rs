//! `ottla config`: the reference of all properties, and the check of a file before a start.
//!
//! Room:       `cli`, the table for people.
//! Called by:  `cli::main`.
//! Calls:      `config`.
//! Never:      talks to a broker; that is `configs`.

use super::Outcome;
use super::output::{note, print};
use super::settings::{self, Flags};
use crate::config::reference;
use std::path::PathBuf;

/// The commands of `ottla config`.
#[derive(clap::Args, Debug)]
pub struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Prints every property with its bounds, default and meaning, as Markdown.
    Reference,
    /// Reads a properties file as `server` would, and says what is wrong with it.
    Check { file: PathBuf },
}

impl Config {
    pub fn run(self) -> Outcome {
        match self.command {
            Command::Reference => print(&reference::page()),
            Command::Check { file } => {
                settings::read(Some(&file), &Flags::default())?;
                note(format_args!("{} is a valid configuration.", file.display()));
                Ok(())
            }
        }
    }
}

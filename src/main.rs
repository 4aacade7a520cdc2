//! The `ottla` binary: reads the command and hands over to `cli`; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ottla::cli::main()
}

//! Micro benches and yardsticks: the same small work on our ring and on others.
//!
//! Room:       `bench`, a crate of its own so that no peer enters the broker's dependencies.
//! Called by:  people (`cargo run --release -p ottla-bench --features peers -- all`), and by
//!             `cargo test -p ottla-bench` (`.ci/run` does), each at smoke size, so that none rots.
//! Never:      compares a number with a bound: machines differ, `perf/budget.md` keeps the runs.

#![forbid(unsafe_code)]

mod append;
mod crc;
mod cross_core;
mod decode;
mod echo;
mod group_commit;
mod groups;
mod measure;

use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Which bench, and how long.
#[derive(Parser)]
#[command(name = "ottla-bench", version)]
struct Arguments {
    #[arg(value_enum)]
    bench: Bench,
    /// A run of milliseconds that only proves that it works.
    #[arg(long)]
    smoke: bool,
    /// Seconds per line.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Time the steps of `groups` by what they took of the CPU, where other processes use it too.
    #[arg(long)]
    cpu: bool,
    /// Where append and group-commit write; the disk to be measured.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    All,
    Append,
    Echo,
    GroupCommit,
    CrossCore,
    Crc,
    Decode,
    Groups,
}

/// How much work a bench does.
#[derive(Clone)]
pub struct Size {
    pub span: Duration,
    pub smoke: bool,
    pub cpu: bool,
    pub folder: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    let size = Size {
        span: if arguments.smoke {
            SMOKE_SPAN
        } else {
            Duration::from_secs_f64(arguments.seconds.clamp(0.01, 3600.0))
        },
        smoke: arguments.smoke,
        cpu: arguments.cpu,
        folder: arguments.folder,
    };
    println!("{}", measure::machine());
    let wanted = |bench| arguments.bench == bench || arguments.bench == Bench::All;
    if wanted(Bench::Crc) {
        crc::run(&size);
    }
    if wanted(Bench::Decode) {
        decode::run(&size);
    }
    if wanted(Bench::Append) {
        append::run(&size);
    }
    if wanted(Bench::CrossCore) {
        cross_core::run(&size);
    }
    if wanted(Bench::Echo) {
        echo::run(&size);
    }
    if wanted(Bench::GroupCommit) {
        group_commit::run(&size);
    }
    if wanted(Bench::Groups) {
        groups::run(&size);
    }
}

const SMOKE_SPAN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn smoke() -> Size {
        Size {
            span: SMOKE_SPAN,
            smoke: true,
            cpu: false,
            folder: std::env::temp_dir(),
        }
    }

    #[test]
    fn append_runs() {
        append::run(&smoke());
    }

    #[test]
    fn crc_runs() {
        crc::run(&smoke());
    }

    #[test]
    fn decode_runs() {
        decode::run(&smoke());
    }

    #[test]
    fn cross_core_runs() {
        cross_core::run(&smoke());
    }

    #[test]
    fn echo_runs() {
        echo::run(&smoke());
    }

    #[test]
    fn groups_run() {
        groups::run(&smoke());
    }

    #[test]
    fn group_commit_runs() {
        group_commit::run(&smoke());
    }
}

//! `ottla-sim`, the simulator's front door: one seed in, one verdict out.

use clap::Parser;
use ottla::sim::workload;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs the broker's storage in a simulated world and checks what was promised to clients.
#[derive(Parser)]
#[command(name = "ottla-sim", version)]
struct Arguments {
    /// The first seed; the same seed gives the same run.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds to run, counting up from the first.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// What clients do in one run: requests, waits and crashes.
    #[arg(long, default_value_t = 60)]
    steps: u32,
    /// Print what the broker logs.
    #[arg(long)]
    verbose: bool,
}

static SEED: AtomicU64 = AtomicU64::new(0);

fn main() {
    let arguments = Arguments::parse();
    let steps = arguments.steps;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let seed = SEED.load(Ordering::Relaxed);
        eprintln!("broken at seed {seed}; replay: ottla-sim --seed {seed} --steps {steps}");
    }));
    if arguments.verbose {
        // Without times: a replayed run prints the same lines.
        tracing_subscriber::fmt()
            .without_time()
            .with_target(false)
            .init();
    }
    let (mut lives, mut sent, mut acknowledged) = (0, 0, 0);
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.seeds) {
        SEED.store(seed, Ordering::Relaxed);
        let verdict = workload::run(seed, steps);
        lives += u64::from(verdict.lives);
        sent += verdict.sent;
        acknowledged += verdict.acknowledged;
        if arguments.seeds == 1 {
            println!("{verdict:?}");
        }
    }
    let seeds = arguments.seeds;
    println!("{seeds} seeds kept: {lives} lives, {sent} batches, {acknowledged} acknowledged");
}

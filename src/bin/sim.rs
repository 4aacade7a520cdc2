//! `ottla-sim`, the simulator's front door: one seed in, one verdict out.

use clap::Parser;
use ottla::sim::scenario::{Scenario, Verdict};
use std::cell::Cell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Runs the broker in a simulated world and checks what was promised to clients.
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
    /// One scenario for all seeds: storage, shards or broker. Default: by the seed.
    #[arg(long, value_parser = scenario)]
    scenario: Option<Scenario>,
    /// Threads that run seeds. Default: one per core.
    #[arg(long)]
    jobs: Option<usize>,
    /// Print what the broker logs.
    #[arg(long)]
    verbose: bool,
}

fn scenario(name: &str) -> Result<Scenario, String> {
    Scenario::named(name).ok_or_else(|| {
        let names = Scenario::ALL.map(Scenario::name).join(", ");
        format!("there are: {names}")
    })
}

/// What all threads of a run share.
struct Work {
    next: AtomicU64,
    end: u64,
    steps: u32,
    scenario: Option<Scenario>,
    broken: AtomicBool,
}

thread_local! {
    /// The seed in work on this thread.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.verbose {
        // Without times: a replayed run prints the same lines.
        let lines = tracing_subscriber::fmt().without_time();
        let lines = lines.with_max_level(tracing::Level::DEBUG);
        lines.with_target(false).init();
    }
    let work = Work {
        next: AtomicU64::new(arguments.seed),
        end: arguments.seed.saturating_add(arguments.seeds),
        steps: arguments.steps,
        scenario: arguments.scenario,
        broken: AtomicBool::new(false),
    };
    name_the_seed(&work);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or(cores).max(1);
    let mut total = Verdict::default();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..jobs).map(|_| scope.spawn(|| work.run())).collect();
        for run in runs {
            match run.join() {
                Ok(verdict) => total.add(&verdict),
                Err(_) => work.broken.store(true, Ordering::Relaxed),
            }
        }
    });
    if work.broken.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    if arguments.seeds == 1 {
        println!("{total:?}");
    }
    println!(
        "{} seeds kept: {} lives, {} batches, {} acknowledged",
        arguments.seeds, total.lives, total.sent, total.acknowledged
    );
    ExitCode::SUCCESS
}

/// A panic says how to see it again.
fn name_the_seed(work: &Work) {
    let (steps, asked) = (work.steps, work.scenario);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let seed = SEED.get();
        let scenario = asked.unwrap_or(Scenario::of_seed(seed)).name();
        eprintln!(
            "broken at seed {seed}; \
             replay: ottla-sim --scenario {scenario} --seed {seed} --steps {steps}"
        );
    }));
}

impl Work {
    /// Takes seeds until there are none, or one of them broke.
    fn run(&self) -> Verdict {
        let mut total = Verdict::default();
        while !self.broken.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                break;
            }
            SEED.set(seed);
            let scenario = self.scenario.unwrap_or(Scenario::of_seed(seed));
            total.add(&scenario.run(seed, self.steps));
        }
        total
    }
}

//! The runs `ottla-sim` knows, and what each came to.
//!
//! Room:       `sim`.
//! Called by:  `ottla-sim`.
//! Calls:      `storage`, `workload`, `whole`.
//! Never:      draws on anything but its seed.

use super::clock::Nanos;
use super::{storage, whole, workload};

/// What is simulated, from the disk upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Journal, logs, checkpoints and recovery.
    Storage,
    /// Whole shards under produce, fetch and deletion, with failing disks.
    Shards,
    /// A whole broker and its clients, under cut connections and crashes.
    Broker,
}

/// What a run was, for the line that reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub trace: u64,
    pub lives: u32,
    pub sent: u64,
    pub acknowledged: u64,
    pub refused: u64,
    pub fetched: u64,
    pub simulated: Nanos,
}

impl Scenario {
    pub const ALL: [Scenario; 3] = [Scenario::Storage, Scenario::Shards, Scenario::Broker];

    pub fn name(self) -> &'static str {
        match self {
            Scenario::Storage => "storage",
            Scenario::Shards => "shards",
            Scenario::Broker => "broker",
        }
    }

    pub fn named(name: &str) -> Option<Scenario> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The scenario a seed plays when none is asked for.
    pub fn of_seed(seed: u64) -> Scenario {
        match seed % 4 {
            0 => Scenario::Storage,
            1 => Scenario::Broker,
            _ => Scenario::Shards,
        }
    }

    /// Runs one seed, with about `steps` things that clients do; panics when a promise was broken.
    pub fn run(self, seed: u64, steps: u32) -> Verdict {
        match self {
            Scenario::Storage => {
                let (lives, steps) = (2 + seed % 6, u64::from(steps));
                let steps = [steps / 4, steps, steps * 2][(seed / 6 % 3) as usize].max(1);
                storage::run(seed, storage::Size { lives, steps }).into()
            }
            Scenario::Shards => workload::run(seed, steps),
            Scenario::Broker => whole::run(seed, steps),
        }
    }
}

impl Verdict {
    /// Sums over runs; the trace of one alone stays what it is.
    pub fn add(&mut self, other: &Verdict) {
        self.trace ^= other.trace;
        self.lives += other.lives;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.fetched += other.fetched;
        self.simulated += other.simulated;
    }
}

impl From<storage::Verdict> for Verdict {
    fn from(verdict: storage::Verdict) -> Verdict {
        Verdict {
            trace: verdict.trace,
            lives: verdict.lives,
            sent: verdict.batches,
            acknowledged: verdict.acknowledged,
            fetched: verdict.recovered,
            simulated: verdict.simulated,
            ..Verdict::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what broke once can be looked at again, in every scenario.
    #[test]
    fn a_seed_run_twice_gives_the_same_verdict() {
        for scenario in Scenario::ALL {
            for seed in 0..3 {
                let (one, again) = (scenario.run(seed, 30), scenario.run(seed, 30));
                assert_eq!(one, again, "{scenario:?}, seed {seed}");
                assert!(
                    one.lives > 0 && one.sent > 0,
                    "{scenario:?}, seed {seed}: {one:?}"
                );
            }
            assert_ne!(scenario.run(1, 30).trace, scenario.run(2, 30).trace);
        }
    }
}

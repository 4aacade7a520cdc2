//! One number from which every choice of a simulated world follows.
//!
//! Room:       `sim`.
//! Called by:  every part of the world; tests, for the seeds they run.
//! Never:      asks the operating system for entropy.
//!
//! SplitMix64: eight bytes of state and good enough for choosing faults.

use std::ops::Range;

/// A deterministic source of choices.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng { state: seed }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: the bias of 2^-64 per value does not matter here.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    pub fn between(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// True in `ppm` of a million cases; draws nothing for 0, so that faults switched off do not
    /// change the rest of the run.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.below(1_000_000) < u64::from(ppm)
    }

    pub fn flip(&mut self) -> bool {
        self.bits() >> 63 == 1
    }

    /// One of `choices` by weight.
    pub fn choose<T: Copy>(&mut self, choices: &[(u32, T)]) -> T {
        let total: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = self.below(total);
        for (weight, choice) in choices {
            if left < u64::from(*weight) {
                return *choice;
            }
            left -= u64::from(*weight);
        }
        choices.last().expect("something to choose from").1
    }

    /// A new source whose choices are independent of this one's later choices.
    pub fn fork(&mut self) -> Rng {
        Rng::new(self.bits())
    }
}

/// The seeds a test runs: `OTTLA_SEED=N` replays one, `OTTLA_SEEDS=COUNT` runs more or fewer.
///
/// When the test panics, the seed in work is printed with the command that replays it.
pub struct Seeds {
    next: u64,
    end: u64,
    current: Option<u64>,
}

impl Seeds {
    /// `count` seeds unless the environment says otherwise.
    pub fn from_env(count: u64) -> Seeds {
        let number = |name: &str| std::env::var(name).ok()?.trim().parse::<u64>().ok();
        match (number("OTTLA_SEED"), number("OTTLA_SEEDS")) {
            (Some(seed), _) => Seeds::range(seed..seed.saturating_add(1)),
            (None, wanted) => Seeds::range(0..wanted.unwrap_or(count)),
        }
    }

    pub fn range(seeds: Range<u64>) -> Seeds {
        Seeds {
            next: seeds.start,
            end: seeds.end,
            current: None,
        }
    }
}

impl Iterator for Seeds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.next >= self.end {
            self.current = None;
            return None;
        }
        self.current = Some(self.next);
        self.next += 1;
        self.current
    }
}

impl Drop for Seeds {
    fn drop(&mut self) {
        if let Some(seed) = self.current
            && std::thread::panicking()
        {
            eprintln!("failed at seed {seed}; replay: OTTLA_SEED={seed} cargo test");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let (mut one, mut other) = (Rng::new(7), Rng::new(7));
        for _ in 0..100 {
            assert_eq!(one.below(1000), other.below(1000));
        }
        assert_ne!(Rng::new(7).bits(), Rng::new(8).bits());
    }

    #[test]
    fn choices_follow_their_weights() {
        let mut rng = Rng::new(1);
        let mut counts = [0u32; 2];
        for _ in 0..10_000 {
            counts[rng.choose(&[(90, 0usize), (10, 1)])] += 1;
        }
        assert!((800..1200).contains(&counts[1]), "{counts:?}");
    }
}

//! Runs of records that are in one state, and how newer ones are laid over older ones.
//!
//! Room:       `coordinator::share`.
//! Called by:  `states`, for each update; `partition`, which makes them.
//! Never:      keeps two runs that touch and say the same.

use std::collections::BTreeSet;

/// Records from `first` to `last`, all in one state. As Kafka orders them, a higher delivery count
/// is newer, and of two states with the same count the one with the higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateBatch {
    pub first: i64,
    pub last: i64,
    pub state: i8,
    pub count: i16,
}

impl StateBatch {
    fn said(&self) -> (i16, i8) {
        (self.count, self.state)
    }
}

/// All of both from `start` on, in order, where they overlap the newer; -1 is the very start.
pub fn combine(old: &[StateBatch], new: &[StateBatch], start: i64) -> Vec<StateBatch> {
    let all: Vec<StateBatch> = old
        .iter()
        .chain(new)
        .filter(|batch| batch.last >= start && batch.first <= batch.last)
        .map(|batch| StateBatch {
            first: batch.first.max(start),
            ..*batch
        })
        .collect();
    let mut edges: BTreeSet<i64> = BTreeSet::new();
    for batch in &all {
        edges.extend([batch.first, batch.last.saturating_add(1)]);
    }
    let mut starting = all.clone();
    starting.sort_by_key(|batch| batch.first);
    let mut starting = starting.into_iter().peekable();
    let mut open: Vec<StateBatch> = Vec::new();
    let mut combined: Vec<StateBatch> = Vec::new();
    let edges: Vec<i64> = edges.into_iter().collect();
    for pair in edges.windows(2) {
        let (first, last) = (pair[0], pair[1] - 1);
        open.retain(|batch| batch.last >= first);
        while let Some(batch) = starting.next_if(|batch| batch.first <= first) {
            open.push(batch);
        }
        let Some(newest) = open.iter().max_by_key(|batch| batch.said()) else {
            continue;
        };
        let run = StateBatch {
            first,
            last,
            ..*newest
        };
        match combined.last_mut() {
            Some(before) if before.last + 1 == first && before.said() == run.said() => {
                before.last = last;
            }
            _ => combined.push(run),
        }
    }
    combined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: i64, last: i64, state: i8, count: i16) -> StateBatch {
        StateBatch {
            first,
            last,
            state,
            count,
        }
    }

    #[test]
    fn the_newer_of_two_that_overlap_is_kept() {
        let old = [batch(100, 110, 0, 1)];
        let within = combine(&old, &[batch(105, 107, 2, 1)], -1);
        assert_eq!(
            within,
            [
                batch(100, 104, 0, 1),
                batch(105, 107, 2, 1),
                batch(108, 110, 0, 1)
            ]
        );
        let older = combine(&[batch(100, 110, 0, 3)], &[batch(105, 115, 2, 1)], -1);
        assert_eq!(older, [batch(100, 110, 0, 3), batch(111, 115, 2, 1)]);
        assert_eq!(
            combine(&old, &[batch(100, 110, 4, 1)], 105),
            [batch(105, 110, 4, 1)]
        );
        assert_eq!(combine(&old, &[], 111), []);
    }

    #[test]
    fn runs_that_touch_and_say_the_same_are_one() {
        let joined = combine(
            &[batch(0, 4, 2, 1)],
            &[batch(5, 9, 2, 1), batch(11, 12, 2, 1)],
            -1,
        );
        assert_eq!(joined, [batch(0, 9, 2, 1), batch(11, 12, 2, 1)]);
    }

    /// Against the plain meaning, offset by offset.
    #[test]
    fn combining_is_what_each_offset_says() {
        let mut seed = 7u64;
        let mut below = |bound: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            (seed >> 33) % bound
        };
        for _ in 0..500 {
            let mut some = |many: u64| -> Vec<StateBatch> {
                (0..below(many))
                    .map(|_| {
                        let first = below(30) as i64;
                        let state = [0, 2, 4][below(3) as usize];
                        batch(first, first + below(8) as i64, state, below(4) as i16)
                    })
                    .collect()
            };
            let (old, new) = (some(6), some(4));
            let start = below(12) as i64 - 1;
            let combined = combine(&old, &new, start);
            for offset in 0..40 {
                let holds = |batch: &&StateBatch| batch.first <= offset && offset <= batch.last;
                let all = old.iter().chain(&new).filter(holds);
                let wanted = all.map(StateBatch::said).max().filter(|_| offset >= start);
                let got = combined.iter().find(holds).map(StateBatch::said);
                assert_eq!(got, wanted, "{old:?} {new:?} from {start}: offset {offset}");
            }
            let apart = |pair: &[StateBatch]| pair[0].last < pair[1].first;
            assert!(combined.windows(2).all(apart));
        }
    }
}

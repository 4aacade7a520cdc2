//! The two marks of a journal: written and synced, both without gaps.
//!
//! Room:       `journal`.
//! Called by:  `writer`.
//! Never:      does I/O.
//!
//! Writes complete in any order and a sync covers what had completed when it was submitted, so
//! neither completion is a mark by itself. `written` moves over writes in the order they were
//! submitted, or ahead of them over groups of which there are copies. `synced` moves over groups
//! that were written durable, or are covered by a sync.
//!
//! Always true: synced <= placed <= written.

use crate::ids::GroupSequence;
use std::collections::VecDeque;

#[derive(Default)]
pub(super) struct Marks {
    /// In the ring.
    placed: GroupSequence,
    /// Beyond, or behind, of which the groups are copies.
    copied: GroupSequence,
    synced: GroupSequence,
    /// Writes submitted, in order.
    writes: VecDeque<Write>,
    /// Written runs of groups above `synced`: the last group of each, and whether it was durable.
    runs: VecDeque<(GroupSequence, bool)>,
}

struct Write {
    last: GroupSequence,
    durable: bool,
    completed: bool,
}

impl Marks {
    pub fn written(&self) -> GroupSequence {
        self.placed.max(self.copied)
    }

    /// All up to it is in the ring.
    pub fn placed(&self) -> GroupSequence {
        self.placed
    }

    /// Groups `from..=last` are copies now.
    pub fn copied(&mut self, from: GroupSequence, last: GroupSequence) {
        assert!(from.0 <= self.written().0 + 1, "a mark leaves no gap");
        self.copied = self.copied.max(last);
    }

    pub fn synced(&self) -> GroupSequence {
        self.synced
    }

    pub fn in_flight(&self) -> usize {
        self.writes.len()
    }

    /// A write of the groups up to `last` was submitted.
    pub fn submitted(&mut self, last: GroupSequence, durable: bool) {
        self.writes.push_back(Write {
            last,
            durable,
            completed: false,
        });
    }

    /// The write up to `last` completed.
    pub fn completed(&mut self, last: GroupSequence) {
        if let Some(write) = self.writes.iter_mut().find(|write| write.last == last) {
            write.completed = true;
        }
        while self.writes.front().is_some_and(|write| write.completed) {
            let write = self.writes.pop_front().expect("it was there a line ago");
            assert!(write.last > self.placed, "writes are submitted in order");
            self.placed = write.last;
            match self.runs.back_mut() {
                Some((last, durable)) if *durable == write.durable => *last = write.last,
                _ => self.runs.push_back((write.last, write.durable)),
            }
        }
        self.advance();
    }

    /// A sync completed that was submitted when the ring had everything up to `covered`.
    pub fn sync_completed(&mut self, covered: GroupSequence) {
        assert!(covered <= self.placed, "a sync covers completed writes");
        self.synced = self.synced.max(covered);
        self.advance();
    }

    fn advance(&mut self) {
        while let Some((last, durable)) = self.runs.front() {
            if *durable {
                self.synced = self.synced.max(*last);
            } else if *last > self.synced {
                break;
            }
            self.runs.pop_front();
        }
        assert!(
            self.synced <= self.placed,
            "nothing is synced before it is written"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn group(number: u64) -> GroupSequence {
        GroupSequence(number)
    }

    #[test]
    fn a_later_completion_waits_for_an_earlier_one() {
        let mut marks = Marks::default();
        marks.submitted(group(2), true);
        marks.submitted(group(3), true);
        marks.completed(group(3));
        assert_eq!((marks.written(), marks.synced()), (group(0), group(0)));
        marks.completed(group(2));
        assert_eq!((marks.written(), marks.synced()), (group(3), group(3)));
        assert_eq!(marks.in_flight(), 0);
    }

    #[test]
    fn a_durable_write_behind_an_unsynced_one_is_not_synced() {
        let mut marks = Marks::default();
        marks.submitted(group(1), false);
        marks.completed(group(1));
        marks.submitted(group(2), true);
        marks.completed(group(2));
        assert_eq!((marks.written(), marks.synced()), (group(2), group(0)));
        // The sync was submitted before group 2 completed; it covers group 1 only.
        marks.sync_completed(group(1));
        assert_eq!(marks.synced(), group(2));
    }

    #[test]
    fn a_sync_covers_what_had_completed_only() {
        let mut marks = Marks::default();
        for number in 1..=4 {
            marks.submitted(group(number), false);
            marks.completed(group(number));
        }
        marks.sync_completed(group(2));
        assert_eq!(marks.synced(), group(2));
        marks.sync_completed(group(4));
        assert_eq!(marks.synced(), group(4));
    }

    /// Goal: against a naive model, the marks are exactly what the model says.
    #[test]
    fn marks_follow_the_model() {
        for seed in 0..500u64 {
            let mut state = seed * 2 + 1;
            let mut draw = |bound: u64| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) % bound
            };
            let mut marks = Marks::default();
            // Per group: (written, durable or covered).
            let mut model: Vec<(bool, bool)> = Vec::new();
            let mut copied = 0;
            let mut flying: Vec<(usize, usize, bool)> = Vec::new();
            let mut syncs: Vec<u64> = Vec::new();
            for _ in 0..60 {
                match draw(5) {
                    4 => {
                        // As the writer does: behind what is written, in any case.
                        let from = marks.written().0 + 1;
                        copied = from + draw(2);
                        marks.copied(group(from), group(copied));
                    }
                    0 | 1 => {
                        let from = model.len();
                        let to = from + 1 + draw(3) as usize;
                        let durable = draw(2) == 0;
                        model.resize(to, (false, false));
                        flying.push((from, to, durable));
                        marks.submitted(group(to as u64), durable);
                    }
                    2 if !flying.is_empty() => {
                        let index = draw(flying.len() as u64) as usize;
                        let (from, to, durable) = flying.remove(index);
                        for slot in &mut model[from..to] {
                            *slot = (true, durable || slot.1);
                        }
                        marks.completed(group(to as u64));
                    }
                    _ => match syncs.pop() {
                        Some(covered) => {
                            for slot in &mut model[..covered as usize] {
                                slot.1 = true;
                            }
                            marks.sync_completed(group(covered));
                        }
                        None => syncs.push(marks.placed().0),
                    },
                }
                let written = model.iter().take_while(|slot| slot.0).count() as u64;
                let synced = model.iter().take_while(|slot| slot.0 && slot.1).count() as u64;
                assert_eq!(marks.placed(), group(written), "seed {seed}");
                assert_eq!(marks.written(), group(written.max(copied)), "seed {seed}");
                assert_eq!(marks.synced(), group(synced), "seed {seed}");
            }
        }
    }
}

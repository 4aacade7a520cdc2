//! Giving records to a member: first what others gave back, then what nobody has had.
//!
//! Room:       `coordinator::share::partition`.
//! Never:      gives a record that is in somebody's hands, or whose transaction was aborted.

use super::{Hold, Limits, Range, SharePartition, State, said};
use crate::coordinator::Millis;
use std::rc::Rc;

/// A record batch of the log, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub base: i64,
    pub last: i64,
    /// It belongs to a transaction that was aborted, and the group wants none of those.
    pub is_aborted: bool,
}

/// How a member takes records (KIP-1206).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whole batches, even if they are more than it asked for.
    BatchOptimized,
    /// At most so many as it asked for.
    RecordLimit,
}

/// What a member wants.
#[derive(Clone, Debug)]
pub struct Take {
    pub member: Rc<str>,
    pub mode: Mode,
    pub records_max: i64,
    /// Records of one acquired batch, about.
    pub batch_size: i64,
    /// Where the log was read from.
    pub from: i64,
}

/// Records that the member has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquired {
    pub first: i64,
    pub last: i64,
    /// How often they were delivered, this time included.
    pub count: i16,
}

impl SharePartition {
    /// Gives the member what it may have of these batches, which were read from the log.
    pub fn acquire(
        &mut self,
        now: Millis,
        limits: &Limits,
        take: &Take,
        extents: &[Extent],
    ) -> Vec<Acquired> {
        let (Some(first), Some(last)) = (extents.first(), extents.last()) else {
            return Vec::new();
        };
        if last.last < self.start || take.records_max <= 0 {
            return Vec::new();
        }
        let mut room = take
            .records_max
            .min(limits.locks - (self.next - self.start));
        let mut upto = last.last;
        if room <= 0 {
            if take.from >= self.next {
                return Vec::new();
            }
            // No more may be in flight, but what is may be given again.
            room = take.records_max.min(self.next - take.from);
            upto = upto.min(self.next - 1);
        }
        self.archive_missing(take.from, first.base);
        let hold = Hold {
            member: take.member.clone(),
            until: now.plus(limits.lock_ms),
        };
        let window = (first.base.max(self.start), upto);
        let mut acquired = Vec::new();
        let (given, is_enough) =
            self.acquire_again(limits, take, &hold, window, room, &mut acquired);
        if !is_enough && given < room && upto >= self.next {
            self.acquire_new(take, &hold, extents, upto, room - given, &mut acquired);
        }
        if !acquired.is_empty() {
            let until = self.locked_until;
            self.locked_until = Some(until.map_or(hold.until, |at| at.min(hold.until)));
        }
        self.leave_out_aborted(extents, acquired)
    }

    /// What was given back. Records that were tried often come in small parts, and the last try of
    /// one is made alone, so that a record nobody can digest spoils no others. Returns how many
    /// there are, and whether that is all for now.
    fn acquire_again(
        &mut self,
        limits: &Limits,
        take: &Take,
        hold: &Hold,
        (from, upto): (i64, i64),
        room: i64,
        acquired: &mut Vec<Acquired>,
    ) -> (i64, bool) {
        self.split(from);
        self.split(upto.saturating_add(1));
        let wary_at = WARY_MIN.max((limits.deliveries + 1) / 2);
        let mut given = 0;
        let available: Vec<i64> = self
            .ranges
            .range(from..)
            .take_while(|(first, _)| **first <= upto)
            .filter(|(_, range)| range.is_available())
            .map(|(first, _)| *first)
            .collect();
        for first in available {
            if given >= room {
                break;
            }
            let range = &self.ranges[&first];
            let is_wary = range.count >= wary_at;
            let is_last_try = limits.deliveries > 2 && range.count == limits.deliveries - 1;
            if (is_wary || is_last_try) && given > 0 {
                return (given, true);
            }
            let mut records = range.last - first + 1;
            if take.mode == Mode::RecordLimit {
                records = records.min(room - given);
            }
            if is_wary {
                let halvings = u32::from((range.count - wary_at + 1).unsigned_abs());
                records = records.min(range.of.checked_shr(halvings).unwrap_or(0).max(1));
            }
            if is_last_try {
                records = 1;
            }
            self.split(first + records);
            let Some(range) = self.ranges.get_mut(&first) else {
                continue;
            };
            range.state = State::Acquired(hold.clone());
            range.count = range.count.saturating_add(1);
            acquired.push(Acquired {
                first,
                last: range.last,
                count: range.count,
            });
            given += records;
            if is_wary || is_last_try {
                return (given, true);
            }
        }
        (given, false)
    }

    /// What nobody has had.
    fn acquire_new(
        &mut self,
        take: &Take,
        hold: &Hold,
        extents: &[Extent],
        upto: i64,
        room: i64,
        acquired: &mut Vec<Acquired>,
    ) {
        let Some(extent) = extents.iter().find(|extent| extent.last >= self.next) else {
            return;
        };
        let first = self.next.max(extent.base);
        let mut last = upto;
        if room < last - first + 1 {
            last = first + room - 1;
            if take.mode == Mode::BatchOptimized {
                let whole = extents.iter().find(|e| e.base <= last && last <= e.last);
                last = whole.map_or(last, |extent| extent.last);
            }
        }
        if first > self.next {
            self.skip_to(first);
        }
        let mut from = first;
        let mut give = |from: i64, last: i64| {
            let range = Range {
                last,
                state: State::Acquired(hold.clone()),
                count: 1,
                of: last - from + 1,
                change: None,
            };
            self.ranges.insert(from, range);
            acquired.push(Acquired {
                first: from,
                last,
                count: 1,
            });
        };
        if take.mode == Mode::BatchOptimized && last - first + 1 > take.batch_size {
            for extent in extents.iter().take_while(|extent| extent.base <= last) {
                if extent.base - from >= take.batch_size.max(1) {
                    give(from, extent.base - 1);
                    from = extent.base;
                }
            }
        }
        give(from, last);
        self.next = last + 1;
    }

    /// The log has nothing before this offset: compaction took it.
    fn skip_to(&mut self, offset: i64) {
        if self.ranges.is_empty() {
            self.start = offset;
        } else {
            let missing = Range {
                last: offset - 1,
                state: State::Archived,
                count: 0,
                of: offset - self.next,
                change: None,
            };
            self.ranges.insert(self.next, missing);
        }
        self.next = offset;
    }

    /// The log was read from `from` and has nothing before `base`: nothing there can be delivered.
    fn archive_missing(&mut self, from: i64, base: i64) {
        if from >= base {
            return;
        }
        self.split(from);
        self.split(base);
        for (first, range) in self.ranges.range_mut(from..base) {
            if range.is_available() {
                range.state = State::Archived;
                self.news.push(said(*first, range));
            }
        }
        self.settle();
    }

    /// What belongs to aborted transactions is done.
    fn leave_out_aborted(&mut self, extents: &[Extent], acquired: Vec<Acquired>) -> Vec<Acquired> {
        if !extents.iter().any(|extent| extent.is_aborted) {
            return acquired;
        }
        let mut left = Vec::with_capacity(acquired.len());
        for one in acquired {
            let mut from = one.first;
            for extent in extents.iter().filter(|extent| extent.is_aborted) {
                let (first, last) = (extent.base.max(from), extent.last.min(one.last));
                if first > last {
                    continue;
                }
                if from < first {
                    left.push(Acquired {
                        first: from,
                        last: first - 1,
                        ..one
                    });
                }
                self.split(first);
                self.split(last + 1);
                for (first, range) in self.ranges.range_mut(first..=last) {
                    range.state = State::Archived;
                    self.news.push(said(*first, range));
                }
                from = last + 1;
            }
            if from <= one.last {
                left.push(Acquired { first: from, ..one });
            }
        }
        self.settle();
        left
    }
}

/// Deliveries that say nothing yet about a record, at least.
const WARY_MIN: i16 = 2;

//! A share partition: which records of one partition a share group's members have, may have, and
//! are done with.
//!
//! Room:       `coordinator::share`.
//! Called by:  `shard::shares`, on the shard that owns the data.
//! Never:      reads data, writes state or looks at a clock: it is told what lies in the log and
//!             what time it is, and says what shall be written.
//!
//! ```text
//!   done        in flight: available, acquired, done already         not looked at yet
//!   ───────────┼──────────┬──────────┬─────────┬────────────────────┼─────────────────▶
//!            start      range      range     range                 next
//! ```
//!
//! An acknowledgement takes effect at once for whoever looks, and for good when it is written; when
//! it cannot be written the record is its member's again, or available if its lock is over.
//!
//! Always true:
//!   - ranges tile the offsets from `start` to `next`; the first is not done for good.
//!   - a record is acquired by one member at a time, and at most so often as the limit says.
//!   - what is done is never acquired again.

mod acknowledge;
mod acquire;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use acknowledge::{Acknowledgement, Refusal, Types};
pub use acquire::{Acquired, Extent, Mode, Take};

use super::wire::Update;
use super::{StateBatch, delivery};
use crate::coordinator::Millis;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a group's properties say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often a record is delivered at most (`share.delivery.count.limit`).
    pub deliveries: i16,
    /// Records in flight at most (`share.partition.max.record.locks`).
    pub locks: i64,
    /// How long a member has a record (`share.record.lock.duration.ms`).
    pub lock_ms: u64,
    /// Whether members may ask for more time (`share.renew.acknowledge.enable`).
    pub renews: bool,
}

/// The machine.
#[derive(Debug)]
pub struct SharePartition {
    state_epoch: i32,
    leader_epoch: i32,
    start: i64,
    next: i64,
    ranges: BTreeMap<i64, Range>,
    /// A range below `next` may be available.
    may_redeliver: bool,
    /// No lock ends before.
    locked_until: Option<Millis>,
    /// What shall be written next; acknowledgements until then go with it.
    news: Vec<StateBatch>,
    write: Write,
    is_writing: bool,
    /// Where it starts was never written.
    begins: bool,
}

/// Names a write: whoever waits for it is answered when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write(pub u64);

/// What was read of a share partition makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonsense;

/// Offsets that are in one state, from its key on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    last: i64,
    state: State,
    /// How often they were delivered.
    count: i16,
    /// Records of the batch they were acquired in first: what is delivered again and again comes
    /// in ever smaller parts of it.
    of: i64,
    /// Set while the change to `state` is being written: when, and whose they were.
    change: Option<(Write, Hold)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Available,
    Acquired(Hold),
    Acknowledged,
    Archived,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hold {
    member: Rc<str>,
    until: Millis,
}

impl State {
    fn is_final(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::Archived)
    }

    /// As it is written down; what is acquired never is.
    fn code(&self) -> i8 {
        match self {
            Self::Available | Self::Acquired(_) => delivery::AVAILABLE,
            Self::Acknowledged => delivery::ACKNOWLEDGED,
            Self::Archived => delivery::ARCHIVED,
        }
    }

    /// Of a record that its member has no more: it may be tried again, or has been tried enough.
    fn given_back(count: i16, limits: &Limits) -> State {
        match count >= limits.deliveries {
            true => State::Archived,
            false => State::Available,
        }
    }
}

impl Range {
    fn is_available(&self) -> bool {
        self.state == State::Available && self.change.is_none()
    }

    fn joins(&self, next: &Range) -> bool {
        let alike = match (&self.state, &next.state) {
            (State::Available, State::Available) => self.count == next.count && self.of == next.of,
            (one, other) => one.is_final() && other.is_final(),
        };
        alike && self.change.is_none() && next.change.is_none()
    }
}

impl SharePartition {
    /// As it was written down; `start` is where the group begins when nothing was.
    ///
    /// # Errors
    /// When what was written makes no sense.
    pub fn load(
        (state_epoch, leader_epoch): (i32, i32),
        start: i64,
        batches: &[StateBatch],
    ) -> Result<SharePartition, Nonsense> {
        let mut ranges = BTreeMap::new();
        let mut next = start;
        for batch in batches {
            if batch.first < next || batch.last < batch.first || batch.last == i64::MAX {
                return Err(Nonsense);
            }
            let state = match batch.state {
                delivery::AVAILABLE => State::Available,
                delivery::ACKNOWLEDGED => State::Acknowledged,
                delivery::ARCHIVED => State::Archived,
                _ => return Err(Nonsense),
            };
            let range = |first: i64, last: i64, state: State, count: i16| Range {
                last,
                state,
                count,
                of: last - first + 1,
                change: None,
            };
            if batch.first > next {
                // Nobody has said what became of these: they were never given back.
                let between = range(next, batch.first - 1, State::Available, 0);
                ranges.insert(next, between);
            }
            let said = range(batch.first, batch.last, state, batch.count);
            ranges.insert(batch.first, said);
            next = batch.last + 1;
        }
        let mut loaded = SharePartition {
            state_epoch,
            leader_epoch,
            start,
            next,
            may_redeliver: true,
            ranges,
            locked_until: None,
            news: Vec::new(),
            write: Write(0),
            is_writing: false,
            begins: false,
        };
        loaded.settle();
        Ok(loaded)
    }

    /// The same, and where it starts shall be written: what is acquired there and never given back
    /// must be found again, wherever the group would begin by then.
    pub fn that_begins(mut self) -> SharePartition {
        self.begins = true;
        self
    }

    /// Whether a write is under way or to come.
    pub fn is_writing(&self) -> bool {
        self.is_writing || self.begins || !self.news.is_empty()
    }

    /// Where to read next.
    pub fn fetch_offset(&mut self) -> i64 {
        if self.may_redeliver {
            let mut ranges = self.ranges.iter();
            match ranges.find(|(_, range)| range.is_available()) {
                Some((first, _)) => return *first,
                None => self.may_redeliver = false,
            }
        }
        self.next
    }

    /// Whether a member could be given anything, if there is anything.
    pub fn has_room(&mut self, limits: &Limits) -> bool {
        self.fetch_offset() != self.next || self.next - self.start < limits.locks
    }

    /// When `timeout` wants to be called.
    pub fn next_timeout(&self) -> Option<Millis> {
        self.locked_until
    }

    /// Gives back what members have had for too long.
    pub fn timeout(&mut self, now: Millis, limits: &Limits) {
        let mut earliest = None;
        for (first, range) in &mut self.ranges {
            let State::Acquired(hold) = &range.state else {
                continue;
            };
            if hold.until > now {
                earliest = Some(earliest.map_or(hold.until, |at: Millis| at.min(hold.until)));
                continue;
            }
            range.state = State::given_back(range.count, limits);
            self.may_redeliver |= range.state == State::Available;
            self.news.push(said(*first, range));
        }
        self.locked_until = earliest;
        self.settle();
    }

    /// The log starts here now: what lay before is gone.
    pub fn log_starts(&mut self, at: i64) {
        if at <= self.start {
            return;
        }
        self.split(at);
        self.ranges = self.ranges.split_off(&at);
        self.start = at;
        self.next = self.next.max(at);
        self.settle();
    }

    /// What shall be written now, if anything; nothing while a write is under way.
    pub fn begin_write(&mut self) -> Option<(Write, Update)> {
        if self.is_writing || (self.news.is_empty() && !self.begins) {
            return None;
        }
        self.begins = false;
        self.is_writing = true;
        let write = self.write;
        self.write = Write(write.0 + 1);
        let finals = self.ranges.iter().filter(|(_, r)| r.state.is_final());
        let complete: i64 = finals.map(|(first, r)| r.last - first + 1).sum();
        let update = Update {
            state_epoch: self.state_epoch,
            leader_epoch: self.leader_epoch,
            start: self.start,
            complete: i32::try_from(complete).unwrap_or(i32::MAX),
            batches: std::mem::take(&mut self.news),
        };
        Some((write, update))
    }

    /// The write is done, or could not be.
    pub fn written(&mut self, now: Millis, write: Write, is_done: bool, limits: &Limits) {
        self.is_writing = false;
        for range in self.ranges.values_mut() {
            let Some((_, hold)) = range.change.take_if(|(with, _)| *with == write) else {
                continue;
            };
            if !is_done && hold.until <= now {
                range.state = State::given_back(range.count, limits);
            } else if !is_done {
                let until = self
                    .locked_until
                    .map_or(hold.until, |at| at.min(hold.until));
                self.locked_until = Some(until);
                range.state = State::Acquired(hold);
            }
            self.may_redeliver |= range.state == State::Available;
        }
        self.settle();
    }

    /// Lets go of what is done at the start, and of borders that say nothing.
    fn settle(&mut self) {
        while let Some(first) = self.ranges.first_entry() {
            let range = first.get();
            if !range.state.is_final() || range.change.is_some() {
                break;
            }
            self.start = range.last + 1;
            first.remove();
        }
        let mut settled: BTreeMap<i64, Range> = BTreeMap::new();
        for (first, range) in std::mem::take(&mut self.ranges) {
            match settled.last_entry() {
                Some(mut before) if before.get().joins(&range) => {
                    before.get_mut().last = range.last;
                }
                _ => {
                    settled.insert(first, range);
                }
            }
        }
        self.ranges = settled;
    }

    /// Makes a border before this offset.
    fn split(&mut self, at: i64) {
        let Some((first, range)) = self.ranges.range_mut(..=at).next_back() else {
            return;
        };
        if *first < at && at <= range.last {
            let rest = range.clone();
            range.last = at - 1;
            self.ranges.insert(at, rest);
        }
    }
}

/// A range as it is written down.
fn said(first: i64, range: &Range) -> StateBatch {
    StateBatch {
        first,
        last: range.last,
        state: range.state.code(),
        count: range.count,
    }
}

//! What members say of the records they have: done, try again, never again, more time.
//!
//! Room:       `coordinator::share::partition`.
//! Never:      changes anything when one of the acknowledgements that came together is refused.

use super::{Hold, Limits, SharePartition, State, Write, said};
use crate::coordinator::Millis;

/// What a member says of the records from `first` to `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub first: i64,
    pub last: i64,
    pub types: Types,
}

/// One for all, or one for each: 0 there is no record, 1 accept, 2 release, 3 reject, 4 renew.
pub type Types = Vec<i8>;

/// Why acknowledgements are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Offsets that nobody has acquired yet.
    Beyond,
    /// Nothing like this is in flight.
    Unknown,
    /// The record is not acquired, or what became of it is being written.
    NotAcquired,
    /// Another member has it.
    NotOwner,
    /// The group allows no more time.
    NoRenewal,
}

const GAP: i8 = 0;
const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const RENEW: i8 = 4;

impl Acknowledgement {
    fn type_at(&self, offset: i64) -> i8 {
        let index = usize::try_from(offset - self.first).unwrap_or_default();
        let own = self.types.get(index).filter(|_| self.types.len() > 1);
        own.or(self.types.first()).copied().unwrap_or(GAP)
    }

    /// Runs of offsets of which the same is said, from `from` on.
    fn runs(&self, from: i64) -> Vec<(i64, i64, i8)> {
        if self.types.len() == 1 {
            return vec![(from, self.last, self.type_at(from))];
        }
        let mut runs: Vec<(i64, i64, i8)> = Vec::new();
        for offset in from..=self.last {
            let says = self.type_at(offset);
            match runs.last_mut() {
                Some((_, last, same)) if *same == says => *last = offset,
                _ => runs.push((offset, offset, says)),
            }
        }
        runs
    }
}

impl SharePartition {
    /// Takes a member at its word. `Some` names the write after which it counts.
    ///
    /// # Errors
    /// When one of them cannot be; then none is.
    pub fn acknowledge(
        &mut self,
        now: Millis,
        limits: &Limits,
        member: &str,
        acknowledgements: &[Acknowledgement],
    ) -> Result<Option<Write>, Refusal> {
        let mut said_of = i64::MIN;
        for one in acknowledgements {
            self.check(limits, member, one)?;
            if one.first <= said_of && one.last >= self.start {
                return Err(Refusal::NotAcquired);
            }
            said_of = one.last;
        }
        let mut changes = false;
        for one in acknowledgements {
            let from = one.first.max(self.start);
            if from > one.last {
                // What is done already is done.
                continue;
            }
            for (first, last, says) in one.runs(from) {
                changes |= self.change(now, limits, (first, last), says);
            }
        }
        Ok(changes.then_some(self.write))
    }

    fn check(&self, limits: &Limits, member: &str, one: &Acknowledgement) -> Result<(), Refusal> {
        if one.last < self.start {
            return Ok(());
        }
        if self.ranges.is_empty() {
            return Err(Refusal::Unknown);
        }
        if one.last >= self.next {
            return Err(Refusal::Beyond);
        }
        let from = one.first.max(self.start);
        let begins = self.ranges.range(..=from).next_back();
        let begins = begins.map_or(from, |(first, _)| *first);
        for (_, range) in self.ranges.range(begins..=one.last) {
            match &range.state {
                State::Acquired(hold) if *hold.member == *member => {}
                State::Acquired(_) => return Err(Refusal::NotOwner),
                _ => return Err(Refusal::NotAcquired),
            }
        }
        match one.types.contains(&RENEW) && !limits.renews {
            true => Err(Refusal::NoRenewal),
            false => Ok(()),
        }
    }

    /// Whether there is something to write.
    fn change(
        &mut self,
        now: Millis,
        limits: &Limits,
        (first, last): (i64, i64),
        says: i8,
    ) -> bool {
        self.split(first);
        self.split(last.saturating_add(1));
        let write = self.write;
        let mut changes = false;
        for (first, range) in self.ranges.range_mut(first..=last) {
            let State::Acquired(hold) = &range.state else {
                continue;
            };
            let state = match says {
                RENEW => {
                    range.state = State::Acquired(Hold {
                        member: hold.member.clone(),
                        until: now.plus(limits.lock_ms),
                    });
                    continue;
                }
                ACCEPT => State::Acknowledged,
                RELEASE => State::given_back(range.count, limits),
                _ => State::Archived,
            };
            range.change = Some((write, hold.clone()));
            range.state = state;
            self.news.push(said(*first, range));
            changes = true;
        }
        changes
    }

    /// A member has gone: what it has is given back.
    pub fn release(&mut self, limits: &Limits, member: &str) -> Option<Write> {
        let write = self.write;
        let mut changes = false;
        for (first, range) in &mut self.ranges {
            let State::Acquired(hold) = &range.state else {
                continue;
            };
            if *hold.member != *member {
                continue;
            }
            range.change = Some((write, hold.clone()));
            range.state = State::given_back(range.count, limits);
            self.news.push(said(*first, range));
            changes = true;
        }
        changes.then_some(write)
    }
}

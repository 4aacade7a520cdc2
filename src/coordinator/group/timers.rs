//! What a group machine waits for, by time.
//!
//! Room:       `coordinator::group`.
//! Called by:  groups, which set and cancel; the machine, which asks what is due.
//! Never:      keeps two times for one thing: setting it again moves it.

use crate::coordinator::Millis;
use crate::coordinator::dismantle::{ENTRIES_PER_STEP_MAX, drop_some};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A group's or member's name, shared by all who hold it.
pub type Id = Rc<str>;

/// What time brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A member of a group was not heard of.
    Session(Id, Id),
    /// A classic group waits for its members to join.
    Join(Id),
    /// A classic group waits for its members to ask for their assignment.
    Sync(Id),
    /// A member of a group whose coordinator assigns must have given up what it should.
    Revoke(Id, Id),
    /// A group has waited for what else may change before its target is made.
    Target(Id),
    /// A classic member of a consumer group must have joined again, or asked for what it has.
    Rejoin(Id, Id),
    /// Old offsets are looked for.
    Retention,
}

#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeSet<(Millis, Timer)>,
    at: BTreeMap<Timer, Millis>,
}

impl Timers {
    pub fn set(&mut self, timer: Timer, at: Millis) {
        if let Some(before) = self.at.insert(timer.clone(), at) {
            self.due.remove(&(before, timer.clone()));
        }
        self.due.insert((at, timer));
    }

    pub fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.at.remove_entry(timer) {
            self.due.remove(&(at, timer));
        }
    }

    pub fn is_set(&self, timer: &Timer) -> bool {
        self.at.contains_key(timer)
    }

    /// Takes out what is due first, if it is due.
    pub fn take(&mut self, now: Millis) -> Option<Timer> {
        let first = self.due.first().filter(|(at, _)| *at <= now)?;
        let (_, timer) = first.clone();
        self.cancel(&timer);
        Some(timer)
    }

    /// Forgets some. Whether there are more.
    pub fn dismantle(&mut self) -> bool {
        for _ in 0..ENTRIES_PER_STEP_MAX {
            self.due.pop_first();
        }
        drop_some(&mut self.at)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn next(&self) -> Option<Millis> {
        self.due.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_again_moves_and_cancelling_forgets() {
        let mut timers = Timers::default();
        timers.set(Timer::Join("a".into()), Millis(10));
        timers.set(Timer::Join("b".into()), Millis(5));
        timers.set(Timer::Join("b".into()), Millis(20));
        assert_eq!(timers.next(), Some(Millis(10)));
        assert_eq!(timers.take(Millis(9)), None);
        assert_eq!(timers.take(Millis(30)), Some(Timer::Join("a".into())));
        timers.cancel(&Timer::Join("b".into()));
        assert_eq!(timers.take(Millis(30)), None);
    }
}

//! The rebalance: waiting for members, choosing a protocol, the next generation.
//!
//! Room:       `coordinator::group::classic`.
//! Called by:  joins, leaves and timers.
//! Never:      waits longer than the longest rebalance timeout of the members.

use super::{ClassicGroup, Member, State, Work, join, sync};
use crate::coordinator::group::timers::{Id, Timer};
use crate::protocol::ErrorCode;
use std::collections::BTreeMap;

impl ClassicGroup {
    pub(super) fn rebalance_or_complete(&mut self, work: &mut Work<'_>) {
        match self.state {
            State::PreparingRebalance => self.complete_if_joined(work),
            _ => self.prepare(work),
        }
    }

    /// Everybody shall join again.
    pub(super) fn prepare(&mut self, work: &mut Work<'_>) {
        if self.state == State::CompletingRebalance {
            self.fail_syncs(ErrorCode::RebalanceInProgress, work);
        }
        work.timers.cancel(&Timer::Sync(self.id.clone()));
        self.unsynced.clear();
        self.is_first = self.state == State::Empty;
        self.enter(State::PreparingRebalance, work.step.wall);
        if self.is_first {
            // Members usually start together: a moment's patience saves a rebalance each.
            let delay = work.config.initial_rebalance_delay_ms;
            self.delay_left_ms = self.rebalance_timeout_ms().saturating_sub(delay);
            self.new_member = false;
            work.timers
                .set(Timer::Join(self.id.clone()), work.step.now.plus(delay));
        } else if self.all_joined() {
            self.complete(work);
        } else {
            self.wait_for_joins(work);
        }
    }

    pub(super) fn complete_if_joined(&mut self, work: &mut Work<'_>) {
        let waits = self.state == State::PreparingRebalance && !self.is_first;
        if waits && self.all_joined() {
            self.complete(work);
        }
    }

    fn all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|member| member.join.is_some())
    }

    fn wait_for_joins(&mut self, work: &mut Work<'_>) {
        let at = work.step.now.plus(self.rebalance_timeout_ms());
        work.timers.set(Timer::Join(self.id.clone()), at);
    }

    fn rebalance_timeout_ms(&self) -> u64 {
        let timeouts = self.members.values().map(|m| m.rebalance_timeout_ms);
        u64::try_from(timeouts.max().unwrap_or(0)).unwrap_or(0)
    }

    /// The time to join is up.
    pub fn join_time_is_up(&mut self, work: &mut Work<'_>) {
        if self.state != State::PreparingRebalance {
            return;
        }
        if self.is_first && self.new_member && self.delay_left_ms > 0 {
            self.new_member = false;
            let delay = work
                .config
                .initial_rebalance_delay_ms
                .min(self.delay_left_ms);
            self.delay_left_ms -= delay;
            work.timers
                .set(Timer::Join(self.id.clone()), work.step.now.plus(delay));
            return;
        }
        self.complete(work);
    }

    fn complete(&mut self, work: &mut Work<'_>) {
        work.timers.cancel(&Timer::Join(self.id.clone()));
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Nobody has joined: the static members that are left get another round.
            self.wait_for_joins(work);
            return;
        }
        let late = |member: &Member| member.join.is_none() && member.instance.is_none();
        let late: Vec<Id> = self
            .members
            .iter()
            .filter(|(_, member)| late(member))
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            work.timers
                .cancel(&Timer::Session(self.id.clone(), id.clone()));
            self.take_out(&id, work);
        }
        self.next_generation(work);
    }

    /// Whether somebody who has joined leads now.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |id: &Id| self.members.get(id).is_some_and(|m| m.join.is_some());
        if self.leader.as_ref().is_some_and(joined) {
            return true;
        }
        let next = self
            .members
            .iter()
            .find(|(_, member)| member.join.is_some());
        match next {
            Some((id, _)) => {
                self.leader = Some(id.clone());
                true
            }
            None => false,
        }
    }

    fn next_generation(&mut self, work: &mut Work<'_>) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.unsynced.clear();
        self.is_first = false;
        if self.members.is_empty() {
            self.protocol = None;
            self.leader = None;
            self.enter(State::Empty, work.step.wall);
            self.save_empty(work.step);
            return;
        }
        self.protocol = self.chosen_protocol();
        self.enter(State::CompletingRebalance, work.step.wall);
        let ids: Vec<Id> = self.members.keys().cloned().collect();
        for id in ids {
            let member = self.members.get_mut(&id).expect("listed");
            member.is_new = false;
            let join = member.join.take();
            if let Some(join) = join {
                self.answer_generation(&id, join, work);
            }
            self.heard_of(&id, work);
            self.unsynced.insert(id);
        }
        let at = work.step.now.plus(self.rebalance_timeout_ms());
        work.timers.set(Timer::Sync(self.id.clone()), at);
    }

    /// Of the protocols all members speak, the one most of them prefer.
    pub(super) fn chosen_protocol(&self) -> Option<String> {
        let spoken_by_all = |name: &str| {
            let speaks = |m: &Member| m.protocols.iter().any(|(other, _)| other == name);
            self.members.values().all(speaks)
        };
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut names = member.protocols.iter().map(|(name, _)| name.as_str());
            if let Some(vote) = names.find(|name| spoken_by_all(name)) {
                *votes.entry(vote).or_default() += 1;
            }
        }
        let chosen = votes.into_iter().max_by_key(|(_, votes)| *votes);
        chosen.map(|(name, _)| name.to_owned())
    }

    /// Members did not ask for their assignment in time: they are gone.
    pub fn sync_time_is_up(&mut self, work: &mut Work<'_>) {
        if !matches!(self.state, State::CompletingRebalance | State::Stable) {
            return;
        }
        let late = std::mem::take(&mut self.unsynced);
        if late.is_empty() {
            return;
        }
        for id in late {
            work.timers
                .cancel(&Timer::Session(self.id.clone(), id.clone()));
            self.take_out(&id, work);
        }
        self.prepare(work);
    }

    fn fail_syncs(&mut self, code: ErrorCode, work: &mut Work<'_>) {
        for member in self.members.values_mut() {
            member.assignment.clear();
            if let Some(waiting) = member.sync.take() {
                sync::answer_error(work, waiting, code);
            }
        }
    }

    /// Takes a member out, and tells its waiting requests.
    pub(super) fn take_out(&mut self, id: &Id, work: &mut Work<'_>) {
        let Some(member) = self.members.remove(id) else {
            return;
        };
        self.unsynced.remove(id);
        if let Some(instance) = &member.instance {
            self.statics.remove(instance);
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        if let Some(waiting) = member.join {
            join::answer_error(work, waiting, id, ErrorCode::UnknownMemberId);
        }
        if let Some(waiting) = member.sync {
            sync::answer_error(work, waiting, ErrorCode::UnknownMemberId);
        }
    }
}

//! A group with members changes its protocol (KIP-848): upward when the first member of the new
//! protocol joins, downward when its last one has gone.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine, when members come and go.
//! Never:      converts against `group.consumer.migration.policy`, or a group that is not of
//!             consumers.

use super::begin::Begun;
use super::classic::{self, CONSUMER, ClassicGroup};
use super::consumer::ConsumerGroup;
use super::{Group, GroupMachine, Work, records};
use crate::coordinator::Step;
use crate::metadata::Image;

impl GroupMachine {
    /// A member of the new protocol comes to a classic group: it becomes a consumer group, whose
    /// classic members go on. Nothing happens when it may not.
    pub(super) fn upgrade(&mut self, step: &mut Step, name: &str) {
        let Some(Group::Classic(group)) = self.groups.get(name) else {
            return;
        };
        let may = self.config.consumer_upgrade
            && group.protocol_type() == Some(CONSUMER)
            && group.members().len() <= self.config.consumer_size_max;
        let converted = || ConsumerGroup::of_classic(group, &self.image);
        let Some(converted) = may.then(converted).flatten() else {
            return;
        };
        let mut work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        if let Some(Group::Classic(group)) = self.groups.get_mut(name) {
            group.cancel_timers(work.timers);
            // Whoever waits shall join again, and finds the other kind of group.
            group.fail_waiting(&mut work);
        }
        records::group_gone(work.step, name);
        converted.save_all(&mut work);
        converted.begin(&mut Begun::whole(), &mut work);
        self.groups.insert(name.into(), Group::Consumer(converted));
    }

    /// Members have gone: those left share anew, as a classic group if nobody is left that speaks
    /// the other protocol.
    pub(super) fn members_gone(&mut self, step: &mut Step, name: &str) {
        if self.downgrade_if_classic(step, name) {
            return;
        }
        if let Some((group, mut work)) = self.consumer(step, name) {
            group.shrunk(&mut work);
        }
    }

    /// `true`: it is a classic group now, and its members shall find together.
    pub(super) fn downgrade_if_classic(&mut self, step: &mut Step, name: &str) -> bool {
        let Some(Group::Consumer(group)) = self.groups.get(name) else {
            return false;
        };
        let may = self.config.consumer_downgrade && group.size() <= self.config.size_max;
        if !may || !group.is_all_classic() {
            return false;
        }
        let mut converted = downgraded(group, &self.image, step.wall);
        // A classic group is one record: members that do not fit into one stay as they are.
        if converted.record_bytes() > step.record_bytes_max {
            return false;
        }
        let work = &mut Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        group.cancel_timers(work.timers);
        group.save_group_gone(work.step);
        converted.take_over(work);
        self.groups.insert(name.into(), Group::Classic(converted));
        true
    }
}

fn downgraded(group: &ConsumerGroup, image: &Image, wall: i64) -> ClassicGroup {
    let members = group.classic_members(image);
    let members = members.map(|(id, member, spoken, assignment)| {
        let member = classic::Member::stable(
            member.instance.clone(),
            (&member.client_id, &member.client_host),
            (member.rebalance_timeout_ms, spoken.session_timeout_ms),
            spoken.protocols.clone(),
            assignment,
        );
        (id.clone(), member)
    });
    ClassicGroup::converted(
        group.id.clone(),
        group.generation(),
        members.collect(),
        wall,
    )
}

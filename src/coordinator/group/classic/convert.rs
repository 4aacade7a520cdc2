//! What a classic group that becomes a consumer group leaves, and one that was one begins with.
//!
//! Room:       `coordinator::group::classic`.
//! Called by:  `migrate`.
//! Never:      decides whether the group may change.

use super::{CONSUMER, ClassicGroup, Member, State, Work};
use crate::coordinator::group::begin::Begun;
use crate::coordinator::group::timers::Id;
use crate::protocol::ErrorCode;

impl Member {
    /// One that has what the coordinator gave it.
    pub fn stable(
        instance: Option<String>,
        (client_id, client_host): (&str, &str),
        (rebalance_timeout_ms, session_timeout_ms): (i32, i32),
        protocols: Vec<(String, Vec<u8>)>,
        assignment: Vec<u8>,
    ) -> Member {
        Member {
            instance,
            client_id: client_id.to_owned(),
            client_host: client_host.to_owned(),
            rebalance_timeout_ms,
            session_timeout_ms,
            protocols,
            assignment,
            join: None,
            sync: None,
            is_new: false,
        }
    }
}

impl ClassicGroup {
    /// A group of members that a coordinator assigned for until now; the first one leads.
    pub fn converted(
        id: Id,
        generation: i32,
        members: Vec<(Id, Member)>,
        wall: i64,
    ) -> ClassicGroup {
        let mut group = ClassicGroup::new(id, wall);
        group.protocol_type = Some(CONSUMER.to_owned());
        group.generation = generation;
        group.leader = members.first().map(|(id, _)| id.clone());
        for (id, member) in members {
            if let Some(instance) = &member.instance {
                group.statics.insert(instance.clone(), id.clone());
            }
            group.members.insert(id, member);
        }
        group.protocol = group.chosen_protocol();
        group.enter(State::Stable, wall);
        group
    }

    /// Begins: it is in the log, its members are expected, and shall find together.
    pub fn take_over(&mut self, work: &mut Work<'_>) {
        self.save(work.step);
        self.begin(&mut Begun::whole(), work);
        self.prepare(work);
    }

    /// Whoever waits for an answer shall ask again.
    pub fn fail_waiting(&mut self, work: &mut Work<'_>) {
        for (id, member) in &mut self.members {
            if let Some(waiting) = member.join.take() {
                let code = ErrorCode::RebalanceInProgress;
                super::join::answer_error(work, waiting, id, code);
            }
            if let Some(waiting) = member.sync.take() {
                super::sync::answer_error(work, waiting, ErrorCode::RebalanceInProgress);
            }
        }
    }
}

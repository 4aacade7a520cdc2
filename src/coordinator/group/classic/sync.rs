//! SyncGroup: the leader brings assignments, everybody fetches theirs.
//!
//! Room:       `coordinator::group::classic`.
//! Called by:  the machine.
//! Never:      hands out an assignment that is not in the step's records or in the log.

use super::{ClassicGroup, State, Work};
use crate::coordinator::Token;
use crate::coordinator::group::timers::Timer;
use crate::protocol::ErrorCode;
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

/// One SyncGroup request.
#[derive(Clone, Copy)]
pub struct Syncing<'a> {
    pub token: Token,
    pub version: i16,
    pub request: &'a SyncGroupRequest<'a>,
}

pub fn answer_error(work: &mut Work<'_>, (token, version): (Token, i16), error_code: ErrorCode) {
    let response = SyncGroupResponse {
        error_code,
        ..SyncGroupResponse::default()
    };
    work.step.answer(token, version, &response);
}

/// Room a batch needs beside a group's record.
const BATCH_BYTES: usize = 1024;

impl ClassicGroup {
    pub fn sync(&mut self, syncing: Syncing<'_>, work: &mut Work<'_>) {
        let waiting = (syncing.token, syncing.version);
        if let Err(code) = self.check_sync(syncing.request) {
            return answer_error(work, waiting, code);
        }
        let id = syncing.request.member_id;
        match self.state {
            State::Empty => answer_error(work, waiting, ErrorCode::UnknownMemberId),
            State::PreparingRebalance => {
                answer_error(work, waiting, ErrorCode::RebalanceInProgress);
            }
            State::CompletingRebalance => self.wait_for_leader(syncing, work),
            State::Stable => {
                self.synced(id, work);
                self.answer_assignment(id, waiting, work);
            }
        }
    }

    fn check_sync(&self, request: &SyncGroupRequest<'_>) -> Result<(), ErrorCode> {
        self.check_member(request.member_id, request.group_instance_id)?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |said: Option<&str>, ours: &Option<String>| {
            said.is_some_and(|said| Some(said) != ours.as_deref())
        };
        if differs(request.protocol_type, &self.protocol_type)
            || differs(request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn wait_for_leader(&mut self, syncing: Syncing<'_>, work: &mut Work<'_>) {
        let request = syncing.request;
        let waiting = (syncing.token, syncing.version);
        if let Some(member) = self.members.get_mut(request.member_id)
            && let Some(before) = member.sync.replace(waiting)
        {
            // Asked on another connection, which is not listened to any more.
            answer_error(work, before, ErrorCode::RebalanceInProgress);
        }
        self.synced(request.member_id, work);
        if self.leader.as_deref() != Some(request.member_id) {
            return;
        }
        for member in self.members.values_mut() {
            member.assignment.clear();
        }
        for assigned in &request.assignments {
            if let Some(member) = self.members.get_mut(assigned.member_id) {
                member.assignment = assigned.assignment.to_vec();
            }
        }
        if self.record_bytes() > work.step.record_bytes_max {
            // The log would refuse it; the members may find a smaller one.
            for member in self.members.values_mut() {
                member.assignment.clear();
                if let Some(waiting) = member.sync.take() {
                    answer_error(work, waiting, ErrorCode::UnknownServerError);
                }
            }
            self.prepare(work);
            return;
        }
        self.enter(State::Stable, work.step.wall);
        self.save(work.step);
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in ids {
            let member = self.members.get_mut(&id).expect("listed");
            if let Some(waiting) = member.sync.take() {
                self.answer_assignment(&id, waiting, work);
                self.heard_of(&id, work);
            }
        }
    }

    /// About what its record takes.
    pub fn record_bytes(&self) -> usize {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| {
            let names = id.len() + member.client_id.len() + member.client_host.len();
            let instance = member.instance.as_ref().map_or(0, String::len);
            let payload = member.metadata(protocol).len() + member.assignment.len();
            names + instance + payload + 32
        });
        members.sum::<usize>() + self.id.len() + BATCH_BYTES
    }

    fn synced(&mut self, id: &str, work: &mut Work<'_>) {
        self.unsynced.remove(id);
        if self.unsynced.is_empty() {
            work.timers.cancel(&Timer::Sync(self.id.clone()));
        }
    }

    fn answer_assignment(&self, id: &str, (token, version): (Token, i16), work: &mut Work<'_>) {
        let assignment = self
            .members
            .get(id)
            .map_or(&[][..], |member| &member.assignment);
        let response = SyncGroupResponse {
            protocol_type: self.protocol_type.as_deref(),
            protocol_name: self.protocol.as_deref(),
            assignment,
            ..SyncGroupResponse::default()
        };
        work.step.answer(token, version, &response);
    }
}

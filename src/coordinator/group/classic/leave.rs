//! Members that go: by their own word, or because they were not heard of.
//!
//! Room:       `coordinator::group::classic`.
//! Called by:  the machine.
//! Never:      removes a static member on a restart's leave without its instance id.

use super::{ClassicGroup, State, Work};
use crate::coordinator::group::timers::{Id, Timer};
use crate::protocol::ErrorCode;

impl ClassicGroup {
    /// One member of a LeaveGroup request; `settle` follows when all are done.
    pub fn leave(
        &mut self,
        member: &str,
        instance: Option<&str>,
        work: &mut Work<'_>,
    ) -> ErrorCode {
        let member: Id = match instance {
            // An operator removes a static member by its instance id alone.
            Some(instance) if member.is_empty() => match self.statics.get(instance) {
                Some(id) => id.clone(),
                None => return ErrorCode::UnknownMemberId,
            },
            _ => member.into(),
        };
        if self.pending.remove(&member) {
            work.timers.cancel(&Timer::Session(self.id.clone(), member));
            return ErrorCode::None;
        }
        if let Err(code) = self.check_member(&member, instance) {
            return code;
        }
        work.timers
            .cancel(&Timer::Session(self.id.clone(), member.clone()));
        self.take_out(&member, work);
        ErrorCode::None
    }

    /// Members have gone: those left find together again.
    pub fn settle(&mut self, work: &mut Work<'_>) {
        match self.state {
            State::Empty => {}
            State::PreparingRebalance => self.complete_if_joined(work),
            State::CompletingRebalance | State::Stable => self.prepare(work),
        }
    }

    /// A member's session timeout has passed.
    pub fn session_is_over(&mut self, member: &Id, work: &mut Work<'_>) {
        if self.pending.remove(member) {
            self.complete_if_joined(work);
            return;
        }
        let Some(found) = self.members.get(member) else {
            return;
        };
        // Who waits for our answer is there; its time starts when the answer leaves.
        if !found.is_new && (found.join.is_some() || found.sync.is_some()) {
            return;
        }
        self.take_out(member, work);
        self.settle(work);
    }

    /// The group is full: a member that wanted to come, and is known, goes.
    pub(super) fn remove_silently(&mut self, member: &str, work: &mut Work<'_>) {
        let Some((id, _)) = self.members.get_key_value(member) else {
            self.pending.remove(member);
            return;
        };
        let id = id.clone();
        work.timers
            .cancel(&Timer::Session(self.id.clone(), id.clone()));
        self.take_out(&id, work);
    }
}

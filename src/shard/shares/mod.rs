//! Share partitions whose data lies here, and share sessions whose members' names lead here.
//!
//! Room:       `shard`.
//! Called by:  `router`, for this core's connections and for others'.
//! Calls:      `coordinator::share` for what is decided, `partition` for data.
//! Never:      keeps a share partition that no member reads: what matters of it is written down.

mod extents;
mod fetch;
pub mod message;
mod seat;
mod sessions;

use super::Shard;
use crate::config::{BrokerConfig, ShareConfig, ShareGroupConfig};
use crate::coordinator::share::partition::{Limits, Refusal};
use crate::coordinator::{Coordinated, Request};
use crate::ids::PartitionKey;
use crate::metadata::{Image, ResourceKind, SHARE_VERSION};
use crate::partition::{Partition, Watch};
use crate::protocol::ErrorCode;
use crate::runtime::sync::{Answer, Queue, Reply};
pub use fetch::mode;
use message::{Member, Seen, Session, SessionStep};
use seat::{ShareSeat, State};
use sessions::Sessions;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

/// Share partitions by partition, then by group.
type Seats = BTreeMap<PartitionKey, BTreeMap<Rc<str>, Rc<ShareSeat>>>;

/// This shard's share partitions and sessions.
#[derive(Default)]
pub struct Shares {
    seats: RefCell<Seats>,
    sessions: RefCell<Sessions>,
    asks: Queue<StateAsk>,
    /// What the properties said when somebody last looked.
    config: RefCell<Option<(Arc<BrokerConfig>, Rc<ShareConfig>)>>,
}

/// A question to who keeps the state of a share partition.
pub struct StateAsk {
    /// Names the share partition.
    pub key: String,
    pub request: Request,
    pub answer: Answer<Coordinated>,
}

impl Shard {
    /// The next question of a share partition here; one task may wait at a time.
    pub async fn next_state_ask(&self) -> Option<StateAsk> {
        self.shares.asks.next().await
    }

    /// Takes a step of a member's session, which lives here.
    pub fn share_session(&self, member: Member, step: SessionStep) -> Result<Session, ErrorCode> {
        let sessions_max = self.share_settings().sessions_max;
        let own = sessions_max.div_ceil(usize::from(self.shards));
        self.shares.sessions.borrow_mut().step(member, step, own)
    }

    /// Begins all in this call; a code for each part, once it counts.
    pub fn share_acknowledge(
        self: &Rc<Self>,
        member: &Member,
        parts: Vec<(
            PartitionKey,
            Vec<crate::coordinator::share::partition::Acknowledgement>,
        )>,
    ) -> impl Future<Output = Vec<ErrorCode>> + use<> {
        let limits = self.share_limits(&member.group);
        let begun: Vec<Result<Option<Reply<ErrorCode>>, ErrorCode>> = parts
            .into_iter()
            .map(|(key, said)| {
                let seat = self.share_seat(&member.group, key)?;
                let told = seat.act(self, |machine, now| {
                    let write = machine.acknowledge(now, &limits, &member.id, &said)?;
                    Ok(write.map(|write| seat.wait(write)))
                });
                match told {
                    Some(Ok(reply)) => Ok(reply),
                    Some(Err(Refusal::Beyond)) => Err(ErrorCode::InvalidRequest),
                    Some(Err(_)) | None => Err(ErrorCode::InvalidRecordState),
                }
            })
            .collect();
        async move {
            let mut codes = Vec::with_capacity(begun.len());
            for begun in begun {
                codes.push(match begun {
                    Ok(None) => ErrorCode::None,
                    Ok(Some(reply)) => reply
                        .checked()
                        .await
                        .unwrap_or(ErrorCode::NotLeaderOrFollower),
                    Err(code) => code,
                });
            }
            codes
        }
    }

    /// A member has gone: what it has is given back.
    pub fn share_release(self: &Rc<Self>, member: &Member, parts: &[PartitionKey]) {
        let limits = self.share_limits(&member.group);
        for key in parts {
            let Ok(seat) = self.share_seat(&member.group, *key) else {
                continue;
            };
            seat.members.borrow_mut().remove(&*member.id);
            seat.act(self, |machine, _| machine.release(&limits, &member.id));
            self.forget_share_if_left(&seat);
        }
    }

    /// Completes when there may be something to acquire that was not.
    pub async fn share_watch(
        self: &Rc<Self>,
        group: &str,
        committed: bool,
        parts: Vec<(PartitionKey, Seen)>,
        watch: Watch,
    ) {
        for (key, seen) in parts {
            let Ok(seat) = self.share_seat(group, key) else {
                watch.fire();
                continue;
            };
            seat.watchers.add_for_all(&watch);
            if seat.version() != seen.version {
                watch.fire();
            }
            if let Some(from) = seen.from {
                match seat.partition.visible_to(committed) > from {
                    true => watch.fire(),
                    false => seat.partition.watch(&watch, from, committed),
                }
            }
        }
        watch.fired().await;
    }

    /// A partition is not led here any more, or is gone.
    pub(super) fn leave_shares(&self, key: PartitionKey) {
        let seats = self.shares.seats.borrow_mut().remove(&key);
        for seat in seats.into_iter().flat_map(BTreeMap::into_values) {
            seat.leave(ErrorCode::NotLeaderOrFollower);
        }
    }

    /// The cluster has agreed on share groups, or not any more.
    pub(super) fn tell_shares(&self, image: &Image) {
        if image.feature(SHARE_VERSION) >= 1 {
            return;
        }
        self.shares.sessions.borrow_mut().clear();
        let seats = std::mem::take(&mut *self.shares.seats.borrow_mut());
        for seat in seats.into_values().flat_map(BTreeMap::into_values) {
            seat.leave(ErrorCode::UnsupportedVersion);
        }
    }

    /// What holds for a share group.
    pub fn share_config(&self, group: &str) -> ShareGroupConfig {
        let image = self.image();
        let own = image.overrides(ResourceKind::Group, group);
        self.share_settings().of_group(own)
    }

    fn share_limits(&self, group: &str) -> Limits {
        let config = self.share_config(group);
        Limits {
            deliveries: config.deliveries_max,
            locks: config.record_locks_max,
            lock_ms: u64::try_from(config.record_lock_ms).unwrap_or_default(),
            renews: config.renews,
        }
    }

    fn share_settings(&self) -> Rc<ShareConfig> {
        let config = self.config();
        let mut known = self.shares.config.borrow_mut();
        if let Some((of, share)) = &*known
            && Arc::ptr_eq(of, &config)
        {
            return share.clone();
        }
        let share = Rc::new(config.share());
        *known = Some((config, share.clone()));
        share
    }

    /// The share partition, if members are reading it.
    fn share_seat(&self, group: &str, key: PartitionKey) -> Result<Rc<ShareSeat>, ErrorCode> {
        let partition = self.led(key)?;
        let seats = self.shares.seats.borrow();
        let seat = seats.get(&key).and_then(|groups| groups.get(group));
        let seat = seat.filter(|seat| seat.holds(&partition));
        seat.cloned().ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    /// The share partition, taken up if it was not.
    fn share_seat_or_new(
        self: &Rc<Self>,
        group: &str,
        key: PartitionKey,
    ) -> Result<Rc<ShareSeat>, ErrorCode> {
        let partition = self.led(key)?;
        if let Ok(seat) = self.share_seat(group, key) {
            return Ok(seat);
        }
        let name: Rc<str> = group.into();
        let seat = ShareSeat::new(name.clone(), partition);
        let mut seats = self.shares.seats.borrow_mut();
        let before = seats.entry(key).or_default().insert(name, seat.clone());
        drop(seats);
        if let Some(before) = before {
            before.leave(ErrorCode::NotLeaderOrFollower);
        }
        seat.load(self);
        Ok(seat)
    }

    fn led(&self, key: PartitionKey) -> Result<Rc<Partition>, ErrorCode> {
        let partition = self.partition(key).ok_or_else(|| self.absence(key))?;
        match partition.check_epoch(-1) {
            Ok(()) => Ok(partition),
            Err(error) => Err(error.error_code()),
        }
    }

    fn forget_share(&self, seat: &Rc<ShareSeat>) {
        let mut seats = self.shares.seats.borrow_mut();
        let key = seat.partition.key;
        let Some(groups) = seats.get_mut(&key) else {
            return;
        };
        if groups
            .get(&seat.group)
            .is_some_and(|known| Rc::ptr_eq(known, seat))
        {
            groups.remove(&seat.group);
        }
        if groups.is_empty() {
            seats.remove(&key);
        }
    }

    /// Nobody reads it any more, and all that matters is written.
    fn forget_share_if_left(&self, seat: &Rc<ShareSeat>) {
        let is_left = seat.members.borrow().is_empty() && !seat.is_busy();
        if is_left && !matches!(*seat.state.borrow(), State::Loading) {
            seat.leave(ErrorCode::UnknownTopicOrPartition);
            self.forget_share(seat);
        }
    }
}

//! What the APIs of share groups' members have in common: who asks, which partitions, what is said
//! of records, and the sessions of a connection.
//!
//! Room:       `handlers`.
//! Called by:  `share_fetch`, `share_acknowledge`; `connection`, when it ends.
//! Calls:      `router`.

use super::context::{Call, Context};
use crate::coordinator::share::partition::Acknowledgement;
use crate::ids::{PartitionKey, TopicId};
use crate::metadata::{Image, SHARE_VERSION};
use crate::protocol::{ErrorCode, Uuid};
use crate::shard::shares::message::{Member, SessionStep};
use std::cell::RefCell;
use std::rc::Rc;

/// The share sessions that were opened through a connection.
#[derive(Default)]
pub struct Opened(RefCell<Vec<(Member, u64)>>);

/// Characters of a member id, which is a UUID, at most.
const MEMBER_ID_MAX: usize = 36;

/// The epochs with which a session begins and ends.
pub const INITIAL_EPOCH: i32 = 0;
pub const FINAL_EPOCH: i32 = -1;

/// The first version that knows renewal and ways to acquire (KIP-1206, KIP-1222).
pub const RENEWS: i16 = 2;

const RENEW: i8 = 4;

impl Opened {
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub fn add(&self, member: &Member, opened: u64) {
        self.remove(member);
        self.0.borrow_mut().push((member.clone(), opened));
    }

    pub fn remove(&self, member: &Member) {
        self.0.borrow_mut().retain(|(known, _)| known != member);
    }
}

/// Whether the cluster has agreed on share groups.
pub fn is_on(call: &Call) -> bool {
    call.image().feature(SHARE_VERSION) >= 1
}

/// Who asks.
///
/// # Errors
/// When no member can be called that.
pub fn member(group: Option<&str>, id: Option<&str>) -> Result<Member, ErrorCode> {
    let group = group.ok_or(ErrorCode::InvalidRequest)?;
    match id {
        Some(id) if !id.is_empty() && id.len() <= MEMBER_ID_MAX => Ok(Member {
            group: group.into(),
            id: id.into(),
        }),
        _ => Err(ErrorCode::InvalidRequest),
    }
}

pub fn key(topic: Uuid, partition: i32) -> PartitionKey {
    PartitionKey {
        topic: TopicId(topic.0),
        partition,
    }
}

/// Whether there is such a partition.
///
/// # Errors
/// What the client is told when there is not.
pub fn exists(image: &Image, key: PartitionKey) -> Result<(), ErrorCode> {
    if image.topic_by_id(key.topic).is_none() {
        return Err(ErrorCode::UnknownTopicId);
    }
    match image.partition(key) {
        Some(_) => Ok(()),
        None => Err(ErrorCode::UnknownTopicOrPartition),
    }
}

/// Whether a partition's acknowledgements are in order and say what may be said.
///
/// # Errors
/// When they are not.
pub fn check(said: &[Acknowledgement], version: i16, is_renew: bool) -> Result<(), ErrorCode> {
    let most = match version >= RENEWS {
        true => RENEW,
        false => RENEW - 1,
    };
    let mut last = -1;
    for one in said {
        let span = one.last.checked_sub(one.first);
        let is_each = i64::try_from(one.types.len()).ok() == span.and_then(|s| s.checked_add(1));
        let is_fine = one.first <= one.last
            && one.first >= last
            && !one.types.is_empty()
            && (one.types.len() == 1 || is_each)
            && one.types.iter().all(|says| (0..=most).contains(says))
            && (is_renew || !one.types.contains(&RENEW));
        if !is_fine {
            return Err(ErrorCode::InvalidRequest);
        }
        last = one.last;
    }
    Ok(())
}

/// What came of acknowledgements, by partition.
pub type Told = Vec<(PartitionKey, ErrorCode)>;

/// Begins to acknowledge in this call; what is refused here is told with the rest.
pub fn acknowledge(
    call: &Call,
    member: &Member,
    said: Vec<(PartitionKey, Vec<Acknowledgement>)>,
    is_renew: bool,
) -> impl Future<Output = Told> + use<> {
    let image = call.image();
    let mut told = Told::new();
    let mut parts = Vec::new();
    for (key, said) in said {
        let checked = match exists(&image, key) {
            Err(ErrorCode::UnknownTopicId) => Err(ErrorCode::UnknownTopicId),
            there => check(&said, call.version, is_renew).and(there),
        };
        match checked {
            Ok(()) => parts.push((key, said)),
            Err(code) => told.push((key, code)),
        }
    }
    let keys: Vec<PartitionKey> = parts.iter().map(|(key, _)| *key).collect();
    let codes = call.context.router.share_acknowledge(member, parts);
    async move {
        told.extend(keys.into_iter().zip(codes.await));
        told
    }
}

/// Ends a session: what its member has is given back.
pub async fn end(context: &Rc<Context>, member: &Member, opened: Option<u64>) {
    context.share_sessions.remove(member);
    let step = SessionStep::End { opened };
    if let Ok(session) = context.router.share_session(member.clone(), step).await {
        let partitions = session.partitions.into_iter();
        let partitions = partitions.map(|(key, _)| key).collect();
        context.router.share_release(member, partitions);
    }
}

/// The connection has ended, and the sessions that were opened through it.
pub async fn closed(context: &Rc<Context>) {
    let opened = std::mem::take(&mut *context.share_sessions.0.borrow_mut());
    for (member, opened) in opened {
        end(context, &member, Some(opened)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_in_order_and_say_what_is_known() {
        let one = |first, last, types: &[i8]| Acknowledgement {
            first,
            last,
            types: types.to_vec(),
        };
        let check = |said: &[Acknowledgement]| check(said, 2, false).is_ok();
        assert!(check(&[one(0, 9, &[1]), one(10, 11, &[2, 3])]));
        assert!(!check(&[one(5, 4, &[1])]));
        assert!(!check(&[one(5, 9, &[1]), one(4, 4, &[1])]));
        assert!(!check(&[one(0, 0, &[])]));
        assert!(!check(&[one(0, 2, &[1, 1])]));
        assert!(!check(&[one(0, 0, &[5])]) && !check(&[one(0, 0, &[-1])]));
        assert!(!check(&[one(0, 0, &[4])]), "not marked as a renewal");
        assert!(!check(&[one(i64::MIN, i64::MAX, &[1, 1])]));
        assert!(super::check(&[one(0, 0, &[4])], 2, true).is_ok());
        assert!(super::check(&[one(0, 0, &[4])], 1, true).is_err());
    }

    #[test]
    fn a_member_has_a_name_no_longer_than_a_uuid() {
        assert!(member(Some("g"), Some("a")).is_ok());
        assert!(member(None, Some("a")).is_err());
        assert!(member(Some("g"), None).is_err() && member(Some("g"), Some("")).is_err());
        assert!(member(Some("g"), Some(&"x".repeat(37))).is_err());
    }
}

//! The classic protocol: members join, one of them assigns, all are told (KIP-62, 345, 394, 429).
//!
//! Room:       `client::member`.
//! Called by:  `GroupConsumer` (join), the heartbeat thread (beat), both (leave).
//! Calls:      `assign`, when this member leads.
//! Never:      gives up while the group is only rebalancing: it joins again.

use std::collections::BTreeMap;

use super::assign::{Subscriber, assign};
use super::shared::{Me, News, Shared};
use crate::client::cluster::Retry;
use crate::client::connection::Answer;
use crate::client::error::ClientError;
use crate::client::groups::Partitions;
use crate::client::properties::Assignor;
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse,
};
use crate::protocol::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberIdentity,
};
use crate::protocol::messages::sync_group::{
    SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse,
};
use crate::protocol::records::consumer_protocol::consumer_protocol_assignment as assignment;
use crate::protocol::records::consumer_protocol::consumer_protocol_subscription as subscription;
use crate::protocol::{ErrorCode, GroupId, Message, Reader, TopicName, Writer};
use assignment::ConsumerProtocolAssignment;
use subscription::ConsumerProtocolSubscription;

/// What a member asks for when it joins.
pub struct Wish<'w> {
    pub topics: &'w [String],
    /// What it has: sticky assignors leave it there.
    pub owned: &'w Partitions,
    /// How many partitions the topics have, should this member lead.
    pub counts: &'w BTreeMap<String, i32>,
}

/// What a join led to.
pub struct Joined {
    pub assigned: Partitions,
    pub leads: bool,
}

/// Joins and stays at it until this member has an assignment.
pub fn join(shared: &Shared, wish: &Wish<'_>) -> Result<Joined, ClientError> {
    let mut retry = Retry::new(shared.cluster.config());
    loop {
        let mut me = shared.me();
        let joined = join_once(shared, wish, &mut me);
        shared.set_me(me);
        let failure = match joined {
            Ok(joined) => return Ok(joined),
            Err(failure) => failure,
        };
        if shared.is_stopped() {
            return Err(failure);
        }
        match failure.code() {
            Some(ErrorCode::RebalanceInProgress | ErrorCode::MemberIdRequired) => {}
            Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                shared.set_me(Me::default());
            }
            _ if failure.retriable() && retry.pause() => {}
            _ => return Err(failure),
        }
    }
}

fn join_once(shared: &Shared, wish: &Wish<'_>, me: &mut Me) -> Result<Joined, ClientError> {
    let group = shared.config();
    let protocols: Vec<(Assignor, Vec<u8>)> = group
        .assignors
        .iter()
        .map(|assignor| (*assignor, subscribe(*assignor, shared, wish, me.epoch)))
        .collect();
    let request = JoinGroupRequest {
        group_id: GroupId(&shared.group),
        session_timeout_ms: millis(group.session_timeout),
        rebalance_timeout_ms: millis(group.poll_interval_max),
        member_id: &me.id,
        group_instance_id: group.instance.as_deref(),
        protocol_type: PROTOCOL_TYPE,
        protocols: protocols
            .iter()
            .map(|(assignor, metadata)| JoinGroupRequestProtocol {
                name: assignor.name(),
                metadata,
            })
            .collect(),
        reason: None,
    };
    // The coordinator answers when all members have joined, or their time to do so is over.
    let answer = shared.call_alone(&request, group.poll_interval_max)?;
    let response: JoinGroupResponse<'_> = answer.decode()?;
    if response.error_code == ErrorCode::MemberIdRequired {
        response.member_id.clone_into(&mut me.id);
    }
    shared.check(response.error_code, None)?;
    response.member_id.clone_into(&mut me.id);
    me.epoch = response.generation_id;
    let leads = response.leader == response.member_id;
    let protocol = response.protocol_name.unwrap_or_default();
    let dealt = match leads && !response.skip_assignment {
        true => deal(&response, protocol, wish, &group.assignors)?,
        false => Vec::new(),
    };
    let request = SyncGroupRequest {
        group_id: GroupId(&shared.group),
        generation_id: me.epoch,
        member_id: &me.id,
        group_instance_id: group.instance.as_deref(),
        protocol_type: Some(PROTOCOL_TYPE),
        protocol_name: Some(protocol),
        assignments: dealt
            .iter()
            .map(|(member_id, assignment)| SyncGroupRequestAssignment {
                member_id,
                assignment,
            })
            .collect(),
    };
    let answer = shared.call_alone(&request, group.poll_interval_max)?;
    let response: SyncGroupResponse<'_> = answer.decode()?;
    shared.check(response.error_code, None)?;
    Ok(Joined {
        assigned: read_assignment(response.assignment, &answer)?,
        leads,
    })
}

/// This member's subscription, as the assignor of that name reads it.
fn subscribe(assignor: Assignor, shared: &Shared, wish: &Wish<'_>, generation: i32) -> Vec<u8> {
    let previous = match assignor {
        Assignor::Sticky => Some(remembered(wish.owned, generation)),
        _ => None,
    };
    let owned = wish.owned.iter();
    let message = ConsumerProtocolSubscription {
        topics: wish.topics.iter().map(String::as_str).collect(),
        user_data: previous.as_deref(),
        owned_partitions: owned
            .map(|(topic, partitions)| subscription::TopicPartition {
                topic: TopicName(topic),
                partitions: partitions.clone(),
            })
            .collect(),
        generation_id: generation,
        rack_id: shared.config().rack.as_deref(),
    };
    versioned(&message)
}

/// What the (eager) sticky assignor remembers of the last round, in its own format: topics with
/// partitions, then the generation.
fn remembered(owned: &Partitions, generation: i32) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i32(owned.len() as i32);
    for (topic, partitions) in owned {
        out.put_i16(topic.len() as i16);
        out.extend_from_slice(topic.as_bytes());
        out.put_i32(partitions.len() as i32);
        partitions
            .iter()
            .for_each(|partition| out.put_i32(*partition));
    }
    out.put_i32(generation);
    out
}

/// The other way around; `None` for bytes of somebody else's making.
fn recalled(bytes: &[u8]) -> Option<(Partitions, i32)> {
    let mut reader = Reader::new(bytes);
    let mut owned = Partitions::new();
    for _ in 0..reader.i32().ok()? {
        let topic = reader.string(false).ok()?.to_owned();
        let mut partitions = Vec::new();
        for _ in 0..reader.i32().ok()? {
            partitions.push(reader.i32().ok()?);
        }
        owned.insert(topic, partitions);
    }
    Some((owned, reader.i32().unwrap_or(-1)))
}

/// What each member gets, as bytes.
fn deal(
    response: &JoinGroupResponse<'_>,
    protocol: &str,
    wish: &Wish<'_>,
    assignors: &[Assignor],
) -> Result<Vec<(String, Vec<u8>)>, ClientError> {
    let chosen = assignors.iter().find(|known| known.name() == protocol);
    let assignor = *chosen.ok_or_else(|| ClientError::Refused {
        what: format!("assignor '{protocol}'"),
        code: ErrorCode::InconsistentGroupProtocol,
        message: None,
    })?;
    let members: Vec<Subscriber> = response
        .members
        .iter()
        .map(|member| subscriber(member.member_id, member.group_instance_id, member.metadata))
        .collect();
    let assigned = assign(assignor, &members, wish.counts);
    let dealt = members
        .into_iter()
        .zip(assigned)
        .map(|(member, partitions)| {
            let message = ConsumerProtocolAssignment {
                assigned_partitions: partitions
                    .iter()
                    .map(|(topic, partitions)| assignment::TopicPartition {
                        topic: TopicName(topic),
                        partitions: partitions.clone(),
                    })
                    .collect(),
                user_data: None,
            };
            (member.id, versioned(&message))
        });
    Ok(dealt.collect())
}

/// A subscription that cannot be read asks for nothing.
fn subscriber(id: &str, instance: Option<&str>, metadata: &[u8]) -> Subscriber {
    let mut reader = Reader::new(metadata);
    let version = reader.i16().map(|version| version.clamp(0, NEWEST));
    let read = version.and_then(|v| ConsumerProtocolSubscription::decode(&mut reader, v));
    let read = read.unwrap_or_default();
    let owned = read.owned_partitions.iter();
    let owned: Partitions = owned
        .map(|topic| (topic.topic.0.to_owned(), topic.partitions.clone()))
        .collect();
    let remembered = read.user_data.and_then(recalled);
    let (owned, generation) = match remembered {
        Some(remembered) if owned.is_empty() => remembered,
        _ => (owned, read.generation_id),
    };
    Subscriber {
        id: id.to_owned(),
        instance: instance.map(str::to_owned),
        topics: read.topics.iter().map(ToString::to_string).collect(),
        owned,
        generation,
    }
}

/// A member that was given nothing may be told so with no bytes at all.
fn read_assignment(bytes: &[u8], answer: &Answer) -> Result<Partitions, ClientError> {
    if bytes.is_empty() {
        return Ok(Partitions::new());
    }
    let mut reader = Reader::new(bytes);
    let version = reader.i16().map(|version| version.clamp(0, NEWEST));
    let read = version.and_then(|v| ConsumerProtocolAssignment::decode(&mut reader, v));
    let read = read.map_err(|cause| ClientError::Decode {
        address: answer.address().to_owned(),
        api: "SyncGroup",
        cause,
    })?;
    let topics = read.assigned_partitions.into_iter();
    Ok(topics
        .map(|topic| (topic.topic.0.to_owned(), topic.partitions))
        .collect())
}

/// One heartbeat.
pub fn beat(shared: &Shared, me: &Me) -> Option<News> {
    let request = HeartbeatRequest {
        group_id: GroupId(&shared.group),
        generation_id: me.epoch,
        member_id: &me.id,
        group_instance_id: shared.config().instance.as_deref(),
    };
    let code = |answer: &Answer| {
        let response: HeartbeatResponse = answer.decode()?;
        Ok(response.error_code)
    };
    match shared.call(&request, code) {
        Ok((ErrorCode::None, _)) => None,
        Ok((ErrorCode::RebalanceInProgress, _)) => Some(News::Rebalance),
        Ok((ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration, _)) => Some(News::Lost),
        Ok((code, _)) if code.retriable() => None,
        Ok((code, _)) => shared.check(code, None).err().map(News::Failed),
        Err(failure) if failure.retriable() => None,
        Err(failure) => Some(News::Failed(failure)),
    }
}

/// Says good-bye, unless the member is static: that one is expected back.
pub fn leave(shared: &Shared, me: &Me) -> Result<(), ClientError> {
    if shared.config().instance.is_some() || me.id.is_empty() {
        return Ok(());
    }
    let request = LeaveGroupRequest {
        group_id: GroupId(&shared.group),
        // The field of versions before 3, which no broker of ours or of Kafka 4 asks for.
        member_id: "",
        members: vec![MemberIdentity {
            member_id: &me.id,
            group_instance_id: None,
            reason: Some("the consumer is being closed"),
        }],
    };
    let code = |answer: &Answer| {
        let response: LeaveGroupResponse<'_> = answer.decode()?;
        Ok(response.error_code)
    };
    let (code, _) = shared.call(&request, code)?;
    shared.check(code, None)
}

/// A message behind its version, as the embedded protocol of consumers has it.
fn versioned<'m>(message: &impl Message<'m>) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i16(NEWEST);
    let encoded = message.encode(&mut out, NEWEST);
    encoded.expect("topics of a cluster fit their own protocol");
    out
}

pub fn millis(time: std::time::Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// What members of a group for consumers speak.
const PROTOCOL_TYPE: &str = "consumer";
/// The newest version of their subscriptions and assignments.
const NEWEST: i16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sticky_remembers_comes_back() {
        let owned = Partitions::from([("t".to_owned(), vec![0, 2]), ("u".to_owned(), vec![])]);
        let bytes = remembered(&owned, 7);
        assert_eq!(recalled(&bytes), Some((owned, 7)));
        assert_eq!(recalled(&bytes[..5]), None);
    }

    #[test]
    fn a_strange_subscription_asks_for_nothing() {
        let strange = subscriber("m", None, &[0, 1, 0xff, 0xff]);
        assert!(strange.topics.is_empty());
    }
}

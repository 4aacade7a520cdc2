//! Where a member goes on, and how far it says it has come.
//!
//! Room:       `client::member`.
//! Called by:  `GroupConsumer`.
//! Calls:      the group's coordinator; ListOffsets for partitions without a committed offset.
//! Never:      takes an offset of a transaction that is still open: it waits for its end.

use std::collections::BTreeMap;

use super::shared::Shared;
use super::{Mark, Place};
use crate::client::admin::{OffsetSpec, list_offsets};
use crate::client::clock;
use crate::client::cluster::Retry;
use crate::client::connection::Answer;
use crate::client::error::ClientError;
use crate::client::properties::OffsetReset;
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
};
use crate::protocol::{ErrorCode, GroupId, TopicName, Uuid};

/// The positions to begin at: what is committed, else what `auto.offset.reset` says.
pub fn starts(shared: &Shared, places: &[Place]) -> Result<BTreeMap<Place, Mark>, ClientError> {
    let mut starts = committed(shared, places)?;
    let missing: Vec<&Place> = places
        .iter()
        .filter(|place| !starts.contains_key(*place))
        .collect();
    if missing.is_empty() {
        return Ok(starts);
    }
    let spec = match shared.cluster.config().consumer.offset_reset {
        OffsetReset::Earliest => OffsetSpec::Earliest,
        OffsetReset::Latest => OffsetSpec::Latest,
        OffsetReset::Back(ms) => OffsetSpec::Time((clock::wall_ms() - ms).max(0)),
        OffsetReset::Refuse => {
            let names = missing
                .iter()
                .map(|(topic, index)| format!("{topic}-{index}"));
            let names: Vec<String> = names.collect();
            return Err(ClientError::NoOffset {
                group: shared.group.clone(),
                partitions: names.join(", "),
            });
        }
    };
    let ask = |spec, missing: &[&Place]| {
        let wanted: Vec<(&str, i32, OffsetSpec)> = missing
            .iter()
            .map(|(topic, index)| (&**topic, *index, spec))
            .collect();
        list_offsets(&shared.cluster, &wanted)
    };
    let listed = ask(spec, &missing)?;
    for (place, listed) in missing.into_iter().zip(listed) {
        let offset = match listed.offset {
            // No record is that young.
            -1 => ask(OffsetSpec::Latest, &[place])?[0].offset,
            offset => offset,
        };
        let epoch = listed.leader_epoch;
        starts.insert(place.clone(), Mark { offset, epoch });
    }
    Ok(starts)
}

fn committed(shared: &Shared, places: &[Place]) -> Result<BTreeMap<Place, Mark>, ClientError> {
    let mut retry = Retry::new(shared.cluster.config());
    loop {
        match committed_once(shared, places) {
            Err(failure) if again(&failure) && !shared.is_stopped() && retry.pause() => {}
            done => return done,
        }
    }
}

fn committed_once(shared: &Shared, places: &[Place]) -> Result<BTreeMap<Place, Mark>, ClientError> {
    let ids = topic_ids(shared);
    let topics = by_topic(places).into_iter();
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: GroupId(&shared.group),
            topics: Some(
                topics
                    .map(|(topic, places)| OffsetFetchRequestTopics {
                        name: TopicName(topic),
                        topic_id: ids.get(topic).copied().unwrap_or_default(),
                        partition_indexes: places.iter().map(|(_, index)| *index).collect(),
                    })
                    .collect(),
            ),
            ..OffsetFetchRequestGroup::default()
        }],
        require_stable: true,
        ..OffsetFetchRequest::default()
    };
    let code = |answer: &Answer| {
        let response: OffsetFetchResponse<'_> = answer.decode()?;
        let group = response.groups.first();
        Ok(group.map_or(ErrorCode::UnknownServerError, |group| group.error_code))
    };
    let (code, answer) = shared.call(&request, code)?;
    shared.check(code, None)?;
    let response: OffsetFetchResponse<'_> = answer.decode()?;
    let mut found = BTreeMap::new();
    for topic in response.groups.iter().flat_map(|group| &group.topics) {
        // Version 10 tells ids instead of names.
        let place = places.iter().find(|(name, _)| match topic.name.0 {
            "" => ids.get(name.as_ref()) == Some(&topic.topic_id),
            told => told == name.as_ref(),
        });
        let Some((name, _)) = place else { continue };
        for partition in &topic.partitions {
            shared.check(partition.error_code, None)?;
            if partition.committed_offset >= 0 {
                let mark = Mark {
                    offset: partition.committed_offset,
                    epoch: partition.committed_leader_epoch,
                };
                found.insert((name.clone(), partition.partition_index), mark);
            }
        }
    }
    Ok(found)
}

/// Commits marks as this member.
pub fn commit(shared: &Shared, marks: &BTreeMap<Place, Mark>) -> Result<(), ClientError> {
    let mut retry = Retry::new(shared.cluster.config());
    loop {
        match commit_once(shared, marks) {
            Err(failure) if again(&failure) && retry.pause() => {}
            done => return done,
        }
    }
}

fn commit_once(shared: &Shared, marks: &BTreeMap<Place, Mark>) -> Result<(), ClientError> {
    let (me, ids) = (shared.me(), topic_ids(shared));
    let places: Vec<Place> = marks.keys().cloned().collect();
    let topics = by_topic(&places).into_iter();
    let request = OffsetCommitRequest {
        group_id: GroupId(&shared.group),
        generation_id_or_member_epoch: me.epoch,
        member_id: &me.id,
        group_instance_id: shared.config().instance.as_deref(),
        topics: topics
            .map(|(topic, places)| OffsetCommitRequestTopic {
                name: TopicName(topic),
                topic_id: ids.get(topic).copied().unwrap_or_default(),
                partitions: places
                    .into_iter()
                    .map(|place| OffsetCommitRequestPartition {
                        partition_index: place.1,
                        committed_offset: marks[place].offset,
                        committed_leader_epoch: marks[place].epoch,
                        committed_metadata: Some(""),
                    })
                    .collect(),
            })
            .collect(),
        ..OffsetCommitRequest::default()
    };
    let code = |answer: &Answer| {
        let response: OffsetCommitResponse<'_> = answer.decode()?;
        let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        let mut codes = partitions.map(|partition| partition.error_code);
        let refused = codes.find(|code| *code != ErrorCode::None);
        Ok(refused.unwrap_or(ErrorCode::None))
    };
    let (code, _) = shared.call(&request, code)?;
    shared.check(code, None)
}

/// Whether the same call may be answered otherwise in a moment. A stale member epoch is: the next
/// heartbeat brings the new one.
fn again(failure: &ClientError) -> bool {
    failure.retriable()
        || matches!(
            failure.code(),
            Some(ErrorCode::UnstableOffsetCommit | ErrorCode::StaleMemberEpoch)
        )
}

fn topic_ids(shared: &Shared) -> BTreeMap<String, Uuid> {
    let known = shared.cluster.known();
    let topics = known.topics.iter();
    topics
        .map(|(name, topic)| (name.to_string(), topic.id))
        .collect()
}

fn by_topic(places: &[Place]) -> BTreeMap<&str, Vec<&Place>> {
    let mut topics: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
    for place in places {
        topics.entry(&place.0).or_default().push(place);
    }
    topics
}

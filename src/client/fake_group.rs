//! The fake broker as a group's coordinator: one member at a time, trouble on demand.
//!
//! Room:       `client`, tests only.
//! Called by:  `fake_broker`.
//! Never:      more than one member needs to be seen joining, beating, committing and leaving.

use std::collections::{BTreeMap, VecDeque};

use crate::protocol::messages::find_coordinator::{Coordinator, FindCoordinatorResponse};
use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use crate::protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember,
};
use crate::protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};
use crate::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchResponse, OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use crate::protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use crate::protocol::{ApiKey, BrokerId, ErrorCode, GroupId, Message, Reader};

use super::fake_broker::encoded;

/// What this coordinator serves.
pub const KEYS: [ApiKey; 7] = [
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::SyncGroup,
    ApiKey::Heartbeat,
    ApiKey::OffsetFetch,
    ApiKey::OffsetCommit,
    ApiKey::LeaveGroup,
];

#[derive(Debug, Default)]
pub struct FakeGroup {
    /// The member, while there is one.
    pub member: Option<String>,
    pub generation: i32,
    /// Answers to the next heartbeats.
    pub trouble: VecDeque<ErrorCode>,
    /// By partition of topic "t".
    pub committed: BTreeMap<i32, i64>,
    ids: usize,
    protocol: String,
}

impl FakeGroup {
    pub fn answer(
        &mut self,
        key: ApiKey,
        port: u16,
        version: i16,
        reader: &mut Reader<'_>,
    ) -> Vec<u8> {
        match key {
            ApiKey::FindCoordinator => {
                let found = Coordinator {
                    node_id: BrokerId(1),
                    host: "127.0.0.1",
                    port: i32::from(port),
                    ..Default::default()
                };
                let response = FindCoordinatorResponse {
                    coordinators: vec![found],
                    ..Default::default()
                };
                encoded(&response, version)
            }
            ApiKey::JoinGroup => self.join(&Message::decode(reader, version).unwrap(), version),
            ApiKey::SyncGroup => self.sync(&Message::decode(reader, version).unwrap(), version),
            ApiKey::Heartbeat => self.beat(&Message::decode(reader, version).unwrap(), version),
            ApiKey::OffsetFetch => self.fetch(&Message::decode(reader, version).unwrap(), version),
            ApiKey::OffsetCommit => {
                self.commit(&Message::decode(reader, version).unwrap(), version)
            }
            ApiKey::LeaveGroup => {
                let request: LeaveGroupRequest<'_> = Message::decode(reader, version).unwrap();
                if self.judge(request.members[0].member_id, self.generation) == ErrorCode::None {
                    self.member = None;
                }
                encoded(&LeaveGroupResponse::default(), version)
            }
            other => panic!("a group knows nothing of {other}"),
        }
    }

    fn judge(&self, member: &str, generation: i32) -> ErrorCode {
        if self.member.as_deref() != Some(member) {
            ErrorCode::UnknownMemberId
        } else if generation != self.generation {
            ErrorCode::IllegalGeneration
        } else {
            ErrorCode::None
        }
    }

    fn join(&mut self, request: &JoinGroupRequest<'_>, version: i16) -> Vec<u8> {
        let mut response = JoinGroupResponse::default();
        if request.member_id.is_empty() {
            self.ids += 1;
            let id = format!("member-{}", self.ids);
            response.error_code = ErrorCode::MemberIdRequired;
            response.member_id = &id;
            self.member = Some(id.clone());
            return encoded(&response, version);
        }
        if self.judge(request.member_id, self.generation) != ErrorCode::None {
            response.error_code = ErrorCode::UnknownMemberId;
            return encoded(&response, version);
        }
        self.generation += 1;
        let chosen = &request.protocols[0];
        chosen.name.clone_into(&mut self.protocol);
        response.generation_id = self.generation;
        response.protocol_type = Some("consumer");
        response.protocol_name = Some(chosen.name);
        response.leader = request.member_id;
        response.member_id = request.member_id;
        response.members = vec![JoinGroupResponseMember {
            member_id: request.member_id,
            group_instance_id: None,
            metadata: chosen.metadata,
        }];
        encoded(&response, version)
    }

    fn sync(&mut self, request: &SyncGroupRequest<'_>, version: i16) -> Vec<u8> {
        let mut assignments = request.assignments.iter();
        let mine = assignments.find(|assigned| assigned.member_id == request.member_id);
        let response = SyncGroupResponse {
            error_code: self.judge(request.member_id, request.generation_id),
            protocol_type: Some("consumer"),
            protocol_name: Some(&self.protocol),
            assignment: mine.map_or(&[], |assigned| assigned.assignment),
            ..Default::default()
        };
        encoded(&response, version)
    }

    fn beat(&mut self, request: &HeartbeatRequest<'_>, version: i16) -> Vec<u8> {
        let mut error_code = self.judge(request.member_id, request.generation_id);
        if error_code == ErrorCode::None
            && let Some(trouble) = self.trouble.pop_front()
        {
            error_code = trouble;
            if trouble == ErrorCode::UnknownMemberId {
                self.member = None;
            }
        }
        let response = HeartbeatResponse {
            error_code,
            ..Default::default()
        };
        encoded(&response, version)
    }

    fn fetch(&self, request: &OffsetFetchRequest<'_>, version: i16) -> Vec<u8> {
        assert!(
            request.require_stable,
            "a member waits for open transactions"
        );
        let asked = request.groups[0].topics.iter().flatten();
        let topics = asked.map(|topic| OffsetFetchResponseTopics {
            name: topic.name,
            topic_id: topic.topic_id,
            partitions: topic
                .partition_indexes
                .iter()
                .map(|index| OffsetFetchResponsePartitions {
                    partition_index: *index,
                    committed_offset: self.committed.get(index).copied().unwrap_or(-1),
                    committed_leader_epoch: -1,
                    ..Default::default()
                })
                .collect(),
        });
        let response = OffsetFetchResponse {
            groups: vec![OffsetFetchResponseGroup {
                group_id: GroupId("g"),
                topics: topics.collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        encoded(&response, version)
    }

    fn commit(&mut self, request: &OffsetCommitRequest<'_>, version: i16) -> Vec<u8> {
        let epoch = request.generation_id_or_member_epoch;
        let error_code = self.judge(request.member_id, epoch);
        let mut topics = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for partition in &topic.partitions {
                let index = partition.partition_index;
                if error_code == ErrorCode::None {
                    self.committed.insert(index, partition.committed_offset);
                }
                partitions.push(OffsetCommitResponsePartition {
                    partition_index: index,
                    error_code,
                });
            }
            topics.push(OffsetCommitResponseTopic {
                name: topic.name,
                topic_id: topic.topic_id,
                partitions,
            });
        }
        let response = OffsetCommitResponse {
            topics,
            ..Default::default()
        };
        encoded(&response, version)
    }
}

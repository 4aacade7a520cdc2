//! ConsumerGroupDescribe: a group of this kind as it is.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  the machine.
//! Never:      names a topic that is gone.

use super::{Assigned, ConsumerGroup};
use crate::metadata::Image;
use crate::protocol::messages::consumer_group_describe::{
    Assignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use crate::protocol::{ErrorCode, GroupId, TopicName, Uuid};

/// `MemberType` of a member that speaks the classic protocol, and of one that speaks this one.
const CLASSIC: i8 = 0;
const CONSUMER: i8 = 1;

impl ConsumerGroup {
    pub fn describe<'a>(
        &'a self,
        image: &'a Image,
        assignor_name: &'a str,
        authorized_operations: i32,
    ) -> DescribedGroup<'a> {
        let none = Assigned::new();
        let members = self.members.iter().map(|(id, member)| DescribedMember {
            member_id: id,
            instance_id: member.instance.as_deref(),
            rack_id: member.rack.as_deref(),
            member_epoch: member.epoch,
            client_id: &member.client_id,
            client_host: &member.client_host,
            subscribed_topic_names: member.topics.iter().map(|t| TopicName(t)).collect(),
            subscribed_topic_regex: member.pattern.as_deref(),
            assignment: told(&member.assigned, image),
            target_assignment: told(self.target.get(id).unwrap_or(&none), image),
            member_type: match member.classic {
                Some(_) => CLASSIC,
                None => CONSUMER,
            },
        });
        DescribedGroup {
            error_code: ErrorCode::None,
            error_message: None,
            group_id: GroupId(&self.id),
            group_state: self.state_name(),
            group_epoch: self.epoch,
            assignment_epoch: self.target_epoch,
            assignor_name,
            members: members.collect(),
            authorized_operations,
        }
    }

    pub fn assignor_name(&self, default: &str) -> String {
        self.assignor_of(default)
    }
}

fn told<'a>(assigned: &Assigned, image: &'a Image) -> Assignment<'a> {
    let topics = assigned.iter().filter_map(|(id, partitions)| {
        let topic = image.topic_by_id(*id)?;
        Some(TopicPartitions {
            topic_id: Uuid(id.0),
            topic_name: TopicName(&topic.name),
            partitions: partitions.iter().copied().collect(),
        })
    });
    Assignment {
        topic_partitions: topics.collect(),
    }
}

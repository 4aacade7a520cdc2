//! The consumer protocol: the coordinator assigns, heartbeats carry all (KIP-848).
//!
//! Room:       `client::member`.
//! Called by:  the heartbeat thread; `GroupConsumer` at its end (leave).
//! Never:      keeps a partition that is not in the assignment: the coordinator gives it away as
//!             soon as a heartbeat has said that it is let go.

use super::classic::millis;
use super::shared::{Me, News, Shared, Telling};
use crate::client::connection::Answer;
use crate::client::error::ClientError;
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
    ConsumerGroupHeartbeatResponse,
};
use crate::protocol::{ErrorCode, GroupId, TopicName};

/// One heartbeat; `telling` is what the coordinator does not know yet. Updates the epoch.
pub fn beat(shared: &Shared, me: &mut Me, telling: &Telling) -> Option<News> {
    let group = shared.config();
    let full = telling.full || me.epoch == 0;
    let owned = telling.owned.iter();
    let owned = owned.map(
        |(id, partitions)| ConsumerGroupHeartbeatRequestTopicPartitions {
            topic_id: *id,
            partitions: partitions.clone(),
        },
    );
    let names = telling.topics.iter().map(|name| TopicName(name)).collect();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: GroupId(&shared.group),
        member_id: &me.id,
        member_epoch: me.epoch,
        instance_id: group.instance.as_deref(),
        rack_id: group.rack.as_deref().filter(|_| full),
        rebalance_timeout_ms: if full {
            millis(group.poll_interval_max)
        } else {
            -1
        },
        subscribed_topic_names: full.then_some(names),
        subscribed_topic_regex: None,
        server_assignor: group.remote_assignor.as_deref().filter(|_| full),
        topic_partitions: (full || telling.owned_changed).then(|| owned.collect()),
    };
    let code = |answer: &Answer| {
        let response: ConsumerGroupHeartbeatResponse<'_> = answer.decode()?;
        Ok(response.error_code)
    };
    let (code, answer) = match shared.call(&request, code) {
        Ok(answered) => answered,
        Err(failure) if failure.retriable() => return Some(News::Unheard),
        Err(failure) => return Some(News::Failed(failure)),
    };
    match code {
        ErrorCode::None => {}
        ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => return Some(News::Lost),
        code if code.retriable() => return Some(News::Unheard),
        code => {
            let message = answer.decode::<ConsumerGroupHeartbeatResponse<'_>>();
            let message = message.ok().and_then(|response| response.error_message);
            return shared.check(code, message).err().map(News::Failed);
        }
    }
    let response: ConsumerGroupHeartbeatResponse<'_> = match answer.decode() {
        Ok(response) => response,
        Err(failure) => return Some(News::Failed(failure)),
    };
    if let Some(id) = response.member_id {
        id.clone_into(&mut me.id);
    }
    me.epoch = response.member_epoch;
    shared.set_interval(response.heartbeat_interval_ms);
    let assigned = response.assignment?.topic_partitions.into_iter();
    Some(News::Assigned(
        assigned
            .map(|topic| (topic.topic_id, topic.partitions))
            .collect(),
    ))
}

/// Says good-bye; a static member says that it comes back.
pub fn leave(shared: &Shared, me: &Me) -> Result<(), ClientError> {
    let instance = shared.config().instance.as_deref();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: GroupId(&shared.group),
        member_id: &me.id,
        member_epoch: if instance.is_some() { -2 } else { -1 },
        instance_id: instance,
        ..ConsumerGroupHeartbeatRequest::default()
    };
    let code = |answer: &Answer| {
        let response: ConsumerGroupHeartbeatResponse<'_> = answer.decode()?;
        Ok(response.error_code)
    };
    let (code, _) = shared.call(&request, code)?;
    shared.check(code, None)
}

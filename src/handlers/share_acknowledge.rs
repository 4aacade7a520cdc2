//! ShareAcknowledge (API 79): what a member of a share group says of the records it has (KIP-932).
//! Stages: settle the session, acknowledge, answer when it counts.

use super::context::{Call, Response, Unanswerable};
use super::share::{FINAL_EPOCH, RENEWS, acknowledge, end, is_on, key, member};
use crate::coordinator::share::partition::Acknowledgement;
use crate::protocol::messages::share_acknowledge::{
    LeaderIdAndEpoch, PartitionData, ShareAcknowledgeRequest, ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
};
use crate::protocol::{ErrorCode, Uuid};
use crate::shard::shares::message::SessionStep;

pub async fn handle(
    call: &Call,
    request: ShareAcknowledgeRequest<'_>,
) -> Result<Response, Unanswerable> {
    if !is_on(call) {
        return refuse(call, ErrorCode::UnsupportedVersion);
    }
    let member = match member(request.group_id.map(|group| group.0), request.member_id) {
        Ok(member) => member,
        Err(code) => return refuse(call, code),
    };
    let epoch = request.share_session_epoch;
    let step = SessionStep::Acknowledge { epoch };
    let router = &call.context.router;
    if let Err(code) = router.share_session(member.clone(), step).await {
        return refuse(call, code);
    }
    let mut said = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let batches = partition.acknowledgement_batches.iter();
            let batches: Vec<Acknowledgement> = batches
                .map(|batch| Acknowledgement {
                    first: batch.first_offset,
                    last: batch.last_offset,
                    types: batch.acknowledge_types.clone(),
                })
                .collect();
            said.push((key(topic.topic_id, partition.partition_index), batches));
        }
    }
    let renews = call.version >= RENEWS && request.is_renew_ack;
    let mut told = acknowledge(call, &member, said, renews).await;
    if epoch == FINAL_EPOCH {
        end(&call.context, &member, None).await;
    }
    told.sort_by_key(|(key, _)| *key);
    let mut responses: Vec<ShareAcknowledgeTopicResponse<'_>> = Vec::new();
    for (key, error_code) in told {
        let topic_id = Uuid(key.topic.0);
        let mut data = PartitionData {
            partition_index: key.partition,
            error_code,
            ..PartitionData::default()
        };
        if matches!(
            error_code,
            ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
        ) && let Some(placed) = call.image().partition(key)
        {
            data.current_leader = LeaderIdAndEpoch {
                leader_id: placed.leader,
                leader_epoch: placed.leader_epoch.0,
            };
        }
        match responses.last_mut() {
            Some(topic) if topic.topic_id == topic_id => topic.partitions.push(data),
            _ => responses.push(ShareAcknowledgeTopicResponse {
                topic_id,
                partitions: vec![data],
            }),
        }
    }
    call.respond(&ShareAcknowledgeResponse {
        acquisition_lock_timeout_ms: router.shard.share_config(&member.group).record_lock_ms,
        responses,
        ..ShareAcknowledgeResponse::default()
    })
}

fn refuse(call: &Call, error_code: ErrorCode) -> Result<Response, Unanswerable> {
    call.respond(&ShareAcknowledgeResponse {
        error_code,
        ..ShareAcknowledgeResponse::default()
    })
}

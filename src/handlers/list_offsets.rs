//! ListOffsets (API 2): which offset a time has; earliest, latest and the other special times.
//! Stages: find each partition, ask its owner, gather in request order.

use super::context::{Call, Response, Unanswerable};
use super::said::Said;
use crate::ids::PartitionKey;
use crate::protocol::ErrorCode;
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use crate::shard::message::{Answer, Question};

/// First version whose answer has a leader epoch (KIP-320).
const LEADER_EPOCH_VERSION: i16 = 4;

/// First version that may ask for a time: earliest and latest always could be, the others came
/// one by one (KIP-734, KIP-405, KIP-1005, KIP-1023); no other negative time means anything.
fn first_version(at: i64) -> Option<i16> {
    match at {
        -2.. => Some(1),
        -3 => Some(7),
        -4 => Some(8),
        -5 => Some(9),
        -6 => Some(11),
        _ => None,
    }
}

pub async fn handle(
    call: &Call,
    request: ListOffsetsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let committed = request.isolation_level == 1;
    let mut questions = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    let named = request.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (topic.name.0, partition.partition_index))
    });
    let mut pace = call.pace();
    let mut said = Said::of(named, &mut pace).await;
    for topic in &request.topics {
        let known = image.topic(topic.name.0);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            pace.step().await;
            let index = partition.partition_index;
            // Nobody can tell which of its questions is meant: it is refused, once.
            let Some(twice) = said.take(&(topic.name.0, index)) else {
                continue;
            };
            let key = known
                .filter(|topic| (0..topic.partitions.len() as i64).contains(&i64::from(index)))
                .map(|topic| PartitionKey {
                    topic: topic.id,
                    partition: index,
                });
            let refusal = match key {
                _ if twice => Some(ErrorCode::InvalidRequest),
                _ if first_version(partition.timestamp)
                    .is_none_or(|first| call.version < first) =>
                {
                    Some(ErrorCode::UnsupportedVersion)
                }
                None => Some(ErrorCode::UnknownTopicOrPartition),
                Some(key) => {
                    let question = Question::Offset {
                        at: partition.timestamp,
                        current_leader_epoch: partition.current_leader_epoch,
                        committed,
                    };
                    questions.push((key, question));
                    None
                }
            };
            partitions.push((index, refusal));
        }
        topics.push((topic.name, partitions));
    }
    let mut answers = call.context.router.ask(questions).await.into_iter();
    let mut answered = Vec::with_capacity(topics.len());
    for (name, asked) in topics {
        let mut partitions = Vec::with_capacity(asked.len());
        for (index, refusal) in asked {
            pace.step().await;
            let answer = match refusal {
                Some(code) => Answer::Refused(code),
                None => answers.next().expect("one answer per question"),
            };
            partitions.push(partition_response(index, answer, call.version));
        }
        answered.push(ListOffsetsTopicResponse { name, partitions });
    }
    let response = ListOffsetsResponse {
        topics: answered,
        ..ListOffsetsResponse::default()
    };
    call.respond(&response)
}

fn partition_response(index: i32, answer: Answer, version: i16) -> ListOffsetsPartitionResponse {
    let mut response = ListOffsetsPartitionResponse {
        partition_index: index,
        error_code: ErrorCode::None,
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
    };
    match answer {
        Answer::Offset {
            offset,
            timestamp,
            leader_epoch,
        } => {
            response.offset = offset;
            response.timestamp = timestamp;
            if version >= LEADER_EPOCH_VERSION {
                response.leader_epoch = leader_epoch;
            }
        }
        Answer::Refused(code) => response.error_code = code,
        _ => unreachable!("an offset question has an offset answer"),
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_times_have_their_versions() {
        for (at, first) in [
            (i64::MAX, Some(1)),
            (0, Some(1)),
            (-1, Some(1)),
            (-2, Some(1)),
            (-3, Some(7)),
            (-4, Some(8)),
            (-5, Some(9)),
            (-6, Some(11)),
            (-7, None),
            (i64::MIN, None),
        ] {
            assert_eq!(first_version(at), first, "{at}");
        }
    }
}

//! DescribeTopicPartitions (API 75): topics and their partitions, page by page (KIP-966).
//! Stages: sort the names, go on behind the cursor, stop at the limit.

use super::context::{Call, Response, Unanswerable, uuid};
use super::metadata::TOPIC_OPERATIONS;
use crate::controller::check_name;
use crate::metadata::{Image, PartitionImage, TopicImage, is_internal};
use crate::protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsRequestCursor,
    DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponseCursor,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};

pub async fn handle(
    call: &Call,
    request: DescribeTopicPartitionsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let limit_max = i32::try_from(call.config().response_partitions_max).unwrap_or(i32::MAX);
    let limit = request.response_partition_limit.min(limit_max).max(1);
    call.respond(&describe(&image, &request, limit as usize))
}

fn describe<'r>(
    image: &'r Image,
    request: &'r DescribeTopicPartitionsRequest<'r>,
    limit: usize,
) -> DescribeTopicPartitionsResponse<'r> {
    let cursor = request.cursor.as_ref();
    let from = cursor.map_or("", |cursor| cursor.topic_name.0);
    let is_all = request.topics.is_empty();
    let mut names: Vec<&str> = match is_all {
        true => image.topics_from(from).map(|topic| &*topic.name).collect(),
        false => request.topics.iter().map(|topic| topic.name.0).collect(),
    };
    names.sort_unstable();
    names.dedup();
    let is_lost = |cursor: &DescribeTopicPartitionsRequestCursor<'_>| {
        cursor.partition_index < 0 || !(is_all || names.binary_search(&from).is_ok())
    };
    if cursor.is_some_and(is_lost) {
        return refuse(request);
    }
    names.retain(|name| *name >= from);
    let mut response = DescribeTopicPartitionsResponse::default();
    let mut left = limit;
    for name in names {
        if left == 0 {
            response.next_cursor = Some(next(name, 0));
            break;
        }
        let Some(topic) = image.topic(name) else {
            response.topics.push(unknown(name));
            continue;
        };
        let start = cursor
            .filter(|_| name == from)
            .map_or(0, |cursor| cursor.partition_index);
        let start = (start as usize).min(topic.partitions.len());
        let end = topic.partitions.len().min(start + left);
        left -= end - start;
        response.topics.push(described(topic, start, end));
        if end < topic.partitions.len() {
            response.next_cursor = Some(next(name, end as i32));
            break;
        }
    }
    response
}

/// A cursor that leads nowhere spoils the whole request, which has no error code of its own.
fn refuse<'r>(request: &DescribeTopicPartitionsRequest<'r>) -> DescribeTopicPartitionsResponse<'r> {
    let topics = request.topics.iter().map(|topic| {
        let name = Some(topic.name);
        DescribeTopicPartitionsResponseTopic {
            error_code: ErrorCode::InvalidRequest,
            name,
            ..DescribeTopicPartitionsResponseTopic::default()
        }
    });
    DescribeTopicPartitionsResponse {
        topics: topics.collect(),
        ..DescribeTopicPartitionsResponse::default()
    }
}

fn next(topic: &str, partition_index: i32) -> DescribeTopicPartitionsResponseCursor<'_> {
    DescribeTopicPartitionsResponseCursor {
        topic_name: TopicName(topic),
        partition_index,
    }
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic<'_> {
    let wrong = check_name(name).err().map(|(code, _)| code);
    DescribeTopicPartitionsResponseTopic {
        error_code: wrong.unwrap_or(ErrorCode::UnknownTopicOrPartition),
        name: Some(TopicName(name)),
        is_internal: is_internal(name),
        topic_authorized_operations: TOPIC_OPERATIONS,
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

fn described(
    topic: &TopicImage,
    start: usize,
    end: usize,
) -> DescribeTopicPartitionsResponseTopic<'_> {
    let partitions = topic.partitions[start..end].iter().enumerate();
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None,
        name: Some(TopicName(&topic.name)),
        topic_id: uuid(topic.id),
        is_internal: is_internal(&topic.name),
        partitions: partitions
            .map(|(place, partition)| placed(start + place, partition))
            .collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
    }
}

fn placed(index: usize, partition: &PartitionImage) -> DescribeTopicPartitionsResponsePartition {
    let ids = |brokers: &[i32]| brokers.iter().copied().map(BrokerId).collect();
    DescribeTopicPartitionsResponsePartition {
        error_code: match partition.leader {
            -1 => ErrorCode::LeaderNotAvailable,
            _ => ErrorCode::None,
        },
        partition_index: index as i32,
        leader_id: BrokerId(partition.leader),
        leader_epoch: partition.leader_epoch.0,
        replica_nodes: ids(&partition.replicas),
        isr_nodes: ids(&partition.isr),
        eligible_leader_replicas: Some(ids(&partition.elr)),
        last_known_elr: Some(ids(&partition.last_known_elr)),
        offline_replicas: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicId;
    use crate::protocol::messages::describe_topic_partitions::TopicRequest;

    fn image() -> Image {
        let mut image = Image::empty("cluster", 1);
        for (place, (name, count)) in [("a", 6), ("b", 1), ("c", 4)].into_iter().enumerate() {
            image.put_topic(TopicImage {
                id: TopicId([place as u8 + 1; 16]),
                name: name.into(),
                partitions: vec![PartitionImage::default(); count],
            });
        }
        image
    }

    /// `topic:first..count` for each topic, then where to go on.
    fn page(topics: &[&str], limit: usize, cursor: Option<(&str, i32)>) -> String {
        let image = image();
        let request = DescribeTopicPartitionsRequest {
            topics: topics
                .iter()
                .map(|name| TopicRequest {
                    name: TopicName(name),
                })
                .collect(),
            response_partition_limit: limit as i32,
            cursor: cursor.map(
                |(name, partition_index)| DescribeTopicPartitionsRequestCursor {
                    topic_name: TopicName(name),
                    partition_index,
                },
            ),
        };
        let response = describe(&image, &request, limit);
        let mut shown: Vec<String> = response
            .topics
            .iter()
            .map(|topic| {
                let name = topic.name.expect("a name").0;
                match topic.error_code {
                    ErrorCode::None => {
                        let first = topic.partitions.first();
                        let first = first.map_or(-1, |partition| partition.partition_index);
                        format!("{name}:{first}+{}", topic.partitions.len())
                    }
                    code => format!("{name}:{}", code.code()),
                }
            })
            .collect();
        if let Some(next) = response.next_cursor {
            shown.push(format!(
                "next {}:{}",
                next.topic_name.0, next.partition_index
            ));
        }
        shown.join(" ")
    }

    /// The answers of Apache Kafka 4.3.
    #[test]
    fn pages_end_at_the_limit_and_go_on_at_the_cursor() {
        let all = ["c", "b", "a"];
        assert_eq!(page(&all, 2, None), "a:0+2 next a:2");
        assert_eq!(page(&all, 2, Some(("a", 2))), "a:2+2 next a:4");
        assert_eq!(page(&all, 3, Some(("b", 0))), "b:0+1 c:0+2 next c:2");
        assert_eq!(page(&["a"], 6, None), "a:0+6");
        assert_eq!(page(&["a", "b"], 6, None), "a:0+6 next b:0");
        assert_eq!(page(&["b", "b"], 20, None), "b:0+1");
        assert_eq!(page(&[], 20, None), "a:0+6 b:0+1 c:0+4");
        assert_eq!(page(&[], 20, Some(("b", 0))), "b:0+1 c:0+4");
        assert_eq!(page(&["a", "b"], 20, Some(("a", 40))), "a:-1+0 b:0+1");
    }

    #[test]
    fn what_is_not_there_has_its_own_code() {
        assert_eq!(page(&["b", "none"], 20, None), "b:0+1 none:3");
        assert_eq!(page(&["a b", ""], 20, None), ":17 a b:17");
        assert_eq!(page(&["b", "none"], 1, None), "b:0+1 next none:0");
    }

    #[test]
    fn a_cursor_that_leads_nowhere_is_refused() {
        assert_eq!(page(&["b", "a"], 20, Some(("z", 0))), "b:42 a:42");
        assert_eq!(page(&["b", "a"], 20, Some(("c", 0))), "b:42 a:42");
        assert_eq!(page(&["b", "a"], 20, Some(("a", -1))), "b:42 a:42");
        assert_eq!(page(&["b"], 20, Some(("", 0))), "b:42");
    }
}

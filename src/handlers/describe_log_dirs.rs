//! DescribeLogDirs (API 35): what lies in each log dir of this broker (KIP-113).
//! Stages: choose the partitions, ask their owners, gather by log dir.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::protocol::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::protocol::{ErrorCode, TopicName};
use crate::shard::message::{Answer, Question};
use std::collections::BTreeMap;

pub async fn handle(
    call: &Call,
    request: DescribeLogDirsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    let mut chosen: Vec<(&str, PartitionKey)> = Vec::new();
    for topic in image.topics() {
        for index in 0..topic.partitions.len() as i32 {
            let wanted = request.topics.as_ref().is_none_or(|topics| {
                let asked = topics.iter().filter(|asked| *asked.topic == *topic.name);
                asked
                    .flat_map(|asked| &asked.partitions)
                    .any(|partition| *partition == index)
            });
            if wanted {
                chosen.push((
                    &topic.name,
                    PartitionKey {
                        topic: topic.id,
                        partition: index,
                    },
                ));
            }
        }
    }
    let questions = chosen
        .iter()
        .map(|(_, key)| (*key, Question::Describe))
        .collect();
    let answers = call.context.router.ask(questions).await;
    let mut by_dir: BTreeMap<String, BTreeMap<&str, Vec<DescribeLogDirsPartition>>> =
        BTreeMap::new();
    for ((topic, key), answer) in chosen.into_iter().zip(answers) {
        // A partition that is just going is in no log dir.
        let Answer::Described {
            directory,
            bytes,
            offset_lag,
            ..
        } = answer
        else {
            continue;
        };
        let topics = by_dir.entry(directory).or_default();
        topics
            .entry(topic)
            .or_default()
            .push(DescribeLogDirsPartition {
                partition_index: key.partition,
                partition_size: bytes,
                offset_lag,
                is_future_key: false,
            });
    }
    let mut dirs = Vec::new();
    for dir in call.context.router.shard.dirs() {
        let space = call.context.router.shard.runtime.space(&dir.path).await;
        dirs.push((dir.path.display().to_string(), dir.journal.failed(), space));
    }
    let results = dirs.iter().map(|(path, failed, space)| {
        let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let topics = by_dir.remove(path).unwrap_or_default().into_iter();
        DescribeLogDirsResult {
            error_code: match failed {
                Some(_) => ErrorCode::KafkaStorageError,
                None => ErrorCode::None,
            },
            log_dir: path,
            topics: topics
                .map(|(name, partitions)| DescribeLogDirsTopic {
                    name: TopicName(name),
                    partitions,
                })
                .collect(),
            total_bytes: space.map_or(-1, |(total, _)| bytes(total)),
            usable_bytes: space.map_or(-1, |(_, usable)| bytes(usable)),
            is_cordoned: false,
        }
    });
    call.respond(&DescribeLogDirsResponse {
        results: results.collect(),
        ..DescribeLogDirsResponse::default()
    })
}

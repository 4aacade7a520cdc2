//! AlterReplicaLogDirs (API 34): replicas of this broker go to other log dirs (KIP-113).
//! Stages: look at each log dir; ask each replica's owner; remember those that do not exist yet.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::metadata::Image;
use crate::protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};
use crate::protocol::{ErrorCode, TopicName};
use crate::shard::message::{Answer, Question};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What becomes of one replica, by topic and number.
type Outcomes<'a> = BTreeMap<(&'a str, i32), ErrorCode>;

pub async fn handle(
    call: &Call,
    request: AlterReplicaLogDirsRequest<'_>,
) -> Result<Response, Unanswerable> {
    // Of a replica that comes twice the last log dir counts.
    let mut wanted: BTreeMap<(&str, i32), &str> = BTreeMap::new();
    for dir in &request.dirs {
        for topic in &dir.topics {
            for partition in &topic.partitions {
                wanted.insert((topic.name.0, *partition), dir.path);
            }
        }
    }
    let outcomes = outcomes(call, &wanted).await;
    let mut results: Vec<AlterReplicaLogDirTopicResult<'_>> = Vec::new();
    for ((topic, partition_index), error_code) in outcomes {
        let partition = AlterReplicaLogDirPartitionResult {
            partition_index,
            error_code,
        };
        match results.last_mut() {
            Some(last) if last.topic_name.0 == topic => last.partitions.push(partition),
            _ => results.push(AlterReplicaLogDirTopicResult {
                topic_name: TopicName(topic),
                partitions: vec![partition],
            }),
        }
    }
    let response = AlterReplicaLogDirsResponse {
        results,
        ..AlterReplicaLogDirsResponse::default()
    };
    call.respond(&response)
}

async fn outcomes<'a>(call: &Call, wanted: &BTreeMap<(&'a str, i32), &str>) -> Outcomes<'a> {
    let router = &call.context.router;
    let image = call.image();
    let mut outcomes = Outcomes::new();
    let (mut asked, mut questions, mut preferences) = (Vec::new(), Vec::new(), Vec::new());
    for (name, path) in wanted {
        let path = PathBuf::from(path);
        if let Err(code) = router.shard.usable_dir(&path) {
            outcomes.insert(*name, code);
            continue;
        }
        match key_of(&image, *name) {
            Some(key) => {
                asked.push((*name, path.clone()));
                questions.push((key, Question::MoveTo { dir: path }));
            }
            None => {
                preferences.push((name.0.into(), name.1, path));
                outcomes.insert(*name, ErrorCode::UnknownTopicOrPartition);
            }
        }
    }
    let answers = router.ask(questions).await;
    for ((name, path), answer) in asked.into_iter().zip(answers) {
        let code = match answer {
            Answer::Moving => ErrorCode::None,
            // It is being made at this moment.
            Answer::Refused(ErrorCode::UnknownTopicOrPartition) => {
                preferences.push((name.0.into(), name.1, path));
                ErrorCode::ReplicaNotAvailable
            }
            Answer::Refused(code) => code,
            _ => unreachable!("a move is answered as one"),
        };
        outcomes.insert(name, code);
    }
    if !preferences.is_empty() {
        router.prefer_dirs(preferences).await;
    }
    outcomes
}

fn key_of(image: &Image, (topic, partition): (&str, i32)) -> Option<PartitionKey> {
    let topic = image.topic(topic)?;
    let known = usize::try_from(partition).is_ok_and(|index| index < topic.partitions.len());
    known.then_some(PartitionKey {
        topic: topic.id,
        partition,
    })
}

//! DescribeShareGroupOffsets (API 90): how far share groups have read, and how much is left
//! (KIP-932, KIP-1226).
//! Stages: which partitions, from the group's coordinator when all are asked for; what is written
//! of each; where each ends; answered in order.

use super::context::{Call, Response, Unanswerable, uuid};
use super::coordinated::coordinate;
use super::share::is_on;
use crate::coordinator::Kind;
use crate::coordinator::share::wire::{self, Asked, Said, Summary};
use crate::coordinator::share::{self, UNINITIALIZED};
use crate::ids::PartitionKey;
use crate::protocol::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup as AskedGroup,
    DescribeShareGroupOffsetsResponse, DescribeShareGroupOffsetsResponseGroup as DescribedGroup,
    DescribeShareGroupOffsetsResponsePartition as DescribedPartition,
    DescribeShareGroupOffsetsResponseTopic as DescribedTopic,
};
use crate::protocol::{ErrorCode, Reader, TopicName, Uuid};
use crate::shard::message::{Answer, Question};

/// A topic's partitions as asked for.
type Wanted = Vec<(String, Vec<i32>)>;

/// One partition's answer.
struct Described {
    index: i32,
    start: i64,
    leader_epoch: i32,
    lag: i64,
    error: ErrorCode,
}

/// A group's topics with their ids, or why there are none.
type Told = Result<Vec<(String, Uuid, Vec<Described>)>, ErrorCode>;

const LATEST: i64 = -1;

pub async fn handle(
    call: &Call,
    request: DescribeShareGroupOffsetsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut told: Vec<Told> = Vec::with_capacity(request.groups.len());
    for group in &request.groups {
        told.push(match is_on(call) {
            true => describe(call, group).await,
            false => Err(ErrorCode::UnsupportedVersion),
        });
    }
    let groups = request.groups.iter().zip(&told).map(|(group, told)| {
        let topics = told.as_ref().map(Vec::as_slice).unwrap_or_default();
        DescribedGroup {
            group_id: group.group_id,
            topics: topics
                .iter()
                .map(|(name, topic_id, partitions)| DescribedTopic {
                    topic_name: TopicName(name),
                    topic_id: *topic_id,
                    partitions: partitions.iter().map(described).collect(),
                })
                .collect(),
            error_code: told.as_ref().err().copied().unwrap_or(ErrorCode::None),
            error_message: None,
        }
    });
    let response = DescribeShareGroupOffsetsResponse {
        groups: groups.collect(),
        ..DescribeShareGroupOffsetsResponse::default()
    };
    call.respond(&response)
}

fn described<'a>(one: &Described) -> DescribedPartition<'a> {
    DescribedPartition {
        partition_index: one.index,
        start_offset: one.start,
        leader_epoch: one.leader_epoch,
        lag: one.lag,
        error_code: one.error,
        error_message: None,
    }
}

async fn describe(call: &Call, group: &AskedGroup<'_>) -> Told {
    let wanted = match &group.topics {
        Some(topics) => topics
            .iter()
            .map(|topic| (topic.topic_name.0.to_owned(), topic.partitions.clone()))
            .collect(),
        None => all(call, group).await?,
    };
    let image = call.image();
    let mut told = Vec::with_capacity(wanted.len());
    for (name, indexes) in wanted {
        let Some(topic) = image.topic(&name) else {
            let nothing = indexes.iter().map(|index| Described {
                index: *index,
                start: UNINITIALIZED,
                leader_epoch: 0,
                lag: -1,
                error: ErrorCode::None,
            });
            told.push((name, Uuid::ZERO, nothing.collect()));
            continue;
        };
        let mut partitions = Vec::with_capacity(indexes.len());
        for index in indexes {
            let key = PartitionKey {
                topic: topic.id,
                partition: index,
            };
            partitions.push(one(call, group.group_id.0, key).await);
        }
        told.push((name, uuid(topic.id), partitions));
    }
    Ok(told)
}

/// Every partition of the group that has a state.
async fn all(call: &Call, group: &AskedGroup<'_>) -> Result<Wanted, ErrorCode> {
    let part = DescribeShareGroupOffsetsRequest {
        groups: vec![group.clone()],
    };
    let body = coordinate(call, Kind::Group, group.group_id.0, &part).await?;
    let told =
        DescribeShareGroupOffsetsResponse::decode(&mut Reader::over_answer(&body), call.version);
    let told = told.map_err(|_| ErrorCode::UnknownServerError)?;
    let topics = told
        .groups
        .first()
        .into_iter()
        .flat_map(|group| &group.topics);
    let topics = topics.map(|topic| {
        let indexes = topic
            .partitions
            .iter()
            .map(|partition| partition.partition_index);
        (topic.topic_name.0.to_owned(), indexes.collect())
    });
    Ok(topics.collect())
}

async fn one(call: &Call, group: &str, key: PartitionKey) -> Described {
    let router = &call.context.router;
    let asked = Asked::Summary;
    let request = wire::request(group, key, &asked);
    let answer = router
        .coordinate_share(&share::key(group, key), request)
        .await;
    let summary = match wire::said(&asked, &answer) {
        Ok(Said::Summary(summary)) => summary,
        _ => Summary::default(),
    };
    let mut described = Described {
        index: key.partition,
        start: summary.start,
        leader_epoch: summary.leader_epoch,
        lag: -1,
        error: ErrorCode::None,
    };
    if summary.start == UNINITIALIZED || summary.complete < 0 {
        return described;
    }
    let latest = Question::Offset {
        at: LATEST,
        current_leader_epoch: -1,
        committed: false,
    };
    match router.ask(vec![(key, latest)]).await.pop() {
        Some(Answer::Offset { offset, .. }) => {
            described.lag = offset - summary.start - i64::from(summary.complete);
        }
        Some(Answer::Refused(code)) => {
            described.error = code;
            (described.start, described.leader_epoch, described.lag) = (0, 0, -1);
        }
        _ => described.error = ErrorCode::UnknownServerError,
    }
    described
}

//! Produce (API 0): append record batches and acknowledge them.
//! Stages: decode and split in the order of the connection, append on each owner, gather.

use super::context::{Call, Response, Unanswerable};
use super::{Started, leader_hint, transactional};
use crate::ids::{Offset, PartitionKey, TopicId};
use crate::io::Slice;
use crate::metadata::{Image, TopicImage, is_internal};
use crate::partition::{Origin, Terms};
use crate::protocol::messages::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
};
use crate::protocol::produce::{ProduceResponseWriter, ProduceView};
use crate::protocol::record_batch::REFUSED_RECORDS_MAX;
use crate::protocol::topic_cursor::TopicRef;
use crate::protocol::{ErrorCode, Reader, TopicName, Uuid};
use crate::shard::message::{ProduceAnswer, ProducePart};
use std::sync::Arc;

/// First version that may carry zstd (KIP-110).
const ZSTD_VERSION: i16 = 7;

/// First version that tells where the leader is (KIP-951).
const LEADER_HINT_VERSION: i16 = 10;

/// One partition of the request, in its order.
struct Asked {
    /// Its topic's place in the list of topics.
    topic: usize,
    index: i32,
    outcome: Outcome,
}

enum Outcome {
    /// Refused before any owner was asked.
    Refused(ErrorCode),
    /// Its place among the parts that were sent.
    Sent(usize),
}

/// A topic of the request, as the response names it.
struct AskedTopic {
    name: String,
    id: Uuid,
    partitions: usize,
}

pub fn start(call: Call, body: Slice) -> Started {
    match begin(call, body) {
        Ok(started) => started,
        Err(error) => Started::Done(Err(error)),
    }
}

fn begin(call: Call, body: Slice) -> Result<Started, Unanswerable> {
    let mut reader = Reader::new(&body);
    let request = ProduceView::decode(&mut reader, call.version)?;
    let acks = request.acks;
    let image = call.image();
    let mut records = request
        .partitions()
        .filter_map(|partition| partition.records);
    let is_transactional = records.any(transactional::is_transactional);
    let refusal = match acks {
        -1..=1 if is_transactional && request.transactional_id.is_none() => {
            Some(ErrorCode::TransactionalIdAuthorizationFailed)
        }
        -1..=1 => None,
        _ => Some(ErrorCode::InvalidRequiredAcks),
    };
    let mut named = Vec::new();
    let mut asked = Vec::with_capacity(request.partition_count);
    let mut topics: Vec<AskedTopic> = Vec::new();
    let mut parts = Vec::with_capacity(request.partition_count);
    for partition in request.partitions() {
        let TopicRef { name, id } = partition.topic;
        match topics.last_mut() {
            Some(last) if last.name == name.0 && last.id == id => last.partitions += 1,
            _ => topics.push(AskedTopic {
                name: name.0.to_owned(),
                id,
                partitions: 1,
            }),
        }
        let topic = find(&image, name.0, TopicId(id.0));
        let key = topic.and_then(|topic| key(topic, partition.index));
        let outcome = match (refusal, key, partition.records) {
            (Some(code), _, _) => Outcome::Refused(code),
            // Only their coordinators write there: what they know is what the log says.
            _ if topic.is_some_and(|topic| is_internal(&topic.name)) => {
                Outcome::Refused(ErrorCode::InvalidTopicException)
            }
            (None, Some(key), Some(_)) => {
                let records = body.range(partition.range.start, partition.range.end);
                let owner = call.context.router.owner(key);
                call.context.traffic.count(owner, records.len());
                if let (true, Some(topic)) = (is_transactional, topic) {
                    named.push((topic.name.clone(), partition.index));
                }
                parts.push(ProducePart {
                    key,
                    records,
                    guard: None,
                });
                Outcome::Sent(parts.len() - 1)
            }
            (None, Some(_), None) => Outcome::Refused(ErrorCode::InvalidRecord),
            (None, None, _) if !id.is_zero() && topic.is_none() => {
                Outcome::Refused(ErrorCode::UnknownTopicId)
            }
            (None, None, _) => Outcome::Refused(ErrorCode::UnknownTopicOrPartition),
        };
        asked.push(Asked {
            topic: topics.len() - 1,
            index: partition.index,
            outcome,
        });
    }
    let runtime = &call.context.router.shard.runtime;
    let terms = Terms {
        acks,
        zstd_allowed: call.version >= ZSTD_VERSION,
        now: runtime.wall(),
        deadline: runtime.now().plus_ms(i64::from(request.timeout_ms)),
        origin: Origin::CLIENT,
    };
    if let (true, Some(transactional_id)) = (is_transactional, request.transactional_id) {
        let transactional_id = transactional_id.0.to_owned();
        let producing = transactional::Produce::begin(&call, transactional_id, named, parts, terms);
        return Ok(Started::Later(Box::pin(async move {
            let answers = producing.finish(&call).await;
            if acks == 0 {
                return no_response(&asked, &answers);
            }
            respond(&call, &topics, &asked, &answers)
        })));
    }
    // From here on everything is in its owner's order, or on its way there.
    let appending = call.context.router.produce(parts, terms);
    Ok(Started::Later(Box::pin(async move {
        let answers = appending.await;
        if acks == 0 {
            return no_response(&asked, &answers);
        }
        respond(&call, &topics, &asked, &answers)
    })))
}

fn find<'i>(image: &'i Image, name: &str, id: TopicId) -> Option<&'i Arc<TopicImage>> {
    if id == TopicId::ZERO {
        image.topic(name)
    } else {
        image.topic_by_id(id)
    }
}

fn key(topic: &TopicImage, index: i32) -> Option<PartitionKey> {
    let known = usize::try_from(index).is_ok_and(|index| index < topic.partitions.len());
    known.then_some(PartitionKey {
        topic: topic.id,
        partition: index,
    })
}

/// With acks=0 nobody reads an error: the connection is closed, as Kafka does, so that the client
/// fetches new metadata.
fn no_response(asked: &[Asked], answers: &[ProduceAnswer]) -> Result<Response, Unanswerable> {
    for asked in asked {
        let code = match asked.outcome {
            Outcome::Refused(code) => code,
            Outcome::Sent(place) => answers[place].error,
        };
        if code != ErrorCode::None {
            return Err(Unanswerable::Unacknowledged(code));
        }
    }
    Ok(Vec::new())
}

fn respond(
    call: &Call,
    topics: &[AskedTopic],
    asked: &[Asked],
    answers: &[ProduceAnswer],
) -> Result<Response, Unanswerable> {
    let refused = |error| ProduceAnswer {
        error,
        base_offset: Offset(-1),
        log_append_time: -1,
        log_start_offset: Offset(-1),
        record_errors: Vec::new(),
        message: None,
        unverified: None,
    };
    let mut out = Vec::with_capacity(64 + asked.len() * 48);
    let mut writer =
        ProduceResponseWriter::new(&mut out, call.version, call.correlation_id, topics.len());
    let image = call.image();
    let mut leaders = Vec::new();
    let (mut opened, mut untold) = (0, REFUSED_RECORDS_MAX);
    for asked in asked {
        if asked.topic == opened {
            let AskedTopic {
                name,
                id,
                partitions,
            } = &topics[opened];
            writer.topic(
                TopicRef {
                    name: TopicName(name),
                    id: *id,
                },
                *partitions,
            )?;
            opened += 1;
        }
        match asked.outcome {
            Outcome::Refused(code) => {
                writer.partition(&partition_response(asked.index, &refused(code)))?;
            }
            Outcome::Sent(place) => {
                let mut answered = borrowed_response(asked.index, &answers[place], &mut untold);
                if answered.error_code == ErrorCode::NotLeaderOrFollower
                    && call.version >= LEADER_HINT_VERSION
                {
                    let topic = &topics[asked.topic];
                    let topic = find(&image, &topic.name, TopicId(topic.id.0));
                    answered.current_leader = current_leader(&image, topic, asked.index);
                    leaders.push(answered.current_leader.leader_id);
                }
                writer.partition(&answered)?;
            }
        }
    }
    let nodes = leader_hint::endpoints(call, &image, leaders, |node_id, host, port, rack| {
        NodeEndpoint {
            node_id,
            host,
            port,
            rack,
        }
    });
    writer.finish(0, &nodes)?;
    Ok(vec![Slice::from(out)])
}

fn current_leader(
    image: &Image,
    topic: Option<&Arc<TopicImage>>,
    partition: i32,
) -> LeaderIdAndEpoch {
    let key = PartitionKey {
        topic: topic.map_or(TopicId::ZERO, |topic| topic.id),
        partition,
    };
    let (leader_id, leader_epoch) = leader_hint::leader_of(image, key);
    LeaderIdAndEpoch {
        leader_id,
        leader_epoch,
    }
}

fn partition_response<'a>(index: i32, answer: &ProduceAnswer) -> PartitionProduceResponse<'a> {
    PartitionProduceResponse {
        index,
        error_code: answer.error,
        base_offset: answer.base_offset.0,
        log_append_time_ms: answer.log_append_time,
        log_start_offset: answer.log_start_offset.0,
        ..PartitionProduceResponse::default()
    }
}

/// `untold`: of so many records the answer may still tell what is wrong with them.
fn borrowed_response<'a>(
    index: i32,
    answer: &'a ProduceAnswer,
    untold: &mut usize,
) -> PartitionProduceResponse<'a> {
    let mut response = partition_response(index, answer);
    response.error_message = answer.message.as_deref();
    let told = answer.record_errors.len().min(*untold);
    *untold -= told;
    let errors = answer.record_errors[..told].iter();
    response.record_errors = errors
        .map(|record| BatchIndexAndErrorMessage {
            batch_index: record.index,
            batch_index_error_message: Some(record.why.text()),
        })
        .collect();
    response
}

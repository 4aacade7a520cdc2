//! What a request brings must fit into a record: `max.message.bytes` of the internal topic.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine, before it looks at a request any further.
//! Never:      weighs what the coordinator makes of it, as assignments: that is written whatever
//!             it takes, and is bounded by what there is in the cluster.
//!
//! Kafka refuses such a request with the same code when its log refuses the record. Here nothing
//! was changed by then, so nobody else hears of it.

use super::decode;
use crate::coordinator::{Request, encoded};
use crate::protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use crate::protocol::messages::join_group::JoinGroupRequest;
use crate::protocol::messages::streams_group_heartbeat::StreamsGroupHeartbeatRequest;
use crate::protocol::{ApiKey, ErrorCode, Message};

/// # Errors
/// When a request says more than one record of so many bytes can hold.
pub fn weigh(request: &Request, bytes_max: usize) -> Result<(), ErrorCode> {
    if request.body.len() <= bytes_max {
        return Ok(());
    }
    let bytes = match request.api {
        ApiKey::JoinGroup => {
            let asked: JoinGroupRequest<'_> = decode(request)?;
            let protocols = asked.protocols.iter();
            protocols.map(|p| p.metadata.len()).max().unwrap_or(0)
        }
        ApiKey::ConsumerGroupHeartbeat => {
            let asked: ConsumerGroupHeartbeatRequest<'_> = decode(request)?;
            let words = ConsumerGroupHeartbeatRequest {
                topic_partitions: None,
                ..asked
            };
            size(&words, request)
        }
        ApiKey::ShareGroupHeartbeat => request.body.len(),
        ApiKey::StreamsGroupHeartbeat => {
            let asked: StreamsGroupHeartbeatRequest<'_> = decode(request)?;
            let words = StreamsGroupHeartbeatRequest {
                active_tasks: None,
                standby_tasks: None,
                warmup_tasks: None,
                task_offsets: None,
                task_end_offsets: None,
                ..asked
            };
            size(&words, request)
        }
        // What others bring is in many records, or is weighed where it becomes one.
        _ => 0,
    };
    if bytes <= bytes_max {
        return Ok(());
    }
    tracing::info!(
        client = request.client.id, api = ?request.api, bytes, bytes_max,
        "a group member says more than max.message.bytes of __consumer_offsets; it is refused"
    );
    Err(ErrorCode::UnknownServerError)
}

fn size<'r>(words: &impl Message<'r>, request: &Request) -> usize {
    encoded(words, request.version).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use super::*;
    use crate::coordinator::Token;
    use crate::protocol::messages::consumer_group_heartbeat as consumer;
    use crate::protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
    use crate::protocol::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponse};
    use crate::protocol::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
    use crate::protocol::messages::streams_group_heartbeat as streams;
    use crate::protocol::messages::sync_group::SyncGroupRequest;
    use crate::protocol::{GroupId, Reader, TopicName, Uuid};

    const BYTES_MAX: usize = 2_000;

    fn bench() -> Bench {
        let mut bench = Bench::new();
        bench.record_bytes_max = BYTES_MAX;
        bench
    }

    fn consumer<'a>(names: Vec<TopicName<'a>>) -> ConsumerGroupHeartbeatRequest<'a> {
        ConsumerGroupHeartbeatRequest {
            group_id: GroupId("c"),
            member_id: "m",
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(names),
            topic_partitions: Some(Vec::new()),
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    /// A static member's.
    fn join(metadata: &[u8]) -> JoinGroupRequest<'_> {
        JoinGroupRequest {
            group_id: GroupId("g"),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            group_instance_id: Some("i"),
            protocol_type: "other",
            protocols: vec![JoinGroupRequestProtocol {
                name: "range",
                metadata,
            }],
            ..JoinGroupRequest::default()
        }
    }

    fn joined(bench: &mut Bench, token: Token) -> (ErrorCode, String) {
        let body = bench.answer(token).expect("answered");
        let told = JoinGroupResponse::decode(&mut Reader::new(&body), 9).expect("whole");
        (told.error_code, told.member_id.to_owned())
    }

    /// Goal: whoever says more than a record holds is refused before anything changes.
    #[test]
    fn who_says_too_much_is_refused() {
        let mut bench = bench();
        let names: Vec<String> = (0..300).map(|number| format!("topic-{number}")).collect();
        let names: Vec<TopicName<'_>> = names.iter().map(|name| TopicName(name)).collect();
        let share = ShareGroupHeartbeatRequest {
            group_id: GroupId("s"),
            member_id: "m",
            subscribed_topic_names: Some(names.clone()),
            ..ShareGroupHeartbeatRequest::default()
        };
        let stream = StreamsGroupHeartbeatRequest {
            group_id: GroupId("k"),
            member_id: "m",
            rebalance_timeout_ms: 60_000,
            topology: Some(streams::Topology {
                subtopologies: vec![streams::Subtopology {
                    subtopology_id: "0",
                    source_topics: names.clone(),
                    ..streams::Subtopology::default()
                }],
                ..streams::Topology::default()
            }),
            active_tasks: Some(Vec::new()),
            standby_tasks: Some(Vec::new()),
            warmup_tasks: Some(Vec::new()),
            ..StreamsGroupHeartbeatRequest::default()
        };
        for token in [
            bench.ask(ApiKey::ConsumerGroupHeartbeat, 1, &consumer(names)),
            bench.ask(ApiKey::ShareGroupHeartbeat, 1, &share),
            bench.ask(ApiKey::StreamsGroupHeartbeat, 0, &stream),
            bench.ask(ApiKey::JoinGroup, 9, &join(&[7; BYTES_MAX + 1])),
        ] {
            let refused = Some(Err(ErrorCode::UnknownServerError));
            assert_eq!(bench.outcome(token), refused, "{token:?}");
        }
        assert_eq!(bench.log, [], "nothing is written");
    }

    /// Goal: what a member has does not count, which the coordinator gave it.
    #[test]
    fn who_has_much_may_say_so() {
        let mut bench = bench();
        let names = || vec![TopicName("t")];
        let token = bench.ask(ApiKey::ConsumerGroupHeartbeat, 1, &consumer(names()));
        assert!(matches!(bench.outcome(token), Some(Ok(_))));
        let request = ConsumerGroupHeartbeatRequest {
            member_epoch: 1,
            topic_partitions: Some(vec![
                consumer::ConsumerGroupHeartbeatRequestTopicPartitions {
                    topic_id: Uuid([7; 16]),
                    partitions: (0..4).cycle().take(BYTES_MAX).collect(),
                },
            ]),
            ..consumer(names())
        };
        let token = bench.ask(ApiKey::ConsumerGroupHeartbeat, 1, &request);
        assert!(matches!(bench.outcome(token), Some(Ok(_))));
    }

    /// Goal: a static member that comes back with more than its group's record holds is refused,
    /// and its place is as it was.
    #[test]
    fn a_static_member_comes_back_with_too_much() {
        let mut bench = bench();
        let token = bench.ask(ApiKey::JoinGroup, 9, &join(b"little"));
        bench.pass(3_000);
        let (code, member) = joined(&mut bench, token);
        assert_eq!(code, ErrorCode::None);
        let sync = SyncGroupRequest {
            group_id: GroupId("g"),
            generation_id: 1,
            member_id: &member,
            group_instance_id: Some("i"),
            ..SyncGroupRequest::default()
        };
        let token = bench.ask(ApiKey::SyncGroup, 3, &sync);
        assert!(bench.answer(token).is_some());
        let written = bench.log.len();
        let token = bench.ask(ApiKey::JoinGroup, 9, &join(&[7; BYTES_MAX - 500]));
        let (code, _) = joined(&mut bench, token);
        assert_eq!(code, ErrorCode::UnknownServerError);
        assert_eq!(bench.log.len(), written);
        let heartbeat = HeartbeatRequest {
            group_id: GroupId("g"),
            generation_id: 1,
            member_id: &member,
            group_instance_id: Some("i"),
        };
        let token = bench.ask(ApiKey::Heartbeat, 3, &heartbeat);
        let body = bench.answer(token).expect("answered");
        let told = HeartbeatResponse::decode(&mut Reader::new(&body), 3).expect("whole");
        assert_eq!(
            told.error_code,
            ErrorCode::None,
            "the old one is still there"
        );
        let token = bench.ask(ApiKey::JoinGroup, 9, &join(b"as little"));
        assert_eq!(joined(&mut bench, token).0, ErrorCode::None);
    }
}

//! The bytes of a Fetch answer: headers are written, records go along as they lie in memory.
//!
//! Room:       `handlers`.
//! Called by:  `fetch`.
//! Never:      copies records, but for pieces so small that sending them apart costs more.

use super::context::{Call, Response, Unanswerable, uuid};
use super::fetch::Answered;
use super::leader_hint;
use crate::ids::{Offset, PartitionKey, TopicId};
use crate::io::Slice;
use crate::metadata::Image;
use crate::protocol::fetch::{FetchResponseHead, FetchResponseWriter, Piece};
use crate::protocol::messages::fetch::{
    AbortedTransaction, EpochEndOffset, FetchResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use crate::protocol::topic_cursor::TopicRef;
use crate::protocol::{ErrorCode, ProducerId, TopicName};

/// Records of one partition below this size are copied between the headers: one buffer less to
/// hand to the kernel is worth more than the copy.
const COPY_BYTES_MAX: usize = 4 << 10;

/// First version that tells where the leader is (KIP-951).
const LEADER_HINT_VERSION: i16 = 16;

/// A request that failed as a whole.
pub(super) fn refuse(call: &Call, error_code: ErrorCode) -> Result<Response, Unanswerable> {
    call.respond(&FetchResponse {
        error_code,
        ..FetchResponse::default()
    })
}

pub(super) fn encode(
    call: &Call,
    session_id: i32,
    answered: &[&Answered],
) -> Result<Response, Unanswerable> {
    let topics = topic_runs(answered);
    let mut out = Vec::with_capacity(64 + answered.len() * 80);
    let mut pieces = Vec::new();
    let head = FetchResponseHead {
        session_id,
        ..FetchResponseHead::default()
    };
    let mut writer = FetchResponseWriter::new(
        &mut out,
        &mut pieces,
        call.version,
        call.correlation_id,
        head,
        topics.len(),
    );
    let image = call.image();
    let mut leaders = Vec::new();
    // Where each records piece comes from.
    let mut sources = Vec::new();
    let mut small = Vec::new();
    let mut left = answered;
    for count in topics {
        let (topic, rest) = left.split_at(count);
        left = rest;
        let wanted = &topic[0].wanted;
        let name = TopicRef {
            name: TopicName(&wanted.topic),
            id: uuid(wanted.topic_id),
        };
        writer.topic(name, count)?;
        for one in topic {
            let mut data = partition(one);
            if call.version >= LEADER_HINT_VERSION && is_stale(one) {
                data.current_leader = current_leader(&image, one);
                leaders.push(data.current_leader.leader_id);
            }
            if one.answer.bytes > COPY_BYTES_MAX {
                writer.partition_apart(&data, one.answer.bytes)?;
                sources.push(&one.answer.records);
                continue;
            }
            small.clear();
            one.answer
                .records
                .iter()
                .for_each(|slice| small.extend_from_slice(slice));
            data.records = Some(&small);
            writer.partition(&data)?;
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
    writer.finish(&nodes)?;
    let out = Slice::from(out);
    let mut response = Vec::with_capacity(pieces.len() + sources.len());
    for piece in pieces {
        match piece {
            Piece::Bytes(range) => response.push(out.range(range.start, range.end)),
            Piece::Records { index, .. } => response.extend(sources[index].iter().cloned()),
        }
    }
    Ok(response)
}

/// Lengths of the runs of partitions that share a topic.
fn topic_runs(answered: &[&Answered]) -> Vec<usize> {
    let same = |a: &Answered, b: &Answered| {
        a.wanted.topic_id == b.wanted.topic_id && a.wanted.topic == b.wanted.topic
    };
    answered
        .chunk_by(|a, b| same(a, b))
        .map(<[_]>::len)
        .collect()
}

/// Told to who reads committed records only; null to others, and none where no log was asked.
fn aborted(one: &Answered) -> Option<Vec<AbortedTransaction>> {
    let aborted = one.answer.aborted.as_ref()?.iter();
    let told = aborted.map(|aborted| AbortedTransaction {
        producer_id: ProducerId(aborted.producer_id),
        first_offset: aborted.first_offset.0,
    });
    Some(told.collect())
}

/// Whether the client should ask another broker, or with another epoch.
fn is_stale(one: &Answered) -> bool {
    let code = one.answer.error;
    code == ErrorCode::NotLeaderOrFollower || code == ErrorCode::FencedLeaderEpoch
}

fn current_leader(image: &Image, one: &Answered) -> LeaderIdAndEpoch {
    let topic = match one.wanted.topic_id {
        TopicId::ZERO => image.topic(&one.wanted.topic).map(|topic| topic.id),
        id => Some(id),
    };
    let key = PartitionKey {
        topic: topic.unwrap_or(TopicId::ZERO),
        partition: one.wanted.partition,
    };
    let (leader_id, leader_epoch) = leader_hint::leader_of(image, key);
    LeaderIdAndEpoch {
        leader_id,
        leader_epoch,
    }
}

fn partition<'a>(one: &Answered) -> PartitionData<'a> {
    // An error tells no marks, as Kafka's does not: they would be of a log that was not read.
    let view = one
        .answer
        .view
        .filter(|_| one.answer.error == ErrorCode::None);
    let mark = |mark: Option<Offset>| mark.map_or(-1, |offset| offset.0);
    let mut data = PartitionData {
        partition_index: one.wanted.partition,
        error_code: one.answer.error,
        high_watermark: mark(view.map(|view| view.high_watermark)),
        last_stable_offset: mark(view.map(|view| view.last_stable_offset)),
        log_start_offset: mark(view.map(|view| view.log_start_offset)),
        aborted_transactions: aborted(one),
        ..PartitionData::default()
    };
    if let Some((epoch, end_offset)) = one.answer.diverging {
        data.diverging_epoch = EpochEndOffset {
            epoch: epoch.0,
            end_offset: end_offset.0,
        };
    }
    data
}

#[cfg(test)]
mod tests {
    use super::super::fetch_session::Wanted;
    use super::*;
    use crate::ids::LeaderEpoch;
    use crate::partition::LeaderView;
    use crate::shard::message::{Behind, FetchAnswer};

    fn answered(error: ErrorCode) -> Answered {
        Answered {
            wanted: Wanted {
                topic: "t".into(),
                topic_id: TopicId::ZERO,
                partition: 7,
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
                from: Offset(500),
                bytes_max: 1,
                sent: None,
            },
            answer: FetchAnswer {
                error,
                view: Some(LeaderView {
                    high_watermark: Offset(42),
                    last_stable_offset: Offset(41),
                    log_start_offset: Offset(3),
                    leader_epoch: LeaderEpoch(0),
                }),
                diverging: None,
                records: Vec::new(),
                bytes: 0,
                behind: Behind::Nothing,
                aborted: None,
            },
        }
    }

    #[test]
    fn an_error_tells_no_marks() {
        for (error, marks) in [
            (ErrorCode::None, (42, 41, 3)),
            (ErrorCode::OffsetOutOfRange, (-1, -1, -1)),
        ] {
            let answered = answered(error);
            let told = partition(&answered);
            let seen = (
                told.high_watermark,
                told.last_stable_offset,
                told.log_start_offset,
            );
            assert_eq!((told.error_code, seen), (error, marks));
        }
    }
}

//! Produce, the way it is hot: the request is walked in place, its records stay where they are,
//! and the response is written as it becomes known.
//!
//! Room:       `protocol`.
//! Called by:  `handlers::produce`.
//! Never:      allocates for a topic or a partition, or looks into records.
//!
//! Always true:
//!   - a `ProduceView` was checked to its end, so its iterator cannot fail half-way.

use std::ops::Range;

use crate::header::{begin_response, end_frame};
use crate::messages::produce::{NodeEndpoint, PartitionProduceResponse};
use crate::primitive::{DecodeError, EncodeError, Reader, Writer};
use crate::topic_cursor::{NAMES_UP_TO, TopicCursor, TopicRef};
use crate::{ApiKey, TransactionalId};

/// A Produce request of any version, still in its frame.
#[derive(Clone, Copy, Debug)]
pub struct ProduceView<'a> {
    pub transactional_id: Option<TransactionalId<'a>>,
    /// 0, 1 or -1 (all). Other numbers are the handler's to refuse.
    pub acks: i16,
    pub timeout_ms: i32,
    /// How many partitions `partitions` yields.
    pub partition_count: usize,
    version: i16,
    topics: TopicCursor<'a>,
}

/// What one partition shall append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartition<'a> {
    pub topic: TopicRef<'a>,
    pub index: i32,
    /// Record batches, unchecked. `None` for null.
    pub records: Option<&'a [u8]>,
    /// Where `records` lies in the slice the reader was made of; empty for null.
    pub range: Range<usize>,
}

impl<'a> ProduceView<'a> {
    /// Checks the whole request and leaves the reader behind it.
    ///
    /// # Errors
    /// When the bytes are not a Produce request of this version.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        if !(3..=13).contains(&version) {
            return Err(DecodeError::VersionUnsupported { version });
        }
        let flexible = is_flexible(version);
        let transactional_id = reader.nullable_string(flexible)?.map(TransactionalId);
        let acks = reader.i16()?;
        let timeout_ms = reader.i32()?;
        let topics = TopicCursor::open(*reader, version, flexible, PARTITION_BYTES_MIN)?;
        let mut view = Self {
            transactional_id,
            acks,
            timeout_ms,
            partition_count: 0,
            version,
            topics,
        };
        let mut walk = topics;
        while walk
            .next(|reader, topic| view.partition(reader, topic))?
            .is_some()
        {
            view.partition_count += 1;
        }
        if flexible {
            walk.reader.skip_tags()?;
        }
        *reader = walk.reader;
        Ok(view)
    }

    /// The partitions in the order of the request.
    pub fn partitions(&self) -> impl Iterator<Item = ProducePartition<'a>> {
        let (view, mut walk) = (*self, self.topics);
        std::iter::from_fn(move || {
            walk.next(|reader, topic| view.partition(reader, topic))
                .expect("checked by decode")
        })
    }

    fn partition(
        &self,
        reader: &mut Reader<'a>,
        topic: TopicRef<'a>,
    ) -> Result<ProducePartition<'a>, DecodeError> {
        let flexible = is_flexible(self.version);
        let index = reader.i32()?;
        let records = reader.nullable_bytes(flexible)?;
        let end = reader.position();
        if flexible {
            reader.skip_tags()?;
        }
        let range = end - records.map_or(0, <[u8]>::len)..end;
        Ok(ProducePartition {
            topic,
            index,
            records,
            range,
        })
    }
}

/// Writes a Produce response, frame and all, one partition after the other.
#[derive(Debug)]
pub struct ProduceResponseWriter<'o> {
    out: &'o mut Vec<u8>,
    version: i16,
    start: usize,
    topics_left: usize,
    partitions_left: usize,
}

impl<'o> ProduceResponseWriter<'o> {
    /// Opens a frame for `topics` topics at the end of `out`.
    pub fn new(out: &'o mut Vec<u8>, version: i16, correlation_id: i32, topics: usize) -> Self {
        let start = begin_response(out, ApiKey::Produce, version, correlation_id);
        out.put_length(topics, is_flexible(version));
        Self {
            out,
            version,
            start,
            topics_left: topics,
            partitions_left: 0,
        }
    }

    /// Opens a topic; `partitions` calls of `partition` must follow.
    ///
    /// # Errors
    /// When the name is too long.
    pub fn topic(&mut self, topic: TopicRef<'_>, partitions: usize) -> Result<(), EncodeError> {
        assert_eq!(
            self.partitions_left, 0,
            "the topic before has all its partitions"
        );
        let flexible = is_flexible(self.version);
        if self.version <= NAMES_UP_TO {
            self.out.put_string(&topic.name, flexible)?;
        } else {
            self.out.put_uuid(topic.id);
        }
        self.out.put_length(partitions, flexible);
        self.topics_left -= 1;
        self.partitions_left = partitions;
        self.end_topic_if_complete();
        Ok(())
    }

    /// # Errors
    /// When a message is too long.
    pub fn partition(&mut self, answer: &PartitionProduceResponse<'_>) -> Result<(), EncodeError> {
        answer.encode(self.out, self.version)?;
        self.partitions_left -= 1;
        self.end_topic_if_complete();
        Ok(())
    }

    /// Closes the frame. `node_endpoints` tells where new leaders are (from version 10 on).
    ///
    /// # Errors
    /// When a host name is too long.
    pub fn finish(
        self,
        throttle_time_ms: i32,
        node_endpoints: &[NodeEndpoint<'_>],
    ) -> Result<(), EncodeError> {
        assert_eq!(self.topics_left, 0, "as many topics as announced");
        assert_eq!(self.partitions_left, 0, "as many partitions as announced");
        self.out.put_i32(throttle_time_ms);
        if is_flexible(self.version) {
            let has_endpoints = self.version >= 10 && !node_endpoints.is_empty();
            self.out.put_unsigned_varint(has_endpoints.into());
            if has_endpoints {
                self.out.put_tag(0, |out| {
                    out.put_array(node_endpoints, true, |out, node| {
                        node.encode(out, self.version)
                    })
                })?;
            }
        }
        end_frame(self.out, self.start, 0);
        Ok(())
    }

    fn end_topic_if_complete(&mut self) {
        if self.partitions_left == 0 && is_flexible(self.version) {
            self.out.put_unsigned_varint(0);
        }
    }
}

fn is_flexible(version: i16) -> bool {
    ApiKey::Produce.is_flexible(version)
}

/// Index, and the compact length of null records.
const PARTITION_BYTES_MIN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::produce::{
        LeaderIdAndEpoch, PartitionProduceData, TopicProduceData, TopicProduceResponse,
    };
    use crate::messages::{ProduceRequest, ProduceResponse};
    use crate::{BrokerId, ErrorCode, Message, TopicName, Uuid};

    fn request(version: i16) -> ProduceRequest<'static> {
        let records = [Some(&b"first"[..]), None, Some(b""), Some(&[7; 300])];
        let topic = |name, id, partitions: std::ops::Range<i32>| TopicProduceData {
            name: TopicName(if version <= 12 { name } else { "" }),
            topic_id: if version <= 12 {
                Uuid::ZERO
            } else {
                Uuid::from_u128(id)
            },
            partition_data: partitions
                .map(|index| PartitionProduceData {
                    index,
                    records: records[index as usize],
                })
                .collect(),
        };
        ProduceRequest {
            transactional_id: (version % 2 == 0).then_some(TransactionalId("tx")),
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![
                topic("orders", 5, 0..4),
                topic("none", 6, 0..0),
                topic("x", 7, 2..3),
            ],
        }
    }

    #[test]
    fn the_view_sees_what_the_generated_struct_sees() {
        for version in 3..=13 {
            let request = request(version);
            let mut bytes = vec![0xaa; 3];
            request.encode(&mut bytes, version).unwrap();
            let mut reader = Reader::new(&bytes);
            reader.take(3).unwrap();
            let view = ProduceView::decode(&mut reader, version).unwrap();
            assert!(reader.is_empty());
            assert_eq!(view.transactional_id, request.transactional_id);
            assert_eq!(
                (view.acks, view.timeout_ms),
                (request.acks, request.timeout_ms)
            );
            let seen: Vec<ProducePartition> = view.partitions().collect();
            assert_eq!(seen.len(), view.partition_count);
            let mut expected = Vec::new();
            for topic in &request.topic_data {
                for partition in &topic.partition_data {
                    let topic = TopicRef {
                        name: topic.name,
                        id: topic.topic_id,
                    };
                    expected.push((topic, partition.index, partition.records));
                }
            }
            let same: Vec<_> = seen
                .iter()
                .map(|part| (part.topic, part.index, part.records))
                .collect();
            assert_eq!(same, expected);
            for part in seen {
                assert_eq!(&bytes[part.range.clone()], part.records.unwrap_or_default());
            }
        }
    }

    #[test]
    fn every_cut_is_refused() {
        for version in 3..=13 {
            let mut bytes = Vec::new();
            request(version).encode(&mut bytes, version).unwrap();
            for length in 0..bytes.len() {
                let mut reader = Reader::new(&bytes[..length]);
                assert!(ProduceView::decode(&mut reader, version).is_err());
            }
        }
        for version in [2, 14, -1] {
            let refused = ProduceView::decode(&mut Reader::new(&[0; 50]), version);
            assert_eq!(
                refused.err(),
                Some(DecodeError::VersionUnsupported { version })
            );
        }
    }

    #[test]
    fn the_writer_writes_what_the_generated_struct_writes() {
        for version in 3..=13 {
            let partition = |index, error_code| PartitionProduceResponse {
                index,
                error_code,
                base_offset: 42,
                log_append_time_ms: -1,
                log_start_offset: 3,
                error_message: (version >= 8).then_some("why"),
                current_leader: match version {
                    10.. => LeaderIdAndEpoch {
                        leader_id: BrokerId(2),
                        leader_epoch: 9,
                    },
                    _ => Default::default(),
                },
                ..Default::default()
            };
            let topic = |name, id, partition_responses| TopicProduceResponse {
                name: TopicName(name),
                topic_id: Uuid::from_u128(id),
                partition_responses,
            };
            let mut response = ProduceResponse {
                responses: vec![
                    topic(
                        "a",
                        1,
                        vec![partition(0, ErrorCode::None), partition(1, ErrorCode::None)],
                    ),
                    topic("b", 2, vec![]),
                    topic("c", 3, vec![partition(5, ErrorCode::NotLeaderOrFollower)]),
                ],
                throttle_time_ms: 8,
                node_endpoints: Vec::new(),
            };
            if version >= 10 {
                let host = "h".repeat(200).leak();
                let node = NodeEndpoint {
                    node_id: BrokerId(2),
                    host,
                    port: 9092,
                    rack: None,
                };
                response.node_endpoints.push(node);
            }
            let mut expected = vec![1];
            crate::header::encode_response(&mut expected, ApiKey::Produce, version, 77, &response)
                .unwrap();
            let mut out = vec![1];
            let mut writer = ProduceResponseWriter::new(&mut out, version, 77, 3);
            for topic in &response.responses {
                let reference = TopicRef {
                    name: topic.name,
                    id: topic.topic_id,
                };
                writer
                    .topic(reference, topic.partition_responses.len())
                    .unwrap();
                for partition in &topic.partition_responses {
                    writer.partition(partition).unwrap();
                }
            }
            writer.finish(8, &response.node_endpoints).unwrap();
            assert_eq!(out, expected, "version {version}");
            assert_eq!(ProduceRequest::MAX_VERSION, 13);
        }
    }
}

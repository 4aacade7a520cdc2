//! Fetch, the way it is hot: the request is walked in place, and the response is written as
//! pieces, so that records leave from where they lie.
//!
//! Room:       `protocol`.
//! Called by:  `handlers::fetch`; sessions are kept there, this room only reads their fields.
//! Never:      allocates for a topic or a partition, or touches records.
//!
//! Always true:
//!   - a `FetchView` was checked to its end, so its iterators cannot fail half-way.
//!   - the pieces of a response, one after the other, are exactly its frame.
//!
//!   scratch: ├ size, header, topic, partition 0 ┤├ tags, partition 1 … ┤├ tags, end ┤
//!   pieces:   Bytes(range)                 Records   Bytes(range)    Records  Bytes(range)

use std::ops::Range;

use crate::header::{begin_response, end_frame};
use crate::messages::fetch::{
    EpochEndOffset, FetchPartition, LeaderIdAndEpoch, NodeEndpoint, PartitionData, ReplicaState,
    SnapshotId,
};
use crate::primitive::{DecodeError, EncodeError, Reader, Writer};
use crate::topic_cursor::{NAMES_UP_TO, TopicCursor, TopicRef};
use crate::{ApiKey, BrokerId, ErrorCode};

/// A Fetch request of any version, still in its frame.
#[derive(Clone, Copy, Debug)]
pub struct FetchView<'a> {
    pub cluster_id: Option<&'a str>,
    /// `BrokerId::NONE` for a consumer; otherwise the follower that fetches.
    pub replica_id: BrokerId,
    /// -1 for a consumer and before version 15 (KIP-903).
    pub replica_epoch: i64,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    /// 0: read uncommitted, 1: read committed.
    pub isolation_level: i8,
    /// 0 for none (KIP-227).
    pub session_id: i32,
    /// -1: no session; 0: open one; n: the nth request of `session_id`.
    pub session_epoch: i32,
    pub rack_id: &'a str,
    /// How many partitions `partitions` yields.
    pub partition_count: usize,
    /// How many partitions `forgotten` yields.
    pub forgotten_count: usize,
    version: i16,
    topics: TopicCursor<'a>,
    forgotten: Option<TopicCursor<'a>>,
}

impl<'a> FetchView<'a> {
    /// Checks the whole request and leaves the reader behind it.
    ///
    /// # Errors
    /// When the bytes are not a Fetch request of this version.
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        if !(4..=18).contains(&version) {
            return Err(DecodeError::VersionUnsupported { version });
        }
        let flexible = is_flexible(version);
        let replica_id = if version <= 14 {
            BrokerId(reader.i32()?)
        } else {
            BrokerId::NONE
        };
        let max_wait_ms = reader.i32()?;
        let min_bytes = reader.i32()?;
        let max_bytes = reader.i32()?;
        let isolation_level = reader.i8()?;
        let (session_id, session_epoch) = if version >= 7 {
            (reader.i32()?, reader.i32()?)
        } else {
            (0, -1)
        };
        let topics = TopicCursor::open(*reader, version, flexible, PARTITION_BYTES_MIN)?;
        let mut view = Self {
            cluster_id: None,
            replica_id,
            replica_epoch: -1,
            max_wait_ms,
            min_bytes,
            max_bytes,
            isolation_level,
            session_id,
            session_epoch,
            rack_id: "",
            partition_count: 0,
            forgotten_count: 0,
            version,
            topics,
            forgotten: None,
        };
        let mut walk = topics;
        while walk
            .next(|reader, _| FetchPartition::decode(reader, version))?
            .is_some()
        {
            view.partition_count += 1;
        }
        *reader = walk.reader;
        if version >= 7 {
            let mut walk = TopicCursor::open(*reader, version, flexible, 4)?;
            view.forgotten = Some(walk);
            while walk.next(|reader, _| reader.i32())?.is_some() {
                view.forgotten_count += 1;
            }
            *reader = walk.reader;
        }
        if version >= 11 {
            view.rack_id = reader.string(flexible)?;
        }
        if flexible {
            view.decode_tags(reader)?;
        }
        Ok(view)
    }

    /// The partitions to fetch, in the order of the request; in a session only what changed.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicRef<'a>, FetchPartition)> {
        let (version, mut walk) = (self.version, self.topics);
        std::iter::from_fn(move || {
            walk.next(|reader, topic| Ok((topic, FetchPartition::decode(reader, version)?)))
                .expect("checked by decode")
        })
    }

    /// The partitions that leave the session.
    pub fn forgotten(&self) -> impl Iterator<Item = (TopicRef<'a>, i32)> {
        let mut walk = self.forgotten;
        std::iter::from_fn(move || {
            walk.as_mut()?
                .next(|reader, topic| Ok((topic, reader.i32()?)))
                .expect("checked by decode")
        })
    }

    fn decode_tags(&mut self, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        reader.tags(|reader, tag| {
            match tag {
                0 => self.cluster_id = reader.nullable_string(true)?,
                1 if self.version >= 15 => {
                    let state = ReplicaState::decode(reader, self.version)?;
                    (self.replica_id, self.replica_epoch) = (state.replica_id, state.replica_epoch);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

/// A part of a response, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A range of the scratch buffer.
    Bytes(Range<usize>),
    /// `bytes` bytes of records; `index` counts the calls of `partition_apart` from zero.
    Records { index: usize, bytes: usize },
}

/// Writes a Fetch response, frame and all, one partition after the other.
#[derive(Debug)]
pub struct FetchResponseWriter<'o> {
    out: &'o mut Vec<u8>,
    pieces: &'o mut Vec<Piece>,
    version: i16,
    /// Where the frame starts in `out`.
    start: usize,
    /// Where the piece that is being written starts in `out`.
    piece_start: usize,
    records_count: usize,
    records_bytes: usize,
    topics_left: usize,
    partitions_left: usize,
}

/// What a response says before its topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchResponseHead {
    pub throttle_time_ms: i32,
    /// Of the request as a whole, from version 7 on.
    pub error_code: ErrorCode,
    /// From version 7 on.
    pub session_id: i32,
}

impl<'o> FetchResponseWriter<'o> {
    /// Opens a frame for `topics` topics at the end of `out`; its pieces are appended to `pieces`.
    pub fn new(
        out: &'o mut Vec<u8>,
        pieces: &'o mut Vec<Piece>,
        version: i16,
        correlation_id: i32,
        head: FetchResponseHead,
        topics: usize,
    ) -> Self {
        let start = begin_response(out, ApiKey::Fetch, version, correlation_id);
        out.put_i32(head.throttle_time_ms);
        if version >= 7 {
            out.put_i16(head.error_code.code());
            out.put_i32(head.session_id);
        }
        out.put_length(topics, is_flexible(version));
        Self {
            out,
            pieces,
            version,
            start,
            piece_start: start,
            records_count: 0,
            records_bytes: 0,
            topics_left: topics,
            partitions_left: 0,
        }
    }

    /// Opens a topic; `partitions` calls of `partition` or `partition_apart` must follow.
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

    /// A partition whose records, if any, are small enough to be copied.
    ///
    /// # Errors
    /// When a field has no place in this version.
    pub fn partition(&mut self, data: &PartitionData<'_>) -> Result<(), EncodeError> {
        data.encode(self.out, self.version)?;
        self.partitions_left -= 1;
        self.end_topic_if_complete();
        Ok(())
    }

    /// A partition whose `records_bytes` bytes of records are sent from elsewhere;
    /// `data.records` is not looked at. Returns the index of the records' piece.
    ///
    /// # Errors
    /// When a field has no place in this version.
    pub fn partition_apart(
        &mut self,
        data: &PartitionData<'_>,
        records_bytes: usize,
    ) -> Result<usize, EncodeError> {
        let flexible = is_flexible(self.version);
        self.put_before_records(data)?;
        self.out.put_length(records_bytes, flexible);
        let index = self.records_count;
        if records_bytes > 0 {
            self.end_piece();
            self.pieces.push(Piece::Records {
                index,
                bytes: records_bytes,
            });
            self.records_bytes += records_bytes;
        }
        self.records_count += 1;
        if flexible {
            self.put_partition_tags(data)?;
        }
        self.partitions_left -= 1;
        self.end_topic_if_complete();
        Ok(index)
    }

    /// Closes the frame and returns its bytes, size field and records included.
    /// `node_endpoints` tells where new leaders are (from version 16 on).
    ///
    /// # Errors
    /// When a host name is too long.
    pub fn finish(mut self, node_endpoints: &[NodeEndpoint<'_>]) -> Result<usize, EncodeError> {
        assert_eq!(self.topics_left, 0, "as many topics as announced");
        assert_eq!(self.partitions_left, 0, "as many partitions as announced");
        if is_flexible(self.version) {
            let has_endpoints = self.version >= 16 && !node_endpoints.is_empty();
            self.out.put_unsigned_varint(has_endpoints.into());
            if has_endpoints {
                let version = self.version;
                self.out.put_tag(0, |out| {
                    out.put_array(node_endpoints, true, |out, node| node.encode(out, version))
                })?;
            }
        }
        self.end_piece();
        end_frame(self.out, self.start, self.records_bytes);
        Ok(self.out.len() - self.start + self.records_bytes)
    }

    fn end_piece(&mut self) {
        let end = self.out.len();
        if end > self.piece_start {
            self.pieces.push(Piece::Bytes(self.piece_start..end));
        }
        self.piece_start = end;
    }

    fn end_topic_if_complete(&mut self) {
        if self.partitions_left == 0 && is_flexible(self.version) {
            self.out.put_unsigned_varint(0);
        }
    }

    fn put_before_records(&mut self, data: &PartitionData<'_>) -> Result<(), EncodeError> {
        let (out, version) = (&mut *self.out, self.version);
        out.put_i32(data.partition_index);
        out.put_i16(data.error_code.code());
        out.put_i64(data.high_watermark);
        out.put_i64(data.last_stable_offset);
        if version >= 5 {
            out.put_i64(data.log_start_offset);
        }
        let aborted = data.aborted_transactions.as_deref();
        out.put_nullable_array(aborted, is_flexible(version), |out, transaction| {
            transaction.encode(out, version)
        })?;
        if version >= 11 {
            out.put_i32(data.preferred_read_replica.0);
        } else if data.preferred_read_replica != BrokerId::NONE {
            let field = "PreferredReadReplica";
            return Err(EncodeError::FieldNotInVersion { field, version });
        }
        Ok(())
    }

    fn put_partition_tags(&mut self, data: &PartitionData<'_>) -> Result<(), EncodeError> {
        let (out, version) = (&mut *self.out, self.version);
        let has_diverging = data.diverging_epoch != EpochEndOffset::default();
        let has_leader = data.current_leader != LeaderIdAndEpoch::default();
        let has_snapshot = data.snapshot_id != SnapshotId::default();
        let count = u32::from(has_diverging) + u32::from(has_leader) + u32::from(has_snapshot);
        out.put_unsigned_varint(count);
        if has_diverging {
            out.put_tag(0, |out| data.diverging_epoch.encode(out, version))?;
        }
        if has_leader {
            out.put_tag(1, |out| data.current_leader.encode(out, version))?;
        }
        if has_snapshot {
            out.put_tag(2, |out| data.snapshot_id.encode(out, version))?;
        }
        Ok(())
    }
}

fn is_flexible(version: i16) -> bool {
    ApiKey::Fetch.is_flexible(version)
}

/// Partition, offset and size limit; all else depends on the version.
const PARTITION_BYTES_MIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::fetch::ForgottenTopic;
    use crate::messages::fetch::{AbortedTransaction, FetchTopic, FetchableTopicResponse};
    use crate::messages::{FetchRequest, FetchResponse};
    use crate::{ProducerId, TopicName, Uuid};

    fn topic_ref(version: i16, name: &'static str, id: u128) -> TopicRef<'static> {
        match version {
            ..=12 => TopicRef {
                name: TopicName(name),
                id: Uuid::ZERO,
            },
            _ => TopicRef {
                name: TopicName(""),
                id: Uuid::from_u128(id),
            },
        }
    }

    fn request(version: i16) -> FetchRequest<'static> {
        let partition = |partition| FetchPartition {
            partition,
            current_leader_epoch: if version >= 9 { 4 } else { -1 },
            fetch_offset: 1 << 40,
            last_fetched_epoch: if version >= 12 { 3 } else { -1 },
            log_start_offset: if version >= 5 { 17 } else { -1 },
            partition_max_bytes: 1 << 20,
            replica_directory_id: if version >= 17 {
                Uuid::from_u128(99)
            } else {
                Uuid::ZERO
            },
            high_watermark: if version >= 18 { 12 } else { i64::MAX },
        };
        let topic = |name, id, partitions: &[i32]| {
            let TopicRef {
                name: topic,
                id: topic_id,
            } = topic_ref(version, name, id);
            let partitions = partitions.iter().map(|index| partition(*index)).collect();
            FetchTopic {
                topic,
                topic_id,
                partitions,
            }
        };
        let replica = if version == 18 {
            BrokerId(3)
        } else {
            BrokerId::NONE
        };
        let mut request = FetchRequest {
            replica_state: ReplicaState {
                replica_id: replica,
                replica_epoch: 5,
            },
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 50 << 20,
            isolation_level: 1,
            topics: vec![
                topic("a", 1, &[0, 5]),
                topic("b", 2, &[]),
                topic("c", 3, &[7]),
            ],
            ..Default::default()
        };
        if version < 15 {
            request.replica_state = ReplicaState::default();
        }
        if version >= 7 {
            (request.session_id, request.session_epoch) = (44, 2);
            let TopicRef {
                name: topic,
                id: topic_id,
            } = topic_ref(version, "gone", 9);
            let forgotten = ForgottenTopic {
                topic,
                topic_id,
                partitions: vec![1, 2],
            };
            request.forgotten_topics_data = vec![forgotten];
        }
        if version >= 11 {
            request.rack_id = "rack-a";
        }
        if version >= 12 {
            request.cluster_id = Some("cluster");
        }
        request
    }

    #[test]
    fn the_view_sees_what_the_generated_struct_sees() {
        for version in 4..=18 {
            let request = request(version);
            let mut bytes = Vec::new();
            request.encode(&mut bytes, version).unwrap();
            let mut reader = Reader::new(&bytes);
            let view = FetchView::decode(&mut reader, version).unwrap();
            assert!(reader.is_empty());
            let head = (
                view.cluster_id,
                view.max_wait_ms,
                view.min_bytes,
                view.max_bytes,
            );
            assert_eq!(head, (request.cluster_id, 500, 1, 50 << 20));
            assert_eq!((view.isolation_level, view.rack_id), (1, request.rack_id));
            let session = (request.session_id, request.session_epoch);
            assert_eq!((view.session_id, view.session_epoch), session);
            assert_eq!(view.replica_id, request.replica_state.replica_id);
            assert_eq!(view.replica_epoch, if version >= 15 { 5 } else { -1 });
            let mut expected = Vec::new();
            for topic in &request.topics {
                for partition in &topic.partitions {
                    let reference = TopicRef {
                        name: topic.topic,
                        id: topic.topic_id,
                    };
                    expected.push((reference, partition.clone()));
                }
            }
            assert_eq!(view.partitions().collect::<Vec<_>>(), expected);
            assert_eq!(view.partition_count, 3);
            let forgotten: Vec<_> = view.forgotten().collect();
            let gone = topic_ref(version, "gone", 9);
            let expected = if version >= 7 {
                vec![(gone, 1), (gone, 2)]
            } else {
                vec![]
            };
            assert_eq!(forgotten, expected);
            assert_eq!(view.forgotten_count, expected.len());
        }
    }

    #[test]
    fn every_cut_is_refused() {
        for version in 4..=18 {
            let mut bytes = Vec::new();
            request(version).encode(&mut bytes, version).unwrap();
            for length in 0..bytes.len() {
                assert!(FetchView::decode(&mut Reader::new(&bytes[..length]), version).is_err());
            }
        }
        let refused = FetchView::decode(&mut Reader::new(&[0; 50]), 3);
        assert_eq!(
            refused.err(),
            Some(DecodeError::VersionUnsupported { version: 3 })
        );
    }

    fn response(version: i16) -> FetchResponse<'static> {
        let partition = |index: i32, records: Option<&'static [u8]>| {
            let mut data = PartitionData {
                partition_index: index,
                error_code: ErrorCode::from_code((index % 3) as i16),
                high_watermark: 100 + i64::from(index),
                last_stable_offset: 90,
                log_start_offset: 5,
                aborted_transactions: (index % 2 == 0).then(|| {
                    vec![AbortedTransaction {
                        producer_id: ProducerId(6),
                        first_offset: 80,
                    }]
                }),
                records,
                ..Default::default()
            };
            if version >= 11 {
                data.preferred_read_replica = BrokerId(index);
            }
            if version >= 12 && index > 0 {
                data.diverging_epoch.epoch = 3;
                data.current_leader.leader_id = BrokerId(8);
                data.snapshot_id.end_offset = 7;
            }
            data
        };
        let topic = |name, id, partitions| {
            let TopicRef {
                name: topic,
                id: topic_id,
            } = topic_ref(version, name, id);
            FetchableTopicResponse {
                topic,
                topic_id,
                partitions,
            }
        };
        let mut response = FetchResponse {
            throttle_time_ms: 11,
            responses: vec![
                topic(
                    "a",
                    1,
                    vec![partition(0, Some(&[1; 500])), partition(1, Some(b"xy"))],
                ),
                topic("b", 2, vec![]),
                topic("c", 3, vec![partition(2, Some(b"")), partition(3, None)]),
                topic("d", 4, vec![partition(4, Some(&[2; 10]))]),
            ],
            ..Default::default()
        };
        if version >= 7 {
            response.error_code = ErrorCode::FetchSessionTopicIdError;
            response.session_id = 66;
        }
        if version >= 16 {
            let (node_id, host) = (BrokerId(8), "host");
            response.node_endpoints = vec![NodeEndpoint {
                node_id,
                host,
                port: 1,
                rack: Some("r"),
            }];
        }
        response
    }

    #[test]
    fn the_pieces_are_what_the_generated_struct_writes() {
        for version in 4..=18 {
            let response = response(version);
            let mut expected = Vec::new();
            crate::header::encode_response(&mut expected, ApiKey::Fetch, version, 5, &response)
                .unwrap();
            let (mut out, mut pieces, mut apart) = (vec![9; 3], Vec::new(), Vec::new());
            let head = FetchResponseHead {
                throttle_time_ms: 11,
                error_code: response.error_code,
                session_id: response.session_id,
            };
            let mut writer = FetchResponseWriter::new(&mut out, &mut pieces, version, 5, head, 4);
            for topic in &response.responses {
                let reference = TopicRef {
                    name: topic.topic,
                    id: topic.topic_id,
                };
                writer.topic(reference, topic.partitions.len()).unwrap();
                for data in &topic.partitions {
                    match data.records {
                        Some(records) if records.len() != 2 => {
                            let index = writer.partition_apart(data, records.len()).unwrap();
                            assert_eq!(index, apart.len());
                            apart.push(records);
                        }
                        _ => writer.partition(data).unwrap(),
                    }
                }
            }
            let total = writer.finish(&response.node_endpoints).unwrap();
            let mut sent = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Bytes(range) => sent.extend_from_slice(&out[range]),
                    Piece::Records { index, bytes } => {
                        assert_eq!(apart[index].len(), bytes);
                        sent.extend_from_slice(apart[index]);
                    }
                }
            }
            assert_eq!(sent, expected, "version {version}");
            assert_eq!(sent.len(), total);
        }
    }
}

//! A consumer without group: long polls from the start of every partition, with a session or not.
//!
//! Room:       `sim`.
//! Called by:  `clients`, one task per consumer.
//! Never:      accepts a batch that nobody sent, or that was gone before.

use super::{Fleet, Link, TOPIC, think, topic_id};
use crate::ids::Offset;
use crate::protocol::messages::fetch::{FetchPartition, FetchTopic};
use crate::protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};
use crate::runtime::Runtime;
use crate::sim::seed::Rng;
use crate::sim::wire::Frame;
use std::rc::Rc;

/// Names topics by id from here on (KIP-516).
const BY_ID: i16 = 13;
/// Knows fetch sessions from here on (KIP-227).
const WITH_SESSIONS: i16 = 7;

struct Consumer {
    fleet: Rc<Fleet>,
    rng: Rng,
    positions: Vec<Offset>,
    session: Session,
}

/// What the broker remembers of this consumer, as far as it knows.
#[derive(Default)]
struct Session {
    id: i32,
    epoch: i32,
    /// By partition: the position last sent in this session.
    sent: Vec<Option<Offset>>,
}

/// Reads as long as the world runs.
pub async fn consume(fleet: Rc<Fleet>, runtime: Runtime, mut rng: Rng) {
    let mut consumer = Consumer {
        positions: vec![Offset(0); fleet.partitions],
        rng: rng.fork(),
        session: Session::default(),
        fleet: fleet.clone(),
    };
    loop {
        let link = fleet.link(&runtime, &mut rng).await;
        let version = link.connection.version::<FetchRequest<'_>>(4);
        let in_session = version >= WITH_SESSIONS && consumer.rng.flip();
        consumer.session = Session::new(fleet.partitions, in_session);
        // Now and then another consumer: it reads again from the start.
        if consumer.rng.below(8) == 0 {
            consumer.positions.fill(Offset(0));
        }
        while link.may_send() && consumer.rng.below(80) > 0 {
            think(&runtime, &mut consumer.rng).await;
            if !consumer.poll(&link, version).await {
                break;
            }
        }
    }
}

impl Session {
    fn new(partitions: usize, wanted: bool) -> Session {
        Session {
            id: 0,
            epoch: if wanted { 0 } else { -1 },
            sent: vec![None; partitions],
        }
    }
}

impl Consumer {
    /// One Fetch; `false`: this connection is of no more use.
    async fn poll(&mut self, link: &Link, version: i16) -> bool {
        let request = self.request(version);
        let asked = self.positions.clone();
        let frame = match link.connection.call(&request, version).await {
            Some(frame) if link.counts() => frame,
            _ => return false,
        };
        let lost = self.take_answer(&asked, &frame);
        for partition in lost {
            let start = offset_at(link, partition, EARLIEST).await;
            match start {
                Some(start) => self.positions[partition] = start,
                None => return false,
            }
        }
        true
    }

    fn request(&mut self, version: i16) -> FetchRequest<'static> {
        let is_first = self.session.epoch <= 0;
        let mut partitions = Vec::new();
        for (partition, position) in self.positions.iter().enumerate() {
            if !is_first && self.session.sent[partition] == Some(*position) {
                continue;
            }
            self.session.sent[partition] = Some(*position);
            partitions.push(FetchPartition {
                partition: partition as i32,
                fetch_offset: position.0,
                partition_max_bytes: 1 << (6 + self.rng.below(14)),
                ..FetchPartition::default()
            });
        }
        let topics = match partitions.is_empty() {
            true => Vec::new(),
            false => vec![FetchTopic {
                topic: TopicName(if version < BY_ID { TOPIC } else { "" }),
                topic_id: topic_id(&self.fleet, version >= BY_ID),
                partitions,
            }],
        };
        FetchRequest {
            max_wait_ms: self.rng.choose(&[(2, 0), (2, 20), (2, 500)]),
            min_bytes: self.rng.choose(&[(1, 0), (4, 1), (1, 5_000)]),
            max_bytes: 1 << (8 + self.rng.below(13)),
            session_id: self.session.id,
            session_epoch: self.session.epoch,
            topics,
            ..FetchRequest::default()
        }
    }

    /// Checks what was served and goes on behind it; returns the partitions whose position is out
    /// of the log.
    fn take_answer(&mut self, asked: &[Offset], frame: &Frame) -> Vec<usize> {
        let response: FetchResponse<'_> = frame.message();
        match response.error_code {
            ErrorCode::None => {}
            ErrorCode::FetchSessionIdNotFound | ErrorCode::InvalidFetchSessionEpoch => {
                self.session = Session::new(self.positions.len(), true);
                return Vec::new();
            }
            code => panic!("fetch refused: {code:?}"),
        }
        if self.session.epoch >= 0 {
            self.session.id = response.session_id;
            // 0: the broker opened none.
            self.session.epoch = match response.session_id {
                0 => 0,
                _ => self.session.epoch + 1,
            };
        }
        let mut lost = Vec::new();
        let parts = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions);
        for part in parts {
            let partition = part.partition_index as usize;
            match part.error_code {
                ErrorCode::None => {}
                // Deleted, or it was never synced and a power cut took it.
                ErrorCode::OffsetOutOfRange => {
                    lost.push(partition);
                    continue;
                }
                ErrorCode::NotLeaderOrFollower => continue,
                code => panic!("partition {partition}: fetch refused: {code:?}"),
            }
            let mut model = self.fleet.model.borrow_mut();
            let bytes = part.records.unwrap_or_default();
            let served = model.parse_served(partition, asked[partition], bytes);
            model.observe(&served);
            if let Some(last) = served.last() {
                assert!(
                    last.next.0 <= part.high_watermark,
                    "served is what is visible"
                );
                self.positions[partition] = last.next;
            }
        }
        lost
    }
}

pub const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;

/// ListOffsets of one partition; `None`: no answer.
pub async fn offset_at(link: &Link, partition: usize, at: i64) -> Option<Offset> {
    let version = link.connection.version::<ListOffsetsRequest<'_>>(1);
    let request = ListOffsetsRequest {
        replica_id: BrokerId(-1),
        topics: vec![ListOffsetsTopic {
            name: TopicName(TOPIC),
            partitions: vec![ListOffsetsPartition {
                partition_index: partition as i32,
                timestamp: at,
                ..ListOffsetsPartition::default()
            }],
        }],
        ..ListOffsetsRequest::default()
    };
    let frame = link.connection.call(&request, version).await?;
    let response: ListOffsetsResponse<'_> = frame.message();
    let part = &response.topics[0].partitions[0];
    match part.error_code {
        ErrorCode::None => Some(Offset(part.offset)),
        ErrorCode::NotLeaderOrFollower => None,
        code => panic!("partition {partition}: no offset: {code:?}"),
    }
}

//! A fetcher: the thread that keeps one Fetch outstanding at one broker.
//!
//! Room:       `client::consumer`.
//! Called by:  `Consumer::assign`.
//! Calls:      `connection`, `cluster`, `fetched`.
//! Never:      has two fetches under way, so no offset is fetched twice.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::fetched::{Fetched, Reading};
use super::{Position, Shared};
use crate::client::clock;
use crate::client::cluster::lock;
use crate::client::connection::{Answer, Connection};
use crate::client::error::ClientError;
use crate::protocol::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};

pub fn spawn(shared: &Arc<Shared>, node: i32) -> Result<JoinHandle<()>, ClientError> {
    let shared = Arc::clone(shared);
    let thread = Builder::new().name(format!("fetcher-{node}"));
    let run = move || {
        Fetcher {
            shared,
            node,
            connection: None,
            turn: 0,
        }
        .run()
    };
    thread.spawn(run).map_err(|cause| ClientError::Connect {
        address: format!("broker {node}"),
        cause,
    })
}

struct Fetcher {
    shared: Arc<Shared>,
    node: i32,
    connection: Option<Connection>,
    /// Counts fetches.
    turn: usize,
}

impl Fetcher {
    fn run(mut self) {
        let backoff = self
            .shared
            .cluster
            .config()
            .retry_backoff
            .max(Duration::from_millis(10));
        while !self.shared.is_closed() {
            let mine = self.mine();
            if mine.is_empty() {
                clock::sleep(IDLE_LOOK);
                continue;
            }
            if let Err(failure) = self.fetch(&mine) {
                self.connection = None;
                let is_final = !failure.retriable();
                if is_final && !self.hand_over(Err(failure)) {
                    return;
                }
                if is_final {
                    self.fail(&mine);
                }
                clock::sleep(backoff);
                self.find_leaders(&mine);
            }
        }
    }

    /// The partitions this broker leads, with their positions now.
    fn mine(&self) -> Vec<(usize, Position)> {
        let positions = lock(&self.shared.positions);
        let mine = positions.iter().enumerate();
        mine.filter(|(_, position)| position.leader == self.node && !position.failed)
            .map(|(n, position)| (n, position.clone()))
            .collect()
    }

    fn fetch(&mut self, mine: &[(usize, Position)]) -> Result<(), ClientError> {
        let config = self.shared.cluster.config();
        let timeout = config.request_timeout + config.consumer.fetch_wait;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.shared.cluster.open_broker(self.node)?,
        };
        let version = connection.version_of::<FetchRequest<'_>>()?;
        self.turn = self.turn.wrapping_add(1);
        connection.send(&self.request(mine), version)?;
        let answer = connection.receive(timeout)?;
        let received_at = clock::now();
        self.connection = Some(connection);
        self.take_in(mine, answer, received_at)
    }

    fn request<'r>(&self, mine: &'r [(usize, Position)]) -> FetchRequest<'r> {
        let config = &self.shared.cluster.config().consumer;
        let mut topics: Vec<FetchTopic<'r>> = Vec::new();
        // A broker fills the answer in request order, so each partition gets its turn to be first.
        let (later, first) = mine.split_at(self.turn % mine.len());
        for (_, position) in first.iter().chain(later) {
            let partition = FetchPartition {
                partition: position.partition,
                current_leader_epoch: position.leader_epoch,
                fetch_offset: position.offset,
                partition_max_bytes: config.partition_bytes_max,
                ..Default::default()
            };
            match topics
                .iter_mut()
                .find(|topic| topic.topic == *position.topic)
            {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(FetchTopic {
                    topic: TopicName(&position.topic),
                    topic_id: position.topic_id,
                    partitions: vec![partition],
                }),
            }
        }
        FetchRequest {
            replica_id: BrokerId::NONE,
            max_wait_ms: i32::try_from(config.fetch_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: config.fetch_bytes_min,
            max_bytes: config.fetch_bytes_max,
            isolation_level: i8::from(config.read_committed),
            topics,
            ..Default::default()
        }
    }

    /// Reads the answer, moves the positions, hands records over.
    fn take_in(
        &mut self,
        mine: &[(usize, Position)],
        answer: Answer,
        received_at: Instant,
    ) -> Result<(), ClientError> {
        let by_id = answer.version() >= FETCH_BY_ID;
        let mut ranges = Vec::new();
        let mut stale = Vec::new();
        {
            let response: FetchResponse<'_> = answer.decode()?;
            ClientError::check(response.error_code, None, || "Fetch".into())?;
            for topic in &response.responses {
                for data in &topic.partitions {
                    let at = mine.iter().position(|(_, position)| {
                        position.partition == data.partition_index
                            && if by_id {
                                position.topic_id == topic.topic_id
                            } else {
                                topic.topic == *position.topic
                            }
                    });
                    let Some(at) = at else { continue };
                    match data.error_code {
                        ErrorCode::None => ranges.push(part(&answer, at, data)),
                        ErrorCode::OffsetOutOfRange => self.reset(&mine[at])?,
                        code if code.retriable() => stale.push(mine[at].clone()),
                        code => self.refuse(&mine[at], code),
                    }
                }
            }
        }
        let frame = Arc::new(answer.into_bytes());
        let config = &self.shared.cluster.config().consumer;
        for part in ranges {
            let (n, position) = &mine[part.at];
            let reading = Reading {
                topic: &position.topic,
                partition: position.partition,
                from_offset: position.offset,
                high_watermark: part.high_watermark,
                log_start_offset: part.log_start_offset,
                received_at,
                check_crcs: config.check_crcs,
                aborted: config.read_committed.then_some(part.aborted),
            };
            match Fetched::read(reading, &frame, part.range) {
                Ok(fetched) => {
                    let mut positions = lock(&self.shared.positions);
                    positions[*n].offset = fetched.next_offset;
                    drop(positions);
                    if fetched.next_offset > position.offset && !self.hand_over(Ok(fetched)) {
                        return Ok(());
                    }
                }
                Err(failure) => {
                    self.fail(&mine[part.at..=part.at]);
                    self.hand_over(Err(failure));
                }
            }
        }
        if !stale.is_empty() {
            clock::sleep(self.shared.cluster.config().retry_backoff);
            self.find_leaders(&stale);
        }
        Ok(())
    }

    fn reset(&self, (n, position): &(usize, Position)) -> Result<(), ClientError> {
        match self.shared.reset_offset(position) {
            Ok(offset) => lock(&self.shared.positions)[*n].offset = offset,
            Err(failure) if failure.retriable() => return Err(failure),
            Err(failure) => {
                lock(&self.shared.positions)[*n].failed = true;
                self.hand_over(Err(failure));
            }
        }
        Ok(())
    }

    fn refuse(&self, (n, position): &(usize, Position), code: ErrorCode) {
        lock(&self.shared.positions)[*n].failed = true;
        let what = format!("partition {}-{}", position.topic, position.partition);
        self.hand_over(Err(ClientError::Refused {
            what,
            code,
            message: None,
        }));
    }

    fn fail(&self, mine: &[(usize, Position)]) {
        let mut positions = lock(&self.shared.positions);
        mine.iter().for_each(|(n, _)| positions[*n].failed = true);
    }

    /// False when the consumer is gone.
    fn hand_over(&self, part: Result<Fetched, ClientError>) -> bool {
        self.shared.parts.send(part).is_ok()
    }

    /// Looks leaders up anew; what fails shows in the next fetch.
    fn find_leaders(&self, stale: &[(usize, Position)]) {
        let mut topics: Vec<&str> = stale.iter().map(|(_, position)| &*position.topic).collect();
        topics.dedup();
        if self.shared.cluster.refresh(Some(&topics), false).is_err() {
            return;
        }
        let mut positions = lock(&self.shared.positions);
        for (n, position) in stale {
            let found = self
                .shared
                .cluster
                .leader(&position.topic, position.partition);
            if let Some((leader, leader_epoch, topic_id)) = found {
                let position = &mut positions[*n];
                (position.leader, position.leader_epoch) = (leader, leader_epoch);
                position.topic_id = topic_id;
            }
        }
    }
}

/// What has to outlive the decoded answer, which borrows from the frame.
struct Part {
    at: usize,
    range: std::ops::Range<usize>,
    high_watermark: i64,
    log_start_offset: i64,
    aborted: Vec<(i64, i64)>,
}

fn part(answer: &Answer, at: usize, data: &PartitionData<'_>) -> Part {
    let aborted = data.aborted_transactions.iter().flatten();
    Part {
        at,
        range: data
            .records
            .map_or(0..0, |records| range_in(answer.bytes(), records)),
        high_watermark: data.high_watermark,
        log_start_offset: data.log_start_offset,
        aborted: aborted
            .map(|aborted| (aborted.producer_id.0, aborted.first_offset))
            .collect(),
    }
}

/// Where a slice that was borrowed from `whole` lies in it.
fn range_in(whole: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    assert!(
        start + part.len() <= whole.len(),
        "a decoded slice lies in its frame"
    );
    start..start + part.len()
}

/// From this version Fetch names topics by id only (KIP-516).
const FETCH_BY_ID: i16 = 13;
/// A fetcher whose broker leads nothing looks this often whether it does.
const IDLE_LOOK: Duration = Duration::from_millis(100);

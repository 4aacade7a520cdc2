//! A broker for the client's tests: one thread per connection, logs in memory, faults on demand.
//!
//! Room:       `client`, tests only.
//! Called by:  `client::tests`.
//! Never:      more than the client needs: it checks sequences as a broker does, and little else.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::cluster::lock;
use super::fake_group::{FakeGroup, KEYS};
use crate::protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use crate::protocol::messages::fetch::{
    FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use crate::protocol::messages::init_producer_id::InitProducerIdResponse;
use crate::protocol::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use crate::protocol::record_batch::{Batches, Limits, WalkLimits, patch_base_offset, validate};
use crate::protocol::{ApiKey, BrokerId, ErrorCode, Message, ProducerId, Reader, TopicName, Uuid};

/// What happens to the next Produce request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Stored, but the connection ends before the answer.
    LoseAnswer,
    /// Not stored; the connection ends.
    LoseRequest,
    /// Refused with this code for every partition.
    Refuse(ErrorCode),
    /// Nothing happens to this one.
    Pass,
}

/// A running fake; its threads end with its connections.
pub struct FakeBroker {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    port: u16,
    logs: BTreeMap<i32, Log>,
    faults: VecDeque<Fault>,
    producer_ids: i64,
    /// Versions offered at most, per key.
    caps: BTreeMap<i16, i16>,
    produces: usize,
    group: FakeGroup,
}

#[derive(Default)]
struct Log {
    batches: Vec<Vec<u8>>,
    next_offset: i64,
    /// Producer id → next sequence.
    sequences: BTreeMap<i64, i32>,
}

impl FakeBroker {
    /// A broker with topic "t" of so many partitions.
    pub fn start(partitions: i32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let logs = (0..partitions)
            .map(|partition| (partition, Log::default()))
            .collect();
        let state = Arc::new(Mutex::new(State {
            port,
            logs,
            ..Default::default()
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, state }
    }

    pub fn fault(&self, faults: &[Fault]) {
        lock(&self.state).faults.extend(faults);
    }

    /// Offers `key` only up to `version`.
    pub fn cap(&self, key: ApiKey, version: i16) {
        lock(&self.state).caps.insert(key.code(), version);
    }

    /// Looks into the group, or makes trouble in it.
    pub fn group<T>(&self, see: impl FnOnce(&mut FakeGroup) -> T) -> T {
        see(&mut lock(&self.state).group)
    }

    pub fn produces(&self) -> usize {
        lock(&self.state).produces
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut frame).is_err() {
            return;
        }
        let mut reader = Reader::new(&frame);
        let key = ApiKey::from_code(reader.i16().unwrap()).unwrap();
        let (version, correlation) = (reader.i16().unwrap(), reader.i32().unwrap());
        reader.nullable_string(false).unwrap();
        if key.request_header_version(version) == 2 {
            reader.skip_tags().unwrap();
        }
        let Some(body) = lock(state).answer(key, version, &mut reader) else {
            return;
        };
        let mut out = correlation.to_be_bytes().to_vec();
        if key.response_header_version(version) == 1 {
            out.push(0);
        }
        out.extend(body);
        let length = (out.len() as u32).to_be_bytes();
        if stream.write_all(&[&length[..], &out].concat()).is_err() {
            return;
        }
    }
}

pub fn encoded<'a>(message: &impl Message<'a>, version: i16) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out, version).unwrap();
    out
}

impl State {
    /// The body of the answer, or `None` when the connection is to end.
    fn answer(&mut self, key: ApiKey, version: i16, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
        Some(match key {
            ApiKey::ApiVersions => self.api_versions(version),
            ApiKey::Metadata => self.metadata(version),
            ApiKey::InitProducerId => {
                self.producer_ids += 1;
                let producer_id = ProducerId(self.producer_ids);
                let response = InitProducerIdResponse {
                    producer_id,
                    ..Default::default()
                };
                encoded(&response, version)
            }
            ApiKey::ListOffsets => {
                self.list_offsets(&Message::decode(reader, version).unwrap(), version)
            }
            ApiKey::Produce => {
                return self.produce(&Message::decode(reader, version).unwrap(), version);
            }
            ApiKey::Fetch => self.fetch(&Message::decode(reader, version).unwrap(), version),
            key => {
                let port = self.port;
                self.group.answer(key, port, version, reader)
            }
        })
    }

    fn api_versions(&self, version: i16) -> Vec<u8> {
        let cap = |key: ApiKey| self.caps.get(&key.code()).copied();
        let keys = [
            ApiKey::Produce,
            ApiKey::Fetch,
            ApiKey::ListOffsets,
            ApiKey::Metadata,
            ApiKey::ApiVersions,
            ApiKey::InitProducerId,
        ];
        let ranges = keys.into_iter().chain(KEYS).map(|key| {
            let (min_version, max_version) = key.versions().unwrap();
            let max_version = cap(key).unwrap_or(max_version);
            ApiVersion {
                api_key: key.code(),
                min_version,
                max_version,
            }
        });
        let mut response = ApiVersionsResponse {
            api_keys: ranges.collect(),
            ..Default::default()
        };
        let mut answer_version = version;
        if cap(ApiKey::ApiVersions).is_some_and(|cap| version > cap) {
            (response.error_code, answer_version) = (ErrorCode::UnsupportedVersion, 0);
        }
        encoded(&response, answer_version)
    }

    fn metadata(&self, version: i16) -> Vec<u8> {
        let node = BrokerId(1);
        let partition = |partition_index: &i32| MetadataResponsePartition {
            partition_index: *partition_index,
            leader_id: node,
            leader_epoch: 0,
            ..Default::default()
        };
        let response = MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: node,
                host: "127.0.0.1",
                port: i32::from(self.port),
                rack: None,
            }],
            controller_id: node,
            topics: vec![MetadataResponseTopic {
                name: Some(TopicName("t")),
                topic_id: TOPIC_ID,
                partitions: self.logs.keys().map(partition).collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        encoded(&response, version)
    }

    fn list_offsets(&self, request: &ListOffsetsRequest<'_>, version: i16) -> Vec<u8> {
        let mut topics = Vec::new();
        for topic in &request.topics {
            let listed = topic.partitions.iter().map(|wanted| {
                let end = self.logs[&wanted.partition_index].next_offset;
                ListOffsetsPartitionResponse {
                    partition_index: wanted.partition_index,
                    offset: if wanted.timestamp == -2 { 0 } else { end },
                    ..Default::default()
                }
            });
            let partitions = listed.collect();
            topics.push(ListOffsetsTopicResponse {
                name: topic.name,
                partitions,
            });
        }
        encoded(
            &ListOffsetsResponse {
                topics,
                ..Default::default()
            },
            version,
        )
    }

    fn produce(&mut self, request: &ProduceRequest<'_>, version: i16) -> Option<Vec<u8>> {
        self.produces += 1;
        let fault = self.faults.pop_front().unwrap_or(Fault::Pass);
        if matches!(fault, Fault::LoseRequest) {
            return None;
        }
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let mut partition_responses = Vec::new();
            for data in &topic.partition_data {
                let stored = match fault {
                    Fault::Refuse(code) => Err(code),
                    _ => {
                        let log = self.logs.get_mut(&data.index).unwrap();
                        log.append(data.records.unwrap())
                    }
                };
                partition_responses.push(PartitionProduceResponse {
                    index: data.index,
                    error_code: stored.err().unwrap_or(ErrorCode::None),
                    base_offset: stored.unwrap_or(-1),
                    ..Default::default()
                });
            }
            let (name, topic_id) = (topic.name, topic.topic_id);
            responses.push(TopicProduceResponse {
                name,
                topic_id,
                partition_responses,
            });
        }
        let response = ProduceResponse {
            responses,
            ..Default::default()
        };
        (!matches!(fault, Fault::LoseAnswer)).then(|| encoded(&response, version))
    }

    fn fetch(&self, request: &FetchRequest<'_>, version: i16) -> Vec<u8> {
        let mut records: Vec<(i32, i64, Vec<u8>)> = Vec::new();
        for wanted in request.topics.iter().flat_map(|topic| &topic.partitions) {
            let log = &self.logs[&wanted.partition];
            let bytes = log.from(wanted.fetch_offset, wanted.partition_max_bytes as usize);
            records.push((wanted.partition, log.next_offset, bytes));
        }
        let partitions = records
            .iter()
            .map(|(partition_index, end, bytes)| PartitionData {
                partition_index: *partition_index,
                high_watermark: *end,
                records: Some(bytes),
                ..Default::default()
            });
        let topic = FetchableTopicResponse {
            topic: TopicName("t"),
            topic_id: TOPIC_ID,
            partitions: partitions.collect(),
        };
        let response = FetchResponse {
            responses: vec![topic],
            ..Default::default()
        };
        encoded(&response, version)
    }
}

impl Log {
    fn append(&mut self, records: &[u8]) -> Result<i64, ErrorCode> {
        let validated = validate(records, &Limits::default(), &WalkLimits::default());
        let header = validated
            .map_err(|refusal| refusal.error_code())?
            .checked
            .header;
        if header.has_producer_id() {
            // As a broker does: what comes first of an id is taken, whatever its number.
            let sequences = self.sequences.entry(header.producer_id);
            let expected = sequences.or_insert(header.base_sequence);
            if header.base_sequence < *expected {
                return Err(ErrorCode::DuplicateSequenceNumber);
            }
            if header.base_sequence > *expected {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            *expected = header.last_sequence() + 1;
        }
        let mut stored = records.to_vec();
        let base_offset = self.next_offset;
        patch_base_offset(&mut stored, base_offset);
        self.batches.push(stored);
        self.next_offset += i64::from(header.records_count);
        Ok(base_offset)
    }

    /// Bytes from the batch with `offset` on, the last batch cut off anywhere.
    fn from(&self, offset: i64, bytes_max: usize) -> Vec<u8> {
        let holds = |batch: &&Vec<u8>| {
            Batches::new(batch)
                .flatten()
                .any(|batch| batch.header.next_offset() > offset)
        };
        let wanted: Vec<&Vec<u8>> = self.batches.iter().filter(holds).collect();
        let first = wanted.first().map_or(0, |batch| batch.len());
        let mut bytes: Vec<u8> = wanted.into_iter().flatten().copied().collect();
        bytes.truncate(bytes_max.max(first));
        bytes
    }
}

const TOPIC_ID: Uuid = Uuid::from_u128(77);

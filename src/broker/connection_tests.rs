//! Connections of a whole broker in a simulated machine: they move, go deaf, and vanish.
//!
//! Room:       `broker`, tests only.

use super::*;
use crate::http::tests::exchange;
use crate::ids::ShardId;
use crate::io::{Address, Slice};
use crate::protocol::header::encode_request;
use crate::protocol::messages::fetch::{FetchPartition, FetchTopic};
use crate::protocol::messages::produce::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{
    FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
};
use crate::protocol::record_batch::{BatchBuilder, BatchOptions};
use crate::protocol::{BrokerId, ErrorCode, Request, TopicName};
use crate::runtime::{Runtime, Socket};
use crate::sim::clock::{Latency, MILLISECOND, SECOND};
use crate::sim::node::{drive, spawn};
use crate::sim::wire::Connection;
use crate::sim::{MachineId, World};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

const SHARDS: u16 = 2;
const PORT: u16 = 9092;
const METRICS_PORT: u16 = 9644;
pub(super) const TOPIC: &str = "orders";
/// Names topics, knows sessions.
const FETCH_VERSION: i16 = 11;
const PRODUCE_VERSION: i16 = 9;

pub(super) struct Broker {
    pub world: World,
    machine: MachineId,
    client: MachineId,
    plan: Plan,
    /// Of its shards.
    pub runtimes: Vec<Runtime>,
}

impl Broker {
    pub fn start(seed: u64) -> Broker {
        let world = World::new(seed);
        let (machine, client) = (world.machine(), world.machine());
        // Far enough for some thousand requests, not a hundred thousand.
        world.network(|network| {
            network.faults.delay = Latency::around(2 * MILLISECOND, 5 * MILLISECOND);
        });
        let text = format!(
            "log.dirs=/a\nottla.journal.file.bytes.min=1048576\nottla.memory.bytes=16777216\n\
             listeners=PLAINTEXT://{}:{PORT}",
            world.address(machine)
        );
        let host = crate::config::Machine::default();
        let read = BrokerConfig::parse(&text, "f", &[], &host);
        let plan = Plan::new(read.expect("valid").0, SHARDS);
        let mut runtimes = Vec::new();
        for index in 0..SHARDS {
            let (_, runtime) = drive(&world, machine);
            let shard = member(runtime.clone(), plan.clone(), ShardId(index));
            spawn(&runtime, shard);
            runtimes.push(runtime);
        }
        let (_, runtime) = drive(&world, machine);
        let up: Rc<Cell<bool>> = Rc::default();
        let told = up.clone();
        let address = Address::Tcp((world.address(machine), PORT).into());
        let metrics = (world.address(machine), METRICS_PORT);
        let listen = Listen {
            clients: vec![(0, address)],
            metrics: Some(Address::Tcp(metrics.into())),
        };
        let control = control(runtime.clone(), plan.clone(), listen, move |_| {
            told.set(true)
        });
        spawn(&runtime, async move {
            let stopped = control.await;
            panic!("the broker stopped: {stopped:?}");
        });
        assert!(world.run_until(60 * SECOND, || up.get()));
        Broker {
            world,
            machine,
            client,
            plan,
            runtimes,
        }
    }

    /// Runs a client to its end, which comes within `seconds`.
    pub fn run<T: 'static>(
        &self,
        seconds: u64,
        client: impl AsyncFnOnce(Desk) -> T + 'static,
    ) -> T {
        let (_, runtime) = drive(&self.world, self.client);
        let desk = Desk {
            address: Address::Tcp((self.world.address(self.machine), PORT).into()),
            metrics: Address::Tcp((self.world.address(self.machine), METRICS_PORT).into()),
            runtime: runtime.clone(),
            plan: self.plan.clone(),
            world: self.world.clone(),
        };
        let end: Rc<RefCell<Option<T>>> = Rc::default();
        let told = end.clone();
        spawn(&runtime, async move {
            *told.borrow_mut() = Some(client(desk).await);
        });
        let ended = || end.borrow().is_some();
        assert!(self.world.run_until(seconds * SECOND, ended), "in time");
        end.take().expect("seen to be there")
    }

    pub fn end(self) {
        self.world.kill(self.machine);
        self.world.kill(self.client);
    }
}

/// Where clients sit.
#[derive(Clone)]
pub(super) struct Desk {
    address: Address,
    metrics: Address,
    pub runtime: Runtime,
    plan: Plan,
    world: World,
}

impl Desk {
    pub async fn connect(&self) -> Rc<Connection> {
        let rng = self.world.fork_rng();
        let opened = Connection::open(&self.runtime, self.address.clone(), rng).await;
        Rc::new(opened.expect("the broker is up"))
    }

    async fn connect_raw(&self) -> Socket {
        let opened = self.runtime.connect(self.address.clone()).await;
        opened.expect("the broker is up")
    }

    async fn sleep(&self, span: Duration) {
        self.runtime.sleep(span).await;
    }

    /// The lines of `/metrics` that have this in them.
    async fn metrics(&self, wanted: &str) -> Vec<String> {
        let request = b"GET /metrics HTTP/1.1\r\nHost: broker\r\n\r\n";
        let page = exchange(&self.runtime, &self.metrics, request).await;
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        let lines = page.lines().filter(|line| line.contains(wanted));
        lines.map(str::to_owned).collect()
    }

    /// Makes the topic, with one partition.
    pub async fn make_topic(&self) {
        let connection = self.connect().await;
        loop {
            let mut request = MetadataRequest {
                allow_auto_topic_creation: true,
                ..MetadataRequest::default()
            };
            let topic = crate::protocol::messages::metadata::MetadataRequestTopic {
                name: Some(TopicName(TOPIC)),
                ..Default::default()
            };
            request.topics = Some(vec![topic]);
            let frame = connection.call(&request, 8).await.expect("answered");
            let response: MetadataResponse<'_> = frame.message();
            if response.topics[0].error_code == ErrorCode::None {
                return;
            }
            self.sleep(Duration::from_millis(100)).await;
        }
    }
}

fn batch(value_bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(1, None, Some(&vec![7; value_bytes]), &[]);
    builder.finish()
}

fn produce(records: &[u8]) -> ProduceRequest<'_> {
    ProduceRequest {
        acks: 1,
        timeout_ms: 60_000,
        topic_data: vec![TopicProduceData {
            name: TopicName(TOPIC),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: Some(records),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

fn fetch(from: i64, bytes_max: i32, wait_ms: i32, session: (i32, i32)) -> FetchRequest<'static> {
    let partition = FetchPartition {
        partition: 0,
        current_leader_epoch: -1,
        fetch_offset: from,
        partition_max_bytes: bytes_max,
        ..FetchPartition::default()
    };
    let topic = FetchTopic {
        topic: TopicName(TOPIC),
        partitions: vec![partition],
        ..FetchTopic::default()
    };
    FetchRequest {
        replica_id: BrokerId(-1),
        max_wait_ms: wait_ms,
        min_bytes: 1,
        max_bytes: bytes_max,
        session_id: session.0,
        session_epoch: session.1,
        topics: vec![topic],
        ..FetchRequest::default()
    }
}

fn encoded<'a, R: Request<'a>>(request: &R, version: i16) -> Slice {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, request, version, 1, Some("deaf")).expect("it fits");
    Slice::from(bytes)
}

/// Five produce requests in flight all the time; returns the offsets in the order of requests.
async fn produce_for(desk: &Desk, connection: &Rc<Connection>, span: Duration) -> Vec<i64> {
    let records = batch(3000);
    let until = desk.runtime.now().plus(span);
    let mut waiting = std::collections::VecDeque::new();
    let mut offsets = Vec::new();
    while desk.runtime.now() < until || !waiting.is_empty() {
        while waiting.len() < 5 && desk.runtime.now() < until {
            waiting.push_back(connection.send(&produce(&records), PRODUCE_VERSION));
        }
        let Some(reply) = waiting.pop_front() else {
            break;
        };
        let frame = connection.patiently(reply).await.expect("answered");
        let response: ProduceResponse<'_> = frame.message();
        let part = &response.responses[0].partition_responses[0];
        assert_eq!(part.error_code, ErrorCode::None);
        offsets.push(part.base_offset);
    }
    offsets
}

/// Two connections, one to each core, both busy with a partition of one core: they meet there,
/// without a pause in their requests, and neither order nor fetch sessions suffer.
#[test]
fn a_busy_connection_moves_to_the_core_it_works_for() {
    for seed in 1..=2 {
        let broker = Broker::start(seed);
        broker.run(120, async |desk: Desk| {
            desk.make_topic().await;
            desk.sleep(Duration::from_secs(1)).await;
            let (one, other) = (desk.connect().await, desk.connect().await);
            assert_eq!(desk.plan.load.by_shard(), [1, 1]);
            let mut sessions = Vec::new();
            for connection in [&one, &other] {
                let request = fetch(0, 1000, 0, (0, 0));
                let frame = connection.call(&request, FETCH_VERSION).await;
                let frame = frame.expect("answered");
                let response: FetchResponse<'_> = frame.message();
                assert_ne!(response.session_id, 0);
                sessions.push(response.session_id);
            }
            let span = Duration::from_secs(4);
            let both = crate::runtime::sync::both(
                produce_for(&desk, &one, span),
                produce_for(&desk, &other, span),
            );
            let (mine, others) = both.await;
            let mut loads = desk.plan.load.by_shard();
            loads.sort_unstable();
            assert_eq!(loads, [0, 2], "they live on one core now");
            for offsets in [&mine, &others] {
                assert!(offsets.len() > 100);
                assert!(offsets.is_sorted(), "requests kept their order");
            }
            let mut all = [mine, others].concat();
            all.sort_unstable();
            let count = all.len() as i64;
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            for (connection, session) in [one, other].iter().zip(sessions) {
                let request = fetch(count, 1000, 0, (session, 1));
                let frame = connection.call(&request, FETCH_VERSION).await;
                let frame = frame.expect("answered");
                let response: FetchResponse<'_> = frame.message();
                assert_eq!(
                    response.error_code,
                    ErrorCode::None,
                    "the session came along"
                );
            }
        });
        broker.end();
    }
}

/// Deaf clients ask for far more than the memory for answers; a bystander does not notice, and in
/// the end they are gone.
#[test]
fn who_takes_no_answers_is_cut_off_and_disturbs_nobody() {
    let broker = Broker::start(7);
    broker.run(300, async |desk: Desk| {
        desk.make_topic().await;
        let producer = desk.connect().await;
        let records = batch(900_000);
        for _ in 0..8 {
            let frame = producer.call(&produce(&records), PRODUCE_VERSION).await;
            let frame = frame.expect("answered");
            let response: ProduceResponse<'_> = frame.message();
            let part = &response.responses[0].partition_responses[0];
            assert_eq!(part.error_code, ErrorCode::None);
        }
        let mut deaf = Vec::new();
        for client in 0..30 {
            let socket = desk.connect_raw().await;
            let ask = encoded(&fetch(client % 8, 8 << 20, 0, (0, -1)), FETCH_VERSION);
            socket.send(vec![ask; 10]).await.expect("it is open");
            deaf.push(socket);
        }
        for _ in 0..20 {
            let before = desk.runtime.now();
            let request = fetch(3, 100_000, 0, (0, -1));
            let frame = producer.call(&request, FETCH_VERSION).await;
            let frame = frame.expect("answered");
            let response: FetchResponse<'_> = frame.message();
            let part = &response.responses[0].partitions[0];
            assert!(part.records.is_some_and(|records| records.len() > 800_000));
            assert!(desk.runtime.now().since(before) < Duration::from_secs(1));
            desk.sleep(Duration::from_millis(500)).await;
        }
        desk.sleep(Duration::from_secs(70)).await;
        assert_eq!(desk.plan.load.by_shard().iter().sum::<usize>(), 1);
        drop(deaf);
    });
    broker.end();
}

/// Clients that vanish without a packet, one with an answer on its way, one in a long poll, one
/// in the middle of a request, leave nothing behind.
#[test]
fn peers_that_vanish_are_noticed() {
    let broker = Broker::start(8);
    let sockets = broker.run(60, async |desk: Desk| {
        desk.make_topic().await;
        let producer = desk.connect().await;
        let records = batch(900_000);
        for _ in 0..2 {
            let answered = producer.call(&produce(&records), PRODUCE_VERSION).await;
            assert!(answered.is_some());
        }
        let asks = [
            vec![encoded(&fetch(0, 1 << 20, 0, (0, -1)), FETCH_VERSION)],
            vec![encoded(&fetch(2, 1 << 20, 30_000, (0, -1)), FETCH_VERSION)],
            vec![Slice::copy_of(&[0, 0, 1, 0, 5])],
            vec![Slice::copy_of(&[0])],
        ];
        let mut sockets = Vec::new();
        for ask in asks {
            let socket = desk.connect_raw().await;
            socket.send(ask).await.expect("it is open");
            sockets.push(socket);
        }
        desk.sleep(Duration::from_millis(500)).await;
        sockets
    });
    let held = || broker.plan.load.by_shard().iter().sum::<usize>();
    assert!(held() >= 4);
    broker.world.cut_link(broker.machine, broker.client);
    broker.world.run_for(100 * SECOND);
    // The last two have sent less than a request: one is cut in it, one is idle.
    assert!(held() <= 2, "{} are left", held());
    broker.world.run_for(600 * SECOND);
    assert_eq!(held(), 0);
    std::mem::forget(sockets);
    broker.end();
}

#[test]
fn metrics_tell_which_level_records_had_reached() {
    let broker = Broker::start(9);
    let (topics, requests) = broker.run(60, async |desk: Desk| {
        desk.make_topic().await;
        let producer = desk.connect().await;
        let records = batch(100);
        for acks in [1, 1, -1, -1, -1] {
            let request = ProduceRequest {
                acks,
                ..produce(&records)
            };
            let answered = producer.call(&request, PRODUCE_VERSION).await;
            assert!(answered.is_some());
        }
        let topics = desk.metrics("topic=\"orders\"").await;
        (topics, desk.metrics("requests_total{api=\"Produce\"").await)
    });
    let line = |level: &str, records: u64| {
        format!("ottla_topic_records_total{{topic=\"orders\",level=\"{level}\"}} {records}")
    };
    assert_eq!(
        topics,
        [line("memory", 0), line("written", 2), line("synced", 3)]
    );
    assert_eq!(requests, ["ottla_requests_total{api=\"Produce\"} 5"]);
    broker.end();
}

//! Question:  what does an append cost from the checked request to the disk's answer: validation,
//!            the copy into the journal's group, the write, and the checkpoint behind it?
//! Budget:    a 16 KiB batch: <= 6 us of user CPU over the kernel's cost; one write for all
//!            batches of a turn.
//! Workload:  one partition on one shard, batches of 1, 16 and 160 records of 100 B, 64 under way,
//!            acknowledged when written or when synced.
//! Prints:    batches and bytes per second, CPU of the shard's thread per batch, and batches per
//!            group of the journal.

use crate::Size;
use crate::decode::batch_of;
use crate::measure::{now, thread_cpu};
use ottla::config::{BrokerConfig, Machine};
use ottla::ids::{LeaderEpoch, PartitionKey, RequiredMark, ShardId, TopicId};
use ottla::io::Slice;
use ottla::io::uring::{Settings, open_all};
use ottla::journal::{Incarnation, Journal, JournalSettings};
use ottla::log::{Log, LogStorage, StorageSettings};
use ottla::partition::{Append, LogDir, Origin, Partition, Terms, TopicSettings};
use ottla::runtime::Runtime;
use ottla::shard::checkpointer::Checkpointer;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Batches that wait for their acknowledgement at a time.
const UNDER_WAY: usize = 64;

const KEY: PartitionKey = PartitionKey {
    topic: TopicId([7; 16]),
    partition: 0,
};

pub fn run(size: &Size) {
    let folder = size
        .folder
        .join(format!("ottla-bench-append-{}", std::process::id()));
    for records in [1, 16, 160] {
        for (name, acks) in [("written", 1), ("synced", -1)] {
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            appends(size, &folder, records, name, acks);
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}

fn appends(size: &Size, folder: &Path, records: usize, name: &str, acks: i16) {
    let seed = open_all(1, Settings::default())
        .expect("io_uring is there")
        .remove(0);
    let runtime = Runtime::new(Box::new(seed.open().expect("io_uring is there")));
    let batch = batch_of(records);
    let bytes = batch.len();
    let span = size.span;
    let folder = folder.to_owned();
    let inner = runtime.clone();
    let (count, groups, elapsed, cpu) = runtime.block_on(async move {
        let partition = open(&inner, &folder).await;
        let dir = partition.dir();
        let first_group = dir.journal.upcoming();
        let (start, cpu_start) = (now(), thread_cpu());
        let mut under_way = VecDeque::new();
        let mut count = 0u64;
        while start.elapsed() < span || !under_way.is_empty() {
            while under_way.len() < UNDER_WAY && start.elapsed() < span {
                let terms = Terms {
                    acks,
                    zstd_allowed: true,
                    now: inner.wall(),
                    deadline: inner.now().plus(Duration::from_secs(60)),
                    origin: Origin::CLIENT,
                };
                let records = Slice::from(batch.clone());
                let appended = match partition.append(&inner, records, terms, None) {
                    Append::Now(appended) => appended,
                    Append::Later(appended) => appended.await,
                };
                let appended = appended.expect("the batch is valid and the disk works");
                under_way.push_back(appended.group.expect("it is no duplicate"));
                count += 1;
            }
            if let Some(group) = under_way.pop_front() {
                let mark = match acks {
                    -1 => RequiredMark::Synced,
                    _ => RequiredMark::Written,
                };
                dir.journal.wait(group, mark).await.expect("the disk works");
                dir.advance();
            }
        }
        let groups = dir.journal.upcoming().0 - first_group.0;
        (count, groups, start.elapsed(), thread_cpu() - cpu_start)
    });
    let rate = count as f64 / elapsed.as_secs_f64();
    println!(
        "append   {records:>4} records  {bytes:>6} B  {name:<8} {rate:9.0} /s  {:7.1} MB/s  \
         {:6.2} us CPU  {:5.1} batches a group",
        rate * bytes as f64 / 1e6,
        cpu.as_secs_f64() * 1e6 / count as f64,
        count as f64 / groups.max(1) as f64,
    );
}

/// A partition as a shard has it, with its journal and its checkpointer.
async fn open(runtime: &Runtime, folder: &Path) -> Rc<Partition> {
    let shard = ShardId(0);
    let settings = JournalSettings::default();
    let journal = Journal::start(runtime, folder, shard, Incarnation(1), settings)
        .await
        .expect("the folder is ours");
    let storage = LogStorage::new(runtime, folder, StorageSettings::default());
    let nothing_given = BrokerConfig::from_given(&[], &Machine::default());
    let (broker, _) = nothing_given.expect("the defaults are valid");
    let settings = TopicSettings::new(broker.topic_defaults);
    let log = Log::create(&storage, &folder.join("bench-0"), KEY, settings.log.clone())
        .await
        .expect("the folder is ours");
    let checkpointer = Checkpointer::start(runtime, folder, shard, journal.clone());
    checkpointer.add_new(&log).expect("the journal is open");
    let dir = LogDir::new(folder.to_owned(), [1; 16], journal, storage);
    let partition = Partition::new(KEY, Arc::from("bench"), dir, log, settings);
    partition.lead(LeaderEpoch(0));
    partition
}

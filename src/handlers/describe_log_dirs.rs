//! DescribeLogDirs (API 35): each log dir, its partitions with their sizes, the room that is left.
//! Stages: ask every shard for its partitions; join them by log dir.

use super::context::{Call, Response, Unanswerable};
use crate::ids::PartitionKey;
use crate::metadata::Image;
use crate::protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest,
    DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::protocol::{ErrorCode, TopicName};
use crate::runtime::Pace;
use crate::shard::message::PartitionSize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The size of a file system that could not be asked (KIP-827).
const UNKNOWN_BYTES: i64 = -1;

/// A log dir over all shards.
#[derive(Default)]
struct Dir {
    is_offline: bool,
    total_bytes: i64,
    usable_bytes: i64,
    /// By partition, a future replica behind the present one.
    topics: BTreeMap<Arc<str>, BTreeMap<(i32, bool), PartitionSize>>,
}

pub async fn handle(
    call: &Call,
    request: DescribeLogDirsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let mut pace = call.pace();
    let keys = match &request.topics {
        Some(topics) => Some(Arc::new(keys(&call.image(), topics, &mut pace).await)),
        None => None,
    };
    let mut dirs: BTreeMap<PathBuf, Dir> = BTreeMap::new();
    for content in call.context.router.dir_contents(keys).await {
        let dir = dirs.entry(content.path).or_default();
        dir.is_offline |= content.is_offline;
        for (topic, size) in content.partitions {
            let place = (size.partition, size.is_future);
            dir.topics.entry(topic).or_default().insert(place, size);
            pace.step().await;
        }
    }
    for (path, dir) in &mut dirs {
        let space = call.context.router.shard.runtime.space(path).await;
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        (dir.total_bytes, dir.usable_bytes) = match space {
            Ok((total, available)) => (bytes(total), bytes(available)),
            Err(_) => (UNKNOWN_BYTES, UNKNOWN_BYTES),
        };
    }
    let paths: Vec<String> = dirs.keys().map(|path| path.display().to_string()).collect();
    let results = dirs
        .values()
        .zip(&paths)
        .map(|(dir, path)| result(path, dir));
    let response = DescribeLogDirsResponse {
        results: results.collect(),
        ..DescribeLogDirsResponse::default()
    };
    call.respond(&response)
}

/// The partitions that are asked for, in their order.
async fn keys(
    image: &Image,
    topics: &[DescribableLogDirTopic<'_>],
    pace: &mut Pace,
) -> Vec<PartitionKey> {
    let mut keys = BTreeSet::new();
    for asked in topics {
        pace.step().await;
        let Some(topic) = image.topic(asked.topic.0) else {
            continue;
        };
        for partition in &asked.partitions {
            pace.step().await;
            keys.insert(PartitionKey {
                topic: topic.id,
                partition: *partition,
            });
        }
    }
    keys.into_iter().collect()
}

fn result<'r>(path: &'r str, dir: &'r Dir) -> DescribeLogDirsResult<'r> {
    let topics = dir.topics.iter().map(|(name, sizes)| DescribeLogDirsTopic {
        name: TopicName(name),
        partitions: sizes.values().map(partition).collect(),
    });
    DescribeLogDirsResult {
        error_code: match dir.is_offline {
            true => ErrorCode::KafkaStorageError,
            false => ErrorCode::None,
        },
        log_dir: path,
        topics: topics.filter(|_| !dir.is_offline).collect(),
        total_bytes: dir.total_bytes,
        usable_bytes: dir.usable_bytes,
        is_cordoned: false,
    }
}

fn partition(size: &PartitionSize) -> DescribeLogDirsPartition {
    DescribeLogDirsPartition {
        partition_index: size.partition,
        partition_size: size.bytes,
        offset_lag: size.offset_lag,
        is_future_key: size.is_future,
    }
}

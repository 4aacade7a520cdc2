//! The producer's flags, and the settings a result is worthless without.
//!
//! Room:       `cli::perf`.
//! Called by:  `perf`.
//! Never:      has defaults of its own, but one: `latency` doesn't linger unless told to.

use super::report::machine;
use crate::client::properties::ClientConfig;
use crate::client::{Acks, ClientError, Cluster};

/// The producer properties people change most; all others by `--command-property`.
#[derive(clap::Args, Clone, Debug)]
pub struct ProducerFlags {
    /// Acknowledgements to wait for: 0, 1 or all [default: all]
    #[arg(long)]
    acks: Option<String>,
    /// Bytes of a batch before compression [default: 16384]
    #[arg(long, value_name = "BYTES")]
    batch_size: Option<u32>,
    /// How long a batch waits for more records [default: 5; latency: 0]
    #[arg(long, value_name = "MS")]
    linger_ms: Option<u32>,
    /// none, gzip, snappy, lz4 or zstd.
    #[arg(long, value_name = "CODEC")]
    compression_type: Option<String>,
    /// Number batches, so that none is stored twice [default: true with acks=all]
    #[arg(long, value_name = "BOOL")]
    idempotence: Option<bool>,
}

impl ProducerFlags {
    /// Sets what was given. `lone` records leave at once unless told otherwise.
    pub fn apply(&self, config: &mut ClientConfig, lone: bool) -> Result<(), ClientError> {
        let linger = self.linger_ms.or(lone.then_some(0));
        let given = [
            ("acks", self.acks.clone()),
            ("batch.size", self.batch_size.map(|bytes| bytes.to_string())),
            ("linger.ms", linger.map(|ms| ms.to_string())),
            ("compression.type", self.compression_type.clone()),
            (
                "enable.idempotence",
                self.idempotence.map(|yes| yes.to_string()),
            ),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                config.set(name, &value)?;
            }
        }
        Ok(())
    }
}

/// What explains a writing run.
pub fn of_producer(
    cluster: &Cluster,
    topic: &str,
    partitions: usize,
) -> Vec<(&'static str, String)> {
    let producer = cluster.config().producer;
    let mut settings = common(cluster, topic, partitions);
    let acks = match producer.acks {
        Acks::None => "0",
        Acks::Leader => "1",
        Acks::All => "all",
    };
    settings.extend([
        ("acks", acks.to_owned()),
        ("enable.idempotence", producer.idempotent.to_string()),
        ("batch.size", format!("{} B", producer.batch_bytes)),
        ("linger.ms", producer.linger.as_millis().to_string()),
        ("compression.type", producer.compression.name().to_owned()),
        ("max in flight", producer.in_flight_max.to_string()),
    ]);
    settings
}

/// What explains a reading run.
pub fn of_consumer(
    cluster: &Cluster,
    topic: &str,
    partitions: usize,
) -> Vec<(&'static str, String)> {
    let consumer = cluster.config().consumer;
    let mut settings = common(cluster, topic, partitions);
    settings.extend([
        ("fetch.min.bytes", consumer.fetch_bytes_min.to_string()),
        ("fetch.max.bytes", consumer.fetch_bytes_max.to_string()),
        (
            "max.partition.fetch",
            consumer.partition_bytes_max.to_string(),
        ),
        ("check.crcs", consumer.check_crcs.to_string()),
    ]);
    settings
}

fn common(cluster: &Cluster, topic: &str, partitions: usize) -> Vec<(&'static str, String)> {
    let addresses: Vec<String> = cluster
        .known()
        .brokers
        .values()
        .map(|broker| broker.address.to_string())
        .collect();
    vec![
        ("brokers", addresses.join(", ")),
        ("topic", format!("{topic}, {partitions} partitions")),
        ("client machine", machine()),
    ]
}

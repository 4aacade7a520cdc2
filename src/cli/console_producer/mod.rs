//! `ottla console-producer`: one record per line of stdin, as `kafka-console-producer` reads them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`; `lines` takes the input apart.
//! Never:      exits 0 before everything is acknowledged; leaves queued records behind when a
//!             later line is refused; prompts when stdin is no terminal.

mod lines;

use super::ClientFlags;
use super::client_flags::{name_and_value, properties_of};
use super::output::{Outcome, Refusal, note};
use crate::client::partitioner::Partitioner;
use crate::client::{ClientConfig, Cluster, Outgoing, PartitionHandle, Producer, clock};
use lines::{Format, Lines, Parsed};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The flags of `ottla console-producer`.
#[derive(clap::Args, Debug)]
pub struct ConsoleProducer {
    /// The topic to write to.
    #[arg(long)]
    topic: String,
    /// Write to this partition only; otherwise the key decides, or batches take turns.
    #[arg(long)]
    partition: Option<i32>,
    /// none, gzip, snappy, lz4 or zstd; gzip when the flag stands alone.
    #[arg(long, value_name = "CODEC", num_args = 0..=1, default_missing_value = "gzip")]
    compression_codec: Option<String>,
    /// Acknowledgements: 0, 1 or all.
    #[arg(
        long,
        visible_alias = "acks",
        value_name = "ACKS",
        allow_hyphen_values = true
    )]
    request_required_acks: Option<String>,
    /// Wait for each record's acknowledgement before the next.
    #[arg(long)]
    sync: bool,
    /// Milliseconds a batch waits for more records (linger.ms).
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    /// Bytes of a batch (batch.size).
    #[arg(long, value_name = "BYTES")]
    batch_size: Option<u64>,
    /// Deprecated: the same as --batch-size, and wins over it.
    #[arg(long, value_name = "BYTES")]
    max_partition_memory_bytes: Option<u64>,
    /// Bytes of records that may wait for their acknowledgement (buffer.memory).
    #[arg(long, value_name = "BYTES")]
    max_memory_bytes: Option<u64>,
    /// How often a batch is sent again before it is given up (retries).
    #[arg(long, value_name = "N")]
    message_send_max_retries: Option<u64>,
    /// Milliseconds before a batch is sent again (retry.backoff.ms).
    #[arg(long, value_name = "MS")]
    retry_backoff_ms: Option<u64>,
    /// Milliseconds to wait for one answer (request.timeout.ms).
    #[arg(long, value_name = "MS")]
    request_timeout_ms: Option<u64>,
    /// Milliseconds after which the topic is looked up again (metadata.max.age.ms).
    #[arg(long, value_name = "MS")]
    metadata_expiry_ms: Option<u64>,
    /// Milliseconds to wait for room or for the topic (max.block.ms).
    #[arg(long, value_name = "MS")]
    max_block_ms: Option<u64>,
    /// Accepted; the system sizes the buffers of sockets.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i32).range(-1..))]
    #[arg(allow_hyphen_values = true)]
    socket_buffer_size: Option<i32>,
    /// How lines are read: parse.key, key.separator, parse.headers, headers.delimiter,
    /// headers.separator, headers.key.separator, null.marker, ignore.error.
    #[arg(long, visible_alias = "property", value_name = "NAME=VALUE")]
    reader_property: Vec<String>,
    /// A properties file of how lines are read; --reader-property wins over it.
    #[arg(long, value_name = "FILE")]
    reader_config: Option<PathBuf>,
    /// Kafka's LineMessageReader is the one there is.
    #[arg(long, value_name = "CLASS")]
    line_reader: Option<String>,
    /// A client property of the producer; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    producer_property: Vec<String>,
    /// Deprecated: the same as --command-config.
    #[arg(
        long = "producer.config",
        visible_alias = "producer-config",
        value_name = "FILE",
        conflicts_with = "command_config"
    )]
    producer_config: Option<PathBuf>,
    #[command(flatten)]
    client: ClientFlags,
}

impl ConsoleProducer {
    pub fn run(self) -> Outcome {
        let format = self.format()?;
        let config = self.config()?;
        let settings = config.producer;
        let cluster = Cluster::connect(config)?;
        let partitions = partitions_of(&cluster, &self.topic)?;
        let failure: Arc<Mutex<Option<String>>> = Arc::default();
        let failed = failure.clone();
        let producer = Producer::new(
            cluster.clone(),
            Box::new(move |delivery| {
                if let Err(error) = delivery.result
                    && let Ok(mut first) = failed.lock()
                {
                    first.get_or_insert_with(|| error.to_string());
                }
            }),
        );
        let mut sender = Sender {
            cluster,
            producer,
            topic: self.topic.clone(),
            fixed: self.partition,
            partitions,
            handles: Vec::new(),
            // Tools that are run again and again shall not all begin with partition 0.
            partitioner: Partitioner::new(&settings, clock::wall_ns()),
            looked_up_at: clock::now(),
        };
        let sent = self.send_lines(&format, &mut sender, &failure, settings.request_bytes_max);
        // What was queued before a refused line is written; the first thing that failed is told.
        let flushed = sender.producer.flush(FLUSH_TIMEOUT);
        sent?;
        flushed?;
        taken(&failure).map_or(Ok(()), |reason| Err(Refusal::new(reason)))
    }

    fn send_lines(
        &self,
        format: &Format,
        sender: &mut Sender,
        failure: &Mutex<Option<String>>,
        line_bytes_max: usize,
    ) -> Outcome {
        let prompt = std::io::stdin().is_terminal();
        let mut lines = Lines::new(std::io::stdin().lock(), line_bytes_max);
        loop {
            if prompt {
                let _ = write!(std::io::stderr(), ">");
            }
            let Some((number, line)) = lines.next()? else {
                return Ok(());
            };
            sender.send(&format.parse(line, number).map_err(Refusal::new)?)?;
            if self.sync {
                sender.producer.flush(FLUSH_TIMEOUT)?;
            }
            if let Some(reason) = taken(failure) {
                return Err(Refusal::new(reason));
            }
        }
    }

    fn format(&self) -> Result<Format, Refusal> {
        let reader = self.line_reader.as_deref().unwrap_or("LineMessageReader");
        if !matches!(reader.rsplit('.').next(), Some("LineMessageReader")) {
            return Err(Refusal::new(format_args!(
                "--line-reader {reader}: classes of one's own cannot be loaded; \
                 org.apache.kafka.tools.LineMessageReader is there"
            )));
        }
        let mut properties = match &self.reader_config {
            Some(file) => properties_of(file)?,
            None => Vec::new(),
        };
        for property in &self.reader_property {
            let (name, value) = name_and_value("--reader-property", property)?;
            properties.push((name.to_owned(), value.to_owned()));
        }
        Format::of(&properties)
    }

    fn config(&self) -> Result<ClientConfig, Refusal> {
        let mut config = self.client.config_as(
            "console-producer",
            self.producer_config.as_deref(),
            ("--producer-property", &self.producer_property),
        )?;
        let text = |number: Option<u64>| number.map(|number| number.to_string());
        let given = [
            ("compression.type", self.compression_codec.clone()),
            ("acks", self.request_required_acks.clone()),
            ("linger.ms", text(self.timeout)),
            ("batch.size", text(self.batch_size)),
            ("batch.size", text(self.max_partition_memory_bytes)),
            ("buffer.memory", text(self.max_memory_bytes)),
            ("retries", text(self.message_send_max_retries)),
            ("retry.backoff.ms", text(self.retry_backoff_ms)),
            ("request.timeout.ms", text(self.request_timeout_ms)),
            ("metadata.max.age.ms", text(self.metadata_expiry_ms)),
            ("max.block.ms", text(self.max_block_ms)),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                config.set(name, &value)?;
            }
        }
        config.notes.iter().for_each(note);
        Ok(config)
    }
}

/// Longer than any delivery takes: the producer gives up by itself before.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(600);

fn taken(failure: &Mutex<Option<String>>) -> Option<String> {
    failure.lock().ok().and_then(|mut first| first.take())
}

fn partitions_of(cluster: &Cluster, topic: &str) -> Result<i32, Refusal> {
    let count = cluster.topic(topic, true)?.partitions.len();
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

struct Sender {
    cluster: Arc<Cluster>,
    producer: Producer,
    topic: String,
    fixed: Option<i32>,
    partitions: i32,
    handles: Vec<Option<PartitionHandle>>,
    partitioner: Partitioner,
    looked_up_at: Instant,
}

impl Sender {
    fn send(&mut self, parsed: &Parsed<'_>) -> Outcome {
        let now = clock::now();
        if now.duration_since(self.looked_up_at) >= self.cluster.config().metadata_age_max {
            // The topic may have more partitions by now.
            self.looked_up_at = now;
            self.partitions = partitions_of(&self.cluster, &self.topic)?;
        }
        let size = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let bytes = size(parsed.key) + size(parsed.value);
        let partition = match self.fixed {
            Some(partition) => partition,
            None => self.partitioner.next(parsed.key, bytes, self.partitions),
        };
        let place = usize::try_from(partition).unwrap_or(usize::MAX);
        if !(0..self.partitions).contains(&partition) {
            return Err(Refusal::new(format_args!(
                "--partition {partition}: topic '{}' has {} partitions",
                self.topic, self.partitions
            )));
        }
        if place >= self.handles.len() {
            self.handles.resize(place + 1, None);
        }
        let handle = &mut self.handles[place];
        let to = match *handle {
            Some(to) => to,
            None => *handle.insert(self.producer.partition(&self.topic, partition)?),
        };
        self.producer.send(
            to,
            &Outgoing {
                timestamp: clock::wall_ms(),
                key: parsed.key,
                value: parsed.value,
                headers: &parsed.headers,
                tag: 0,
            },
        )?;
        Ok(())
    }
}

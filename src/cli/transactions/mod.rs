//! `ottla transactions`: what transactions there are, and the end of those that hang, as
//! `kafka-transactions` does (KIP-664).
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      ends a transaction that was not named.

mod abort;
mod ask;
mod hanging;

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::Cluster;
use ask::{Described, Producer};

/// The flags of `ottla transactions`.
#[derive(clap::Args, Debug)]
pub struct Transactions {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    client: ClientFlags,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lists transactional ids with their coordinator and state.
    List {
        /// Only transactions open for longer than this many milliseconds; all if negative.
        #[arg(long, value_name = "MS", allow_hyphen_values = true)]
        duration_filter: Option<i64>,
        /// Only ids that match as a whole.
        #[arg(long, value_name = "PATTERN")]
        transactional_id_pattern: Option<String>,
    },
    /// Describes the transaction of one transactional id.
    Describe {
        #[arg(long, value_name = "ID")]
        transactional_id: String,
    },
    /// Describes the producers that wrote to a partition lately.
    DescribeProducers {
        /// A replica to ask, instead of the leader.
        #[arg(long, value_name = "ID")]
        broker_id: Option<i32>,
        #[arg(long)]
        topic: String,
        #[arg(long, value_name = "NUMBER")]
        partition: i32,
    },
    /// Aborts a hanging transaction in one partition.
    Abort(abort::Abort),
    /// Finds transactions that are open in partitions and that no coordinator knows.
    FindHanging(hanging::FindHanging),
    /// Aborts the transaction of a transactional id and fences its producer.
    #[command(
        name = "forceTerminateTransaction",
        alias = "force-terminate-transaction"
    )]
    ForceTerminate {
        #[arg(
            long = "transactionalId",
            alias = "transactional-id",
            value_name = "ID"
        )]
        transactional_id: String,
    },
}

impl Transactions {
    pub fn run(self) -> Outcome {
        let cluster = Cluster::connect(self.client.config()?)?;
        cluster.refresh(Some(&[]), false)?;
        match self.command {
            Command::List {
                duration_filter,
                transactional_id_pattern,
            } => {
                let pattern = transactional_id_pattern.as_deref();
                let listed = ask::list(&cluster, &[], duration_filter.unwrap_or(-1), pattern)?;
                let rows = listed.into_iter().map(|listed| {
                    vec![
                        listed.transactional_id,
                        listed.coordinator.to_string(),
                        listed.producer_id.to_string(),
                        listed.state,
                    ]
                });
                table(self.json, LIST_HEADERS, rows.collect())
            }
            Command::Describe { transactional_id } => {
                let described = ask::describe(&cluster, &transactional_id)?;
                let described = described.ok_or_else(|| {
                    Refusal::new(format_args!(
                        "Failed to describe transaction state of transactional-id \
                         `{transactional_id}`: nobody uses it"
                    ))
                })?;
                let rows = vec![describe_row(&transactional_id, &described)];
                table(self.json, DESCRIBE_HEADERS, rows)
            }
            Command::DescribeProducers {
                broker_id,
                topic,
                partition,
            } => {
                cluster.refresh(Some(&[&topic]), false)?;
                let producers = ask::producers(&cluster, &topic, partition, broker_id)?;
                let rows = producers.iter().map(producer_row).collect();
                table(self.json, PRODUCER_HEADERS, rows)
            }
            Command::Abort(abort) => abort.run(&cluster),
            Command::FindHanging(find) => find.run(&cluster, self.json),
            Command::ForceTerminate { transactional_id } => {
                abort::force_terminate(&cluster, &transactional_id)
            }
        }
    }
}

fn describe_row(transactional_id: &str, described: &Described) -> Vec<String> {
    let (start, duration) = match described.start_ms {
        start @ 0.. => (start.to_string(), (ask::wall() - start).to_string()),
        _ => (NONE.to_owned(), NONE.to_owned()),
    };
    let partitions = described.partitions.iter();
    let partitions: Vec<String> = partitions.map(|(t, p)| format!("{t}-{p}")).collect();
    vec![
        described.coordinator.to_string(),
        transactional_id.to_owned(),
        described.producer_id.to_string(),
        described.producer_epoch.to_string(),
        described.state.clone(),
        described.timeout_ms.to_string(),
        start,
        duration,
        partitions.join(","),
    ]
}

fn producer_row(producer: &Producer) -> Vec<String> {
    let start = match producer.start_offset {
        start @ 0.. => start.to_string(),
        _ => NONE.to_owned(),
    };
    vec![
        producer.id.to_string(),
        producer.epoch.to_string(),
        producer.coordinator_epoch.to_string(),
        producer.last_sequence.to_string(),
        producer.last_timestamp.to_string(),
        start,
    ]
}

/// Prints rows under headers, each column as wide as its widest cell, as Kafka's tool does.
fn table(json: bool, headers: &[&str], rows: Vec<Vec<String>>) -> Outcome {
    if json {
        let rows = rows.into_iter().map(|row| {
            let cells = headers.iter().zip(row);
            cells
                .map(|(header, cell)| ((*header).to_owned(), serde_json::Value::String(cell)))
                .collect::<serde_json::Map<_, _>>()
        });
        let rows = rows.map(serde_json::Value::Object).collect();
        return print(&format!("{}\n", serde_json::Value::Array(rows)));
    }
    let mut widths: Vec<usize> = headers.iter().map(|header| header.len()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (cell, width) in cells.zip(&widths) {
            out.push_str(cell);
            let pad = width.saturating_sub(cell.chars().count());
            out.extend(std::iter::repeat_n(' ', pad));
            out.push('\t');
        }
        out.push('\n');
    };
    line(&mut headers.iter().copied());
    for row in &rows {
        line(&mut row.iter().map(String::as_str));
    }
    print(&out)
}

const NONE: &str = "None";

const LIST_HEADERS: &[&str] = &[
    "TransactionalId",
    "Coordinator",
    "ProducerId",
    "TransactionState",
];

const DESCRIBE_HEADERS: &[&str] = &[
    "CoordinatorId",
    "TransactionalId",
    "ProducerId",
    "ProducerEpoch",
    "TransactionState",
    "TransactionTimeoutMs",
    "CurrentTransactionStartTimeMs",
    "TransactionDurationMs",
    "TopicPartitions",
];

const PRODUCER_HEADERS: &[&str] = &[
    "ProducerId",
    "ProducerEpoch",
    "LatestCoordinatorEpoch",
    "LastSequence",
    "LastTimestamp",
    "CurrentTransactionStartOffset",
];

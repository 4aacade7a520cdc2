//! `ottla console-consumer`: records on stdout, as `kafka-console-consumer` prints them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      mixes notes with data: those go to stderr. Joins no group (yet).

use super::ClientFlags;
use super::output::{Outcome, Refusal, note};
use crate::client::{Cluster, ConsumedRecord, Consumer, Start, clock};
use crate::protocol::record_batch::TimestampType;
use std::io::{ErrorKind, Write};
use std::time::Duration;

/// The flags of `ottla console-consumer`.
#[derive(clap::Args, Debug)]
pub struct ConsoleConsumer {
    /// The topic to read.
    #[arg(long)]
    topic: String,
    /// Read this partition only.
    #[arg(long)]
    partition: Option<i32>,
    /// Where to start: earliest, latest, or an offset (with --partition).
    #[arg(
        long,
        value_name = "OFFSET",
        allow_hyphen_values = true,
        requires = "partition"
    )]
    offset: Option<String>,
    /// Start at the beginning instead of the end.
    #[arg(long)]
    from_beginning: bool,
    /// Stop after so many records.
    #[arg(long, value_name = "N")]
    max_messages: Option<u64>,
    /// Stop when no record came for so long, milliseconds.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// What is printed: print.key, print.value, print.timestamp, print.offset, print.partition,
    /// print.epoch, print.headers, key.separator, line.separator, headers.separator, null.literal.
    #[arg(
        long = "formatter-property",
        visible_alias = "property",
        value_name = "NAME=VALUE"
    )]
    formatter_property: Vec<String>,
    /// Kafka's DefaultMessageFormatter, or NoOpMessageFormatter to print nothing.
    #[arg(long, value_name = "CLASS")]
    formatter: Option<String>,
    /// read_uncommitted or read_committed.
    #[arg(long, value_name = "LEVEL")]
    isolation_level: Option<String>,
    /// Print each record as one line of JSON.
    #[arg(long)]
    json: bool,
    /// A client property of the consumer; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    consumer_property: Vec<String>,
    /// A properties file for the consumer.
    #[arg(long, value_name = "FILE")]
    consumer_config: Option<std::path::PathBuf>,
    #[command(flatten)]
    client: ClientFlags,
}

/// What is printed of a record, in Kafka's order.
struct Format {
    silent: bool,
    timestamp: bool,
    partition: bool,
    offset: bool,
    epoch: bool,
    headers: bool,
    key: bool,
    value: bool,
    key_separator: String,
    line_separator: String,
    headers_separator: String,
    null_literal: String,
}

impl ConsoleConsumer {
    pub fn run(self) -> Outcome {
        let format = self.format()?;
        let mut config = self.client.config()?;
        if let Some(file) = &self.consumer_config {
            config.load(file)?;
        }
        for property in &self.consumer_property {
            let (name, value) = property.split_once('=').ok_or_else(|| {
                Refusal::new(format_args!(
                    "--consumer-property takes NAME=VALUE, not '{property}'"
                ))
            })?;
            config.set(name, value)?;
        }
        if let Some(level) = &self.isolation_level {
            config.set("isolation.level", level)?;
        }
        let start = self.start()?;
        let cluster = Cluster::connect(config)?;
        let topic = cluster.topic(&self.topic, true)?;
        let partitions: Vec<i32> = match self.partition {
            Some(partition) => vec![partition],
            None => topic
                .partitions
                .iter()
                .map(|partition| partition.index)
                .collect(),
        };
        let assignment: Vec<(&str, i32, Start)> = partitions
            .iter()
            .map(|index| (self.topic.as_str(), *index, start))
            .collect();
        let consumer = Consumer::assign(cluster, &assignment)?;
        let mut out = std::io::BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
        let count = self.consume(consumer, &format, &mut out);
        let flushed = out.flush();
        let count = match (count, flushed) {
            (Ok(_), Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
                return Err(Refusal::new(format_args!(
                    "cannot write to stdout: {error}"
                )));
            }
            (count, _) => count?,
        };
        note(format_args!("Processed a total of {count} messages"));
        Ok(())
    }

    /// Prints records until one of the bounds is met; returns how many.
    fn consume(
        &self,
        mut consumer: Consumer,
        format: &Format,
        out: &mut impl Write,
    ) -> Result<u64, Refusal> {
        const POLL: Duration = Duration::from_millis(100);
        let limit = self.max_messages.unwrap_or(u64::MAX);
        let patience = self.timeout_ms.map(Duration::from_millis);
        let mut count = 0;
        let mut last = clock::now();
        let mut bytes = Vec::new();
        while count < limit {
            let Some(fetched) = consumer.poll(POLL)? else {
                if out.flush().is_err() {
                    return Ok(count);
                }
                match patience {
                    Some(patience) if clock::now().duration_since(last) >= patience => {
                        note(format_args!(
                            "no record came for {} ms (--timeout-ms)",
                            patience.as_millis()
                        ));
                        return Ok(count);
                    }
                    _ => continue,
                }
            };
            for record in fetched.records() {
                let record = record?;
                if count == limit {
                    break;
                }
                count += 1;
                bytes.clear();
                match self.json {
                    true => json(&fetched.topic, fetched.partition, &record, &mut bytes),
                    false => format.write(fetched.partition, &record, &mut bytes),
                }
                // Whoever read has gone: that is how `| head` ends.
                if out.write_all(&bytes).is_err() {
                    return Ok(count);
                }
            }
            last = clock::now();
        }
        Ok(count)
    }

    fn start(&self) -> Result<Start, Refusal> {
        match self.offset.as_deref() {
            None if self.from_beginning => Ok(Start::Earliest),
            None => Ok(Start::Latest),
            Some(_) if self.from_beginning => Err(Refusal::new(
                "--offset and --from-beginning exclude each other",
            )),
            Some("earliest" | "-2") => Ok(Start::Earliest),
            Some("latest" | "-1") => Ok(Start::Latest),
            Some(text) => match text.parse() {
                Ok(offset @ 0..) => Ok(Start::Offset(offset)),
                _ => Err(Refusal::new(format_args!(
                    "--offset takes earliest, latest or a number from 0, not '{text}'"
                ))),
            },
        }
    }

    fn format(&self) -> Result<Format, Refusal> {
        let mut format = Format {
            silent: false,
            timestamp: false,
            partition: false,
            offset: false,
            epoch: false,
            headers: false,
            key: false,
            value: true,
            key_separator: "\t".to_owned(),
            line_separator: "\n".to_owned(),
            headers_separator: ",".to_owned(),
            null_literal: "null".to_owned(),
        };
        match self
            .formatter
            .as_deref()
            .map(|class| class.rsplit('.').next().unwrap_or(class))
        {
            None | Some("DefaultMessageFormatter" | "default") => {}
            Some("NoOpMessageFormatter" | "noop") => format.silent = true,
            Some("LoggingMessageFormatter") => format.key = true,
            Some(other) => {
                return Err(Refusal::new(format_args!(
                    "--formatter {other} is not known; DefaultMessageFormatter, \
                     LoggingMessageFormatter and NoOpMessageFormatter are"
                )));
            }
        }
        for property in &self.formatter_property {
            let (name, value) = property.split_once('=').ok_or_else(|| {
                Refusal::new(format_args!(
                    "--property takes NAME=VALUE, not '{property}'"
                ))
            })?;
            let yes = value == "true";
            match name {
                "print.timestamp" => format.timestamp = yes,
                "print.partition" => format.partition = yes,
                "print.offset" => format.offset = yes,
                "print.epoch" => format.epoch = yes,
                "print.headers" => format.headers = yes,
                "print.key" => format.key = yes,
                "print.value" => format.value = yes,
                "key.separator" => format.key_separator = value.to_owned(),
                "line.separator" => format.line_separator = value.to_owned(),
                "headers.separator" => format.headers_separator = value.to_owned(),
                "null.literal" => format.null_literal = value.to_owned(),
                other => note(format_args!("note: property {other} has no effect here")),
            }
        }
        Ok(format)
    }
}

impl Format {
    fn write(&self, partition: i32, record: &ConsumedRecord<'_>, out: &mut Vec<u8>) {
        if self.silent {
            return;
        }
        let mut fields: Vec<Vec<u8>> = Vec::new();
        if self.timestamp {
            fields.push(match (record.timestamp, record.timestamp_type) {
                (-1, _) => b"NO_TIMESTAMP".to_vec(),
                (at, TimestampType::CreateTime) => format!("CreateTime:{at}").into_bytes(),
                (at, TimestampType::LogAppendTime) => format!("LogAppendTime:{at}").into_bytes(),
            });
        }
        if self.partition {
            fields.push(format!("Partition:{partition}").into_bytes());
        }
        if self.offset {
            fields.push(format!("Offset:{}", record.offset).into_bytes());
        }
        if self.epoch {
            fields.push(format!("Epoch:{}", record.leader_epoch).into_bytes());
        }
        if self.headers {
            fields.push(self.headers(record));
        }
        if self.key {
            fields.push(self.or_null(record.key));
        }
        if self.value {
            fields.push(self.or_null(record.value));
        }
        out.extend(fields.join(self.key_separator.as_bytes()));
        out.extend_from_slice(self.line_separator.as_bytes());
    }

    fn headers(&self, record: &ConsumedRecord<'_>) -> Vec<u8> {
        if record.headers.is_empty() {
            return b"NO_HEADERS".to_vec();
        }
        let headers: Vec<Vec<u8>> = record
            .headers
            .iter()
            .map(|header| {
                let mut text = header.key.to_vec();
                text.push(b':');
                text.extend(self.or_null(header.value));
                text
            })
            .collect();
        headers.join(self.headers_separator.as_bytes())
    }

    fn or_null(&self, bytes: Option<&[u8]>) -> Vec<u8> {
        bytes.unwrap_or(self.null_literal.as_bytes()).to_vec()
    }
}

fn json(topic: &str, partition: i32, record: &ConsumedRecord<'_>, out: &mut Vec<u8>) {
    let text =
        |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let headers: Vec<serde_json::Value> = record
        .headers
        .iter()
        .map(|header| serde_json::json!([String::from_utf8_lossy(header.key), text(header.value)]))
        .collect();
    let line = serde_json::json!({
        "topic": topic, "partition": partition, "offset": record.offset,
        "timestamp": record.timestamp, "key": text(record.key), "value": text(record.value),
        "headers": headers,
    });
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

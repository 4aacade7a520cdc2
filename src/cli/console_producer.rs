//! `ottla console-producer`: one record per line of stdin, as `kafka-console-producer` reads them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`.
//! Never:      exits 0 before everything is acknowledged; prompts when stdin is no terminal.

use super::ClientFlags;
use super::output::{Outcome, Refusal, note};
use crate::client::{Cluster, Outgoing, PartitionHandle, Producer, clock, partitioner};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The flags of `ottla console-producer`.
#[derive(clap::Args, Debug)]
pub struct ConsoleProducer {
    /// The topic to write to.
    #[arg(long)]
    topic: String,
    /// Write to this partition only; otherwise the key decides, or each record goes on.
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
    /// Milliseconds a batch waits for more records.
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
    /// Bytes of a batch.
    #[arg(long, value_name = "BYTES")]
    max_partition_memory_bytes: Option<u64>,
    /// How lines are read: parse.key, key.separator, parse.headers, headers.delimiter,
    /// headers.separator, headers.key.separator, null.marker, ignore.error.
    #[arg(
        long = "reader-property",
        visible_alias = "property",
        value_name = "NAME=VALUE"
    )]
    reader_property: Vec<String>,
    /// A client property of the producer; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    producer_property: Vec<String>,
    /// A properties file for the producer.
    #[arg(long, value_name = "FILE")]
    producer_config: Option<std::path::PathBuf>,
    #[command(flatten)]
    client: ClientFlags,
}

/// How a line becomes a record.
#[derive(Debug, PartialEq, Eq)]
struct Format {
    parse_key: bool,
    key_separator: String,
    parse_headers: bool,
    headers_delimiter: String,
    headers_separator: String,
    headers_key_separator: String,
    null_marker: Option<String>,
    ignore_error: bool,
}

/// One line, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parsed<'l> {
    key: Option<&'l str>,
    value: Option<&'l str>,
    headers: Vec<(&'l str, Option<&'l str>)>,
}

impl ConsoleProducer {
    pub fn run(self) -> Outcome {
        let format = Format::of(&self.reader_property)?;
        let cluster = Cluster::connect(self.config()?)?;
        let topic = cluster.topic(&self.topic, true)?;
        let partitions = topic.partitions.len() as i32;
        let failure: Arc<Mutex<Option<String>>> = Arc::default();
        let failed = failure.clone();
        let producer = Producer::new(
            cluster,
            Box::new(move |delivery| {
                if let Err(error) = delivery.result
                    && let Ok(mut first) = failed.lock()
                {
                    first.get_or_insert_with(|| error.to_string());
                }
            }),
        );
        let mut sender = Sender {
            producer,
            topic: self.topic.clone(),
            fixed: self.partition,
            partitions,
            handles: vec![None; partitions.max(0) as usize],
            turn: 0,
        };
        let prompt = std::io::stdin().is_terminal();
        let mut stdin = std::io::stdin().lock();
        let mut line = String::new();
        for number in 1_u64.. {
            if prompt {
                let _ = write!(std::io::stderr(), ">");
            }
            line.clear();
            let read = stdin
                .read_line(&mut line)
                .map_err(|error| Refusal::new(format_args!("stdin, line {number}: {error}")))?;
            if read == 0 {
                break;
            }
            let text = line.strip_suffix('\n').unwrap_or(&line);
            let parsed = format.parse(text).map_err(|reason| {
                Refusal::new(format_args!("{reason} on line number {number}: '{text}'"))
            })?;
            sender.send(&parsed)?;
            if self.sync {
                sender.producer.flush(FLUSH_TIMEOUT)?;
            }
            if let Some(reason) = taken(&failure) {
                return Err(Refusal::new(reason));
            }
        }
        sender.producer.flush(FLUSH_TIMEOUT)?;
        match taken(&failure) {
            Some(reason) => Err(Refusal::new(reason)),
            None => Ok(()),
        }
    }

    fn config(&self) -> Result<crate::client::ClientConfig, Refusal> {
        let mut config = self.client.config()?;
        if let Some(file) = &self.producer_config {
            config.load(file)?;
        }
        if let Some(codec) = &self.compression_codec {
            config.set("compression.type", codec)?;
        }
        if let Some(acks) = &self.request_required_acks {
            config.set("acks", acks)?;
        }
        if let Some(linger) = self.timeout {
            config.set("linger.ms", &linger.to_string())?;
        }
        if let Some(bytes) = self.max_partition_memory_bytes {
            config.set("batch.size", &bytes.to_string())?;
        }
        for property in &self.producer_property {
            let (name, value) = split_property("--producer-property", property)?;
            config.set(name, value)?;
        }
        Ok(config)
    }
}

/// Longer than any delivery takes: the producer gives up by itself before.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(600);

fn taken(failure: &Mutex<Option<String>>) -> Option<String> {
    failure.lock().ok().and_then(|mut first| first.take())
}

struct Sender {
    producer: Producer,
    topic: String,
    fixed: Option<i32>,
    partitions: i32,
    handles: Vec<Option<PartitionHandle>>,
    turn: i32,
}

impl Sender {
    fn send(&mut self, parsed: &Parsed<'_>) -> Outcome {
        let partition = match (self.fixed, parsed.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partitioner::partition_of_key(key.as_bytes(), self.partitions),
            (None, None) => {
                self.turn = (self.turn + 1) % self.partitions.max(1);
                self.turn
            }
        };
        let known = usize::try_from(partition)
            .ok()
            .and_then(|place| self.handles.get_mut(place));
        let Some(handle) = known else {
            return Err(Refusal::new(format_args!(
                "--partition {partition}: topic '{}' has {} partitions",
                self.topic, self.partitions
            )));
        };
        let to = match *handle {
            Some(to) => to,
            None => *handle.insert(self.producer.partition(&self.topic, partition)?),
        };
        let headers: Vec<(&str, Option<&[u8]>)> = parsed
            .headers
            .iter()
            .map(|(name, value)| (*name, value.map(str::as_bytes)))
            .collect();
        self.producer.send(
            to,
            &Outgoing {
                timestamp: clock::wall_ms(),
                key: parsed.key.map(str::as_bytes),
                value: parsed.value.map(str::as_bytes),
                headers: &headers,
                tag: 0,
            },
        )?;
        Ok(())
    }
}

impl Format {
    fn of(properties: &[String]) -> Result<Format, Refusal> {
        let mut format = Format {
            parse_key: false,
            key_separator: "\t".to_owned(),
            parse_headers: false,
            headers_delimiter: "\t".to_owned(),
            headers_separator: ",".to_owned(),
            headers_key_separator: ":".to_owned(),
            null_marker: None,
            ignore_error: false,
        };
        for property in properties {
            let (name, value) = split_property("--property", property)?;
            let value = value.to_owned();
            match name {
                "parse.key" => format.parse_key = value == "true",
                "key.separator" => format.key_separator = value,
                "parse.headers" => format.parse_headers = value == "true",
                "headers.delimiter" => format.headers_delimiter = value,
                "headers.separator" => format.headers_separator = value,
                "headers.key.separator" => format.headers_key_separator = value,
                "null.marker" => format.null_marker = Some(value),
                "ignore.error" => format.ignore_error = value == "true",
                other => note(format_args!("note: property {other} has no effect here")),
            }
        }
        Ok(format)
    }

    fn parse<'l>(&self, line: &'l str) -> Result<Parsed<'l>, String> {
        let mut parsed = Parsed::default();
        let mut rest = line;
        if self.parse_headers {
            let split = self.part(rest, &self.headers_delimiter, "headers delimiter")?;
            if let Some((headers, after)) = split {
                rest = after;
                if !self.is_null(headers) {
                    for header in headers.split(&self.headers_separator) {
                        let split =
                            self.part(header, &self.headers_key_separator, "header key separator")?;
                        let (name, value) = split.unwrap_or((header, ""));
                        parsed
                            .headers
                            .push((name, (!self.is_null(value)).then_some(value)));
                    }
                }
            }
        }
        if self.parse_key
            && let Some((key, after)) = self.part(rest, &self.key_separator, "key separator")?
        {
            parsed.key = (!self.is_null(key)).then_some(key);
            rest = after;
        }
        parsed.value = (!self.is_null(rest)).then_some(rest);
        Ok(parsed)
    }

    /// Splits at the first separator; a line without one is refused, or taken as it is.
    fn part<'l>(
        &self,
        text: &'l str,
        separator: &str,
        what: &str,
    ) -> Result<Option<(&'l str, &'l str)>, String> {
        match text.split_once(separator) {
            Some(split) => Ok(Some(split)),
            None if self.ignore_error => Ok(None),
            None => Err(format!("No {what} found")),
        }
    }

    fn is_null(&self, text: &str) -> bool {
        self.null_marker.as_deref() == Some(text)
    }
}

fn split_property<'p>(flag: &str, property: &'p str) -> Result<(&'p str, &'p str), Refusal> {
    property
        .split_once('=')
        .ok_or_else(|| Refusal::new(format_args!("{flag} takes NAME=VALUE, not '{property}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(properties: &[&str]) -> Format {
        let properties: Vec<String> = properties.iter().map(ToString::to_string).collect();
        Format::of(&properties).expect("names and values")
    }

    #[test]
    fn a_line_is_a_value() {
        let parsed = Parsed {
            value: Some("a\tb"),
            ..Parsed::default()
        };
        assert_eq!(format(&[]).parse("a\tb").unwrap(), parsed);
    }

    #[test]
    fn headers_then_key_then_value() {
        let format = format(&["parse.key=true", "parse.headers=true", "null.marker=NULL"]);
        let parsed = Parsed {
            key: Some("k"),
            value: None,
            headers: vec![("h1", Some("v1")), ("h2", None)],
        };
        assert_eq!(format.parse("h1:v1,h2:NULL\tk\tNULL").unwrap(), parsed);
        assert_eq!(
            format.parse("no tab").unwrap_err(),
            "No headers delimiter found"
        );
    }

    #[test]
    fn errors_may_be_ignored() {
        let format = format(&["parse.key=true", "ignore.error=true"]);
        let parsed = Parsed {
            value: Some("v"),
            ..Parsed::default()
        };
        assert_eq!(format.parse("v").unwrap(), parsed);
    }
}

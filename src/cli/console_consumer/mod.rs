//! `ottla console-consumer`: records on stdout, as `kafka-console-consumer` prints them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`: a plain consumer, or a member of a group.
//! Never:      mixes notes with data: those go to stderr. Commits a record that is not printed.

mod deserialize;
mod format;

use super::ClientFlags;
use super::client_flags::{name_and_value, properties_of};
use super::output::{Outcome, Refusal, note};
use super::server::{block_signals, wait_for_signal};
use crate::client::member::{GroupConsumer, Subscription};
use crate::client::properties::OffsetReset;
use crate::client::{ClientConfig, ClientError, Cluster, Consumer, Fetched, Start, clock};
pub use format::Formatter;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The flags of `ottla console-consumer`.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["topic", "include"]))]
pub struct ConsoleConsumer {
    /// The topic to read.
    #[arg(long)]
    topic: Option<String>,
    /// Every topic whose name fits this regular expression.
    #[arg(long, value_name = "PATTERN")]
    include: Option<String>,
    /// Read this partition only.
    #[arg(long, requires = "topic", conflicts_with = "group")]
    partition: Option<i32>,
    /// Where to start: earliest, latest, or an offset (with --partition).
    #[arg(
        long,
        value_name = "OFFSET",
        allow_hyphen_values = true,
        requires = "partition",
        conflicts_with = "from_beginning"
    )]
    offset: Option<String>,
    /// Start at the beginning instead of the end where nothing is committed.
    #[arg(long)]
    from_beginning: bool,
    /// Be a member of this group: share its partitions, commit what is printed.
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// Stop after so many records.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    max_messages: Option<i64>,
    /// Stop when no record came for so long, milliseconds.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    timeout_ms: Option<i64>,
    /// What is printed: print.key, print.value, print.timestamp, print.offset, print.partition,
    /// print.epoch, print.headers, key.separator, line.separator, headers.separator, null.literal,
    /// key.deserializer, value.deserializer, headers.deserializer.
    #[arg(long, visible_alias = "property", value_name = "NAME=VALUE")]
    formatter_property: Vec<String>,
    /// A properties file of what is printed; --formatter-property wins over it.
    #[arg(long, value_name = "FILE")]
    formatter_config: Option<PathBuf>,
    /// Kafka's Default-, Logging-, NoOp-, Offsets-, GroupMetadata-, TransactionLog-, ShareGroup- or
    /// ShareGroupStateMessageFormatter.
    #[arg(long, value_name = "CLASS")]
    formatter: Option<String>,
    /// How keys are read: a deserializer of Kafka's, String, Integer, Long …
    #[arg(long, value_name = "CLASS")]
    key_deserializer: Option<String>,
    /// How values are read.
    #[arg(long, value_name = "CLASS")]
    value_deserializer: Option<String>,
    /// Go on after a record that cannot be printed.
    #[arg(long)]
    skip_message_on_error: bool,
    /// Say on stdout when it is over, for system tests.
    #[arg(long)]
    enable_systest_events: bool,
    /// read_uncommitted or read_committed.
    #[arg(long, value_name = "LEVEL")]
    isolation_level: Option<String>,
    /// Print each record as one line of JSON.
    #[arg(long)]
    json: bool,
    /// A client property of the consumer; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    consumer_property: Vec<String>,
    /// Deprecated: the same as --command-config.
    #[arg(
        long = "consumer.config",
        visible_alias = "consumer-config",
        value_name = "FILE",
        conflicts_with = "command_config"
    )]
    consumer_config: Option<PathBuf>,
    #[command(flatten)]
    client: ClientFlags,
}

impl ConsoleConsumer {
    pub fn run(self) -> Outcome {
        // Before any thread starts: a signal ends the reading, so that what was read is committed.
        block_signals();
        let formatter = self.formatter()?;
        let config = self.config()?;
        let limit = self
            .max_messages
            .and_then(|limit| u64::try_from(limit).ok());
        let patience = self.timeout_ms.and_then(|ms| u64::try_from(ms).ok());
        let printing = Printing {
            formatter,
            limit: limit.unwrap_or(u64::MAX),
            patience: patience.map(Duration::from_millis),
            skip_on_error: self.skip_message_on_error,
            stopped: Arc::default(),
        };
        let source = self.source(config)?;
        end_on_signal(&printing, &source)?;
        let mut out = std::io::BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
        let (count, outcome) = printing.run(source, &mut out);
        let flushed = out.flush();
        note(format_args!("Processed a total of {count} messages"));
        if self.enable_systest_events {
            let _ = writeln!(out, "shutdown_complete").and_then(|()| out.flush());
        }
        outcome?;
        match flushed {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Refusal::new(format_args!(
                "cannot write to stdout: {error}"
            ))),
            _ => Ok(()),
        }
    }

    /// Where records come from: a member of a group, or a reader of all partitions.
    fn source(&self, config: ClientConfig) -> Result<Source, Refusal> {
        let group = config.group.id.clone();
        let start = self.start(config.consumer.offset_reset)?;
        let cluster = Cluster::connect(config)?;
        if let Some(pattern) = &self.include {
            let pattern = regex_lite::Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
                Refusal::new(format_args!("--include is no regular expression: {error}"))
            })?;
            // Topics of later are found by the group's rules; nobody is to find this group again.
            let group =
                group.unwrap_or_else(|| format!("console-consumer-{}", clock::wall_ns() % 100_000));
            let topics = Subscription::Pattern(pattern);
            let member = GroupConsumer::new(cluster, &group, topics)?;
            return Ok(Source::Member(Box::new(member)));
        }
        let topic = self.topic.as_deref().unwrap_or_default();
        if let (Some(group), None) = (&group, self.partition) {
            let topics = Subscription::Topics(vec![topic.to_owned()]);
            let member = GroupConsumer::new(cluster, group, topics)?;
            return Ok(Source::Member(Box::new(member)));
        }
        let there = cluster.topic(topic, true)?;
        let partitions: Vec<i32> = match self.partition {
            Some(partition) => vec![partition],
            None => there.partitions.iter().map(|one| one.index).collect(),
        };
        let assignment: Vec<(&str, i32, Start)> = partitions
            .iter()
            .map(|index| (topic, *index, start))
            .collect();
        Ok(Source::Reader(Consumer::assign(cluster, &assignment)?))
    }

    fn config(&self) -> Result<ClientConfig, Refusal> {
        let mut config = self.client.config_as(
            "console-consumer",
            self.consumer_config.as_deref(),
            ("--consumer-property", &self.consumer_property),
        )?;
        if let Some(level) = &self.isolation_level {
            config.set("isolation.level", level)?;
        }
        if self.from_beginning {
            if config.was_set("auto.offset.reset")
                && config.consumer.offset_reset != OffsetReset::Earliest
            {
                return Err(Refusal::new(
                    "Can't simultaneously specify --from-beginning and another auto.offset.reset \
                     than earliest, please remove one option",
                ));
            }
            config.set("auto.offset.reset", "earliest")?;
        }
        match (&self.group, &config.group.id) {
            (Some(flag), Some(property)) if flag != property => {
                return Err(Refusal::new(format_args!(
                    "The group ids provided in different places (directly using '--group', via \
                     '--consumer-property', or via '--consumer.config') do not match. Detected \
                     group ids: '{flag}', '{property}'"
                )));
            }
            (Some(flag), _) => config.set("group.id", flag)?,
            // Nobody comes back to a group without a name.
            (None, None) if !config.was_set("enable.auto.commit") => {
                config.set("enable.auto.commit", "false")?;
            }
            _ => {}
        }
        if config.group.id.is_some() && self.partition.is_some() {
            return Err(Refusal::new(
                "Options group and partition cannot be specified together.",
            ));
        }
        config.notes.iter().for_each(note);
        Ok(config)
    }

    /// Where a reader without a group begins.
    fn start(&self, reset: OffsetReset) -> Result<Start, Refusal> {
        match self
            .offset
            .as_deref()
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None if self.partition.is_some() && !self.from_beginning => Ok(Start::Latest),
            None => Ok(match reset {
                OffsetReset::Earliest => Start::Earliest,
                OffsetReset::Latest => Start::Latest,
                OffsetReset::Back(ms) => Start::Time((clock::wall_ms() - ms).max(0)),
                OffsetReset::Refuse if self.group.is_none() && self.include.is_none() => {
                    return Err(Refusal::new(
                        "auto.offset.reset is none and nothing is committed without a group; name \
                         one with --group, or where to start",
                    ));
                }
                OffsetReset::Refuse => Start::Latest,
            }),
            Some("earliest") => Ok(Start::Earliest),
            Some("latest") => Ok(Start::Latest),
            Some(text) => match text.parse() {
                Ok(offset @ 0..) => Ok(Start::Offset(offset)),
                _ => Err(Refusal::new(format_args!(
                    "The provided offset value '{text}' is incorrect. Valid values are \
                     'earliest', 'latest', or a non-negative long."
                ))),
            },
        }
    }

    fn formatter(&self) -> Result<Formatter, Refusal> {
        if self.json {
            return Ok(Formatter::Json);
        }
        let mut properties = match &self.formatter_config {
            Some(file) => properties_of(file)?,
            None => Vec::new(),
        };
        for (name, class) in [
            ("key.deserializer", &self.key_deserializer),
            ("value.deserializer", &self.value_deserializer),
        ] {
            if let Some(class) = class {
                properties.push((name.to_owned(), class.clone()));
            }
        }
        for property in &self.formatter_property {
            let (name, value) = name_and_value("--formatter-property", property)?;
            properties.push((name.to_owned(), value.to_owned()));
        }
        Formatter::of(self.formatter.as_deref(), &properties)
    }
}

/// Where records come from.
enum Source {
    Reader(Consumer),
    Member(Box<GroupConsumer>),
}

impl Source {
    fn poll(&mut self) -> Result<Option<Fetched>, ClientError> {
        match self {
            Self::Reader(consumer) => consumer.poll(POLL),
            Self::Member(member) => member.poll(POLL),
        }
    }

    fn consumed(&mut self, fetched: &Fetched, offset: i64, epoch: i32) {
        if let Self::Member(member) = self {
            member.consumed(&fetched.topic, fetched.partition, offset, epoch);
        }
    }

    fn close(self) -> Result<(), ClientError> {
        match self {
            Self::Reader(_) => Ok(()),
            Self::Member(member) => member.close(),
        }
    }
}

/// The first signal ends the reading, the second one the process.
fn end_on_signal(printing: &Printing, source: &Source) -> Outcome {
    let stopped = Arc::clone(&printing.stopped);
    let stopper = match source {
        Source::Member(member) => Some(member.stopper()),
        Source::Reader(_) => None,
    };
    let wait = move || {
        wait_for_signal();
        stopped.store(true, Ordering::SeqCst);
        if let Some(stopper) = stopper {
            stopper.stop();
        }
        wait_for_signal();
        std::process::exit(130);
    };
    let thread = std::thread::Builder::new().name("signals".into());
    let started = thread.spawn(wait);
    started
        .map(drop)
        .map_err(|error| Refusal::new(format_args!("no thread: {error}")))
}

/// How records are printed, and until when.
struct Printing {
    formatter: Formatter,
    limit: u64,
    patience: Option<Duration>,
    skip_on_error: bool,
    stopped: Arc<AtomicBool>,
}

impl Printing {
    /// Prints until one of the bounds is met; how many records, and how it ended.
    fn run(&self, mut source: Source, out: &mut impl Write) -> (u64, Outcome) {
        let mut count = 0;
        let printed = self.print(&mut source, &mut count, out);
        // A failure shows again at the end, where it is told.
        let _ = out.flush();
        let closed = source.close();
        let outcome = printed.and_then(|()| closed.map_err(Refusal::from));
        (count, outcome)
    }

    fn print(&self, source: &mut Source, count: &mut u64, out: &mut impl Write) -> Outcome {
        let mut last = clock::now();
        while *count < self.limit && !self.stopped.load(Ordering::SeqCst) {
            match source.poll()? {
                Some(fetched) => {
                    if !self.print_part(source, &fetched, count, out)? {
                        return Ok(());
                    }
                    // The next poll may commit: what is committed was printed.
                    if matches!(source, Source::Member(_)) && out.flush().is_err() {
                        return Ok(());
                    }
                    last = clock::now();
                }
                None => {
                    if out.flush().is_err() {
                        return Ok(());
                    }
                    let waited = clock::now().duration_since(last);
                    if let Some(patience) = self.patience.filter(|patience| waited >= *patience) {
                        let ms = patience.as_millis();
                        note(format_args!("no record came for {ms} ms (--timeout-ms)"));
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Prints the records of one partition; false when nobody reads any more.
    fn print_part(
        &self,
        source: &mut Source,
        fetched: &Fetched,
        count: &mut u64,
        out: &mut impl Write,
    ) -> Result<bool, Refusal> {
        let mut bytes = Vec::new();
        let mut epoch = -1;
        for record in fetched.records() {
            let record = record?;
            if *count == self.limit || self.stopped.load(Ordering::SeqCst) {
                return Ok(true);
            }
            *count += 1;
            bytes.clear();
            let written =
                self.formatter
                    .write(&fetched.topic, fetched.partition, &record, &mut bytes);
            if let Err(reason) = written {
                let (topic, partition) = (&fetched.topic, fetched.partition);
                let line = format!("{topic}-{partition} at offset {}: {reason}", record.offset);
                if !self.skip_on_error {
                    return Err(Refusal::new(line));
                }
                note(format_args!("skipped {line}"));
                bytes.clear();
            }
            // Whoever read has gone: that is how `| head` ends.
            if out.write_all(&bytes).is_err() {
                note("Unable to write to standard out, closing consumer.");
                return Ok(false);
            }
            epoch = record.leader_epoch;
            source.consumed(fetched, record.offset + 1, epoch);
        }
        // Markers of transactions take offsets too.
        source.consumed(fetched, fetched.next_offset, epoch);
        Ok(true)
    }
}

/// How long one poll waits before the bounds are looked at again.
const POLL: Duration = Duration::from_millis(100);

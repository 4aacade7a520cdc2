//! `ottla perf`: loads any Kafka broker and measures it.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client`, as any user would.
//! Never:      lets a slow broker slow the question: with `--rate`, send times are fixed in
//!             advance and latency counts from them, not from when the client got around to it.
//!
//! `load` writes, `reader` reads, `measure` counts, `payload` proves, `report` and `plot` tell.

mod load;
mod measure;
mod payload;
mod plot;
mod reader;
mod report;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::measure::{Measure, Ticker};
use self::payload::{Content, Payload, STAMP_BYTES};
use self::reader::Signals;
use self::report::{Report, Side, cpu_seconds};
use self::settings::ProducerFlags;
use super::ClientFlags;
use super::output::{Outcome, Refusal};
use crate::client::admin::{OffsetSpec, create_topic, list_offsets};
use crate::client::{Cluster, Consumer, Start, clock};

/// The commands of `ottla perf`.
#[derive(clap::Args, Debug)]
pub struct Perf {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: ClientFlags,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Writes records, as fast as it goes or at a fixed rate, and times their acknowledgements.
    Produce(Produce),
    /// Reads records as fast as they come, and verifies what `produce` wrote.
    Consume(Consume),
    /// Writes at a fixed rate and reads at the same time: acknowledgement and end-to-end times.
    Latency(Latency),
}

/// How results are shown.
#[derive(clap::Args, Clone, Debug)]
struct Output {
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Draw the run: FILE.svg, or FILE.html with the numbers.
    #[arg(long, value_name = "FILE", global = true, value_parser = picture)]
    plot: Option<PathBuf>,
    /// No live line on stderr.
    #[arg(long, global = true)]
    quiet: bool,
}

/// Flags that `produce` and `latency` share.
#[derive(clap::Args, Clone, Debug)]
struct Writing {
    /// The topic to write to.
    #[arg(long)]
    topic: String,
    /// Create the topic with so many partitions if it does not exist.
    #[arg(long, value_name = "PARTITIONS")]
    create: Option<i32>,
    /// Write to this partition only.
    #[arg(long)]
    partition: Option<i32>,
    /// Bytes of each record's value.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    record_size: usize,
    /// How many records; otherwise `--duration` ends the run.
    #[arg(long, value_name = "N")]
    records: Option<u64>,
    /// Seconds to run [default: 10, without --records]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Seconds at the start that do not count.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    warmup: Duration,
    /// Give records one of so many keys; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    keys: u64,
    /// What values are made of.
    #[arg(long, value_enum, default_value_t = Content::Random)]
    payload: Content,
    #[command(flatten)]
    producer: ProducerFlags,
}

#[derive(clap::Args, Debug)]
struct Produce {
    #[command(flatten)]
    writing: Writing,
    /// Records per second over all partitions; 0 is as fast as it goes.
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    rate: f64,
}

#[derive(clap::Args, Debug)]
struct Latency {
    #[command(flatten)]
    writing: Writing,
    /// Records per second over all partitions.
    #[arg(long, default_value_t = 1000.0, value_parser = rate)]
    rate: f64,
}

#[derive(clap::Args, Debug)]
struct Consume {
    /// The topic to read.
    #[arg(long)]
    topic: String,
    /// Read this partition only.
    #[arg(long)]
    partition: Option<i32>,
    /// Where to begin.
    #[arg(long, value_enum, default_value_t = From::Earliest)]
    from: From,
    /// Stop after so many records.
    #[arg(long, value_name = "N")]
    records: Option<u64>,
    /// Stop after so many seconds. Without this and --records: at the end as it is now.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Give up when nothing comes for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    idle: Duration,
    /// Check that nothing is missing, doubled, moved or changed of what `produce` wrote.
    #[arg(long)]
    verify: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum From {
    Earliest,
    Latest,
}

impl Perf {
    pub fn run(self) -> Outcome {
        let report = match &self.command {
            Command::Produce(produce) => self
                .write(&produce.writing, produce.rate)
                .map(|done| done.report("produce")),
            Command::Consume(consume) => self.consume(consume),
            Command::Latency(latency) => self.latency(latency),
        }?;
        report.publish(self.output.json, self.output.plot.as_deref())
    }

    fn consume(&self, flags: &Consume) -> Result<Report, Refusal> {
        let config = self.client.config()?;
        let cluster = Cluster::connect(config)?;
        let partitions = partitions(&cluster, &flags.topic, flags.partition, None)?;
        let start = match flags.from {
            From::Earliest => Start::Earliest,
            From::Latest => Start::Latest,
        };
        let to_the_end = flags.records.is_none() && flags.duration.is_none();
        let ends = match to_the_end {
            false => None,
            true => Some(ends(&cluster, &flags.topic, &partitions)?),
        };
        let from_start = match flags.from {
            From::Earliest => never_cut(&cluster, &flags.topic, &partitions)?,
            From::Latest => Vec::new(),
        };
        let (started, wall_start_ns) = (clock::now(), clock::wall_ns());
        let measure = Measure::new("read", started, Duration::ZERO);
        let plan = reader::Plan {
            topic: flags.topic.clone(),
            starts: partitions
                .iter()
                .map(|partition| (*partition, start))
                .collect(),
            from_start,
            ends,
            records: flags.records,
            duration: flags.duration,
            idle: Some(flags.idle),
            verify: flags.verify,
            // Old records waited in the log; only what comes in now has a latency.
            wall_start_ns: (flags.from == From::Latest).then_some(wall_start_ns),
            started,
        };
        let ticker = Ticker::start(vec![Arc::clone(&measure)], self.output.quiet);
        let read = reader::run(&cluster, &plan, &measure, &Signals::default());
        drop(ticker);
        let read = read?;
        let counts = measure.finish();
        let mut faults = Vec::new();
        if !read.complete && flags.duration.is_none() {
            faults.push(format!(
                "{} records read, then nothing for {} s",
                read.records,
                flags.idle.as_secs()
            ));
        }
        if let Some(found) = read.findings.filter(|found| !found.is_clean()) {
            faults.push(format!("what was read is not what was written: {found:?}"));
        }
        let seconds = counts.seconds(counts_from(&counts, flags.from));
        Ok(Report {
            tool: "consume",
            settings: settings::of_consumer(&cluster, &flags.topic, partitions.len()),
            sides: vec![Side {
                name: measure.name,
                seconds,
                counts,
            }],
            late_max_ns: None,
            findings: read.findings,
            client_cpu_seconds: cpu_seconds(),
            faults,
        })
    }

    fn latency(&self, flags: &Latency) -> Result<Report, Refusal> {
        if flags.rate <= 0.0 {
            return Err(Refusal::new("latency needs a --rate above 0"));
        }
        if flags.writing.record_size < STAMP_BYTES {
            return Err(Refusal::new(format_args!(
                "latency needs a --record-size of at least {STAMP_BYTES}, room for the send time"
            )));
        }
        let mut done = self.write(&flags.writing, flags.rate)?;
        done.settings
            .insert(0, ("mode", "open loop, produce and consume".into()));
        Ok(done.report("latency"))
    }

    /// Writes by plan; `latency` reads along.
    fn write(&self, flags: &Writing, rate: f64) -> Result<Written, Refusal> {
        let reads_along = matches!(self.command, Command::Latency(_));
        let mut config = self.client.config()?;
        flags.producer.apply(&mut config, reads_along)?;
        let cluster = Cluster::connect(config)?;
        let partitions = partitions(&cluster, &flags.topic, flags.partition, Some(flags.create))?;
        let duration = match (flags.duration, flags.records) {
            (None, None) => Some(flags.warmup + DURATION_DEFAULT),
            (Some(duration), _) => Some(flags.warmup + duration),
            (None, Some(_)) => None,
        };
        let mut consumer = match reads_along {
            false => None,
            true => {
                let assigned: Vec<(&str, i32, Start)> = partitions
                    .iter()
                    .map(|p| (flags.topic.as_str(), *p, Start::Latest))
                    .collect();
                Some(Consumer::assign(Arc::clone(&cluster), &assigned)?)
            }
        };
        // The first record is due when all is prepared, a known time from now.
        let lead = PREPARE
            + PREPARE_EACH
                .saturating_mul(partitions.len() as u32)
                .min(PREPARE_MAX);
        let (started, wall_start) = (clock::now() + lead, clock::wall_ns());
        let wall_start_ns = wall_start + lead.as_nanos() as u64;
        let plan = load::Plan {
            topic: flags.topic.clone(),
            partitions: partitions.clone(),
            rate,
            records: flags.records,
            duration,
            keys: flags.keys,
            value_bytes: flags.record_size,
            wall_start_ns,
            started,
        };
        let acked = Measure::new("acknowledged", started, flags.warmup);
        let read = Measure::new("end to end", started, flags.warmup);
        let mut payload = Payload::new(
            wall_start_ns,
            partitions.len(),
            flags.record_size,
            flags.payload,
        );
        let mut measures = vec![Arc::clone(&acked)];
        measures.extend(reads_along.then(|| Arc::clone(&read)));
        let ticker = Ticker::start(measures, self.output.quiet);
        let reading = reader::Plan {
            topic: flags.topic.clone(),
            starts: Vec::new(),
            from_start: Vec::new(),
            ends: None,
            records: plan.records_planned(),
            duration: None,
            idle: Some(IDLE_AFTER_LOAD),
            verify: true,
            wall_start_ns: Some(wall_start_ns),
            started,
        };
        let signals = Signals {
            writing: AtomicBool::new(true),
            ..Default::default()
        };
        let (sent, seen) = std::thread::scope(|scope| {
            let reader = consumer.as_mut().map(|consumer| {
                scope.spawn(|| reader::consume(consumer, &reading, &read, &signals))
            });
            let sent = load::run(&cluster, &plan, &mut payload, &acked);
            signals.writing.store(false, Ordering::SeqCst);
            signals.stop.store(sent.is_err(), Ordering::SeqCst);
            (sent, reader.map(|reader| reader.join()))
        });
        drop(ticker);
        let sent = sent?;
        let mut faults = Vec::new();
        let counts = acked.finish();
        if let Some(failure) = &counts.failure {
            faults.push(format!(
                "{} records failed, the first: {failure}",
                counts.failed
            ));
        }
        let mut findings = None;
        let seconds = counts.seconds(flags.warmup);
        let mut sides = vec![Side {
            name: acked.name,
            seconds,
            counts,
        }];
        if let Some(seen) = seen {
            let seen = seen.map_err(|_| Refusal::new("the reading thread panicked"))??;
            if !seen.complete {
                faults.push(format!(
                    "only {} of {} records were read",
                    seen.records, sent.records
                ));
            }
            if let Some(found) = seen.findings.filter(|found| !found.is_clean()) {
                faults.push(format!("what was read is not what was written: {found:?}"));
            }
            findings = seen.findings;
            let counts = read.finish();
            let seconds = counts.seconds(flags.warmup);
            sides.push(Side {
                name: read.name,
                seconds,
                counts,
            });
        }
        let late_max_ns = (rate > 0.0).then_some(sent.late_max.as_nanos() as u64);
        let mut settings = settings::of_producer(&cluster, &flags.topic, partitions.len());
        settings.push(("record size", format!("{} B", flags.record_size)));
        settings.push(match rate > 0.0 {
            true => (
                "rate",
                format!("{rate} records/s, send times fixed in advance"),
            ),
            false => ("rate", "as fast as it goes".into()),
        });
        Ok(Written {
            settings,
            sides,
            late_max_ns,
            findings,
            faults,
        })
    }
}

/// What a writing run leaves.
struct Written {
    settings: Vec<(&'static str, String)>,
    sides: Vec<Side>,
    late_max_ns: Option<u64>,
    findings: Option<payload::Findings>,
    faults: Vec<String>,
}

impl Written {
    fn report(self, tool: &'static str) -> Report {
        Report {
            tool,
            settings: self.settings,
            sides: self.sides,
            late_max_ns: self.late_max_ns,
            findings: self.findings,
            client_cpu_seconds: cpu_seconds(),
            faults: self.faults,
        }
    }
}

/// The partitions to work on. Who writes may create the topic: with `create` partitions, or as the
/// broker creates topics for producers (`auto.create.topics.enable`).
fn partitions(
    cluster: &Cluster,
    topic: &str,
    only: Option<i32>,
    writing: Option<Option<i32>>,
) -> Result<Vec<i32>, Refusal> {
    if let Some(Some(partitions)) = writing {
        let created = create_topic(cluster, topic, partitions, -1, &[]);
        let exists = |code| code == Some(crate::protocol::ErrorCode::TopicAlreadyExists);
        match created {
            Err(failure) if !exists(failure.code()) => return Err(failure.into()),
            _ => {}
        }
    }
    let found = cluster.topic(topic, writing.is_some())?;
    let all: Vec<i32> = found
        .partitions
        .iter()
        .map(|partition| partition.index)
        .collect();
    match only {
        None => Ok(all),
        Some(partition) if all.contains(&partition) => Ok(vec![partition]),
        Some(partition) => Err(Refusal::new(format_args!(
            "topic '{topic}' has {} partitions, no partition {partition}",
            all.len()
        ))),
    }
}

/// One offset of each partition.
fn offsets(
    cluster: &Cluster,
    topic: &str,
    partitions: &[i32],
    spec: OffsetSpec,
) -> Result<Vec<i64>, Refusal> {
    let wanted: Vec<(&str, i32, OffsetSpec)> = partitions
        .iter()
        .map(|partition| (topic, *partition, spec))
        .collect();
    let listed = list_offsets(cluster, &wanted)?;
    Ok(listed.into_iter().map(|listed| listed.offset).collect())
}

/// The partitions that still have the first record ever written to them.
fn never_cut(cluster: &Cluster, topic: &str, partitions: &[i32]) -> Result<Vec<i32>, Refusal> {
    let starts = offsets(cluster, topic, partitions, OffsetSpec::Earliest)?;
    let places = partitions.iter().zip(starts);
    let whole = places.filter(|(_, start)| *start == 0);
    Ok(whole.map(|(partition, _)| *partition).collect())
}

/// Where the partitions end now; a partition without records ends at 0.
fn ends(cluster: &Cluster, topic: &str, partitions: &[i32]) -> Result<Vec<(i32, i64)>, Refusal> {
    let starts = offsets(cluster, topic, partitions, OffsetSpec::Earliest)?;
    let ends = offsets(cluster, topic, partitions, OffsetSpec::Latest)?;
    let place = |((partition, start), end): ((&i32, i64), i64)| {
        (*partition, if end > start { end } else { 0 })
    };
    Ok(partitions.iter().zip(starts).zip(ends).map(place).collect())
}

/// Reading from the end waits for a writer; that wait is not part of the throughput.
fn counts_from(counts: &measure::Counts, from: From) -> Duration {
    match from {
        From::Earliest => Duration::ZERO,
        From::Latest => counts.first.unwrap_or_default(),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|cause| cause.to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1e9).contains(&rate) => Ok(rate),
        _ => Err(format!("'{text}' is not a rate from 0 to 1e9")),
    }
}

fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg" | "html") => Ok(path),
        _ => Err("the file must end in .svg or .html".into()),
    }
}

/// What it takes to prepare a run, and each partition of it; with many they are prepared together.
const PREPARE: Duration = Duration::from_millis(300);
const PREPARE_EACH: Duration = Duration::from_millis(2);
const PREPARE_MAX: Duration = Duration::from_secs(3);
const DURATION_DEFAULT: Duration = Duration::from_secs(10);
/// How long the reader waits for records after the writer is done.
const IDLE_AFTER_LOAD: Duration = Duration::from_secs(10);

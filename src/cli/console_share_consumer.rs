//! `ottla console-share-consumer`: a share group's records on stdout, as
//! `kafka-console-share-consumer` prints them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client::share_consumer`.
//! Never:      accepts a record it has not printed.

use super::ClientFlags;
use super::client_flags::name_and_value;
use super::console_consumer::Formatter;
use super::output::{Outcome, Refusal, note};
use crate::client::share_consumer::{Delivered, Says, ShareConsumer};
use crate::client::{Cluster, clock};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

/// The flags of `ottla console-share-consumer`.
#[derive(clap::Args, Debug)]
pub struct ConsoleShareConsumer {
    /// The topic to read.
    #[arg(long)]
    topic: String,
    /// The share group.
    #[arg(long, value_name = "NAME", default_value = "console-share-consumer")]
    group: String,
    /// Stop after so many records.
    #[arg(long, value_name = "N")]
    max_messages: Option<u64>,
    /// Stop when no record came for so long, milliseconds.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Reject records as they are printed: nobody gets them again.
    #[arg(long, conflicts_with = "release")]
    reject: bool,
    /// Release records as they are printed: others may get them again.
    #[arg(long)]
    release: bool,
    /// Reject a record that cannot be printed instead of ending.
    #[arg(long)]
    reject_message_on_error: bool,
    /// What is printed: print.key, print.value, print.timestamp, print.offset, print.partition,
    /// print.delivery, print.epoch, print.headers, key.separator, line.separator,
    /// headers.separator, null.literal.
    #[arg(
        long = "formatter-property",
        visible_alias = "property",
        value_name = "NAME=VALUE"
    )]
    formatter_property: Vec<String>,
    /// Kafka's DefaultMessageFormatter, or NoOpMessageFormatter to print nothing.
    #[arg(long, value_name = "CLASS")]
    formatter: Option<String>,
    #[command(flatten)]
    client: ClientFlags,
}

const POLL: Duration = Duration::from_millis(500);

impl ConsoleShareConsumer {
    pub fn run(self) -> Outcome {
        let properties = self.formatter_property.iter().map(|property| {
            let (name, value) = name_and_value("--formatter-property", property)?;
            Ok((name.to_owned(), value.to_owned()))
        });
        let properties: Vec<_> = properties.collect::<Result<_, Refusal>>()?;
        let format = Formatter::of(self.formatter.as_deref(), &properties)?;
        let cluster = Cluster::connect(self.client.config()?)?;
        cluster.topic(&self.topic, false)?;
        let mut consumer = ShareConsumer::join(cluster, &self.group, &self.topic)?;
        let mut out = std::io::BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
        let count = self.consume(&mut consumer, &format, &mut out);
        let flushed = out.flush();
        let closed = consumer.close();
        let count = count?;
        note(format_args!("Processed a total of {count} messages"));
        closed?;
        match flushed {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Refusal::new(
                format_args!("cannot write to stdout: {error}"),
            )),
            _ => Ok(()),
        }
    }

    /// Prints records until one of the bounds is met; returns how many.
    fn consume(
        &self,
        consumer: &mut ShareConsumer,
        format: &Formatter,
        out: &mut impl Write,
    ) -> Result<u64, Refusal> {
        let limit = self.max_messages.unwrap_or(u64::MAX);
        let patience = self.timeout_ms.map(Duration::from_millis);
        let mut count = 0;
        let mut last = clock::now();
        while count < limit {
            let all = consumer.poll(POLL)?;
            if all.is_empty() && out.flush().is_err() {
                return Ok(count);
            }
            if all.is_empty()
                && patience.is_some_and(|most| clock::now().duration_since(last) >= most)
            {
                return Ok(count);
            }
            for delivered in all {
                last = clock::now();
                if !self.print(consumer, &delivered, (&mut count, limit), format, out)? {
                    return Ok(count);
                }
            }
        }
        Ok(count)
    }

    /// Prints what was delivered and says what became of it; `false` when nobody reads any more.
    fn print(
        &self,
        consumer: &mut ShareConsumer,
        delivered: &Delivered,
        (count, limit): (&mut u64, u64),
        format: &Formatter,
        out: &mut impl Write,
    ) -> Result<bool, Refusal> {
        let (mut there, mut printed, mut broken) = (BTreeSet::new(), BTreeSet::new(), false);
        let mut bytes = Vec::new();
        for record in delivered.fetched.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) if self.reject_message_on_error => {
                    note(format_args!("rejected: {error}"));
                    broken = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(deliveries) = delivered.deliveries(record.offset) else {
                continue;
            };
            there.insert(record.offset);
            if *count >= limit {
                continue;
            }
            bytes.clear();
            let place = (&delivered.fetched.topic[..], delivered.fetched.partition);
            let written = format.write_delivered(place, &record, Some(deliveries), &mut bytes);
            match written {
                Ok(()) => {}
                Err(error) if self.reject_message_on_error => {
                    note(format_args!("rejected: {error}"));
                    broken = true;
                    there.remove(&record.offset);
                    continue;
                }
                Err(error) => return Err(Refusal::new(error)),
            }
            if out.write_all(&bytes).is_err() {
                consumer.say(delivered, |_| Says::Release);
                return Ok(false);
            }
            *count += 1;
            printed.insert(record.offset);
        }
        let says = match (self.reject, self.release) {
            (true, _) => Says::Reject,
            (_, true) => Says::Release,
            _ => Says::Accept,
        };
        consumer.say(delivered, |offset| {
            match (printed.contains(&offset), there.contains(&offset)) {
                (true, _) => says,
                (_, true) => Says::Release,
                _ if broken => Says::Reject,
                _ => Says::Gap,
            }
        });
        Ok(true)
    }
}

//! Client properties under Kafka's names: from `--command-config FILE` and from flags.
//!
//! Room:       `client`.
//! Called by:  `cli`, which hands the result to everything else here.
//! Calls:      `config::parse` for the file format.
//! Never:      accepts in silence what it cannot do: TLS and SASL are refused, names that have no
//!             effect here are noted, values out of bounds name the property and the bound.

use std::path::Path;
use std::time::Duration;

use super::error::ClientError;
use super::stream::Address;
use crate::config::ConfigError;
use crate::config::parse::parse;
use crate::protocol::record_batch::Compression;

/// How a client behaves. Every field is one property of Kafka's clients; durations are exact.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `bootstrap.servers`
    pub bootstrap: Vec<Address>,
    /// `client.id`
    pub client_id: String,
    /// `request.timeout.ms`: the wait for one answer.
    pub request_timeout: Duration,
    /// `default.api.timeout.ms`: the bound of a call with all its retries.
    pub api_timeout: Duration,
    /// `socket.connection.setup.timeout.ms`
    pub connect_timeout: Duration,
    /// `retry.backoff.ms`
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max: Duration,
    /// `metadata.max.age.ms`: how old what is known of topics may become.
    pub metadata_age_max: Duration,
    pub producer: ProducerConfig,
    pub consumer: ConsumerConfig,
    pub group: GroupConfig,
    /// The names of all properties that were given.
    pub given: Vec<String>,
    /// One line for each property that was given and has no effect here.
    pub notes: Vec<String>,
}

/// What only producers use.
#[derive(Clone, Copy, Debug)]
pub struct ProducerConfig {
    pub acks: Acks,
    /// `batch.size`, bytes before compression.
    pub batch_bytes: usize,
    /// `linger.ms`
    pub linger: Duration,
    /// `buffer.memory`, bytes of records not yet acknowledged.
    pub buffer_bytes: usize,
    pub compression: Compression,
    /// `compression.{gzip,zstd}.level`
    pub compression_level: Option<i32>,
    /// `enable.idempotence`
    pub idempotent: bool,
    /// `max.in.flight.requests.per.connection`
    pub in_flight_max: usize,
    /// `max.request.size`, bytes.
    pub request_bytes_max: usize,
    /// `delivery.timeout.ms`: from `send` to the final answer.
    pub delivery_timeout: Duration,
    /// `retries`: how often a batch is sent again.
    pub retries: u32,
    /// `partitioner.class`
    pub spread: Spread,
    /// `partitioner.ignore.keys`
    pub ignore_keys: bool,
}

/// How records without a key are spread over partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// To one partition until a batch is full, then to the next.
    Sticky,
    /// Record by record, those with a key too (`RoundRobinPartitioner`).
    RoundRobin,
}

/// What only consumers use.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerConfig {
    /// `fetch.min.bytes`
    pub fetch_bytes_min: i32,
    /// `fetch.max.bytes`
    pub fetch_bytes_max: i32,
    /// `max.partition.fetch.bytes`
    pub partition_bytes_max: i32,
    /// `fetch.max.wait.ms`
    pub fetch_wait: Duration,
    /// `isolation.level=read_committed`
    pub read_committed: bool,
    /// `check.crcs`
    pub check_crcs: bool,
    /// `auto.offset.reset`: what an offset that is out of range becomes.
    pub offset_reset: OffsetReset,
}

/// How many acknowledgements a producer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    None,
    Leader,
    All,
}

impl Acks {
    /// As it stands in a Produce request.
    pub fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "0" => Some(Self::None),
            "1" => Some(Self::Leader),
            "all" | "-1" => Some(Self::All),
            _ => None,
        }
    }
}

/// What only members of a group use.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.id`
    pub id: Option<String>,
    /// `group.instance.id`: a static member keeps its partitions over a restart (KIP-345).
    pub instance: Option<String>,
    pub protocol: GroupProtocol,
    /// `partition.assignment.strategy`: what the leader of a classic group may assign with.
    pub assignors: Vec<Assignor>,
    /// `group.remote.assignor`: what the coordinator shall assign with.
    pub remote_assignor: Option<String>,
    /// `session.timeout.ms`
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`: who does not poll for longer leaves; also the time to rejoin.
    pub poll_interval_max: Duration,
    /// `enable.auto.commit`
    pub auto_commit: bool,
    /// `auto.commit.interval.ms`
    pub commit_interval: Duration,
    /// `client.rack`
    pub rack: Option<String>,
}

/// Who assigns partitions: a member, or the coordinator (KIP-848).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    Classic,
    Consumer,
}

/// How the leader of a classic group assigns partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    Range,
    RoundRobin,
    Sticky,
    CooperativeSticky,
}

impl Assignor {
    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            id: None,
            instance: None,
            protocol: GroupProtocol::Classic,
            assignors: vec![Assignor::Range, Assignor::CooperativeSticky],
            remote_assignor: None,
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            poll_interval_max: Duration::from_secs(300),
            auto_commit: true,
            commit_interval: Duration::from_secs(5),
            rack: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    Earliest,
    Latest,
    /// The first record of the last so many milliseconds (KIP-1106).
    Back(i64),
    /// An error, `none` in Kafka.
    Refuse,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            bootstrap: vec![Address::Tcp {
                host: "127.0.0.1".into(),
                port: 9092,
            }],
            client_id: "ottla".into(),
            request_timeout: Duration::from_secs(30),
            api_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            metadata_age_max: Duration::from_secs(300),
            producer: ProducerConfig::default(),
            consumer: ConsumerConfig::default(),
            group: GroupConfig::default(),
            given: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            batch_bytes: 16_384,
            linger: Duration::from_millis(5),
            buffer_bytes: 32 << 20,
            compression: Compression::None,
            compression_level: None,
            idempotent: true,
            in_flight_max: 5,
            request_bytes_max: 1 << 20,
            delivery_timeout: Duration::from_secs(120),
            retries: i32::MAX as u32,
            spread: Spread::Sticky,
            ignore_keys: false,
        }
    }
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            fetch_bytes_min: 1,
            fetch_bytes_max: 50 << 20,
            partition_bytes_max: 1 << 20,
            fetch_wait: Duration::from_millis(500),
            read_committed: false,
            check_crcs: true,
            offset_reset: OffsetReset::Latest,
        }
    }
}

impl ClientConfig {
    /// Kafka's defaults, then the properties of `file`.
    pub fn from_file(file: &Path) -> Result<Self, ClientError> {
        let mut config = Self::default();
        config.load(file)?;
        Ok(config)
    }

    /// Reads a Java properties file over what is set.
    pub fn load(&mut self, file: &Path) -> Result<(), ClientError> {
        let refused = |cause: std::io::Error| ClientError::Property {
            name: format!("file {}", file.display()),
            cause: cause.to_string(),
        };
        let text = std::fs::read_to_string(file).map_err(refused)?;
        let given = parse(&text, &file.display().to_string());
        let malformed = |cause: ConfigError| ClientError::Property {
            name: format!("file {}", file.display()),
            cause: cause.to_string(),
        };
        for given in given.map_err(malformed)? {
            self.set(&given.name, &given.value)?;
        }
        Ok(())
    }

    /// Sets one property, as `--command-property NAME=VALUE` does.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ClientError> {
        let value = value.trim();
        let refused = |cause: String| ClientError::Property {
            name: name.to_owned(),
            cause,
        };
        self.given.push(name.to_owned());
        let ms = |min| number(value, min, DAY_MS).map(Duration::from_millis);
        match name {
            "bootstrap.servers" => self.bootstrap = Address::list(value)?,
            "client.id" => self.client_id = value.to_owned(),
            "request.timeout.ms" => self.request_timeout = ms(1).map_err(refused)?,
            "default.api.timeout.ms" | "max.block.ms" => {
                self.api_timeout = ms(1).map_err(refused)?;
            }
            "socket.connection.setup.timeout.ms" => {
                self.connect_timeout = ms(1).map_err(refused)?;
            }
            "retry.backoff.ms" => self.retry_backoff = ms(0).map_err(refused)?,
            "retry.backoff.max.ms" => self.retry_backoff_max = ms(0).map_err(refused)?,
            "metadata.max.age.ms" => self.metadata_age_max = ms(0).map_err(refused)?,
            "security.protocol" if value != "PLAINTEXT" => {
                return Err(refused(format!(
                    "{value} is not served yet, only PLAINTEXT"
                )));
            }
            "security.protocol" => {}
            _ if name.starts_with("ssl.") || name.starts_with("sasl.") => {
                return Err(refused(
                    "TLS and SASL are not served yet, only PLAINTEXT".into(),
                ));
            }
            _ => {
                let known = self.producer.set(name, value).map_err(&refused)?
                    || self.consumer.set(name, value).map_err(&refused)?
                    || self.group.set(name, value).map_err(&refused)?;
                if !known {
                    let note = format!("property {name} has no effect here");
                    self.notes.push(note);
                }
            }
        }
        Ok(())
    }
}

impl ClientConfig {
    /// Whether somebody gave this property, even if to say its default.
    pub fn was_set(&self, name: &str) -> bool {
        self.given.iter().any(|given| given == name)
    }
}

impl ProducerConfig {
    /// False when the property is none of a producer's.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "acks" | "request.required.acks" => {
                let acks = Acks::from_name(value);
                self.acks = acks.ok_or_else(|| none_of(value, "0, 1, all"))?;
                // Kafka turns idempotence off when acks alone are lowered.
                self.idempotent &= self.acks == Acks::All;
            }
            "batch.size" => self.batch_bytes = bytes(value, 0)? as usize,
            "linger.ms" => self.linger = Duration::from_millis(number(value, 0, DAY_MS)?),
            "buffer.memory" => self.buffer_bytes = number(value, 0, 1 << 40)? as usize,
            "compression.type" | "compression.codec" => {
                let known = "none, gzip, snappy, lz4, zstd";
                let compression = Compression::from_name(value);
                self.compression = compression.ok_or_else(|| none_of(value, known))?;
            }
            "compression.gzip.level" | "compression.zstd.level" | "compression.lz4.level" => {
                let level = value.parse();
                let level = level.map_err(|_| format!("'{value}' is no number"))?;
                self.compression_level = Some(level);
            }
            "enable.idempotence" => {
                self.idempotent = flag(value)?;
                if self.idempotent && self.acks != Acks::All {
                    return Err("an idempotent producer needs acks=all".into());
                }
            }
            "max.in.flight.requests.per.connection" => {
                self.in_flight_max = number(value, 1, 1_000_000)? as usize;
            }
            "max.request.size" => self.request_bytes_max = bytes(value, 1)? as usize,
            "delivery.timeout.ms" => {
                self.delivery_timeout = Duration::from_millis(number(value, 1, DAY_MS)?);
            }
            "retries" => self.retries = number(value, 0, i32::MAX as u64)? as u32,
            "partitioner.ignore.keys" => self.ignore_keys = flag(value)?,
            "partitioner.class" => {
                self.spread = match class_name(value) {
                    "" | "null" => Spread::Sticky,
                    "RoundRobinPartitioner" => Spread::RoundRobin,
                    _ => {
                        return Err(none_of(
                            value,
                            "RoundRobinPartitioner; classes of one's \
                                                    own cannot be loaded",
                        ));
                    }
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl ConsumerConfig {
    /// False when the property is none of a consumer's.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "fetch.min.bytes" => self.fetch_bytes_min = bytes(value, 0)?,
            "fetch.max.bytes" => self.fetch_bytes_max = bytes(value, 0)?,
            "max.partition.fetch.bytes" => self.partition_bytes_max = bytes(value, 0)?,
            "fetch.max.wait.ms" => {
                self.fetch_wait = Duration::from_millis(number(value, 0, i32::MAX as u64)?);
            }
            "isolation.level" => {
                self.read_committed = match value {
                    "read_committed" => true,
                    "read_uncommitted" => false,
                    _ => return Err(none_of(value, "read_committed, read_uncommitted")),
                };
            }
            "check.crcs" => self.check_crcs = flag(value)?,
            "auto.offset.reset" => {
                let duration = value.strip_prefix("by_duration:").map(parse_duration);
                self.offset_reset = match (value, duration) {
                    ("earliest", _) => OffsetReset::Earliest,
                    ("latest", _) => OffsetReset::Latest,
                    ("none", _) => OffsetReset::Refuse,
                    (_, Some(Some(ms @ 0..))) => OffsetReset::Back(ms),
                    _ => {
                        let known = "earliest, latest, none, by_duration:PnDTnHnMn.nS";
                        return Err(none_of(value, known));
                    }
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl GroupConfig {
    /// False when the property is none of a group's member.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let ms = |min| number(value, min, i32::MAX as u64).map(Duration::from_millis);
        let text = || Some(value.to_owned()).filter(|text| !text.is_empty());
        match name {
            "group.id" => self.id = text(),
            "group.instance.id" => self.instance = text(),
            "group.protocol" => {
                self.protocol = match value.to_ascii_lowercase().as_str() {
                    "classic" => GroupProtocol::Classic,
                    "consumer" => GroupProtocol::Consumer,
                    _ => return Err(none_of(value, "classic, consumer")),
                };
            }
            "group.remote.assignor" => self.remote_assignor = text(),
            "session.timeout.ms" => self.session_timeout = ms(1)?,
            "heartbeat.interval.ms" => self.heartbeat_interval = ms(1)?,
            "max.poll.interval.ms" => self.poll_interval_max = ms(1)?,
            "enable.auto.commit" => self.auto_commit = flag(value)?,
            "auto.commit.interval.ms" => self.commit_interval = ms(0)?,
            "client.rack" => self.rack = text(),
            "partition.assignment.strategy" => {
                let assignor = |class: &str| match class_name(class.trim()) {
                    "RangeAssignor" => Ok(Assignor::Range),
                    "RoundRobinAssignor" => Ok(Assignor::RoundRobin),
                    "CooperativeStickyAssignor" => Ok(Assignor::CooperativeSticky),
                    "StickyAssignor" => Ok(Assignor::Sticky),
                    _ => Err(none_of(
                        class,
                        "RangeAssignor, RoundRobinAssignor, StickyAssignor, \
                         CooperativeStickyAssignor",
                    )),
                };
                self.assignors = value.split(',').map(assignor).collect::<Result<_, _>>()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The last part of a Java class's name.
fn class_name(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

fn none_of(value: &str, known: &str) -> String {
    format!("'{value}' is none of {known}")
}

fn flag(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("'{value}' is neither true nor false")),
    }
}

fn bytes(value: &str, min: u64) -> Result<i32, String> {
    number(value, min, i32::MAX as u64).map(|bytes| bytes as i32)
}

/// `P1DT2H3M4.5S` in milliseconds; `None` for anything else.
pub fn parse_duration(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let mut total = 0.0;
    for (part, units) in [
        (date, &[('D', 86_400.0)][..]),
        (time, &[('H', 3600.0), ('M', 60.0), ('S', 1.0)][..]),
    ] {
        let mut number = String::new();
        for letter in part.chars() {
            match units.iter().find(|(unit, _)| *unit == letter) {
                Some((_, seconds)) => {
                    total += number.parse::<f64>().ok()? * seconds;
                    number.clear();
                }
                None => number.push(letter),
            }
        }
        if !number.is_empty() {
            return None;
        }
    }
    (!rest.is_empty()).then_some((total * 1000.0) as i64)
}

fn number(value: &str, min: u64, max: u64) -> Result<u64, String> {
    match value.parse::<u64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("'{value}' is not a number from {min} to {max}")),
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_types_or_one_line() {
        let mut config = ClientConfig::default();
        config.set("acks", "1").unwrap();
        assert_eq!(config.producer.acks, Acks::Leader);
        assert!(!config.producer.idempotent);
        config.set("compression.type", "zstd").unwrap();
        assert_eq!(config.producer.compression, Compression::Zstd);
        config.set("key.serializer", "x").unwrap();
        assert_eq!(config.notes, ["property key.serializer has no effect here"]);
        config
            .set("auto.offset.reset", "by_duration:PT1H0.5S")
            .unwrap();
        assert_eq!(config.consumer.offset_reset, OffsetReset::Back(3_600_500));
        config
            .set(
                "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer.RoundRobinAssignor, a.RangeAssignor",
            )
            .unwrap();
        assert_eq!(
            config.group.assignors,
            [Assignor::RoundRobin, Assignor::Range]
        );
        for (name, value) in [
            ("auto.offset.reset", "by_duration:1H"),
            ("group.protocol", "share"),
            ("partitioner.class", "com.example.Mine"),
            ("acks", "2"),
            ("enable.idempotence", "true"),
            ("security.protocol", "SSL"),
            ("ssl.truststore.location", "/x"),
            ("sasl.mechanism", "PLAIN"),
            ("linger.ms", "-1"),
            ("isolation.level", "serial"),
        ] {
            let refused = config.set(name, value).unwrap_err().to_string();
            assert!(
                refused.starts_with(&format!("property {name}: ")),
                "{refused}"
            );
            assert!(!refused.contains('\n'));
        }
    }
}

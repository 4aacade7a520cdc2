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
    pub producer: ProducerConfig,
    pub consumer: ConsumerConfig,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    Earliest,
    Latest,
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
            producer: ProducerConfig::default(),
            consumer: ConsumerConfig::default(),
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
        let ms = |min, max| {
            number(value, min, max)
                .map(Duration::from_millis)
                .map_err(&refused)
        };
        let bytes = |min: i64| {
            number(value, min as u64, i32::MAX as u64)
                .map(|bytes| bytes as i32)
                .map_err(&refused)
        };
        let flag = || match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(refused(format!("'{value}' is neither true nor false"))),
        };
        let one_of = |known: &str| refused(format!("'{value}' is none of {known}"));
        let (producer, consumer) = (&mut self.producer, &mut self.consumer);
        match name {
            "bootstrap.servers" => self.bootstrap = Address::list(value)?,
            "client.id" => self.client_id = value.to_owned(),
            "request.timeout.ms" => self.request_timeout = ms(1, DAY_MS)?,
            "default.api.timeout.ms" | "max.block.ms" => self.api_timeout = ms(1, DAY_MS)?,
            "socket.connection.setup.timeout.ms" => self.connect_timeout = ms(1, DAY_MS)?,
            "retry.backoff.ms" => self.retry_backoff = ms(0, DAY_MS)?,
            "retry.backoff.max.ms" => self.retry_backoff_max = ms(0, DAY_MS)?,
            "acks" | "request.required.acks" => {
                producer.acks = Acks::from_name(value).ok_or_else(|| one_of("0, 1, all"))?;
                // Kafka turns idempotence off when acks alone are lowered.
                producer.idempotent &= producer.acks == Acks::All;
            }
            "batch.size" => producer.batch_bytes = bytes(0)? as usize,
            "linger.ms" => producer.linger = ms(0, DAY_MS)?,
            "buffer.memory" => {
                producer.buffer_bytes = number(value, 0, 1 << 40).map_err(&refused)? as usize;
            }
            "compression.type" | "compression.codec" => {
                producer.compression = Compression::from_name(value)
                    .ok_or_else(|| one_of("none, gzip, snappy, lz4, zstd"))?;
            }
            "compression.gzip.level" | "compression.zstd.level" => {
                let level = value
                    .parse()
                    .map_err(|_| refused(format!("'{value}' is no number")))?;
                producer.compression_level = Some(level);
            }
            "enable.idempotence" => {
                producer.idempotent = flag()?;
                if producer.idempotent && producer.acks != Acks::All {
                    return Err(refused("an idempotent producer needs acks=all".into()));
                }
            }
            "max.in.flight.requests.per.connection" => {
                producer.in_flight_max = number(value, 1, 1_000_000).map_err(&refused)? as usize;
            }
            "max.request.size" => producer.request_bytes_max = bytes(1)? as usize,
            "delivery.timeout.ms" => producer.delivery_timeout = ms(1, DAY_MS)?,
            "fetch.min.bytes" => consumer.fetch_bytes_min = bytes(0)?,
            "fetch.max.bytes" => consumer.fetch_bytes_max = bytes(0)?,
            "max.partition.fetch.bytes" => consumer.partition_bytes_max = bytes(0)?,
            "fetch.max.wait.ms" => consumer.fetch_wait = ms(0, i32::MAX as u64)?,
            "isolation.level" => {
                consumer.read_committed = match value {
                    "read_committed" => true,
                    "read_uncommitted" => false,
                    _ => return Err(one_of("read_committed, read_uncommitted")),
                };
            }
            "check.crcs" => consumer.check_crcs = flag()?,
            "auto.offset.reset" => {
                consumer.offset_reset = match value {
                    "earliest" => OffsetReset::Earliest,
                    "latest" => OffsetReset::Latest,
                    "none" => OffsetReset::Refuse,
                    _ => return Err(one_of("earliest, latest, none")),
                };
            }
            "security.protocol" => {
                if value != "PLAINTEXT" {
                    return Err(refused(format!(
                        "{value} is not served yet, only PLAINTEXT"
                    )));
                }
            }
            _ if name.starts_with("ssl.") || name.starts_with("sasl.") => {
                return Err(refused(
                    "TLS and SASL are not served yet, only PLAINTEXT".into(),
                ));
            }
            _ => self
                .notes
                .push(format!("property {name} has no effect here")),
        }
        Ok(())
    }
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
        for (name, value) in [
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

//! The settings of one topic: its own, else the broker's, else the default.
//!
//! Room:       `config`, typed topic settings.
//! Called by:  `metadata` and `controller` when a topic appears or changes, `partition`, `log`.
//! Calls:      nothing.
//! Never:      keeps text; what a client set lives in the metadata log, this is what it means.

use super::Overrides;
use super::error::{ConfigError, Place};
use super::property::{Property, list};
use super::table;
use super::values::Values;

/// What a topic's properties mean. Small and `Copy`, so who needs it has its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicConfig {
    pub durability: Durability,
    pub cleanup: Cleanup,
    pub compression: Compression,
    /// For the codec of `compression`, on its own scale; `None` is the codec's default.
    pub compression_level: Option<i32>,
    pub timestamp_type: TimestampType,
    /// Largest record batch, in bytes.
    pub message_bytes_max: u32,
    pub segment_bytes: u32,
    /// Age of the active segment's first record at which the segment is rolled.
    pub segment_ms: u64,
    /// Most that may be taken off `segment_ms`, by chance.
    pub segment_jitter_ms: u64,
    /// Largest offset or time index of a segment.
    pub segment_index_bytes: u32,
    pub index_interval_bytes: u32,
    /// `None` keeps records for ever.
    pub retention_ms: Option<u64>,
    /// `None` lets the partition grow without bound.
    pub retention_bytes: Option<u64>,
    pub file_delete_delay_ms: u64,
    pub timestamp_before_max_ms: u64,
    pub timestamp_after_max_ms: u64,
    pub min_insync_replicas: i32,
    pub unclean_leader_election: bool,
    pub delete_retention_ms: u64,
    pub min_compaction_lag_ms: u64,
    pub max_compaction_lag_ms: u64,
    pub min_cleanable_dirty_ratio: f64,
}

impl TopicConfig {
    /// What holds for a topic with these overrides. Refuses an unknown name, a bad value, or a
    /// pair of values that cannot stand together.
    pub fn resolve(broker: &Values, overrides: &Overrides) -> Result<Self, ConfigError> {
        for (name, value) in overrides {
            super::alter::validate_topic_override(name, value)?;
        }
        let text = |name| effective(name, broker, overrides);
        let number = |name| text(name).parse::<i64>().unwrap_or_default();
        let unsigned = |name| u64::try_from(number(name)).unwrap_or_default();
        let small = |name| u32::try_from(number(name)).unwrap_or_default();
        let unless_negative = |name| u64::try_from(number(name)).ok();
        let policy = text("cleanup.policy");
        let compression = Compression::from_name(&text("compression.type")).unwrap_or_default();
        let level = |name| i32::try_from(number(name)).ok();
        let config = Self {
            durability: durability(broker, overrides),
            cleanup: Cleanup {
                delete: list(&policy).any(|item| item == "delete"),
                compact: list(&policy).any(|item| item == "compact"),
            },
            compression,
            compression_level: match compression {
                // -1 is its own default.
                Compression::Gzip => level("compression.gzip.level").filter(|level| *level > 0),
                Compression::Zstd => level("compression.zstd.level"),
                _ => None,
            },
            timestamp_type: match text("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            message_bytes_max: small("max.message.bytes"),
            segment_bytes: small("segment.bytes"),
            segment_ms: unsigned("segment.ms"),
            segment_jitter_ms: unsigned("segment.jitter.ms"),
            segment_index_bytes: small("segment.index.bytes"),
            index_interval_bytes: small("index.interval.bytes"),
            retention_ms: unless_negative("retention.ms"),
            retention_bytes: unless_negative("retention.bytes"),
            file_delete_delay_ms: unsigned("file.delete.delay.ms"),
            timestamp_before_max_ms: unsigned("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: unsigned("message.timestamp.after.max.ms"),
            min_insync_replicas: i32::try_from(number("min.insync.replicas")).unwrap_or(1),
            unclean_leader_election: is_true(&text("unclean.leader.election.enable")),
            delete_retention_ms: unsigned("delete.retention.ms"),
            min_compaction_lag_ms: unsigned("min.compaction.lag.ms"),
            max_compaction_lag_ms: unsigned("max.compaction.lag.ms"),
            min_cleanable_dirty_ratio: text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5),
        };
        if config.max_compaction_lag_ms < config.min_compaction_lag_ms {
            return Err(ConfigError::Refused {
                place: Place::Argument,
                name: "max.compaction.lag.ms",
                value: config.max_compaction_lag_ms.to_string(),
                remedy: "it must be at least min.compaction.lag.ms; raise it".to_owned(),
            });
        }
        Ok(config)
    }
}

/// When a produced batch is acknowledged (DESIGN §3, the acknowledgement table).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As the request's acks say: 0 never, 1 when written, all when synced.
    #[default]
    Acks,
    /// When it is in this process's memory. One replica only.
    Memory,
    /// When it is in the kernel or beyond: survives the broker, not the machine.
    Written,
    /// When it is on the disk: survives a power cut.
    Synced,
}

impl Durability {
    pub fn name(self) -> &'static str {
        match self {
            Self::Acks => "acks",
            Self::Memory => "memory",
            Self::Written => "written",
            Self::Synced => "synced",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::Memory, Self::Written, Self::Synced]
            .into_iter()
            .find(|durability| durability.name() == name.trim())
            .unwrap_or_default()
    }
}

/// What happens to old segments. Both may be set; neither keeps everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanup {
    pub delete: bool,
    pub compact: bool,
}

/// Who sets a record's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// How batches lie in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As the producer sent them.
    #[default]
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.trim() {
            "producer" => Self::Producer,
            "uncompressed" => Self::Uncompressed,
            "gzip" => Self::Gzip,
            "snappy" => Self::Snappy,
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }
}

/// The text that holds for a topic property: the topic's own, else the strongest broker
/// property it falls back on, in the topic property's unit, else its default.
pub(super) fn effective(name: &str, broker: &Values, overrides: &Overrides) -> String {
    if let Some(own) = overrides.get(name) {
        return own.trim().to_owned();
    }
    let Some(property) = table::topic(name) else {
        return String::new();
    };
    property
        .synonyms
        .iter()
        .find_map(|(synonym, factor)| Some(in_topic_unit(broker.given(synonym)?, *factor)))
        .unwrap_or_else(|| default_of(property))
}

/// A broker value in the unit of the topic property: hours to milliseconds, say.
fn in_topic_unit(value: &str, factor: i64) -> String {
    match value.trim().parse::<i64>() {
        Ok(number) if factor != 1 && number < 0 => "-1".to_owned(),
        Ok(number) if factor != 1 => number.saturating_mul(factor).to_string(),
        _ => value.trim().to_owned(),
    }
}

fn default_of(property: &Property) -> String {
    property.default.unwrap_or_default().to_owned()
}

/// `flush.messages=1` is Kafka's way to say synced. At one level (topic, then broker) the
/// stronger of the two ways wins; the topic's level wins over the broker's.
fn durability(broker: &Values, overrides: &Overrides) -> Durability {
    let flush = overrides.get("flush.messages").map(|value| value.trim());
    if flush == Some("1") {
        return Durability::Synced;
    }
    if let Some(own) = overrides.get("ottla.durability") {
        return Durability::from_name(own);
    }
    let broker_flush = broker.given("log.flush.interval.messages").map(str::trim);
    if flush.is_none() && broker_flush == Some("1") {
        return Durability::Synced;
    }
    Durability::from_name(broker.given("ottla.durability").unwrap_or("acks"))
}

fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(pairs: &[(&str, &str)]) -> Overrides {
        pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    fn resolve(broker: &[(&str, &str)], topic: &[(&str, &str)]) -> TopicConfig {
        let values = Values::of(&overrides(broker));
        TopicConfig::resolve(&values, &overrides(topic)).expect("the values are valid")
    }

    #[test]
    fn nothing_set_means_kafkas_defaults() {
        let config = resolve(&[], &[]);
        assert_eq!(config.segment_bytes, 1 << 30);
        assert_eq!(config.retention_ms, Some(7 * 24 * 3_600_000));
        assert_eq!(config.retention_bytes, None);
        assert_eq!(config.message_bytes_max, 1_048_588);
        assert_eq!(config.segment_jitter_ms, 0);
        assert_eq!(
            config.cleanup,
            Cleanup {
                delete: true,
                compact: false
            }
        );
        assert_eq!(config.durability, Durability::Acks);
        assert_eq!(config.max_compaction_lag_ms, i64::MAX as u64);
    }

    #[test]
    fn broker_values_come_in_the_topics_unit_and_the_strongest_name_wins() {
        let hours = resolve(&[("log.retention.hours", "2")], &[]);
        assert_eq!(hours.retention_ms, Some(7_200_000));
        let both = resolve(
            &[("log.retention.hours", "2"), ("log.retention.minutes", "3")],
            &[],
        );
        assert_eq!(both.retention_ms, Some(180_000));
        let for_ever = resolve(&[("log.retention.hours", "-1")], &[]);
        assert_eq!(for_ever.retention_ms, None);
        let own = resolve(&[("log.retention.ms", "5")], &[("retention.ms", "7")]);
        assert_eq!(own.retention_ms, Some(7));
    }

    #[test]
    fn flush_messages_one_means_synced() {
        let synced = Durability::Synced;
        let flush = ("log.flush.interval.messages", "1");
        assert_eq!(resolve(&[flush], &[]).durability, synced);
        assert_eq!(resolve(&[], &[("flush.messages", "1")]).durability, synced);
        let own = [("ottla.durability", "memory")];
        assert_eq!(resolve(&[flush], &own).durability, Durability::Memory);
        let more = [("flush.messages", "1000")];
        assert_eq!(resolve(&[flush], &more).durability, Durability::Acks);
        let both = [("ottla.durability", "memory"), ("flush.messages", "1")];
        assert_eq!(resolve(&[], &both).durability, synced);
    }

    #[test]
    fn lags_that_contradict_are_refused() {
        let topic = overrides(&[
            ("min.compaction.lag.ms", "9"),
            ("max.compaction.lag.ms", "8"),
        ]);
        let error = TopicConfig::resolve(&Values::of(&Overrides::new()), &topic);
        assert!(error.is_err());
    }
}

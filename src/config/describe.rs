//! Properties as DescribeConfigs tells them: value, source, synonyms, type, sentence.
//!
//! Room:       `config`, what clients see of it.
//! Called by:  the DescribeConfigs handler and CreateTopics (its answer lists the new configs).
//! Calls:      nothing.
//! Never:      tells a secret; a sensitive value is `None`.
//!
//! Synonyms are in the order in which they would decide. As in Kafka, those before the first one
//! of the property's own name are left out: `log.retention.hours` in the file gives a topic's
//! `retention.ms` its value, but not its source.

use super::Overrides;
use super::broker::BrokerConfig;
use super::property::{Importance, Property, Update};
use super::table;
use super::topic::effective;

/// One property of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    /// `None` when it has no value, or one that nobody may see.
    pub value: Option<String>,
    pub read_only: bool,
    pub source: ConfigSource,
    pub sensitive: bool,
    /// Where the value could come from, strongest first.
    pub synonyms: Vec<ConfigSynonym>,
    /// Kafka's number of the type; 0 is unknown (v3+).
    pub type_code: i8,
    /// One sentence (v3+).
    pub documentation: &'static str,
}

/// One place a value could come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    pub name: String,
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// Where a value comes from (KIP-226).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    BrokerLogger,
    ClientMetrics,
    Group,
}

impl ConfigSource {
    /// The number on the wire.
    pub fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefaultBroker => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
            Self::BrokerLogger => 6,
            Self::ClientMetrics => 7,
            Self::Group => 8,
        }
    }
}

/// Every property of this broker, in the order of their names.
pub fn describe_broker(config: &BrokerConfig) -> Vec<ConfigEntry> {
    let values = &config.values;
    let set = |name: &str| {
        values.dynamic_broker.contains_key(name) || values.dynamic_default.contains_key(name)
    };
    let known = table::brokers()
        .filter(|property| is_public(property) || set(property.name))
        .map(|property| {
            let synonyms =
                broker_synonyms(config, broker_names(property.name), property.name, property);
            let value = config
                .values
                .text(property.name)
                .map(|text| text.trim().to_owned());
            entry(
                property,
                value,
                property.update == Update::ReadOnly,
                synonyms,
            )
        });
    let plugins = config
        .values
        .file
        .iter()
        .filter(|(name, _)| table::broker(name).is_none());
    let plugins = plugins.map(|(name, _)| ConfigEntry {
        name: name.clone(),
        // Nobody knows the types of a plug-in, so all of it may be secret.
        value: None,
        read_only: true,
        source: ConfigSource::StaticBroker,
        sensitive: true,
        synonyms: Vec::new(),
        type_code: 0,
        documentation: "",
    });
    sorted(known.chain(plugins).collect())
}

/// What AlterConfigs set for all brokers: the resource with an empty name.
pub fn describe_broker_default(config: &BrokerConfig) -> Vec<ConfigEntry> {
    let set = config.values.dynamic_default.iter();
    sorted(
        set.filter_map(|(name, value)| {
            let property = table::broker(name)?;
            let mut synonyms = broker_synonyms(config, &[property.name], property.name, property);
            synonyms.retain(|synonym| synonym.source == ConfigSource::DynamicDefaultBroker);
            Some(entry(property, Some(value.clone()), false, synonyms))
        })
        .collect(),
    )
}

/// Every property of a topic with these overrides, in the order of their names.
pub fn describe_topic(config: &BrokerConfig, overrides: &Overrides) -> Vec<ConfigEntry> {
    let entries = table::topics()
        .filter(|property| is_public(property))
        .map(|property| {
            let mut synonyms: Vec<ConfigSynonym> = Vec::new();
            if let Some(own) = overrides.get(property.name) {
                let value = Some(own.clone());
                let name = property.name.to_owned();
                synonyms.push(ConfigSynonym {
                    name,
                    value,
                    source: ConfigSource::Topic,
                });
            }
            let names: Vec<&str> = property.synonyms.iter().map(|(name, _)| *name).collect();
            let first = names.first().copied().unwrap_or_default();
            synonyms.extend(broker_synonyms(config, &names, first, property));
            let value = effective(property.name, &config.values, overrides);
            entry(property, Some(value), false, synonyms)
        });
    sorted(entries.collect())
}

/// Every property of a consumer, share or streams group with these overrides.
pub fn describe_group(config: &BrokerConfig, overrides: &Overrides) -> Vec<ConfigEntry> {
    let rows = table::groups::GROUP.iter();
    sorted(
        rows.map(|property| overridden(config, property, overrides, ConfigSource::Group))
            .collect(),
    )
}

/// Every property of a client metrics subscription (KIP-714).
pub fn describe_client_metrics(config: &BrokerConfig, overrides: &Overrides) -> Vec<ConfigEntry> {
    let rows = table::metrics::CLIENT_METRICS.iter();
    let source = ConfigSource::ClientMetrics;
    sorted(
        rows.map(|property| overridden(config, property, overrides, source))
            .collect(),
    )
}

/// A property of a resource whose only own layer is `overrides`, told as from `own`.
fn overridden(
    config: &BrokerConfig,
    property: &'static Property,
    overrides: &Overrides,
    own: ConfigSource,
) -> ConfigEntry {
    let mut synonyms: Vec<ConfigSynonym> = Vec::new();
    if let Some(value) = overrides.get(property.name) {
        let (name, value) = (property.name.to_owned(), Some(value.clone()));
        synonyms.push(ConfigSynonym {
            name,
            value,
            source: own,
        });
    }
    let names: Vec<&str> = property.synonyms.iter().map(|(name, _)| *name).collect();
    let first = names.first().copied().unwrap_or_default();
    synonyms.extend(broker_synonyms(config, &names, first, property));
    let first = synonyms.first().and_then(|synonym| synonym.value.clone());
    let value = first.or_else(|| property.default.map(str::to_owned));
    entry(property, value, false, synonyms)
}

fn entry(
    property: &Property,
    value: Option<String>,
    read_only: bool,
    synonyms: Vec<ConfigSynonym>,
) -> ConfigEntry {
    let sensitive = property.kind.is_sensitive();
    ConfigEntry {
        name: property.name.to_owned(),
        value: if sensitive { None } else { value },
        read_only,
        source: synonyms
            .first()
            .map_or(ConfigSource::Default, |first| first.source),
        sensitive,
        synonyms,
        type_code: property.kind.type_code(),
        documentation: property.about(),
    }
}

/// The names that decide about a broker property, strongest first.
fn broker_names(name: &'static str) -> &'static [&'static str] {
    const ROLL: &[&str] = &["log.roll.ms", "log.roll.hours"];
    const JITTER: &[&str] = &["log.roll.jitter.ms", "log.roll.jitter.hours"];
    const RETENTION: &[&str] = &[
        "log.retention.ms",
        "log.retention.minutes",
        "log.retention.hours",
    ];
    const FLUSH: &[&str] = &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"];
    for family in [ROLL, JITTER, RETENTION] {
        if family.contains(&name) {
            return family;
        }
    }
    if name == FLUSH[0] {
        return FLUSH;
    }
    // A name is its own only synonym; the row of the table lends the static slice.
    table::broker(name).map_or(&[], |property| std::slice::from_ref(&property.name))
}

/// What each layer says under these names, strongest layer first, from the name `own` on.
fn broker_synonyms(
    config: &BrokerConfig,
    names: &[&str],
    own: &str,
    property: &Property,
) -> Vec<ConfigSynonym> {
    let values = &config.values;
    let mut synonyms = Vec::new();
    let mut add = |name: &str, value: &str, source| {
        let hidden = property.kind.is_sensitive();
        let value = (!hidden).then(|| value.trim().to_owned());
        synonyms.push(ConfigSynonym {
            name: name.to_owned(),
            value,
            source,
        });
    };
    for (layer, source) in [
        (&values.dynamic_broker, ConfigSource::DynamicBroker),
        (&values.dynamic_default, ConfigSource::DynamicDefaultBroker),
        (&values.file, ConfigSource::StaticBroker),
    ] {
        for name in names {
            if let Some(value) = layer.get(*name) {
                add(name, value, source);
            }
        }
    }
    for name in names {
        if let Some(default) = table::broker(name).and_then(|row| row.default) {
            add(name, default, ConfigSource::Default);
        }
    }
    let foreign = synonyms
        .iter()
        .take_while(|synonym| synonym.name != own)
        .count();
    synonyms.split_off(foreign)
}

fn is_public(property: &Property) -> bool {
    property.importance != Importance::Internal
}

fn sorted(mut entries: Vec<ConfigEntry>) -> Vec<ConfigEntry> {
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Overrides};

    fn config(text: &str) -> BrokerConfig {
        BrokerConfig::parse(text, "f", &[], &Machine::default())
            .expect("valid")
            .0
    }

    fn find<'a>(entries: &'a [ConfigEntry], name: &str) -> &'a ConfigEntry {
        entries.iter().find(|entry| entry.name == name).expect(name)
    }

    fn sources(entry: &ConfigEntry) -> Vec<(&str, i8)> {
        entry
            .synonyms
            .iter()
            .map(|s| (s.name.as_str(), s.source.code()))
            .collect()
    }

    #[test]
    fn a_topic_shows_its_own_value_above_the_brokers() {
        let config = config("log.segment.bytes=2097152");
        let own = Overrides::from([("segment.bytes".to_owned(), "1048576".to_owned())]);
        let entries = describe_topic(&config, &own);
        let segment = find(&entries, "segment.bytes");
        assert_eq!(segment.value.as_deref(), Some("1048576"));
        assert_eq!(segment.source, ConfigSource::Topic);
        assert_eq!(
            sources(segment),
            [
                ("segment.bytes", 1),
                ("log.segment.bytes", 4),
                ("log.segment.bytes", 5)
            ]
        );
        assert_eq!(segment.type_code, 3);
        assert!(!segment.read_only);
        assert!(
            entries
                .iter()
                .all(|entry| entry.name != "internal.segment.bytes")
        );
    }

    /// A line of `kafka-configs --describe --all`.
    fn shown(entry: &ConfigEntry) -> String {
        let synonyms: Vec<String> = entry
            .synonyms
            .iter()
            .map(|synonym| {
                let source = match synonym.source {
                    ConfigSource::Topic => "DYNAMIC_TOPIC_CONFIG",
                    ConfigSource::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
                    ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
                    ConfigSource::StaticBroker => "STATIC_BROKER_CONFIG",
                    ConfigSource::Default => "DEFAULT_CONFIG",
                    ConfigSource::BrokerLogger => "DYNAMIC_BROKER_LOGGER_CONFIG",
                    ConfigSource::ClientMetrics => "DYNAMIC_CLIENT_METRICS_CONFIG",
                    ConfigSource::Group => "DYNAMIC_GROUP_CONFIG",
                };
                format!("{source}:{}={}", synonym.name, value(&synonym.value))
            })
            .collect();
        let (name, sensitive) = (&entry.name, entry.sensitive);
        let synonyms = synonyms.join(", ");
        format!(
            "{name}={} sensitive={sensitive} synonyms={{{synonyms}}}",
            value(&entry.value)
        )
    }

    fn value(value: &Option<String>) -> &str {
        value.as_deref().unwrap_or("null")
    }

    #[test]
    fn a_topic_is_told_as_kafka_tells_it() {
        let golden = include_str!("../../tests/golden/config/topic.txt");
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let all = Overrides::from([set("min.insync.replicas", "1")]);
        let own = Overrides::from([
            set("flush.messages", "1"),
            set("cleanup.policy", "compact,delete"),
        ]);
        let config = config("log.segment.bytes=2097152\nmin.insync.replicas=1")
            .with_dynamic(&all, &Overrides::new())
            .expect("may change");
        let entries = describe_topic(&config, &own);
        let kafkas = entries
            .iter()
            .filter(|entry| !entry.name.starts_with("ottla."));
        let lines: Vec<String> = kafkas.map(shown).collect();
        let expected: Vec<&str> = golden
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_default_under_another_name_is_no_synonym() {
        let plain = describe_topic(&config(""), &Overrides::new());
        let retention = find(&plain, "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("604800000"));
        assert_eq!(retention.source, ConfigSource::Default);
        assert_eq!(sources(retention), []);

        let hours = describe_topic(&config("log.retention.hours=1"), &Overrides::new());
        let retention = find(&hours, "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("3600000"));
        assert_eq!(sources(retention), []);
        let broker = describe_broker(&config("log.retention.hours=1"));
        assert_eq!(
            sources(find(&broker, "log.retention.hours")),
            [("log.retention.hours", 4), ("log.retention.hours", 5)]
        );
        assert_eq!(sources(find(&broker, "log.retention.ms")), []);
    }

    #[test]
    fn a_broker_hides_secrets_and_names_what_may_change() {
        let config = config("ssl.key.password=secret\nrsm.config.key=secret\nnode.id=3");
        let entries = describe_broker(&config);
        let secret = find(&entries, "ssl.key.password");
        assert_eq!((secret.value.as_ref(), secret.sensitive), (None, true));
        assert_eq!(secret.synonyms[0].value, None);
        assert_eq!(find(&entries, "rsm.config.key").value, None);
        let node = find(&entries, "node.id");
        assert_eq!((node.value.as_deref(), node.read_only), (Some("3"), true));
        assert!(!find(&entries, "log.retention.ms").read_only);
        assert!(!format!("{entries:?}").contains("\"secret\""));
    }

    #[test]
    fn layers_are_told_apart() {
        let all = Overrides::from([("message.max.bytes".to_owned(), "2".to_owned())]);
        let one = Overrides::from([("message.max.bytes".to_owned(), "3".to_owned())]);
        let config = config("message.max.bytes=1")
            .with_dynamic(&all, &one)
            .expect("may change");
        let entries = describe_broker(&config);
        let entry = find(&entries, "message.max.bytes");
        assert_eq!(entry.value.as_deref(), Some("3"));
        let codes: Vec<i8> = entry.synonyms.iter().map(|s| s.source.code()).collect();
        assert_eq!(codes, [2, 3, 4, 5]);
        let defaults = describe_broker_default(&config);
        assert_eq!(defaults.len(), 1);
        assert_eq!(sources(&defaults[0]), [("message.max.bytes", 3)]);
    }

    #[test]
    fn a_group_falls_back_on_its_broker_property() {
        let config = config("group.consumer.session.timeout.ms=46000");
        let entries = describe_group(&config, &Overrides::new());
        let session = find(&entries, "consumer.session.timeout.ms");
        assert_eq!(session.value.as_deref(), Some("46000"));
        assert_eq!(session.source, ConfigSource::StaticBroker);
    }
}

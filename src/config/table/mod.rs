//! The one table of properties, joined from a page per subject.
//!
//! Room:       `config`, the table.
//! Called by:  the rest of `config`.
//! Calls:      nothing.
//! Never:      holds a value somebody set; only names, kinds, bounds and defaults.
//!
//! Always true:
//!   - a name appears once per resource, and every Apache Kafka 4.x name appears.
//!
//! Names, types, bounds and defaults are those of Apache Kafka 4.3's own definitions, plus the
//! names of 4.0 that went away since and those that 4.4 brought. Three defaults are ours: data
//! lies in `./ottla-data` and not in a folder for temporary files, the listener is on loopback,
//! and a file without `process.roles` and `node.id` means a broker of its own.

pub mod broker;
pub mod groups;
pub mod listeners;
pub mod log;
pub mod metrics;
pub mod newest;
pub mod ottla;
pub mod quorum;
pub mod quotas;
pub mod replication;
pub mod security;
pub mod share;
pub mod tiered;
pub mod topic;
pub mod transactions;

use super::property::Property;

/// The pages of broker properties, in the order of the reference page.
pub static BROKER_PAGES: &[(&str, &[Property])] = &[
    ("Ottla", ottla::BROKER),
    ("Broker", broker::BROKER),
    ("Listeners", listeners::BROKER),
    ("Log", log::BROKER),
    ("Replication", replication::BROKER),
    ("Metadata quorum", quorum::BROKER),
    ("Groups", groups::BROKER),
    ("Share groups", share::BROKER),
    ("Transactions", transactions::BROKER),
    ("Security", security::BROKER),
    ("Quotas", quotas::BROKER),
    ("Tiered storage", tiered::BROKER),
    ("Metrics", metrics::BROKER),
];

/// The pages of topic properties.
pub static TOPIC_PAGES: &[(&str, &[Property])] =
    &[("Ottla, per topic", ottla::TOPIC), ("Topic", topic::TOPIC)];

/// Beginnings of names that belong to plug-ins or to one listener. What follows is theirs.
pub static FAMILIES: &[&str] = &[
    "listener.name.",
    "rsm.config.",
    "rlmm.config.",
    "config.providers.",
    "metric.reporters.",
    "client.quota.callback.",
];

/// Every broker property.
pub fn brokers() -> impl Iterator<Item = &'static Property> {
    let pages = BROKER_PAGES.iter().flat_map(|(_, rows)| rows.iter());
    pages.chain(groups::BROKER_OFFLOAD).chain(newest::BROKER)
}

/// Every topic property.
pub fn topics() -> impl Iterator<Item = &'static Property> {
    let pages = TOPIC_PAGES.iter().flat_map(|(_, rows)| rows.iter());
    pages.chain(newest::TOPIC)
}

/// The broker property of this name.
pub fn broker(name: &str) -> Option<&'static Property> {
    brokers().find(|property| property.name == name)
}

/// The topic property of this name.
pub fn topic(name: &str) -> Option<&'static Property> {
    topics().find(|property| property.name == name)
}

/// The property of a consumer, share or streams group of this name.
pub fn group(name: &str) -> Option<&'static Property> {
    let rows = groups::GROUP.iter().chain(groups::GROUP_OFFLOAD);
    rows.chain(newest::GROUP)
        .find(|property| property.name == name)
}

/// The property of a client metrics subscription of this name.
pub fn client_metrics(name: &str) -> Option<&'static Property> {
    metrics::CLIENT_METRICS
        .iter()
        .find(|property| property.name == name)
}

/// What `listener.name.NAME.PROPERTY` sets for one listener, where we serve that.
pub fn of_listener(name: &str) -> Option<&'static Property> {
    listener_of(name, POLLING).and_then(|_| broker(POLLING))
}

/// The NAME in `listener.name.NAME.PROPERTY`.
pub fn listener_of<'a>(name: &'a str, property: &str) -> Option<&'a str> {
    let rest = name.strip_prefix("listener.name.")?;
    let listener = rest.strip_suffix(property)?.strip_suffix('.')?;
    (!listener.is_empty()).then_some(listener)
}

/// The one property of ours that a listener may have for itself.
pub const POLLING: &str = "ottla.polling";

/// Whether a name without a row of its own belongs to a plug-in or to one listener.
pub fn in_family(name: &str) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Set;

    #[test]
    fn every_default_satisfies_its_own_bound() {
        let quotas = quotas::CLIENT_QUOTA.iter();
        let others = groups::GROUP
            .iter()
            .chain(metrics::CLIENT_METRICS)
            .chain(quotas);
        for property in brokers().chain(topics()).chain(others) {
            if let Some(default) = property.default {
                assert_eq!(property.check(default), Ok(()), "{}", property.name);
            }
        }
    }

    #[test]
    fn a_name_appears_once_per_resource() {
        for names in [
            brokers().map(|p| p.name).collect::<Vec<_>>(),
            topics().map(|p| p.name).collect(),
        ] {
            let mut seen = Set::default();
            for name in names {
                assert!(seen.insert(name), "{name} is in the table twice");
            }
        }
    }

    #[test]
    fn every_synonym_is_a_broker_property_of_the_same_type() {
        for property in topics().chain(groups::GROUP) {
            for (name, _) in property.synonyms {
                assert!(
                    broker(name).is_some(),
                    "{} falls back on {name}",
                    property.name
                );
            }
        }
    }

    /// The golden list was read out of Kafka's own definitions: a count would miss no name.
    #[test]
    fn the_table_knows_what_kafka_knows() {
        let golden = include_str!("../../../tests/golden/config/names.txt");
        let rows = golden.lines().filter(|line| !line.starts_with('#'));
        let mut counted = 0;
        for row in rows {
            let mut words = row.split(' ');
            let (resource, name) = (words.next(), words.next().unwrap_or_default());
            let found = match resource {
                Some("broker") => broker(name),
                Some("topic") => topic(name),
                Some("group") => group(name),
                Some("client-metrics") => client_metrics(name),
                other => panic!("{other:?} is no resource"),
            };
            let found = found.unwrap_or_else(|| panic!("{row} is not in the table"));
            assert_eq!(Some(found.kind.type_name()), words.next(), "{row}");
            counted += 1;
        }
        assert!(counted > 400, "{counted}");
    }

    #[test]
    fn a_misspelt_tail_is_in_no_family() {
        for name in ["super.usersx", "allow.everyone.if.no.acl.foundd"] {
            assert!(!in_family(name), "{name}");
        }
    }
}

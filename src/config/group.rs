//! What a group coordinator is told by the properties, typed.
//!
//! Room:       `config`.
//! Called by:  `coordinator::group`.
//! Never:      holds what one group sets for itself; that lives in the metadata image.

use super::table::groups::{GROUP, RANGE_ASSIGNOR, UNIFORM_ASSIGNOR};
use super::values::Values;
use super::{BrokerConfig, ConfigError, table};

/// Sizes are bytes, times milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    pub session_timeout_ms_min: i32,
    pub session_timeout_ms_max: i32,
    pub initial_rebalance_delay_ms: u64,
    /// Members of one classic group.
    pub size_max: usize,
    pub offset_metadata_bytes_max: usize,
    pub offsets_retention_ms: i64,
    pub offsets_retention_check_interval_ms: u64,
    pub classic: bool,
    pub consumer: bool,
    pub consumer_session_timeout_ms: i32,
    pub consumer_heartbeat_interval_ms: i32,
    /// The least time between two assignments of a group.
    pub consumer_assignment_interval_ms: i32,
    pub consumer_size_max: usize,
    /// Names of assignors, the default first.
    pub consumer_assignors: Vec<String>,
    pub consumer_upgrade: bool,
    pub consumer_downgrade: bool,
    pub consumer_regex_refresh_interval_ms: u64,
    pub share: super::ShareConfig,
    pub streams: bool,
    pub streams_session_timeout_ms: i32,
    pub streams_heartbeat_interval_ms: i32,
    pub streams_size_max: usize,
    pub streams_standby_replicas: i32,
    pub streams_initial_rebalance_delay_ms: i32,
    /// The least time between two assignments of a group.
    pub streams_assignment_interval_ms: i32,
}

impl BrokerConfig {
    /// Whether groups may use this protocol; asked at each heartbeat.
    pub fn speaks(&self, protocol: &str) -> bool {
        let protocols = self.values.text("group.coordinator.rebalance.protocols");
        let mut protocols = super::property::list(protocols.unwrap_or_default());
        protocols.any(|p| p.eq_ignore_ascii_case(protocol))
    }

    pub fn group(&self) -> GroupConfig {
        let values = &self.values;
        let number = |name: &str| i32::try_from(values.number(name)).unwrap_or(i32::MAX);
        let count = |name: &str| usize::try_from(values.count(name)).unwrap_or(usize::MAX);
        let list = |name: &str| -> Vec<String> {
            let items = super::property::list(values.text(name).unwrap_or_default());
            items.map(str::to_owned).collect()
        };
        let policy = values.text("group.consumer.migration.policy");
        let policy = policy.unwrap_or_default().trim().to_ascii_lowercase();
        GroupConfig {
            session_timeout_ms_min: number("group.min.session.timeout.ms"),
            session_timeout_ms_max: number("group.max.session.timeout.ms"),
            initial_rebalance_delay_ms: values.count("group.initial.rebalance.delay.ms"),
            size_max: count("group.max.size"),
            offset_metadata_bytes_max: count("offset.metadata.max.bytes"),
            offsets_retention_ms: values
                .number("offsets.retention.minutes")
                .saturating_mul(MINUTE_MS),
            offsets_retention_check_interval_ms: values
                .count("offsets.retention.check.interval.ms"),
            classic: self.speaks("classic"),
            consumer: self.speaks("consumer"),
            consumer_session_timeout_ms: number("group.consumer.session.timeout.ms"),
            consumer_heartbeat_interval_ms: number("group.consumer.heartbeat.interval.ms"),
            consumer_assignment_interval_ms: number("group.consumer.assignment.interval.ms"),
            consumer_size_max: count("group.consumer.max.size"),
            consumer_assignors: list("group.consumer.assignors")
                .into_iter()
                .map(|name| match name.as_str() {
                    UNIFORM_ASSIGNOR => "uniform".to_owned(),
                    RANGE_ASSIGNOR => "range".to_owned(),
                    _ => name,
                })
                .collect(),
            consumer_upgrade: matches!(policy.as_str(), "upgrade" | "bidirectional"),
            consumer_downgrade: matches!(policy.as_str(), "downgrade" | "bidirectional"),
            consumer_regex_refresh_interval_ms: values
                .count("group.consumer.regex.refresh.interval.ms"),
            share: self.share(),
            streams: self.speaks("streams"),
            streams_session_timeout_ms: number("group.streams.session.timeout.ms"),
            streams_heartbeat_interval_ms: number("group.streams.heartbeat.interval.ms"),
            streams_size_max: count("group.streams.max.size"),
            streams_standby_replicas: number("group.streams.num.standby.replicas"),
            streams_initial_rebalance_delay_ms: number("group.streams.initial.rebalance.delay.ms"),
            streams_assignment_interval_ms: number("group.streams.assignment.interval.ms"),
        }
    }
}

const MINUTE_MS: i64 = 60_000;

/// The property that bounds a group property of the broker, if there is one:
/// `group.consumer.session.timeout.ms` has `group.consumer.min.session.timeout.ms`.
pub(super) fn bound_of(broker: &str, which: &str) -> Option<&'static str> {
    let mut parts = broker.splitn(3, '.');
    let (group, kind, rest) = (parts.next()?, parts.next()?, parts.next()?);
    // `num.standby.replicas`: the bounds have no `num`.
    let rest = rest.strip_prefix("num.").unwrap_or(rest);
    let name = format!("{group}.{kind}.{which}.{rest}");
    table::broker(&name).map(|property| property.name)
}

/// What holds for all groups lies within what a group may set for itself, and a session lasts
/// longer than the pause between two heartbeats, as Kafka requires at its start.
pub(super) fn check_defaults(values: &Values) -> Result<(), ConfigError> {
    for (broker, _) in GROUP
        .iter()
        .filter_map(|property| property.synonyms.first())
    {
        let number = values.number(broker);
        if let Some(least) = bound_of(broker, "min").filter(|name| number < values.number(name)) {
            let remedy = format!("it must be at least {least}, {}", values.number(least));
            return Err(values.refuse(broker, remedy));
        }
        if let Some(most) = bound_of(broker, "max").filter(|name| number > values.number(name)) {
            let remedy = format!("it must be at most {most}, {}", values.number(most));
            return Err(values.refuse(broker, remedy));
        }
    }
    let pauses = [
        (
            "group.consumer.session.timeout.ms",
            "group.consumer.heartbeat.interval.ms",
        ),
        (
            "group.share.session.timeout.ms",
            "group.share.heartbeat.interval.ms",
        ),
        (
            "group.streams.session.timeout.ms",
            "group.streams.heartbeat.interval.ms",
        ),
    ];
    for (session, heartbeat) in pauses {
        if values.number(session) <= values.number(heartbeat) {
            let remedy = format!("it must be above {heartbeat}, {}", values.number(heartbeat));
            return Err(values.refuse(session, remedy));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::Given;

    fn assignors(value: &str) -> Result<Vec<String>, String> {
        let given = [Given::argument("group.consumer.assignors", value)];
        let config = BrokerConfig::from_given(&given, &Default::default());
        let config = config.map_err(|error| error.to_string())?;
        Ok(config.0.group().consumer_assignors)
    }

    #[test]
    fn what_holds_for_all_groups_lies_within_what_a_group_may_set() {
        let refused = |given: &[(&str, &str)]| {
            let given: Vec<Given> = given.iter().map(|(n, v)| Given::argument(n, v)).collect();
            let config = BrokerConfig::from_given(&given, &Default::default());
            config.err().map(|error| error.to_string())
        };
        assert_eq!(refused(&[]), None);
        let low = refused(&[("group.consumer.session.timeout.ms", "20000")]).expect("below 45000");
        assert!(
            low.contains("group.consumer.min.session.timeout.ms, 45000"),
            "{low}"
        );
        let high = refused(&[("group.share.max.heartbeat.interval.ms", "4000")]);
        assert!(high.expect("5000 is above").contains("at most"));
        let standby = refused(&[("group.streams.num.standby.replicas", "3")]).expect("above 2");
        assert!(
            standby.contains("group.streams.max.standby.replicas"),
            "{standby}"
        );
        let lowered = [
            ("group.consumer.min.session.timeout.ms", "4000"),
            ("group.consumer.session.timeout.ms", "5000"),
        ];
        let short = refused(&lowered).expect("a heartbeat each 5 s");
        assert!(
            short.contains("group.consumer.heartbeat.interval.ms, 5000"),
            "{short}"
        );
    }

    #[test]
    fn assignors_have_short_names_and_those_of_their_classes() {
        let classes = format!("{RANGE_ASSIGNOR}, {UNIFORM_ASSIGNOR}");
        for value in ["range,uniform", &classes] {
            assert_eq!(assignors(value).expect("known"), ["range", "uniform"]);
        }
        let refused = assignors("uniform,com.example.Mine").expect_err("not ours");
        for part in [
            "group.consumer.assignors",
            "com.example.Mine",
            "uniform, range",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
        assert!(assignors("Range").is_err(), "names are exact, as Kafka's");
    }
}

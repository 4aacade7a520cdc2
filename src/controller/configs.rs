//! Changing configuration: of a topic, a broker, all brokers, a group, a metrics subscription.
//!
//! Room:       `controller`.
//! Called by:  `Controller::decide`, `create`.
//! Calls:      `config` for what may be set.
//! Never:      commits a part of one resource's change, or what `config` would not start with.
//!
//! Codes are Kafka's: a topic's wrong property is INVALID_CONFIG, a broker's INVALID_REQUEST. One
//! difference is meant: Kafka takes any unknown name for a broker, in case a plug-in knows it; here
//! a name nobody knows is refused, so that a misspelt one does not look as if it worked.

use super::create::check_name;
use super::{ConfigChange, ConfigOperations, Controller, Refused, Reply, StoreError};
use crate::config::describe::describe_topic;
use crate::config::{AlterOp, BrokerConfig, ConfigError, Overrides, alter};
use crate::metadata::{Image, ResourceKind};
use crate::metrics::subscription;
use crate::protocol::ErrorCode;
use crate::protocol::records::metadata::{ConfigRecord, MetadataRecord};
use std::sync::Arc;

impl Controller {
    pub(super) async fn alter_configs(
        &self,
        changes: Vec<ConfigChange>,
        validate_only: bool,
    ) -> Result<Reply, StoreError> {
        let image = self.image();
        let config = self.config_now(&image);
        let planned: Vec<Result<Overrides, Refused>> = changes
            .iter()
            .map(|change| plan(&image, &config, change))
            .collect();
        if !validate_only {
            let mut records = Vec::new();
            for (change, new) in changes.iter().zip(&planned) {
                if let Ok(new) = new {
                    let old = image.overrides(change.kind, &change.name);
                    records.extend(difference(change, old, new));
                }
            }
            self.commit(&records).await?;
        }
        let outcomes = planned.into_iter().map(|planned| planned.map(|_| ()));
        Ok(Reply::Outcomes(outcomes.collect()))
    }

    /// This broker's configuration as the image has it.
    pub(super) fn config_now(&self, image: &Image) -> Arc<BrokerConfig> {
        let node = self.config.node_id.to_string();
        let default = image.overrides(ResourceKind::Broker, "");
        let own = image.overrides(ResourceKind::Broker, &node);
        if default.is_empty() && own.is_empty() {
            return self.config.clone();
        }
        // What an older version committed and this one refuses is as if it weren't there.
        let changed = self.config.with_dynamic(default, own);
        changed.map_or_else(|_| self.config.clone(), Arc::new)
    }
}

/// The overrides a resource would have.
fn plan(
    image: &Image,
    config: &Arc<BrokerConfig>,
    change: &ConfigChange,
) -> Result<Overrides, Refused> {
    check_resource(image, config.node_id, change)?;
    let old = image.overrides(change.kind, &change.name);
    let new = match &change.change {
        ConfigOperations::Replace(new) => {
            for (name, value) in new {
                let mut alone = Overrides::new();
                apply(config, change, &mut alone, AlterOp::Set, name, value)?;
            }
            new.clone()
        }
        ConfigOperations::Each(operations) => {
            let mut new = old.clone();
            for (operation, name, value) in operations {
                apply(config, change, &mut new, *operation, name, value)?;
            }
            new
        }
    };
    match change.kind {
        ResourceKind::Topic => check_topic(config, &new)?,
        ResourceKind::Broker => check_broker(image, config, change, &new)?,
        ResourceKind::ClientMetrics => check_subscription(&new)?,
        ResourceKind::Group => {
            let checked = alter::check_group(&config.values, &new);
            checked.map_err(|error| refusal(ResourceKind::Group, AlterOp::Set, &error))?;
        }
        _ => {}
    }
    Ok(new)
}

fn check_resource(image: &Image, node: i32, change: &ConfigChange) -> Result<(), Refused> {
    let refuse = |text: String| Err((ErrorCode::InvalidRequest, text));
    let name = change.name.as_str();
    match change.kind {
        ResourceKind::Topic if name.is_empty() => {
            refuse("Default topic resources are not allowed.".to_owned())
        }
        ResourceKind::Topic => {
            check_name(name)?;
            match image.topic(name) {
                Some(_) => Ok(()),
                None => Err((
                    ErrorCode::UnknownTopicOrPartition,
                    format!("The topic '{name}' does not exist."),
                )),
            }
        }
        ResourceKind::Broker if name.is_empty() => Ok(()),
        ResourceKind::Broker => match name.parse::<i32>() {
            Err(_) => refuse(format!("Node id must be an integer, but it is: {name}")),
            Ok(id) if id != node => refuse(format!(
                "Unexpected broker id, expected {node}, but received {name}"
            )),
            Ok(_) => Ok(()),
        },
        ResourceKind::Group if name.is_empty() => {
            refuse("Default group resources are not allowed.".to_owned())
        }
        ResourceKind::ClientMetrics if name.is_empty() => {
            refuse("Subscription name can't be empty".to_owned())
        }
        ResourceKind::Group | ResourceKind::ClientMetrics => Ok(()),
        ResourceKind::BrokerLogger => refuse("Loggers are no part of the metadata.".to_owned()),
    }
}

/// Carries out one operation on a resource's overrides.
fn apply(
    config: &Arc<BrokerConfig>,
    change: &ConfigChange,
    overrides: &mut Overrides,
    operation: AlterOp,
    name: &str,
    value: &str,
) -> Result<(), Refused> {
    if operation == AlterOp::Delete {
        // Also what nobody knows any more can be taken away.
        overrides.remove(name);
        return Ok(());
    }
    let inherited = || match change.kind {
        ResourceKind::Broker => config.values.text(name).unwrap_or_default().to_owned(),
        ResourceKind::Topic => {
            let all = describe_topic(config, &Overrides::new());
            let entry = all.into_iter().find(|entry| entry.name == name);
            entry.and_then(|entry| entry.value).unwrap_or_default()
        }
        _ => String::new(),
    };
    let inherited = match operation {
        AlterOp::Append | AlterOp::Subtract => inherited(),
        AlterOp::Set | AlterOp::Delete => String::new(),
    };
    let done = match change.kind {
        ResourceKind::Topic => {
            alter::alter_topic(overrides, operation, name, Some(value), &inherited)
        }
        ResourceKind::Broker => {
            alter::alter_broker(overrides, operation, name, Some(value), &inherited)
        }
        ResourceKind::Group => alter::alter_group(overrides, operation, name, value, &inherited),
        ResourceKind::ClientMetrics | ResourceKind::BrokerLogger => {
            alter::alter_client_metrics(overrides, operation, name, value, &inherited)
        }
    };
    done.map_err(|error| refusal(change.kind, operation, &error))
}

/// Checks a topic's overrides together.
pub(super) fn check_topic(config: &BrokerConfig, overrides: &Overrides) -> Result<(), Refused> {
    let resolved = config.topic(overrides);
    resolved.map_err(|error| refusal(ResourceKind::Topic, AlterOp::Set, &error))?;
    let tiered = overrides.get("remote.storage.enable");
    if tiered.is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        let text = "Tiered Storage functionality is disabled in the broker. Topic cannot be \
                    configured with remote log storage.";
        return Err((ErrorCode::InvalidConfig, text.to_owned()));
    }
    Ok(())
}

/// Checks whom a client metrics subscription is for.
fn check_subscription(new: &Overrides) -> Result<(), Refused> {
    let patterns = new.get("match").map(String::as_str).unwrap_or_default();
    subscription::check(patterns).map_err(|pattern| {
        let text = format!("Illegal client matching pattern: {pattern}");
        (ErrorCode::InvalidConfig, text)
    })
}

/// Checks what this broker would run with.
fn check_broker(
    image: &Image,
    config: &BrokerConfig,
    change: &ConfigChange,
    new: &Overrides,
) -> Result<(), Refused> {
    if change.name.is_empty() {
        let for_one = |name: &&String| alter::is_per_broker(name);
        let names: Vec<&str> = new.keys().filter(for_one).map(String::as_str).collect();
        if !names.is_empty() {
            let text = format!(
                "Cannot update these configs at default cluster level, broker id must be \
                 specified: [{}]",
                names.join(", ")
            );
            return Err((ErrorCode::InvalidRequest, text));
        }
    }
    let node = config.node_id.to_string();
    let (default, own) = match change.name.is_empty() {
        true => (new, image.overrides(ResourceKind::Broker, &node)),
        false => (image.overrides(ResourceKind::Broker, ""), new),
    };
    let with = config.with_dynamic(default, own).map(|_| ());
    with.map_err(|error| refusal(ResourceKind::Broker, AlterOp::Set, &error))
}

/// A sentence close to Kafka's, with what would have been accepted.
fn refusal(kind: ResourceKind, operation: AlterOp, error: &ConfigError) -> Refused {
    let what = match kind {
        ResourceKind::Topic => "topic config name",
        ResourceKind::Broker => "broker config name",
        ResourceKind::Group => "group config name",
        ResourceKind::ClientMetrics => "client metrics configuration",
        ResourceKind::BrokerLogger => "logger",
    };
    let text = match error {
        ConfigError::Unknown { name, nearest, .. } => match nearest {
            Some(nearest) => format!("Unknown {what}: {name}; did you mean {nearest}?"),
            None => format!("Unknown {what}: {name}"),
        },
        ConfigError::Value {
            name, value, bound, ..
        } => format!("Invalid value {value} for configuration {name}: expected {bound}"),
        ConfigError::Fixed { name } => {
            format!("Cannot update these configs dynamically: [{name}]")
        }
        ConfigError::NotAList { name } => {
            let operation = match operation {
                AlterOp::Subtract => "SUBTRACT",
                _ => "APPEND",
            };
            format!("Can't {operation} to key {name} because its type is not LIST.")
        }
        ConfigError::Removed { .. } | ConfigError::Refused { .. } | ConfigError::Escape { .. } => {
            error.to_string()
        }
    };
    let about_value = matches!(error, ConfigError::Fixed { .. } | ConfigError::Value { .. });
    let unknown = matches!(error, ConfigError::Unknown { .. });
    let code = match kind {
        ResourceKind::Broker if about_value => ErrorCode::InvalidRequest,
        ResourceKind::ClientMetrics if unknown || about_value => ErrorCode::InvalidRequest,
        _ => ErrorCode::InvalidConfig,
    };
    (code, text)
}

/// The records that make `new` of `old`.
fn difference<'c>(
    change: &'c ConfigChange,
    old: &'c Overrides,
    new: &'c Overrides,
) -> impl Iterator<Item = MetadataRecord<'c>> {
    let set = new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
        .map(|(name, value)| (name, Some(value.as_str())));
    let gone = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .map(|name| (name, None));
    set.chain(gone).map(|(name, value)| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: change.kind as i8,
            resource_name: &change.name,
            name,
            value,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Machine;
    use crate::metadata::TopicImage;

    struct Cluster {
        image: Image,
        config: Arc<BrokerConfig>,
    }

    fn cluster() -> Cluster {
        let mut image = Image::empty("cluster", 1);
        image.put_topic(TopicImage {
            name: "t".into(),
            ..TopicImage::default()
        });
        let config = BrokerConfig::parse("node.id=1", "f", &[], &Machine::default());
        let config = Arc::new(config.expect("valid").0);
        Cluster { image, config }
    }

    impl Cluster {
        fn each(
            &mut self,
            kind: ResourceKind,
            resource: &str,
            operations: &[(AlterOp, &str, &str)],
        ) -> Result<String, (ErrorCode, String)> {
            let operations = operations
                .iter()
                .map(|(operation, name, value)| (*operation, name.to_string(), value.to_string()));
            self.change(kind, resource, ConfigOperations::Each(operations.collect()))
        }

        /// Plans a change, applies its records, and shows what is set then.
        fn change(
            &mut self,
            kind: ResourceKind,
            resource: &str,
            change: ConfigOperations,
        ) -> Result<String, (ErrorCode, String)> {
            let name = resource.to_owned();
            let change = ConfigChange { kind, name, change };
            let new = plan(&self.image, &self.config, &change)?;
            let old = self.image.overrides(kind, resource).clone();
            let records: Vec<_> = difference(&change, &old, &new).collect();
            records.iter().for_each(|record| self.image.apply(record));
            assert_eq!(*self.image.overrides(kind, resource), new);
            let set = new.iter().map(|(name, value)| format!("{name}={value}"));
            Ok(set.collect::<Vec<_>>().join(" "))
        }
    }

    use AlterOp::{Append, Delete, Set, Subtract};
    use ResourceKind::{Broker, ClientMetrics, Group, Topic};

    #[test]
    fn a_topics_settings_change_one_by_one() {
        let mut cluster = cluster();
        let mut each = |operations: &[_]| cluster.each(Topic, "t", operations).expect("accepted");
        assert_eq!(
            each(&[
                (Set, "retention.ms", "5"),
                (Append, "cleanup.policy", "compact")
            ]),
            "cleanup.policy=delete,compact retention.ms=5"
        );
        assert_eq!(
            each(&[
                (Delete, "retention.ms", ""),
                (Subtract, "cleanup.policy", "delete")
            ]),
            "cleanup.policy=compact"
        );
        assert_eq!(each(&[(Delete, "no.such", "")]), "cleanup.policy=compact");
        assert_eq!(each(&[]), "cleanup.policy=compact");
    }

    #[test]
    fn a_refused_operation_leaves_all_as_it_was() {
        let mut cluster = cluster();
        let wrong: [&[(AlterOp, &str, &str)]; 6] = [
            &[(Set, "retention.ms", "5"), (Set, "no.such", "1")],
            &[(Set, "retention.ms", "soon")],
            &[(Append, "retention.ms", "5")],
            &[(Append, "cleanup.policy", "shred")],
            &[
                (Set, "min.compaction.lag.ms", "5"),
                (Set, "max.compaction.lag.ms", "1"),
            ],
            &[(Set, "remote.storage.enable", "true")],
        ];
        for operations in wrong {
            let (code, text) = cluster.each(Topic, "t", operations).expect_err("refused");
            assert_eq!(code, ErrorCode::InvalidConfig, "{text}");
        }
        assert!(cluster.image.overrides(Topic, "t").is_empty());
    }

    #[test]
    fn replacing_takes_the_others_away() {
        let mut cluster = cluster();
        let replace = |set: &[(&str, &str)]| {
            let set = set
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()));
            ConfigOperations::Replace(set.collect())
        };
        for (set, shown) in [
            (&[("retention.ms", "5")][..], "retention.ms=5"),
            (&[("segment.bytes", "2000000")], "segment.bytes=2000000"),
            (&[], ""),
        ] {
            assert_eq!(
                cluster.change(Topic, "t", replace(set)),
                Ok(shown.to_owned())
            );
        }
        assert!(
            cluster
                .change(Topic, "t", replace(&[("no.such", "1")]))
                .is_err()
        );
    }

    #[test]
    fn resources_must_be_there() {
        let mut cluster = cluster();
        let mut code = |kind, name| {
            let done = cluster.each(kind, name, &[(Delete, "x", "")]);
            done.err().map(|refused| refused.0)
        };
        assert_eq!(code(Topic, "t"), None);
        assert_eq!(code(Topic, "u"), Some(ErrorCode::UnknownTopicOrPartition));
        assert_eq!(code(Topic, "a b"), Some(ErrorCode::InvalidTopicException));
        assert_eq!(code(Topic, ""), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(Broker, ""), None);
        assert_eq!(code(Broker, "1"), None);
        assert_eq!(code(Broker, "2"), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(Broker, "x"), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(Group, ""), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(ClientMetrics, ""), Some(ErrorCode::InvalidRequest));
    }

    #[test]
    fn a_broker_changes_what_may_change_while_it_runs() {
        let mut cluster = cluster();
        let mut each = |name: &str, operation| cluster.each(Broker, name, &[operation]);
        assert!(each("1", (Set, "log.retention.ms", "5")).is_ok());
        assert!(each("", (Append, "log.cleanup.policy", "compact")).is_ok());
        for (name, operation, code) in [
            ("1", (Set, "node.id", "3"), ErrorCode::InvalidRequest),
            (
                "1",
                (Set, "log.retention.ms", "soon"),
                ErrorCode::InvalidRequest,
            ),
            ("", (Set, "num.partitions", "3"), ErrorCode::InvalidRequest),
            ("1", (Set, "no.such", "3"), ErrorCode::InvalidConfig),
        ] {
            assert_eq!(each(name, operation).expect_err("refused").0, code);
        }
        let (code, _) = each("", (Set, "ssl.keystore.location", "/x")).expect_err("refused");
        assert_eq!(code, ErrorCode::InvalidRequest);
        assert_eq!(
            cluster.image.overrides(Broker, "")["log.cleanup.policy"],
            "delete,compact"
        );
    }

    #[test]
    fn groups_and_subscriptions_have_settings_of_their_own() {
        let mut cluster = cluster();
        let mut each = |kind, operation| cluster.each(kind, "g", &[operation]);
        assert!(each(Group, (Set, "consumer.session.timeout.ms", "50000")).is_ok());
        assert!(each(ClientMetrics, (Set, "interval.ms", "50000")).is_ok());
        let unknown = each(Group, (Set, "no.such", "1")).expect_err("unknown");
        assert_eq!(unknown.0, ErrorCode::InvalidConfig);
        for (name, value, code) in [
            ("no.such", "1", ErrorCode::InvalidRequest),
            ("interval.ms", "5", ErrorCode::InvalidRequest),
            ("match", "foo=1", ErrorCode::InvalidConfig),
        ] {
            let refused = each(ClientMetrics, (Set, name, value)).expect_err(name);
            assert_eq!(refused.0, code);
        }
    }
}

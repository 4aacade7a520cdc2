//! Changes of properties by clients: what may be set, and the four operations on it.
//!
//! Room:       `config`, AlterConfigs and IncrementalAlterConfigs (KIP-339).
//! Called by:  the config handlers and CreateTopics; `config::topic`, `config::broker`.
//! Calls:      nothing.
//! Never:      applies half of a change: the caller keeps the old map when one is refused.

use super::error::{ConfigError, Place};
use super::group::bound_of;
use super::property::{Property, Update, list};
use super::values::Values;
use super::{Overrides, suggest, table};

/// The operations of IncrementalAlterConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterOp {
    /// Sets the value.
    Set,
    /// Takes the override away, so that the default holds again.
    Delete,
    /// Adds items to a list.
    Append,
    /// Takes items out of a list.
    Subtract,
}

impl AlterOp {
    /// The operation of this number on the wire.
    pub fn from_code(code: i8) -> Option<Self> {
        [Self::Set, Self::Delete, Self::Append, Self::Subtract]
            .get(usize::try_from(code).ok()?)
            .copied()
    }
}

/// Checks one override of a topic.
pub fn validate_topic_override(name: &str, value: &str) -> Result<(), ConfigError> {
    check(known_topic(name)?, value)
}

/// Checks one override of a running broker, or of all of them.
pub fn validate_broker_override(name: &str, value: &str) -> Result<(), ConfigError> {
    let property = known_broker(name)?;
    // Kafka can open and close listeners while it runs; we cannot yet.
    let bound_at_start = matches!(name, "listeners" | "listener.security.protocol.map");
    if property.update == Update::ReadOnly || bound_at_start {
        return Err(ConfigError::Fixed {
            name: name.to_owned(),
        });
    }
    check(property, value)
}

/// Changes a topic's overrides. `None` as a value is an empty one.
pub fn alter_topic(
    overrides: &mut Overrides,
    op: AlterOp,
    name: &str,
    value: Option<&str>,
    inherited: &str,
) -> Result<(), ConfigError> {
    let property = known_topic(name)?;
    alter(
        overrides,
        property,
        op,
        value.unwrap_or_default(),
        inherited,
    )
}

/// Changes the overrides of a broker, or of all of them.
pub fn alter_broker(
    overrides: &mut Overrides,
    op: AlterOp,
    name: &str,
    value: Option<&str>,
    inherited: &str,
) -> Result<(), ConfigError> {
    let property = known_broker(name)?;
    if op != AlterOp::Delete {
        // An empty list stands for the lists of APPEND and SUBTRACT; items are checked below.
        let probe = if op == AlterOp::Set {
            value.unwrap_or_default()
        } else {
            inherited
        };
        validate_broker_override(name, probe)?;
    }
    alter(
        overrides,
        property,
        op,
        value.unwrap_or_default(),
        inherited,
    )
}

/// Changes a group's overrides.
pub fn alter_group(
    overrides: &mut Overrides,
    op: AlterOp,
    name: &str,
    value: &str,
    inherited: &str,
) -> Result<(), ConfigError> {
    alter(
        overrides,
        known(table::groups::GROUP, name)?,
        op,
        value,
        inherited,
    )
}

/// Checks a group's overrides against what the broker allows (`group.consumer.min.…`, `…max.…`),
/// and that a session lasts longer than the pause between two heartbeats.
pub fn check_group(values: &Values, overrides: &Overrides) -> Result<(), ConfigError> {
    let refuse = |property: &'static Property, value: &str, remedy: String| {
        Err(ConfigError::Refused {
            place: Place::Argument,
            name: property.name,
            value: value.to_owned(),
            remedy,
        })
    };
    let rows = table::groups::GROUP.iter();
    for property in rows.filter(|row| overrides.contains_key(row.name)) {
        let value = overrides[property.name].as_str();
        let (Ok(number), Some((broker, _))) =
            (value.trim().parse::<i64>(), property.synonyms.first())
        else {
            continue;
        };
        let bound = |which: &str| {
            let name = bound_of(broker, which)?;
            Some((values.number(name), name))
        };
        if let Some((least, name)) = bound("min").filter(|(least, _)| number < *least) {
            return refuse(
                property,
                value,
                format!("it must be at least {name}, {least}"),
            );
        }
        if let Some((most, name)) = bound("max").filter(|(most, _)| number > *most) {
            return refuse(
                property,
                value,
                format!("it must be at most {name}, {most}"),
            );
        }
    }
    let holds = |name: &str| -> Option<(&'static Property, i64)> {
        let property = table::groups::GROUP.iter().find(|row| row.name == name)?;
        let broker = property
            .synonyms
            .first()
            .and_then(|(name, _)| values.text(name));
        let own = overrides.get(name).map(String::as_str);
        let number = own.or(broker).or(property.default)?.trim().parse().ok()?;
        Some((property, number))
    };
    let reset = "share.auto.offset.reset";
    if let (Some(value), Ok(property)) = (overrides.get(reset), known(table::groups::GROUP, reset))
        && super::ShareReset::parse(value).is_none()
    {
        let remedy = "it must be earliest, latest or by_duration:PnDTnHnMn.nS".to_owned();
        return refuse(property, value, remedy);
    }
    for kind in ["consumer", "share", "streams"] {
        let session = holds(&format!("{kind}.session.timeout.ms"));
        let heartbeat = holds(&format!("{kind}.heartbeat.interval.ms"));
        if let (Some((property, session)), Some((_, heartbeat))) = (session, heartbeat)
            && session <= heartbeat
        {
            let remedy = format!("it must be above {kind}.heartbeat.interval.ms, {heartbeat}");
            return refuse(property, &session.to_string(), remedy);
        }
    }
    Ok(())
}

/// Changes the overrides of a client metrics subscription (KIP-714).
pub fn alter_client_metrics(
    overrides: &mut Overrides,
    op: AlterOp,
    name: &str,
    value: &str,
    inherited: &str,
) -> Result<(), ConfigError> {
    alter(
        overrides,
        known(table::metrics::CLIENT_METRICS, name)?,
        op,
        value,
        inherited,
    )
}

/// Whether a broker property may differ between brokers only, not be set for all of them.
pub fn is_per_broker(name: &str) -> bool {
    table::broker(name).is_some_and(|property| property.update == Update::PerBroker)
}

/// One operation. `inherited` is the value that holds without an override: APPEND and SUBTRACT
/// start from it when there is none yet, as Kafka does.
fn alter(
    overrides: &mut Overrides,
    property: &'static Property,
    op: AlterOp,
    value: &str,
    inherited: &str,
) -> Result<(), ConfigError> {
    if matches!(op, AlterOp::Append | AlterOp::Subtract) && !property.kind.is_list() {
        return Err(ConfigError::NotAList {
            name: property.name.to_owned(),
        });
    }
    let current = overrides
        .get(property.name)
        .map_or(inherited, String::as_str);
    let changed = match op {
        AlterOp::Delete => {
            overrides.remove(property.name);
            return Ok(());
        }
        AlterOp::Set => value.to_owned(),
        AlterOp::Append => {
            let mut items: Vec<&str> = list(current).collect();
            for item in list(value) {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            items.join(",")
        }
        AlterOp::Subtract => {
            let gone: Vec<&str> = list(value).collect();
            list(current)
                .filter(|item| !gone.contains(item))
                .collect::<Vec<_>>()
                .join(",")
        }
    };
    check(property, &changed)?;
    overrides.insert(property.name.to_owned(), changed);
    Ok(())
}

fn check(property: &Property, value: &str) -> Result<(), ConfigError> {
    property.check(value).map_err(|bound| ConfigError::Value {
        place: Place::Argument,
        name: property.name.to_owned(),
        value: value.to_owned(),
        bound,
    })
}

fn known_topic(name: &str) -> Result<&'static Property, ConfigError> {
    table::topic(name).ok_or_else(|| ConfigError::Unknown {
        place: Place::Argument,
        name: name.to_owned(),
        nearest: suggest::nearest(name, table::topics().map(|property| property.name)),
    })
}

fn known(rows: &'static [Property], name: &str) -> Result<&'static Property, ConfigError> {
    let row = rows.iter().find(|property| property.name == name);
    row.ok_or_else(|| ConfigError::Unknown {
        place: Place::Argument,
        name: name.to_owned(),
        nearest: suggest::nearest(name, rows.iter().map(|property| property.name)),
    })
}

fn known_broker(name: &str) -> Result<&'static Property, ConfigError> {
    table::broker(name).ok_or_else(|| ConfigError::Unknown {
        place: Place::Argument,
        name: name.to_owned(),
        nearest: suggest::nearest(name, table::brokers().map(|property| property.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_operations_on_a_list() {
        let mut map = Overrides::new();
        let name = "cleanup.policy";
        let mut step = |op, value| {
            alter_topic(&mut map, op, name, value, "delete").map(|()| map.get(name).cloned())
        };
        assert_eq!(
            step(AlterOp::Append, Some("compact")),
            Ok(Some("delete,compact".to_owned()))
        );
        assert_eq!(
            step(AlterOp::Append, Some("compact")),
            Ok(Some("delete,compact".to_owned()))
        );
        assert_eq!(
            step(AlterOp::Subtract, Some("delete")),
            Ok(Some("compact".to_owned()))
        );
        assert_eq!(
            step(AlterOp::Set, Some("delete")),
            Ok(Some("delete".to_owned()))
        );
        assert_eq!(step(AlterOp::Delete, None), Ok(None));
        assert!(step(AlterOp::Append, Some("shred")).is_err());
    }

    #[test]
    fn what_is_no_list_is_only_set_and_deleted() {
        let mut map = Overrides::new();
        let refused = alter_topic(&mut map, AlterOp::Append, "retention.ms", Some("1"), "2");
        assert_eq!(
            refused,
            Err(ConfigError::NotAList {
                name: "retention.ms".to_owned()
            })
        );
        assert!(map.is_empty());
    }

    #[test]
    fn names_and_bounds_are_checked() {
        assert!(validate_topic_override("retention.ms", "-1").is_ok());
        assert!(validate_topic_override("retention.ms", "-2").is_err());
        assert!(validate_topic_override("ottla.durability", "synced").is_ok());
        let error = validate_topic_override("retention.m", "1").expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "unknown property retention.m; did you mean retention.ms?"
        );
        assert!(validate_broker_override("node.id", "2").is_err());
        assert!(validate_broker_override("listeners", "PLAINTEXT://h:1").is_err());
        assert!(validate_broker_override("log.retention.ms", "2").is_ok());
    }

    #[test]
    fn a_group_stays_within_what_the_broker_allows() {
        let values = Values::default();
        let refused = |name: &str, value: &str| {
            let overrides = Overrides::from([(name.to_owned(), value.to_owned())]);
            check_group(&values, &overrides)
                .err()
                .map(|e| e.to_string())
        };
        assert_eq!(refused("consumer.session.timeout.ms", "50000"), None);
        let low = refused("consumer.session.timeout.ms", "1").expect("too low");
        assert!(
            low.contains("group.consumer.min.session.timeout.ms, 45000"),
            "{low}"
        );
        let high = refused("consumer.heartbeat.interval.ms", "90000").expect("too high");
        assert!(
            high.contains("group.consumer.max.heartbeat.interval.ms"),
            "{high}"
        );
        let locks = refused("share.record.lock.duration.ms", "1000").expect("too low");
        assert!(
            locks.contains("group.share.min.record.lock.duration.ms"),
            "{locks}"
        );
    }

    #[test]
    fn codes_are_those_of_the_wire() {
        assert_eq!(AlterOp::from_code(0), Some(AlterOp::Set));
        assert_eq!(AlterOp::from_code(3), Some(AlterOp::Subtract));
        assert_eq!(AlterOp::from_code(4), None);
        assert_eq!(AlterOp::from_code(-1), None);
    }
}

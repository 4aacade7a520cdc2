//! Broker properties as they were set, each with its place, checked against the table.
//!
//! Room:       `config`, between text and types.
//! Called by:  `config::broker`, `config::topic`, `config::describe`.
//! Calls:      nothing.
//! Never:      holds a value that its property refuses.
//!
//! ```text
//! dynamic, this broker  >  dynamic, all brokers  >  file and command line  >  default
//! ```

use super::Overrides;
use super::error::{ConfigError, Place, Warning};
use super::parse::Given;
use super::property::Serving;
use super::{suggest, table};
use std::collections::BTreeMap;

/// The layers of broker properties. Strongest first when a value is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// Set by AlterConfigs for this broker.
    pub dynamic_broker: Overrides,
    /// Set by AlterConfigs for all brokers.
    pub dynamic_default: Overrides,
    /// Set in the file or on the command line.
    pub file: Overrides,
    places: BTreeMap<String, Place>,
}

impl Values {
    /// Checks what was written and keeps it; a later line wins over an earlier one.
    pub fn check(given: &[Given]) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut values = Self::default();
        let mut warnings = Vec::new();
        for Given { name, value, place } in given {
            let mut warn = |text: String| {
                warnings.push(Warning {
                    place: place.clone(),
                    name: name.clone(),
                    text,
                });
            };
            match table::broker(name).or_else(|| table::of_listener(name)) {
                Some(property) => {
                    property.check(value).map_err(|bound| ConfigError::Value {
                        place: place.clone(),
                        name: name.clone(),
                        value: shown(value, property.kind.is_sensitive()),
                        bound,
                    })?;
                    match property.serving {
                        Serving::Served(_) => {}
                        Serving::Later if name == "authorizer.class.name" => {
                            warn("accepted, but access control is NOT enforced yet".to_owned());
                        }
                        Serving::Later => warn("accepted, not served yet".to_owned()),
                        Serving::Unneeded(reason) => warn(format!("without effect: {reason}")),
                    }
                }
                None if table::in_family(name) && !name.contains(".ottla.") => {
                    warn("accepted, not served yet".to_owned())
                }
                None => return Err(unknown(name, place)),
            }
            if values.file.insert(name.clone(), value.clone()).is_some() {
                warn("set more than once; the last one counts".to_owned());
            }
            values.places.insert(name.clone(), place.clone());
        }
        values.mirror("node.id", "broker.id");
        values.mirror("broker.id", "node.id");
        Ok((values, warnings))
    }

    /// Kafka shows the older name of a property beside the newer one, whichever was written.
    fn mirror(&mut self, written: &str, other: &str) {
        if let (Some(value), None) = (self.file.get(written), self.file.get(other)) {
            self.file.insert(other.to_owned(), value.clone());
        }
    }

    /// The value somebody set, from the strongest layer that has one.
    pub fn given(&self, name: &str) -> Option<&str> {
        [&self.dynamic_broker, &self.dynamic_default, &self.file]
            .into_iter()
            .find_map(|layer| layer.get(name))
            .map(String::as_str)
    }

    /// The value that holds: the one set, else the default.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given(name).or_else(|| table::broker(name)?.default)
    }

    /// A number, as its property bounds it.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name)
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or_default()
    }

    /// A number that cannot be negative by its bounds; a negative one without bounds is 0.
    pub fn count(&self, name: &str) -> u64 {
        u64::try_from(self.number(name)).unwrap_or_default()
    }

    /// A number that need not be whole.
    pub fn fraction(&self, name: &str) -> f64 {
        self.text(name)
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or_default()
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    /// Where the file set it, for messages.
    pub fn place(&self, name: &str) -> &Place {
        self.places.get(name).unwrap_or(&Place::Argument)
    }

    /// A refusal of what this property is set to.
    pub fn refuse(&self, name: &'static str, remedy: impl Into<String>) -> ConfigError {
        ConfigError::Refused {
            place: self.place(name).clone(),
            name,
            value: self.text(name).unwrap_or_default().to_owned(),
            remedy: remedy.into(),
        }
    }

    #[cfg(test)]
    pub(super) fn of(file: &Overrides) -> Self {
        Self {
            file: file.clone(),
            ..Self::default()
        }
    }
}

/// A secret does not belong into a message.
fn shown(value: &str, sensitive: bool) -> String {
    if sensitive {
        "[hidden]".to_owned()
    } else {
        value.to_owned()
    }
}

fn unknown(name: &str, place: &Place) -> ConfigError {
    let removed = REMOVED
        .iter()
        .find(|(removed, _)| name.starts_with(removed));
    if let Some((_, remedy)) = removed {
        return ConfigError::Removed {
            place: place.clone(),
            name: name.to_owned(),
            remedy,
        };
    }
    // A topic's name in a broker's file deserves its broker name, not its nearest spelling.
    let broker_name = table::topic(name).and_then(|topic| topic.synonyms.first());
    let nearest = match broker_name {
        Some((synonym, _)) => Some(*synonym),
        None => suggest::nearest(name, table::brokers().map(|property| property.name)),
    };
    ConfigError::Unknown {
        place: place.clone(),
        name: name.to_owned(),
        nearest,
    }
}

/// Names of Kafka 3 that files still carry.
const REMOVED: &[(&str, &str)] = &[
    (
        "zookeeper.",
        "there is no ZooKeeper any more: delete the line",
    ),
    (
        "inter.broker.protocol.version",
        "features are negotiated: delete the line",
    ),
    (
        "log.message.format.version",
        "records are always version 2: delete the line",
    ),
    (
        "log.message.downconversion.enable",
        "records are never converted: delete the line",
    ),
    (
        "log.message.timestamp.difference.max.ms",
        "use log.message.timestamp.before.max.ms",
    ),
    (
        "broker.id.generation.enable",
        "set node.id yourself: delete the line",
    ),
    (
        "reserved.broker.max.id",
        "set node.id yourself: delete the line",
    ),
    (
        "control.plane.listener.name",
        "use controller.listener.names",
    ),
    (
        "password.encoder.",
        "dynamic passwords need no encoder: delete the line",
    ),
    (
        "offsets.commit.required.acks",
        "offsets are always committed by all: delete the line",
    ),
    (
        "delegation.token.master.key",
        "use delegation.token.secret.key",
    ),
    (
        "auto.include.jmx.reporter",
        "there is no JMX here: delete the line",
    ),
];

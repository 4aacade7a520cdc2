//! Configurations of resources, asked for and changed, for the tools that show them.
//!
//! Room:       `cli`, shared by `topics` and `configs`.
//! Called by:  those two, `client_metrics`, `reassign_partitions`.
//! Calls:      `client`.
//! Never:      decides what a value means; the broker does.

use crate::client::{ClientError, Cluster};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResponse,
};
use crate::protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use crate::protocol::messages::list_config_resources::{
    ListConfigResourcesRequest, ListConfigResourcesResponse,
};

/// What a configuration belongs to, by Kafka's `ConfigResource.Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

impl Kind {
    /// What Kafka's tools call one of them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
            Self::BrokerLogger => "broker-logger",
            Self::ClientMetrics => "client-metric",
            Self::Group => "group",
        }
    }
}

/// The names of all resources of a kind that have settings of their own.
pub fn listed(cluster: &Cluster, kind: Kind) -> Result<Vec<String>, ClientError> {
    let request = ListConfigResourcesRequest {
        resource_types: vec![kind as i8],
    };
    let answer = cluster.call_any(&request)?;
    let response: ListConfigResourcesResponse<'_> = answer.decode()?;
    ClientError::check(response.error_code, None, || kind.name().to_owned())?;
    let resources = response.config_resources.iter();
    let named = resources.filter(|resource| resource.resource_type == kind as i8);
    Ok(named
        .map(|resource| resource.resource_name.to_owned())
        .collect())
}

/// One property as the broker tells it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub value: Option<String>,
    pub sensitive: bool,
    pub source: i8,
    /// Name, value, source: the most specific first.
    pub synonyms: Vec<(String, Option<String>, i8)>,
}

/// `ConfigSource.DEFAULT_CONFIG`: nobody set it.
const SOURCE_DEFAULT: i8 = 5;

impl Entry {
    pub fn is_default(&self) -> bool {
        self.source == SOURCE_DEFAULT
    }

    /// Set on the topic, on the broker, or on all brokers while they run.
    pub fn is_dynamic(&self) -> bool {
        matches!(self.source, 1..=3 | 6..=8)
    }

    /// `source` by Kafka's name.
    pub fn source_name(source: i8) -> &'static str {
        match source {
            1 => "DYNAMIC_TOPIC_CONFIG",
            2 => "DYNAMIC_BROKER_CONFIG",
            3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
            4 => "STATIC_BROKER_CONFIG",
            5 => "DEFAULT_CONFIG",
            6 => "DYNAMIC_BROKER_LOGGER_CONFIG",
            7 => "DYNAMIC_CLIENT_METRICS_CONFIG",
            8 => "DYNAMIC_GROUP_CONFIG",
            _ => "UNKNOWN",
        }
    }
}

/// All properties of each resource, in the order asked. A broker is asked about itself.
pub fn describe(
    cluster: &Cluster,
    kind: Kind,
    names: &[&str],
) -> Result<Vec<Vec<Entry>>, ClientError> {
    let mut all = Vec::with_capacity(names.len());
    // One resource a call: answers of many topics would be large, and brokers differ anyway.
    for name in names {
        let resource = DescribeConfigsResource {
            resource_type: kind as i8,
            resource_name: name,
            configuration_keys: None,
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource],
            include_synonyms: true,
            include_documentation: false,
        };
        let answer = match (kind, name.parse()) {
            (Kind::Broker | Kind::BrokerLogger, Ok(broker)) => {
                cluster.call_broker(broker, &request)?
            }
            _ => cluster.call_any(&request)?,
        };
        let response: DescribeConfigsResponse<'_> = answer.decode()?;
        let mut entries = Vec::new();
        for result in &response.results {
            ClientError::check(result.error_code, result.error_message, || what(kind, name))?;
            entries.extend(result.configs.iter().map(|config| {
                Entry {
                    name: config.name.to_owned(),
                    value: config.value.map(str::to_owned),
                    sensitive: config.is_sensitive,
                    source: config.config_source,
                    synonyms: config
                        .synonyms
                        .iter()
                        .map(|s| (s.name.to_owned(), s.value.map(str::to_owned), s.source))
                        .collect(),
                }
            }));
        }
        all.push(entries);
    }
    Ok(all)
}

/// One change: `None` gives the property back to its default.
pub type Change = (String, Option<String>);

/// Changes properties of one resource, all or none.
pub fn alter(
    cluster: &Cluster,
    kind: Kind,
    name: &str,
    changes: &[Change],
) -> Result<(), ClientError> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: kind as i8,
            resource_name: name,
            configs: changes
                .iter()
                .map(|(name, value)| AlterableConfig {
                    name,
                    config_operation: if value.is_some() { SET } else { DELETE },
                    value: value.as_deref(),
                })
                .collect(),
        }],
        validate_only: false,
    };
    let answer = match (kind, name.parse()) {
        (Kind::Broker | Kind::BrokerLogger, Ok(broker)) => cluster.call_broker(broker, &request)?,
        _ => cluster.call_controller(&request)?,
    };
    let response: IncrementalAlterConfigsResponse<'_> = answer.decode()?;
    response.responses.iter().try_for_each(|result| {
        ClientError::check(result.error_code, result.error_message, || what(kind, name))
    })
}

/// `a=1,b=[x,y]`, as Kafka's tools take it: brackets keep commas together.
pub fn parse_changes(text: &str) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("'{rest}' is no NAME=VALUE"))?;
        let (value, next) = match after.strip_prefix('[') {
            Some(list) => {
                let (value, next) = list
                    .split_once(']')
                    .ok_or_else(|| format!("'{after}' opens a bracket and does not close it"))?;
                (value, next.strip_prefix(',').unwrap_or(next))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        changes.push((name.trim().to_owned(), Some(value.trim().to_owned())));
        rest = next;
    }
    Ok(changes)
}

fn what(kind: Kind, name: &str) -> String {
    format!("{} '{name}'", kind.name())
}

/// Whether a refusal means that the thing is not there.
pub fn is_missing(error: &ClientError) -> bool {
    let missing = [
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::UnknownTopicId,
    ];
    error.code().is_some_and(|code| missing.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_keep_commas_together() {
        let changes = parse_changes("a=1,b=[x,y],c=").unwrap();
        let text: Vec<(&str, &str)> = changes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref().unwrap()))
            .collect();
        assert_eq!(text, vec![("a", "1"), ("b", "x,y"), ("c", "")]);
        assert!(parse_changes("a").is_err());
        assert!(parse_changes("a=[x").is_err());
    }
}

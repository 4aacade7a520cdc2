//! DescribeConfigs (API 32): settings of topics, brokers, groups and metrics subscriptions, with
//! where they come from and what they mean. Stages: look each resource up; tell what was asked for.

use super::context::{Call, Response, Unanswerable};
use crate::config::describe::{
    describe_broker, describe_broker_default, describe_client_metrics, describe_group,
    describe_topic,
};
use crate::config::log_levels::LOG_LEVELS;
use crate::config::{BrokerConfig, ConfigEntry, ConfigSource};
use crate::controller::{Refused, check_name};
use crate::metadata::{Image, ResourceKind};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
    DescribeConfigsResponse, DescribeConfigsResult, DescribeConfigsSynonym,
};
use std::collections::BTreeSet;

pub async fn handle(
    call: &Call,
    request: DescribeConfigsRequest<'_>,
) -> Result<Response, Unanswerable> {
    let (image, config) = (call.image(), call.config());
    let mut pace = call.pace();
    let mut out = call.begin_array::<DescribeConfigsResponse<'_>>(request.resources.len())?;
    for resource in &request.resources {
        // What is found of one takes some 20 KiB, and is written down before the next one's.
        let found = find(&image, &config, resource);
        result(&request, resource, &found).encode(&mut out, call.version)?;
        pace.stride().await;
    }
    call.finish_array::<DescribeConfigsResponse<'_>>(out)
}

fn find(
    image: &Image,
    config: &BrokerConfig,
    resource: &DescribeConfigsResource<'_>,
) -> Result<Vec<ConfigEntry>, Refused> {
    let refuse = |text: String| Err((ErrorCode::InvalidRequest, text));
    let (kind, name) = (resource.resource_type, resource.resource_name);
    match ResourceKind::from_code(kind) {
        Some(ResourceKind::Topic) => {
            check_name(name)?;
            match image.topic(name) {
                Some(_) => {
                    let overrides = image.overrides(ResourceKind::Topic, name);
                    Ok(describe_topic(config, overrides))
                }
                None => Err((ErrorCode::UnknownTopicOrPartition, String::new())),
            }
        }
        Some(ResourceKind::Broker) if name.is_empty() => Ok(describe_broker_default(config)),
        Some(ResourceKind::Broker) => {
            check_node(config, name, " or empty string, but")?;
            Ok(describe_broker(config))
        }
        Some(ResourceKind::BrokerLogger) if name.is_empty() => {
            refuse("Broker id must not be empty".to_owned())
        }
        Some(ResourceKind::BrokerLogger) => {
            check_node(config, name, " but")?;
            Ok(loggers())
        }
        Some(ResourceKind::Group) if name.is_empty() => {
            refuse("Group name must not be empty".to_owned())
        }
        Some(ResourceKind::Group) => Ok(describe_group(
            config,
            image.overrides(ResourceKind::Group, name),
        )),
        Some(ResourceKind::ClientMetrics) if name.is_empty() => {
            refuse("Client metrics subscription name must not be empty".to_owned())
        }
        Some(ResourceKind::ClientMetrics) => {
            let overrides = image.overrides(ResourceKind::ClientMetrics, name);
            Ok(describe_client_metrics(config, overrides))
        }
        None => refuse(format!("Unknown resource type {kind}")),
    }
}

fn check_node(config: &BrokerConfig, name: &str, or: &str) -> Result<(), Refused> {
    let node = config.node_id;
    let text = match name.parse::<i32>() {
        Ok(id) if id == node => return Ok(()),
        Ok(_) => format!("Unexpected broker id, expected {node}{or} received {name}"),
        Err(_) => format!("Broker id must be an integer, but it is: {name}"),
    };
    Err((ErrorCode::InvalidRequest, text))
}

/// Every logger with its level (KIP-412).
fn loggers() -> Vec<ConfigEntry> {
    let levels = LOG_LEVELS.list().into_iter();
    levels
        .map(|(name, level)| ConfigEntry {
            name,
            value: Some(level.to_owned()),
            read_only: false,
            source: ConfigSource::BrokerLogger,
            sensitive: false,
            synonyms: Vec::new(),
            type_code: 2,
            documentation: "",
        })
        .collect()
}

fn result<'r>(
    request: &DescribeConfigsRequest<'_>,
    resource: &'r DescribeConfigsResource<'_>,
    found: &'r Result<Vec<ConfigEntry>, Refused>,
) -> DescribeConfigsResult<'r> {
    let keys = resource.configuration_keys.as_deref().unwrap_or_default();
    let keys: BTreeSet<&str> = keys.iter().copied().collect();
    let is_asked = |entry: &&ConfigEntry| keys.is_empty() || keys.contains(entry.name.as_str());
    let (code, text) = match found {
        Ok(_) => (ErrorCode::None, ""),
        Err((code, text)) => (*code, text.as_str()),
    };
    let entries = found.iter().flatten().filter(is_asked);
    DescribeConfigsResult {
        error_code: code,
        error_message: Some(text),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        configs: entries.map(|entry| told(request, entry)).collect(),
    }
}

fn told<'r>(
    request: &DescribeConfigsRequest<'_>,
    entry: &'r ConfigEntry,
) -> DescribeConfigsResourceResult<'r> {
    let synonyms = entry.synonyms.iter().filter(|_| request.include_synonyms);
    DescribeConfigsResourceResult {
        name: &entry.name,
        value: entry.value.as_deref(),
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.sensitive,
        synonyms: synonyms
            .map(|synonym| DescribeConfigsSynonym {
                name: &synonym.name,
                value: synonym.value.as_deref(),
                source: synonym.source.code(),
            })
            .collect(),
        config_type: entry.type_code,
        documentation: request.include_documentation.then_some(entry.documentation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Overrides};
    use crate::metadata::TopicImage;
    use crate::protocol::records::metadata::{ConfigRecord, MetadataRecord};

    fn code(kind: i8, name: &str) -> Result<usize, ErrorCode> {
        let mut image = Image::empty("cluster", 1);
        image.put_topic(TopicImage {
            name: "t".into(),
            ..TopicImage::default()
        });
        let config = BrokerConfig::parse("node.id=1", "f", &[], &Machine::default());
        let resource = DescribeConfigsResource {
            resource_type: kind,
            resource_name: name,
            configuration_keys: None,
        };
        let found = find(&image, &config.expect("valid").0, &resource);
        found
            .map(|entries| entries.len())
            .map_err(|refused| refused.0)
    }

    #[test]
    fn resources_are_found_or_refused_as_kafka_does() {
        let invalid = Err(ErrorCode::InvalidRequest);
        assert!(code(2, "t").is_ok_and(|count| count > 30));
        assert_eq!(code(2, "u"), Err(ErrorCode::UnknownTopicOrPartition));
        assert_eq!(code(2, ""), Err(ErrorCode::InvalidTopicException));
        assert!(code(4, "1").is_ok_and(|count| count > 100));
        assert_eq!(code(4, ""), Ok(0));
        assert_eq!(code(4, "9"), invalid);
        assert_eq!(code(4, "x"), invalid);
        assert!(code(8, "1").is_ok_and(|count| count > 10));
        assert_eq!(code(8, ""), invalid);
        assert!(code(16, "m").is_ok() && code(32, "g").is_ok());
        assert_eq!(code(16, ""), invalid);
        assert_eq!(code(32, ""), invalid);
        assert_eq!(code(3, "x"), invalid);
    }

    #[test]
    fn only_what_is_asked_for_is_told() {
        let config = BrokerConfig::parse("", "f", &[], &Machine::default());
        let config = config.expect("valid").0;
        let mut image = Image::empty("cluster", 1);
        image.apply(&MetadataRecord::Config(ConfigRecord {
            resource_type: 2,
            resource_name: "t",
            name: "retention.ms",
            value: Some("7"),
        }));
        let overrides: &Overrides = image.overrides(ResourceKind::Topic, "t");
        let found = Ok(describe_topic(&config, overrides));
        let resource = DescribeConfigsResource {
            resource_type: 2,
            resource_name: "t",
            configuration_keys: Some(vec!["retention.ms", "no.such"]),
        };
        for (synonyms, documentation) in [(false, false), (true, true)] {
            let request = DescribeConfigsRequest {
                include_synonyms: synonyms,
                include_documentation: documentation,
                ..DescribeConfigsRequest::default()
            };
            let told = result(&request, &resource, &found).configs;
            assert_eq!(told.len(), 1);
            assert_eq!((told[0].value, told[0].config_source), (Some("7"), 1));
            assert_eq!(!told[0].synonyms.is_empty(), synonyms);
            assert_eq!(told[0].documentation.is_some(), documentation);
        }
    }
}

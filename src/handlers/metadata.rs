//! Metadata (API 3): brokers, topics, partitions and their leaders.
//! Stages: look each topic up in the image; create what may be created by asking; answer.

use super::context::{Call, Response, Unanswerable, uuid};
use super::coordinated::internal_topic;
use super::said::Said;
use crate::controller::{self, NewTopic};
use crate::coordinator::Kind;
use crate::ids::TopicId;
use crate::metadata::{Image, TopicImage, is_internal};
use crate::protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use crate::protocol::{BrokerId, ErrorCode, TopicName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bits of the operations that everybody may do while nothing is forbidden (KIP-430).
pub const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
pub const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
pub const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// From this version on a topic may have no name in the answer.
const NAME_MAY_BE_NULL: i16 = 12;

/// A topic of the answer.
enum Found<'a> {
    Topic(Arc<TopicImage>),
    Refused {
        name: Option<&'a str>,
        id: TopicId,
        code: ErrorCode,
    },
}

impl<'a> Found<'a> {
    fn key(&self) -> (Option<&'a str>, TopicId) {
        match self {
            Found::Topic(topic) => (None, topic.id),
            Found::Refused { name, id, .. } => (*name, *id),
        }
    }
}

pub async fn handle(call: &Call, request: MetadataRequest<'_>) -> Result<Response, Unanswerable> {
    let create = create_missing(call, &request).await;
    let image = call.image();
    let mut pace = call.pace();
    let found: Vec<Found<'_>> = match &request.topics {
        // In v0 an empty list meant all.
        None => image.topics().cloned().map(Found::Topic).collect(),
        Some(asked) if asked.is_empty() && call.version == 0 => {
            image.topics().cloned().map(Found::Topic).collect()
        }
        Some(asked) => {
            // Who asks twice, by whatever name, is answered once.
            let mut told = BTreeSet::new();
            let mut found = Vec::with_capacity(asked.len());
            for topic in asked {
                pace.step().await;
                let name = topic.name.map(|name| name.0);
                let one = find(&image, name, TopicId(topic.topic_id.0), &create);
                if told.insert(one.key()) {
                    found.push(one);
                }
            }
            found
        }
    };
    let listener = &call.context.listener.name;
    let brokers = image
        .brokers
        .values()
        .filter(|broker| !broker.fenced)
        .filter_map(|broker| {
            let endpoint = broker
                .endpoints
                .iter()
                .find(|endpoint| endpoint.name == *listener)?;
            Some(MetadataResponseBroker {
                node_id: BrokerId(broker.id),
                host: &endpoint.host,
                port: i32::from(endpoint.port),
                rack: broker.rack.as_deref(),
            })
        });
    let operations = |asked: bool, all: i32| if asked { all } else { OPERATIONS_NOT_ASKED };
    let topic_operations = operations(
        request.include_topic_authorized_operations,
        TOPIC_OPERATIONS,
    );
    let mut topics = Vec::with_capacity(found.len());
    for found in &found {
        pace.step().await;
        topics.push(topic(found, topic_operations, call.version));
    }
    let response = MetadataResponse {
        brokers: brokers.collect(),
        cluster_id: Some(&image.cluster_id),
        controller_id: BrokerId(image.controller),
        topics,
        cluster_authorized_operations: operations(
            request.include_cluster_authorized_operations,
            CLUSTER_OPERATIONS,
        ),
        ..MetadataResponse::default()
    };
    call.respond(&response)
}

/// Topics that were to be created and were refused, by name.
type Refusals = BTreeMap<String, ErrorCode>;

/// Creates topics that are asked for by name and may be created by asking; returns what was
/// refused, by name.
async fn create_missing(call: &Call, request: &MetadataRequest<'_>) -> Refusals {
    if !(call.config().auto_create_topics && request.allow_auto_topic_creation) {
        return Refusals::new();
    }
    let image = call.image();
    let asked = request.topics.as_deref().unwrap_or_default();
    let mut missing: Vec<NewTopic> = Vec::new();
    let mut pace = call.pace();
    let names = asked.iter().filter_map(|topic| topic.name);
    let mut said = Said::of(names, &mut pace).await;
    for name in asked.iter().filter_map(|topic| topic.name) {
        pace.step().await;
        let known = image.topic(name.0).is_some();
        if known || name.0.is_empty() || said.take(&name).is_none() {
            continue;
        }
        missing.push(match Kind::of_topic(name.0) {
            Some(kind) => internal_topic(kind, &call.config(), &image),
            None => NewTopic {
                name: name.0.to_owned(),
                partitions: -1,
                replication_factor: -1,
                ..NewTopic::default()
            },
        });
    }
    if missing.is_empty() {
        return Refusals::new();
    }
    let request = controller::Request::CreateTopics {
        topics: missing,
        validate_only: false,
    };
    match call.context.router.control(request).await {
        controller::Reply::Topics(outcomes) => outcomes
            .into_iter()
            .filter_map(|outcome| match outcome.error {
                // Somebody else was faster: it is there.
                Some((ErrorCode::TopicAlreadyExists, _)) | None => None,
                Some((code, _)) => Some((outcome.name, code)),
            })
            .collect(),
        _ => Refusals::new(),
    }
}

fn find<'a>(image: &Image, name: Option<&'a str>, id: TopicId, refused: &Refusals) -> Found<'a> {
    let topic = match name {
        Some(name) if id == TopicId::ZERO => image.topic(name),
        _ => image.topic_by_id(id),
    };
    if let Some(topic) = topic {
        return Found::Topic(topic.clone());
    }
    let code = match name {
        Some(asked) if id == TopicId::ZERO => {
            match (refused.get(asked), controller::check_name(asked)) {
                (Some(code), _) => *code,
                // Nobody would make it; Kafka says so whether or not it was to be made.
                (None, Err((code, _))) => code,
                (None, Ok(())) => ErrorCode::UnknownTopicOrPartition,
            }
        }
        _ => ErrorCode::UnknownTopicId,
    };
    Found::Refused { name, id, code }
}

fn topic<'f>(found: &'f Found<'_>, operations: i32, version: i16) -> MetadataResponseTopic<'f> {
    match found {
        Found::Topic(topic) => MetadataResponseTopic {
            error_code: ErrorCode::None,
            name: Some(TopicName(&topic.name)),
            topic_id: uuid(topic.id),
            is_internal: is_internal(&topic.name),
            partitions: partitions(topic),
            topic_authorized_operations: operations,
        },
        Found::Refused { name, id, code } => MetadataResponseTopic {
            error_code: *code,
            name: match name {
                _ if *id != TopicId::ZERO && version >= NAME_MAY_BE_NULL => None,
                name => Some(TopicName(name.unwrap_or_default())),
            },
            topic_id: uuid(*id),
            topic_authorized_operations: OPERATIONS_NOT_ASKED,
            ..MetadataResponseTopic::default()
        },
    }
}

fn partitions(topic: &TopicImage) -> Vec<MetadataResponsePartition> {
    let ids = |brokers: &[i32]| brokers.iter().copied().map(BrokerId).collect();
    let partition =
        |(index, partition): (usize, &crate::metadata::PartitionImage)| MetadataResponsePartition {
            error_code: match partition.leader {
                -1 => ErrorCode::LeaderNotAvailable,
                _ => ErrorCode::None,
            },
            partition_index: index as i32,
            leader_id: BrokerId(partition.leader),
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: ids(&partition.replicas),
            isr_nodes: ids(&partition.isr),
            offline_replicas: Vec::new(),
        };
    topic.partitions.iter().enumerate().map(partition).collect()
}

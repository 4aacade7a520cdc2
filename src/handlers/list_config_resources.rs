//! ListConfigResources (API 74): what has a configuration, by kind (KIP-1000, KIP-1142).
//! Stages: refuse kinds nobody knows; list each kind from the image.

use super::context::{Call, Response, Unanswerable};
use crate::metadata::{Image, ResourceKind};
use crate::protocol::ErrorCode;
use crate::protocol::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

/// Every kind, in the order in which Kafka lists them.
const KINDS: [ResourceKind; 5] = [
    ResourceKind::BrokerLogger,
    ResourceKind::Broker,
    ResourceKind::Topic,
    ResourceKind::ClientMetrics,
    ResourceKind::Group,
];

pub async fn handle(
    call: &Call,
    request: ListConfigResourcesRequest,
) -> Result<Response, Unanswerable> {
    let image = call.image();
    // Version 0 knows client metrics only, and later none named means all.
    let asked = match call.version {
        0 => vec![ResourceKind::ClientMetrics as i8],
        _ => request.resource_types,
    };
    if asked
        .iter()
        .any(|code| ResourceKind::from_code(*code).is_none())
    {
        return call.respond(&ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion,
            ..ListConfigResourcesResponse::default()
        });
    }
    let kinds = KINDS.iter();
    let kinds = kinds.filter(|kind| asked.is_empty() || asked.contains(&(**kind as i8)));
    let brokers: Vec<String> = image.brokers.keys().map(ToString::to_string).collect();
    let resources = kinds.flat_map(|kind| {
        let names = names(&image, &brokers, *kind).into_iter();
        names.map(|resource_name| ConfigResource {
            resource_name,
            resource_type: *kind as i8,
        })
    });
    call.respond(&ListConfigResourcesResponse {
        config_resources: resources.collect(),
        ..ListConfigResourcesResponse::default()
    })
}

/// Topics and brokers are listed because they are there, the others because something is set.
fn names<'i>(image: &'i Image, brokers: &'i [String], kind: ResourceKind) -> Vec<&'i str> {
    match kind {
        ResourceKind::Topic => image.topics().map(|topic| &*topic.name).collect(),
        ResourceKind::Broker | ResourceKind::BrokerLogger => {
            brokers.iter().map(String::as_str).collect()
        }
        ResourceKind::ClientMetrics | ResourceKind::Group => {
            let set = image.configs.keys().filter(|(of, _)| *of == kind);
            set.map(|(_, name)| name.as_str()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{BrokerImage, TopicImage};
    use crate::protocol::records::metadata::{ConfigRecord, MetadataRecord};

    #[test]
    fn each_kind_has_its_names() {
        let mut image = Image::empty("cluster", 1);
        image.brokers.insert(1, BrokerImage::default());
        image.put_topic(TopicImage {
            name: "t".into(),
            ..TopicImage::default()
        });
        for (resource_type, resource_name) in [(16, "m"), (32, "g")] {
            image.apply(&MetadataRecord::Config(ConfigRecord {
                resource_type,
                resource_name,
                name: "interval.ms",
                value: Some("1000"),
            }));
        }
        let brokers = ["1".to_owned()];
        let named = KINDS.map(|kind| names(&image, &brokers, kind));
        assert_eq!(named, [["1"], ["1"], ["t"], ["m"], ["g"]]);
    }
}

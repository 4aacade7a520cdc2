//! StreamsGroupHeartbeat (API 88): a member of a streams group joins, lives or leaves (KIP-1071).
//! Stages: names of topics are checked; the group's coordinator decides; its answer is the
//! response. Internal topics are made by the coordinator's asking, beside it.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::{coordinate, relay};
use crate::controller::check_name;
use crate::coordinator::Kind;
use crate::metadata::is_internal;
use crate::protocol::ErrorCode;
use crate::protocol::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, Topology,
};
use std::collections::BTreeSet;

pub async fn handle(
    call: &Call,
    request: StreamsGroupHeartbeatRequest<'_>,
) -> Result<Response, Unanswerable> {
    if let Some(text) = request.topology.as_ref().and_then(refusal)
        && is_on(call)
    {
        return call.respond(&StreamsGroupHeartbeatResponse {
            error_code: ErrorCode::StreamsInvalidTopology,
            error_message: Some(&text),
            ..StreamsGroupHeartbeatResponse::default()
        });
    }
    let answer = match is_on(call) {
        true => coordinate(call, Kind::Group, request.group_id.0, &request).await,
        false => Err(ErrorCode::UnsupportedVersion),
    };
    relay(call, answer, |error_code| StreamsGroupHeartbeatResponse {
        error_code,
        ..StreamsGroupHeartbeatResponse::default()
    })
}

/// Whether the cluster has agreed on this protocol.
pub fn is_on(call: &Call) -> bool {
    call.image().feature("streams.version") >= 1 && call.config().speaks("streams")
}

/// Why a topology's topics cannot be, if they cannot.
fn refusal(topology: &Topology<'_>) -> Option<String> {
    let mut names = BTreeSet::new();
    for subtopology in &topology.subtopologies {
        let kept = &subtopology.repartition_source_topics;
        let kept = kept.iter().chain(&subtopology.state_changelog_topics);
        names.extend(kept.map(|topic| topic.name.0));
        let named = &subtopology.source_topics;
        let named = named.iter().chain(&subtopology.repartition_sink_topics);
        names.extend(named.map(|name| name.0));
    }
    let told = |wanted: &dyn Fn(&str) -> bool| -> String {
        let names: Vec<&str> = names.iter().copied().filter(|name| wanted(name)).collect();
        names.join(",")
    };
    let internal = told(&is_internal);
    if !internal.is_empty() {
        return Some(format!(
            "Use of Kafka internal topics {internal} in a Kafka Streams topology is prohibited."
        ));
    }
    let mut refused = names
        .iter()
        .filter(|name| check_name(name).is_err())
        .peekable();
    refused.peek()?;
    let names: Vec<&str> = refused.copied().collect();
    let names = names.join(",");
    Some(format!("Topic names {names} are not valid topic names."))
}

//! FindCoordinator (API 10): which broker coordinates a group, a transactional id or a share
//! partition (KIP-699: many at once).
//! Stages: make the internal topic if it is missing; look up the leader of each id's partition.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::ensure_topic;
use crate::coordinator::Kind;
use crate::metadata::EndpointImage;
use crate::protocol::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use crate::protocol::{BrokerId, ErrorCode, Uuid};

/// The first version that asks for many.
const BATCHED: i16 = 4;

/// The first version that may ask for share partitions (KIP-932).
const SHARE: i16 = 6;

/// Nobody: the answer to a refusal.
const NO_NODE: BrokerId = BrokerId(-1);

/// Where a coordinator is, or why that is not known.
type Found = Result<(i32, EndpointImage), ErrorCode>;

pub async fn handle(
    call: &Call,
    request: FindCoordinatorRequest<'_>,
) -> Result<Response, Unanswerable> {
    let kind = Kind::from_code(request.key_type);
    let kind = kind.filter(|kind| *kind != Kind::Share || call.version >= SHARE);
    let keys = match call.version >= BATCHED {
        true => request.coordinator_keys.clone(),
        false => vec![request.key],
    };
    let ready = match kind {
        None => Err(ErrorCode::InvalidRequest),
        Some(_) if keys.is_empty() => Ok(()),
        Some(kind) => ensure_topic(call, kind).await,
    };
    let found: Vec<Found> = keys
        .iter()
        .map(|key| {
            ready?;
            locate(call, kind.ok_or(ErrorCode::InvalidRequest)?, key)
        })
        .collect();
    if call.version < BATCHED {
        return call.respond(&single(&found[0]));
    }
    let coordinators = keys
        .iter()
        .zip(&found)
        .map(|(key, found)| batched(key, found));
    call.respond(&FindCoordinatorResponse {
        coordinators: coordinators.collect(),
        // Fields of the older versions keep the values that have no place in this one.
        ..FindCoordinatorResponse::default()
    })
}

fn locate(call: &Call, kind: Kind, key: &str) -> Found {
    if kind == Kind::Share && !is_share_partition(key) {
        return Err(ErrorCode::InvalidRequest);
    }
    let partition = call.context.router.coordinator_of(kind, key);
    let partition = partition.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let image = call.image();
    let placed = image.partition(partition);
    let leader = placed.map_or(-1, |placed| placed.leader);
    let broker = image.brokers.get(&leader).filter(|broker| !broker.fenced);
    let broker = broker.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let mut endpoints = broker.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.name == call.context.listener.name);
    let endpoint = endpoint.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    Ok((broker.id, endpoint.clone()))
}

/// `group:topic id:partition`; a group's name may hold colons itself.
fn is_share_partition(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let (partition, topic) = (parts.next(), parts.next());
    let group = parts.next();
    partition.is_some_and(|partition| partition.parse::<u32>().is_ok())
        && topic.is_some_and(|topic| topic.parse::<Uuid>().is_ok())
        && group.is_some_and(|group| !group.is_empty())
}

fn single(found: &Found) -> FindCoordinatorResponse<'_> {
    match found {
        Ok((node, endpoint)) => FindCoordinatorResponse {
            error_message: Some("NONE"),
            node_id: BrokerId(*node),
            host: &endpoint.host,
            port: i32::from(endpoint.port),
            ..FindCoordinatorResponse::default()
        },
        Err(code) => FindCoordinatorResponse {
            error_code: *code,
            error_message: Some(message(*code)),
            node_id: NO_NODE,
            port: -1,
            ..FindCoordinatorResponse::default()
        },
    }
}

fn batched<'f>(key: &'f str, found: &'f Found) -> Coordinator<'f> {
    match found {
        Ok((node, endpoint)) => Coordinator {
            key,
            node_id: BrokerId(*node),
            host: &endpoint.host,
            port: i32::from(endpoint.port),
            ..Coordinator::default()
        },
        Err(code) => Coordinator {
            key,
            node_id: NO_NODE,
            port: -1,
            error_code: *code,
            error_message: Some(message(*code)),
            ..Coordinator::default()
        },
    }
}

fn message(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidRequest => {
            "This most likely occurs because of a request being malformed by the client library or \
             the message was sent to an incompatible broker. See the broker logs for more details."
        }
        _ => "The coordinator is not available.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_partition_has_three_parts() {
        assert!(is_share_partition("g:AAAAAAAAAAAAAAAAAAAAAQ:0"));
        assert!(is_share_partition("a:b:AAAAAAAAAAAAAAAAAAAAAQ:12"));
        for wrong in [
            "",
            "g",
            "g:t:0",
            ":AAAAAAAAAAAAAAAAAAAAAQ:0",
            "g:AAAAAAAAAAAAAAAAAAAAAQ:-1",
        ] {
            assert!(!is_share_partition(wrong), "{wrong}");
        }
    }
}

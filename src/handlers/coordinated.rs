//! What the APIs of coordinators share: the way to the partition of an id, and the topics that
//! keep coordinators' state.
//!
//! Room:       `handlers`.
//! Called by:  handlers of group, transaction and share APIs; `metadata` for topics made by asking.
//! Calls:      `router`, `controller` through it.
//! Never:      decides for a coordinator.

use super::context::{Call, Response, Unanswerable};
use crate::config::BrokerConfig;
use crate::controller::{self, NewTopic};
use crate::coordinator::{Client, Coordinated, Kind, Request};
use crate::ids::PartitionKey;
use crate::io::Address;
use crate::metadata::Image;
use crate::protocol::{ApiKey, ErrorCode, GroupId, Message};
use crate::runtime::sync::{Either, either};

/// Asks the coordinator of an id; the answer is the response's body.
pub async fn coordinate<'r>(
    call: &Call,
    kind: Kind,
    id: &str,
    request: &impl Message<'r>,
) -> Coordinated {
    let partition = call.context.router.coordinator_of(kind, id);
    let partition = partition.ok_or(ErrorCode::NotCoordinator)?;
    let request = encode(call, request)?;
    let mut answers = coordinate_each(call, vec![(partition, request)]).await;
    answers.pop().unwrap_or(Err(ErrorCode::NotCoordinator))
}

/// Asks several coordinators at once, answered in order. A stopping broker does not wait.
pub async fn coordinate_each(call: &Call, parts: Vec<(PartitionKey, Request)>) -> Vec<Coordinated> {
    let count = parts.len();
    let shared = &call.context.shared;
    let stopping = async {
        while !shared.is_stopping.get() {
            shared.stopping.next().await;
        }
    };
    match either(call.context.router.coordinate(parts), stopping).await {
        Either::First(answers) => answers,
        Either::Second(()) => vec![Err(ErrorCode::CoordinatorNotAvailable); count],
    }
}

/// Groups that are asked about together: they share the waits for the disk and for other shards.
const GROUPS_AT_ONCE: usize = 256;

/// Asks the coordinator of each group with a part of the request that is the group's own; answered
/// in order. A group whose part is refused is not asked.
pub async fn ask_each_group<'r, M: Message<'r>>(
    call: &Call,
    groups: &[GroupId<'r>],
    part: impl Fn(GroupId<'r>) -> Result<M, ErrorCode>,
) -> Vec<Coordinated> {
    let mut answers = Vec::with_capacity(groups.len());
    let mut pace = call.pace();
    for groups in groups.chunks(GROUPS_AT_ONCE) {
        let (mut places, mut parts) = (Vec::new(), Vec::new());
        for group in groups {
            pace.stride().await;
            let part = part(*group).and_then(|part| {
                let partition = call.context.router.coordinator_of(Kind::Group, group.0);
                let partition = partition.ok_or(ErrorCode::NotCoordinator)?;
                Ok((partition, encode(call, &part)?))
            });
            let unasked = match part {
                Ok(part) => {
                    places.push(answers.len());
                    parts.push(part);
                    ErrorCode::NotCoordinator
                }
                Err(code) => code,
            };
            answers.push(Err(unasked));
        }
        for (place, answer) in places.into_iter().zip(coordinate_each(call, parts).await) {
            answers[place] = answer;
        }
    }
    answers
}

/// What was told of each group: the one in its coordinator's answer, which `only` decodes, or what
/// `failed` makes of its absence.
pub async fn told_of_each<'a, T>(
    call: &Call,
    groups: &[GroupId<'a>],
    answers: &'a [Coordinated],
    only: impl Fn(&'a [u8]) -> Option<T>,
    failed: impl Fn(GroupId<'a>, ErrorCode) -> T,
) -> Vec<T> {
    let mut told = Vec::with_capacity(groups.len());
    let mut pace = call.pace();
    for (group, answer) in groups.iter().zip(answers) {
        pace.stride().await;
        told.push(match answer {
            Ok(body) => only(body).unwrap_or_else(|| failed(*group, ErrorCode::UnknownServerError)),
            Err(code) => failed(*group, *code),
        });
    }
    told
}

/// A request as a coordinator takes it.
pub fn encode<'r>(call: &Call, request: &impl Message<'r>) -> Result<Request, ErrorCode> {
    encode_as(call, request, call.api, call.version)
}

/// As `encode`, for a question of our own on a client's behalf.
pub fn encode_as<'r>(
    call: &Call,
    request: &impl Message<'r>,
    api: ApiKey,
    version: i16,
) -> Result<Request, ErrorCode> {
    let mut body = Vec::with_capacity(128);
    let encoded = request.encode(&mut body, version);
    encoded.map_err(|_| ErrorCode::InvalidRequest)?;
    Ok(Request {
        api,
        version,
        client: client(call),
        body,
    })
}

fn client(call: &Call) -> Client {
    let host = match &call.context.peer {
        Address::Tcp(address) => format!("/{}", address.ip()),
        Address::Unix(_) => "/127.0.0.1".to_owned(),
    };
    Client {
        id: call.client_id.clone().unwrap_or_default(),
        host,
    }
}

/// The response is the coordinator's body, or what `refuse` makes of its absence.
pub fn relay<'r, M: Message<'r>>(
    call: &Call,
    answer: Coordinated,
    refuse: impl FnOnce(ErrorCode) -> M,
) -> Result<Response, Unanswerable> {
    match answer {
        Ok(body) => call.respond_encoded(&body),
        Err(code) => call.respond(&refuse(code)),
    }
}

/// Makes the topic of a kind of coordinator unless it is there.
///
/// # Errors
/// What the controller said.
pub async fn ensure_topic(call: &Call, kind: Kind) -> Result<(), ErrorCode> {
    if call.image().topic(kind.topic()).is_some() {
        return Ok(());
    }
    let request = controller::Request::CreateTopics {
        topics: vec![internal_topic(kind, &call.config(), &call.image())],
        validate_only: false,
    };
    match call.context.router.control(request).await {
        controller::Reply::Topics(outcomes) => {
            match outcomes.into_iter().find_map(|outcome| outcome.error) {
                None | Some((ErrorCode::TopicAlreadyExists, _)) => Ok(()),
                Some((code, reason)) => {
                    tracing::warn!(topic = kind.topic(), ?code, reason, "topic not created");
                    Err(ErrorCode::CoordinatorNotAvailable)
                }
            }
        }
        _ => Err(ErrorCode::CoordinatorNotAvailable),
    }
}

/// An internal topic as the properties want it, with no more replicas than there are brokers.
pub fn internal_topic(kind: Kind, config: &BrokerConfig, image: &Image) -> NewTopic {
    let settings = config.internal_topic(match kind {
        Kind::Group => crate::config::InternalTopic::Offsets,
        Kind::Transaction => crate::config::InternalTopic::Transactions,
        Kind::Share => crate::config::InternalTopic::Share,
    });
    let brokers = image.brokers.values().filter(|broker| !broker.fenced);
    let brokers = i16::try_from(brokers.count()).unwrap_or(i16::MAX).max(1);
    let replicas = settings.replication_factor.clamp(1, brokers);
    let mut configs = settings.overrides;
    if let Some(insync) = settings.min_insync_replicas {
        let insync = insync.clamp(1, i32::from(replicas)).to_string();
        configs.push(("min.insync.replicas".to_owned(), insync));
    }
    let configs = configs.into_iter();
    NewTopic {
        name: kind.topic().to_owned(),
        partitions: settings.partitions,
        replication_factor: replicas,
        assignments: Vec::new(),
        configs: configs.map(|(name, value)| (name, Some(value))).collect(),
    }
}

//! One file per API, and the registry that lists them.
//!
//! Room:       `handlers`: what a request means.
//! Called by:  `connection`, with one frame at a time.
//! Calls:      `router`, `protocol`, `metadata`, `config`.
//! Never:      holds a socket, a lock, or a match over versions.
//!
//! A handler is `async fn handle(cx, request) -> Result<Response, Unanswerable>` over the generated
//! request; Produce has a first stage of its own, which runs in the order of the connection.

#![forbid(unsafe_code)]

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_share_group_offsets;
pub mod answers;
mod api_versions;
mod client_telemetry;
mod config_changes;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod context;
mod coordinated;
mod create_partitions;
mod create_topics;
mod decoded;
mod delete_groups;
mod delete_records;
mod delete_share_group_offsets;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_share_group_offsets;
mod describe_topic_partitions;
mod describe_transactions;
mod elect_leaders;
mod end_txn;
mod fetch;
mod fetch_response;
mod fetch_session;
mod find_coordinator;
mod get_telemetry_subscriptions;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod known;
mod leader_hint;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod push_telemetry;
pub mod registry;
mod said;
mod share;
mod share_acknowledge;
mod share_fetch;
mod share_group_describe;
mod share_group_heartbeat;
mod streams_group_describe;
mod streams_group_heartbeat;
mod streams_group_topology_description_update;
mod sync_group;
mod transactional;
mod txn_offset_commit;
mod unregister_broker;
mod update_features;
mod write_txn_markers;

pub use context::{Call, Context, ListenerInfo, Response, Shared, Traffic, Unanswerable};
pub use fetch_session::Carried as CarriedSession;
pub use share::{Opened as ShareSessions, closed};
pub use transactional::Gate as TransactionalGate;

use crate::io::Slice;
use crate::protocol::header::RequestFrame;
use crate::protocol::{ApiKey, DecodeError};
use registry::Order;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// One request: its header as values, its body as bytes.
pub struct Incoming {
    api: &'static registry::Api,
    version: i16,
    correlation_id: i32,
    client_id: Option<String>,
    body: Slice,
    frame_bytes: usize,
}

/// An answer now, or a future of it.
pub enum Started {
    Done(Result<Response, Unanswerable>),
    Later(Pin<Box<dyn Future<Output = Result<Response, Unanswerable>>>>),
}

/// Reads the header of a frame.
///
/// # Errors
/// When the request has no answer that its client would understand: the connection ends.
pub fn parse(frame: Slice) -> Result<Incoming, Unanswerable> {
    let header = RequestFrame::decode(&frame).map_err(|error| match error {
        DecodeError::ApiKeyUnknown { api_key } => Unanswerable::UnknownApi { code: api_key },
        error => Unanswerable::Malformed(error),
    })?;
    let (key, version) = (header.api_key, header.api_version);
    let api = registry::find(key).ok_or(Unanswerable::UnknownApi { code: key as i16 })?;
    if !api.serves(version) && key != ApiKey::ApiVersions {
        return Err(Unanswerable::UnsupportedVersion { api: key, version });
    }
    Ok(Incoming {
        api,
        version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.map(str::to_owned),
        body: frame.range(header.body.position(), frame.len()),
        frame_bytes: frame.len(),
    })
}

impl Incoming {
    /// Whether it may be worked on beside those before it.
    pub fn overlaps(&self) -> bool {
        self.api.order == Order::Overlaps
    }
}

/// Larger bodies lie in memory of their own already.
const SMALL_BODY_BYTES_MAX: usize = 32 << 10;

/// Starts a request. What must happen in the order of the connection has happened on return.
pub fn start(context: &Rc<Context>, incoming: Incoming) -> Started {
    let Incoming {
        api,
        version,
        correlation_id,
        client_id,
        body,
        frame_bytes,
    } = incoming;
    let call = Call {
        context: context.clone(),
        api: api.key,
        version,
        correlation_id,
        client_id,
        number: context.owed.asked() - 1,
    };
    context.shared.metrics.request(api.key, frame_bytes);
    // Many others wait for long, and a receive buffer of the door's is not theirs to keep.
    let body = match api.order {
        Order::Overlaps => body,
        _ if body.len() > SMALL_BODY_BYTES_MAX => body,
        _ => Slice::copy_of(&body),
    };
    if !api.serves(version) {
        return Started::Done(api_versions::unsupported(&call));
    }
    (api.start)(call, body)
}

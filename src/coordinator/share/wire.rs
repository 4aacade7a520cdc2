//! How share partitions and group coordinators talk to `States`: Kafka's messages between brokers
//! (83 to 87), one share partition in each.
//!
//! Room:       `coordinator::share`.
//! Called by:  `states`, `group::share`, `shard::shares`.
//! Never:      reaches a client: these APIs are not served.

use super::{StateBatch, UNINITIALIZED};
use crate::coordinator::step::encoded;
use crate::coordinator::{Client, Coordinated, Request};
use crate::ids::{PartitionKey, TopicId};
use crate::protocol::messages::{
    delete_share_group_state as delete, initialize_share_group_state as initialize,
    read_share_group_state as read, read_share_group_state_summary as summary,
    write_share_group_state as write,
};
use crate::protocol::{ApiKey, ErrorCode, Message, Reader, Uuid};

/// What is asked about one share partition.
pub struct Keyed<'a> {
    pub group: &'a str,
    pub partition: PartitionKey,
    pub asked: Asked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Initialize { state_epoch: i32, start: i64 },
    Read { leader_epoch: i32 },
    Write(Update),
    Delete,
    Summary,
}

/// What is new of a share partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start: i64,
    /// Records from `start` on that are never delivered again.
    pub complete: i32,
    pub batches: Vec<StateBatch>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Done,
    State {
        state_epoch: i32,
        start: i64,
        batches: Vec<StateBatch>,
    },
    Summary(Summary),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start: i64,
    pub complete: i32,
}

impl Default for Summary {
    /// Of a share partition that nobody has initialized.
    fn default() -> Summary {
        Summary {
            state_epoch: 0,
            leader_epoch: 0,
            start: UNINITIALIZED,
            complete: -1,
        }
    }
}

/// The newest version of each, for a broker that talks to itself.
const WRITE_VERSION: i16 = 1;
const SUMMARY_VERSION: i16 = 1;

/// A request to whoever keeps the state of a share partition.
pub fn request(group: &str, partition: PartitionKey, asked: &Asked) -> Request {
    let topic_id = Uuid(partition.topic.0);
    let index = partition.partition;
    let (api, version, body) = match asked {
        Asked::Initialize { state_epoch, start } => {
            let message = initialize::InitializeShareGroupStateRequest {
                group_id: group,
                topics: vec![initialize::InitializeStateData {
                    topic_id,
                    partitions: vec![initialize::PartitionData {
                        partition: index,
                        state_epoch: *state_epoch,
                        start_offset: *start,
                    }],
                }],
            };
            (ApiKey::InitializeShareGroupState, 0, encoded(&message, 0))
        }
        Asked::Read { leader_epoch } => {
            let message = read::ReadShareGroupStateRequest {
                group_id: group,
                topics: vec![read::ReadStateData {
                    topic_id,
                    partitions: vec![read::PartitionData {
                        partition: index,
                        leader_epoch: *leader_epoch,
                    }],
                }],
            };
            (ApiKey::ReadShareGroupState, 0, encoded(&message, 0))
        }
        Asked::Write(update) => {
            let message = write_request(group, topic_id, index, update);
            let body = encoded(&message, WRITE_VERSION);
            (ApiKey::WriteShareGroupState, WRITE_VERSION, body)
        }
        Asked::Delete => {
            let message = delete::DeleteShareGroupStateRequest {
                group_id: group,
                topics: vec![delete::DeleteStateData {
                    topic_id,
                    partitions: vec![delete::PartitionData { partition: index }],
                }],
            };
            (ApiKey::DeleteShareGroupState, 0, encoded(&message, 0))
        }
        Asked::Summary => {
            let message = summary::ReadShareGroupStateSummaryRequest {
                group_id: group,
                topics: vec![summary::ReadStateSummaryData {
                    topic_id,
                    partitions: vec![summary::PartitionData {
                        partition: index,
                        leader_epoch: -1,
                    }],
                }],
            };
            let body = encoded(&message, SUMMARY_VERSION);
            (ApiKey::ReadShareGroupStateSummary, SUMMARY_VERSION, body)
        }
    };
    Request {
        api,
        version,
        client: Client::default(),
        // A name that does not fit came in a request that bounds it: it is refused as malformed.
        body: body.unwrap_or_default(),
    }
}

fn write_request<'a>(
    group: &'a str,
    topic_id: Uuid,
    partition: i32,
    update: &Update,
) -> write::WriteShareGroupStateRequest<'a> {
    let batches = update.batches.iter().map(|batch| write::StateBatch {
        first_offset: batch.first,
        last_offset: batch.last,
        delivery_state: batch.state,
        delivery_count: batch.count,
    });
    write::WriteShareGroupStateRequest {
        group_id: group,
        topics: vec![write::WriteStateData {
            topic_id,
            partitions: vec![write::PartitionData {
                partition,
                state_epoch: update.state_epoch,
                leader_epoch: update.leader_epoch,
                start_offset: update.start,
                delivery_complete_count: update.complete,
                state_batches: batches.collect(),
            }],
        }],
    }
}

/// The one share partition a request is about.
pub fn decode(request: &Request) -> Result<Keyed<'_>, ErrorCode> {
    match request.api {
        ApiKey::InitializeShareGroupState => {
            let message: initialize::InitializeShareGroupStateRequest<'_> = parsed(request)?;
            let topic = message.topics.first().ok_or(ErrorCode::InvalidRequest)?;
            let one = topic.partitions.first().ok_or(ErrorCode::InvalidRequest)?;
            let asked = Asked::Initialize {
                state_epoch: one.state_epoch,
                start: one.start_offset,
            };
            Ok(keyed(
                message.group_id,
                topic.topic_id,
                one.partition,
                asked,
            ))
        }
        ApiKey::ReadShareGroupState => {
            let message: read::ReadShareGroupStateRequest<'_> = parsed(request)?;
            let topic = message.topics.first().ok_or(ErrorCode::InvalidRequest)?;
            let one = topic.partitions.first().ok_or(ErrorCode::InvalidRequest)?;
            let asked = Asked::Read {
                leader_epoch: one.leader_epoch,
            };
            Ok(keyed(
                message.group_id,
                topic.topic_id,
                one.partition,
                asked,
            ))
        }
        ApiKey::WriteShareGroupState => decode_write(request),
        ApiKey::DeleteShareGroupState => {
            let message: delete::DeleteShareGroupStateRequest<'_> = parsed(request)?;
            let topic = message.topics.first().ok_or(ErrorCode::InvalidRequest)?;
            let one = topic.partitions.first().ok_or(ErrorCode::InvalidRequest)?;
            Ok(keyed(
                message.group_id,
                topic.topic_id,
                one.partition,
                Asked::Delete,
            ))
        }
        ApiKey::ReadShareGroupStateSummary => {
            let message: summary::ReadShareGroupStateSummaryRequest<'_> = parsed(request)?;
            let topic = message.topics.first().ok_or(ErrorCode::InvalidRequest)?;
            let one = topic.partitions.first().ok_or(ErrorCode::InvalidRequest)?;
            Ok(keyed(
                message.group_id,
                topic.topic_id,
                one.partition,
                Asked::Summary,
            ))
        }
        _ => Err(ErrorCode::UnsupportedVersion),
    }
}

fn decode_write(request: &Request) -> Result<Keyed<'_>, ErrorCode> {
    let message: write::WriteShareGroupStateRequest<'_> = parsed(request)?;
    let topic = message.topics.first().ok_or(ErrorCode::InvalidRequest)?;
    let one = topic.partitions.first().ok_or(ErrorCode::InvalidRequest)?;
    let batches = one.state_batches.iter().map(|batch| StateBatch {
        first: batch.first_offset,
        last: batch.last_offset,
        state: batch.delivery_state,
        count: batch.delivery_count,
    });
    let asked = Asked::Write(Update {
        state_epoch: one.state_epoch,
        leader_epoch: one.leader_epoch,
        start: one.start_offset,
        complete: one.delivery_complete_count,
        batches: batches.collect(),
    });
    Ok(keyed(
        message.group_id,
        topic.topic_id,
        one.partition,
        asked,
    ))
}

fn keyed(group: &str, topic: Uuid, partition: i32, asked: Asked) -> Keyed<'_> {
    Keyed {
        group,
        partition: PartitionKey {
            topic: TopicId(topic.0),
            partition,
        },
        asked,
    }
}

fn parsed<'a, M: Message<'a>>(request: &'a Request) -> Result<M, ErrorCode> {
    let mut reader = Reader::new(&request.body);
    M::decode(&mut reader, request.version).map_err(|_| ErrorCode::InvalidRequest)
}

/// The answer as the body of its API's response.
pub fn encode(
    request: &Request,
    keyed: &Keyed<'_>,
    said: Result<Said, (ErrorCode, Option<&'static str>)>,
) -> Coordinated {
    let (error_code, error_message) = match &said {
        Ok(_) => (ErrorCode::None, None),
        Err(refusal) => *refusal,
    };
    let topic_id = Uuid(keyed.partition.topic.0);
    let partition = keyed.partition.partition;
    let version = request.version;
    let body = match (&keyed.asked, said) {
        (Asked::Read { .. }, said) => {
            let result = read::PartitionResult {
                partition,
                error_code,
                error_message,
                ..read::PartitionResult::default()
            };
            let partitions = vec![match said {
                Ok(said) => with_state(result, said),
                Err(_) => result,
            }];
            let results = vec![read::ReadStateResult {
                topic_id,
                partitions,
            }];
            encoded(&read::ReadShareGroupStateResponse { results }, version)
        }
        (Asked::Summary, said) => {
            let told = match said {
                Ok(Said::Summary(told)) => told,
                _ => Summary::default(),
            };
            let partitions = vec![summary::PartitionResult {
                partition,
                error_code,
                error_message,
                state_epoch: told.state_epoch,
                leader_epoch: told.leader_epoch,
                start_offset: told.start,
                delivery_complete_count: told.complete,
            }];
            let results = vec![summary::ReadStateSummaryResult {
                topic_id,
                partitions,
            }];
            encoded(
                &summary::ReadShareGroupStateSummaryResponse { results },
                version,
            )
        }
        // The other three responses have the same shape: a code.
        _ => {
            let partitions = vec![write::PartitionResult {
                partition,
                error_code,
                error_message,
            }];
            let results = vec![write::WriteStateResult {
                topic_id,
                partitions,
            }];
            encoded(
                &write::WriteShareGroupStateResponse { results },
                WRITE_VERSION,
            )
        }
    };
    body.map_err(|_| ErrorCode::UnknownServerError)
}

fn with_state(result: read::PartitionResult<'_>, said: Said) -> read::PartitionResult<'_> {
    let Said::State {
        state_epoch,
        start,
        batches,
    } = said
    else {
        return result;
    };
    let batches = batches.iter().map(|batch| read::StateBatch {
        first_offset: batch.first,
        last_offset: batch.last,
        delivery_state: batch.state,
        delivery_count: batch.count,
    });
    read::PartitionResult {
        state_epoch,
        start_offset: start,
        state_batches: batches.collect(),
        ..result
    }
}

/// What an answer says, to whoever asked `asked`.
pub fn said(asked: &Asked, answer: &Coordinated) -> Result<Said, ErrorCode> {
    let body = answer.as_ref().map_err(|code| *code)?;
    let mut reader = Reader::new(body);
    let broken = ErrorCode::UnknownServerError;
    match asked {
        Asked::Read { .. } => {
            let response = read::ReadShareGroupStateResponse::decode(&mut reader, 0);
            let response = response.map_err(|_| broken)?;
            let one = response.results.first().and_then(|r| r.partitions.first());
            let one = one.ok_or(broken)?;
            let batches = one.state_batches.iter().map(|batch| StateBatch {
                first: batch.first_offset,
                last: batch.last_offset,
                state: batch.delivery_state,
                count: batch.delivery_count,
            });
            let said = Said::State {
                state_epoch: one.state_epoch,
                start: one.start_offset,
                batches: batches.collect(),
            };
            checked(one.error_code, said)
        }
        Asked::Summary => {
            let response =
                summary::ReadShareGroupStateSummaryResponse::decode(&mut reader, SUMMARY_VERSION);
            let response = response.map_err(|_| broken)?;
            let one = response.results.first().and_then(|r| r.partitions.first());
            let one = one.ok_or(broken)?;
            let said = Said::Summary(Summary {
                state_epoch: one.state_epoch,
                leader_epoch: one.leader_epoch,
                start: one.start_offset,
                complete: one.delivery_complete_count,
            });
            checked(one.error_code, said)
        }
        _ => {
            let response = write::WriteShareGroupStateResponse::decode(&mut reader, WRITE_VERSION);
            let response = response.map_err(|_| broken)?;
            let one = response.results.first().and_then(|r| r.partitions.first());
            checked(one.ok_or(broken)?.error_code, Said::Done)
        }
    }
}

fn checked(code: ErrorCode, said: Said) -> Result<Said, ErrorCode> {
    match code {
        ErrorCode::None => Ok(said),
        code => Err(code),
    }
}

//! OffsetCommit (API 8): a group remembers how far it has come.
//! Stages: partitions there are not are told so; the group's coordinator decides
//! about the others.

use super::context::{Call, Response, Unanswerable};
use super::coordinated::coordinate;
use super::known::{Naming, take_unknown};
use crate::coordinator::Kind;
use crate::protocol::Reader;
use crate::protocol::commit_topic::CommitTopic;
use crate::protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponseTopic,
};

/// The first version with topic ids (KIP-848).
const BY_ID: i16 = 10;

pub async fn handle(
    call: &Call,
    mut request: OffsetCommitRequest<'_>,
) -> Result<Response, Unanswerable> {
    let naming = Naming::of(call.version, BY_ID);
    let unknown = take_unknown(call, naming, &mut request.topics).await;
    if request.topics.is_empty() {
        return respond(call, unknown);
    }
    let answer = coordinate(call, Kind::Group, request.group_id.0, &request).await;
    let mut topics = match &answer {
        Ok(body) if unknown.is_empty() => return call.respond_encoded(body),
        Ok(body) => {
            OffsetCommitResponse::decode(&mut Reader::over_answer(body), call.version)?.topics
        }
        // This response has no place for an error but each partition's.
        Err(code) => {
            let topics = request.topics.iter();
            topics.map(|topic| topic.refused(*code)).collect()
        }
    };
    topics.extend(unknown);
    respond(call, topics)
}

fn respond(
    call: &Call,
    topics: Vec<OffsetCommitResponseTopic<'_>>,
) -> Result<Response, Unanswerable> {
    call.respond(&OffsetCommitResponse {
        topics,
        ..OffsetCommitResponse::default()
    })
}

//! ShareFetch (API 78): takes records for a member of a share group, and what it says of earlier
//! ones (KIP-932).
//! Stages: settle the session, begin to acknowledge, acquire or wait, answer both together.

use super::context::{Call, Response, Unanswerable};
use super::share::{FINAL_EPOCH, INITIAL_EPOCH, RENEWS, Told, acknowledge, end, exists};
use super::share::{is_on, key, member};
use crate::coordinator::share::partition::{Acknowledgement, Mode};
use crate::ids::PartitionKey;
use crate::io::Instant;
use crate::protocol::messages::share_fetch::{
    AcquiredRecords, LeaderIdAndEpoch, PartitionData, ShareFetchRequest, ShareFetchResponse,
    ShareFetchableTopicResponse,
};
use crate::protocol::{ErrorCode, Uuid};
use crate::runtime::sync::either;
use crate::shard::shares::message::{Member, Seen, Session, SessionStep, ShareAnswer, ShareWanted};
use crate::shard::shares::mode;
use std::collections::BTreeMap;

/// What the request asks for as a whole.
struct Terms {
    member: Member,
    mode: Mode,
    deadline: Instant,
    bytes_min: usize,
    bytes_max: usize,
    records_max: i64,
    batch_size: i64,
    epoch: i32,
}

/// What one partition is answered.
struct Answered {
    key: PartitionKey,
    error: ErrorCode,
    answer: Option<ShareAnswer>,
    acknowledged: ErrorCode,
}

pub async fn handle(call: &Call, request: ShareFetchRequest<'_>) -> Result<Response, Unanswerable> {
    if !is_on(call) {
        return refuse(call, ErrorCode::UnsupportedVersion);
    }
    let member = member(request.group_id.map(|group| group.0), request.member_id);
    let (member, mode) = match (member, mode(request.share_acquire_mode)) {
        (Ok(member), Some(mode)) => (member, mode),
        _ => return refuse(call, ErrorCode::InvalidRequest),
    };
    let renews = call.version >= RENEWS && request.is_renew_ack;
    let takes = [
        request.max_bytes,
        request.min_bytes,
        request.max_records,
        request.max_wait_ms,
    ];
    if renews && takes != [0; 4] {
        return refuse(call, ErrorCode::InvalidRequest);
    }
    let terms = terms(call, &request, member, mode);
    let session = match settle(call, &terms, &request).await {
        Ok(session) => session,
        Err(code) => return refuse(call, code),
    };
    // Begun before anything is waited for: what is released here may be acquired here.
    let acknowledged = acknowledge(call, &terms.member, said(&request), renews);
    let is_whole = terms.epoch == INITIAL_EPOCH;
    let mut answered = match renews {
        true => Vec::new(),
        false => gather(call, &terms, &session).await,
    };
    if !is_whole {
        let is_new = |key: &PartitionKey| session.partitions.contains(&(*key, true));
        answered.retain(|one| {
            let acquired = one.answer.as_ref().is_some_and(|a| !a.acquired.is_empty());
            acquired || one.error != ErrorCode::None || is_new(&one.key)
        });
    }
    merge(&mut answered, acknowledged.await);
    if terms.epoch == FINAL_EPOCH {
        end(&call.context, &terms.member, None).await;
    }
    respond(call, &terms, &mut answered)
}

fn terms(call: &Call, request: &ShareFetchRequest<'_>, member: Member, mode: Mode) -> Terms {
    let now = call.context.router.shard.runtime.now();
    let limit = call.config().fetch_bytes_max as usize;
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(limit);
    Terms {
        member,
        mode,
        deadline: now.plus_ms(i64::from(request.max_wait_ms)),
        bytes_min: usize::try_from(request.min_bytes)
            .unwrap_or(0)
            .min(bytes_max),
        bytes_max,
        records_max: i64::from(request.max_records),
        batch_size: i64::from(request.batch_size),
        epoch: request.share_session_epoch,
    }
}

/// The session's partitions, as of this request.
async fn settle(
    call: &Call,
    terms: &Terms,
    request: &ShareFetchRequest<'_>,
) -> Result<Session, ErrorCode> {
    let topics = request.topics.iter();
    let add = topics.flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| key(topic.topic_id, partition.partition_index))
    });
    let forget = request.forgotten_topics_data.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| key(topic.topic_id, *partition))
    });
    let step = SessionStep::Fetch {
        epoch: terms.epoch,
        add: add.collect(),
        forget: forget.collect(),
        acknowledges: !said(request).is_empty(),
    };
    let context = &call.context;
    let told = context
        .router
        .share_session(terms.member.clone(), step)
        .await;
    match told {
        Ok(session) if terms.epoch == INITIAL_EPOCH => {
            context.share_sessions.add(&terms.member, session.opened);
            Ok(session)
        }
        // One that cannot be served must not come again at once.
        Err(ErrorCode::ShareSessionLimitReached) => {
            let runtime = &context.router.shard.runtime;
            let stop = context.shared.stopping.next();
            let _ = runtime.deadline(terms.deadline, stop).await;
            Err(ErrorCode::ShareSessionLimitReached)
        }
        told => told,
    }
}

/// What is said of records, where anything is.
fn said(request: &ShareFetchRequest<'_>) -> Vec<(PartitionKey, Vec<Acknowledgement>)> {
    let mut said = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let batches = partition.acknowledgement_batches.iter();
            let batches: Vec<Acknowledgement> = batches
                .map(|batch| Acknowledgement {
                    first: batch.first_offset,
                    last: batch.last_offset,
                    types: batch.acknowledge_types.clone(),
                })
                .collect();
            if !batches.is_empty() {
                said.push((key(topic.topic_id, partition.partition_index), batches));
            }
        }
    }
    said
}

/// Acquires what there is, or waits until there is something, something went wrong that the member
/// must hear, or time is up.
async fn gather(call: &Call, terms: &Terms, session: &Session) -> Vec<Answered> {
    let router = &call.context.router;
    if terms.records_max <= 0 || terms.bytes_max == 0 {
        return Vec::new();
    }
    loop {
        let image = call.image();
        let mut answered: Vec<Answered> = session
            .partitions
            .iter()
            .map(|(key, _)| Answered {
                key: *key,
                error: exists(&image, *key).err().unwrap_or(ErrorCode::None),
                answer: None,
                acknowledged: ErrorCode::None,
            })
            .collect();
        if let Some(places) = usize::try_from(terms.epoch)
            .ok()
            .filter(|_| !answered.is_empty())
        {
            // Each request begins with another partition, so that none is always the last.
            let places = places % answered.len();
            answered.rotate_left(places);
        }
        let parts: Vec<PartitionKey> = answered
            .iter()
            .filter(|one| one.error == ErrorCode::None)
            .map(|one| one.key)
            .collect();
        let now = router.shard.runtime.now();
        let is_last = now >= terms.deadline || call.context.shared.is_stopping.get();
        let mut answers = acquire(call, terms, parts, is_last).await.into_iter();
        let mut is_enough = false;
        for one in answered
            .iter_mut()
            .filter(|one| one.error == ErrorCode::None)
        {
            if let Some(answer) = answers.next() {
                one.error = answer.error;
                is_enough |= !answer.acquired.is_empty();
                one.answer = Some(answer);
            }
        }
        is_enough |= answered.iter().any(|one| one.error != ErrorCode::None);
        if is_enough || is_last || answered.is_empty() {
            return answered;
        }
        let seen: Vec<(PartitionKey, Seen)> = answered
            .iter()
            .filter_map(|one| Some((one.key, one.answer.as_ref()?.seen)))
            .collect();
        drop(answered);
        let committed = router.shard.share_config(&terms.member.group).is_committed;
        let news = router.share_news(terms.member.group.clone(), committed, seen);
        let either = either(news, call.context.shared.stopping.next());
        let _ = router.shard.runtime.deadline(terms.deadline, either).await;
        // Whatever is called news, others have their turn before the next look, and time goes on.
        router.shard.runtime.yield_now().await;
    }
}

/// What there is of these partitions; nothing while it is less than the member waits for.
async fn acquire(
    call: &Call,
    terms: &Terms,
    parts: Vec<PartitionKey>,
    is_last: bool,
) -> Vec<ShareAnswer> {
    let router = &call.context.router;
    let wanted = ShareWanted {
        member: terms.member.clone(),
        mode: terms.mode,
        records_max: terms.records_max,
        batch_size: terms.batch_size,
        bytes_max: terms.bytes_max / parts.len().max(1),
        peeks: terms.bytes_min > 1 && !is_last,
        parts,
    };
    if !wanted.peeks {
        return router.share_fetch(wanted).await;
    }
    let found = router.share_fetch(wanted.clone()).await;
    let bytes: usize = found.iter().map(|answer| answer.bytes).sum();
    if bytes < terms.bytes_min && found.iter().all(|answer| answer.error == ErrorCode::None) {
        return found;
    }
    let wanted = ShareWanted {
        peeks: false,
        ..wanted
    };
    router.share_fetch(wanted).await
}

/// Puts the outcome of acknowledgements beside what was acquired.
fn merge(answered: &mut Vec<Answered>, told: Told) {
    let places = answered.iter().enumerate();
    let mut places: BTreeMap<_, _> = places.map(|(place, one)| (one.key, place)).collect();
    for (key, code) in told {
        match places.get(&key) {
            Some(place) => answered[*place].acknowledged = code,
            None => {
                places.insert(key, answered.len());
                answered.push(Answered {
                    key,
                    error: ErrorCode::None,
                    answer: None,
                    acknowledged: code,
                });
            }
        }
    }
}

fn respond(
    call: &Call,
    terms: &Terms,
    answered: &mut [Answered],
) -> Result<Response, Unanswerable> {
    answered.sort_by_key(|one| one.key);
    let records: Vec<Vec<u8>> = answered
        .iter()
        .map(|one| {
            let records = one.answer.as_ref().map(|answer| answer.records.concat());
            records.unwrap_or_default()
        })
        .collect();
    let mut responses: Vec<ShareFetchableTopicResponse<'_>> = Vec::new();
    for (one, records) in answered.iter().zip(&records) {
        let topic_id = Uuid(one.key.topic.0);
        let data = partition(call, one, records);
        match responses.last_mut() {
            Some(topic) if topic.topic_id == topic_id => topic.partitions.push(data),
            _ => responses.push(ShareFetchableTopicResponse {
                topic_id,
                partitions: vec![data],
            }),
        }
    }
    let config = call.context.router.shard.share_config(&terms.member.group);
    call.respond(&ShareFetchResponse {
        acquisition_lock_timeout_ms: config.record_lock_ms,
        responses,
        ..ShareFetchResponse::default()
    })
}

fn partition<'a>(call: &Call, one: &Answered, records: &'a [u8]) -> PartitionData<'a> {
    let mut data = PartitionData {
        partition_index: one.key.partition,
        error_code: one.error,
        acknowledge_error_code: one.acknowledged,
        records,
        ..PartitionData::default()
    };
    if let Some(answer) = &one.answer {
        let acquired = answer.acquired.iter().map(|acquired| AcquiredRecords {
            first_offset: acquired.first,
            last_offset: acquired.last,
            delivery_count: acquired.count,
        });
        data.acquired_records = acquired.collect();
    }
    if matches!(
        one.error,
        ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
    ) && let Some(placed) = call.image().partition(one.key)
    {
        data.current_leader = LeaderIdAndEpoch {
            leader_id: placed.leader,
            leader_epoch: placed.leader_epoch.0,
        };
    }
    data
}

fn refuse(call: &Call, error_code: ErrorCode) -> Result<Response, Unanswerable> {
    call.respond(&ShareFetchResponse {
        error_code,
        ..ShareFetchResponse::default()
    })
}

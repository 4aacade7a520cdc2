//! Fetch (API 1): read record batches, waiting until there are enough.
//! Stages: settle the session, read in request order, wait for what is missing, repeat.

use super::Started;
use super::context::{Call, Response, Unanswerable};
use super::decoded::Work;
use super::fetch_response as response;
use super::fetch_session::{Kind, Wanted};
use crate::ids::{Offset, PartitionKey, TopicId};
use crate::io::{Instant, Slice};
use crate::metadata::Image;
use crate::partition::{EpochCheck, LeaderView};
use crate::protocol::ErrorCode;
use crate::protocol::Reader;
use crate::protocol::fetch::FetchView;
use crate::shard::message::{Behind, FetchAnswer, FetchPart};

/// What the request asks for as a whole.
struct Terms {
    deadline: Instant,
    bytes_min: usize,
    bytes_max: usize,
    by_id: bool,
    session: (i32, i32),
    /// `read_committed`.
    committed: bool,
}

/// What one partition is answered.
pub(super) struct Answered {
    pub wanted: Wanted,
    pub answer: FetchAnswer,
}

pub fn start(call: Call, body: Slice) -> Started {
    Started::Later(Box::pin(async move {
        call.room_to_decode(body.len()).await;
        let (terms, asked, forgotten, charged) = decode(&call, &body)?;
        let _held = call.hold_decoded(charged, Work::Waits);
        drop(body);
        let runtime = &call.context.router.shard.runtime;
        let begun = call.context.shared.sessions.borrow_mut().begin(
            terms.session,
            terms.by_id,
            asked,
            &forgotten,
            runtime.now(),
            || runtime.random() as i32,
        );
        let (kind, wanted) = match begun {
            Ok(begun) => begun,
            Err(code) => return response::refuse(&call, code),
        };
        let answered = gather(&call, &terms, wanted).await;
        finish(&call, &terms, kind, answered)
    }))
}

/// And what its partitions count for.
type Decoded = (Terms, Vec<Wanted>, Vec<(String, TopicId, i32)>, usize);

fn decode(call: &Call, body: &[u8]) -> Result<Decoded, Unanswerable> {
    let mut reader = Reader::new(body);
    let request = FetchView::decode(&mut reader, call.version)?;
    let runtime = &call.context.router.shard.runtime;
    let config = call.config();
    let limit = config.fetch_bytes_max as usize;
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(limit);
    let terms = Terms {
        deadline: runtime.now().plus_ms(i64::from(request.max_wait_ms)),
        // More than may be sent is never there.
        bytes_min: usize::try_from(request.min_bytes)
            .unwrap_or(0)
            .min(bytes_max),
        bytes_max,
        by_id: call.version >= TOPIC_ID_VERSION,
        session: (request.session_id, request.session_epoch),
        committed: request.isolation_level == READ_COMMITTED,
    };
    let mut asked: Vec<Wanted> = Vec::with_capacity(request.partition_count);
    for (topic, partition) in request.partitions() {
        let name = match asked.last() {
            Some(last) if *last.topic == *topic.name.0 => last.topic.clone(),
            _ => topic.name.0.into(),
        };
        asked.push(Wanted {
            topic: name,
            topic_id: TopicId(topic.id.0),
            partition: partition.partition,
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
            from: Offset(partition.fetch_offset),
            bytes_max: partition.partition_max_bytes,
            sent: None,
        });
    }
    let forgotten = request
        .forgotten()
        .map(|(topic, partition)| (topic.name.0.to_owned(), TopicId(topic.id.0), partition));
    let forgotten = forgotten.collect();
    Ok((terms, asked, forgotten, reader.charged()))
}

/// The isolation level of clients that want committed records only (KIP-98).
const READ_COMMITTED: i8 = 1;

/// First version that names topics by id (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;

/// Reads until there is enough, something went wrong that the client must hear, or time is up.
async fn gather(call: &Call, terms: &Terms, wanted: Vec<Wanted>) -> Vec<Answered> {
    let router = &call.context.router;
    loop {
        let shared = &call.context.shared;
        let runtime = &router.shard.runtime;
        // Given back when the answer is counted as owed, in the same turn.
        let room = shared
            .answers
            .room(&call.context.owed, call.number, terms.bytes_max, runtime);
        let room = room.await;
        let bytes_max = room.bytes();
        let image = call.image();
        let mut pace = runtime.pace();
        let mut keys: Vec<Result<PartitionKey, ErrorCode>> = Vec::with_capacity(wanted.len());
        let mut parts = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            pace.step().await;
            let key = key(&image, wanted);
            keys.push(key);
            parts.extend(key.ok().map(|key| part(key, wanted, terms)));
        }
        let readable = router.fetch(parts, bytes_max).await;
        let mut answers = Vec::with_capacity(keys.len());
        let mut found = readable.answers.into_iter();
        for key in &keys {
            pace.step().await;
            answers.push(match key {
                Ok(_) => found.next().expect("one answer per part"),
                Err(code) => refused(*code),
            });
        }
        let now = router.shard.runtime.now();
        // Short of memory, what fits is enough.
        let wanted_bytes = terms.bytes_min.min(bytes_max);
        let missing = wanted_bytes.saturating_sub(readable.bytes);
        let enough = missing == 0 || now >= terms.deadline || wanted.is_empty();
        let final_now = answers.iter().any(must_be_told);
        if final_now || enough || call.context.shared.is_stopping.get() {
            count_traffic(call, &keys, &answers);
            return wanted
                .into_iter()
                .zip(answers)
                .map(|(wanted, answer)| Answered { wanted, answer })
                .collect();
        }
        let seen = |view: LeaderView| match terms.committed {
            true => view.last_stable_offset,
            false => view.high_watermark,
        };
        let watched = keys
            .iter()
            .zip(&answers)
            .filter_map(|(key, answer)| Some(((*key).ok()?, seen(answer.view?))));
        let news = router.news(watched.collect(), terms.committed, missing);
        // Held across the wait: offsets only. The slices go now.
        drop(answers);
        drop(room);
        let either = crate::runtime::sync::either(news, call.context.shared.stopping.next());
        let _ = router.shard.runtime.deadline(terms.deadline, either).await;
    }
}

fn part(key: PartitionKey, wanted: &Wanted, terms: &Terms) -> FetchPart {
    FetchPart {
        key,
        from: wanted.from,
        bytes_max: usize::try_from(wanted.bytes_max).unwrap_or(0),
        at_least_one: false,
        epochs: EpochCheck {
            current_leader_epoch: wanted.current_leader_epoch,
            last_fetched_epoch: wanted.last_fetched_epoch,
        },
        committed: terms.committed,
    }
}

/// Bytes by owner, for the connection's placement.
fn count_traffic(call: &Call, keys: &[Result<PartitionKey, ErrorCode>], answers: &[FetchAnswer]) {
    for (key, answer) in keys.iter().zip(answers) {
        if let (Ok(key), 1..) = (key, answer.bytes) {
            call.context
                .traffic
                .count(call.context.router.owner(*key), answer.bytes);
        }
    }
}

fn key(image: &Image, wanted: &Wanted) -> Result<PartitionKey, ErrorCode> {
    let (topic, missing) = match wanted.topic_id {
        TopicId::ZERO => (
            image.topic(&wanted.topic),
            ErrorCode::UnknownTopicOrPartition,
        ),
        id => (image.topic_by_id(id), ErrorCode::UnknownTopicId),
    };
    let topic = topic.ok_or(missing)?;
    let known = usize::try_from(wanted.partition).is_ok_and(|p| p < topic.partitions.len());
    match known {
        true => Ok(PartitionKey {
            topic: topic.id,
            partition: wanted.partition,
        }),
        false => Err(ErrorCode::UnknownTopicOrPartition),
    }
}

/// Whether a client must hear of it at once, whatever there is to send.
fn must_be_told(answer: &FetchAnswer) -> bool {
    answer.error != ErrorCode::None || answer.diverging.is_some()
}

fn refused(error: ErrorCode) -> FetchAnswer {
    FetchAnswer {
        error,
        view: None,
        diverging: None,
        records: Vec::new(),
        bytes: 0,
        behind: Behind::Nothing,
        aborted: Some(Vec::new()),
    }
}

/// Settles the session and encodes what must be told.
fn finish(
    call: &Call,
    terms: &Terms,
    kind: Kind,
    mut answered: Vec<Answered>,
) -> Result<Response, Unanswerable> {
    let now = call.context.router.shard.runtime.now();
    let session_id = match kind {
        Kind::Full => 0,
        Kind::Opens(id) | Kind::Incremental(id) => id,
    };
    call.context.fetch_session.set(session_id);
    let mut told = Vec::with_capacity(answered.len());
    for answered in &mut answered {
        let marks = answered
            .answer
            .view
            .map(|view| (view.high_watermark, view.log_start_offset));
        let changed = answered.wanted.sent != marks;
        let newsworthy = answered.answer.bytes > 0
            || answered.answer.error != ErrorCode::None
            || answered.answer.diverging.is_some()
            || changed;
        told.push(newsworthy || !matches!(kind, Kind::Incremental(_)));
        answered.wanted.sent = if answered.answer.error == ErrorCode::None {
            marks
        } else {
            None
        };
    }
    let partitions: Vec<&Answered> = answered
        .iter()
        .zip(&told)
        .filter(|(_, told)| **told)
        .map(|(a, _)| a)
        .collect();
    let response = response::encode(call, session_id, &partitions)?;
    let kept = answered
        .into_iter()
        .map(|a| (a.wanted, a.answer.bytes > 0))
        .collect();
    call.context
        .shared
        .sessions
        .borrow_mut()
        .finish(kind, terms.by_id, kept, now);
    Ok(response)
}

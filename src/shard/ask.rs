//! Questions to one partition: offsets, epochs, record deletion, sizes.
//!
//! Room:       `shard`.
//! Called by:  `router`.
//! Calls:      `partition`, `log`.
//! Never:      answers for a partition that is led elsewhere.

use super::Shard;
use super::message::{ActiveProducer, Answer, DirContent, PartitionSize, Question};
use crate::ids::{LeaderEpoch, Offset, PartitionKey};
use crate::log::ProducerState;
use crate::partition::{Partition, ReadError};
use crate::protocol::ErrorCode;
use std::rc::Rc;

/// The special timestamps of ListOffsets.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

impl Shard {
    /// Answers in the order of the questions.
    pub async fn ask(self: &Rc<Self>, questions: Vec<(PartitionKey, Question)>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(questions.len());
        let mut pace = self.runtime.pace();
        for (key, question) in questions {
            answers.push(match self.partition(key) {
                Some(partition) => match question {
                    Question::MoveTo { dir } => match self.move_to(&partition, &dir).await {
                        Ok(()) => Answer::Moving,
                        Err(code) => Answer::Refused(code),
                    },
                    question => answer(&partition, question).await,
                },
                None => Answer::Refused(self.absence(key)),
            });
            pace.step().await;
        }
        answers
    }

    /// The log dirs, with this shard's partitions in them: those of `keys` (sorted), or all.
    pub async fn dir_contents(&self, keys: Option<&[PartitionKey]>) -> Vec<DirContent> {
        let is_asked = |key: &PartitionKey| keys.is_none_or(|keys| keys.binary_search(key).is_ok());
        let mut contents: Vec<DirContent> = self
            .dirs()
            .iter()
            .map(|dir| DirContent {
                path: dir.path.clone(),
                is_offline: dir.journal.failed().is_some(),
                partitions: Vec::new(),
            })
            .collect();
        let mut walk = match keys {
            Some(keys) => self.walk_over(keys.to_vec()),
            None => self.walk(),
        };
        while let Some(partition) = walk.next().await {
            let size = PartitionSize {
                partition: partition.key.partition,
                bytes: i64::try_from(partition.log().size_bytes()).unwrap_or(i64::MAX),
                offset_lag: 0,
                is_future: false,
            };
            contents[self.index_of(&partition.dir())]
                .partitions
                .push((partition.topic.clone(), size));
        }
        for future in self.futures() {
            let partition = &future.partition;
            if !is_asked(&partition.key) {
                continue;
            }
            let (end, copied) = (
                partition.log().log_end_offset(),
                future.copy.log_end_offset(),
            );
            let size = PartitionSize {
                partition: partition.key.partition,
                bytes: i64::try_from(future.copy.size_bytes()).unwrap_or(i64::MAX),
                offset_lag: (end.0 - copied.0).max(0),
                is_future: true,
            };
            contents[self.index_of(&future.target)]
                .partitions
                .push((partition.topic.clone(), size));
        }
        let missing = self.config().log_dirs.clone().into_iter();
        let missing = missing.filter(|path| self.dirs().iter().all(|dir| dir.path != *path));
        contents.extend(missing.map(|path| DirContent {
            path,
            is_offline: true,
            partitions: Vec::new(),
        }));
        contents
    }
}

async fn answer(partition: &Rc<Partition>, question: Question) -> Answer {
    let answered = match question {
        Question::Offset {
            at,
            current_leader_epoch,
            committed,
        } => offset(partition, at, current_leader_epoch, committed).await,
        Question::EpochEnd {
            epoch,
            current_leader_epoch,
        } => partition.check_epoch(current_leader_epoch).map(|()| {
            let end = partition.log().end_offset_for(epoch);
            let (epoch, end_offset) = end.unwrap_or((LeaderEpoch(-1), Offset(-1)));
            Answer::EpochEnd {
                epoch: epoch.0,
                end_offset: end_offset.0,
            }
        }),
        Question::DeleteBefore { offset } => return delete_before(partition, offset).await,
        Question::Producers { now } => partition.check_epoch(-1).map(|()| {
            partition.log().expire_producers(now.0);
            Answer::Producers(partition.log().with_producers(active_producers))
        }),
        Question::MoveTo { .. } => unreachable!("the shard itself answers it"),
    };
    answered.unwrap_or_else(|error| Answer::Refused(error.error_code()))
}

async fn offset(
    partition: &Rc<Partition>,
    at: i64,
    current_leader_epoch: i32,
    committed: bool,
) -> Result<Answer, ReadError> {
    partition.check_epoch(current_leader_epoch)?;
    let limit = partition.visible_to(committed);
    let start = partition.log().log_start_offset();
    let (offset, timestamp) = match at {
        LATEST => (limit.0, -1),
        EARLIEST | EARLIEST_LOCAL => (start.0, -1),
        // Nothing is tiered, and nothing waits to be: Kafka answers -1 for both.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => (-1, -1),
        MAX_TIMESTAMP => found(partition.log().max_timestamp(limit).await?),
        timestamp if timestamp >= 0 => found(
            partition
                .log()
                .offset_for_timestamp(timestamp, limit)
                .await?,
        ),
        _ => (-1, -1),
    };
    let leader_epoch = match offset {
        -1 => -1,
        _ if at == LATEST => partition.leader_epoch().0,
        _ => partition
            .log()
            .epoch_of(Offset(offset))
            .map_or(-1, |epoch| epoch.0),
    };
    Ok(Answer::Offset {
        offset,
        timestamp,
        leader_epoch,
    })
}

fn active_producers(producers: &ProducerState) -> Vec<ActiveProducer> {
    let entries = producers.entries().into_iter();
    entries
        .map(|(producer_id, entry)| ActiveProducer {
            producer_id,
            producer_epoch: entry.producer_epoch,
            last_sequence: entry.last_sequence(),
            last_timestamp: entry.last_timestamp,
            coordinator_epoch: entry.coordinator_epoch,
            transaction_first_offset: entry.transaction_first_offset.map_or(-1, |first| first.0),
        })
        .collect()
}

fn found(found: Option<(Offset, i64)>) -> (i64, i64) {
    found.map_or((-1, -1), |(offset, timestamp)| (offset.0, timestamp))
}

/// Moves the log's start forward and answers once that is durable.
async fn delete_before(partition: &Rc<Partition>, offset: i64) -> Answer {
    let high_watermark = partition.high_watermark();
    let to = if offset == -1 {
        high_watermark
    } else {
        Offset(offset)
    };
    if let Err(error) = partition.check_epoch(-1) {
        return Answer::Refused(error.error_code());
    }
    if to.0 < 0 || to > high_watermark {
        return Answer::Refused(ErrorCode::OffsetOutOfRange);
    }
    match partition.delete_before(to).await {
        Ok(start) => Answer::LowWatermark(start),
        Err(error) => Answer::Refused(error.error_code()),
    }
}

//! ShareFetch on the shard that owns the partitions: read, and give what was read to a member.
//!
//! Room:       `shard::shares`.
//! Called by:  `router`, for this core's connections and for others'.
//! Never:      holds bytes for a waiting request, or gives more records than asked for together.

use super::Shard;
use super::extents::{batches, cut, extents};
use super::message::{Seen, ShareAnswer, ShareWanted};
use super::seat::{Begun, ShareSeat};
use crate::coordinator::share::partition::{Mode, Take};
use crate::ids::{LeaderEpoch, Offset, PartitionKey};
use crate::io::Slice;
use crate::log::{AbortedTransaction, Read};
use crate::partition::{EpochCheck, Fetched, ReadError};
use crate::protocol::ErrorCode;
use std::rc::Rc;

/// What a read gave.
struct Found {
    records: Vec<Slice>,
    aborted: Vec<AbortedTransaction>,
}

impl Shard {
    /// Gives a member what it may have, partition after partition.
    pub async fn share_fetch(self: &Rc<Self>, wanted: ShareWanted) -> Vec<ShareAnswer> {
        let mut left = wanted.records_max;
        let mut answers = Vec::with_capacity(wanted.parts.len());
        for key in &wanted.parts {
            let answer = self.share_fetch_one(&wanted, *key, left).await;
            let given = answer.acquired.iter().map(|one| one.last - one.first + 1);
            left -= given.sum::<i64>();
            answers.push(answer);
        }
        answers
    }

    async fn share_fetch_one(
        self: &Rc<Self>,
        wanted: &ShareWanted,
        key: PartitionKey,
        records_max: i64,
    ) -> ShareAnswer {
        let seat = match self.share_seat_or_new(&wanted.member.group, key) {
            Ok(seat) => seat,
            Err(code) => return answer(code, LeaderEpoch(-1)),
        };
        seat.members
            .borrow_mut()
            .insert(Rc::from(&*wanted.member.id));
        if records_max <= 0 {
            return nothing(&seat, None);
        }
        let limits = self.share_limits(&seat.group);
        let committed = self.share_config(&seat.group).is_committed;
        // Once more when the log begins later than the group would read.
        for _ in 0..2 {
            let (reading, from) = match seat.begin_fetch(&limits) {
                Begun::Read(reading, from) => (reading, from),
                Begun::Nothing => return nothing(&seat, None),
                Begun::Gone(code) => {
                    self.forget_share(&seat);
                    return answer(code, seat.epoch);
                }
            };
            let visible = seat.partition.visible_to(committed);
            let found = match read(&seat, from, wanted.bytes_max, committed).await {
                Ok(found) => found,
                Err(ReadError::OffsetOutOfRange { start, .. }) if from < start => {
                    seat.act(self, |machine, _| machine.log_starts(start.0));
                    continue;
                }
                Err(ReadError::OffsetOutOfRange { .. }) => {
                    drop(reading);
                    return nothing(&seat, Some(from));
                }
                Err(error) => return answer(error.error_code(), seat.epoch),
            };
            if wanted.peeks {
                drop(reading);
                return peeked(&seat, visible, wanted.bytes_max, &found.records);
            }
            // Compaction may have left nothing up to what is visible: then only more is news.
            let seen = if found.records.is_empty() {
                visible
            } else {
                from
            };
            let given = self.give(&seat, wanted, records_max, from, &found);
            drop(reading);
            return ShareAnswer {
                seen: seat.seen(Some(seen)),
                ..given
            };
        }
        nothing(&seat, None)
    }

    fn give(
        self: &Rc<Self>,
        seat: &Rc<ShareSeat>,
        wanted: &ShareWanted,
        records_max: i64,
        from: Offset,
        found: &Found,
    ) -> ShareAnswer {
        let limits = self.share_limits(&seat.group);
        let batches = batches(&found.records);
        let extents = extents(&batches, &found.aborted);
        let take = Take {
            member: Rc::from(&*wanted.member.id),
            mode: wanted.mode,
            records_max,
            batch_size: wanted.batch_size.max(1),
            from: from.0,
        };
        let acquired = seat.act(self, |machine, now| {
            machine.acquire(now, &limits, &take, &extents)
        });
        let acquired = acquired.unwrap_or_default();
        let records = cut(&found.records, &batches, &acquired);
        ShareAnswer {
            bytes: records.iter().map(|slice| slice.len()).sum(),
            records,
            acquired,
            ..answer(ErrorCode::None, seat.epoch)
        }
    }
}

async fn read(
    seat: &ShareSeat,
    from: Offset,
    bytes_max: usize,
    committed: bool,
) -> Result<Found, ReadError> {
    let partition = &seat.partition;
    let unknown = EpochCheck {
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
    };
    let records = match partition.fetch(from, bytes_max, true, unknown, committed)? {
        Fetched::Records(Read::Now(found)) => found.slices,
        Fetched::Records(Read::Later(read)) => read.await?.slices,
        Fetched::Diverging { .. } => Vec::new(),
    };
    let aborted = match (committed, batches(&records).last()) {
        (true, Some(last)) => {
            let end = Offset(last.header.next_offset());
            partition.log().aborted_transactions(from, end).await?
        }
        _ => Vec::new(),
    };
    Ok(Found { records, aborted })
}

/// What there would be of `records`, up to `bytes_max`. All that is visible counts as seen: what
/// was found already must not wake who waits for more, or it would look again at once, for ever.
fn peeked(seat: &ShareSeat, visible: Offset, bytes_max: usize, records: &[Slice]) -> ShareAnswer {
    let read: usize = records.iter().map(|slice| slice.len()).sum();
    let end = batches(records)
        .last()
        .map(|last| last.header.next_offset());
    // More than one read brings: no wait makes it more.
    let is_more = end.is_some_and(|end| Offset(end) < visible);
    ShareAnswer {
        bytes: if is_more { read.max(bytes_max) } else { read },
        ..nothing(seat, Some(visible))
    }
}

fn nothing(seat: &ShareSeat, from: Option<Offset>) -> ShareAnswer {
    ShareAnswer {
        seen: seat.seen(from),
        ..answer(ErrorCode::None, seat.epoch)
    }
}

fn answer(error: ErrorCode, leader_epoch: LeaderEpoch) -> ShareAnswer {
    ShareAnswer {
        error,
        leader_epoch,
        records: Vec::new(),
        bytes: 0,
        acquired: Vec::new(),
        seen: Seen::default(),
    }
}

/// How a member takes records, by its number on the wire.
pub fn mode(code: i8) -> Option<Mode> {
    match code {
        0 => Some(Mode::BatchOptimized),
        1 => Some(Mode::RecordLimit),
        _ => None,
    }
}

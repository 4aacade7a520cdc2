//! Fetch over several shards: the request's bound is handed down its partitions in their order.
//!
//! Room:       `router`.
//! Called by:  `handlers::fetch`.
//! Calls:      this core's `shard`; others through the mesh.
//! Never:      has a disk read for bytes that the bound then cuts off.
//!
//! Where the bound has cut a partition short, those behind it share what little is left as it
//! comes: a shard does not know how much of its offer is taken.
//!
//! Two steps. First all shards are asked at once for what they have in memory: that costs no copy,
//! so each may offer as much as the whole request wants. Then the bound is handed down in request
//! order. Where a partition's next batch lies on disk, it is read together with those after it, as
//! many as their own bounds and what is left allow: reads of one wave go on beside each other, on
//! all shards, and nothing they bring is too much.

use super::{Envelope, Gathered, Mesh, Router};
use crate::ids::{Offset, PartitionKey};
use crate::io::PeerId;
use crate::partition::Watch;
use crate::shard::batches;
use crate::shard::message::{Behind, Depth, FetchAnswer, FetchPart, Reply, Request};
use std::rc::Rc;

/// What a fetch found.
pub struct Readable {
    /// In the order of the parts.
    pub answers: Vec<FetchAnswer>,
    /// Bytes that could be sent, as Kafka counts them towards `min_bytes`: where a bound ends the
    /// records, the whole bound.
    pub bytes: usize,
}

/// What is left of a request's bound, on the way down its partitions.
struct Room {
    left: usize,
    /// No partition had records yet: the next one's first batch goes whatever its size.
    is_first: bool,
    readable: usize,
}

impl Router {
    /// Reads the parts in order, each up to its own bound, all together up to `bytes_max`.
    pub async fn fetch(self: &Rc<Self>, parts: Vec<FetchPart>, bytes_max: usize) -> Readable {
        let depth = Depth::Memory { bytes_max };
        let answers = self.fetch_at(&parts, depth).await;
        let read = async |wave: &[FetchPart]| self.fetch_at(wave, Depth::Disk).await;
        settle(&parts, answers, bytes_max, read).await
    }

    async fn fetch_at(self: &Rc<Self>, parts: &[FetchPart], depth: Depth) -> Vec<FetchAnswer> {
        let mut gathered = Gathered::new(parts.len());
        let mut there = Vec::new();
        let mut here = None;
        for (owner, places, parts) in self.split(parts.iter().copied(), |part| part.key) {
            if owner == self.shard.id {
                here = Some((places, parts));
            } else {
                let request = Request::Fetch { parts, depth };
                there.push((places, self.ask_shard(owner, request)));
            }
        }
        if let Some((places, parts)) = here {
            gathered.put(places, self.shard.fetch(parts, depth).await);
        }
        for (places, reply) in there {
            match reply.await {
                Reply::Fetch(answers) => gathered.put(places, answers),
                _ => unreachable!("a fetch is answered as one"),
            }
        }
        gathered.take()
    }

    /// Completes when a reader may see about `bytes` more in these partitions, which lie beyond
    /// these offsets, or something else is new there. Dropping it withdraws the watch.
    ///
    /// Each shard counts for itself and tells when its share is there: once all are, one is.
    pub async fn news(
        self: &Rc<Self>,
        parts: Vec<(PartitionKey, Offset)>,
        committed: bool,
        bytes: usize,
    ) {
        let split = self.split(parts, |part| part.0);
        let bytes = bytes.div_ceil(split.len().max(1));
        let watch = Watch::new(bytes);
        let mut withdraw = Vec::new();
        let mut here = None;
        for (owner, _, parts) in split {
            if owner == self.shard.id {
                here = Some(parts);
                continue;
            }
            let peer = PeerId(owner.0);
            let request = Request::Watch {
                parts,
                committed,
                bytes,
            };
            let (call, reply) = self.mesh.call(peer, Envelope::shard(request));
            withdraw.push(Withdraw {
                mesh: self.mesh.clone(),
                peer,
                call,
            });
            let watch = watch.clone();
            self.shard.runtime.spawn(async move {
                let _ = reply.checked().await;
                watch.fire();
            });
        }
        let here = here.unwrap_or_default();
        self.shard.watch(here, committed, watch).await;
    }
}

/// Hands the bound down; `read` brings from disk what is not in memory.
async fn settle(
    parts: &[FetchPart],
    mut answers: Vec<FetchAnswer>,
    bytes_max: usize,
    mut read: impl AsyncFnMut(&[FetchPart]) -> Vec<FetchAnswer>,
) -> Readable {
    let mut room = Room {
        left: bytes_max,
        is_first: true,
        readable: 0,
    };
    for at in 0..answers.len() {
        if room.wants_disk(&answers[at]) {
            let (places, wave) = room.wave(at, parts, &answers);
            for (place, answer) in places.into_iter().zip(read(&wave).await) {
                answers[place] = answer;
            }
        }
        room.take(&mut answers[at], parts[at].bytes_max);
    }
    Readable {
        answers,
        bytes: room.readable,
    }
}

impl Room {
    fn is_used_up(&self) -> bool {
        self.left == 0 && !self.is_first
    }

    /// An answer that has nothing although there is something: it lies on disk, or is a batch
    /// that was too large behind others of its wave, which then had none.
    fn wants_disk(&self, answer: &FetchAnswer) -> bool {
        match answer.behind {
            Behind::Nothing => false,
            Behind::OnDisk => !self.is_used_up(),
            Behind::More => self.is_first && answer.bytes == 0,
        }
    }

    /// The part at `at` and those behind it that may be read from disk beside it, each with its
    /// bound: whatever they have, all of it fits.
    fn wave(
        &self,
        at: usize,
        parts: &[FetchPart],
        answers: &[FetchAnswer],
    ) -> (Vec<usize>, Vec<FetchPart>) {
        let (mut places, mut wave) = (Vec::new(), Vec::new());
        let mut left = self.left;
        for (place, answer) in answers.iter().enumerate().skip(at) {
            let part = parts[place];
            if place > at && answer.behind != Behind::OnDisk {
                left = left.saturating_sub(answer.bytes);
                continue;
            }
            let bytes_max = part.bytes_max.min(self.left);
            if place > at && (bytes_max > left || left == 0 || wave.len() == WAVE_MAX) {
                break;
            }
            places.push(place);
            wave.push(FetchPart {
                bytes_max,
                at_least_one: place == at && self.is_first,
                ..part
            });
            left = left.saturating_sub(bytes_max);
        }
        (places, wave)
    }

    /// Takes what fits of one answer.
    fn take(&mut self, answer: &mut FetchAnswer, bytes_max: usize) {
        let bound = bytes_max.min(self.left);
        if answer.bytes > bound && !self.is_first {
            answer.bytes = batches::cut(&mut answer.records, bound);
            answer.behind = Behind::More;
            if answer.bytes == 0 {
                answer.aborted = answer.aborted.take().map(|_| Vec::new());
            }
        }
        self.readable += match answer.behind {
            Behind::Nothing => answer.bytes,
            Behind::More | Behind::OnDisk => answer.bytes.max(bound),
        };
        self.left = self.left.saturating_sub(answer.bytes);
        self.is_first &= answer.bytes == 0;
    }
}

/// Tells another shard that nobody waits for its watch any more.
pub(super) struct Withdraw {
    pub(super) mesh: Rc<Mesh>,
    pub(super) peer: PeerId,
    pub(super) call: u64,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.mesh.withdraw(self.peer, self.call);
    }
}

/// Parts that are read from disk beside each other.
const WAVE_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicId;
    use crate::io::Slice;
    use crate::partition::EpochCheck;
    use crate::protocol::ErrorCode;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions};
    use proptest::prelude::*;
    use std::task::{Context, Poll, Waker};

    /// A partition of the test: its batches' value sizes, how many bytes of it are asked for, and
    /// whether it lies on disk.
    #[derive(Clone, Debug)]
    struct Stored {
        values: Vec<usize>,
        bytes_max: usize,
        is_cold: bool,
    }

    fn batch(value: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(0, None, Some(&vec![7; value]), &[]);
        builder.finish().to_vec()
    }

    impl Stored {
        fn sizes(&self) -> impl Iterator<Item = usize> {
            self.values.iter().map(|value| batch(*value).len())
        }

        fn read(&self, bytes_max: usize, at_least_one: bool) -> FetchAnswer {
            let mut bytes = Vec::new();
            let mut behind = Behind::Nothing;
            for value in &self.values {
                let next = batch(*value);
                if bytes.len() + next.len() > bytes_max && !(bytes.is_empty() && at_least_one) {
                    behind = Behind::More;
                    break;
                }
                bytes.extend(next);
            }
            FetchAnswer {
                error: ErrorCode::None,
                view: None,
                diverging: None,
                bytes: bytes.len(),
                records: vec![Slice::from(bytes)],
                behind,
                aborted: None,
            }
        }

        fn on_disk() -> FetchAnswer {
            FetchAnswer {
                behind: Behind::OnDisk,
                ..Stored::read(&Stored::empty(), 0, false)
            }
        }

        fn empty() -> Stored {
            Stored {
                values: Vec::new(),
                bytes_max: 0,
                is_cold: false,
            }
        }
    }

    fn part(index: usize, bytes_max: usize) -> FetchPart {
        FetchPart {
            key: PartitionKey {
                topic: TopicId::ZERO,
                partition: index as i32,
            },
            from: Offset(0),
            bytes_max,
            at_least_one: false,
            epochs: EpochCheck {
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
            },
            committed: false,
        }
    }

    /// What two shards, which own the even and the odd ones, offer from memory.
    fn from_memory(stored: &[Stored], bytes_max: usize) -> Vec<FetchAnswer> {
        let mut left = [bytes_max; 2];
        let mut is_first = [true; 2];
        let offer = |(index, stored): (usize, &Stored)| {
            let shard = index % 2;
            if stored.is_cold && !stored.values.is_empty() {
                return Stored::on_disk();
            }
            let bound = stored.bytes_max.min(left[shard]);
            let answer = stored.read(bound, is_first[shard]);
            if answer.bytes <= bound {
                left[shard] -= answer.bytes;
            }
            is_first[shard] &= answer.bytes == 0;
            answer
        };
        stored.iter().enumerate().map(offer).collect()
    }

    /// Bytes of each partition as Kafka hands them out, whole batches only, up to the one that the
    /// request's bound cuts short; and what it counts.
    fn expected(stored: &[Stored], bytes_max: usize) -> (Vec<usize>, usize) {
        let (mut left, mut is_first, mut readable) = (bytes_max, true, 0);
        let mut taken = Vec::new();
        let mut is_cut = false;
        for stored in stored {
            let bound = stored.bytes_max.min(left);
            let all: usize = stored.sizes().sum();
            let mut bytes = 0;
            for size in stored.sizes() {
                if bytes + size > bound && !(is_first && bytes == 0) {
                    break;
                }
                bytes += size;
            }
            readable += if bytes < all { bytes.max(bound) } else { bytes };
            is_first &= bytes == 0;
            if !is_cut {
                taken.push(bytes);
            }
            is_cut |= bytes < all && left < stored.bytes_max;
            left = left.saturating_sub(bytes);
        }
        (taken, readable)
    }

    fn settled(stored: &[Stored], bytes_max: usize) -> (Readable, usize) {
        let parts: Vec<FetchPart> = stored
            .iter()
            .enumerate()
            .map(|(index, stored)| part(index, stored.bytes_max))
            .collect();
        let mut from_disk = 0;
        let read = async |wave: &[FetchPart]| {
            let read = |part: &FetchPart| {
                let stored = &stored[part.key.partition as usize];
                stored.read(part.bytes_max, part.at_least_one)
            };
            let answers: Vec<FetchAnswer> = wave.iter().map(read).collect();
            from_disk += answers.iter().map(|answer| answer.bytes).sum::<usize>();
            answers
        };
        let answers = from_memory(stored, bytes_max);
        let readable = {
            let settling = std::pin::pin!(settle(&parts, answers, bytes_max, read));
            match settling.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(readable) => readable,
                Poll::Pending => panic!("nothing here waits"),
            }
        };
        (readable, from_disk)
    }

    fn partitions() -> impl Strategy<Value = Vec<Stored>> {
        let stored = (
            proptest::collection::vec(0..400_usize, 0..6),
            prop_oneof![0..1500_usize, Just(i32::MAX as usize)],
            any::<bool>(),
        );
        let stored = stored.prop_map(|(values, bytes_max, is_cold)| Stored {
            values,
            bytes_max,
            is_cold,
        });
        proptest::collection::vec(stored, 0..12)
    }

    proptest! {
        /// Goal: whoever owns a partition and wherever its bytes lie, each gets what Kafka would
        /// give it as long as there is room, and no disk brings more than the request may carry.
        #[test]
        fn the_bound_is_handed_down_in_request_order(
            stored in partitions(),
            bytes_max in 0..4000_usize,
        ) {
            let (readable, from_disk) = settled(&stored, bytes_max);
            let (taken, counted) = expected(&stored, bytes_max);
            let bytes: Vec<usize> = readable.answers.iter().map(|a| a.bytes).collect();
            prop_assert_eq!(&bytes[..taken.len()], &taken[..]);
            let records = |a: &FetchAnswer| a.records.iter().map(|s| s.len()).sum::<usize>();
            let held: Vec<usize> = readable.answers.iter().map(records).collect();
            prop_assert_eq!(&held, &bytes);
            prop_assert_eq!(readable.bytes.min(bytes_max), counted.min(bytes_max));
            let first = bytes.iter().copied().find(|bytes| *bytes > 0).unwrap_or(0);
            let sent: usize = bytes.iter().sum();
            prop_assert!(sent <= bytes_max || sent == first, "{} bytes", sent);
            let largest = stored.iter().flat_map(Stored::sizes).max().unwrap_or(0);
            prop_assert!(from_disk <= bytes_max + largest, "{} from disk", from_disk);
        }
    }

    /// Goal: a cold consumer of 500 partitions costs what it is sent, whatever it asks for.
    #[test]
    fn five_hundred_cold_partitions_are_read_up_to_the_bound() {
        let cold = Stored {
            values: vec![1000; 100],
            bytes_max: i32::MAX as usize,
            is_cold: true,
        };
        let (readable, from_disk) = settled(&vec![cold; 500], 50_000);
        let sent: usize = readable.answers.iter().map(|answer| answer.bytes).sum();
        assert_eq!(sent, from_disk);
        assert!((49_000..=50_000).contains(&sent), "{sent}");
    }
}

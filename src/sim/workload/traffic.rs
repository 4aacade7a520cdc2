//! What clients of the storage workload do: send, read, delete; each answer goes into the model.
//!
//! Room:       `sim`.
//! Called by:  `workload`, `trouble`.
//! Calls:      `shard`, as connections do.
//! Never:      excuses an answer that a sound broker would not give.

use super::Run;
use super::trouble::Trouble;
use crate::ids::Offset;
use crate::io::{Instant, Slice};
use crate::partition::{EpochCheck, Origin, Terms};
use crate::protocol::ErrorCode;
use crate::protocol::record_batch::ProducerStamp;
use crate::runtime::Runtime;
use crate::shard::Shard;
use crate::shard::message::{Answer, Depth, FetchPart, ProducePart, Question};
use crate::sim::checker::Ending;
use crate::sim::model::{CODECS, Model, Sending};
use crate::sim::node::{Node, spawn};
use std::cell::RefCell;
use std::rc::Rc;

impl Run {
    fn value_bytes(&self) -> usize {
        8 + self.world.below(1 + self.world.below(self.value_bytes_max)) as usize
    }

    pub(super) fn produce(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        let acks = self.world.choose(&[(1, 0), (4, 1), (5, -1)]);
        let records = 1 + self.world.below(4) as i32;
        let (runtime, shard) = node.owner(partition);
        let timestamp = runtime.wall().0;
        let sent = self.model.borrow_mut().send(Sending {
            partition,
            acks,
            stream: 0,
            stamp: None,
            records,
            value_bytes: self.value_bytes(),
            codec: self.world.choose(&CODECS),
            timestamp,
        });
        send(&self.model, &runtime, shard, sent);
    }

    /// A producer with numbered batches: one at a time, sent again until it is acknowledged.
    pub(super) fn produce_numbered(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        if self.model.borrow().producers[partition].waiting.is_some() {
            return;
        }
        // With acks=1, or below that level, a crash may take what the producer counts on.
        let acks = self.world.choose(&[(1, 1), (4, -1)]);
        let records = 1 + self.world.below(4) as i32;
        let (runtime, shard) = node.owner(partition);
        let timestamp = runtime.wall().0;
        let value_bytes = self.value_bytes();
        let mut model = self.model.borrow_mut();
        let stamp = ProducerStamp {
            id: 1000 + partition as i64,
            epoch: model.producers[partition].epoch,
            base_sequence: model.producers[partition].next_sequence,
        };
        let sent = model.send(Sending {
            partition,
            acks,
            stream: 0,
            stamp: Some(stamp),
            records,
            value_bytes,
            codec: self.world.choose(&CODECS),
            timestamp,
        });
        model.producers[partition].next_sequence += records;
        model.producers[partition].waiting = Some(sent);
        drop(model);
        send(&self.model, &runtime, shard, sent);
    }

    /// After a restart: producers that heard nothing send again.
    pub(super) fn resend(&self, node: &Node) {
        for partition in 0..self.plan.partitions {
            let waiting = self.model.borrow().producers[partition].waiting;
            if let Some(id) = waiting {
                self.model.borrow_mut().send_again(id);
                let (runtime, shard) = node.owner(partition);
                send(&self.model, &runtime, shard, id);
            }
        }
    }

    pub(super) fn fetch(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        let (runtime, shard) = node.owner(partition);
        let Some(replica) = shard.partition(Node::key(partition)) else {
            return;
        };
        let view = replica.view();
        let span = (view.high_watermark.0 - view.log_start_offset.0).max(0) as u64;
        let from = view
            .log_start_offset
            .plus(self.world.below(span + 1) as i64);
        let bytes_max = 1 << self.world.below(20);
        let (model, trouble) = (self.model.clone(), self.trouble);
        spawn(&runtime, async move {
            fetch_and_check(&shard, &model, partition, from, bytes_max, trouble).await;
        });
    }

    pub(super) fn delete(&self, node: &Node) {
        let partition = self.world.below(self.plan.partitions as u64) as usize;
        let (runtime, shard) = node.owner(partition);
        let Some(replica) = shard.partition(Node::key(partition)) else {
            return;
        };
        let end = replica.high_watermark();
        let offset = self.world.below(end.0.max(0) as u64 + 1) as i64;
        let model = self.model.clone();
        spawn(&runtime, async move {
            let question = Question::DeleteBefore { offset };
            let answers = shard.ask(vec![(Node::key(partition), question)]).await;
            if let Some(Answer::LowWatermark(start)) = answers.first() {
                let mut model = model.borrow_mut();
                model.log_start[partition] = model.log_start[partition].max(*start);
            }
        });
    }
}

/// Sends a batch to its shard; the answer goes into the model when it comes.
pub(super) fn send(model: &Rc<RefCell<Model>>, runtime: &Runtime, shard: Rc<Shard>, id: usize) {
    let (records, partition, acks) = {
        let model = model.borrow();
        let batch = &model.batches[id];
        (Slice::copy_of(&batch.bytes), batch.partition, batch.acks)
    };
    let terms = Terms {
        acks,
        zstd_allowed: true,
        now: runtime.wall(),
        deadline: Instant::NEVER,
        origin: Origin::CLIENT,
    };
    let model = model.clone();
    spawn(runtime, async move {
        let key = Node::key(partition);
        let part = ProducePart {
            key,
            records,
            guard: None,
        };
        let answers = shard.produce(vec![part], terms).await;
        let mut model = model.borrow_mut();
        let answer = &answers[0];
        match answer.error {
            ErrorCode::None => {
                if acks != 0 {
                    model.acknowledge(id, answer.base_offset);
                }
                if model.producers[partition].waiting == Some(id) {
                    model.producers[partition].waiting = None;
                }
            }
            ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => model.refused += 1,
            code => panic!("batch {id} was refused: {code:?} {:?}", answer.message),
        }
    });
}

const ANY_EPOCH: EpochCheck = EpochCheck {
    current_leader_epoch: -1,
    last_fetched_epoch: -1,
};

async fn fetch_and_check(
    shard: &Rc<Shard>,
    model: &Rc<RefCell<Model>>,
    partition: usize,
    from: Offset,
    bytes_max: usize,
    trouble: Trouble,
) {
    let part = FetchPart {
        key: Node::key(partition),
        from,
        bytes_max,
        at_least_one: true,
        epochs: ANY_EPOCH,
        committed: false,
    };
    let answers = shard.fetch(vec![part], Depth::Disk).await;
    match answers[0].error {
        ErrorCode::None => {
            let bytes = answers[0].records.concat();
            let mut model = model.borrow_mut();
            let served = model.parse_served(partition, from, &bytes);
            model.observe(&served);
        }
        // Deleted meanwhile, or the disk failed.
        ErrorCode::OffsetOutOfRange
        | ErrorCode::KafkaStorageError
        | ErrorCode::NotLeaderOrFollower => {}
        ErrorCode::CorruptMessage if trouble == Trouble::Misreads => {}
        ErrorCode::CorruptMessage if is_rotten(model, partition, from) => {}
        code => panic!("partition {partition}: fetch from {from} refused: {code:?}"),
    }
}

pub(super) async fn check_partition(
    shard: &Rc<Shard>,
    model: &Rc<RefCell<Model>>,
    partition: usize,
    ending: Ending,
) {
    let replica = shard.partition(Node::key(partition));
    let replica = replica.expect("every partition is opened at the start");
    let view = replica.view();
    assert_eq!(
        view.high_watermark,
        replica.log().log_end_offset(),
        "partition {partition}: what was recovered is durable, so all of it is visible"
    );
    let mut from = view.log_start_offset;
    let mut all = Vec::new();
    while from < view.high_watermark {
        let part = FetchPart {
            key: Node::key(partition),
            from,
            bytes_max: 256 << 10,
            at_least_one: true,
            epochs: ANY_EPOCH,
            committed: false,
        };
        let answers = shard.fetch(vec![part], Depth::Disk).await;
        let code = answers[0].error;
        let behind_rotten = model.borrow().behind_rotten(partition, from);
        if let (ErrorCode::CorruptMessage, Some(behind)) = (code, behind_rotten) {
            from = behind;
            continue;
        }
        assert_eq!(
            code,
            ErrorCode::None,
            "partition {partition} at {from} after {ending:?}"
        );
        let bytes = answers[0].records.concat();
        let served = model.borrow().parse_served(partition, from, &bytes);
        let last = served.last();
        from = last
            .expect("below the high watermark there is something")
            .next;
        all.extend(served);
    }
    let (start, end) = (view.log_start_offset, view.high_watermark);
    model
        .borrow_mut()
        .check_log(partition, start, end, &all, ending);
}

fn is_rotten(model: &RefCell<Model>, partition: usize, offset: Offset) -> bool {
    model.borrow().behind_rotten(partition, offset).is_some()
}

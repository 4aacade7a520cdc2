//! The workload for a few seeds; thousands run in `ottla-sim`.
//!
//! Room:       `sim`, tests only.

use super::trouble::Trouble;
use super::{Run, run, traffic};
use crate::protocol::record_batch::{Batches, Compression, ProducerStamp};
use crate::sim::Seeds;
use crate::sim::checker::Ending;
use crate::sim::clock::{MILLISECOND, SECOND};
use crate::sim::disk::DiskLatencies;
use crate::sim::model::{Durability, Level, Sending};
use crate::sim::node::Node;

#[test]
fn what_was_acknowledged_survives_what_its_level_says() {
    for seed in Seeds::from_env(15) {
        run(seed, 60);
    }
}

/// Goal: Kafka's tools find all of a partition that was quiet for a second in the folder of a
/// broker that runs, and nothing behind it.
#[test]
fn a_second_of_quiet_brings_everything_into_the_segment() {
    for seed in Seeds::from_env(5) {
        let mut run = Run::new(seed, 0);
        run.trouble = Trouble::None;
        let usual = DiskLatencies::default();
        run.world
            .disk(run.machine, |disk| disk.faults.latencies = usual);
        run.plan.topic.retain(|(name, _)| *name != "segment.ms");
        let node = run.start_without_crash();
        for _ in 0..3 {
            for _ in 0..10 {
                run.produce(&node);
                run.world.run_for(run.world.below(3 * MILLISECOND));
            }
            run.world.run_for(1_200 * MILLISECOND);
            for partition in 0..run.plan.partitions {
                let (_, shard) = node.owner(partition);
                let partition = shard.partition(Node::key(partition)).expect("it is open");
                let end = partition.log().log_end_offset();
                let path = partition.log().dir().join(FIRST_SEGMENT);
                let bytes = run.world.disk(run.machine, |disk| disk.bytes(&path));
                let bytes = bytes.unwrap_or_default();
                let mut next = 0;
                for batch in Batches::new(&bytes) {
                    let batch = batch.expect("whole batches, no zeros behind");
                    assert_eq!(batch.header.base_offset, next, "seed {seed}");
                    next = batch.header.next_offset();
                }
                assert_eq!(next, end.0, "seed {seed}");
            }
        }
    }
}

const FIRST_SEGMENT: &str = "00000000000000000000.log";

/// Goal: a level that was raised holds for every acknowledgement from then on, also for that of a
/// batch which came when it was lower and comes again.
#[test]
fn a_duplicate_is_acknowledged_at_the_level_of_today() {
    for seed in Seeds::from_env(5) {
        let mut run = Run::new(seed, 0);
        run.trouble = Trouble::None;
        let node = run.start_without_crash();
        run.set_topic_level(&node, Durability::Always(Level::Memory));
        let (runtime, shard) = node.owner(0);
        let stamp = ProducerStamp {
            id: 1000,
            epoch: 0,
            base_sequence: 0,
        };
        let id = run.model.borrow_mut().send(Sending {
            partition: 0,
            acks: -1,
            stream: 0,
            stamp: Some(stamp),
            records: 1,
            value_bytes: 100,
            codec: Compression::None,
            timestamp: runtime.wall().0,
        });
        for level in [Level::Memory, Level::Synced] {
            run.set_topic_level(&node, Durability::Always(level));
            run.model.borrow_mut().send_again(id);
            let before = run.model.borrow().acknowledged;
            traffic::send(&run.model, &runtime, shard.clone(), id);
            let model = run.model.clone();
            let answered = || model.borrow().acknowledged > before;
            assert!(run.world.run_until(SECOND, answered), "no answer");
        }
        drop((runtime, shard));
        run.world.power_cut(run.machine);
        drop(node);
        let node = run.start_without_crash();
        run.check(&node, Ending::PowerCut);
        assert_eq!(
            run.model.borrow().batches[id]
                .promised
                .map(|(_, level)| level),
            Some(Level::Synced)
        );
    }
}

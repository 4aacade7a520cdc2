//! Room in the journal: when clients' batches wait, and what lets them go on.
//!
//! Room:       `journal`, tests only.

use super::fake::{runtime, world};
use super::group::crc32c;
use super::*;
use crate::ids::{LeaderEpoch, Offset, PartitionKey, RequiredMark, ShardId, TopicId};
use crate::io::Slice;
use crate::runtime::Runtime;
use std::path::Path;

const BATCH_BYTES: usize = 10_000;

fn start(runtime: &Runtime, settings: JournalSettings) -> Journal {
    let settings = JournalSettings {
        file_bytes_first: 1 << 20,
        file_bytes_max: 1 << 20,
        slab_bytes: 64 << 10,
        ..settings
    };
    open(runtime, settings)
}

fn open(runtime: &Runtime, settings: JournalSettings) -> Journal {
    let inner = runtime.clone();
    let starting = async move {
        let dir = Path::new("/log");
        Journal::start(&inner, dir, ShardId(0), Incarnation(1), settings).await
    };
    runtime.block_on(starting).expect("it starts")
}

fn append(journal: &Journal) -> Slice {
    let key = PartitionKey {
        topic: TopicId([1; 16]),
        partition: 0,
    };
    let mut batch = vec![7; BATCH_BYTES];
    // The journal takes a batch's own checksum at its word.
    let crc = crc32c(&[&batch[21..]]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    let (epoch, required) = (LeaderEpoch(1), RequiredMark::Memory);
    let appended = journal.append(key, epoch, required, Offset(0), &[&batch]);
    appended.expect("it takes the batch").1
}

fn turns(runtime: &Runtime, count: usize) {
    (0..count).for_each(|_| {
        runtime.turn(true);
    });
}

/// Goal: what is acknowledged at once does not pile up in front of a slow disk.
#[test]
fn who_is_faster_than_the_disk_finds_no_room() {
    let world = world(11);
    let broker = runtime(&world);
    let settings = JournalSettings {
        queued_bytes_max: 256 << 10,
        ..JournalSettings::default()
    };
    let journal = start(&broker, settings);
    let mut appended = 0;
    while journal.has_room() {
        append(&journal);
        appended += 1;
        assert!(appended < 100, "nothing is written meanwhile");
    }
    let queued = journal.pressure().queued_bytes;
    assert!((256 << 10..300 << 10).contains(&queued), "{queued}");
    turns(&broker, 300);
    assert!(journal.has_room());
}

/// Goal: slabs that readers or tails hold are bounded, and readers who never let go do not stop
/// producers for ever.
#[test]
fn slabs_that_are_held_leave_no_room_until_tails_were_flushed() {
    let world = world(12);
    let broker = runtime(&world);
    let budget = SlabBudget::new(512 << 10);
    let settings = JournalSettings {
        budget: Some(budget.clone()),
        ..JournalSettings::default()
    };
    let journal = start(&broker, settings);
    let mut held = Vec::new();
    let mut fill = || {
        let before = held.len();
        while journal.has_room() {
            held.push(append(&journal));
            turns(&broker, 3);
            assert!(held.len() < 200, "the budget is half a megabyte");
        }
        held.len() - before
    };
    let first = fill();
    assert!(budget.is_full() && journal.needs_memory(), "after {first}");
    // A flush that gives nothing back, for readers hold it all: a little more may come.
    journal.memory_returned(journal.appended_bytes());
    assert_eq!(fill(), (128 << 10) / BATCH_BYTES + 1);
    held.clear();
    turns(&broker, 300);
    assert!(journal.has_room());
    assert!(budget.used() <= 128 << 10, "{}", budget.used());
}

/// Goal: a larger file is filled with zeros as groups come, not all at once beside them, and none
/// of it while nothing comes.
#[test]
fn a_file_that_is_made_is_filled_as_groups_come() {
    let world = world(13);
    let broker = runtime(&world);
    let settings = JournalSettings {
        file_bytes_first: 512 << 10,
        file_bytes_max: 4 << 20,
        ..JournalSettings::default()
    };
    let journal = open(&broker, settings);
    let is_unfinished = || {
        let sizes = world.borrow().sizes();
        sizes.iter().any(|(name, _)| name.ends_with(".new"))
    };
    let mut appended = 0;
    while !is_unfinished() {
        append(&journal);
        turns(&broker, 3);
        appended += 1;
        assert!(
            appended < 200,
            "a file that is filled at once asks for larger ones"
        );
    }
    turns(&broker, 300);
    let writes = world.borrow().writes;
    turns(&broker, 300);
    assert_eq!(world.borrow().writes, writes, "nothing came meanwhile");
    assert!(is_unfinished());
    let from = journal.placed_bytes();
    while is_unfinished() && journal.placed_bytes() - from < 4 << 20 {
        append(&journal);
        turns(&broker, 3);
    }
    assert!(!is_unfinished(), "twice as many zeros as groups");
}

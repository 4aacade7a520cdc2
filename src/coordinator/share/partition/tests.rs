//! A share partition case by case.
//!
//! Room:       `coordinator::share::partition`, tests only.

use super::*;

pub const LIMITS: Limits = Limits {
    deliveries: 5,
    locks: 100,
    lock_ms: 1_000,
    renews: true,
};

pub fn fresh() -> SharePartition {
    SharePartition::load((1, 0), 0, &[]).expect("nothing is fine")
}

pub fn take(member: &str, records_max: i64, from: i64) -> Take {
    Take {
        member: member.into(),
        mode: Mode::BatchOptimized,
        records_max,
        batch_size: 1_000,
        from,
    }
}

/// Batches of ten records each, from `base` on.
fn tens(base: i64, count: i64) -> Vec<Extent> {
    (0..count)
        .map(|index| Extent {
            base: base + index * 10,
            last: base + index * 10 + 9,
            is_aborted: false,
        })
        .collect()
}

fn all(first: i64, last: i64, says: i8) -> Acknowledgement {
    Acknowledgement {
        first,
        last,
        types: vec![says],
    }
}

fn spans(acquired: &[Acquired]) -> Vec<(i64, i64, i16)> {
    let spans = acquired.iter();
    spans.map(|one| (one.first, one.last, one.count)).collect()
}

impl SharePartition {
    /// Writes what is to be written; what was written.
    fn flush(&mut self, now: u64) -> Update {
        let (write, update) = self.begin_write().expect("something to write");
        self.written(Millis(now), write, true, &LIMITS);
        update
    }
}

#[test]
fn whole_batches_or_exactly_so_many_as_asked_for() {
    let mut whole = fresh();
    let acquired = whole.acquire(Millis(0), &LIMITS, &take("a", 15, 0), &tens(0, 5));
    assert_eq!(spans(&acquired), [(0, 19, 1)]);
    let mut exact = fresh();
    let exactly = Take {
        mode: Mode::RecordLimit,
        ..take("a", 15, 0)
    };
    let acquired = exact.acquire(Millis(0), &LIMITS, &exactly, &tens(0, 5));
    assert_eq!(spans(&acquired), [(0, 14, 1)]);
    assert_eq!(exact.fetch_offset(), 15);
    let acquired = exact.acquire(Millis(0), &LIMITS, &take("b", 5, 15), &tens(10, 4));
    assert_eq!(spans(&acquired), [(15, 19, 1)]);
    let mut small = fresh();
    let pieces = Take {
        batch_size: 20,
        ..take("a", 1_000, 0)
    };
    let acquired = small.acquire(Millis(0), &LIMITS, &pieces, &tens(0, 5));
    assert_eq!(spans(&acquired), [(0, 19, 1), (20, 39, 1), (40, 49, 1)]);
}

#[test]
fn two_members_share_and_no_more_than_the_limit_is_in_flight() {
    let mut partition = fresh();
    let a = partition.acquire(Millis(0), &LIMITS, &take("a", 60, 0), &tens(0, 30));
    assert_eq!(spans(&a), [(0, 59, 1)]);
    let from = partition.fetch_offset();
    let b = partition.acquire(Millis(0), &LIMITS, &take("b", 500, from), &tens(60, 30));
    assert_eq!(spans(&b), [(60, 99, 1)]);
    assert!(!partition.has_room(&LIMITS));
    assert_eq!(
        partition.acknowledge(Millis(0), &LIMITS, "b", &[all(0, 9, 1)]),
        Err(Refusal::NotOwner)
    );
    let released = partition.acknowledge(Millis(0), &LIMITS, "a", &[all(20, 29, 2)]);
    assert_eq!(released, Ok(Some(Write(0))));
    assert!(!partition.has_room(&LIMITS), "it is not written yet");
    partition.flush(0);
    assert!(partition.has_room(&LIMITS));
    assert_eq!(partition.fetch_offset(), 20);
    let again = partition.acquire(Millis(0), &LIMITS, &take("b", 500, 20), &tens(20, 30));
    assert_eq!(spans(&again), [(20, 29, 2)]);
}

#[test]
fn what_is_acknowledged_moves_the_start_when_it_is_written() {
    let mut partition = fresh();
    partition.acquire(Millis(0), &LIMITS, &take("a", 30, 0), &tens(0, 3));
    let mixed = Acknowledgement {
        first: 0,
        last: 4,
        types: vec![1, 1, 3, 0, 2],
    };
    let write = partition.acknowledge(Millis(0), &LIMITS, "a", &[mixed, all(10, 29, 1)]);
    assert_eq!(write, Ok(Some(Write(0))));
    let twice = partition.acknowledge(Millis(0), &LIMITS, "a", &[all(0, 4, 1)]);
    assert_eq!(twice, Err(Refusal::NotAcquired), "it is on its way");
    let update = partition.flush(0);
    assert_eq!((update.start, update.complete), (0, 24));
    let said: Vec<(i64, i64, i8)> = update
        .batches
        .iter()
        .map(|b| (b.first, b.last, b.state))
        .collect();
    assert_eq!(
        said,
        [(0, 1, 2), (2, 2, 4), (3, 3, 4), (4, 4, 0), (10, 29, 2)]
    );
    assert_eq!((partition.start, partition.next), (4, 30));
    // What lies before the start was told before; that is fine.
    assert_eq!(
        partition.acknowledge(Millis(0), &LIMITS, "a", &[all(0, 3, 1)]),
        Ok(None)
    );
    let beyond = partition.acknowledge(Millis(0), &LIMITS, "a", &[all(5, 30, 1)]);
    assert_eq!(beyond, Err(Refusal::Beyond));
    partition
        .acknowledge(Millis(0), &LIMITS, "a", &[all(5, 9, 1)])
        .expect("its own");
    partition.flush(0);
    let again = partition.acquire(Millis(0), &LIMITS, &take("b", 30, 4), &tens(0, 3));
    assert_eq!(spans(&again), [(4, 4, 2)]);
    partition
        .acknowledge(Millis(0), &LIMITS, "b", &[all(4, 4, 1)])
        .expect("its own");
    partition.flush(0);
    assert_eq!(
        (partition.start, partition.next, partition.ranges.len()),
        (30, 30, 0)
    );
    let gone = partition.acknowledge(Millis(0), &LIMITS, "b", &[all(30, 30, 1)]);
    assert_eq!(gone, Err(Refusal::Unknown));
}

#[test]
fn a_lock_that_is_over_gives_the_record_to_others_unless_it_is_renewed() {
    let mut partition = fresh();
    partition.acquire(Millis(0), &LIMITS, &take("a", 20, 0), &tens(0, 2));
    assert_eq!(partition.next_timeout(), Some(Millis(1_000)));
    let renewed = partition.acknowledge(Millis(600), &LIMITS, "a", &[all(0, 9, 4)]);
    assert_eq!(renewed, Ok(None), "nothing to write");
    let no_renewal = Limits {
        renews: false,
        ..LIMITS
    };
    let refused = partition.acknowledge(Millis(600), &no_renewal, "a", &[all(0, 9, 4)]);
    assert_eq!(refused, Err(Refusal::NoRenewal));
    partition.timeout(Millis(1_000), &LIMITS);
    assert_eq!(partition.fetch_offset(), 10);
    assert_eq!(
        partition.flush(1_000).batches[..],
        [StateBatch {
            first: 10,
            last: 19,
            state: 0,
            count: 1
        }]
    );
    let late = partition.acknowledge(Millis(1_000), &LIMITS, "a", &[all(10, 19, 1)]);
    assert_eq!(late, Err(Refusal::NotAcquired));
    assert_eq!(partition.next_timeout(), Some(Millis(1_600)));
    partition.timeout(Millis(1_600), &LIMITS);
    assert_eq!(partition.fetch_offset(), 0);
}

#[test]
fn a_write_that_fails_gives_the_record_back_to_its_member_or_to_all() {
    let mut partition = fresh();
    partition.acquire(Millis(0), &LIMITS, &take("a", 20, 0), &tens(0, 2));
    partition
        .acknowledge(Millis(10), &LIMITS, "a", &[all(0, 19, 1)])
        .expect("its own");
    let (write, _) = partition.begin_write().expect("to write");
    assert_eq!(partition.begin_write(), None, "one at a time");
    partition.written(Millis(20), write, false, &LIMITS);
    partition
        .acknowledge(Millis(30), &LIMITS, "a", &[all(0, 9, 1)])
        .expect("its own again");
    let (write, _) = partition.begin_write().expect("to write");
    partition.timeout(Millis(1_000), &LIMITS);
    partition.written(Millis(1_000), write, false, &LIMITS);
    assert_eq!(partition.fetch_offset(), 0);
    let again = partition.acquire(Millis(1_000), &LIMITS, &take("b", 20, 0), &tens(0, 2));
    assert_eq!(spans(&again), [(0, 19, 2)]);
}

#[test]
fn what_nobody_can_digest_comes_in_smaller_parts_and_then_no_more() {
    let mut partition = fresh();
    let mut seen = Vec::new();
    for round in 0..200u64 {
        let now = Millis(round * 2_000);
        partition.timeout(now, &LIMITS);
        let from = partition.fetch_offset();
        let base = from - from % 10;
        if from >= 40 {
            break;
        }
        let acquired = partition.acquire(
            now,
            &LIMITS,
            &take("a", 40, from),
            &tens(base, (40 - base) / 10),
        );
        seen.extend(spans(&acquired));
    }
    assert_eq!(seen[..2], [(0, 39, 1), (0, 39, 2)]);
    assert_eq!(seen[2..4], [(0, 39, 3), (0, 19, 4)], "{seen:?}");
    for offset in 0..40 {
        let times = seen
            .iter()
            .filter(|(first, last, _)| (*first..=*last).contains(&offset));
        let counts: Vec<i16> = times.map(|(_, _, count)| *count).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5], "of {offset}");
    }
    let last_tries = seen.iter().filter(|(_, _, count)| *count == 5);
    assert!(last_tries.clone().all(|(first, last, _)| first == last));
    assert_eq!(partition.start, 40, "archived");
}

#[test]
fn a_member_that_goes_gives_back_what_it_has() {
    let mut partition = fresh();
    partition.acquire(Millis(0), &LIMITS, &take("a", 10, 0), &tens(0, 1));
    partition.acquire(Millis(0), &LIMITS, &take("b", 10, 10), &tens(10, 1));
    assert_eq!(partition.release(&LIMITS, "c"), None);
    assert_eq!(partition.release(&LIMITS, "a"), Some(Write(0)));
    partition.flush(0);
    let again = partition.acquire(Millis(0), &LIMITS, &take("b", 10, 0), &tens(0, 2));
    assert_eq!(spans(&again), [(0, 9, 2)]);
}

#[test]
fn what_the_log_lost_and_what_was_aborted_is_done() {
    let mut partition = fresh();
    partition.acquire(Millis(0), &LIMITS, &take("a", 10, 0), &tens(0, 1));
    // The log begins at 5 now; then comes a hole up to 20.
    partition.log_starts(5);
    partition
        .acknowledge(Millis(0), &LIMITS, "a", &[all(0, 9, 2)])
        .expect("its own, in part");
    partition.flush(0);
    assert_eq!(partition.fetch_offset(), 5);
    let mut extents = tens(20, 3);
    extents[1].is_aborted = true;
    let acquired = partition.acquire(Millis(0), &LIMITS, &take("b", 100, 5), &extents);
    assert_eq!(spans(&acquired), [(20, 29, 1), (40, 49, 1)]);
    assert_eq!((partition.start, partition.next), (20, 50));
    partition.flush(0);
    partition.log_starts(100);
    assert_eq!(
        (partition.start, partition.next, partition.fetch_offset()),
        (100, 100, 100)
    );
}

#[test]
fn what_was_not_said_of_loaded_records_is_available() {
    let batch = |first, last, state, count| StateBatch {
        first,
        last,
        state,
        count,
    };
    let batches = [batch(3, 4, 2, 1), batch(8, 9, 0, 2), batch(10, 11, 4, 5)];
    let mut loaded = SharePartition::load((1, 0), 2, &batches).expect("fine");
    assert_eq!(loaded.fetch_offset(), 2);
    let acquired = loaded.acquire(Millis(0), &LIMITS, &take("a", 100, 2), &tens(0, 2));
    assert_eq!(
        spans(&acquired),
        [(2, 2, 1), (5, 7, 1), (8, 9, 3), (12, 19, 1)]
    );
    assert!(SharePartition::load((1, 0), 5, &batches).is_err());
    assert!(SharePartition::load((1, 0), 0, &[batch(0, 1, 1, 1)]).is_err());
    let done = SharePartition::load((1, 0), 0, &[batch(0, 9, 2, 1)]).expect("fine");
    assert_eq!((done.start, done.next), (10, 10));
}

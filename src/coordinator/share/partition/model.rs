//! Goal: whatever members do, whenever they go silent and however often writing fails, a record is
//! in one pair of hands at a time, is delivered no more often than the limit says, is never
//! delivered once its end is written, and sooner or later every one has an end.
//! Method: seeded steps against a model that knows each offset by itself. What was written is kept
//! as `States` would keep it, and now and then all but that is forgotten, as in a crash.
//!
//! Room:       `coordinator::share::partition`, tests only.

use super::tests::{LIMITS, take};
use super::*;
use crate::coordinator::share::combine;

const LOG_END: i64 = 120;
const MEMBERS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Record {
    /// Deliveries since the last crash, and what was written of those before.
    deliveries: i16,
    holder: Option<(usize, u64)>,
    /// Said of it, not written yet: the write, and what was said.
    saying: Option<(Write, i8)>,
    is_final: bool,
    /// Its member said so, and that was written.
    is_settled: bool,
}

struct World {
    seed: u64,
    now: u64,
    partition: SharePartition,
    records: Vec<Record>,
    stored: (i64, Vec<StateBatch>),
    writing: Option<(Write, Update)>,
}

impl World {
    fn below(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// Batches of the log that a read from here gives: 7 records each, compacted here and there.
    fn extents(&mut self, from: i64) -> Vec<Extent> {
        let count = 1 + self.below(6) as i64;
        let base = from / 7;
        (base..base + count)
            .map(|index| Extent {
                base: index * 7,
                last: (index * 7 + 6).min(LOG_END - 1),
                is_aborted: false,
            })
            .filter(|extent| extent.base < LOG_END)
            .collect()
    }

    fn acquire(&mut self, member: usize) {
        if !self.partition.has_room(&LIMITS) {
            return;
        }
        let from = self.partition.fetch_offset();
        if from >= LOG_END {
            return;
        }
        let records_max = 1 + self.below(30) as i64;
        let mode = match self.below(2) {
            0 => Mode::RecordLimit,
            _ => Mode::BatchOptimized,
        };
        let batch_size = 1 + self.below(20) as i64;
        let take = Take {
            mode,
            batch_size,
            ..take(MEMBERS[member], records_max, from)
        };
        let extents = self.extents(from);
        let acquired = self
            .partition
            .acquire(Millis(self.now), &LIMITS, &take, &extents);
        let mut total = 0;
        for one in acquired {
            for offset in one.first..=one.last {
                let record = &mut self.records[offset as usize];
                assert!(!record.is_final, "{offset} is done");
                assert_eq!(record.holder, None, "{offset} is in other hands");
                assert_eq!(record.saying, None, "{offset} is being written");
                record.deliveries += 1;
                assert_eq!(record.deliveries, one.count, "of {offset}");
                assert!(record.deliveries <= LIMITS.deliveries);
                record.holder = Some((member, self.now + LIMITS.lock_ms));
                total += 1;
            }
        }
        if mode == Mode::RecordLimit {
            assert!(total <= records_max);
        }
    }

    fn acknowledge(&mut self, member: usize) {
        let first = self.below(LOG_END as u64) as i64;
        let last = (first + self.below(12) as i64).min(LOG_END - 1);
        let types: Vec<i8> = match self.below(2) {
            0 => vec![self.below(5) as i8],
            _ => (first..=last).map(|_| self.below(5) as i8).collect(),
        };
        let one = Acknowledgement { first, last, types };
        let start = self.partition.start;
        let own = |record: &Record| {
            record.holder.is_some_and(|(holder, _)| holder == member) && record.saying.is_none()
        };
        let from = first.max(start);
        let fine = from > last || self.records[from as usize..=last as usize].iter().all(own);
        let now = Millis(self.now);
        let told =
            self.partition
                .acknowledge(now, &LIMITS, MEMBERS[member], std::slice::from_ref(&one));
        assert_eq!(told.is_ok(), fine, "{one:?} by {member}: {told:?}");
        let Ok(write) = told else {
            return;
        };
        for offset in from..=last {
            let says = one.types[if one.types.len() > 1 {
                (offset - first) as usize
            } else {
                0
            }];
            let record = &mut self.records[offset as usize];
            match says {
                4 => record.holder = Some((member, self.now + LIMITS.lock_ms)),
                says => record.saying = Some((write.expect("a change"), says)),
            }
        }
    }

    fn release(&mut self, member: usize) {
        let write = self.partition.release(&LIMITS, MEMBERS[member]);
        for record in &mut self.records {
            if record.holder.is_some_and(|(holder, _)| holder == member) && record.saying.is_none()
            {
                record.saying = Some((write.expect("a change"), 2));
            }
        }
    }

    fn pass(&mut self) {
        self.now += self.below(700);
        if self
            .partition
            .next_timeout()
            .is_some_and(|at| at.0 <= self.now)
        {
            self.partition.timeout(Millis(self.now), &LIMITS);
        }
        for record in &mut self.records {
            if record.saying.is_none() && record.holder.is_some_and(|(_, until)| until <= self.now)
            {
                record.give_back();
            }
        }
    }

    fn write(&mut self) {
        if let Some((write, update)) = self.writing.take() {
            let is_done = self.below(4) > 0;
            if is_done {
                let (start, batches) = &mut self.stored;
                *start = update.start;
                *batches = combine(batches, &update.batches, *start);
            }
            self.partition
                .written(Millis(self.now), write, is_done, &LIMITS);
            for record in &mut self.records {
                let Some((_, says)) = record.saying.take_if(|(with, _)| *with == write) else {
                    continue;
                };
                match (is_done, says) {
                    (true, 2) => record.give_back(),
                    (true, _) => {
                        record.holder = None;
                        (record.is_final, record.is_settled) = (true, true);
                    }
                    (false, _) if record.holder.is_some_and(|(_, at)| at <= self.now) => {
                        record.give_back();
                    }
                    (false, _) => {}
                }
            }
        } else {
            self.writing = self.partition.begin_write();
        }
    }

    /// All but what was written is forgotten.
    fn crash(&mut self) {
        self.writing = None;
        let (start, batches) = &self.stored;
        let batches = combine(batches, &[], *start);
        self.partition = SharePartition::load((1, 0), *start, &batches).expect("sound");
        for (offset, record) in self.records.iter_mut().enumerate() {
            let offset = offset as i64;
            let is_settled = record.is_settled;
            let said = batches
                .iter()
                .find(|b| b.first <= offset && offset <= b.last);
            *record = Record {
                deliveries: said.map_or(0, |batch| batch.count),
                is_final: offset < *start
                    || said.is_some_and(|batch| delivery::is_final(batch.state)),
                ..Record::default()
            };
            record.is_settled = is_settled;
            assert!(record.is_final || !is_settled, "{offset} came back");
        }
    }

    fn check(&self) {
        let partition = &self.partition;
        let mut at = partition.start;
        for (first, range) in &partition.ranges {
            assert_eq!(*first, at, "ranges tile");
            assert!(range.last >= *first);
            at = range.last + 1;
        }
        assert_eq!(at, partition.next);
        let first = partition.ranges.first_key_value();
        assert!(first.is_none_or(|(_, r)| !r.state.is_final() || r.change.is_some()));
    }
}

impl Record {
    fn give_back(&mut self) {
        self.holder = None;
        self.is_final = self.deliveries >= LIMITS.deliveries;
    }
}

#[test]
fn records_have_one_holder_and_one_end() {
    for seed in 0..300 {
        let mut world = World {
            seed,
            now: 0,
            partition: SharePartition::load((1, 0), 0, &[]).expect("nothing"),
            records: vec![Record::default(); LOG_END as usize],
            stored: (0, Vec::new()),
            writing: None,
        };
        for _ in 0..400 {
            let member = world.below(3) as usize;
            match world.below(20) {
                0..=4 => world.acquire(member),
                5..=10 => world.acknowledge(member),
                11 => world.release(member),
                12..=14 => world.pass(),
                15..=18 => world.write(),
                _ if world.below(8) == 0 => world.crash(),
                _ => {}
            }
            world.check();
        }
        // Left alone with a member that accepts all it gets, everything has an end.
        for _ in 0..3_000 {
            if world.partition.start >= LOG_END {
                break;
            }
            world.acquire(0);
            for offset in 0..LOG_END {
                let own = Acknowledgement {
                    first: offset,
                    last: offset,
                    types: vec![1],
                };
                let now = Millis(world.now);
                let told = world.partition.acknowledge(now, &LIMITS, "a", &[own]);
                if let Ok(Some(write)) = told {
                    world.records[offset as usize].saying = Some((write, 1));
                }
            }
            world.write();
            world.write();
            world.pass();
            world.check();
        }
        assert_eq!(world.partition.start, LOG_END, "seed {seed}");
    }
}

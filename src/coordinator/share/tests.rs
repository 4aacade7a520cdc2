//! `States` against its promises: what was said is known again after a replay.
//!
//! Room:       `coordinator::share`, tests only.

use super::wire::{self, Asked, Said, Summary, Update};
use super::*;
use crate::coordinator::{Coordinated, Machine, Millis, NewRecord, Replayed, Step, Token};
use crate::ids::TopicId;
use crate::metadata::{Image, PartitionImage, TopicImage};
use crate::protocol::ErrorCode;
use std::sync::Arc;

struct Desk {
    machine: States,
    log: Vec<NewRecord>,
    now: u64,
    /// Where the log starts after a prune.
    pruned: usize,
}

const TOPIC: TopicId = TopicId([7; 16]);

fn image(with_topic: bool) -> Arc<Image> {
    let mut image = Image::empty("cluster", 1);
    image.offset = 1;
    if with_topic {
        image.put_topic(TopicImage {
            id: TOPIC,
            name: "t".into(),
            partitions: vec![PartitionImage::default(); 4],
        });
    }
    Arc::new(image)
}

fn partition(partition: i32) -> PartitionKey {
    PartitionKey {
        topic: TOPIC,
        partition,
    }
}

impl Desk {
    fn new() -> Desk {
        let settings = Settings {
            updates_per_snapshot: 3,
            prune_interval_ms: 1_000,
        };
        let mut desk = Desk {
            machine: States::new(settings),
            log: Vec::new(),
            now: 1_000,
            pruned: 0,
        };
        desk.restart();
        desk
    }

    fn restart(&mut self) {
        self.machine = States::new(self.machine.settings());
        for record in &self.log[self.pruned..] {
            self.machine
                .replay(&record.replayed())
                .expect("it wrote it itself");
        }
        self.step(|machine, step| {
            machine.follow(step, &image(true));
            machine.loaded(step);
        });
    }

    fn step(&mut self, act: impl FnOnce(&mut States, &mut Step)) -> Vec<(Token, Coordinated)> {
        let mut step = Step::at(Millis(self.now), self.now as i64, 1);
        act(&mut self.machine, &mut step);
        if step.effects.prunes {
            self.pruned = self.log.len();
        }
        for batch in step.effects.batches {
            self.log.extend(batch.records);
        }
        step.effects.answers
    }

    fn ask(&mut self, group: &str, index: i32, asked: Asked) -> Result<Said, ErrorCode> {
        let request = wire::request(group, partition(index), &asked);
        let mut answers = self.step(|machine, step| machine.request(step, Token(1), &request));
        let (_, answer) = answers.pop().expect("answered at once");
        wire::said(&asked, &answer)
    }

    fn write(&mut self, update: Update) -> Result<Said, ErrorCode> {
        self.ask("g", 0, Asked::Write(update))
    }

    fn state(&mut self) -> Result<Said, ErrorCode> {
        self.ask("g", 0, Asked::Read { leader_epoch: -1 })
    }
}

fn batch(first: i64, last: i64, state: i8, count: i16) -> StateBatch {
    StateBatch {
        first,
        last,
        state,
        count,
    }
}

fn update(start: i64, complete: i32, batches: &[StateBatch]) -> Update {
    Update {
        state_epoch: 1,
        leader_epoch: 0,
        start,
        complete,
        batches: batches.to_vec(),
    }
}

fn initialize(state_epoch: i32, start: i64) -> Asked {
    Asked::Initialize { state_epoch, start }
}

#[test]
fn what_was_written_is_read_again_after_a_restart() {
    let mut desk = Desk::new();
    assert_eq!(desk.state(), Err(ErrorCode::InvalidRequest));
    assert_eq!(desk.ask("g", 0, initialize(1, -1)), Ok(Said::Done));
    let summary = desk.ask("g", 0, Asked::Summary);
    let fresh = Summary {
        state_epoch: 1,
        ..Summary::default()
    };
    assert_eq!(summary, Ok(Said::Summary(fresh)));
    for round in 0..10i64 {
        let first = round * 10;
        let news = [
            batch(first, first + 4, delivery::ACKNOWLEDGED, 1),
            batch(first + 5, first + 9, delivery::AVAILABLE, 1),
        ];
        assert_eq!(desk.write(update(first, 5, &news)), Ok(Said::Done));
    }
    let before = desk.state();
    let Ok(Said::State { start, batches, .. }) = &before else {
        panic!("{before:?}");
    };
    assert_eq!(*start, 90);
    assert_eq!(batches[..], [batch(90, 94, 2, 1), batch(95, 99, 0, 1)]);
    assert_eq!(desk.machine.finals_of("g", partition(0)), Some(5));
    desk.restart();
    assert_eq!(desk.state(), before);
}

#[test]
fn who_writes_in_an_older_epoch_is_fenced() {
    let mut desk = Desk::new();
    desk.ask("g", 0, initialize(3, 0)).expect("a fresh one");
    assert_eq!(
        desk.ask("g", 0, initialize(2, 0)),
        Err(ErrorCode::FencedStateEpoch)
    );
    let late = update(0, 0, &[]);
    assert_eq!(desk.write(late.clone()), Err(ErrorCode::FencedStateEpoch));
    let read = desk.ask("g", 0, Asked::Read { leader_epoch: 4 });
    assert!(matches!(read, Ok(Said::State { state_epoch: 3, .. })));
    let deposed = Update {
        state_epoch: 3,
        leader_epoch: 3,
        ..late
    };
    assert_eq!(desk.write(deposed), Err(ErrorCode::FencedLeaderEpoch));
    desk.restart();
    let read = desk.ask("g", 0, Asked::Read { leader_epoch: 3 });
    assert_eq!(read, Err(ErrorCode::FencedLeaderEpoch));
}

#[test]
fn unknown_partitions_and_those_of_deleted_topics_are_refused_and_forgotten() {
    let mut desk = Desk::new();
    let unknown = Err(ErrorCode::UnknownTopicOrPartition);
    assert_eq!(desk.ask("g", 9, initialize(1, 0)), unknown);
    assert_eq!(
        desk.ask("g", -1, initialize(1, 0)),
        Err(ErrorCode::InvalidRequest)
    );
    desk.ask("g", 0, initialize(1, 0)).expect("a fresh one");
    desk.ask("g", 1, initialize(1, 0)).expect("a fresh one");
    assert_eq!(desk.ask("g", 1, Asked::Delete), Ok(Said::Done));
    assert_eq!(desk.ask("g", 1, Asked::Delete), Ok(Said::Done));
    desk.step(|machine, step| machine.follow(step, &image(false)));
    desk.restart();
    assert_eq!(desk.state(), Err(ErrorCode::InvalidRequest));
}

#[test]
fn the_log_is_let_go_when_most_of_it_is_old_news() {
    let mut desk = Desk::new();
    desk.ask("g", 0, initialize(1, 0)).expect("a fresh one");
    desk.ask("g", 1, initialize(1, 7)).expect("a fresh one");
    for round in 0..1_200 {
        let news = [batch(round, round, delivery::ACKNOWLEDGED, 1)];
        desk.write(update(round, 1, &news)).expect("written");
    }
    let before = (desk.state(), desk.ask("g", 1, Asked::Summary));
    desk.now += 2_000;
    desk.step(|machine, step| machine.timeout(step));
    assert!(desk.pruned > 1_000);
    desk.restart();
    assert_eq!((desk.state(), desk.ask("g", 1, Asked::Summary)), before);
}

#[test]
fn a_record_that_makes_no_sense_is_told() {
    let mut desk = Desk::new();
    desk.ask("g", 0, initialize(1, 0)).expect("a fresh one");
    let mut record = desk.log[0].clone();
    let value = record.value.as_mut().expect("a snapshot");
    value.truncate(value.len() / 2);
    let replayed = Replayed {
        offset: 0,
        timestamp: 0,
        producer: None,
        key: Some(&record.key),
        value: record.value.as_deref(),
    };
    assert!(desk.machine.replay(&replayed).is_err());
    let newer = Replayed {
        key: Some(&[0, 99, 1]),
        ..replayed
    };
    assert!(desk.machine.replay(&newer).is_ok(), "passed over");
}

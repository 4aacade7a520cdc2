//! The machine over a partition of `__share_group_state`: what became of records, by share
//! partition.
//!
//! Room:       `coordinator::share`.
//! Called by:  `shard::coordinators`; its requests come from group coordinators and from share
//!             partitions, never from clients.
//! Calls:      `wire` for requests, `combine` for what an update means.
//! Never:      looks at members or at data.
//!
//! A snapshot says all of a share partition, an update what is new since. After so many updates
//! comes a snapshot; now and then all that are kept are written as snapshots, and the log before
//! them is let go: this topic is not compacted, because an update does not replace another one.
//!
//! Always true:
//!   - a state epoch never goes back: who writes in an older one was reset, and is fenced.

use super::wire::{Asked, Keyed, Said, Summary};
use super::{StateBatch, UNINITIALIZED, combine, wire};
use crate::config::BrokerConfig;
use crate::coordinator::dismantle::drop_some;
use crate::coordinator::{
    Completed, Coordinated, Machine, Millis, Replayed, Request, Step, Ticket, Token,
};
use crate::ids::{PartitionKey, TopicId};
use crate::metadata::Image;
use crate::protocol::records::share::share_snapshot::StateBatch as SnapshotBatch;
use crate::protocol::records::share::share_update::StateBatch as UpdateBatch;
use crate::protocol::records::share::{
    ShareRecordKey, ShareRecordValue, ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey,
    ShareUpdateValue,
};
use crate::protocol::{DecodeError, ErrorCode, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the properties say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `share.coordinator.snapshot.update.records.per.snapshot`.
    pub updates_per_snapshot: u64,
    /// `share.coordinator.state.topic.prune.interval.ms`.
    pub prune_interval_ms: u64,
}

/// The machine.
pub struct States {
    settings: Settings,
    image: Arc<Image>,
    all: BTreeMap<(String, PartitionKey), State>,
    /// Records since the last that said all.
    records: u64,
    prunes_at: Option<Millis>,
}

/// One share partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    snapshot_epoch: i32,
    state_epoch: i32,
    leader_epoch: i32,
    start: i64,
    complete: i32,
    batches: Vec<StateBatch>,
    created: i64,
    written: i64,
    /// Updates since the last snapshot.
    updates: u64,
}

/// Records below which a log is not worth pruning.
const PRUNE_RECORDS_MIN: u64 = 1_000;

/// Share of records that must be old news before all are written anew.
const PRUNE_RATIO: u64 = 4;

type Refusal = (ErrorCode, Option<&'static str>);

impl Settings {
    pub fn of(config: &BrokerConfig) -> Settings {
        let count = |name: &str| config.values.count(name);
        Settings {
            updates_per_snapshot: count("share.coordinator.snapshot.update.records.per.snapshot"),
            prune_interval_ms: count("share.coordinator.state.topic.prune.interval.ms"),
        }
    }
}

impl States {
    pub fn new(settings: Settings) -> States {
        States {
            settings,
            image: Arc::new(Image::default()),
            all: BTreeMap::new(),
            records: 0,
            prunes_at: None,
        }
    }

    fn answer(&mut self, step: &mut Step, keyed: &Keyed<'_>) -> Result<Said, Refusal> {
        let key = (keyed.group.to_owned(), keyed.partition);
        if keyed.partition.partition < 0 {
            let text = "The partition id cannot be a negative number.";
            return Err((ErrorCode::InvalidRequest, Some(text)));
        }
        match &keyed.asked {
            Asked::Initialize { state_epoch, start } => {
                self.initialize(step, key, *state_epoch, *start)
            }
            Asked::Read { leader_epoch } => self.read(step, key, *leader_epoch),
            Asked::Write(update) => self.write(step, key, update),
            Asked::Delete => {
                self.check_topic(keyed.partition)?;
                if self.all.remove(&key).is_some() {
                    self.forget(step, &key);
                }
                Ok(Said::Done)
            }
            Asked::Summary => {
                self.check_topic(keyed.partition)?;
                let state = self.all.get(&key);
                Ok(Said::Summary(state.map_or(Summary::default(), |state| {
                    Summary {
                        state_epoch: state.state_epoch,
                        leader_epoch: state.leader_epoch,
                        start: state.start,
                        complete: state.complete,
                    }
                })))
            }
        }
    }

    fn check_topic(&self, partition: PartitionKey) -> Result<(), Refusal> {
        match self.image.partition(partition) {
            Some(_) => Ok(()),
            None => Err((ErrorCode::UnknownTopicOrPartition, None)),
        }
    }

    fn initialize(
        &mut self,
        step: &mut Step,
        key: (String, PartitionKey),
        state_epoch: i32,
        start: i64,
    ) -> Result<Said, Refusal> {
        let known = self.all.get(&key);
        if state_epoch != -1 && known.is_some_and(|known| known.state_epoch > state_epoch) {
            return Err((ErrorCode::FencedStateEpoch, None));
        }
        self.check_topic(key.1)?;
        let state = State {
            snapshot_epoch: known.map_or(0, |known| known.snapshot_epoch.saturating_add(1)),
            state_epoch,
            leader_epoch: 0,
            start,
            complete: match start {
                UNINITIALIZED => -1,
                _ => 0,
            },
            batches: Vec::new(),
            created: step.wall,
            written: step.wall,
            updates: 0,
        };
        self.snapshot(step, &key, &state);
        self.all.insert(key, state);
        Ok(Said::Done)
    }

    fn read(
        &mut self,
        step: &mut Step,
        key: (String, PartitionKey),
        leader_epoch: i32,
    ) -> Result<Said, Refusal> {
        let Some(state) = self.all.get(&key) else {
            let text = "Read operation on uninitialized share partition not allowed.";
            return Err((ErrorCode::InvalidRequest, Some(text)));
        };
        if leader_epoch != -1 && state.leader_epoch > leader_epoch {
            return Err((ErrorCode::FencedLeaderEpoch, None));
        }
        self.check_topic(key.1)?;
        let said = Said::State {
            state_epoch: state.state_epoch,
            start: state.start,
            batches: state.batches.clone(),
        };
        if leader_epoch != -1 && state.leader_epoch != leader_epoch {
            let update = wire::Update {
                state_epoch: state.state_epoch,
                leader_epoch,
                start: state.start,
                complete: state.complete,
                batches: Vec::new(),
            };
            self.update(step, &key, &update, leader_epoch);
        }
        Ok(said)
    }

    fn write(
        &mut self,
        step: &mut Step,
        key: (String, PartitionKey),
        update: &wire::Update,
    ) -> Result<Said, Refusal> {
        let Some(state) = self.all.get(&key) else {
            let text = "Write operation on uninitialized share partition not allowed.";
            return Err((ErrorCode::InvalidRequest, Some(text)));
        };
        if update.leader_epoch != -1 && state.leader_epoch > update.leader_epoch {
            return Err((ErrorCode::FencedLeaderEpoch, None));
        }
        if update.state_epoch != -1 && state.state_epoch > update.state_epoch {
            return Err((ErrorCode::FencedStateEpoch, None));
        }
        self.check_topic(key.1)?;
        let leader_epoch = state.leader_epoch;
        self.update(step, &key, update, leader_epoch);
        Ok(Said::Done)
    }

    /// Writes an update down, or a snapshot when it is time for one. The caller has looked the
    /// share partition up.
    fn update(
        &mut self,
        step: &mut Step,
        key: &(String, PartitionKey),
        update: &wire::Update,
        leader_epoch: i32,
    ) {
        let Some(mut state) = self.all.remove(key) else {
            return;
        };
        let says_all = state.updates >= self.settings.updates_per_snapshot;
        state.apply(update.start, update.complete, leader_epoch, &update.batches);
        if says_all {
            state.snapshot_epoch = state.snapshot_epoch.saturating_add(1);
            (state.created, state.written) = (step.wall, step.wall);
            state.updates = 0;
            self.snapshot(step, key, &state);
        } else {
            let news = combine(&[], &update.batches, update.start);
            let value = ShareRecordValue::ShareUpdate(ShareUpdateValue {
                snapshot_epoch: state.snapshot_epoch,
                leader_epoch,
                start_offset: update.start,
                delivery_complete_count: update.complete,
                state_batches: news
                    .iter()
                    .map(|batch| UpdateBatch {
                        first_offset: batch.first,
                        last_offset: batch.last,
                        delivery_state: batch.state,
                        delivery_count: batch.count,
                    })
                    .collect(),
            });
            let named = ShareRecordKey::ShareUpdate(ShareUpdateKey {
                group_id: &key.0,
                topic_id: Uuid(key.1.topic.0),
                partition: key.1.partition,
            });
            self.record(step, &named, Some(&value));
        }
        self.all.insert(key.clone(), state);
    }

    fn snapshot(&mut self, step: &mut Step, key: &(String, PartitionKey), state: &State) {
        let value = ShareRecordValue::ShareSnapshot(ShareSnapshotValue {
            snapshot_epoch: state.snapshot_epoch,
            state_epoch: state.state_epoch,
            leader_epoch: state.leader_epoch,
            start_offset: state.start,
            delivery_complete_count: state.complete,
            create_timestamp: state.created,
            write_timestamp: state.written,
            state_batches: state
                .batches
                .iter()
                .map(|batch| SnapshotBatch {
                    first_offset: batch.first,
                    last_offset: batch.last,
                    delivery_state: batch.state,
                    delivery_count: batch.count,
                })
                .collect(),
        });
        self.record(step, &snapshot_key(key), Some(&value));
    }

    fn forget(&mut self, step: &mut Step, key: &(String, PartitionKey)) {
        self.record(step, &snapshot_key(key), None);
    }

    /// A value that does not fit its version is a bug of ours.
    fn record(
        &mut self,
        step: &mut Step,
        key: &ShareRecordKey<'_>,
        value: Option<&ShareRecordValue>,
    ) {
        self.records += 1;
        let mut key_bytes = Vec::with_capacity(64);
        let encoded = key.encode(&mut key_bytes);
        debug_assert!(encoded.is_ok(), "names come from records that bound them");
        let value = value.map(|value| {
            let mut bytes = Vec::with_capacity(128);
            let encoded = value.encode(&mut bytes, 0);
            debug_assert!(encoded.is_ok(), "{encoded:?}");
            bytes
        });
        step.record(key_bytes, value);
    }

    /// Says all once more when most of the log is old news, so that it can go.
    fn prune(&mut self, step: &mut Step) {
        self.prunes_at = Some(step.now.plus(self.settings.prune_interval_ms));
        let enough = PRUNE_RECORDS_MIN.max(self.all.len() as u64 * PRUNE_RATIO);
        if self.records < enough {
            return;
        }
        for (key, mut state) in std::mem::take(&mut self.all) {
            state.snapshot_epoch = state.snapshot_epoch.saturating_add(1);
            state.written = step.wall;
            state.updates = 0;
            self.snapshot(step, &key, &state);
            self.all.insert(key, state);
        }
        self.records = self.all.len() as u64;
        step.effects.prunes = true;
    }
}

impl State {
    fn apply(&mut self, start: i64, complete: i32, leader_epoch: i32, news: &[StateBatch]) {
        if start != UNINITIALIZED {
            self.start = start;
        }
        if leader_epoch != -1 {
            self.leader_epoch = leader_epoch;
        }
        self.complete = complete;
        self.batches = combine(&self.batches, news, self.start);
        self.updates += 1;
    }
}

impl Machine for States {
    fn replay(&mut self, record: &Replayed<'_>) -> Result<(), DecodeError> {
        let Some(key) = record.key else {
            return Ok(());
        };
        let key = match ShareRecordKey::decode(key) {
            Err(DecodeError::RecordTypeUnknown { .. }) => return Ok(()),
            key => key?,
        };
        self.records += 1;
        let value = key.decode_value(record.value)?;
        let named = match &key {
            ShareRecordKey::ShareSnapshot(key) => (key.group_id, key.topic_id, key.partition),
            ShareRecordKey::ShareUpdate(key) => (key.group_id, key.topic_id, key.partition),
        };
        let partition = PartitionKey {
            topic: TopicId(named.1.0),
            partition: named.2,
        };
        let name = (named.0.to_owned(), partition);
        match (key, value) {
            (ShareRecordKey::ShareSnapshot(_), None) => {
                self.all.remove(&name);
            }
            (_, Some(ShareRecordValue::ShareSnapshot(value))) => {
                self.all.insert(name, replayed_snapshot(&value));
            }
            (_, Some(ShareRecordValue::ShareUpdate(value))) => {
                let news: Vec<StateBatch> = value
                    .state_batches
                    .iter()
                    .map(|batch| StateBatch {
                        first: batch.first_offset,
                        last: batch.last_offset,
                        state: batch.delivery_state,
                        count: batch.delivery_count,
                    })
                    .collect();
                let state = self.all.entry(name).or_default();
                state.snapshot_epoch = value.snapshot_epoch;
                state.apply(
                    value.start_offset,
                    value.delivery_complete_count,
                    value.leader_epoch,
                    &news,
                );
            }
            (ShareRecordKey::ShareUpdate(_), None) => {}
        }
        Ok(())
    }

    fn transaction_completed(&mut self, _: &mut Step, _: Completed) {
        // Nothing here belongs to transactions.
    }

    fn loaded(&mut self, step: &mut Step) -> bool {
        self.prunes_at = Some(step.now.plus(self.settings.prune_interval_ms));
        false
    }

    fn configure(&mut self, config: &BrokerConfig) {
        self.settings = Settings::of(config);
    }

    fn follow(&mut self, step: &mut Step, image: &Arc<Image>) {
        self.image = image.clone();
        // Topics that are gone; also those that went while nobody was here.
        if image.offset < 0 {
            return;
        }
        let gone: Vec<(String, PartitionKey)> = self
            .all
            .keys()
            .filter(|(_, partition)| image.topic_by_id(partition.topic).is_none())
            .cloned()
            .collect();
        for key in gone {
            self.all.remove(&key);
            self.forget(step, &key);
        }
    }

    fn request(&mut self, step: &mut Step, token: Token, request: &Request) {
        let answer = match wire::decode(request) {
            Ok(keyed) => {
                let said = self.answer(step, &keyed);
                wire::encode(request, &keyed, said)
            }
            Err(code) => Err(code),
        };
        step.answer_encoded(token, answer);
    }

    fn replied(&mut self, _: &mut Step, _: Ticket, _: Coordinated) {}

    fn timeout(&mut self, step: &mut Step) {
        if self.prunes_at.is_some_and(|at| at <= step.now) {
            self.prune(step);
        }
    }

    fn next_timeout(&self) -> Option<Millis> {
        self.prunes_at
    }

    fn dismantle(&mut self) -> bool {
        drop_some(&mut self.all)
    }
}

fn snapshot_key<'a>(key: &'a (String, PartitionKey)) -> ShareRecordKey<'a> {
    ShareRecordKey::ShareSnapshot(ShareSnapshotKey {
        group_id: &key.0,
        topic_id: Uuid(key.1.topic.0),
        partition: key.1.partition,
    })
}

fn replayed_snapshot(value: &ShareSnapshotValue) -> State {
    let batches = value.state_batches.iter().map(|batch| StateBatch {
        first: batch.first_offset,
        last: batch.last_offset,
        state: batch.delivery_state,
        count: batch.delivery_count,
    });
    State {
        snapshot_epoch: value.snapshot_epoch,
        state_epoch: value.state_epoch,
        leader_epoch: value.leader_epoch,
        start: value.start_offset,
        complete: value.delivery_complete_count,
        batches: batches.collect(),
        created: value.create_timestamp,
        written: value.write_timestamp,
        updates: 0,
    }
}

#[cfg(test)]
impl States {
    pub(super) fn settings(&self) -> Settings {
        self.settings
    }

    /// Records of a share partition that are never delivered again, from its start on.
    pub(super) fn finals_of(&self, group: &str, partition: PartitionKey) -> Option<i64> {
        let state = self.all.get(&(group.to_owned(), partition))?;
        let finals = state.batches.iter();
        let finals = finals.filter(|batch| super::delivery::is_final(batch.state));
        Some(finals.map(|batch| batch.last - batch.first + 1).sum())
    }
}

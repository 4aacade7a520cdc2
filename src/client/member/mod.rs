//! A consumer that is a member of a group: partitions are given to it, and it says how far it came.
//!
//! Room:       `client`.
//! Called by:  `cli`: console-consumer.
//! Calls:      `Consumer` for what it was given, the group's coordinator for the rest.
//! Never:      commits a record that its caller has not said to be consumed; keeps reading a
//!             partition that was taken away.
//!
//! ```text
//!   caller ─▶ poll() ─▶ join, take, commit ─┐
//!                 ▲ news                    ├─▶ coordinator (one broker)
//!        heartbeat thread ─▶ beat ──────────┘
//!   poll() ─▶ Consumer of the assigned partitions ─▶ their leaders
//! ```
//!
//! A new assignment gets a new `Consumer`: rebalances are rare, and what was fetched ahead of a
//! partition that moved must not be seen.

mod assign;
mod classic;
mod modern;
mod offsets;
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock;
use super::cluster::Cluster;
use super::consumer::{Consumer, Fetched, Start};
use super::error::ClientError;
use super::groups::Partitions;
use super::properties::{Assignor, GroupProtocol};
use crate::protocol::Uuid;
use shared::{Me, News, Shared, Telling};

/// A partition of a topic.
pub type Place = (Arc<str>, i32);

/// How far a partition was consumed: the next offset, and the leader epoch of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub offset: i64,
    pub epoch: i32,
}

/// What a member wants to read.
#[derive(Debug)]
pub enum Subscription {
    Topics(Vec<String>),
    /// Every topic whose whole name fits, those of later too.
    Pattern(regex_lite::Regex),
}

/// A member of a group. `poll` is for one thread.
pub struct GroupConsumer {
    shared: Arc<Shared>,
    subscription: Subscription,
    /// Topics that are wanted and there, with their numbers of partitions.
    counts: BTreeMap<String, i32>,
    look_at: Instant,
    rejoin: bool,
    leads: bool,
    owned: BTreeSet<Place>,
    consumer: Option<Consumer>,
    marks: BTreeMap<Place, Mark>,
    committed: BTreeMap<Place, Mark>,
    commit_at: Instant,
    thread: Option<JoinHandle<()>>,
}

/// Ends what a member waits for, from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl GroupConsumer {
    /// A member of `group.id` that has not joined yet: the first `poll` does.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn new(
        cluster: Arc<Cluster>,
        group: &str,
        subscription: Subscription,
    ) -> Result<Self, ClientError> {
        let now = clock::now();
        let commit_at = now + cluster.config().group.commit_interval;
        let shared = Arc::new(Shared::new(cluster, group.to_owned()));
        let thread = shared::start(&shared)?;
        Ok(Self {
            shared,
            subscription,
            counts: BTreeMap::new(),
            look_at: now,
            rejoin: true,
            leads: false,
            owned: BTreeSet::new(),
            consumer: None,
            marks: BTreeMap::new(),
            committed: BTreeMap::new(),
            commit_at,
            thread: Some(thread),
        })
    }

    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Records of one partition, or `None` when none came within `timeout` or it was stopped.
    /// Joins, rejoins and commits on the way, which may take longer.
    ///
    /// # Errors
    /// Final ones of the group; those of single partitions as `Consumer::poll` tells them.
    pub fn poll(&mut self, timeout: Duration) -> Result<Option<Fetched>, ClientError> {
        match self.shared.polled() {
            None | Some(News::Unheard) => {}
            Some(News::Failed(failure)) => return Err(failure),
            Some(News::Rebalance) => self.rejoin = true,
            Some(News::Lost) => self.lose(),
            Some(News::Assigned(target)) => self.reconcile(&target)?,
        }
        if self.shared.is_stopped() {
            return Ok(None);
        }
        self.look_up()?;
        if self.rejoin {
            match self.join() {
                Err(_) if self.shared.is_stopped() => return Ok(None),
                joined => joined?,
            }
        }
        if clock::now() >= self.commit_at {
            // What fails now is tried again with the next, and at the end.
            let _ = self.commit();
        }
        match &mut self.consumer {
            Some(consumer) => consumer.poll(timeout),
            None => {
                self.shared.wait(timeout);
                Ok(None)
            }
        }
    }

    /// Tells how far a partition was consumed; only that is committed.
    pub fn consumed(&mut self, topic: &Arc<str>, partition: i32, offset: i64, epoch: i32) {
        if let Some(mark) = self.marks.get_mut(&(Arc::clone(topic), partition)) {
            *mark = Mark { offset, epoch };
        }
    }

    /// Commits what was consumed, if `enable.auto.commit` says so, and leaves the group.
    ///
    /// # Errors
    /// What was consumed could not be committed.
    pub fn close(mut self) -> Result<(), ClientError> {
        self.consumer = None;
        let committed = self.commit();
        self.end();
        committed
    }

    fn end(&mut self) {
        let is_member = !self.shared.me().id.is_empty();
        self.shared.set_beats(false);
        if is_member && self.thread.is_some() {
            // Without it the session expires.
            let _ = self.shared.leave();
        }
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has printed why.
            let _ = thread.join();
        }
    }

    fn commit(&mut self) -> Result<(), ClientError> {
        let group = self.shared.config();
        self.commit_at = clock::now() + group.commit_interval;
        if !group.auto_commit {
            return Ok(());
        }
        let changed = |(place, mark): &(&Place, &Mark)| self.committed.get(place) != Some(mark);
        let marks: BTreeMap<Place, Mark> = self
            .marks
            .iter()
            .filter(changed)
            .map(|(place, mark)| (place.clone(), *mark))
            .collect();
        if marks.is_empty() {
            return Ok(());
        }
        offsets::commit(&self.shared, &marks)?;
        self.committed.extend(marks);
        Ok(())
    }

    /// Looks whether the wanted topics have changed.
    fn look_up(&mut self) -> Result<(), ClientError> {
        let now = clock::now();
        if now < self.look_at {
            return Ok(());
        }
        let cluster = &self.shared.cluster;
        let refreshed = match &self.subscription {
            Subscription::Topics(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                cluster.refresh(Some(&names), true)
            }
            Subscription::Pattern(_) => cluster.refresh(None, false),
        };
        match refreshed {
            Err(failure) if failure.retriable() => {
                self.look_at = now + cluster.config().retry_backoff;
                return Ok(());
            }
            refreshed => refreshed?,
        }
        let mut counts = BTreeMap::new();
        for (name, topic) in &cluster.known().topics {
            let wanted = match &self.subscription {
                Subscription::Topics(names) => names.iter().any(|wanted| *wanted == **name),
                Subscription::Pattern(pattern) => pattern.is_match(name) && !topic.internal,
            };
            if wanted {
                let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
                counts.insert(name.to_string(), count);
            }
        }
        let missing = match &self.subscription {
            Subscription::Topics(names) => names.len() > counts.len(),
            Subscription::Pattern(_) => counts.is_empty(),
        };
        let age = cluster.config().metadata_age_max;
        self.look_at = now + if missing { age.min(MISSING_LOOK) } else { age };
        let topics_changed = !counts.keys().eq(self.counts.keys());
        let changed = topics_changed || counts != self.counts;
        self.counts = counts;
        if self.shared.config().protocol == GroupProtocol::Consumer {
            // The coordinator itself watches how many partitions there are.
            let topics = self.topics();
            if topics_changed && !self.rejoin {
                self.shared.tell(|telling| {
                    telling.topics = topics;
                    telling.full = true;
                });
            }
        } else if changed && (topics_changed || self.leads) {
            self.rejoin = true;
        }
        Ok(())
    }

    /// The names to subscribe to; those that are named, even if they are not there yet.
    fn topics(&self) -> Vec<String> {
        match &self.subscription {
            Subscription::Topics(names) => names.clone(),
            Subscription::Pattern(_) => self.counts.keys().cloned().collect(),
        }
    }

    fn join(&mut self) -> Result<(), ClientError> {
        self.rejoin = false;
        if self.shared.config().protocol == GroupProtocol::Consumer {
            self.give_up();
            let topics = self.topics();
            let mut me = self.shared.me();
            if me.id.is_empty() {
                me.id = random_id();
            }
            me.epoch = 0;
            self.shared.set_me(me);
            self.shared.tell(|telling| {
                *telling = Telling {
                    full: true,
                    topics,
                    ..Telling::default()
                };
            });
            self.shared.set_beats(true);
            return Ok(());
        }
        self.shared.set_beats(false);
        // What cannot be committed is consumed again, by whoever gets the partition.
        let _ = self.commit();
        let assignors = &self.shared.config().assignors;
        let cooperative = assignors
            .iter()
            .all(|assignor| *assignor == Assignor::CooperativeSticky);
        let keeps = cooperative || assignors.contains(&Assignor::Sticky);
        let previous = match keeps {
            true => self.owned_by_topic(),
            false => Partitions::new(),
        };
        if !cooperative {
            self.give_up();
        }
        let joined = classic::join(
            &self.shared,
            &classic::Wish {
                topics: &self.topics(),
                owned: &previous,
                counts: &self.counts,
            },
        )?;
        self.leads = joined.leads;
        self.shared.set_beats(true);
        let assigned = joined.assigned.iter();
        let assigned: BTreeSet<Place> = assigned
            .flat_map(|(topic, partitions)| {
                let topic: Arc<str> = topic.as_str().into();
                partitions.iter().map(move |p| (Arc::clone(&topic), *p))
            })
            .collect();
        // What was let go of is dealt out when everybody has said so.
        self.rejoin = cooperative && !self.owned.is_subset(&assigned);
        self.take(assigned)
    }

    /// What the coordinator wants this member to have (KIP-848).
    fn reconcile(&mut self, target: &[(Uuid, Vec<i32>)]) -> Result<(), ClientError> {
        let name_of = |id: &Uuid| {
            let known = self.shared.cluster.known();
            let mut topics = known.topics.into_iter();
            topics
                .find(|(_, topic)| topic.id == *id)
                .map(|(name, _)| name)
        };
        if target.iter().any(|(id, _)| name_of(id).is_none()) {
            self.shared.cluster.refresh(None, false)?;
        }
        let mut assigned = BTreeSet::new();
        for (id, partitions) in target {
            // A topic that was just deleted; the next assignment will not have it.
            let Some(name) = name_of(id) else { continue };
            assigned.extend(partitions.iter().map(|p| (Arc::clone(&name), *p)));
        }
        if !self.owned.is_subset(&assigned) {
            let _ = self.commit();
        }
        self.take(assigned)?;
        let owned = target.to_vec();
        self.shared.tell(|telling| {
            telling.owned = owned;
            telling.owned_changed = true;
        });
        Ok(())
    }

    /// Reads these partitions from now on.
    fn take(&mut self, assigned: BTreeSet<Place>) -> Result<(), ClientError> {
        let added: Vec<Place> = assigned.difference(&self.owned).cloned().collect();
        if added.is_empty() && assigned == self.owned && self.consumer.is_some() {
            return Ok(());
        }
        self.consumer = None;
        self.marks.retain(|place, _| assigned.contains(place));
        self.committed.retain(|place, _| assigned.contains(place));
        self.owned = assigned;
        if self.owned.is_empty() {
            return Ok(());
        }
        if !added.is_empty() {
            self.marks.extend(offsets::starts(&self.shared, &added)?);
        }
        let places = self.owned.iter();
        let starts: Vec<(&str, i32, Start)> = places
            .filter_map(|place| {
                let mark = self.marks.get(place)?;
                Some((&*place.0, place.1, Start::Offset(mark.offset)))
            })
            .collect();
        let cluster = Arc::clone(&self.shared.cluster);
        self.consumer = Some(Consumer::assign(cluster, &starts)?);
        Ok(())
    }

    /// Others have the partitions by now: nothing of them can be committed.
    fn lose(&mut self) {
        self.marks.clear();
        self.give_up();
        if self.shared.config().protocol == GroupProtocol::Classic {
            self.shared.set_me(Me::default());
        }
        self.rejoin = true;
    }

    fn give_up(&mut self) {
        self.consumer = None;
        self.owned.clear();
        self.marks.clear();
        self.committed.clear();
    }

    fn owned_by_topic(&self) -> Partitions {
        let mut owned = Partitions::new();
        for (topic, partition) in &self.owned {
            owned.entry(topic.to_string()).or_default().push(*partition);
        }
        owned
    }
}

impl Drop for GroupConsumer {
    /// Leaves without a commit, if `close` was not called.
    fn drop(&mut self) {
        self.consumer = None;
        self.end();
    }
}

/// Members of the consumer protocol name themselves.
fn random_id() -> String {
    use std::io::Read;
    let mut bits = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bits));
    if read.is_err() {
        // The time and this process are as good a name as any.
        let (now, process) = (clock::wall_ns(), std::process::id());
        bits[..8].copy_from_slice(&now.to_be_bytes());
        bits[8..12].copy_from_slice(&process.to_be_bytes());
    }
    Uuid::from_u128(u128::from_be_bytes(bits)).to_string()
}

/// Topics that are not there yet are looked for so often.
const MISSING_LOOK: Duration = Duration::from_secs(1);

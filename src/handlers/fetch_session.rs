//! Fetch sessions (KIP-227): a client names its partitions once, then only what changed.
//!
//! Room:       `handlers`.
//! Called by:  `fetch`.
//! Never:      lives on two shards: a session goes where its connection goes, and a client that
//!             comes back through another shard starts a new one, as after a restart.
//!
//! Always true:
//!   - a session's epoch is the one its next request must carry; 0 opens, -1 closes.
//!   - partitions are kept in the order they are answered; those that sent data go to the end.
//!   - a session is evicted when it was not used for two minutes, or when it is older than that
//!     and a larger one wants its place, as in Kafka.

use crate::ids::{Offset, TopicId};
use crate::io::Instant;
use crate::map::Map;
use crate::protocol::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// One partition as a client wants it read.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Empty when the request names topics by id.
    pub topic: Rc<str>,
    pub topic_id: TopicId,
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub last_fetched_epoch: i32,
    pub from: Offset,
    pub bytes_max: i32,
    /// Marks that were last sent: an incremental answer carries only what changed.
    pub sent: Option<(Offset, Offset)>,
}

impl Wanted {
    fn key(&self) -> (Rc<str>, [u8; 16], i32) {
        (self.topic.clone(), self.topic_id.0, self.partition)
    }
}

struct Session {
    epoch: i32,
    by_id: bool,
    partitions: Vec<Wanted>,
    created: Instant,
    used: Instant,
    /// Partitions, also while they are handed out.
    size: usize,
    /// Taken out while a request works on it.
    busy: bool,
}

/// The sessions of one shard.
pub struct Sessions {
    slots_max: usize,
    sessions: Map<i32, Session>,
}

/// A session on its way to another shard.
pub struct Carried {
    id: i32,
    epoch: i32,
    by_id: bool,
    /// As in `Wanted`; its names belong to one thread.
    partitions: Vec<(String, CarriedPartition)>,
}

/// What goes along of a `Wanted`, beside its name.
#[derive(Clone, Copy)]
struct CarriedPartition {
    topic_id: TopicId,
    partition: i32,
    current_leader_epoch: i32,
    last_fetched_epoch: i32,
    from: Offset,
    bytes_max: i32,
    sent: Option<(Offset, Offset)>,
}

/// How a request stands to sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every partition is in the request, every one is answered.
    Full,
    /// As `Full`; the answer opens this session.
    Opens(i32),
    /// Only changes, in the session of this id.
    Incremental(i32),
}

/// Time without a request after which a session may make room for another
/// (`min.incremental.fetch.session.eviction.ms`).
const EVICTION_AGE: Duration = Duration::from_secs(120);

const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;

impl Sessions {
    pub fn new(slots_max: usize) -> Sessions {
        Sessions {
            slots_max,
            sessions: Map::default(),
        }
    }

    /// Decides what a request is; for an incremental one applies its changes and hands out the
    /// session's partitions, to be given back with `finish`.
    pub fn begin(
        &mut self,
        (id, epoch): (i32, i32),
        by_id: bool,
        asked: Vec<Wanted>,
        forgotten: &[(String, TopicId, i32)],
        now: Instant,
        random: impl FnMut() -> i32,
    ) -> Result<(Kind, Vec<Wanted>), ErrorCode> {
        if epoch == FINAL_EPOCH || epoch == INITIAL_EPOCH {
            if id != 0 {
                self.sessions.remove(&id);
            }
            let opens =
                epoch == INITIAL_EPOCH && !asked.is_empty() && self.has_room(asked.len(), now);
            let kind = if opens {
                Kind::Opens(self.fresh_id(random))
            } else {
                Kind::Full
            };
            return Ok((kind, asked));
        }
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != epoch || session.busy {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        if !forgotten.is_empty() {
            let names = forgotten.iter();
            let names = names.map(|(topic, topic_id, index)| (&**topic, topic_id.0, *index));
            let gone: BTreeSet<(&str, [u8; 16], i32)> = names.collect();
            session.partitions.retain(|wanted| {
                !gone.contains(&(&*wanted.topic, wanted.topic_id.0, wanted.partition))
            });
        }
        merge(&mut session.partitions, asked);
        if session.partitions.is_empty() {
            self.sessions.remove(&id);
            return Ok((Kind::Full, Vec::new()));
        }
        session.size = session.partitions.len();
        session.epoch = next_epoch(epoch);
        session.used = now;
        session.busy = true;
        Ok((
            Kind::Incremental(id),
            std::mem::take(&mut session.partitions),
        ))
    }

    /// Keeps the partitions for the next request; those that sent data go to the end.
    pub fn finish(
        &mut self,
        kind: Kind,
        by_id: bool,
        mut partitions: Vec<(Wanted, bool)>,
        now: Instant,
    ) {
        let id = match kind {
            Kind::Full => return,
            Kind::Opens(id) => {
                let session = Session {
                    epoch: 1,
                    by_id,
                    partitions: Vec::new(),
                    created: now,
                    used: now,
                    size: partitions.len(),
                    busy: false,
                };
                self.sessions.insert(id, session);
                id
            }
            Kind::Incremental(id) => id,
        };
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        // A stable sort by one bit keeps the order inside each half.
        partitions.sort_by_key(|(_, sent_data)| *sent_data);
        session.partitions = partitions.into_iter().map(|(wanted, _)| wanted).collect();
        session.busy = false;
    }

    /// Takes a session that no request works on out, to be `put` at another shard.
    pub fn take(&mut self, id: i32) -> Option<Carried> {
        if self.sessions.get(&id)?.busy {
            return None;
        }
        let session = self.sessions.remove(&id)?;
        let carried = |wanted: Wanted| {
            let partition = CarriedPartition {
                topic_id: wanted.topic_id,
                partition: wanted.partition,
                current_leader_epoch: wanted.current_leader_epoch,
                last_fetched_epoch: wanted.last_fetched_epoch,
                from: wanted.from,
                bytes_max: wanted.bytes_max,
                sent: wanted.sent,
            };
            (wanted.topic.to_string(), partition)
        };
        Some(Carried {
            id,
            epoch: session.epoch,
            by_id: session.by_id,
            partitions: session.partitions.into_iter().map(carried).collect(),
        })
    }

    /// Takes a session in, as far as there is room; returns its id. A client whose session found
    /// none, or met one of the same id, is told so and opens another.
    pub fn put(&mut self, carried: Carried, now: Instant) -> i32 {
        let size = carried.partitions.len();
        if self.sessions.contains_key(&carried.id) || !self.has_room(size, now) {
            return 0;
        }
        let mut topic: Rc<str> = "".into();
        let wanted = |(name, partition): (String, CarriedPartition)| {
            if *topic != *name {
                topic = name.into();
            }
            Wanted {
                topic: topic.clone(),
                topic_id: partition.topic_id,
                partition: partition.partition,
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
                from: partition.from,
                bytes_max: partition.bytes_max,
                sent: partition.sent,
            }
        };
        let session = Session {
            epoch: carried.epoch,
            by_id: carried.by_id,
            partitions: carried.partitions.into_iter().map(wanted).collect(),
            created: now,
            used: now,
            size,
            busy: false,
        };
        self.sessions.insert(carried.id, session);
        carried.id
    }

    /// Whether a session of `size` partitions may be opened; makes room for it if it may.
    fn has_room(&mut self, size: usize, now: Instant) -> bool {
        if self.sessions.len() < self.slots_max {
            return true;
        }
        let is_over = |at: Instant| now.since(at) >= EVICTION_AGE;
        let sessions = || self.sessions.iter();
        let oldest = sessions().min_by_key(|(id, session)| (session.used, **id));
        let stale = oldest.filter(|(_, session)| is_over(session.used));
        let old = sessions().filter(|(_, session)| is_over(session.created));
        let smallest = old.min_by_key(|(id, session)| (session.size, **id));
        let lesser = smallest.filter(|(_, session)| session.size < size);
        let Some(evicted) = stale.or(lesser).map(|(id, _)| *id) else {
            return false;
        };
        self.sessions.remove(&evicted);
        true
    }

    fn fresh_id(&self, mut random: impl FnMut() -> i32) -> i32 {
        loop {
            let id = random() & i32::MAX;
            if id != 0 && !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }
}

/// Adds new partitions at the end, replaces what is said about known ones.
fn merge(partitions: &mut Vec<Wanted>, asked: Vec<Wanted>) {
    let mut places: BTreeMap<(Rc<str>, [u8; 16], i32), usize> = BTreeMap::new();
    if !asked.is_empty() {
        for (place, wanted) in partitions.iter().enumerate() {
            places.insert(wanted.key(), place);
        }
    }
    for new in asked {
        match places.get(&new.key()) {
            Some(place) => {
                let sent = partitions[*place].sent;
                partitions[*place] = Wanted { sent, ..new };
            }
            None => {
                places.insert(new.key(), partitions.len());
                partitions.push(new);
            }
        }
    }
}

/// Epochs run from 1 to the largest number and start again at 1.
fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(partition: i32, from: i64) -> Wanted {
        Wanted {
            topic: "t".into(),
            topic_id: TopicId::ZERO,
            partition,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            from: Offset(from),
            bytes_max: 1,
            sent: None,
        }
    }

    fn partitions(wanted: &[Wanted]) -> Vec<(i32, i64)> {
        wanted
            .iter()
            .map(|wanted| (wanted.partition, wanted.from.0))
            .collect()
    }

    #[test]
    fn an_incremental_request_names_only_changes() {
        let mut sessions = Sessions::new(1);
        let now = Instant(0);
        let asked = vec![wanted(0, 5), wanted(1, 6), wanted(2, 7)];
        let (kind, all) = sessions
            .begin((0, 0), false, asked, &[], now, || 9)
            .unwrap();
        assert_eq!(kind, Kind::Opens(9));
        let sent = |wanted: Wanted| {
            let has_data = wanted.partition == 0;
            (wanted, has_data)
        };
        sessions.finish(kind, false, all.into_iter().map(sent).collect(), now);
        let forgotten = [("t".to_owned(), TopicId::ZERO, 2)];
        let (kind, all) = sessions
            .begin((9, 1), false, vec![wanted(0, 8)], &forgotten, now, || 0)
            .unwrap();
        assert_eq!(kind, Kind::Incremental(9));
        // Partition 0 sent data before, so it comes last now.
        assert_eq!(partitions(&all), vec![(1, 6), (0, 8)]);
    }

    #[test]
    fn a_session_goes_on_at_another_shard() {
        let (mut here, mut there) = (Sessions::new(1), Sessions::new(1));
        let now = Instant(0);
        let asked = vec![wanted(0, 5), wanted(1, 6)];
        let (kind, all) = here.begin((0, 0), false, asked, &[], now, || 9).unwrap();
        assert!(here.take(9).is_none());
        here.finish(
            kind,
            false,
            all.into_iter().map(|w| (w, false)).collect(),
            now,
        );
        let carried = here.take(9).expect("nobody works on it");
        assert!(here.take(9).is_none());
        assert_eq!(there.put(carried, now), 9);
        let (kind, all) = there
            .begin((9, 1), false, vec![wanted(1, 7)], &[], now, || 0)
            .unwrap();
        assert_eq!(kind, Kind::Incremental(9));
        assert_eq!(partitions(&all), vec![(0, 5), (1, 7)]);
    }

    #[test]
    fn wrong_ids_and_epochs_are_refused() {
        let mut sessions = Sessions::new(1);
        let now = Instant(0);
        let refused = sessions
            .begin((9, 1), false, Vec::new(), &[], now, || 0)
            .unwrap_err();
        assert_eq!(refused, ErrorCode::FetchSessionIdNotFound);
        let (kind, all) = sessions
            .begin((0, 0), false, vec![wanted(0, 0)], &[], now, || 9)
            .unwrap();
        sessions.finish(
            kind,
            false,
            all.into_iter().map(|w| (w, false)).collect(),
            now,
        );
        let refused = sessions
            .begin((9, 2), false, Vec::new(), &[], now, || 0)
            .unwrap_err();
        assert_eq!(refused, ErrorCode::InvalidFetchSessionEpoch);
        let refused = sessions
            .begin((9, 1), true, Vec::new(), &[], now, || 0)
            .unwrap_err();
        assert_eq!(refused, ErrorCode::FetchSessionTopicIdError);
    }

    #[test]
    fn a_full_house_answers_without_a_session_until_one_is_old() {
        let mut sessions = Sessions::new(1);
        let (kind, all) = sessions
            .begin((0, 0), false, vec![wanted(0, 0)], &[], Instant(0), || 9)
            .unwrap();
        sessions.finish(
            kind,
            false,
            all.into_iter().map(|w| (w, false)).collect(),
            Instant(0),
        );
        let begin = |sessions: &mut Sessions, now| {
            sessions
                .begin((0, 0), false, vec![wanted(0, 0)], &[], now, || 8)
                .unwrap()
                .0
        };
        assert_eq!(begin(&mut sessions, Instant(1)), Kind::Full);
        assert_eq!(
            begin(&mut sessions, Instant(0).plus(EVICTION_AGE)),
            Kind::Opens(8)
        );
    }

    /// Opens a session of `size` partitions with this id, if there is room.
    fn open(sessions: &mut Sessions, id: i32, size: i32, now: Instant) -> Kind {
        let asked = (0..size).map(|partition| wanted(partition, 0)).collect();
        let begun = sessions.begin((0, 0), false, asked, &[], now, || id);
        let (kind, all) = begun.expect("a new session is no mistake");
        let sent_nothing = all.into_iter().map(|wanted| (wanted, false));
        sessions.finish(kind, false, sent_nothing.collect(), now);
        kind
    }

    fn use_again(sessions: &mut Sessions, id: i32, epoch: i32, now: Instant) -> ErrorCode {
        match sessions.begin((id, epoch), false, Vec::new(), &[], now, || 0) {
            Ok((kind, all)) => {
                let sent_nothing = all.into_iter().map(|wanted| (wanted, false));
                sessions.finish(kind, false, sent_nothing.collect(), now);
                ErrorCode::None
            }
            Err(code) => code,
        }
    }

    #[test]
    fn a_larger_session_takes_the_place_of_an_old_smaller_one() {
        let mut sessions = Sessions::new(2);
        assert_eq!(open(&mut sessions, 1, 5, Instant(0)), Kind::Opens(1));
        assert_eq!(open(&mut sessions, 2, 3, Instant(0)), Kind::Opens(2));
        let young = Instant(1);
        assert_eq!(
            open(&mut sessions, 3, 9, young),
            Kind::Full,
            "too young to go"
        );
        let old = Instant(0).plus(EVICTION_AGE);
        // Both were used a moment ago, so none is stale.
        let just_before = Instant(old.0 - 1);
        for id in [1, 2] {
            assert_eq!(
                use_again(&mut sessions, id, 1, just_before),
                ErrorCode::None
            );
        }
        assert_eq!(open(&mut sessions, 3, 3, old), Kind::Full, "not larger");
        assert_eq!(open(&mut sessions, 3, 4, old), Kind::Opens(3));
        let gone = use_again(&mut sessions, 2, 2, old);
        assert_eq!(gone, ErrorCode::FetchSessionIdNotFound, "the smallest went");
        assert_eq!(use_again(&mut sessions, 1, 2, old), ErrorCode::None);
    }

    #[test]
    fn a_session_that_is_told_to_forget_all_is_closed() {
        let mut sessions = Sessions::new(1);
        open(&mut sessions, 9, 1, Instant(0));
        let forgotten = [("t".to_owned(), TopicId::ZERO, 0)];
        let begun = sessions.begin((9, 1), false, Vec::new(), &forgotten, Instant(0), || 0);
        assert_eq!(
            begun.map(|(kind, all)| (kind, all.len())),
            Ok((Kind::Full, 0))
        );
        let gone = use_again(&mut sessions, 9, 2, Instant(0));
        assert_eq!(gone, ErrorCode::FetchSessionIdNotFound);
    }
}

//! Share sessions: a member names its partitions once, then only what changed (KIP-932).
//!
//! Room:       `shard::shares`.
//! Called by:  `shard::shares`, on the shard that follows from the member's name: a member finds
//!             its session whatever connection it comes through.
//! Never:      gives back records; whoever ends a session does.

use super::message::{Member, Session, SessionStep};
use crate::ids::PartitionKey;
use crate::protocol::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

/// The sessions that live on this shard.
#[derive(Default)]
pub struct Sessions {
    all: BTreeMap<Member, Open>,
    opened: u64,
}

struct Open {
    number: u64,
    /// The one its next request must carry.
    epoch: i32,
    /// In the order in which they came; whether the member was told of them.
    partitions: Vec<(PartitionKey, bool)>,
    /// The same, to find one in.
    named: BTreeSet<PartitionKey>,
    /// Those it forgot, of which it may still hold records: `PARTED_MAX` at the most.
    parted: BTreeSet<PartitionKey>,
}

/// Of how many forgotten partitions the records are given back when the session ends. Those of
/// others come back when their locks time out, as all of them do in Kafka.
const PARTED_MAX: usize = 1000;

const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;

impl Sessions {
    /// Takes a request's step.
    ///
    /// # Errors
    /// What the member is told instead.
    pub fn step(
        &mut self,
        member: Member,
        step: SessionStep,
        sessions_max: usize,
    ) -> Result<Session, ErrorCode> {
        match step {
            SessionStep::Fetch {
                epoch: INITIAL_EPOCH,
                add,
                acknowledges,
                ..
            } => {
                if acknowledges {
                    return Err(ErrorCode::InvalidRequest);
                }
                self.open(member, add, sessions_max)
            }
            SessionStep::Fetch {
                epoch: FINAL_EPOCH, ..
            }
            | SessionStep::Acknowledge { epoch: FINAL_EPOCH } => {
                let open = self.all.get(&member);
                let open = open.ok_or(ErrorCode::ShareSessionNotFound)?;
                Ok(Session {
                    opened: open.number,
                    partitions: Vec::new(),
                })
            }
            SessionStep::Fetch {
                epoch, add, forget, ..
            } => self.go_on(&member, epoch, &add, &forget),
            SessionStep::Acknowledge {
                epoch: INITIAL_EPOCH,
            } => Err(ErrorCode::InvalidShareSessionEpoch),
            SessionStep::Acknowledge { epoch } => self.go_on(&member, epoch, &[], &[]),
            SessionStep::End { opened } => {
                let number = self.all.get(&member).map(|open| open.number);
                let number = number.ok_or(ErrorCode::ShareSessionNotFound)?;
                if opened.is_some_and(|opened| opened != number) {
                    return Err(ErrorCode::ShareSessionNotFound);
                }
                let ended = self.all.remove(&member);
                let keys = ended
                    .into_iter()
                    .flat_map(|open| open.named.into_iter().chain(open.parted));
                Ok(Session {
                    opened: number,
                    partitions: keys.map(|key| (key, false)).collect(),
                })
            }
        }
    }

    pub fn clear(&mut self) {
        self.all.clear();
    }

    fn open(
        &mut self,
        member: Member,
        partitions: Vec<PartitionKey>,
        sessions_max: usize,
    ) -> Result<Session, ErrorCode> {
        let before = self.all.remove(&member);
        if self.all.len() >= sessions_max {
            return Err(ErrorCode::ShareSessionLimitReached);
        }
        self.opened += 1;
        let mut open = Open {
            number: self.opened,
            epoch: 1,
            partitions: Vec::with_capacity(partitions.len()),
            named: BTreeSet::new(),
            parted: BTreeSet::new(),
        };
        open.add(&partitions);
        // What it acquired before is given back when this one ends.
        if let Some(before) = before {
            open.part(before.named);
            open.part(before.parted);
        }
        let told = open.tell();
        self.all.insert(member, open);
        Ok(Session {
            opened: self.opened,
            partitions: told,
        })
    }

    fn go_on(
        &mut self,
        member: &Member,
        epoch: i32,
        add: &[PartitionKey],
        forget: &[PartitionKey],
    ) -> Result<Session, ErrorCode> {
        let open = self.all.get_mut(member);
        let open = open.ok_or(ErrorCode::ShareSessionNotFound)?;
        if open.epoch != epoch {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        open.epoch = match epoch {
            i32::MAX => 1,
            epoch => epoch + 1,
        };
        open.add(add);
        open.forget(forget);
        Ok(Session {
            opened: open.number,
            partitions: open.tell(),
        })
    }
}

impl Open {
    fn add(&mut self, partitions: &[PartitionKey]) {
        for key in partitions {
            if self.named.insert(*key) {
                self.partitions.push((*key, true));
                self.parted.remove(key);
            }
        }
    }

    fn forget(&mut self, partitions: &[PartitionKey]) {
        let known = partitions.iter().filter(|key| self.named.remove(key));
        let gone: BTreeSet<PartitionKey> = known.copied().collect();
        if !gone.is_empty() {
            self.partitions.retain(|(key, _)| !gone.contains(key));
            self.part(gone);
        }
    }

    fn part(&mut self, keys: BTreeSet<PartitionKey>) {
        for key in keys {
            if self.parted.len() < PARTED_MAX && !self.named.contains(&key) {
                self.parted.insert(key);
            }
        }
    }

    /// All partitions; those that are new are not new any more.
    fn tell(&mut self) -> Vec<(PartitionKey, bool)> {
        let told = self.partitions.clone();
        self.partitions
            .iter_mut()
            .for_each(|(_, is_new)| *is_new = false);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicId;

    fn key(partition: i32) -> PartitionKey {
        PartitionKey {
            topic: TopicId([1; 16]),
            partition,
        }
    }

    fn member(id: &str) -> Member {
        Member {
            group: "g".into(),
            id: id.into(),
        }
    }

    fn fetch(epoch: i32, add: &[i32], forget: &[i32]) -> SessionStep {
        SessionStep::Fetch {
            epoch,
            add: add.iter().map(|partition| key(*partition)).collect(),
            forget: forget.iter().map(|partition| key(*partition)).collect(),
            acknowledges: false,
        }
    }

    #[test]
    fn a_session_goes_on_epoch_by_epoch() {
        let mut sessions = Sessions::default();
        let mut step = |step| {
            let told = sessions.step(member("a"), step, 2);
            told.map(|session| {
                let partitions = session.partitions.into_iter();
                partitions
                    .map(|(key, is_new)| (key.partition, is_new))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            step(fetch(1, &[], &[])),
            Err(ErrorCode::ShareSessionNotFound)
        );
        assert_eq!(
            step(fetch(-1, &[], &[])),
            Err(ErrorCode::ShareSessionNotFound)
        );
        assert_eq!(step(fetch(0, &[0, 1], &[])), Ok(vec![(0, true), (1, true)]));
        assert_eq!(
            step(fetch(2, &[], &[])),
            Err(ErrorCode::InvalidShareSessionEpoch)
        );
        assert_eq!(
            step(fetch(1, &[2, 0], &[1])),
            Ok(vec![(0, false), (2, true)])
        );
        let first = SessionStep::Acknowledge { epoch: 0 };
        assert_eq!(step(first), Err(ErrorCode::InvalidShareSessionEpoch));
        assert_eq!(
            step(SessionStep::Acknowledge { epoch: 2 }),
            Ok(vec![(0, false), (2, false)])
        );
        assert_eq!(step(fetch(3, &[], &[])), Ok(vec![(0, false), (2, false)]));
        assert_eq!(step(fetch(-1, &[], &[])), Ok(vec![]));
        let end = SessionStep::End { opened: None };
        assert_eq!(
            step(end.clone()),
            Ok(vec![(0, false), (2, false), (1, false)])
        );
        assert_eq!(step(end), Err(ErrorCode::ShareSessionNotFound));
    }

    /// Goal: a member that names ever other partitions and forgets them does not fill the memory.
    #[test]
    fn forgotten_partitions_are_remembered_up_to_a_bound() {
        let mut sessions = Sessions::default();
        let mut step = |step| sessions.step(member("a"), step, 1).expect("it goes on");
        step(fetch(0, &[0], &[]));
        for next in 1..2 * PARTED_MAX as i32 {
            step(fetch(next, &[next], &[next - 1]));
        }
        let ended = step(SessionStep::End { opened: None });
        assert_eq!(ended.partitions.len(), PARTED_MAX + 1);
        let named = (key(2 * PARTED_MAX as i32 - 1), false);
        assert!(ended.partitions.contains(&named));
    }

    #[test]
    fn only_so_many_and_only_the_one_that_was_opened() {
        let mut sessions = Sessions::default();
        let opened = sessions
            .step(member("a"), fetch(0, &[0], &[]), 1)
            .expect("room")
            .opened;
        let full = sessions.step(member("b"), fetch(0, &[0], &[]), 1);
        assert_eq!(full, Err(ErrorCode::ShareSessionLimitReached));
        let again = sessions
            .step(member("a"), fetch(0, &[1], &[]), 1)
            .expect("its own place");
        assert_ne!(again.opened, opened);
        let late = SessionStep::End {
            opened: Some(opened),
        };
        assert!(sessions.step(member("a"), late, 1).is_err());
        let with_data = SessionStep::Fetch {
            epoch: 0,
            add: Vec::new(),
            forget: Vec::new(),
            acknowledges: true,
        };
        let refused = sessions.step(member("a"), with_data, 1);
        assert_eq!(refused, Err(ErrorCode::InvalidRequest));
    }
}

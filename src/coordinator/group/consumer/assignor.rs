//! Who shall have what: Kafka's two server-side assignors.
//!
//! Room:       `coordinator::group::consumer`.
//! Called by:  heartbeats, when the group's epoch has passed the target's.
//! Never:      assigns a partition twice, or to a member that does not want its topic.
//!
//! `uniform` gives everybody the same number, or one more, and moves as little as it can.
//! `range` gives each member a run of each topic's partitions, so that equal partitions of topics
//! meet in one member.

use super::Assigned;
use crate::coordinator::group::timers::Id;
use crate::ids::TopicId;
use std::collections::{BTreeMap, BTreeSet};

/// A member as an assignor sees it.
pub struct Candidate<'a> {
    pub id: &'a Id,
    pub instance: Option<&'a str>,
    pub topics: BTreeSet<TopicId>,
    /// What it shall have so far.
    pub before: Option<&'a Assigned>,
}

type Assignment = BTreeMap<Id, Assigned>;

/// Assigns all partitions of `topics` (with their counts) that somebody wants.
pub fn assign(
    name: &str,
    members: &[Candidate<'_>],
    topics: &BTreeMap<TopicId, usize>,
) -> Assignment {
    match name {
        "range" => range(members, topics),
        _ => uniform(members, topics),
    }
}

fn range(members: &[Candidate<'_>], topics: &BTreeMap<TopicId, usize>) -> Assignment {
    let mut result: Assignment = empty(members);
    // Static members keep their order over restarts, whatever their ids.
    let mut sorted: Vec<&Candidate<'_>> = members.iter().collect();
    sorted.sort_by_key(|m| (m.instance.is_none(), m.instance, m.id.clone()));
    for (topic, count) in topics {
        let wanting = sorted.iter().filter(|member| member.topics.contains(topic));
        let wanting: Vec<_> = wanting.collect();
        if wanting.is_empty() {
            continue;
        }
        let (each, more) = (count / wanting.len(), count % wanting.len());
        let mut next = 0;
        for (place, member) in wanting.iter().enumerate() {
            let end = next + each + usize::from(place < more);
            if end > next {
                let partitions = (next as i32..end as i32).collect();
                let assigned = result.entry(member.id.clone()).or_default();
                assigned.insert(*topic, partitions);
            }
            next = end;
        }
    }
    result
}

fn uniform(members: &[Candidate<'_>], topics: &BTreeMap<TopicId, usize>) -> Assignment {
    let same = members
        .windows(2)
        .all(|pair| pair[0].topics == pair[1].topics);
    let mut shares = Shares::keep(members, topics);
    match same {
        true => shares.level(),
        false => shares.give_free(),
    }
    if !same {
        shares.even_out();
    }
    shares.into_assignment(members)
}

/// An assignment in the making: members by place.
struct Shares<'m> {
    members: &'m [Candidate<'m>],
    has: Vec<BTreeSet<(TopicId, i32)>>,
    free: Vec<(TopicId, i32)>,
}

impl<'m> Shares<'m> {
    /// Begins with what everybody has and may keep.
    fn keep(members: &'m [Candidate<'m>], topics: &BTreeMap<TopicId, usize>) -> Shares<'m> {
        let mut taken: BTreeSet<(TopicId, i32)> = BTreeSet::new();
        let mut has = Vec::with_capacity(members.len());
        for member in members {
            let mut kept = BTreeSet::new();
            for (topic, partitions) in member.before.into_iter().flatten() {
                let count = topics.get(topic).copied().unwrap_or(0);
                if !member.topics.contains(topic) {
                    continue;
                }
                for partition in partitions {
                    let exists = usize::try_from(*partition).is_ok_and(|p| p < count);
                    if exists && taken.insert((*topic, *partition)) {
                        kept.insert((*topic, *partition));
                    }
                }
            }
            has.push(kept);
        }
        let wanted: BTreeSet<&TopicId> = members.iter().flat_map(|m| &m.topics).collect();
        let mut free = Vec::new();
        for (topic, count) in topics.iter().filter(|(topic, _)| wanted.contains(topic)) {
            let partitions = (0..*count as i32).map(|partition| (*topic, partition));
            free.extend(partitions.filter(|place| !taken.contains(place)));
        }
        Shares { members, has, free }
    }

    /// Everybody wants the same: each gets the quota, the first ones one more. Those who have
    /// more already keep the one more.
    fn level(&mut self) {
        if self.members.is_empty() {
            return;
        }
        let total = self.free.len() + self.has.iter().map(BTreeSet::len).sum::<usize>();
        let (quota, more) = (total / self.has.len(), total % self.has.len());
        let mut with_more = 0;
        for has in &mut self.has {
            let may = match has.len() > quota && with_more < more {
                true => {
                    with_more += 1;
                    quota + 1
                }
                false => quota,
            };
            while has.len() > may {
                self.free.extend(has.pop_last());
            }
        }
        self.free.sort_unstable();
        let mut free = std::mem::take(&mut self.free).into_iter();
        for has in &mut self.has {
            while has.len() < quota {
                let Some(place) = free.next() else { return };
                has.insert(place);
            }
        }
        for has in self.has.iter_mut() {
            if has.len() == quota {
                let Some(place) = free.next() else { return };
                has.insert(place);
            }
        }
    }

    /// Each free partition goes to whoever wants it and has least.
    fn give_free(&mut self) {
        for place in std::mem::take(&mut self.free) {
            if let Some(member) = self.poorest(place.0) {
                self.has[member].insert(place);
            }
        }
    }

    fn poorest(&self, topic: TopicId) -> Option<usize> {
        let members = self.members.iter().enumerate();
        let wanting = members.filter(|(_, member)| member.topics.contains(&topic));
        wanting
            .map(|(place, _)| place)
            .min_by_key(|place| self.has[*place].len())
    }

    /// Moves partitions from those who have more to those who want them and have less.
    fn even_out(&mut self) {
        let total: usize = self.has.iter().map(BTreeSet::len).sum();
        // Each move lowers the sum of squares, so this ends; the bound is against a mistake.
        for _ in 0..=total {
            let mut richest: Vec<usize> = (0..self.has.len()).collect();
            richest.sort_by_key(|place| std::cmp::Reverse(self.has[*place].len()));
            let step = richest.into_iter().find_map(|from| {
                let size = self.has[from].len();
                let mut places = self.has[from].iter();
                places.find_map(|place| {
                    let to = self.poorest(place.0)?;
                    (self.has[to].len() + 1 < size).then_some((from, to, *place))
                })
            });
            let Some((from, to, place)) = step else {
                return;
            };
            self.has[from].remove(&place);
            self.has[to].insert(place);
        }
    }

    fn into_assignment(self, members: &[Candidate<'_>]) -> Assignment {
        let mut result = empty(members);
        for (member, has) in members.iter().zip(self.has) {
            let assigned = result.entry(member.id.clone()).or_default();
            for (topic, partition) in has {
                assigned.entry(topic).or_default().insert(partition);
            }
        }
        result
    }
}

fn empty(members: &[Candidate<'_>]) -> Assignment {
    let members = members.iter();
    members
        .map(|member| (member.id.clone(), Assigned::new()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<Id> {
        (0..count).map(|n| Id::from(format!("m{n}"))).collect()
    }

    fn sizes(assignment: &Assignment) -> Vec<usize> {
        let members = assignment.values();
        members
            .map(|a| a.values().map(BTreeSet::len).sum())
            .collect()
    }

    #[test]
    fn uniform_is_even_and_moves_no_more_than_it_must() {
        let (topic, ids) = (TopicId([1; 16]), ids(4));
        let topics = BTreeMap::from([(topic, 10)]);
        let candidate = |id, before| Candidate {
            id,
            instance: None,
            topics: BTreeSet::from([topic]),
            before,
        };
        let three: Vec<_> = ids[..3].iter().map(|id| candidate(id, None)).collect();
        let first = assign("uniform", &three, &topics);
        assert_eq!(sizes(&first), [4, 3, 3]);
        let four: Vec<_> = ids.iter().map(|id| candidate(id, first.get(id))).collect();
        let second = assign("uniform", &four, &topics);
        assert_eq!(sizes(&second), [3, 3, 2, 2]);
        for id in &ids[..3] {
            let had = &first[id][&topic];
            assert!(second[id][&topic].is_subset(had), "only given up");
        }
        // One leaves: the others only gain.
        let left: Vec<_> = ids[1..]
            .iter()
            .map(|id| candidate(id, second.get(id)))
            .collect();
        let third = assign("uniform", &left, &topics);
        for id in &ids[1..] {
            assert!(second[id][&topic].is_subset(&third[id][&topic]));
        }
        assert_eq!(sizes(&third).iter().sum::<usize>(), 10);
    }

    #[test]
    fn different_wishes_are_met_and_evened_out() {
        let (a, b) = (TopicId([1; 16]), TopicId([2; 16]));
        let topics = BTreeMap::from([(a, 6), (b, 2)]);
        let ids = ids(2);
        let all: Assigned = BTreeMap::from([(a, (0..6).collect()), (b, (0..2).collect())]);
        let members = [
            Candidate {
                id: &ids[0],
                instance: None,
                topics: BTreeSet::from([a, b]),
                before: Some(&all),
            },
            Candidate {
                id: &ids[1],
                instance: None,
                topics: BTreeSet::from([a]),
                before: None,
            },
        ];
        let result = assign("uniform", &members, &topics);
        assert_eq!(sizes(&result), [4, 4]);
        assert!(!result[&ids[1]].contains_key(&b));
    }

    #[test]
    fn range_gives_runs_and_the_first_ones_more() {
        let (topic, ids) = (TopicId([1; 16]), ids(3));
        let members: Vec<_> = ids
            .iter()
            .map(|id| Candidate {
                id,
                instance: None,
                topics: BTreeSet::from([topic]),
                before: None,
            })
            .collect();
        let result = assign("range", &members, &BTreeMap::from([(topic, 7)]));
        let first: Vec<i32> = result[&ids[0]][&topic].iter().copied().collect();
        let last: Vec<i32> = result[&ids[2]][&topic].iter().copied().collect();
        assert_eq!((first, last), (vec![0, 1, 2], vec![5, 6]));
    }
}

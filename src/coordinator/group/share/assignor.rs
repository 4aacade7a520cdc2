//! Who reads where: Kafka's `simple` assignor.
//!
//! Room:       `coordinator::group::share`.
//! Never:      leaves a partition to nobody while a member wants it, or moves more than it must.
//!
//! With at least as many members as partitions a partition is read by several, all by the same
//! number as far as that goes; with fewer members each partition is read by one.

use super::super::consumer::Assigned;
use crate::ids::TopicId;
use std::collections::{BTreeMap, BTreeSet};

/// A member as the assignor sees it.
pub struct Candidate<'a> {
    /// Topics it subscribes to.
    pub topics: BTreeSet<TopicId>,
    pub before: Option<&'a Assigned>,
}

type Place = (TopicId, i32);

/// What each member shall read, in the order of the members. `assignable` are all partitions that
/// may be given.
pub fn assign(members: &[Candidate<'_>], assignable: &Assigned) -> Vec<Assigned> {
    let mut assigned = vec![Assigned::new(); members.len()];
    let Some(first) = members.first() else {
        return assigned;
    };
    let places = |topic: &TopicId| -> Vec<Place> {
        let partitions = assignable.get(topic).into_iter().flatten();
        partitions.map(|partition| (*topic, *partition)).collect()
    };
    if members.iter().all(|member| member.topics == first.topics) {
        let all: Vec<Place> = first.topics.iter().flat_map(places).collect();
        let everybody: Vec<usize> = (0..members.len()).collect();
        share_out(members, &everybody, &all, &mut assigned);
        return assigned;
    }
    let topics: BTreeSet<TopicId> = members.iter().flat_map(|m| m.topics.clone()).collect();
    for topic in topics {
        let subscribed = (0..members.len()).filter(|index| members[*index].topics.contains(&topic));
        let subscribed: Vec<usize> = subscribed.collect();
        share_out(members, &subscribed, &places(&topic), &mut assigned);
    }
    assigned
}

/// Gives these places to these members.
fn share_out(
    members: &[Candidate<'_>],
    takers: &[usize],
    places: &[Place],
    assigned: &mut [Assigned],
) {
    if places.is_empty() || takers.is_empty() {
        return;
    }
    let sharing = takers.len().div_ceil(places.len());
    let total = sharing * places.len();
    // So many for each that all together have `total`, as evenly as it goes.
    let upto = |index: usize| (total * index).div_ceil(takers.len());
    let wanted = |index: usize| upto(index + 1) - upto(index);
    let mut readers: BTreeMap<Place, BTreeSet<usize>> = places
        .iter()
        .map(|place| (*place, BTreeSet::new()))
        .collect();
    let mut has: Vec<usize> = vec![0; takers.len()];
    for (index, taker) in takers.iter().enumerate() {
        let before = members[*taker].before.into_iter().flatten();
        let before = before.flat_map(|(topic, all)| all.iter().map(|p| (*topic, *p)));
        for place in before {
            let Some(readers) = readers.get_mut(&place) else {
                continue;
            };
            if has[index] < wanted(index) && readers.len() < sharing {
                readers.insert(index);
                has[index] += 1;
            }
        }
    }
    let mut unfilled: Vec<usize> = (0..takers.len()).filter(|i| has[*i] < wanted(*i)).collect();
    let mut turn = 0;
    for readers in readers.values_mut() {
        let mut passed = 0;
        while readers.len() < sharing && passed < unfilled.len() {
            let at = turn % unfilled.len();
            let index = unfilled[at];
            if !readers.insert(index) {
                (turn, passed) = (at + 1, passed + 1);
                continue;
            }
            passed = 0;
            has[index] += 1;
            match has[index] < wanted(index) {
                true => turn = at + 1,
                false => {
                    unfilled.remove(at);
                    turn = at;
                }
            }
        }
    }
    for ((topic, partition), readers) in readers {
        for index in readers {
            let topics = &mut assigned[takers[index]];
            topics.entry(topic).or_default().insert(partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(number: u8) -> TopicId {
        TopicId([number; 16])
    }

    fn assignable(counts: &[(u8, i32)]) -> Assigned {
        let counts = counts.iter();
        counts
            .map(|(number, count)| (topic(*number), (0..*count).collect()))
            .collect()
    }

    fn run(wishes: &[&[u8]], before: &[Assigned], all: &Assigned) -> Vec<Assigned> {
        let members: Vec<Candidate<'_>> = wishes
            .iter()
            .enumerate()
            .map(|(index, wishes)| Candidate {
                topics: wishes.iter().map(|number| topic(*number)).collect(),
                before: before.get(index),
            })
            .collect();
        assign(&members, all)
    }

    fn sizes(assigned: &[Assigned]) -> Vec<usize> {
        let sizes = assigned.iter();
        sizes
            .map(|topics| topics.values().map(BTreeSet::len).sum())
            .collect()
    }

    #[test]
    fn few_members_part_the_partitions_and_many_share_them() {
        let all = assignable(&[(1, 3)]);
        assert_eq!(sizes(&run(&[&[1]], &[], &all)), [3]);
        assert_eq!(sizes(&run(&[&[1], &[1]], &[], &all)), [2, 1]);
        assert_eq!(sizes(&run(&[&[1u8] as &[u8]; 3], &[], &all)), [1, 1, 1]);
        // Five readers want two for each partition: six places.
        let five = run(&[&[1u8] as &[u8]; 5], &[], &all);
        assert_eq!(sizes(&five).iter().sum::<usize>(), 6);
        for partition in 0..3 {
            let readers = five.iter().filter(|a| a[&topic(1)].contains(&partition));
            assert_eq!(readers.count(), 2);
        }
    }

    #[test]
    fn who_had_something_keeps_it() {
        let all = assignable(&[(1, 4)]);
        let first = run(&[&[1]], &[], &all);
        let two = run(&[&[1], &[1]], &first, &all);
        assert_eq!(sizes(&two), [2, 2]);
        assert!(two[0][&topic(1)].is_subset(&first[0][&topic(1)]));
        let again = run(&[&[1], &[1]], &two, &all);
        assert_eq!(again, two);
    }

    #[test]
    fn everybody_gets_of_what_it_wants_only() {
        let all = assignable(&[(1, 2), (2, 2)]);
        let mixed = run(&[&[1], &[1, 2], &[2]], &[], &all);
        assert!(!mixed[0].contains_key(&topic(2)) && !mixed[2].contains_key(&topic(1)));
        for number in [1, 2] {
            let read: BTreeSet<i32> = mixed
                .iter()
                .flat_map(|assigned| assigned.get(&topic(number)).cloned().unwrap_or_default())
                .collect();
            assert_eq!(read.len(), 2, "of {number}");
        }
        // Nothing is initialized yet.
        assert_eq!(sizes(&run(&[&[1], &[1]], &[], &Assigned::new())), [0, 0]);
    }
}

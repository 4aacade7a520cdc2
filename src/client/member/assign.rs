//! How the leader of a classic group deals partitions out, as Kafka's own assignors do.
//!
//! Room:       `client::member`.
//! Called by:  `classic`, when this member leads.
//! Calls:      nothing.
//! Never:      asks anybody: subscriptions and numbers of partitions come in, assignments go out,
//!             the same ones for the same input.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::groups::Partitions;
use crate::client::properties::Assignor;

/// A member as it joined.
#[derive(Clone, Debug, Default)]
pub struct Subscriber {
    pub id: String,
    pub instance: Option<String>,
    pub topics: Vec<String>,
    /// What it says it has, and since which generation.
    pub owned: Partitions,
    pub generation: i32,
}

/// What each member gets, in the order of `members`. `counts` are the partitions of each topic.
pub fn assign(
    assignor: Assignor,
    members: &[Subscriber],
    counts: &BTreeMap<String, i32>,
) -> Vec<Partitions> {
    match assignor {
        Assignor::Range => range(members, counts),
        Assignor::RoundRobin => round_robin(members, counts),
        Assignor::Sticky => sticky(members, counts, false),
        Assignor::CooperativeSticky => sticky(members, counts, true),
    }
}

/// Members in the order in which assignors count them: static ones first, by their instance.
fn in_order(members: &[Subscriber]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|n| {
        let member = &members[*n];
        let instance = member.instance.as_deref();
        (instance.is_none(), instance.unwrap_or(&member.id))
    });
    order
}

fn wants(member: &Subscriber, topic: &str) -> bool {
    member.topics.iter().any(|wanted| wanted == topic)
}

/// Each topic is cut into as many ranges as members want it.
fn range(members: &[Subscriber], counts: &BTreeMap<String, i32>) -> Vec<Partitions> {
    let order = in_order(members);
    let mut assigned = vec![Partitions::new(); members.len()];
    for (topic, count) in counts {
        let takers: Vec<usize> = order
            .iter()
            .copied()
            .filter(|n| wants(&members[*n], topic))
            .collect();
        let Ok(parts @ 1..) = i32::try_from(takers.len()) else {
            continue;
        };
        let (each, extra) = (count / parts, count % parts);
        let mut next = 0;
        for (place, taker) in (0..).zip(takers) {
            let end = next + each + i32::from(place < extra);
            if end > next {
                assigned[taker].insert(topic.clone(), (next..end).collect());
            }
            next = end;
        }
    }
    assigned
}

/// Partition by partition to the next member that wants its topic.
fn round_robin(members: &[Subscriber], counts: &BTreeMap<String, i32>) -> Vec<Partitions> {
    let order = in_order(members);
    let mut assigned = vec![Partitions::new(); members.len()];
    let mut turn = 0;
    for (topic, count) in counts {
        for partition in 0..*count {
            let mut tried = 0;
            while tried < order.len() && !wants(&members[order[turn % order.len()]], topic) {
                (turn, tried) = (turn + 1, tried + 1);
            }
            if tried == order.len() {
                break;
            }
            let taker = &mut assigned[order[turn % order.len()]];
            taker.entry(topic.clone()).or_default().push(partition);
            turn += 1;
        }
    }
    assigned
}

type Place<'t> = (&'t str, i32);

/// Everybody keeps what they have as far as that is fair. With `cooperative`, what moves is
/// given to nobody now: its old owner has to let go of it before the next round.
fn sticky(
    members: &[Subscriber],
    counts: &BTreeMap<String, i32>,
    cooperative: bool,
) -> Vec<Partitions> {
    let owners = owners(members, counts);
    let mut held: Vec<BTreeSet<Place<'_>>> = vec![BTreeSet::new(); members.len()];
    for (place, owner) in &owners {
        held[*owner].insert(*place);
    }
    let all = counts
        .iter()
        .flat_map(|(topic, count)| (0..*count).map(|partition| (topic.as_str(), partition)));
    for place in all.filter(|place| !owners.contains_key(place)) {
        let takers = (0..members.len()).filter(|n| wants(&members[*n], place.0));
        if let Some(taker) = takers.min_by_key(|n| (held[*n].len(), &members[*n].id)) {
            held[taker].insert(place);
        }
    }
    while let Some((from, to, place)) = unfair(members, &held) {
        held[from].remove(&place);
        held[to].insert(place);
    }
    let mut assigned = vec![Partitions::new(); members.len()];
    for (n, places) in held.into_iter().enumerate() {
        let mine = places.into_iter().filter(|place| {
            let moves = owners.get(place).is_some_and(|owner| *owner != n);
            !(cooperative && moves)
        });
        for (topic, partition) in mine {
            let partitions = assigned[n].entry(topic.to_owned()).or_default();
            partitions.push(partition);
        }
    }
    assigned
}

/// Who has what now. Of two that claim the same partition the younger generation has it.
fn owners<'t>(
    members: &[Subscriber],
    counts: &'t BTreeMap<String, i32>,
) -> BTreeMap<Place<'t>, usize> {
    let mut owners: BTreeMap<Place<'t>, usize> = BTreeMap::new();
    for (n, member) in members.iter().enumerate() {
        for (topic, partitions) in &member.owned {
            let Some((topic, count)) = counts.get_key_value(topic) else {
                continue;
            };
            let valid = partitions.iter().filter(|p| (0..*count).contains(*p));
            for partition in valid.filter(|_| wants(member, topic)) {
                let owner = owners.entry((topic, *partition)).or_insert(n);
                if members[*owner].generation < member.generation {
                    *owner = n;
                }
            }
        }
    }
    owners
}

/// A partition that one member should hand to another, which has at least two fewer.
fn unfair<'t>(
    members: &[Subscriber],
    held: &[BTreeSet<Place<'t>>],
) -> Option<(usize, usize, Place<'t>)> {
    let mut by_load: Vec<usize> = (0..members.len()).collect();
    by_load.sort_by_key(|n| (held[*n].len(), &members[*n].id));
    for from in by_load.iter().rev() {
        for to in &by_load {
            if held[*from].len() < held[*to].len() + 2 {
                break;
            }
            let fits = |place: &&Place<'_>| wants(&members[*to], place.0);
            if let Some(place) = held[*from].iter().rev().find(fits) {
                return Some((*from, *to, *place));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, topics: &[&str]) -> Subscriber {
        Subscriber {
            id: id.into(),
            topics: topics.iter().map(ToString::to_string).collect(),
            ..Subscriber::default()
        }
    }

    fn counts(topics: &[(&str, i32)]) -> BTreeMap<String, i32> {
        let topics = topics.iter();
        topics
            .map(|(name, count)| ((*name).into(), *count))
            .collect()
    }

    fn shown(assigned: &[Partitions]) -> Vec<String> {
        assigned.iter().map(|one| format!("{one:?}")).collect()
    }

    #[test]
    fn ranges_give_the_first_members_the_rest() {
        let mut members = [member("b", &["t", "u"]), member("a", &["t"])];
        let counts = counts(&[("t", 3), ("u", 1), ("v", 4)]);
        assert_eq!(
            shown(&assign(Assignor::Range, &members, &counts)),
            [r#"{"t": [2], "u": [0]}"#, r#"{"t": [0, 1]}"#]
        );
        members[0].instance = Some("z".into());
        assert_eq!(
            shown(&assign(Assignor::Range, &members, &counts))[0],
            r#"{"t": [0, 1], "u": [0]}"#
        );
        assert!(assign(Assignor::Range, &[], &counts).is_empty());
    }

    #[test]
    fn round_robin_skips_who_does_not_want_it() {
        let members = [member("a", &["t", "u"]), member("b", &["u"])];
        let counts = counts(&[("t", 2), ("u", 3)]);
        assert_eq!(
            shown(&assign(Assignor::RoundRobin, &members, &counts)),
            [r#"{"t": [0, 1], "u": [1]}"#, r#"{"u": [0, 2]}"#]
        );
    }

    #[test]
    fn sticky_keeps_what_is_fair_and_moves_the_rest() {
        let mut members = [member("a", &["t"]), member("b", &["t"])];
        members[0].owned.insert("t".into(), vec![0, 1, 2, 3]);
        let counts = counts(&[("t", 4)]);
        assert_eq!(
            shown(&assign(Assignor::Sticky, &members, &counts)),
            [r#"{"t": [0, 1]}"#, r#"{"t": [2, 3]}"#]
        );
        // What moves is free only in the next round.
        assert_eq!(
            shown(&assign(Assignor::CooperativeSticky, &members, &counts)),
            [r#"{"t": [0, 1]}"#, "{}"]
        );
        members[0].owned.insert("t".into(), vec![0, 1]);
        assert_eq!(
            shown(&assign(Assignor::CooperativeSticky, &members, &counts)),
            [r#"{"t": [0, 1]}"#, r#"{"t": [2, 3]}"#]
        );
        // An old claim loses against a younger one.
        members[1].owned.insert("t".into(), vec![0]);
        members[1].generation = 5;
        let kept = assign(Assignor::Sticky, &members, &counts);
        assert!(kept[1]["t"].contains(&0), "{kept:?}");
    }
}

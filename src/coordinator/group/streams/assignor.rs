//! Who runs which task: the `sticky` assignor of streams groups.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  `reconcile`, when the group's epoch is ahead of its target.
//! Never:      gives a process the same task twice, or looks at what members have now: the target
//!             before is what it sticks to.
//!
//! Active tasks first: each stays with its member, or goes to one that keeps a copy of its state,
//! as long as that member has not more than its share; the rest goes to the least loaded process,
//! and there to the least loaded member, subtopology by subtopology so that neighbours stay
//! together. Then standbys of tasks with state in the same way, each in a process that has the
//! task in no other form. The share shrinks as members are filled, so that what is left is even.

use super::{Id, Task, Tasks, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A member, as the assignor sees it.
pub struct Candidate<'a> {
    pub id: &'a Id,
    pub process: &'a str,
    /// What it was to have.
    pub before: Option<&'a Tasks>,
}

/// Everybody's tasks. `counts` are tasks by subtopology; only those with state have standbys.
pub fn assign(
    members: &[Candidate<'_>],
    topology: &Topology,
    counts: &BTreeMap<Rc<str>, i32>,
    standbys: usize,
) -> BTreeMap<Id, Tasks> {
    let mut assigned: BTreeMap<Id, Tasks> = members
        .iter()
        .map(|member| (member.id.clone(), Tasks::default()))
        .collect();
    if members.is_empty() {
        return assigned;
    }
    let all = |wanted: &dyn Fn(&str) -> bool| -> Vec<Task> {
        let counts = counts.iter().filter(|(id, _)| wanted(id));
        let tasks = counts.flat_map(|(id, count)| (0..*count).map(|at| (id.clone(), at)));
        tasks.collect()
    };
    let has_state = |id: &str| {
        let subtopology = topology.subtopologies.get(id);
        subtopology.is_some_and(|subtopology| !subtopology.changelogs.is_empty())
    };
    let (active, stateful) = (all(&|_| true), all(&has_state));
    let mut plan = Plan::new(members, active.len(), stateful.len(), standbys);
    plan.assign_active(active);
    if standbys > 0 {
        plan.assign_standbys(stateful, standbys);
    }
    for place in plan.places {
        let tasks = assigned.entry(place.id).or_default();
        (tasks.active, tasks.standby) = (place.active, place.standby);
    }
    assigned
}

/// A member being filled.
struct Place {
    id: Id,
    process: usize,
    active: BTreeSet<Task>,
    standby: BTreeSet<Task>,
}

#[derive(Default)]
struct Process {
    members: Vec<usize>,
    tasks: BTreeSet<Task>,
    count: usize,
}

/// How many each member may have so that all is even, as far as it is given out.
struct Share {
    left: usize,
    members: usize,
    each: usize,
}

struct Plan {
    places: Vec<Place>,
    processes: Vec<Process>,
    /// Who was to have a task, and who was to keep copies of it.
    was_active: BTreeMap<Task, usize>,
    was_standby: BTreeMap<Task, Vec<usize>>,
    active_share: Share,
    total_share: Share,
}

impl Share {
    fn new(tasks: usize, members: usize) -> Share {
        Share {
            left: tasks,
            members,
            each: tasks.div_ceil(members.max(1)),
        }
    }

    /// A member has this many now; when that is its share the others divide what is left.
    fn reached(&mut self, count: usize) {
        if count == self.each {
            self.members = self.members.saturating_sub(1);
            self.left = self.left.saturating_sub(count);
            self.each = match self.members {
                0 => 0,
                members => self.left.div_ceil(members),
            };
        }
    }
}

impl Place {
    fn count(&self) -> usize {
        self.active.len() + self.standby.len()
    }
}

impl Plan {
    fn new(members: &[Candidate<'_>], active: usize, stateful: usize, standbys: usize) -> Plan {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut plan = Plan {
            places: Vec::with_capacity(members.len()),
            processes: Vec::new(),
            was_active: BTreeMap::new(),
            was_standby: BTreeMap::new(),
            active_share: Share::new(active, members.len()),
            total_share: Share::new(active + stateful * standbys, members.len()),
        };
        for (at, member) in members.iter().enumerate() {
            let next = plan.processes.len();
            let process = *numbers.entry(member.process).or_insert(next);
            if process == next {
                plan.processes.push(Process::default());
            }
            plan.processes[process].members.push(at);
            plan.places.push(Place {
                id: member.id.clone(),
                process,
                active: BTreeSet::new(),
                standby: BTreeSet::new(),
            });
            let Some(before) = member.before else {
                continue;
            };
            let active = before.active.iter().map(|task| (task.clone(), at));
            plan.was_active.extend(active);
            for task in &before.standby {
                plan.was_standby.entry(task.clone()).or_default().push(at);
            }
        }
        plan
    }

    fn assign_active(&mut self, mut tasks: Vec<Task>) {
        tasks.sort_by(by_partition);
        tasks.retain(|task| match self.was_active.get(task).copied() {
            Some(at) if self.places[at].count() < self.active_share.each => {
                self.give_active(at, task);
                false
            }
            _ => true,
        });
        tasks.retain(|task| match self.least_loaded_copy(task, false) {
            Some(at) if self.places[at].count() < self.active_share.each => {
                self.give_active(at, task);
                false
            }
            _ => true,
        });
        tasks.sort();
        let mut loads = self.loads();
        for task in &tasks {
            let (_, process) = loads.pop_first().expect("there are members");
            let at = self.least_loaded_member(process);
            self.give_active(at, task);
            loads.insert(self.load(process));
        }
    }

    fn give_active(&mut self, at: usize, task: &Task) {
        self.places[at].active.insert(task.clone());
        let count = self.count_in(at, task);
        self.active_share.reached(count);
        self.total_share.reached(count);
    }

    fn assign_standbys(&mut self, mut tasks: Vec<Task>, standbys: usize) {
        tasks.sort_by(|a, b| by_partition(b, a));
        let mut rest: Vec<(Task, usize)> = Vec::new();
        for task in tasks {
            let mut given = 0;
            while given < standbys && self.stick_standby(&task) {
                given += 1;
            }
            if given < standbys {
                rest.push((task, standbys - given));
            }
        }
        rest.sort_by(|a, b| b.0.cmp(&a.0));
        let mut loads = self.loads();
        for (task, count) in rest {
            for _ in 0..count {
                // With too few processes there are fewer copies.
                let free = loads
                    .iter()
                    .find(|(_, process)| !self.processes[*process].tasks.contains(&task));
                let Some(free) = free.copied() else {
                    break;
                };
                loads.remove(&free);
                let at = self.least_loaded_member(free.1);
                self.give_standby(at, &task);
                loads.insert(self.load(free.1));
            }
        }
    }

    /// A copy where the task was active, or where a copy was.
    fn stick_standby(&mut self, task: &Task) -> bool {
        let was_active = self.was_active.get(task).copied();
        let was_active = was_active.filter(|at| !self.has(*at, task));
        let fits = |plan: &Plan, at: usize| plan.places[at].count() < plan.total_share.each;
        let at = was_active.filter(|at| fits(self, *at));
        let at = at.or_else(|| {
            let at = self.least_loaded_copy(task, true)?;
            fits(self, at).then_some(at)
        });
        if let Some(at) = at {
            self.give_standby(at, task);
        }
        at.is_some()
    }

    fn give_standby(&mut self, at: usize, task: &Task) {
        self.places[at].standby.insert(task.clone());
        let count = self.count_in(at, task);
        self.total_share.reached(count);
    }

    /// Counts a task that was given in its process; how many its member has now.
    fn count_in(&mut self, at: usize, task: &Task) -> usize {
        let process = &mut self.processes[self.places[at].process];
        process.tasks.insert(task.clone());
        process.count += 1;
        self.places[at].count()
    }

    /// Of those that were to keep a copy, the one with the least to do; for a new copy its process
    /// must not have the task.
    fn least_loaded_copy(&self, task: &Task, must_be_free: bool) -> Option<usize> {
        let copies = self.was_standby.get(task)?.iter().copied();
        let copies = copies.filter(|at| !must_be_free || !self.has(*at, task));
        copies.min_by_key(|at| {
            let place = &self.places[*at];
            (self.load(place.process).0, place.count())
        })
    }

    fn has(&self, at: usize, task: &Task) -> bool {
        self.processes[self.places[at].process].tasks.contains(task)
    }

    /// Tasks per member of a process, comparable, and which process it is.
    fn load(&self, process: usize) -> (u64, usize) {
        let Process { members, count, .. } = &self.processes[process];
        // In millionths, because an even load must not hang on rounding.
        let load = (*count as u64).saturating_mul(1_000_000) / members.len().max(1) as u64;
        (load, process)
    }

    fn loads(&self) -> BTreeSet<(u64, usize)> {
        (0..self.processes.len())
            .map(|process| self.load(process))
            .collect()
    }

    fn least_loaded_member(&self, process: usize) -> usize {
        let members = self.processes[process].members.iter().copied();
        let least = members.min_by_key(|at| self.places[*at].count());
        least.expect("a process is made of members")
    }
}

fn by_partition(a: &Task, b: &Task) -> std::cmp::Ordering {
    (a.1, &a.0).cmp(&(b.1, &b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::TopicName;
    use crate::protocol::messages::streams_group_heartbeat as wire;

    /// Subtopology 0 without state, 1 with.
    fn topology() -> Topology {
        let subtopology = |id, changelogs: &[&'static str]| wire::Subtopology {
            subtopology_id: id,
            state_changelog_topics: changelogs
                .iter()
                .map(|name| wire::TopicInfo {
                    name: TopicName(name),
                    ..wire::TopicInfo::default()
                })
                .collect(),
            ..wire::Subtopology::default()
        };
        Topology::of_request(&wire::Topology {
            epoch: 0,
            subtopologies: vec![subtopology("0", &[]), subtopology("1", &["c"])],
        })
    }

    /// `(member, process)` each; the target they have becomes what they had.
    fn run(
        members: &[(&str, &str)],
        counts: [i32; 2],
        standbys: usize,
        before: &BTreeMap<Id, Tasks>,
    ) -> BTreeMap<Id, Tasks> {
        let ids: Vec<Id> = members.iter().map(|(id, _)| Id::from(*id)).collect();
        let candidates: Vec<Candidate<'_>> = members
            .iter()
            .zip(&ids)
            .map(|((_, process), id)| Candidate {
                id,
                process,
                before: before.get(id),
            })
            .collect();
        let counts = [("0".into(), counts[0]), ("1".into(), counts[1])].into();
        assign(&candidates, &topology(), &counts, standbys)
    }

    fn sizes(assigned: &BTreeMap<Id, Tasks>) -> Vec<(usize, usize)> {
        let sizes = assigned.values();
        sizes
            .map(|tasks| (tasks.active.len(), tasks.standby.len()))
            .collect()
    }

    #[test]
    fn tasks_are_even_over_members_and_ranges_stay_together() {
        let assigned = run(&[("a", "p"), ("b", "q")], [4, 2], 0, &BTreeMap::new());
        assert_eq!(sizes(&assigned), [(3, 0), (3, 0)]);
        let alone = run(&[("a", "p")], [4, 2], 2, &BTreeMap::new());
        assert_eq!(sizes(&alone), [(6, 0)], "no second process for a copy");
    }

    #[test]
    fn what_is_assigned_stays() {
        let two = run(&[("a", "p"), ("b", "q")], [4, 4], 0, &BTreeMap::new());
        assert_eq!(run(&[("a", "p"), ("b", "q")], [4, 4], 0, &two), two);
        let three = run(&[("a", "p"), ("b", "q"), ("c", "r")], [4, 4], 0, &two);
        assert_eq!(sizes(&three), [(3, 0), (3, 0), (2, 0)]);
        for id in ["a", "b"] {
            let kept = &three[id].active;
            assert!(kept.is_subset(&two[id].active), "{kept:?} of {:?}", two[id]);
        }
    }

    #[test]
    fn a_copy_takes_over_what_its_task_leaves() {
        let members = [("a", "p"), ("b", "q"), ("c", "r")];
        let all = run(&members, [0, 6], 1, &BTreeMap::new());
        assert_eq!(sizes(&all), [(2, 2), (2, 2), (2, 2)]);
        let left = run(&members[1..], [0, 6], 1, &all);
        assert_eq!(sizes(&left), [(3, 3), (3, 3)]);
        let copied = |id: &str| all[id].standby.intersection(&all["a"].active).count();
        let took = |id: &str| left[id].active.intersection(&all["a"].active).count();
        assert!(took("b").max(took("c")) >= 1);
        assert_eq!(copied("b") + copied("c"), 2);
    }

    /// Whatever comes and goes: each task is active once, each copy in a process of its own, as
    /// many as there can be, and nobody has much more than another.
    #[test]
    fn any_group_is_served() {
        for seed in 0..200u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut draw = |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let counts = [draw(7) as i32, draw(7) as i32];
            let standbys = draw(3) as usize;
            let mut before = BTreeMap::new();
            for _ in 0..4 {
                let names = ["a", "b", "c", "d", "e", "f"];
                let processes = ["p", "q", "r"];
                let mut members = Vec::new();
                for (at, name) in names.iter().enumerate() {
                    if draw(3) > 0 {
                        members.push((*name, processes[at % 3]));
                    }
                }
                let assigned = run(&members, counts, standbys, &before);
                check(&members, counts, standbys, &assigned, seed);
                before = assigned;
            }
        }
    }

    fn check(
        members: &[(&str, &str)],
        counts: [i32; 2],
        standbys: usize,
        assigned: &BTreeMap<Id, Tasks>,
        seed: u64,
    ) {
        assert_eq!(assigned.len(), members.len(), "seed {seed}");
        if members.is_empty() {
            return;
        }
        let active: Vec<&Task> = assigned.values().flat_map(|tasks| &tasks.active).collect();
        let unique: BTreeSet<&Task> = active.iter().copied().collect();
        assert_eq!(active.len() as i32, counts[0] + counts[1], "seed {seed}");
        assert_eq!(unique.len(), active.len(), "seed {seed}");
        let mut processes: BTreeMap<&str, Vec<&Task>> = BTreeMap::new();
        for (member, process) in members {
            let tasks = &assigned[*member];
            let has = processes.entry(process).or_default();
            has.extend(tasks.active.iter().chain(&tasks.standby));
        }
        for tasks in processes.values() {
            let unique: BTreeSet<&&Task> = tasks.iter().collect();
            assert_eq!(unique.len(), tasks.len(), "seed {seed}");
        }
        let copies = standbys.min(processes.len() - 1) * counts[1] as usize;
        let given: usize = assigned.values().map(|tasks| tasks.standby.len()).sum();
        assert_eq!(given, copies, "seed {seed}");
        if processes.len() == members.len() {
            let loads = assigned.values().map(|tasks| tasks.active.len());
            let (least, most) = (loads.clone().min(), loads.max());
            assert!(
                most <= least.map(|least| least + 1),
                "seed {seed}: {assigned:?}"
            );
        }
    }
}

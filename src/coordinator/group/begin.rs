//! After loading: the sessions of all members begin, some in each step.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine, once its log is replayed.
//! Never:      begins all in one step: with 100,000 members that is a tenth of a second.

use super::timers::Id;
use super::{Group, GroupMachine, Work};
use crate::coordinator::Step;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Members of one step, or groups without any: some 100 us.
const MEMBERS_PER_STEP_MAX: usize = 64;

/// How far a walk over the members of all groups has come, and how far it may go in this step.
#[derive(Debug)]
pub struct Begun {
    /// The last group and member that were looked at.
    group: Option<Id>,
    member: Option<Id>,
    left: usize,
}

impl Begun {
    /// For a group that begins as a whole.
    pub fn whole() -> Begun {
        Begun {
            group: None,
            member: None,
            left: usize::MAX,
        }
    }

    /// The next members of this group.
    pub fn next_of<M>(&mut self, members: &BTreeMap<Id, M>) -> Vec<Id> {
        let from = self.member.take().map_or(Bound::Unbounded, Bound::Excluded);
        let behind = members.range((from, Bound::Unbounded));
        let ids: Vec<Id> = behind.take(self.left).map(|(id, _)| id.clone()).collect();
        self.left -= ids.len();
        self.member = ids.last().cloned();
        ids
    }
}

impl GroupMachine {
    /// Begins some more sessions; whether there are others left.
    pub(super) fn begin_some(&mut self, step: &mut Step) -> bool {
        let mut begun = Begun {
            left: MEMBERS_PER_STEP_MAX,
            ..self.begun.take().unwrap_or_else(Begun::whole)
        };
        let mut work = Work {
            step,
            timers: &mut self.timers,
            config: &self.config,
            image: &self.image,
        };
        let from = begun.group.take().map_or(Bound::Unbounded, Bound::Included);
        for (id, group) in self.groups.range((from, Bound::Unbounded)) {
            match group {
                Group::Classic(group) => group.begin(&mut begun, &mut work),
                Group::Consumer(group) => group.begin(&mut begun, &mut work),
                Group::Share(group) => group.begin(&mut begun, &mut work),
                Group::Streams(group) => group.begin(&mut begun, &mut work),
            }
            if begun.left == 0 {
                // There may be more members of this one.
                begun.group = Some(id.clone());
                self.begun = Some(begun);
                return true;
            }
            begun.member = None;
            begun.left -= 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::Machine;
    use crate::coordinator::dismantle::{ENTRIES_PER_STEP_MAX, MAPS_PER_STEP_MAX};
    use crate::coordinator::group::records;
    use crate::coordinator::group::tests::Bench;
    use crate::coordinator::group::timers::Timer;
    use crate::protocol::records::group::GroupMetadataValue;
    use crate::protocol::records::group::group_metadata::MemberMetadata;

    /// A group's record as the log has it.
    fn replay(machine: &mut GroupMachine, group: &str, members: usize) {
        let ids: Vec<String> = (0..members).map(|member| format!("m{member}")).collect();
        let members = ids.iter().map(|member_id| MemberMetadata {
            member_id,
            session_timeout: 10_000,
            ..MemberMetadata::default()
        });
        let value = GroupMetadataValue {
            protocol_type: "consumer",
            members: members.collect(),
            ..GroupMetadataValue::default()
        };
        let mut step = Step::default();
        records::group(&mut step, group, value);
        let record = &step.effects.batches[0].records[0];
        machine.replay(&record.replayed()).expect("its own record");
    }

    #[test]
    fn sessions_begin_some_in_each_step_and_none_is_left_out() {
        let mut bench = Bench::new();
        // A whole step's members, many empty groups, and one that takes several steps.
        replay(&mut bench.machine, "a", MEMBERS_PER_STEP_MAX);
        for number in 0..100 {
            replay(&mut bench.machine, &format!("b{number}"), 0);
        }
        replay(&mut bench.machine, "c", 2 * MEMBERS_PER_STEP_MAX + 3);
        replay(&mut bench.machine, "d", 2);
        let mut steps = 1;
        let mut more = true;
        let mut seen = 0;
        while more {
            bench.step(|machine, step| more = machine.loaded(step));
            let count = bench.machine.timers.len();
            assert!(count - seen <= MEMBERS_PER_STEP_MAX + 1, "step {steps}");
            seen = count;
            steps += 1;
        }
        assert!(steps > 5, "{steps}");
        for (group, members) in [("a", MEMBERS_PER_STEP_MAX), ("c", 131), ("d", 2)] {
            for member in 0..members {
                let session = Timer::Session(group.into(), format!("m{member}").into());
                assert!(bench.machine.timers.is_set(&session), "{session:?}");
            }
        }
    }

    /// Goal: a machine with many members is given back in many steps, and all of it.
    #[test]
    fn a_machine_goes_some_members_at_a_time() {
        let mut bench = Bench::new();
        replay(&mut bench.machine, "large", 1_000);
        for number in 0..99 {
            replay(&mut bench.machine, &format!("s{number}"), 20);
        }
        let mut more = true;
        while more {
            bench.step(|machine, step| more = machine.loaded(step));
        }
        assert_eq!(bench.commit("", -1, 5), crate::protocol::ErrorCode::None);
        let members = |machine: &GroupMachine| -> usize {
            let groups = machine.groups.values();
            groups
                .map(|group| match group {
                    Group::Classic(group) => group.members().len(),
                    _ => 0,
                })
                .sum()
        };
        let mut left = (members(&bench.machine), bench.machine.timers.len());
        // The retention's timer too.
        assert_eq!(left, (2_980, 2_981));
        more = true;
        while more {
            more = bench.machine.dismantle();
            let now = (members(&bench.machine), bench.machine.timers.len());
            let gone = (left.0 - now.0, left.1 - now.1);
            assert!(
                gone.0 <= MAPS_PER_STEP_MAX * 20 + ENTRIES_PER_STEP_MAX,
                "{gone:?} members and timers"
            );
            assert!(
                gone.1 <= ENTRIES_PER_STEP_MAX,
                "{gone:?} members and timers"
            );
            left = now;
        }
        assert_eq!((left, bench.machine.groups.len()), ((0, 0), 0));
        assert_eq!(bench.machine.offsets.get("g", "t", 1), None);
    }
}

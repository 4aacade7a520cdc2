//! What a group machine has asked of those who keep the state of share partitions, and who waits.
//!
//! Room:       `coordinator::group::share`.
//! Called by:  `requests` and `offsets`, which begin jobs; the machine, with what is replied.
//! Never:      answers before all that a job asked for is replied.

use super::super::consumer::Assigned;
use super::super::timers::Id;
use crate::coordinator::share::wire::{self, Asked};
use crate::coordinator::{Ask, Coordinated, Kind, Step, Ticket, Token, share};
use crate::ids::PartitionKey;
use crate::protocol::ErrorCode;
use std::collections::BTreeMap;

/// Questions under way, by ticket, and the jobs they belong to.
#[derive(Default)]
pub struct Jobs {
    /// Starts at a random number, so that the answer to an earlier machine's question is none.
    tickets: u64,
    questions: BTreeMap<Ticket, Question>,
    jobs: BTreeMap<u64, Job>,
    made: u64,
    parked: BTreeMap<Id, Vec<Parked>>,
}

struct Question {
    job: u64,
    partition: PartitionKey,
    asked: Asked,
}

/// Questions that belong together.
pub(super) struct Job {
    pub group: Id,
    pub why: Why,
    left: usize,
    pub done: Assigned,
    pub failed: BTreeMap<PartitionKey, ErrorCode>,
}

/// What happens when all is replied.
pub(super) enum Why {
    /// Members subscribe to these.
    Subscribed,
    /// AlterShareGroupOffsets; an answer is owed.
    Alter(super::offsets::Altering),
    /// DeleteShareGroupOffsets; an answer is owed.
    DeleteOffsets(super::offsets::Deleting),
    /// DeleteGroups; an answer is owed.
    DeleteGroup { token: Token, version: i16 },
}

/// A member's first heartbeat, which is answered when there is something to read.
pub(super) struct Parked {
    pub token: Token,
    pub version: i16,
    pub member: String,
}

impl Jobs {
    /// Tickets that no earlier machine had.
    pub fn start(&mut self, step: &mut Step) {
        self.tickets = step.draw() as u64;
    }

    /// A ticket for one question, of whichever kind of group.
    pub(in crate::coordinator::group) fn ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.wrapping_add(1);
        Ticket(self.tickets)
    }

    /// Asks all of these; `None` when there is nothing to ask.
    pub(super) fn begin(
        &mut self,
        step: &mut Step,
        group: &Id,
        why: Why,
        questions: Vec<(PartitionKey, Asked)>,
    ) -> Option<Job> {
        let job = Job {
            group: group.clone(),
            why,
            left: questions.len(),
            done: Assigned::new(),
            failed: BTreeMap::new(),
        };
        if questions.is_empty() {
            return Some(job);
        }
        self.made += 1;
        self.jobs.insert(self.made, job);
        for (partition, asked) in questions {
            let ticket = self.ticket();
            let ask = Ask::Coordinator {
                kind: Kind::Share,
                key: share::key(group, partition),
                request: wire::request(group, partition, &asked),
            };
            step.ask(ticket, ask);
            let question = Question {
                job: self.made,
                partition,
                asked,
            };
            self.questions.insert(ticket, question);
        }
        None
    }

    /// The job that is over with this reply.
    pub(super) fn replied(&mut self, ticket: Ticket, reply: &Coordinated) -> Option<Job> {
        let question = self.questions.remove(&ticket)?;
        let job = self.jobs.get_mut(&question.job)?;
        let partition = question.partition;
        match wire::said(&question.asked, reply) {
            Ok(_) => {
                let done = job.done.entry(partition.topic).or_default();
                done.insert(partition.partition);
            }
            Err(code) => {
                job.failed.insert(partition, code);
            }
        }
        job.left -= 1;
        match job.left {
            0 => self.jobs.remove(&question.job),
            _ => None,
        }
    }

    /// Whether partitions are being initialized because members subscribe to them.
    pub(super) fn is_subscribing(&self, group: &Id) -> bool {
        let mut jobs = self.jobs.values();
        jobs.any(|job| job.group == *group && matches!(job.why, Why::Subscribed))
    }

    pub(super) fn park(&mut self, group: &Id, parked: Parked) {
        self.parked.entry(group.clone()).or_default().push(parked);
    }

    pub(super) fn take_parked(&mut self, group: &Id) -> Vec<Parked> {
        self.parked.remove(group).unwrap_or_default()
    }
}

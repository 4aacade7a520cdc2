//! Streams groups under any history of members, from a seed.

use super::tests::{Names, image, ready, request, tasks};
use crate::coordinator::group::Group;
use crate::coordinator::group::tests::Bench;
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use crate::protocol::messages::streams_group_heartbeat as wire;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A member as a client: what it knows of itself.
#[derive(Clone, Debug)]
struct Client {
    id: String,
    process: String,
    epoch: i32,
    active: Names,
    standby: Names,
}

/// Goal: whatever members come, go, fall silent, lose answers or restart the coordinator, no task
/// is active twice or twice in one process, and when all settles everything runs, evenly enough.
/// Method: members keep what they were told and give up what they are told to, late. The model is
/// what the members themselves hold.
#[test]
fn any_history_of_members_keeps_tasks_apart_and_settles() {
    for seed in 0..20u64 {
        let mut world = World::new(seed);
        for _ in 0..200 {
            world.act();
            world.check();
        }
        world.settle();
    }
}

struct World {
    bench: Bench,
    seed: u64,
    state: u64,
    offset: i64,
    clients: BTreeMap<String, Client>,
    born: usize,
}

impl World {
    fn new(seed: u64) -> World {
        World {
            bench: ready(),
            seed,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            offset: 3,
            clients: BTreeMap::new(),
            born: 0,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }

    fn act(&mut self) {
        let ids: Vec<String> = self.clients.keys().cloned().collect();
        let some = ids
            .get(self.draw(ids.len().max(1) as u64) as usize)
            .cloned();
        match (self.draw(20), some) {
            (0..3, _) if ids.len() < 5 => self.come(),
            (3, Some(id)) => {
                self.bench.plain(&id, -1);
                self.clients.remove(&id);
            }
            // It dies; its session ends it.
            (4, Some(id)) => {
                self.clients.remove(&id);
            }
            (5, _) => self.restart(),
            (6, Some(id)) => self.beat(&id, true),
            (7..9, _) => self.bench.pass(1_500),
            (9, _) => {
                let standbys = self.draw(3);
                self.follow(standbys);
            }
            (_, Some(id)) => self.beat(&id, false),
            _ => self.bench.pass(500),
        }
    }

    fn come(&mut self) {
        self.born += 1;
        let client = Client {
            id: format!("m{}", self.born),
            process: ["p", "q", "r"][self.draw(3) as usize].to_owned(),
            epoch: 0,
            active: Names::new(),
            standby: Names::new(),
        };
        let id = client.id.clone();
        self.clients.insert(id.clone(), client);
        self.beat(&id, false);
    }

    fn follow(&mut self, standbys: u64) {
        self.offset += 1;
        let mut image = Image::clone(&image(self.offset, &[("app-store-changelog", 4)]));
        let group = (crate::metadata::ResourceKind::Group, "s".to_owned());
        let set = [(
            "streams.num.standby.replicas".to_owned(),
            standbys.to_string(),
        )];
        let set = [(group, set.into_iter().collect())];
        image.configs = Arc::new(set.into_iter().collect());
        self.bench.follow(Arc::new(image));
    }

    fn restart(&mut self) {
        let bench = std::mem::replace(&mut self.bench, Bench::new());
        self.bench = bench.restart();
        self.follow(1);
    }

    fn beat(&mut self, id: &str, is_lost: bool) {
        let client = self.clients[id].clone();
        let joins = client.epoch == 0;
        let none = Names::new();
        let asked = wire::StreamsGroupHeartbeatRequest {
            process_id: joins.then_some(client.process.as_str()),
            active_tasks: tasks(if joins { &none } else { &client.active }),
            standby_tasks: tasks(if joins { &none } else { &client.standby }),
            warmup_tasks: tasks(&none),
            ..request(id, client.epoch)
        };
        let told = self.bench.stream(0, &asked);
        let client = self.clients.get_mut(id).expect("it is there");
        match told.code {
            ErrorCode::None if is_lost => {}
            ErrorCode::None => {
                client.epoch = told.epoch;
                if let (Some(active), Some(standby)) = (told.active, told.standby) {
                    (client.active, client.standby) = (active, standby);
                }
            }
            ErrorCode::UnknownMemberId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::GroupIdNotFound => {
                client.epoch = 0;
                (client.active, client.standby) = (Names::new(), Names::new());
            }
            code => panic!("seed {}: {code:?}", self.seed),
        }
    }

    fn check(&self) {
        let Some(Group::Streams(group)) = self.bench.machine.groups.get("s") else {
            return;
        };
        let mut active = BTreeSet::new();
        let mut by_process = BTreeSet::new();
        for member in group.members.values() {
            for (task, role) in member.holds() {
                let is_new = by_process.insert((member.process.clone(), task.clone()));
                assert!(is_new, "seed {}: {task:?} twice in a process", self.seed);
                if role == super::Role::Active {
                    let is_new = active.insert(task.clone());
                    assert!(is_new, "seed {}: {task:?} active twice", self.seed);
                }
            }
        }
    }

    fn settle(&mut self) {
        if self.clients.is_empty() {
            self.come();
        }
        let ids: Vec<String> = self.clients.keys().cloned().collect();
        for _ in 0..20 {
            self.bench.pass(4_000);
            for id in &ids {
                self.beat(id, false);
                self.check();
            }
        }
        assert_eq!(self.bench.state(), "Stable", "seed {}", self.seed);
        let active = self.clients.values().flat_map(|client| &client.active);
        let mut active: Vec<i32> = active
            .flat_map(|(_, partitions)| partitions.clone())
            .collect();
        active.sort_unstable();
        assert_eq!(
            active,
            [0, 1, 2, 3],
            "seed {}: {:?}",
            self.seed,
            self.clients
        );
    }
}

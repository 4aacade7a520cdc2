//! Consumer groups under any history of members of both protocols, from a seed.

use super::tests::{T, U, image, with_interval};
use super::{Assigned, ConsumerGroup};
use crate::config::BrokerConfig;
use crate::config::parse::Given;
use crate::coordinator::group::migrate_tests::Client as Classic;
use crate::coordinator::group::tests::Bench;
use crate::coordinator::group::{Group, GroupMachine, Machine};
use crate::protocol::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};

/// A member of the new protocol as a client: what it knows of itself.
#[derive(Clone, Debug, Default)]
struct Client {
    epoch: i32,
    wants: Vec<&'static str>,
    /// It has changed its mind, or perhaps missed an answer: it says all of itself.
    says_all: bool,
    told: Assigned,
    /// What it was told, and what it is still to give up.
    owns: Assigned,
}

/// Goal: whatever members come, go, change their minds, fall silent, lose answers, or restart the
/// coordinator, however long the pause between targets is and whatever the clock does, no two
/// have the same partition, no target comes before its time, and when all settles everything is
/// assigned.
/// Method: members keep what they were told and give up what they are told to, late. The model is
/// what the members themselves hold.
#[test]
fn any_history_of_members_keeps_partitions_apart_and_settles() {
    for seed in 0..40u64 {
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
    interval: i64,
    offset: i64,
    counts: [usize; 2],
    clients: BTreeMap<String, Client>,
    classics: Vec<Classic>,
    born: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let given = [Given::argument(
            "group.consumer.migration.policy",
            "disabled",
        )];
        let (config, _) = BrokerConfig::from_given(&given, &Default::default()).expect("fine");
        let mut world = World {
            bench: Bench::with(GroupMachine::new(config.group())),
            seed,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            interval: 0,
            offset: 1,
            counts: [4, 2],
            clients: BTreeMap::new(),
            classics: Vec::new(),
            born: 0,
        };
        world.interval = [0, 300, 1_000, 5_000][world.draw(4) as usize];
        let config = with_interval(&config, &world.interval.to_string(), None);
        world.bench.step(|machine, _| machine.configure(&config));
        world.follow();
        world
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }

    fn group(&self) -> Option<&ConsumerGroup> {
        match self.bench.machine.groups.get("g") {
            Some(Group::Consumer(group)) => Some(group),
            _ => None,
        }
    }

    fn act(&mut self) {
        let ids: Vec<String> = self.clients.keys().cloned().collect();
        let some = ids
            .get(self.draw(ids.len().max(1) as u64) as usize)
            .cloned();
        match (self.draw(28), some) {
            (0..3, _) if ids.len() < 5 => self.come(),
            (3, Some(id)) => {
                self.bench.beat_of(&id, -1, None, None);
                self.clients.remove(&id);
            }
            // It dies; its session ends it.
            (4, Some(id)) => {
                self.clients.remove(&id);
            }
            (5, _) => self.restart(),
            (6, Some(id)) => self.beat(&id, true),
            (7..11, _) => {
                let ms = self.draw(1_500);
                self.bench.pass(ms);
            }
            (11, _) => {
                self.counts[self.draw(2) as usize] += 1;
                self.follow();
            }
            (12, Some(id)) => {
                let wants = self.wishes();
                let client = self.clients.get_mut(&id).expect("it is there");
                (client.wants, client.says_all) = (wants, true);
            }
            (13, _) => self.come_classic(),
            (14..17, _) => self.live_classic(),
            (17, _) if self.draw(4) == 0 => self.bench.now -= self.draw(900),
            (18, Some(id)) => self.give_up(&id),
            (_, Some(id)) => self.beat(&id, false),
            _ => self.bench.pass(500),
        }
    }

    fn wishes(&mut self) -> Vec<&'static str> {
        match self.draw(4) {
            0 => vec!["t"],
            1 => vec!["u"],
            2 => vec![],
            _ => vec!["t", "u"],
        }
    }

    fn come(&mut self) {
        self.born += 1;
        let id = format!("m{}", self.born);
        let client = Client {
            wants: self.wishes(),
            ..Client::default()
        };
        self.clients.insert(id.clone(), client);
        self.beat(&id, false);
    }

    fn follow(&mut self) {
        self.offset += 1;
        let image = image(self.offset, self.counts, None);
        self.bench
            .step(|machine, step| machine.follow(step, &image));
    }

    fn restart(&mut self) {
        let bench = std::mem::replace(&mut self.bench, Bench::new());
        self.bench = bench.restart();
        self.follow();
    }

    fn give_up(&mut self, id: &str) {
        let client = self.clients.get_mut(id).expect("it is there");
        client.owns = client.told.clone();
    }

    fn beat(&mut self, id: &str, is_lost: bool) {
        let client = self.clients[id].clone();
        let says_all = client.epoch == 0 || client.says_all;
        let names = says_all.then_some(&*client.wants);
        let owns = Some(&client.owns).filter(|_| says_all || self.draw(3) > 0);
        let told = self.bench.beat_of(id, client.epoch, names, owns);
        let client = self.clients.get_mut(id).expect("it is there");
        match told.0 {
            ErrorCode::None if is_lost => client.says_all = true,
            ErrorCode::None => {
                (client.epoch, client.says_all) = (told.1, false);
                if let Some(told) = told.2 {
                    for (topic, partitions) in &told {
                        client.owns.entry(*topic).or_default().extend(partitions);
                    }
                    client.told = told;
                }
            }
            ErrorCode::UnknownMemberId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::GroupIdNotFound => {
                let wants = std::mem::take(&mut client.wants);
                *client = Client {
                    wants,
                    ..Client::default()
                };
            }
            code => panic!("seed {}: {code:?}", self.seed),
        }
    }

    /// Without anybody in it the group would become a classic one, which is another model's.
    fn come_classic(&mut self) {
        if self.classics.len() < 2 && self.group().is_some_and(|group| !group.is_empty()) {
            self.classics.push(Classic::default());
            self.join_classic(self.classics.len() - 1);
        }
    }

    fn join_classic(&mut self, place: usize) {
        let mut client = self.classics[place].clone();
        // Between the two answers there may be something new: it joins once more.
        for _ in 0..8 {
            match self.bench.joins(&mut client) {
                ErrorCode::None => break,
                ErrorCode::RebalanceInProgress => {}
                code => panic!("seed {}: {code:?}", self.seed),
            }
        }
        self.classics[place] = client;
    }

    fn live_classic(&mut self) {
        if self.classics.is_empty() {
            return;
        }
        let place = self.draw(self.classics.len() as u64) as usize;
        if self.draw(10) == 0 {
            let client = self.classics.remove(place);
            self.bench.leaves(&client);
            return;
        }
        match self.bench.lives(&self.classics[place]) {
            ErrorCode::None => {}
            ErrorCode::RebalanceInProgress => self.join_classic(place),
            ErrorCode::UnknownMemberId => {
                self.classics.remove(place);
            }
            code => panic!("seed {}: {code:?}", self.seed),
        }
    }

    /// What the members that the group knows have in hand, each partition once.
    fn held(&self) -> BTreeSet<(crate::ids::TopicId, i32)> {
        let mut held = BTreeSet::new();
        let knows = |id: &str| self.group().is_some_and(|g| g.members.contains_key(id));
        let mut add = |who: &str, place| {
            let is_new = held.insert(place);
            assert!(is_new, "seed {}: {place:?} twice, {who}", self.seed);
        };
        for (id, client) in self.clients.iter().filter(|(id, _)| knows(id)) {
            for (topic, partitions) in &client.owns {
                let partitions = partitions.iter();
                partitions.for_each(|partition| add(id, (*topic, *partition)));
            }
        }
        for client in self.classics.iter().filter(|client| knows(&client.id)) {
            let partitions = client.has.iter();
            partitions.for_each(|partition| add(&client.id, (T, *partition)));
        }
        held
    }

    fn check(&self) {
        self.held();
        for pair in self.bench.targets().windows(2) {
            let passed = pair[1].1 - pair[0].1;
            let waited = pair[0].1 == 0 || pair[1].1 == 0 || passed < 0;
            assert!(
                waited || passed >= self.interval,
                "seed {}: {pair:?} within {} ms",
                self.seed,
                self.interval
            );
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
                self.give_up(id);
                self.beat(id, false);
                self.check();
            }
            for place in 0..self.classics.len() {
                if self.bench.lives(&self.classics[place]) == ErrorCode::RebalanceInProgress {
                    self.join_classic(place);
                }
                self.check();
            }
            let known = |client: &Classic| {
                let group = self.group();
                group.is_some_and(|group| group.members.contains_key(&*client.id))
            };
            let known: Vec<bool> = self.classics.iter().map(known).collect();
            let mut known = known.into_iter();
            self.classics.retain(|_| known.next() == Some(true));
        }
        let group = self.group().expect("there are members");
        assert_eq!(group.state_name(), "Stable", "seed {}", self.seed);
        let mut wanted = BTreeSet::new();
        for (topic, name, count) in [(T, "t", self.counts[0]), (U, "u", self.counts[1])] {
            let is_wanted = self.clients.values().any(|c| c.wants.contains(&name))
                || (topic == T && !self.classics.is_empty());
            if is_wanted {
                wanted.extend((0..count as i32).map(|partition| (topic, partition)));
            }
        }
        assert_eq!(self.held(), wanted, "seed {}", self.seed);
    }
}

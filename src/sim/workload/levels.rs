//! Durability as an operator sets it: for the topic, for all brokers, and while the broker runs.
//!
//! Room:       `sim`.
//! Called by:  `workload`.
//! Never:      asks the broker which level holds: what it says here is DESIGN §3's own words.

use super::Run;
use crate::sim::clock::SECOND;
use crate::sim::model::{Durability, Level};
use crate::sim::node::Node;
use crate::sim::world::World;

/// What is set; the topic's own wins.
pub(super) struct Levels {
    topic: Option<Durability>,
    brokers: Option<Durability>,
    /// They change while the broker runs.
    change: bool,
}

impl Levels {
    pub fn choose(world: &World) -> Levels {
        let mut levels = Levels {
            topic: None,
            brokers: None,
            change: false,
        };
        if world.below(2) == 0 {
            levels.topic = any(world);
            levels.brokers = any(world);
            levels.change = world.below(2) == 0;
        }
        levels
    }

    fn holds(&self) -> Durability {
        self.topic.or(self.brokers).unwrap_or_default()
    }
}

impl Run {
    pub(super) fn set_first_levels(&mut self) {
        self.write_levels();
        self.model.borrow_mut().end_durability(self.levels.holds());
    }

    /// What a broker that starts now has read.
    pub(super) fn settle_levels(&self) {
        let mut model = self.model.borrow_mut();
        model.end_durability(self.levels.holds());
    }

    pub(super) fn change_level(&mut self, node: &Node) {
        if !self.levels.change {
            return;
        }
        match self.world.below(2) {
            0 => self.levels.topic = any(&self.world),
            _ => self.levels.brokers = any(&self.world),
        }
        // Sometimes clients go on before it is answered.
        let is_awaited = self.world.below(3) > 0;
        self.follow_levels(node, is_awaited);
    }

    /// Sets the topic's own level.
    #[cfg(test)]
    pub(super) fn set_topic_level(&mut self, node: &Node, level: Durability) {
        self.levels.topic = Some(level);
        self.follow_levels(node, true);
    }

    fn follow_levels(&mut self, node: &Node, is_awaited: bool) {
        self.write_levels();
        let holds = self.levels.holds();
        self.model.borrow_mut().begin_durability(holds);
        let followed = node.configure(&self.plan);
        if is_awaited {
            let shards = usize::from(node.shards);
            let done = self
                .world
                .run_until(60 * SECOND, || followed.get() == shards);
            assert!(done, "the shards do not follow a changed level");
            self.model.borrow_mut().end_durability(holds);
        }
    }

    /// Into the plan, in one of the ways there are to say it.
    fn write_levels(&mut self) {
        const OF_TOPIC: [&str; 2] = ["ottla.durability", "flush.messages"];
        const OF_BROKERS: [&str; 2] = ["ottla.durability", "log.flush.interval.messages"];
        let flushes = self.world.below(2) == 0;
        let plan = &mut self.plan;
        for (given, level, names) in [
            (&mut plan.topic, self.levels.topic, OF_TOPIC),
            (&mut plan.brokers, self.levels.brokers, OF_BROKERS),
        ] {
            given.retain(|(name, _)| !names.contains(name));
            match level {
                None => {}
                Some(Durability::Always(Level::Synced)) if flushes => {
                    given.push((names[1], "1".to_owned()));
                }
                Some(level) => given.push((names[0], level.name().to_owned())),
            }
        }
    }
}

fn any(world: &World) -> Option<Durability> {
    world.choose(&[
        (2, None),
        (1, Some(Durability::Acks)),
        (2, Some(Durability::Always(Level::Memory))),
        (2, Some(Durability::Always(Level::Written))),
        (2, Some(Durability::Always(Level::Synced))),
    ])
}

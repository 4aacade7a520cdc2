//! Requests to coordinators, from clients and from other coordinators.
//!
//! Room:       `router`.
//! Called by:  handlers; `broker::member`, which starts `carry_asks` once per shard.
//! Calls:      `shard` on this core, the mesh to others.
//! Never:      looks into a request.

use super::{Gathered, Router};
use crate::coordinator::{Ask, Coordinated, Kind, Request as CoordinatorRequest, partition_of};
use crate::ids::PartitionKey;
use crate::protocol::ErrorCode;
use crate::shard::message::{Reply, Request};
use std::rc::Rc;

impl Router {
    /// One request per partition, answered in order.
    pub async fn coordinate(
        self: &Rc<Self>,
        parts: Vec<(PartitionKey, CoordinatorRequest)>,
    ) -> Vec<Coordinated> {
        let mut gathered = Gathered::new(parts.len());
        let mut there = Vec::new();
        let mut here = None;
        for (owner, places, parts) in self.split(parts, |part| part.0) {
            if owner == self.shard.id {
                here = Some((places, self.shard.coordinate(parts)));
            } else {
                there.push((places, self.ask_shard(owner, Request::Coordinate { parts })));
            }
        }
        if let Some((places, answers)) = here {
            gathered.put(places, answers.await);
        }
        for (places, reply) in there {
            match reply.await {
                Reply::Coordinated(answers) => gathered.put(places, answers),
                _ => unreachable!("coordination is answered as such"),
            }
        }
        gathered.take()
    }

    /// The partition that coordinates an id, `None` while its topic does not exist.
    pub fn coordinator_of(&self, kind: Kind, id: &str) -> Option<PartitionKey> {
        let image = self.shard.image();
        let topic = image.topic(kind.topic())?;
        Some(PartitionKey {
            topic: topic.id,
            partition: partition_of(id, topic.partitions.len()),
        })
    }

    /// Carries questions of this shard's coordinators to whom they are for, until the end.
    pub async fn carry_asks(self: Rc<Self>) {
        while let Some(asked) = self.shard.next_ask().await {
            let router = self.clone();
            self.shard.runtime.spawn(async move {
                let reply = router.carry(&asked.ask).await;
                router.shard.ask_answered(&asked, reply);
            });
        }
    }

    async fn carry(self: &Rc<Self>, ask: &Ask) -> Coordinated {
        match ask {
            Ask::Coordinator { kind, key, request } => {
                let partition = self.coordinator_of(*kind, key);
                let partition = partition.ok_or(ErrorCode::CoordinatorNotAvailable)?;
                let answers = self.coordinate(vec![(partition, request.clone())]).await;
                let answer = answers.into_iter().next();
                answer.unwrap_or(Err(ErrorCode::NotCoordinator))
            }
        }
    }
}

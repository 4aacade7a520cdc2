//! Requests to coordinators, from clients and from other coordinators.
//!
//! Room:       `router`.
//! Called by:  handlers; `broker::member`, which starts `carry_asks` once per shard.
//! Calls:      `shard` on this core, the mesh to others.
//! Never:      looks into a request.

use super::{Gathered, Router};
use crate::controller;
use crate::coordinator::{
    Ask, CREATE_TOPICS_VERSION, Coordinated, Kind, NewTopic, Request as CoordinatorRequest,
    encoded, partition_of,
};
use crate::ids::PartitionKey;
use crate::partition::Marker;
use crate::protocol::messages::create_topics::{CreatableTopicResult, CreateTopicsResponse};
use crate::protocol::{ErrorCode, TopicName};
use crate::shard::coordinators::PendingAsk;
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
                let reply = router.carry(&asked).await;
                router.shard.ask_answered(&asked, reply);
            });
        }
    }

    async fn carry(self: &Rc<Self>, asked: &PendingAsk) -> Coordinated {
        match &asked.ask {
            Ask::CreateTopics { topics } => self.create_topics(topics).await,
            Ask::ProducerId => Ok(self.next_producer_id().await?.to_be_bytes().to_vec()),
            Ask::Markers {
                producer,
                commit,
                transaction_version,
                partitions,
            } => {
                let marker = Marker {
                    producer_id: producer.id,
                    producer_epoch: producer.epoch,
                    coordinator_epoch: asked.epoch.0,
                    commit: *commit,
                    transaction_version: *transaction_version,
                };
                let codes = self.end_by_name(partitions, marker).await;
                let codes = codes.iter().map(|code| code.code().to_be_bytes());
                Ok(codes.flatten().collect())
            }
            Ask::Coordinator {
                kind: Kind::Share,
                key,
                request,
            } => self.coordinate_share(key, request.clone()).await,
            Ask::Coordinator { kind, key, request } => {
                let partition = self.coordinator_of(*kind, key);
                let partition = partition.ok_or(ErrorCode::CoordinatorNotAvailable)?;
                let answers = self.coordinate(vec![(partition, request.clone())]).await;
                let answer = answers.into_iter().next();
                answer.unwrap_or(Err(ErrorCode::NotCoordinator))
            }
        }
    }

    /// Makes topics that a coordinator needs.
    async fn create_topics(&self, topics: &[NewTopic]) -> Coordinated {
        let wanted = topics.iter().map(|topic| controller::NewTopic {
            name: topic.name.clone(),
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            assignments: Vec::new(),
            configs: topic
                .configs
                .iter()
                .map(|(name, value)| (name.clone(), Some(value.clone())))
                .collect(),
        });
        let request = controller::Request::CreateTopics {
            topics: wanted.collect(),
            validate_only: false,
        };
        let outcomes = match self.control(request).await {
            controller::Reply::Topics(outcomes) => outcomes,
            controller::Reply::Refused(code, _) => return Err(code),
            _ => return Err(ErrorCode::UnknownServerError),
        };
        let topics = outcomes.iter().map(|outcome| {
            let error = outcome.error.as_ref();
            CreatableTopicResult {
                name: TopicName(&outcome.name),
                error_code: error.map_or(ErrorCode::None, |(code, _)| *code),
                error_message: error.map(|(_, text)| text.as_str()),
                ..CreatableTopicResult::default()
            }
        });
        let response = CreateTopicsResponse {
            topics: topics.collect(),
            ..CreateTopicsResponse::default()
        };
        encoded(&response, CREATE_TOPICS_VERSION).map_err(|_| ErrorCode::UnknownServerError)
    }

    /// Ends a transaction in partitions of these topics; those that are gone need no end.
    async fn end_by_name(
        self: &Rc<Self>,
        partitions: &[(String, i32)],
        marker: Marker,
    ) -> Vec<ErrorCode> {
        let image = self.shard.image();
        let mut codes = vec![ErrorCode::UnknownTopicOrPartition; partitions.len()];
        let (mut places, mut markers) = (Vec::new(), Vec::new());
        let mut pace = self.shard.runtime.pace();
        for (place, (topic, partition)) in partitions.iter().enumerate() {
            pace.step().await;
            let topic = image.topic(topic);
            let count = topic.map_or(0, |topic| topic.partitions.len());
            let known = usize::try_from(*partition).is_ok_and(|partition| partition < count);
            if let Some(topic) = topic.filter(|_| known) {
                let key = PartitionKey {
                    topic: topic.id,
                    partition: *partition,
                };
                places.push(place);
                markers.push((key, marker));
            }
        }
        for (place, code) in places.into_iter().zip(self.end_transactions(markers).await) {
            codes[place] = match code {
                // The metadata knows it, its shard will soon.
                ErrorCode::UnknownTopicOrPartition => ErrorCode::NotLeaderOrFollower,
                code => code,
            };
        }
        codes
    }

    /// A producer id nobody has had: from this core's block, which the controller refills.
    ///
    /// # Errors
    /// What the controller said.
    pub async fn next_producer_id(&self) -> Result<i64, ErrorCode> {
        loop {
            let (next, end) = self.producer_ids.get();
            if next < end {
                self.producer_ids.set((next + 1, end));
                return Ok(next);
            }
            match self.control(controller::Request::AllocateProducerIds).await {
                controller::Reply::ProducerIds { first, count } => {
                    self.producer_ids.set((first, first + count));
                }
                controller::Reply::Refused(code, _) => return Err(code),
                _ => return Err(ErrorCode::UnknownServerError),
            }
        }
    }
}

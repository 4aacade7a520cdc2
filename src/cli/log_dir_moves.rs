//! Replicas that change their log dir: where each is, and sending them on their way (KIP-113).
//!
//! Room:       `cli`.
//! Called by:  `reassign_partitions`.
//! Calls:      `client`.
//! Never:      waits for a move; it is under way when the broker has answered.

use crate::client::{ClientError, Cluster};
use crate::protocol::TopicName;
use crate::protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};
use crate::protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsRequest, DescribeLogDirsResponse,
};

/// A replica and the log dir it shall be in.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub topic: String,
    pub partition: i32,
    pub broker: i32,
    pub to: String,
}

/// Where a replica is.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    In(String),
    /// Still there, while a copy of it is made elsewhere.
    Moving(String),
    Unknown,
}

impl Move {
    /// As Kafka's tool names a replica.
    pub fn name(&self) -> String {
        format!("{}-{}-{}", self.topic, self.partition, self.broker)
    }

    /// How far it is, in Kafka's words.
    pub fn describe(&self, place: &Place) -> String {
        let name = self.name();
        match place {
            Place::In(dir) if *dir == self.to => {
                format!("Reassignment of replica {name} completed successfully.")
            }
            Place::In(dir) => format!(
                "Partition {}-{} on broker {} is not being moved from log dir {dir} to {}.",
                self.topic, self.partition, self.broker, self.to
            ),
            Place::Moving(_) => format!("Reassignment of replica {name} is still in progress."),
            Place::Unknown => format!(
                "Partition {}-{} cannot be found in any live log directory on broker {}.",
                self.topic, self.partition, self.broker
            ),
        }
    }
}

/// Those moves whose broker is there to be asked.
pub fn moves_of(cluster: &Cluster, named: Vec<Move>) -> Result<Vec<Move>, ClientError> {
    let known = cluster.known();
    let live = |one: &Move| known.brokers.contains_key(&one.broker);
    Ok(named.into_iter().filter(live).collect())
}

/// Asks a replica's broker where it is.
pub fn place_of(cluster: &Cluster, of: &Move) -> Result<Place, ClientError> {
    let request = DescribeLogDirsRequest {
        topics: Some(vec![DescribableLogDirTopic {
            topic: TopicName(&of.topic),
            partitions: vec![of.partition],
        }]),
    };
    let answer = cluster.call_broker(of.broker, &request)?;
    let response: DescribeLogDirsResponse<'_> = answer.decode()?;
    let (mut place, mut is_moving) = (None, false);
    for dir in &response.results {
        let topics = dir.topics.iter().filter(|topic| topic.name.0 == of.topic);
        let mut replicas = topics.flat_map(|topic| &topic.partitions);
        match replicas.find(|replica| replica.partition_index == of.partition) {
            Some(replica) if replica.is_future_key => is_moving = true,
            Some(_) => place = Some(dir.log_dir.to_owned()),
            None => {}
        }
    }
    Ok(match place {
        Some(dir) if is_moving => Place::Moving(dir),
        Some(dir) => Place::In(dir),
        None => Place::Unknown,
    })
}

/// Sends replicas on their way, each by its own broker.
pub fn start_moves(cluster: &Cluster, moves: &[Move]) -> Result<(), ClientError> {
    for one in moves {
        let request = AlterReplicaLogDirsRequest {
            dirs: vec![AlterReplicaLogDir {
                path: &one.to,
                topics: vec![AlterReplicaLogDirTopic {
                    name: TopicName(&one.topic),
                    partitions: vec![one.partition],
                }],
            }],
        };
        let answer = cluster.call_broker(one.broker, &request)?;
        let response: AlterReplicaLogDirsResponse<'_> = answer.decode()?;
        for topic in &response.results {
            for partition in &topic.partitions {
                ClientError::check(partition.error_code, None, || {
                    format!("moving replica {} to {}", one.name(), one.to)
                })?;
            }
        }
    }
    Ok(())
}

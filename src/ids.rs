//! The numbers by which rooms name things, each a type of its own so that no two can be swapped.
//!
//! Room:   none; a vocabulary for all rooms.
//! Never:  has behaviour beyond arithmetic and display.

use std::fmt;

/// Position of a record in its partition, as clients see it. Never a byte position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// Counts the leaders a partition has had (KIP-101); -1 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(pub i32);

/// A topic's identity, for its whole life (KIP-516).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

/// One partition of one topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    pub topic: TopicId,
    pub partition: i32,
}

/// One shard of this broker, numbered from 0; its door is the `PeerId` of the same number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

/// Number of a group in a shard's journal; groups become durable in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupSequence(pub u64);

/// Which mark a batch must have passed before it counts (DESIGN §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequiredMark {
    /// Nothing: it counts when it is in memory (`ottla.durability=memory`).
    Memory,
    /// The O_DIRECT write completed: survives `kill -9`.
    #[default]
    Written,
    /// Survives power loss.
    Synced,
}

impl Offset {
    pub fn plus(self, count: i64) -> Offset {
        Offset(self.0 + count)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TopicId {
    pub const ZERO: TopicId = TopicId([0; 16]);
}

impl fmt::Display for TopicId {
    /// As Kafka prints it: URL-safe base64 without padding, 22 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let value = u128::from_be_bytes(self.0);
        for digit in 0..22 {
            let bits = if digit < 21 {
                value >> (122 - 6 * digit)
            } else {
                value << 4
            };
            write!(f, "{}", DIGITS[(bits & 63) as usize] as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_prints_as_kafka_prints_it() {
        // The id of the metadata topic, org.apache.kafka.common.Uuid.METADATA_TOPIC_ID.
        let mut bytes = [0; 16];
        bytes[15] = 1;
        assert_eq!(TopicId(bytes).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
    }
}

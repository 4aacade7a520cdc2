//! Which partition of which internal topic coordinates an id: Kafka's own hash.
//!
//! Room:       `coordinator`.
//! Called by:  handlers, which route by it.
//! Never:      changes: records of an id lie where this says, in old logs too.

/// What is coordinated; the numbers are FindCoordinator's key types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Group = 0,
    Transaction = 1,
    Share = 2,
}

impl Kind {
    pub fn from_code(code: i8) -> Option<Kind> {
        [Self::Group, Self::Transaction, Self::Share]
            .into_iter()
            .find(|kind| *kind as i8 == code)
    }

    /// The internal topic that keeps its state.
    pub fn topic(self) -> &'static str {
        match self {
            Self::Group => "__consumer_offsets",
            Self::Transaction => "__transaction_state",
            Self::Share => "__share_group_state",
        }
    }

    pub fn of_topic(topic: &str) -> Option<Kind> {
        [Self::Group, Self::Transaction, Self::Share]
            .into_iter()
            .find(|kind| kind.topic() == topic)
    }
}

/// The partition of `count` that coordinates an id: a group, a transactional id, or for share
/// partitions `group:topic id:partition`.
pub fn partition_of(id: &str, count: usize) -> i32 {
    let hash = java_hash(id) & i32::MAX;
    // A count of zero is no topic; its caller has looked.
    hash % i32::try_from(count.max(1)).unwrap_or(i32::MAX)
}

/// Java's `String.hashCode`, over UTF-16 units.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_go_where_java_sends_them() {
        // "polygenelubricants".hashCode() is Integer.MIN_VALUE.
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        assert_eq!(java_hash("console-consumer-12345"), {
            let mut hash = 0i32;
            for byte in b"console-consumer-12345" {
                hash = hash.wrapping_mul(31).wrapping_add(i32::from(*byte));
            }
            hash
        });
        assert_eq!(java_hash("a"), 97);
        assert_eq!(partition_of("a", 50), 47);
    }

    #[test]
    fn kinds_know_their_topics() {
        for kind in [Kind::Group, Kind::Transaction, Kind::Share] {
            assert_eq!(Kind::of_topic(kind.topic()), Some(kind));
            assert_eq!(Kind::from_code(kind as i8), Some(kind));
        }
        assert_eq!(Kind::of_topic("orders"), None);
        assert_eq!(Kind::from_code(3), None);
    }
}

//! Which partition a record goes to, as Kafka's Java producer decides.
//!
//! Room:       `client`.
//! Called by:  the producer's callers.
//! Calls:      nothing.
//! Never:      random: without a key, partitions take turns, batch by batch (KIP-480, KIP-794);
//!             where they begin is for the caller to say.

use super::properties::{ProducerConfig, Spread};

/// The partitions of a producer's records, by `partitioner.class` and `partitioner.ignore.keys`.
#[derive(Clone, Debug)]
pub struct Partitioner {
    spread: Spread,
    ignore_keys: bool,
    batch_bytes: usize,
    sticky: Sticky,
    turn: u32,
}

impl Partitioner {
    /// `start` is any number: where the turns of records without a key begin.
    pub fn new(config: &ProducerConfig, start: u64) -> Self {
        Self {
            spread: config.spread,
            ignore_keys: config.ignore_keys,
            batch_bytes: config.batch_bytes,
            sticky: Sticky {
                partition: (start % (1 << 30)) as i32,
                bytes: 0,
            },
            turn: 0,
        }
    }

    /// The partition of a record of so many bytes.
    pub fn next(&mut self, key: Option<&[u8]>, bytes: usize, partitions: i32) -> i32 {
        match (self.spread, key) {
            (Spread::RoundRobin, _) => {
                let partition = self.turn % partitions.unsigned_abs();
                self.turn = self.turn.wrapping_add(1);
                partition as i32
            }
            (Spread::Sticky, Some(key)) if !self.ignore_keys => partition_of_key(key, partitions),
            (Spread::Sticky, _) => self.sticky.next(bytes, self.batch_bytes, partitions),
        }
    }
}

/// The partition of a key: murmur2 without its sign, modulo the number of partitions.
pub fn partition_of_key(key: &[u8], partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has at least one partition");
    (murmur2(key) & i32::MAX) % partitions
}

/// Gives records without a key to one partition until a batch is full, then to the next.
#[derive(Clone, Debug, Default)]
pub struct Sticky {
    partition: i32,
    bytes: usize,
}

impl Sticky {
    /// The partition for a record of `bytes`; `batch_bytes` is when to move on.
    pub fn next(&mut self, bytes: usize, batch_bytes: usize, partitions: i32) -> i32 {
        assert!(partitions > 0, "a topic has at least one partition");
        if self.bytes > 0 && self.bytes + bytes > batch_bytes {
            self.partition += 1;
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.partition %= partitions;
        self.partition
    }
}

/// MurmurHash2, 32 bits, with the seed of Kafka's `Utils.murmur2`.
pub fn murmur2(bytes: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let mut hash = SEED ^ bytes.len() as u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (n, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * n);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_agrees_with_java() {
        // Known answers of the Java client's own hash.
        assert_eq!(murmur2(b"21"), -973_932_308);
        assert_eq!(murmur2(b"foobar"), -790_332_482);
        assert_eq!(murmur2(b"a-little-bit-long-string"), -985_981_536);
        assert_eq!(murmur2(b"a-little-bit-longer-string"), -1_486_304_829);
        assert_eq!(murmur2(b"abc"), 479_470_107);
    }

    #[test]
    fn the_class_and_the_key_decide() {
        let mut config = ProducerConfig {
            batch_bytes: 100,
            ..ProducerConfig::default()
        };
        let taken = |config: &ProducerConfig, key: Option<&[u8]>| -> Vec<i32> {
            let mut partitioner = Partitioner::new(config, 4);
            (0..4).map(|_| partitioner.next(key, 60, 3)).collect()
        };
        let of_key = partition_of_key(b"21", 3);
        assert_eq!(taken(&config, Some(b"21")), [of_key; 4]);
        assert_eq!(taken(&config, None), [1, 2, 0, 1]);
        config.ignore_keys = true;
        assert_eq!(taken(&config, Some(b"21")), [1, 2, 0, 1]);
        config.spread = Spread::RoundRobin;
        assert_eq!(taken(&config, Some(b"21")), [0, 1, 2, 0]);
    }

    #[test]
    fn sticky_moves_on_when_a_batch_is_full() {
        let mut sticky = Sticky::default();
        let taken: Vec<i32> = (0..9).map(|_| sticky.next(40, 100, 3)).collect();
        assert_eq!(taken, [0, 0, 1, 1, 2, 2, 0, 0, 1]);
    }
}

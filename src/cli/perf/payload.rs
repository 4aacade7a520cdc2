//! What `ottla perf` writes into records, and how reading proves that nothing was lost.
//!
//! Room:       `cli::perf`.
//! Called by:  `load` (fills), `reader` (checks).
//! Never:      trusts the broker: each record carries a hash over itself and over the hash of the
//!             record before it in its partition, so a lost, doubled, moved or changed record
//!             breaks the chain at its place.
//!
//! ```text
//!   0      4       12         20         28      36
//!   ├ otla ┼ run   ┼ sequence ┼ sent, ns ┼ chain ┼ body …        all big-endian
//! ```

use crate::map::Map;
use crate::protocol::record_batch::crc32c;

/// Fills record values; one chain per partition.
pub struct Payload {
    run: u64,
    value_bytes: usize,
    pool: Vec<u8>,
    links: Vec<Link>,
}

/// What records hold besides their stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Content {
    /// Bytes that no codec makes smaller.
    Random,
    /// Words, which compress about as logs do.
    Text,
    /// Zeros, which all but vanish.
    Zeros,
}

/// The last record of a chain.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    sequence_next: u64,
    chain: u64,
}

/// The stamp of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which run of the tool wrote it.
    pub run: u64,
    pub sequence: u64,
    /// The intended send time, wall clock, nanoseconds since the epoch.
    pub sent_ns: u64,
    pub chain: u64,
}

impl Payload {
    /// `run` tells runs apart; `partitions` chains; values of `value_bytes` each.
    pub fn new(run: u64, partitions: usize, value_bytes: usize, content: Content) -> Self {
        let pool = pool(content, value_bytes + POOL_BYTES);
        Self {
            run,
            value_bytes,
            pool,
            links: vec![Link::default(); partitions],
        }
    }

    /// The next value for a partition (by its place, not its number). Values too small for a
    /// stamp get content only.
    pub fn fill(&mut self, partition: usize, sent_ns: u64, value: &mut Vec<u8>) {
        value.clear();
        let link = &mut self.links[partition];
        let sequence = link.sequence_next;
        link.sequence_next += 1;
        let at = (sequence as usize).wrapping_mul(67) % POOL_BYTES;
        let Some(body_bytes) = self.value_bytes.checked_sub(STAMP_BYTES) else {
            value.extend_from_slice(&self.pool[at..at + self.value_bytes]);
            return;
        };
        value.extend_from_slice(MAGIC);
        value.extend_from_slice(&self.run.to_be_bytes());
        value.extend_from_slice(&sequence.to_be_bytes());
        value.extend_from_slice(&sent_ns.to_be_bytes());
        value.extend_from_slice(&[0; 8]);
        value.extend_from_slice(&self.pool[at..at + body_bytes]);
        link.chain = chained(link.chain, value);
        value[CHAIN_AT..STAMP_BYTES].copy_from_slice(&link.chain.to_be_bytes());
    }
}

/// The stamp of a value, if it has one.
pub fn stamp(value: &[u8]) -> Option<Stamp> {
    let head = value
        .strip_prefix(MAGIC)?
        .first_chunk::<{ STAMP_BYTES - 4 }>()?;
    let number = |at: usize| {
        let mut field = [0; 8];
        field.copy_from_slice(&head[at..at + 8]);
        u64::from_be_bytes(field)
    };
    Some(Stamp {
        run: number(0),
        sequence: number(8),
        sent_ns: number(16),
        chain: number(24),
    })
}

/// Checks the chains of all partitions and runs it sees.
#[derive(Debug, Default)]
pub struct Verifier {
    /// Partitions that are read from the first record ever written: every run in them is whole.
    from_start: Vec<i32>,
    links: Map<(i32, u64), Link>,
    found: Findings,
}

/// What verification found; all zero but `verified` is what everybody hopes for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records whose chain holds.
    pub verified: u64,
    /// Records without a stamp.
    pub unstamped: u64,
    /// Sequence numbers that never came.
    pub missing: u64,
    /// Records that came again.
    pub duplicated: u64,
    /// Records whose bytes or predecessor are not what was written.
    pub broken: u64,
}

impl Findings {
    pub fn is_clean(&self) -> bool {
        self.missing == 0 && self.duplicated == 0 && self.broken == 0
    }
}

impl Verifier {
    /// A verifier that knows which partitions are read from their first record on: there a run
    /// that does not begin with its first record has lost some.
    pub fn new(from_start: Vec<i32>) -> Self {
        Self {
            from_start,
            ..Self::default()
        }
    }

    /// Checks the next record of a partition.
    pub fn check(&mut self, partition: i32, value: &[u8]) {
        let Some(stamp) = stamp(value) else {
            self.found.unstamped += 1;
            return;
        };
        let known = self.links.contains_key(&(partition, stamp.run))
            || self.from_start.contains(&partition);
        let link = self.links.entry((partition, stamp.run)).or_default();
        if stamp.sequence < link.sequence_next {
            self.found.duplicated += 1;
            return;
        }
        // Elsewhere reading may begin anywhere in a run; after a gap the chain is taken up again.
        let gap = stamp.sequence - link.sequence_next;
        if gap > 0 && known {
            self.found.missing += gap;
        }
        if gap == 0 && chained(link.chain, value) != stamp.chain {
            self.found.broken += 1;
        } else {
            self.found.verified += 1;
        }
        *link = Link {
            sequence_next: stamp.sequence + 1,
            chain: stamp.chain,
        };
    }

    pub fn found(&self) -> Findings {
        self.found
    }
}

/// The chain after this value: its own field of the chain counts as zeros.
fn chained(before: u64, value: &[u8]) -> u64 {
    let (head, rest) = value.split_at(CHAIN_AT);
    let sums = u64::from(crc32c(head)) << 32 | u64::from(crc32c(&rest[8..]));
    mix(before ^ mix(sums))
}

/// A permutation of 64-bit numbers that spreads every bit (the finalizer of SplitMix64).
fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn pool(content: Content, bytes: usize) -> Vec<u8> {
    let mut state = 42;
    let mut next = || {
        state = mix(state);
        state
    };
    match content {
        Content::Zeros => vec![0; bytes],
        Content::Random => (0..bytes).map(|_| next() as u8).collect(),
        Content::Text => {
            let mut text = Vec::with_capacity(bytes + 16);
            while text.len() < bytes {
                text.extend_from_slice(WORDS[next() as usize % WORDS.len()].as_bytes());
                text.push(b' ');
            }
            text.truncate(bytes);
            text
        }
    }
}

/// A value needs so many bytes to be stamped.
pub const STAMP_BYTES: usize = 36;
const CHAIN_AT: usize = 28;
const MAGIC: &[u8; 4] = b"otla";
/// Bodies begin anywhere in so many bytes, so neighbours differ.
const POOL_BYTES: usize = 64 << 10;
const WORDS: [&str; 24] = [
    "order",
    "trade",
    "quote",
    "accepted",
    "rejected",
    "at",
    "for",
    "the",
    "of",
    "account",
    "client",
    "session",
    "latency",
    "price",
    "amount",
    "level=info",
    "level=warn",
    "timeout",
    "retry",
    "bid",
    "ask",
    "venue",
    "id=1842",
    "id=77",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: u64) -> Vec<Vec<u8>> {
        let mut payload = Payload::new(7, 1, 100, Content::Text);
        let fill = |n| {
            let mut value = Vec::new();
            payload.fill(0, n, &mut value);
            value
        };
        (0..count).map(fill).collect()
    }

    fn found(values: &[Vec<u8>]) -> Findings {
        let mut verifier = Verifier::default();
        values.iter().for_each(|value| verifier.check(0, value));
        verifier.found()
    }

    #[test]
    fn a_whole_chain_is_clean() {
        let values = values(1_000);
        assert_eq!(
            found(&values),
            Findings {
                verified: 1_000,
                ..Default::default()
            }
        );
        assert_eq!(
            stamp(&values[3]).map(|stamp| (stamp.run, stamp.sent_ns)),
            Some((7, 3))
        );
        assert!(found(&values[500..]).is_clean());
    }

    #[test]
    fn every_fault_is_told_apart() {
        let all = values(100);
        let mut lost = all.clone();
        lost.drain(40..45);
        assert_eq!(found(&lost).missing, 5);
        let mut whole = Verifier::new(vec![0]);
        let beheaded = &all[3..];
        beheaded.iter().for_each(|value| whole.check(0, value));
        beheaded.iter().for_each(|value| whole.check(1, value));
        assert_eq!(whole.found().missing, 3);
        let mut doubled = all.clone();
        doubled.insert(50, all[49].clone());
        assert_eq!(found(&doubled).duplicated, 1);
        let mut changed = all.clone();
        changed[60][80] ^= 1;
        assert_eq!(found(&changed).broken, 1);
        let mut swapped = all.clone();
        swapped.swap(10, 11);
        assert!(!found(&swapped).is_clean());
        assert_eq!(found(&[b"foreign".to_vec()]).unstamped, 1);
    }

    #[test]
    fn small_values_carry_no_stamp() {
        let mut payload = Payload::new(1, 1, 10, Content::Random);
        let mut value = Vec::new();
        payload.fill(0, 0, &mut value);
        assert_eq!((value.len(), stamp(&value)), (10, None));
    }
}

//! What `ottla.memory.bytes` is shared out to. All that grows with load has a share here.
//!
//! Room:       `config`.
//! Called by:  `broker`, `shard`, `handlers`, `cli::server`, each for what it bounds.
//! Never:      takes memory: every share is touched as it is used.
//!
//! ```text
//!   sixteenths   2 the program itself, tables, indexes of open segments
//!                3 requests, of which 1 the buffers they are received in
//!                3 journal slabs: batches that are not in a segment yet
//!                2 flushed batches kept because they are new
//!                2 blocks of older batches kept because somebody read them
//!                2 answers: what of those three somebody reads, or has not taken yet
//!                2 pages nobody uses, kept because faulting them in again costs CPU
//! ```

const SIXTEENTHS: u64 = 16;

/// The shares of one shard, but for `request_bytes`, which its shards share out by need, and
/// `pool_bytes`, which are the whole process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryShares {
    pub request_bytes: usize,
    pub receive_bytes: usize,
    pub slab_bytes: usize,
    /// Of one log dir, as `cache_bytes`.
    pub hot_bytes: usize,
    pub cache_bytes: usize,
    pub answer_bytes: usize,
    pub pool_bytes: usize,
}

impl MemoryShares {
    pub fn of(memory_bytes: u64, shards: u16, dirs: usize) -> MemoryShares {
        let sixteenths = |count: u64| memory_bytes / SIXTEENTHS * count;
        let per_shard = |bytes: u64| (bytes / u64::from(shards.max(1))) as usize;
        let per_dir = |bytes: u64| per_shard(bytes) / dirs.max(1);
        MemoryShares {
            request_bytes: sixteenths(3) as usize,
            receive_bytes: per_shard(sixteenths(1)),
            slab_bytes: per_shard(sixteenths(3)),
            hot_bytes: per_dir(sixteenths(2)),
            cache_bytes: per_dir(sixteenths(2)),
            answer_bytes: per_shard(sixteenths(2)),
            pool_bytes: sixteenths(2) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_are_the_budget() {
        for (memory, shards, dirs) in [(256 << 20, 2, 1), (16 << 20, 4, 3), (1 << 30, 64, 2)] {
            let shares = MemoryShares::of(memory, shards, dirs);
            let shard = shares.slab_bytes
                + shares.answer_bytes
                + dirs * (shares.hot_bytes + shares.cache_bytes);
            let all = shard * usize::from(shards) + shares.request_bytes + shares.pool_bytes;
            let program = (memory / SIXTEENTHS * 2) as usize;
            assert!(all + program <= memory as usize, "{shares:?}");
            assert!(all + program > memory as usize / 100 * 99, "{shares:?}");
            assert!(shares.receive_bytes * usize::from(shards) <= shares.request_bytes);
        }
    }
}

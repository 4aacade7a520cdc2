//! What `ottla.memory.bytes` is shared out to. All that grows with load has a share here.
//!
//! Room:       `config`.
//! Called by:  `broker`, `shard`, `handlers`, `cli::server`, each for what it bounds.
//! Never:      takes memory: every share is touched as it is used.
//!
//! ```text
//!   sixteenths   2 the program itself, tables, indexes of open segments
//!                4 requests, of which 1 the buffers they are received in
//!                3 journal slabs: batches that are not in a segment yet
//!                2 flushed batches kept because they are new
//!                3 blocks of older batches kept because somebody read them
//!                2 pages nobody uses, kept because faulting them in again costs CPU
//! ```

const SIXTEENTHS: u64 = 16;

/// The shares of one shard, but for `pool_bytes`, which is the whole process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryShares {
    pub request_bytes: usize,
    pub receive_bytes: usize,
    pub slab_bytes: usize,
    /// Of one log dir, as `cache_bytes`.
    pub hot_bytes: usize,
    pub cache_bytes: usize,
    pub pool_bytes: usize,
}

impl MemoryShares {
    pub fn of(memory_bytes: u64, shards: u16, dirs: usize) -> MemoryShares {
        let sixteenths = |count: u64| memory_bytes / SIXTEENTHS * count;
        let per_shard = |bytes: u64| (bytes / u64::from(shards.max(1))) as usize;
        let per_dir = |bytes: u64| per_shard(bytes) / dirs.max(1);
        MemoryShares {
            request_bytes: per_shard(sixteenths(4)),
            receive_bytes: per_shard(sixteenths(1)),
            slab_bytes: per_shard(sixteenths(3)),
            hot_bytes: per_dir(sixteenths(2)),
            cache_bytes: per_dir(sixteenths(3)),
            pool_bytes: sixteenths(2) as usize,
        }
    }
}

/// The most one answer may carry: who reads slowly holds it that long.
pub(super) fn answer_bytes(memory_bytes: u64) -> usize {
    ((memory_bytes / SIXTEENTHS * 2) as usize).max(ANSWER_BYTES_MIN)
}

/// However small the budget: the largest batch that is allowed by default.
const ANSWER_BYTES_MIN: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_are_the_budget() {
        for (memory, shards, dirs) in [(256 << 20, 2, 1), (16 << 20, 4, 3), (1 << 30, 64, 2)] {
            let shares = MemoryShares::of(memory, shards, dirs);
            let shard = shares.request_bytes
                + shares.slab_bytes
                + dirs * (shares.hot_bytes + shares.cache_bytes);
            let all = shard * usize::from(shards) + shares.pool_bytes;
            let program = (memory / SIXTEENTHS * 2) as usize;
            assert!(all + program <= memory as usize, "{shares:?}");
            assert!(all + program > memory as usize / 100 * 99, "{shares:?}");
            assert!(shares.receive_bytes <= shares.request_bytes);
        }
    }
}

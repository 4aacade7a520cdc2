//! stub
use super::*;
use std::future::Future;
use std::pin::Pin;

/// The answer to a read.
pub enum Read {
    /// Whole batches, in order; neighbours in memory are one slice.
    Now(Vec<Slice>),
    /// The disk is asked once this is awaited.
    Later(ColdRead),
}

/// A read that goes to the block cache or the disk.
pub type ColdRead = Pin<Box<dyn Future<Output = Result<Vec<Slice>, ReadError>>>>;

impl Log {
    /// Whole batches from the one that contains `from`, all below `limit`, at most `max_bytes`;
    /// the first may be larger when `min_one`. Empty when nothing is there below `limit`.
    pub fn read(
        &self,
        from: Offset,
        limit: Offset,
        max_bytes: usize,
        min_one: bool,
    ) -> Result<Read, ReadError> {
        let _ = (from, limit, max_bytes, min_one);
        unimplemented!("lands next")
    }

    /// The first record below `limit` whose timestamp is at or after `at` (milliseconds since
    /// 1970): its offset and timestamp.
    pub async fn offset_for_timestamp(
        &self,
        at: i64,
        limit: Offset,
    ) -> Result<Option<(Offset, i64)>, ReadError> {
        let _ = (at, limit);
        unimplemented!("lands next")
    }

    /// The record with the largest timestamp below `limit`: its offset and timestamp.
    pub async fn max_timestamp(&self, limit: Offset) -> Result<Option<(Offset, i64)>, ReadError> {
        let _ = limit;
        unimplemented!("lands next")
    }

    /// Aborted transactions with data in `from..to`, for a read_committed consumer.
    pub async fn aborted_transactions(
        &self,
        from: Offset,
        to: Offset,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        let _ = (from, to);
        unimplemented!("lands next")
    }
}

//! What the log needs to know of a batch: its header, and for a control batch which marker it is.
//!
//! Room:       `log`.
//! Called by:  `partition` (to append), the scanner (to recover).
//! Calls:      `protocol::record_batch`.
//! Never:      decompresses.

use crate::ids::{LeaderEpoch, Offset};
use ottla_protocol::record_batch::{Batch, BatchHeader, HeaderError, Records};

/// The facts of one batch as it lies in the log: base offset and leader epoch are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    pub header: BatchHeader,
    /// Set for a control batch that ends a transaction.
    pub marker: Option<EndMarker>,
}

/// The end of a transaction (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndMarker {
    pub commit: bool,
    pub coordinator_epoch: i32,
}

impl BatchInfo {
    /// Of a data batch, or of a control batch that ends no transaction.
    pub fn of(header: BatchHeader) -> BatchInfo {
        BatchInfo {
            header,
            marker: None,
        }
    }

    /// Of the whole batch at the start of `bytes`; the CRC is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<BatchInfo, HeaderError> {
        let batch = Batch::parse(bytes)?;
        let marker = batch
            .header
            .attributes
            .is_control()
            .then(|| EndMarker::parse(&batch))
            .flatten();
        Ok(BatchInfo {
            header: batch.header,
            marker,
        })
    }

    pub fn base_offset(&self) -> Offset {
        Offset(self.header.base_offset)
    }

    pub fn last_offset(&self) -> Offset {
        Offset(self.header.last_offset())
    }

    pub fn next_offset(&self) -> Offset {
        Offset(self.header.next_offset())
    }

    pub fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.header.partition_leader_epoch)
    }

    pub fn size(&self) -> usize {
        self.header.size()
    }
}

impl EndMarker {
    /// A control record's key is (version i16, type i16), its value (version i16, coordinator
    /// epoch i32); types 0 and 1 are abort and commit, others belong to the metadata quorum.
    fn parse(batch: &Batch<'_>) -> Option<EndMarker> {
        let record = Records::of(batch).next()?.ok()?;
        let kind = record.key?.get(2..4)?;
        let commit = match kind {
            [0, 0] => false,
            [0, 1] => true,
            _ => return None,
        };
        let epoch = record.value?.get(2..6)?;
        let epoch = <[u8; 4]>::try_from(epoch).ok()?;
        Some(EndMarker {
            commit,
            coordinator_epoch: i32::from_be_bytes(epoch),
        })
    }
}

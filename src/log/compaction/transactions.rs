//! Which batches of transactions may go: data that was aborted, markers that end nothing any more.
//!
//! Room:       `log::compaction`.
//! Called by:  `pass`, once per batch, in the order of the log.
//! Never:      touches a disk; the aborted transactions come from the transaction indexes.
//!
//! The rules are Kafka's (`CleanedTransactionMetadata`): aborted data goes at once; a marker may
//! go when no data of its transaction was seen before it in this pass, and then not before its
//! delete horizon, so that a consumer in the middle of the transaction still learns its end. As
//! long as a marker of an abort stays, its entry stays in the transaction index.

use crate::ids::Offset;
use crate::log::{AbortedTransaction, BatchInfo};
use crate::map::{Map, Set};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    /// Not begun yet at the place of the pass, by first offset.
    ahead: BTreeMap<(Offset, i64), AbortedTransaction>,
    /// Begun and aborted, by producer id; whether data of it was seen.
    aborted: Map<i64, (AbortedTransaction, bool)>,
    /// Producers whose open transaction has data that stays.
    committed: Set<i64>,
    /// Entries for the index of the segment that is being written.
    kept: Vec<AbortedTransaction>,
}

impl Transactions {
    /// Learns of aborted transactions with data in what comes next.
    pub fn add(&mut self, found: &[AbortedTransaction]) {
        for entry in found {
            let known = self.aborted.get(&entry.producer_id);
            if known.is_none_or(|(known, _)| known.first_offset != entry.first_offset) {
                let key = (entry.first_offset, entry.producer_id);
                self.ahead.insert(key, *entry);
            }
        }
    }

    /// Whether the next batch may be discarded, as far as transactions go.
    pub fn discards(&mut self, info: &BatchInfo) -> bool {
        self.begin_up_to(info.last_offset());
        let producer_id = info.header.producer_id;
        if info.header.attributes.is_control() {
            return self.discards_marker(info);
        }
        if !info.header.attributes.is_transactional() {
            return false;
        }
        match self.aborted.get_mut(&producer_id) {
            Some((_, seen)) => {
                *seen = true;
                true
            }
            None => {
                self.committed.insert(producer_id);
                false
            }
        }
    }

    /// Entries of the transaction index for what was passed since the last call.
    pub fn take_kept(&mut self) -> Vec<AbortedTransaction> {
        std::mem::take(&mut self.kept)
    }

    fn discards_marker(&mut self, info: &BatchInfo) -> bool {
        let producer_id = info.header.producer_id;
        let Some(marker) = info.marker else {
            // Emptied by an earlier pass; or of a kind that is not ours to judge.
            return info.header.records_count == 0;
        };
        if marker.commit {
            return !self.committed.remove(&producer_id);
        }
        match self.aborted.remove(&producer_id) {
            Some((entry, true)) => {
                self.kept.push(entry);
                false
            }
            _ => true,
        }
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(first) = self.ahead.first_entry() {
            if first.key().0 > offset {
                return;
            }
            let entry = first.remove();
            self.aborted
                .entry(entry.producer_id)
                .or_insert((entry, false));
        }
    }
}

//! Which leader epoch wrote which offsets, and what two replicas learn by comparing (KIP-101).
//!
//! Room:       `log`.
//! Called by:  `Log`, which assigns an epoch with each batch and cuts both ends with the log.
//! Never:      touches a disk; `Log` reads and writes the text of `leader-epoch-checkpoint`.
//!
//! Always true: epochs and start offsets both rise from entry to entry.

use crate::ids::{LeaderEpoch, Offset};
use crate::log::checkpoint::FormatError;
use smallvec::SmallVec;

/// One epoch and the offset of the first batch written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    pub epoch: LeaderEpoch,
    pub start: Offset,
}

/// Oldest first. Most logs know one.
pub type Epochs = SmallVec<[EpochEntry; 1]>;

/// The epochs of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochCache {
    entries: Epochs,
}

impl EpochCache {
    /// Entries out of order, as garbage in a file would be, drop what they contradict.
    pub fn from_entries(entries: impl IntoIterator<Item = EpochEntry>) -> EpochCache {
        let mut cache = EpochCache::default();
        for entry in entries {
            cache.assign(entry.epoch, entry.start);
        }
        cache
    }

    /// Notes that `epoch` starts at `start`. True when that changed something. Entries the new one
    /// contradicts (later epochs, or later starts) go: the log was cut and written anew.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if epoch.0 < 0 || start.0 < 0 {
            return false;
        }
        if let Some(last) = self.entries.last()
            && last.epoch == epoch
            && start >= last.start
        {
            return false;
        }
        let contradicts = |last: &EpochEntry| last.epoch >= epoch || last.start >= start;
        while self.entries.last().is_some_and(contradicts) {
            self.entries.pop();
        }
        self.entries.push(EpochEntry { epoch, start });
        true
    }

    /// Learns from a batch found in the log: changes nothing that agrees with it, or that it is too
    /// old to know about. True when that changed something.
    pub fn confirm(&mut self, epoch: LeaderEpoch, base: Offset) -> bool {
        let too_old = self.entries.first().is_some_and(|first| base < first.start);
        !too_old && self.epoch_of(base) != Some(epoch) && self.assign(epoch, base)
    }

    /// Drops epochs that start at or after `end`. True when that changed something.
    pub fn truncate_from_end(&mut self, end: Offset) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start < end);
        before != self.entries.len()
    }

    /// Drops epochs that end at or before `start`; the first one left begins there.
    pub fn truncate_from_start(&mut self, start: Offset) -> bool {
        let below = self.entries.partition_point(|entry| entry.start <= start);
        if below == 0 || self.entries[below - 1].start == start && below == 1 {
            return false;
        }
        self.entries.drain(..below - 1);
        self.entries[0].start = start;
        true
    }

    pub fn clear(&mut self) {
        self.entries = Epochs::new();
    }

    pub fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    /// The epoch in which `offset` was written.
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        let below = self.entries.partition_point(|entry| entry.start <= offset);
        let entry = self.entries.get(below.checked_sub(1)?)?;
        Some(entry.epoch)
    }

    /// Where `epoch` ended: the largest epoch of ours not above it and that epoch's end offset
    /// (KIP-101, KIP-279). `None` when nothing can be said.
    pub fn end_offset_for(
        &self,
        epoch: LeaderEpoch,
        log_end: Offset,
    ) -> Option<(LeaderEpoch, Offset)> {
        if epoch.0 < 0 {
            return None;
        }
        let above = self.entries.partition_point(|entry| entry.epoch <= epoch);
        if let Some(higher) = self.entries.get(above) {
            // Below the first epoch we know, the follower is told its own epoch and our start.
            let floor = above.checked_sub(1).map(|floor| self.entries[floor].epoch);
            return Some((floor.unwrap_or(epoch), higher.start));
        }
        let latest = self.entries.last()?;
        (latest.epoch == epoch).then_some((epoch, log_end))
    }

    /// The text of `leader-epoch-checkpoint`.
    pub fn format(&self) -> String {
        let mut text = format!("0\n{}\n", self.entries.len());
        for entry in &self.entries {
            text.push_str(&format!("{} {}\n", entry.epoch.0, entry.start.0));
        }
        text
    }

    /// The reverse of `format`.
    pub fn parse(text: &str) -> Result<EpochCache, FormatError> {
        let rows = crate::log::checkpoint::rows(text)?;
        let mut entries = Vec::new();
        for (number, row) in rows {
            let bad = FormatError::Line { number };
            let (epoch, start) = row.split_once(' ').ok_or(bad)?;
            entries.push(EpochEntry {
                epoch: LeaderEpoch(epoch.parse().map_err(|_| bad)?),
                start: Offset(start.trim().parse().map_err(|_| bad)?),
            });
        }
        Ok(EpochCache::from_entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> EpochCache {
        EpochCache {
            entries: entries
                .iter()
                .map(|&(epoch, start)| EpochEntry {
                    epoch: LeaderEpoch(epoch),
                    start: Offset(start),
                })
                .collect(),
        }
    }

    #[test]
    fn a_new_epoch_drops_what_it_contradicts() {
        let mut epochs = EpochCache::default();
        assert!(epochs.assign(LeaderEpoch(0), Offset(0)));
        assert!(!epochs.assign(LeaderEpoch(0), Offset(5)));
        assert!(epochs.assign(LeaderEpoch(2), Offset(10)));
        assert!(epochs.assign(LeaderEpoch(3), Offset(20)));
        assert_eq!(epochs, cache(&[(0, 0), (2, 10), (3, 20)]));
        assert!(epochs.assign(LeaderEpoch(4), Offset(10)));
        assert_eq!(epochs, cache(&[(0, 0), (4, 10)]));
        assert!(epochs.assign(LeaderEpoch(1), Offset(10)));
        assert_eq!(epochs, cache(&[(0, 0), (1, 10)]));
        assert!(!epochs.assign(LeaderEpoch(-1), Offset(12)));
    }

    #[test]
    fn both_ends_are_cut_with_the_log() {
        let mut epochs = cache(&[(0, 0), (2, 10), (3, 20)]);
        assert!(epochs.truncate_from_end(Offset(20)));
        assert!(!epochs.truncate_from_end(Offset(20)));
        assert_eq!(epochs, cache(&[(0, 0), (2, 10)]));
        assert!(!epochs.truncate_from_start(Offset(0)));
        assert!(epochs.truncate_from_start(Offset(4)));
        assert_eq!(epochs, cache(&[(0, 4), (2, 10)]));
        assert!(epochs.truncate_from_start(Offset(10)));
        assert_eq!(epochs, cache(&[(2, 10)]));
        assert!(!epochs.truncate_from_start(Offset(10)));
        assert!(epochs.truncate_from_start(Offset(11)));
        assert_eq!(epochs, cache(&[(2, 11)]));
    }

    #[test]
    fn the_end_of_an_epoch_is_the_start_of_the_next() {
        let epochs = cache(&[(2, 10), (4, 20), (7, 30)]);
        let ask = |epoch| {
            let answer = epochs.end_offset_for(LeaderEpoch(epoch), Offset(99));
            answer.map(|(epoch, end)| (epoch.0, end.0))
        };
        assert_eq!(ask(-1), None);
        assert_eq!(ask(0), Some((0, 10)));
        assert_eq!(ask(2), Some((2, 20)));
        assert_eq!(ask(3), Some((2, 20)));
        assert_eq!(ask(5), Some((4, 30)));
        assert_eq!(ask(7), Some((7, 99)));
        assert_eq!(ask(8), None);
        assert_eq!(epochs.epoch_of(Offset(9)), None);
        assert_eq!(epochs.epoch_of(Offset(29)), Some(LeaderEpoch(4)));
    }

    #[test]
    fn the_file_goes_both_ways() {
        let epochs = cache(&[(0, 0), (3, 20)]);
        assert_eq!(epochs.format(), "0\n2\n0 0\n3 20\n");
        assert_eq!(EpochCache::parse(&epochs.format()), Ok(epochs));
        assert_eq!(EpochCache::parse("0\n0\n"), Ok(EpochCache::default()));
        assert_eq!(EpochCache::parse(""), Ok(EpochCache::default()));
        for bad in ["\n", "1\n0\n", "0\n2\n0 0\n", "0\n1\nx y\n", "0\n1\n0\n"] {
            assert!(EpochCache::parse(bad).is_err(), "{bad:?}");
        }
    }
}

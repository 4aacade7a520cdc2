//! What there is to compact in a log, and in which groups.
//!
//! Room:       `log::compaction`.
//! Called by:  `shard::cleaner`, which compares logs by it; `Log::compact`.
//! Calls:      `time` (a segment's timestamps), `scan` (its first batch).
//! Never:      decides which log is compacted, or changes one.

use super::Part;
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::scan::{Found, HEADER_WINDOW_BYTES, NO_CHECK, Scanner};
use crate::log::{Inner, Log, LogError, LogSettings};

/// How dirty a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanable {
    /// Where the dirty part begins: as asked, but inside the log.
    pub first_dirty: Offset,
    /// Where the part ends that may be compacted now.
    pub until: Offset,
    pub clean_bytes: u64,
    pub dirty_bytes: u64,
    /// A record has waited longer than `max.compaction.lag.ms`.
    pub overdue: bool,
}

impl Cleanable {
    /// Dirty bytes of all bytes that a compaction would read.
    pub fn dirty_ratio(&self) -> f64 {
        let all = self.clean_bytes + self.dirty_bytes;
        match all {
            0 => 0.0,
            all => self.dirty_bytes as f64 / all as f64,
        }
    }
}

/// How long records must and may wait, `min.` and `max.compaction.lag.ms`.
#[derive(Clone, Copy, Debug)]
pub struct Lags {
    /// Wall clock, milliseconds since 1970.
    pub now_ms: i64,
    pub min_ms: i64,
    pub max_ms: i64,
}

impl Log {
    /// What may be compacted of the segments that end at or below `limit`; `checkpoint` is where
    /// the last compaction ended.
    pub async fn cleanable(
        &self,
        checkpoint: Offset,
        limit: Offset,
        lags: &Lags,
    ) -> Result<Cleanable, LogError> {
        self.0.state.borrow().check_online()?;
        let result = self.0.cleanable(checkpoint, limit, lags).await;
        self.0.guard(result)
    }
}

impl Inner {
    async fn cleanable(
        &self,
        checkpoint: Offset,
        limit: Offset,
        lags: &Lags,
    ) -> Result<Cleanable, Errno> {
        let (start, end) = {
            let state = self.state.borrow();
            (state.log_start, state.log_end)
        };
        // A checkpoint from another life of the topic, or below what retention took.
        let first_dirty = match checkpoint {
            checkpoint if checkpoint > end => start,
            checkpoint => checkpoint.max(start),
        };
        let mut cleanable = Cleanable {
            first_dirty,
            until: first_dirty,
            clean_bytes: 0,
            dirty_bytes: 0,
            overdue: false,
        };
        for part in self.parts(limit) {
            if part.end <= first_dirty {
                cleanable.clean_bytes += u64::from(part.size);
                continue;
            }
            if lags.min_ms > 0 {
                let newest = self.time_mark(part.base).await?.timestamp;
                if newest > lags.now_ms.saturating_sub(lags.min_ms) {
                    break;
                }
            }
            if lags.max_ms < i64::MAX && !cleanable.overdue {
                let first = self.first_timestamp(&part).await?;
                let latest = lags.now_ms.saturating_sub(lags.max_ms);
                cleanable.overdue = first > 0 && first < latest;
            }
            cleanable.dirty_bytes += u64::from(part.size);
            cleanable.until = part.end;
        }
        Ok(cleanable)
    }

    /// The largest timestamp of a closed segment's first batch, -1 when there is none.
    async fn first_timestamp(&self, part: &Part) -> Result<i64, Errno> {
        if part.size == 0 {
            return Ok(-1);
        }
        let file = self.segment_file(part.base, false).await?;
        let mut scanner = Scanner::new(file, 0, u64::from(part.size), HEADER_WINDOW_BYTES);
        Ok(match scanner.next(NO_CHECK).await? {
            Found::Batch { info, .. } => info.header.max_timestamp,
            Found::Garbage | Found::End => -1,
        })
    }
}

/// Neighbours that fit into one segment together, by the sizes they have now.
pub(super) fn groups<'p>(parts: &'p [Part], settings: &LogSettings) -> Vec<&'p [Part]> {
    let mut groups = Vec::new();
    let mut from = 0;
    let mut bytes = 0;
    for (index, part) in parts.iter().enumerate() {
        let first = parts[from].base;
        let fits = bytes + u64::from(part.size) <= u64::from(settings.segment_bytes)
            && part.end.0 - 1 - first.0 <= i64::from(i32::MAX);
        if index > from && !fits {
            groups.push(&parts[from..index]);
            from = index;
            bytes = 0;
        }
        bytes += u64::from(part.size);
    }
    if from < parts.len() {
        groups.push(&parts[from..]);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_grouped_up_to_the_size_of_a_segment() {
        let settings = LogSettings {
            segment_bytes: 100,
            ..LogSettings::default()
        };
        let far = i64::from(i32::MAX);
        let sizes = [
            (0, 60),
            (10, 30),
            (20, 20),
            (30, 0),
            (far + 20, 10),
            (far + 30, 200),
        ];
        let parts: Vec<Part> = sizes
            .iter()
            .map(|(base, size)| Part {
                base: Offset(*base),
                end: Offset(base + 10),
                size: *size,
            })
            .collect();
        let grouped: Vec<usize> = groups(&parts, &settings).iter().map(|g| g.len()).collect();
        assert_eq!(grouped, [2, 2, 1, 1]);
        assert!(groups(&[], &settings).is_empty());
    }
}

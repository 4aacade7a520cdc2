//! A log dir that Apache Kafka has had since: it opens one after a clean stop, and writes behind
//! what our checkpoint knows of, or cuts it.
//!
//! Room:       `shard`.
//! Called by:  `recovery`; `broker::control` at a clean stop.
//! Calls:      `runtime` for names and for the file that both brokers must know.
//! Never:      believes what a file of Kafka's says of offsets that are not there.
//!
//! Where a partition begins inside a segment (DeleteRecords) no segment tells, so
//! `log-start-offset-checkpoint` goes from one broker to the other:
//!
//! ```text
//!   0                  version
//!   1                  how many lines follow
//!   orders 3 4711      topic, partition, its first offset
//! ```

use super::{RecoveryError, Replay};
use crate::ids::{GroupSequence, Offset};
use crate::io::Errno;
use crate::journal::Entry;
use crate::log::layout::{
    CLEAN_SHUTDOWN_FILE, HIGH_WATERMARK_FILE, LOG_START_FILE, RECOVERY_POINT_FILE,
};
use crate::map::Map;
use crate::runtime::Runtime;
use crate::shard::checkpoint_file::Checkpoints;
use std::fmt::Write;
use std::path::Path;

/// A million partitions with the longest names.
const LOG_STARTS_BYTES_MAX: usize = 256 << 20;

/// What Kafka leaves there, from its start on. The one that tells goes last.
const FILES: [&str; 4] = [
    CLEAN_SHUTDOWN_FILE,
    HIGH_WATERMARK_FILE,
    LOG_START_FILE,
    RECOVERY_POINT_FILE,
];

/// Whether Kafka had the folder, so that nothing is known of its segments.
pub async fn had(runtime: &Runtime, dir: &Path) -> bool {
    let is_there = runtime.status(&dir.join(RECOVERY_POINT_FILE)).await.is_ok();
    if is_there {
        tracing::info!(
            dir = %dir.display(),
            "Apache Kafka had this folder meanwhile: segments are looked at from their start"
        );
    }
    is_there
}

/// Our checkpoint knows the folder again.
pub async fn forget(runtime: &Runtime, dir: &Path) -> Result<(), Errno> {
    for name in FILES {
        runtime.unlink_if_there(&dir.join(name)).await?;
    }
    Ok(())
}

impl Replay {
    /// Partitions begin where Kafka says, as if DeleteRecords stood in the journal.
    pub(super) async fn begin_as_kafkas(&mut self) -> Result<(), RecoveryError> {
        let path = self.dir.join(LOG_START_FILE);
        let text = match self.runtime.read_file(&path, LOG_STARTS_BYTES_MAX).await {
            Ok(bytes) => bytes,
            Err(Errno::NO_ENTRY) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let Some(starts) = std::str::from_utf8(&text).ok().and_then(parse) else {
            tracing::warn!(
                path = %path.display(),
                "cannot be read; partitions begin at their first segments, and what DeleteRecords \
                 cut off in them is there again"
            );
            return Ok(());
        };
        let folders = self.folders().await?;
        let known = folders
            .iter()
            .filter_map(|(key, folder)| Some((*key, *starts.get(folder)?)));
        for (key, to) in known.collect::<Vec<_>>() {
            if !self.members.contains_key(&key) {
                self.open(key, None).await?;
            }
            if let Some(member) = self.members.get_mut(&key) {
                let entry = Entry::LogStart { key, to };
                member
                    .apply(GroupSequence(0), entry, Default::default())
                    .await?;
            }
        }
        Ok(())
    }
}

/// First offsets above 0, by partitions' folders; `None` for what is no such file.
fn parse(text: &str) -> Option<Map<String, Offset>> {
    let mut lines = text.lines();
    let (version, count) = (lines.next()?, lines.next()?.parse().ok()?);
    let mut starts = Map::default();
    for line in lines.by_ref().take(count) {
        let mut words = line.split_whitespace();
        let (topic, partition) = (words.next()?, words.next()?.parse::<u32>().ok()?);
        let start = words.next()?.parse().ok().filter(|start| *start >= 0)?;
        starts.insert(format!("{topic}-{partition}"), Offset(start));
    }
    (version == "0" && starts.len() == count && lines.next().is_none()).then_some(starts)
}

/// Tells Kafka, which may have the folder next, where partitions begin.
pub async fn tell_log_starts(runtime: &Runtime, dir: &Path) -> Result<(), Errno> {
    let checkpoints = Checkpoints::load(runtime, dir).await?;
    let starts = checkpoints.records.values().filter_map(|record| {
        let (topic, partition) = record.folder.rsplit_once('-')?;
        let cut = record.log_start > Offset(0) && partition.parse::<u32>().is_ok();
        cut.then_some((topic, partition, record.log_start))
    });
    let path = dir.join(LOG_START_FILE);
    let mut lines = String::new();
    let mut count = 0;
    for (topic, partition, start) in starts {
        let _ = writeln!(lines, "{topic} {partition} {}", start.0);
        count += 1;
    }
    if count == 0 {
        return runtime.unlink_if_there(&path).await;
    }
    let text = format!("0\n{count}\n{lines}");
    runtime.replace_file(&path, text.into_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_file_is_read_or_not_believed() {
        let starts = parse("0\n2\norders 3 4711\na-b 0 0\n").expect("as Kafka writes it");
        assert_eq!(starts.get("orders-3"), Some(&Offset(4711)));
        assert_eq!(starts.get("a-b-0"), Some(&Offset(0)));
        assert!(parse("0\n0\n").expect("it may be empty").is_empty());
        for broken in [
            "",
            "0\n",
            "1\n0\n",
            "0\n1\n",
            "0\n1\nt 0 1\nt 1 1\n",
            "0\n2\nt 0 1\n",
            "0\n1\nt 0\n",
            "0\n1\nt 0 -5\n",
            "0\n1\nt x 5\n",
            "0\n18446744073709551615\nt 0 5\n",
        ] {
            assert!(parse(broken).is_none(), "{broken:?}");
        }
    }
}

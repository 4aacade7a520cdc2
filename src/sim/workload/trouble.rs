//! What disks do to a broker that it must get along with, and what must still hold meanwhile.
//!
//! Room:       `sim`.
//! Called by:  `workload`.
//! Calls:      `disk` for faults and rot, `model` for what may be missing because of them.
//! Never:      excuses a batch that its trouble did not hit.
//!
//! ```text
//!   FailsOnce   a write or sync of a journal or segment ends with EIO: that log dir is offline,
//!               the others serve; after a restart nothing acknowledged is missing
//!   Fails       the same by chance, reads too, in any number
//!   Fills       somebody takes all space and gives it back: refusals, then all is taken again
//!   Rots        bits flip at rest: that batch answers an error, the rest serves; a rotten index
//!               costs nothing
//!   Misreads    a read returns a wrong bit, the disk keeping the right one: nothing wrong is
//!               served, and after a restart all is there
//! ```

use super::Run;
use super::traffic::send;
use crate::io::Errno;
use crate::log::layout::{FileKind, FileName, FolderName};
use crate::protocol::record_batch::{Batches, Compression, place};
use crate::sim::clock::{Latency, MILLISECOND, SECOND};
use crate::sim::disk::{DiskLatencies, Fault, FaultKind};
use crate::sim::model::Sending;
use crate::sim::node::{LOG_DIRS, Node};
use crate::sim::world::World;
use std::path::{Path, PathBuf};

/// What goes wrong in a run, beside crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    FailsOnce,
    Fails,
    Fills,
    Rots,
    Misreads,
}

impl Trouble {
    pub fn choose(world: &World) -> Trouble {
        world.choose(&[
            (10, Trouble::None),
            (2, Trouble::FailsOnce),
            (2, Trouble::Fails),
            (2, Trouble::Fills),
            (2, Trouble::Rots),
            (1, Trouble::Misreads),
        ])
    }

    /// A disk returns errors.
    pub fn fails(self) -> bool {
        matches!(self, Trouble::FailsOnce | Trouble::Fails)
    }
}

impl Run {
    /// Some disks are slow, in one thing or in all.
    pub(super) fn set_pace_of_disk(&self) {
        if self.trouble == Trouble::Fills || self.world.below(6) > 0 {
            return;
        }
        let slow = |usual: Latency| match self.world.below(2) {
            0 => usual,
            _ => Latency::around(MILLISECOND, self.world.below(60) * MILLISECOND),
        };
        let usual = DiskLatencies::default();
        let latencies = DiskLatencies {
            read: slow(usual.read),
            write: slow(usual.write),
            sync: slow(usual.sync),
            metadata: slow(usual.metadata),
        };
        self.world
            .disk(self.machine, |disk| disk.faults.latencies = latencies);
    }

    /// No fault is left; how slow the disk is stays.
    pub(super) fn calm(&self) {
        self.world.disk(self.machine, |disk| {
            disk.faults = crate::sim::Faults {
                latencies: disk.faults.latencies,
                ..crate::sim::Faults::default()
            };
        });
    }

    /// After the start's check.
    pub(super) fn begin_trouble(&self) {
        let ppm = self.world.choose(&[(2, 300), (1, 3_000), (1, 20_000)]);
        let trouble = self.trouble;
        self.world.disk(self.machine, |disk| match trouble {
            Trouble::Fails => {
                disk.faults.read_error_ppm = ppm;
                disk.faults.write_error_ppm = ppm;
                disk.faults.sync_error_ppm = ppm;
            }
            Trouble::Misreads => disk.faults.read_rot_ppm = ppm * 3,
            _ => {}
        });
    }

    pub(super) fn make_trouble(&mut self, node: &Node) {
        match self.trouble {
            Trouble::FailsOnce if self.world.below(4) == 0 => self.fail_disk(),
            Trouble::FailsOnce => self.sound_dirs_serve(node),
            Trouble::Fills if self.is_full => self.free_disk(node),
            Trouble::Fills => self.set_full(true),
            Trouble::Rots if self.world.below(3) == 0 => self.rot(),
            _ => {}
        }
    }

    // ── errors ──

    /// The next write or sync of something fails.
    fn fail_disk(&self) {
        let kind = self
            .world
            .choose(&[(1, FaultKind::Write), (1, FaultKind::Sync)]);
        let file = self.world.choose(&[(1, "journal"), (1, ".log")]);
        // In one log dir, if there are more.
        let dir = LOG_DIRS[self.world.below(self.plan.dirs as u64) as usize];
        let path = match file {
            "journal" => format!("{dir}/ottla-journal"),
            _ => format!(
                "{dir}/orders-{}",
                self.world.below(self.plan.partitions as u64)
            ),
        };
        // The write through the page cache alone, or the one to the disk too.
        let count = 1 + self.world.below(2) as u32;
        self.world.disk(self.machine, |disk| {
            disk.faults.ordered.push(Fault {
                kind,
                path,
                skip: 0,
                count,
                errno: Errno::IO,
            });
        });
    }

    /// Where no disk failed, everything is taken.
    fn sound_dirs_serve(&self, node: &Node) {
        if node.failed_dirs().next().is_none() {
            return;
        }
        self.calm();
        // What was under way may have failed too.
        self.world.run_for(5 * SECOND);
        let sound: Vec<usize> = (0..self.plan.partitions)
            .filter(|partition| node.is_sound(*partition))
            .collect();
        self.is_taken(node, &sound);
    }

    /// A batch for each of these partitions is acknowledged.
    fn is_taken(&self, node: &Node, partitions: &[usize]) {
        let mut sent = Vec::new();
        for partition in partitions {
            let (runtime, shard) = node.owner(*partition);
            let timestamp = runtime.wall().0;
            let id = self.model.borrow_mut().send(Sending {
                partition: *partition,
                acks: -1,
                stream: 0,
                stamp: None,
                records: 1,
                value_bytes: 100,
                codec: Compression::None,
                timestamp,
            });
            send(&self.model, &runtime, shard, id);
            sent.push(id);
        }
        let model = self.model.clone();
        let taken = || {
            let model = model.borrow();
            sent.iter().all(|id| model.batches[*id].promised.is_some())
        };
        let taken = self.world.run_until(60 * SECOND, taken);
        assert!(taken, "not taken by a sound disk: {}", node.describe());
    }

    // ── space ──

    /// Leaves a disk with little or no room, or with all it needs.
    pub(super) fn set_full(&mut self, is_full: bool) {
        let room = self.world.choose(&[(1, 0), (2, 64 << 10), (2, 4 << 20)]);
        let room = self.world.below(room + 1);
        self.is_full = is_full;
        self.world.disk(self.machine, |disk| {
            let (total, available) = disk.space();
            disk.capacity = match is_full {
                true => total - available + room,
                false => u64::MAX,
            };
        });
    }

    /// Space comes back: without a restart everything is taken again.
    fn free_disk(&mut self, node: &Node) {
        self.set_full(false);
        self.world.run_for(3 * SECOND);
        let refused = self.model.borrow().refused;
        let all: Vec<usize> = (0..self.plan.partitions).collect();
        self.is_taken(node, &all);
        assert_eq!(self.model.borrow().refused, refused, "refused with room");
    }

    /// Whether a partition refuses because a disk failed while it should have been opened: it does
    /// so until somebody accepts that.
    pub(super) fn is_unopenable(&mut self, node: &Node, partition: usize) -> bool {
        let (_, shard) = node.owner(partition);
        if self.failed_at_start && shard.partition(Node::key(partition)).is_none() {
            self.unopenable.insert(partition);
        }
        self.unopenable.contains(&partition)
    }

    /// Whether a partition has no folder, for nobody has room for one; then it never held
    /// anything.
    pub(super) fn waits_for_room(&self, node: &Node, partition: usize) -> bool {
        let (_, shard) = node.owner(partition);
        if shard.partition(Node::key(partition)).is_some() {
            return false;
        }
        assert!(self.is_full, "partition {partition} is not opened");
        let model = self.model.borrow();
        let promised = model
            .batches
            .iter()
            .enumerate()
            .find(|(_, batch)| batch.partition == partition && batch.promised.is_some());
        assert_eq!(
            promised.map(|(id, _)| id),
            None,
            "partition {partition} held a batch and is not opened"
        );
        true
    }

    // ── rot ──

    /// Before a start.
    pub(super) fn rot_at_rest(&self) {
        if self.trouble == Trouble::Rots && self.world.below(2) == 0 {
            self.rot();
        }
    }

    /// Flips a bit of a segment or of an index, if there is one.
    fn rot(&self) {
        let mut files = self.partition_files();
        if files.is_empty() {
            return;
        }
        let chosen = self.world.below(files.len() as u64) as usize;
        let (partition, kind, path) = files.swap_remove(chosen);
        let bytes = self.world.disk(self.machine, |disk| disk.bytes(&path));
        let bytes = bytes.expect("it was listed");
        let (from, to) = match kind {
            FileKind::Log => match self.batch_to_rot(partition, &bytes) {
                Some((id, from, to)) => {
                    tracing::debug!(path = %path.display(), from, id, "rots");
                    self.model.borrow_mut().batches[id].rotten = true;
                    // Of a base offset, which no checksum covers, the last batch has the only word.
                    (from + place::LENGTH, to)
                }
                None => return,
            },
            _ => (0, bytes.len()),
        };
        let position = from as u64 + self.world.below((to - from) as u64);
        let bit = self.world.below(8) as u8;
        let rotten = |disk: &mut crate::sim::Disk| disk.rot(&path, position, bit);
        self.world
            .disk(self.machine, rotten)
            .expect("it was listed");
    }

    fn partition_files(&self) -> Vec<(usize, FileKind, PathBuf)> {
        let mut files = Vec::new();
        let list = |path: &Path| {
            let listed = self.world.disk(self.machine, |disk| disk.list(path, ""));
            listed.expect("it was made or listed")
        };
        for dir in &LOG_DIRS[..self.plan.dirs] {
            let folders = list(Path::new(dir)).into_iter();
            // A file may have such a name too.
            for folder in folders.filter(|entry| entry.is_directory) {
                let FolderName::Partition { partition, .. } = FolderName::parse(&folder.name)
                else {
                    continue;
                };
                let path = Path::new(dir).join(&folder.name);
                for file in list(&path) {
                    if let FileName::Segment { kind, .. } = FileName::parse(&file.name)
                        && matches!(
                            kind,
                            FileKind::Log | FileKind::OffsetIndex | FileKind::TimeIndex
                        )
                    {
                        files.push((partition as usize, kind, path.join(&file.name)));
                    }
                }
            }
        }
        files
    }

    /// A batch in a segment's bytes that clients count on: its number and where it lies. Numbered
    /// ones are spared: what their producer would then be told is not the disk's business.
    fn batch_to_rot(&self, partition: usize, bytes: &[u8]) -> Option<(usize, usize, usize)> {
        let model = self.model.borrow();
        let mut found = Vec::new();
        let mut at = 0;
        for batch in Batches::new(bytes) {
            let Ok(batch) = batch else { break };
            let (from, to) = (at, at + batch.bytes.len());
            at = to;
            let Some(id) = model.identify(batch.bytes) else {
                continue;
            };
            let sent = &model.batches[id];
            let is_here = sent.partition == partition
                && sent
                    .promised
                    .is_some_and(|(base, _)| base.0 == batch.header.base_offset);
            if is_here && sent.producer.is_none() {
                found.push((id, from, to));
            }
        }
        let chosen = self.world.below(found.len() as u64) as usize;
        found.get(chosen).copied()
    }
}

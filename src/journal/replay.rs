//! What an unclean stop left: finding groups, judging tails, giving them in order.
//!
//! Room:       `journal`.
//! Called by:  `shard::recovery`.
//! Calls:      `superblock`, `group` to decode, `seek`.
//! Never:      writes into a journal; consults metadata or segments.
//!
//! Files are written one after the other, so the first group of each tells which of them hold
//! nothing that a replay needs: those are left out, and so is most of what one of the others holds
//! before the first group that is needed (`seek`). From there on every block is looked at, since
//! a recycled file holds groups of earlier laps behind newer ones, up to well behind the last of
//! the newer ones. What counts is decided afterwards, by sequence:
//!
//!   start                    highest durable mark        last
//!   ├── must all be there ───────────┼── as far as they chain ──┤ torn tail, forgotten
//!
//! Groups of the second part may stand in the file of copies only.
//!
//! A group missing in the first part is a loss and is reported; one missing in the second was
//! never promised to anybody.

use super::JournalError;
use super::group::{Decoded, Entry, Group, HEADER, Header, Incarnation};
use super::listing::{COPIES, is_used, names, open, path_of};
use super::reader::Reader;
use super::ring::{Name, PREFIX, name_of, superblock_path};
use super::seek::{Sought, header_near};
use super::superblock::{Loaded, Superblock};
use crate::ids::{GroupSequence, PartitionKey, ShardId};
use crate::io::{Errno, Slice};
use crate::map::Map;
use crate::runtime::Runtime;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One journal as it was found.
#[derive(Debug)]
pub struct Found {
    pub shard: ShardId,
    pub incarnation: Incarnation,
    /// It was closed empty: nothing to replay.
    pub clean: bool,
    /// First and last group to replay; `first > last` when there is none.
    pub first: GroupSequence,
    pub last: GroupSequence,
    /// Groups that should be there and are not, in order.
    pub damage: Vec<Damage>,
    dir: PathBuf,
    salt: u64,
    places: BTreeMap<GroupSequence, Place>,
    notes: Vec<(GroupSequence, Group)>,
    kept: RefCell<Kept>,
}

/// A group at or below the durable mark that cannot be read: not a torn tail but a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub sequence: GroupSequence,
    /// Where its header stands, when it does.
    pub place: Option<(PathBuf, u64)>,
    /// Whose entries were in it; `None`: unknown, so anybody's of this journal.
    pub keys: Option<Vec<PartitionKey>>,
}

/// Where a whole group stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: u64,
    at: u64,
    length: u64,
    crc: u32,
    previous_crc: u32,
}

/// Groups that a replay need not read again, as many as there is memory for.
#[derive(Debug, Default)]
struct Kept {
    groups: BTreeMap<GroupSequence, Group>,
    /// Bytes that may still be kept.
    room: u64,
}

/// Part of the name of files that were set aside, before the incarnation they were of.
pub const DAMAGED: &str = ".damaged-";
/// Journals that are looked at at the same time: enough to keep a disk busy.
const AT_ONCE: usize = 4;
/// How far behind the last group of a file another one is looked for, at least: what is damaged
/// in between is then a loss and no torn tail. No more than two writes are ever in flight.
const LOOK_BEHIND: u64 = 16 << 20;
/// The same in the largest groups that were seen.
const LOOK_BEHIND_GROUPS: u64 = 4;

impl Found {
    /// Finds every journal in `dir`, by shard. `since` is the incarnation the newest checkpoint
    /// names (0: there is no checkpoint): earlier journals are void and left out, a later one
    /// means that the checkpoint was lost. Of what is read, `kept_bytes` are kept for the replay.
    pub async fn all(
        runtime: &Runtime,
        dir: &Path,
        since: Incarnation,
        kept_bytes: u64,
    ) -> Result<Vec<Found>, JournalError> {
        let mut found = Vec::new();
        let mut used = Vec::new();
        for (shard, files) in names(runtime, dir).await? {
            let superblock = match Superblock::load(runtime, dir, shard).await? {
                Loaded::Valid(superblock) => superblock,
                Loaded::Missing => {
                    if is_used(runtime, dir, shard, &files, since).await? {
                        found.push(Found::headless(dir, shard, since));
                    }
                    continue;
                }
            };
            if superblock.incarnation > since {
                return Err(JournalError::CheckpointLost {
                    path: superblock_path(dir, shard),
                    journal: superblock.incarnation.0,
                    checkpoint: since.0,
                });
            }
            if superblock.incarnation == since {
                used.push((superblock, files));
            }
        }
        let inner = (runtime.clone(), dir.to_owned());
        let unclean = used.iter().filter(|(superblock, _)| !superblock.clean);
        let room = kept_bytes / unclean.count().max(1) as u64;
        let scanned = runtime.each(used, AT_ONCE, move |(superblock, files)| {
            let (runtime, dir) = inner.clone();
            async move { Found::one(&runtime, &dir, &superblock, &files, room).await }
        });
        for one in scanned.await {
            found.push(one?);
        }
        found.sort_by_key(|journal| journal.shard);
        Ok(found)
    }

    /// Groups were written under a superblock of which neither copy can be read: where a replay
    /// would begin is unknown, so all of it counts as lost.
    fn headless(dir: &Path, shard: ShardId, incarnation: Incarnation) -> Found {
        Found {
            shard,
            incarnation,
            clean: false,
            first: GroupSequence(1),
            last: GroupSequence(0),
            damage: vec![Damage {
                // Whatever a checkpoint covers already is not known either.
                sequence: GroupSequence(u64::MAX),
                place: Some((superblock_path(dir, shard), 0)),
                keys: None,
            }],
            dir: dir.to_owned(),
            salt: 0,
            places: BTreeMap::new(),
            notes: Vec::new(),
            kept: RefCell::default(),
        }
    }

    async fn one(
        runtime: &Runtime,
        dir: &Path,
        superblock: &Superblock,
        files: &[u64],
        room: u64,
    ) -> Result<Found, JournalError> {
        let mut scan = Scan {
            kept: Kept {
                room,
                ..Kept::default()
            },
            incarnation: superblock.incarnation,
            salt: superblock.salt,
            start: superblock.start,
            durable: superblock.durable,
            ..Scan::default()
        };
        if !superblock.clean {
            for (number, mut reader, from) in scan.needed(runtime, dir, superblock, files).await? {
                let block = superblock.block as usize;
                scan.file(&mut reader, number, from, block).await?;
            }
            scan.copies(runtime, dir, superblock).await?;
        }
        let (last, damage) = scan.judge(dir, superblock.shard);
        let in_range = |sequence: &GroupSequence| (scan.start..=last).contains(sequence);
        scan.places.retain(|sequence, _| in_range(sequence));
        scan.notes.retain(|(sequence, _)| in_range(sequence));
        scan.kept.groups.retain(|sequence, _| in_range(sequence));
        scan.notes.sort_by_key(|(sequence, _)| *sequence);
        Ok(Found {
            shard: superblock.shard,
            incarnation: superblock.incarnation,
            clean: superblock.clean,
            first: scan.start,
            last,
            damage,
            dir: dir.to_owned(),
            salt: superblock.salt,
            places: scan.places,
            notes: scan.notes,
            kept: RefCell::new(scan.kept),
        })
    }

    /// Truncations, saved blocks, creations and deletions among the groups to replay, in order:
    /// what recovery must know before it opens a log.
    pub fn notes(&self) -> impl Iterator<Item = (GroupSequence, Entry<'_>, Slice)> {
        self.notes.iter().flat_map(|(sequence, group)| {
            group
                .entries()
                .filter(|(entry, _)| is_note(entry))
                .map(|(entry, slice)| (*sequence, entry, slice))
        })
    }

    pub fn replay<'a>(&'a self, runtime: &Runtime) -> Replay<'a> {
        Replay {
            found: self,
            runtime: runtime.clone(),
            next: self.first,
            files: Map::default(),
            chunk: None,
        }
    }

    /// Moves the files of a damaged journal out of the ring's way, for a person to look at: they
    /// hold what could not be replayed.
    pub async fn set_aside(&self, runtime: &Runtime) -> Result<(), Errno> {
        let mut names = vec![superblock_path(&self.dir, self.shard)];
        for entry in runtime.list_named(&self.dir, PREFIX).await? {
            if matches!(
                name_of(&entry.name),
                Some(Name::Ring(shard, _) | Name::Copies(shard)) if shard == self.shard
            ) {
                names.push(self.dir.join(&entry.name));
            }
        }
        for path in names {
            let mut aside = path.clone().into_os_string();
            aside.push(format!("{DAMAGED}{}", self.incarnation.0));
            match runtime.rename(&path, Path::new(&aside)).await {
                // A superblock that is lost may be no file at all.
                Ok(()) | Err(Errno::NO_ENTRY) => {}
                Err(errno) => return Err(errno),
            }
        }
        runtime.sync_directory(&self.dir).await
    }
}

fn is_note(entry: &Entry<'_>) -> bool {
    matches!(
        entry,
        Entry::Truncate { .. } | Entry::Block { .. } | Entry::Create { .. } | Entry::Drop { .. }
    )
}

#[derive(Default)]
struct Scan {
    incarnation: Incarnation,
    salt: u64,
    start: GroupSequence,
    /// Highest sequence any group, or the superblock, knows durable.
    durable: GroupSequence,
    places: BTreeMap<GroupSequence, Place>,
    /// Groups whose header is whole and whose content is not: file, position, whose entries.
    torn: BTreeMap<GroupSequence, (u64, u64, Option<Vec<PartitionKey>>)>,
    notes: Vec<(GroupSequence, Group)>,
    kept: Kept,
}

impl Kept {
    fn keep(&mut self, header: &Header, group: Group, block: usize) {
        // A group is a part of what was read, and all of that stays: its last block, too.
        let taken = header.length().next_multiple_of(block as u64) + group.table_memory();
        if let Some(room) = self.room.checked_sub(taken) {
            self.room = room;
            self.groups.insert(header.sequence, group);
        } else {
            // What was kept under this sequence is another group than the one whose place counts.
            self.groups.remove(&header.sequence);
        }
    }
}

impl Scan {
    /// The files that may hold groups from `start` on, in the order in which they were written,
    /// each with the position from which on it may hold them.
    async fn needed(
        &self,
        runtime: &Runtime,
        dir: &Path,
        superblock: &Superblock,
        files: &[u64],
    ) -> Result<Vec<(u64, Reader, u64)>, JournalError> {
        let block = superblock.block as usize;
        let life = (self.incarnation, self.salt);
        let mut known = Vec::new();
        let mut unclear = Vec::new();
        for number in files {
            let mut reader = open(runtime, dir, superblock.shard, *number).await?;
            let first = header_near(&mut reader, 0, life, block).await?;
            match first {
                Some((0, header)) => known.push((header.sequence, *number, reader)),
                // Its first group is damaged.
                Some(_) => unclear.push((*number, reader)),
                // Not written in this incarnation.
                None => {}
            }
        }
        known.sort_unstable_by_key(|(sequence, _, _)| *sequence);
        // A file ends before the next one begins.
        let next = known.iter().skip(1).map(|(sequence, _, _)| sequence.0);
        let needed: Vec<bool> = next.map(|next| next > self.start.0).collect();
        let mut needed = needed.into_iter();
        let known = known.into_iter().filter(|_| needed.next().unwrap_or(true));
        let mut placed = Vec::new();
        for (first, number, mut reader) in known {
            let sought = Sought {
                life,
                first,
                start: self.start,
                block,
            };
            let from = sought.position(&mut reader).await?;
            placed.push((number, reader, from));
        }
        placed.extend(
            unclear
                .into_iter()
                .map(|(number, reader)| (number, reader, 0)),
        );
        Ok(placed)
    }

    async fn file(
        &mut self,
        reader: &mut Reader,
        number: u64,
        from: u64,
        block: usize,
    ) -> Result<(), JournalError> {
        let (mut at, mut newest, mut newest_at) = (from, GroupSequence(0), from);
        let mut largest = 0;
        while let Some(bytes) = reader.bytes(at, HEADER).await? {
            let step = match Header::decode(&bytes, self.incarnation, self.salt) {
                // Of an earlier lap: it was released, or this file would not be written again.
                Some(header) if header.sequence < newest => block as u64,
                None => block as u64,
                Some(header) => {
                    newest = header.sequence;
                    newest_at = at + header.length();
                    largest = largest.max(header.length());
                    self.group(reader, number, at, &header, block).await?
                }
            };
            at += step;
            if at > newest_at + LOOK_BEHIND.max(largest * LOOK_BEHIND_GROUPS) {
                break;
            }
        }
        Ok(())
    }

    /// Groups that were copied and that no ring file has.
    async fn copies(
        &mut self,
        runtime: &Runtime,
        dir: &Path,
        superblock: &Superblock,
    ) -> Result<(), JournalError> {
        let block = superblock.block as usize;
        let mut reader = match open(runtime, dir, superblock.shard, COPIES).await {
            Ok(reader) => reader,
            Err(Errno::NO_ENTRY) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let mut at = 0;
        while let Some(bytes) = reader.bytes(at, HEADER).await? {
            let header = Header::decode(&bytes, self.incarnation, self.salt)
                .filter(|header| header.sequence >= self.start)
                .filter(|header| !self.places.contains_key(&header.sequence));
            at += match header {
                Some(header) => self.group(&mut reader, COPIES, at, &header, block).await?,
                None => block as u64,
            };
        }
        Ok(())
    }

    /// Takes in the group whose `header` stands at `at`; returns how far to step.
    async fn group(
        &mut self,
        reader: &mut Reader,
        file: u64,
        at: u64,
        header: &Header,
        block: usize,
    ) -> Result<u64, JournalError> {
        let length = header.length();
        let bytes = if at + length <= reader.length() {
            reader.bytes(at, length as usize).await?
        } else {
            None
        };
        let keys = match bytes.map(|bytes| Group::decode(header, &bytes)) {
            Some(Decoded::Whole(group)) => {
                self.durable = self.durable.max(header.durable);
                let place = Place {
                    file,
                    at,
                    length,
                    crc: header.crc,
                    previous_crc: header.previous_crc,
                };
                self.places.insert(header.sequence, place);
                if header.sequence >= self.start
                    && group.entries().any(|(entry, _)| is_note(&entry))
                {
                    self.notes.push((header.sequence, group.without_batches()));
                }
                if header.sequence >= self.start {
                    self.kept.keep(header, group, block);
                }
                return Ok(length.next_multiple_of(block as u64));
            }
            Some(Decoded::Torn { keys }) => Some(keys),
            Some(Decoded::Lost) | None => None,
        };
        // Its durable mark counts all the same: the header is whole.
        self.durable = self.durable.max(header.durable);
        // What the ring says of it comes first.
        let torn = (file, at, keys);
        self.torn.entry(header.sequence).or_insert(torn);
        Ok(block as u64)
    }

    /// The last group to replay, and what is lost before it.
    fn judge(&self, dir: &Path, shard: ShardId) -> (GroupSequence, Vec<Damage>) {
        let mut damage = Vec::new();
        let mut last = GroupSequence(self.start.0 - 1);
        let mut previous: Option<u32> = None;
        for sequence in (self.start.0..).map(GroupSequence) {
            let place = self
                .places
                .get(&sequence)
                .filter(|place| previous.is_none_or(|crc| crc == place.previous_crc));
            match place {
                Some(place) => previous = Some(place.crc),
                None if sequence > self.durable => break,
                None => {
                    let torn = self.torn.get(&sequence);
                    damage.push(Damage {
                        sequence,
                        place: torn.map(|(file, at, _)| (path_of(dir, shard, *file), *at)),
                        keys: torn.and_then(|(_, _, keys)| keys.clone()),
                    });
                    previous = None;
                }
            }
            last = sequence;
        }
        (last, damage)
    }
}

/// Reads the groups of one journal in order.
pub struct Replay<'a> {
    found: &'a Found,
    runtime: Runtime,
    next: GroupSequence,
    files: Map<u64, Reader>,
    /// Number of the file read last; its reader keeps a chunk.
    chunk: Option<u64>,
}

impl Replay<'_> {
    /// The next whole group; damaged ones are left out (they are in `Found::damage`).
    pub async fn next(&mut self) -> Result<Option<Group>, JournalError> {
        let found = self.found;
        let Some((sequence, place)) = found.places.range(self.next..).next() else {
            return Ok(None);
        };
        self.next = GroupSequence(sequence.0 + 1);
        if let Some(group) = found.kept.borrow_mut().groups.remove(sequence) {
            return Ok(Some(group));
        }
        if self.chunk != Some(place.file) {
            // Files are read one after the other: only the current one keeps a chunk.
            self.files.clear();
            let reader = open(&self.runtime, &found.dir, found.shard, place.file).await?;
            self.files.insert(place.file, reader);
            self.chunk = Some(place.file);
        }
        let reader = self
            .files
            .get_mut(&place.file)
            .expect("opened a line ago, or before");
        let bytes = reader.bytes(place.at, place.length as usize).await?;
        let whole = bytes.and_then(|bytes| {
            let header = Header::decode(&bytes, found.incarnation, found.salt)?;
            if header.sequence != *sequence || header.length() != place.length {
                return None;
            }
            match Group::decode(&header, &bytes) {
                Decoded::Whole(group) => Some(group),
                _ => None,
            }
        });
        // It was whole when it was found: a disk that says otherwise now is failing.
        whole.map(Some).ok_or(JournalError::Disk(Errno::IO))
    }
}

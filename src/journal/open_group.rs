//! The open group and the slab it grows in; sealed groups waiting for the disk.
//!
//! Room:       `journal`.
//! Called by:  `writer`.
//! Never:      does I/O; copies a byte twice.
//!
//!   slab  ├ header │ batch │ batch │ table │ pad ┼ header │ batch │ …        room ┤
//!         ├────────── sealed group ──────────────┼──── open group ────
//!
//! Groups stand block after block in the slab, so a small group pins a few blocks of it, not a
//! slab of its own.

use super::group::{self, HEADER, Header, ROW, Row, crc32c};
use super::{Incarnation, JournalSettings};
use crate::ids::{GroupSequence, LeaderEpoch, Offset, RequiredMark};
use crate::io::buffer::OnRelease;
use crate::io::{Buffer, Slice};
use crate::protocol::record_batch::combine;
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) struct OpenGroup {
    incarnation: Incarnation,
    salt: u64,
    block: usize,
    slab_bytes: usize,
    budget: Option<Arc<super::SlabBudget>>,
    slab: Buffer,
    /// Room for the open group's header; `None` while no group is open.
    header: Option<Buffer>,
    /// Everything behind the header, as far as it is frozen.
    body: Slice,
    /// Checksum of `body`.
    body_crc: u32,
    /// Rows of the open group.
    table: Vec<u8>,
    synced: bool,
    written: bool,
    /// Sequence of the open group, or of the next one to open.
    next: GroupSequence,
    previous_crc: u32,
    sealed: VecDeque<Sealed>,
    sealed_bytes: usize,
}

/// A group ready for the disk, padded to blocks.
pub(super) struct Sealed {
    pub sequence: GroupSequence,
    pub bytes: Slice,
    /// Something in it must be durable before it counts.
    pub synced: bool,
    /// Somebody waits for something in it as written.
    pub written: bool,
    pub is_empty: bool,
    /// The durable mark its header carries.
    pub durable: GroupSequence,
}

/// Where in a v2 batch the two fields stand that the broker sets, outside the batch's checksum.
pub(super) struct Patch {
    pub base_offset: Offset,
    pub leader_epoch: LeaderEpoch,
}

const BASE_OFFSET_AT: std::ops::Range<usize> = 0..8;
const LEADER_EPOCH_AT: std::ops::Range<usize> = 12..16;
/// The checksum that was verified before the batch came here, and what it covers.
const CRC_AT: std::ops::Range<usize> = 17..21;
const COVERED_FROM: usize = CRC_AT.end;
/// From here on a batch's own checksum is folded into the group's (35 ns) instead of reading the
/// bytes a second time (16 GB/s).
const COMBINE_BYTES_MIN: usize = 4 << 10;

fn batch_crc(batch: &[u8]) -> u32 {
    let mut crc = [0; 4];
    crc.copy_from_slice(&batch[CRC_AT]);
    u32::from_be_bytes(crc)
}

impl OpenGroup {
    pub fn new(
        incarnation: Incarnation,
        salt: u64,
        block: usize,
        settings: &JournalSettings,
    ) -> OpenGroup {
        OpenGroup {
            incarnation,
            salt,
            block,
            slab_bytes: settings.slab_bytes.next_multiple_of(block),
            budget: settings.budget.clone(),
            // The first slab comes with the first batch: an idle shard has none.
            slab: Buffer::with_room(1),
            header: None,
            body: Slice::empty(),
            body_crc: 0,
            table: Vec::new(),
            synced: false,
            written: false,
            next: GroupSequence(1),
            previous_crc: 0,
            sealed: VecDeque::new(),
            sealed_bytes: 0,
        }
        .without_slab()
    }

    fn without_slab(mut self) -> OpenGroup {
        self.slab.limit_room(0);
        self
    }

    /// Bytes a group of its own would take for `length` bytes in one entry.
    pub fn alone(&self, length: usize) -> u64 {
        (HEADER as u64 + length as u64 + ROW as u64).next_multiple_of(self.block as u64)
    }

    /// Copies `pieces` in as one entry, patched if asked; the caller has checked that `row.length`
    /// is their sum. `durable` is the mark for the header of a group that had to be sealed first.
    pub fn push(
        &mut self,
        row: Row,
        pieces: &[&[u8]],
        patch: Option<Patch>,
        required: RequiredMark,
        durable: GroupSequence,
    ) -> (GroupSequence, Slice) {
        let length = row.length as usize;
        if self.header.is_some() && length + self.table.len() + ROW > self.slab.room() {
            self.seal(durable);
        }
        self.begin(length);
        for piece in pieces {
            self.slab.extend(piece);
        }
        let mut known_crc = None;
        if let Some(patch) = patch {
            let batch = self.slab.filled_mut();
            known_crc = (length >= COMBINE_BYTES_MIN).then(|| batch_crc(batch));
            batch[BASE_OFFSET_AT].copy_from_slice(&patch.base_offset.0.to_be_bytes());
            batch[LEADER_EPOCH_AT].copy_from_slice(&patch.leader_epoch.0.to_be_bytes());
        }
        let slice = self.slab.split_frozen();
        assert_eq!(slice.len(), length, "the row tells the length of its bytes");
        self.body_crc = match known_crc {
            Some(crc) => {
                let (prefix, covered) = slice.split_at(COVERED_FROM);
                debug_assert_eq!(crc, crc32c(&[covered]), "the caller has verified it");
                let crc_before = group::extend_crc(self.body_crc, prefix);
                combine(crc_before, crc, covered.len() as u64)
            }
            None => group::extend_crc(self.body_crc, &slice),
        };
        self.extend_body(&slice);
        self.table.extend_from_slice(&row.encode());
        self.synced |= required == RequiredMark::Synced;
        self.written |= required == RequiredMark::Written;
        (self.next, slice)
    }

    /// Opens a group if none is, with room for an entry of `length` bytes.
    fn begin(&mut self, length: usize) {
        if self.header.is_some() {
            return;
        }
        let needed = HEADER + length + ROW;
        if self.slab.room() < needed {
            let room = self.slab_bytes.max(needed.next_multiple_of(self.block));
            self.slab = match &self.budget {
                None => Buffer::with_room(room),
                Some(budget) => {
                    let hook: Arc<dyn OnRelease> = budget.clone();
                    let slab = Buffer::with_release(room, hook, 0);
                    budget.charge(slab.room());
                    slab
                }
            };
        }
        self.header = Some(self.slab.split_room(HEADER));
    }

    fn extend_body(&mut self, slice: &Slice) {
        if slice.is_empty() {
            return;
        }
        self.body = if self.body.is_empty() {
            slice.clone()
        } else {
            self.body
                .joined(slice)
                .expect("a group's bytes lie back to back in its slab")
        };
    }

    /// Closes the open group, if there is one, and queues it. `durable`: the synced mark now.
    pub fn seal(&mut self, durable: GroupSequence) {
        let Some(mut header) = self.header.take() else {
            return;
        };
        let bytes_length = self.body.len();
        self.slab.extend(&self.table);
        let length = HEADER + bytes_length + self.table.len();
        let padding = length.next_multiple_of(self.block) - length;
        // Zeros, for the slab may hold what its last user left, which is nobody's business here.
        self.slab.room_mut()[..padding].fill(0);
        self.slab.advance(padding);
        let tail = self.slab.split_frozen();
        self.body_crc = group::extend_crc(self.body_crc, &self.table);
        self.extend_body(&tail);
        let fields = Header {
            crc: 0,
            incarnation: self.incarnation,
            salt: self.salt,
            sequence: self.next,
            durable,
            previous_crc: self.previous_crc,
            entries: (self.table.len() / ROW) as u32,
            bytes_length: bytes_length as u32,
            table_length: self.table.len() as u32,
            table_crc: crc32c(&[&self.table]),
        };
        let body = std::mem::take(&mut self.body);
        let body_crc = std::mem::take(&mut self.body_crc);
        self.previous_crc = fields.seal(&mut header.room_mut()[..HEADER], body_crc);
        header.advance(HEADER);
        let bytes = header
            .freeze()
            .joined(&body)
            .expect("a header stands right before its body");
        self.sealed_bytes += bytes.len();
        self.sealed.push_back(Sealed {
            sequence: self.next,
            bytes,
            synced: self.synced,
            written: self.written,
            is_empty: self.table.is_empty(),
            durable,
        });
        self.next = GroupSequence(self.next.0 + 1);
        self.table.clear();
        self.synced = false;
        self.written = false;
    }

    /// Queues a group without entries, for what its header says.
    pub fn seal_empty(&mut self, durable: GroupSequence) {
        self.seal(durable);
        self.begin(0);
        self.seal(durable);
    }

    /// Forgets what waits for the disk; no group is opened again.
    pub fn discard(&mut self) {
        self.seal(GroupSequence(0));
        self.sealed.clear();
        self.sealed_bytes = 0;
    }

    pub fn is_open(&self) -> bool {
        self.header.is_some()
    }

    /// The sequence that the next entry gets at least.
    pub fn next(&self) -> GroupSequence {
        self.next
    }

    /// Bytes not yet handed to the disk.
    pub fn waiting(&self) -> usize {
        let open = if self.is_open() {
            HEADER + self.body.len() + self.table.len()
        } else {
            0
        };
        self.sealed_bytes + open
    }

    /// Somebody waits for something in the open group as written.
    pub fn is_written(&self) -> bool {
        self.written
    }

    /// Sealed groups right behind `after`, in order, as many as `most` bytes hold.
    pub fn run_after(&self, after: GroupSequence, most: usize) -> impl Iterator<Item = &Sealed> {
        let (mut last, mut left) = (after, most);
        let from = self
            .sealed
            .partition_point(|sealed| sealed.sequence <= after);
        self.sealed.range(from..).map_while(move |sealed| {
            let is_next = sealed.sequence.0 == last.0 + 1;
            left = left.checked_sub(sealed.bytes.len()).filter(|_| is_next)?;
            last = sealed.sequence;
            Some(sealed)
        })
    }

    /// Whether somebody waits as written for something in the groups right behind `after`, as many
    /// as `most` bytes hold, the open one included.
    pub fn is_written_within(&self, after: GroupSequence, most: usize) -> bool {
        let (mut last, mut left) = (after, most);
        for sealed in self.run_after(after, most) {
            if sealed.written {
                return true;
            }
            last = sealed.sequence;
            left -= sealed.bytes.len();
        }
        let open_bytes = (HEADER + self.body.len() + self.table.len()).next_multiple_of(self.block);
        let is_next = self.is_open() && self.next.0 == last.0 + 1;
        is_next && self.written && open_bytes <= left
    }

    pub fn first_sealed(&self) -> Option<&Sealed> {
        self.sealed.front()
    }

    pub fn take_sealed(&mut self) -> Option<Sealed> {
        let sealed = self.sealed.pop_front()?;
        self.sealed_bytes -= sealed.bytes.len();
        Some(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::group::{Decoded, Entry, Group};
    use super::*;
    use crate::ids::PartitionKey;

    fn append(open: &mut OpenGroup, base: i64, bytes: &[u8]) -> (GroupSequence, Slice) {
        let mut bytes = bytes.to_vec();
        let crc = crc32c(&[&bytes[COVERED_FROM..]]);
        bytes[CRC_AT].copy_from_slice(&crc.to_be_bytes());
        let bytes = &bytes[..];
        let row = Entry::Append {
            key: PartitionKey::default(),
            leader_epoch: LeaderEpoch(4),
            required: RequiredMark::Written,
            base_offset: Offset(base),
            bytes,
        }
        .row();
        let patch = Patch {
            base_offset: Offset(base),
            leader_epoch: LeaderEpoch(4),
        };
        let (left, right) = bytes.split_at(bytes.len() / 3);
        let required = RequiredMark::Written;
        open.push(row, &[left, right], Some(patch), required, GroupSequence(0))
    }

    fn new(slab_bytes: usize) -> OpenGroup {
        let settings = JournalSettings {
            slab_bytes,
            ..JournalSettings::default()
        };
        OpenGroup::new(Incarnation(1), 2, 4096, &settings)
    }

    fn decode(sealed: &Sealed) -> (Header, Group) {
        let header = Header::decode(&sealed.bytes, Incarnation(1), 2).expect("a header");
        let bytes = sealed.bytes.range(0, header.length() as usize);
        match Group::decode(&header, &bytes) {
            Decoded::Whole(group) => (header, group),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn consecutive_batches_are_one_slice_and_patched() {
        let mut open = new(1 << 16);
        let (first, a) = append(&mut open, 10, &[7; 100]);
        let (second, b) = append(&mut open, 11, &[8; 50]);
        assert_eq!((first, second), (GroupSequence(1), GroupSequence(1)));
        assert_eq!(a.joined(&b).expect("they touch").len(), 150);
        assert_eq!(a[0..8], 10i64.to_be_bytes());
        assert_eq!(a[12..16], 4i32.to_be_bytes());
        assert_eq!(a[COVERED_FROM..], [7; 79]);
        open.seal(GroupSequence(0));
        let sealed = open.take_sealed().expect("one group");
        assert_eq!(sealed.bytes.len(), 4096);
        let (_, group) = decode(&sealed);
        let slices: Vec<Slice> = group.entries().map(|(_, slice)| slice).collect();
        assert_eq!(slices[0][..], a[..]);
        assert_eq!(slices[1][..], b[..]);
    }

    /// Goal: what is looked at before a copy is what a copy takes: a group that is too large for it
    /// hides all behind it.
    #[test]
    fn a_group_is_within_so_many_bytes_or_not() {
        let mut open = new(1 << 18);
        append(&mut open, 0, &[7; 100]);
        assert!(open.is_written_within(GroupSequence(0), 4096));
        assert!(!open.is_written_within(GroupSequence(0), 4095));
        assert!(!open.is_written_within(GroupSequence(1), 1 << 20));
        open.seal(GroupSequence(0));
        assert!(open.is_written_within(GroupSequence(0), 4096));
        assert!(!open.is_written_within(GroupSequence(1), 1 << 20));
        append(&mut open, 1, &[7; 100_000]);
        assert!(open.is_written_within(GroupSequence(1), 1 << 20));
        assert!(!open.is_written_within(GroupSequence(1), 64 << 10));
        open.seal(GroupSequence(0));
        append(&mut open, 2, &[7; 100]);
        assert!(!open.is_written_within(GroupSequence(1), 64 << 10));
        assert!(open.is_written_within(GroupSequence(2), 64 << 10));
    }

    #[test]
    fn groups_chain_across_slabs_and_large_batches() {
        let mut open = new(1 << 14);
        let sizes = [100, 16_000, 5_000, 200_000, 30, 12_000, 4_000];
        let mut sequences = Vec::new();
        for (n, size) in sizes.iter().enumerate() {
            sequences.push(append(&mut open, n as i64, &vec![n as u8; *size]).0);
        }
        open.seal_empty(GroupSequence(2));
        let mut previous = 0;
        let mut bases = Vec::new();
        let mut expected = 1;
        while let Some(sealed) = open.take_sealed() {
            assert_eq!(sealed.bytes.len() % 4096, 0);
            let (header, group) = decode(&sealed);
            assert_eq!(header.sequence, GroupSequence(expected));
            assert_eq!(header.previous_crc, previous);
            previous = header.crc;
            expected += 1;
            for (entry, _) in group.entries() {
                let Entry::Append { base_offset, .. } = entry else {
                    panic!("only appends went in")
                };
                assert_eq!(sequences[base_offset.0 as usize], sealed.sequence);
                bases.push(base_offset.0);
            }
        }
        assert_eq!(bases, vec![0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(open.waiting(), 0);
    }
}

//! A group: what one turn appended, as one run of blocks with one checksum.
//!
//! Room:       `journal`.
//! Called by:  `writer` (builds and seals), `replay` (finds and decodes).
//! Never:      does I/O; trusts a length before it was compared with the bytes there are.
//!
//!   0        64                  64 + bytes_length       length      next block
//!   ├ header ┼ batch │ batch │ … ┼ table: 40 B an entry ─┼─ padding ─┤
//!
//! Batches lie back to back, their entries in a table behind them, so that batches appended one
//! after the other to a partition can be served as one slice. The table has a checksum of its
//! own: when a batch rotted, the table still tells whose it was.
//!
//! A group counts only if incarnation and salt are those of the superblock: what an earlier
//! incarnation left behind can never come back, and no client can forge a group inside its own
//! record, for it never sees the salt. All numbers are little-endian.
//!
//! Always true:
//!   - the checksum covers everything from `incarnation` to `length`; padding means nothing.
//!   - a group of sequence n carries the checksum of group n - 1 (0 for the first).

use crate::ids::{GroupSequence, LeaderEpoch, Offset, PartitionKey, RequiredMark, TopicId};
use crate::io::Slice;
use crate::protocol::record_batch::combine;
use crc_fast::{CrcAlgorithm, Digest};

/// One life of a log dir's journals, from recovery to the next; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// One thing that happened to one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// Whole v2 batches, base offset and leader epoch in place, at the end of the log.
    Append {
        key: PartitionKey,
        leader_epoch: LeaderEpoch,
        required: RequiredMark,
        base_offset: Offset,
        bytes: &'a [u8],
    },
    /// The same batches once more, so that the file of the first copy can be recycled. Skipped
    /// by a replay that has them already.
    Copy {
        key: PartitionKey,
        leader_epoch: LeaderEpoch,
        required: RequiredMark,
        base_offset: Offset,
        bytes: &'a [u8],
    },
    /// What a segment's last, partial block holds at byte `position`, before that block is
    /// written again: a torn rewrite must not take synced bytes with it.
    Block {
        key: PartitionKey,
        segment: Offset,
        position: u32,
        bytes: &'a [u8],
    },
    /// Records from `to` on are gone.
    Truncate {
        key: PartitionKey,
        to: Offset,
    },
    /// Records below `to` are gone.
    LogStart {
        key: PartitionKey,
        to: Offset,
    },
    /// `epoch` begins at `start`.
    EpochStart {
        key: PartitionKey,
        epoch: LeaderEpoch,
        start: Offset,
    },
    /// The partition exists from here on, in the folder of this name, which may not be durable
    /// yet.
    Create {
        key: PartitionKey,
        folder: &'a [u8],
    },
    Drop {
        key: PartitionKey,
    },
}

/// The kind of an entry, as in byte 0 of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Append = 1,
    Copy = 2,
    Block = 3,
    Truncate = 4,
    LogStart = 5,
    EpochStart = 6,
    Create = 7,
    Drop = 8,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        [
            Kind::Append,
            Kind::Copy,
            Kind::Block,
            Kind::Truncate,
            Kind::LogStart,
            Kind::EpochStart,
            Kind::Create,
            Kind::Drop,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }

    fn carries_bytes(self) -> bool {
        matches!(self, Kind::Append | Kind::Copy | Kind::Block | Kind::Create)
    }
}

impl<'a> Entry<'a> {
    pub fn key(&self) -> PartitionKey {
        match *self {
            Entry::Append { key, .. }
            | Entry::Copy { key, .. }
            | Entry::Block { key, .. }
            | Entry::Truncate { key, .. }
            | Entry::LogStart { key, .. }
            | Entry::EpochStart { key, .. }
            | Entry::Create { key, .. }
            | Entry::Drop { key } => key,
        }
    }

    /// The bytes that lie in front of the table; empty for most kinds.
    pub fn bytes(&self) -> &'a [u8] {
        match *self {
            Entry::Append { bytes, .. }
            | Entry::Copy { bytes, .. }
            | Entry::Block { bytes, .. } => bytes,
            Entry::Create { folder, .. } => folder,
            _ => &[],
        }
    }

    /// The mark after which a batch counts. Of all else, who needs it durable before going on (a
    /// truncation, a moved start, a saved block) waits for that mark.
    pub fn required(&self) -> RequiredMark {
        match *self {
            Entry::Append { required, .. } => required,
            _ => RequiredMark::Written,
        }
    }

    /// Its row of the table.
    pub(super) fn row(&self) -> Row {
        let mut row = Row {
            key: self.key(),
            kind: Kind::Create,
            required: self.required(),
            offset: 0,
            number: 0,
            length: self.bytes().len() as u32,
        };
        match *self {
            Entry::Append {
                leader_epoch,
                base_offset,
                ..
            } => {
                (row.kind, row.offset, row.number) = (Kind::Append, base_offset.0, leader_epoch.0);
            }
            Entry::Copy {
                leader_epoch,
                base_offset,
                required,
                ..
            } => {
                (row.kind, row.offset, row.number) = (Kind::Copy, base_offset.0, leader_epoch.0);
                row.required = required;
            }
            Entry::Block {
                segment, position, ..
            } => {
                (row.kind, row.offset, row.number) =
                    (Kind::Block, segment.0, position.cast_signed());
            }
            Entry::Truncate { to, .. } => (row.kind, row.offset) = (Kind::Truncate, to.0),
            Entry::LogStart { to, .. } => (row.kind, row.offset) = (Kind::LogStart, to.0),
            Entry::EpochStart { epoch, start, .. } => {
                (row.kind, row.offset, row.number) = (Kind::EpochStart, start.0, epoch.0);
            }
            Entry::Create { .. } => {}
            Entry::Drop { .. } => row.kind = Kind::Drop,
        }
        row
    }
}

/// One row of the table, whatever its kind uses of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub key: PartitionKey,
    pub kind: Kind,
    pub required: RequiredMark,
    pub offset: i64,
    pub number: i32,
    pub length: u32,
}

/// Bytes of a row.
pub(super) const ROW: usize = 40;

impl Row {
    pub fn encode(&self) -> [u8; ROW] {
        let mut out = [0; ROW];
        out[0] = self.kind as u8;
        out[1] = match self.required {
            RequiredMark::Memory => 0,
            RequiredMark::Written => 1,
            RequiredMark::Synced => 2,
        };
        out[4..8].copy_from_slice(&self.key.partition.to_le_bytes());
        out[8..24].copy_from_slice(&self.key.topic.0);
        out[24..32].copy_from_slice(&self.offset.to_le_bytes());
        out[32..36].copy_from_slice(&self.number.to_le_bytes());
        out[36..40].copy_from_slice(&self.length.to_le_bytes());
        out
    }

    pub fn decode(row: &[u8; ROW]) -> Option<Row> {
        let kind = Kind::of(row[0])?;
        let required = match row[1] {
            0 => RequiredMark::Memory,
            1 => RequiredMark::Written,
            2 => RequiredMark::Synced,
            _ => return None,
        };
        let mut topic = [0; 16];
        topic.copy_from_slice(&row[8..24]);
        let length = u32_at(row, 36);
        if !kind.carries_bytes() && length != 0 {
            return None;
        }
        Some(Row {
            key: PartitionKey {
                topic: TopicId(topic),
                partition: u32_at(row, 4).cast_signed(),
            },
            kind,
            required,
            offset: u64_at(row, 24).cast_signed(),
            number: u32_at(row, 32).cast_signed(),
            length,
        })
    }

    fn entry<'a>(&self, bytes: &'a [u8]) -> Entry<'a> {
        let key = self.key;
        let offset = Offset(self.offset);
        let epoch = LeaderEpoch(self.number);
        match self.kind {
            Kind::Append => Entry::Append {
                key,
                leader_epoch: epoch,
                required: self.required,
                base_offset: offset,
                bytes,
            },
            Kind::Copy => Entry::Copy {
                key,
                leader_epoch: epoch,
                required: self.required,
                base_offset: offset,
                bytes,
            },
            Kind::Block => Entry::Block {
                key,
                segment: offset,
                position: self.number.cast_unsigned(),
                bytes,
            },
            Kind::Truncate => Entry::Truncate { key, to: offset },
            Kind::LogStart => Entry::LogStart { key, to: offset },
            Kind::EpochStart => Entry::EpochStart {
                key,
                epoch,
                start: offset,
            },
            Kind::Create => Entry::Create { key, folder: bytes },
            Kind::Drop => Entry::Drop { key },
        }
    }
}

/// Bytes of a header.
pub(super) const HEADER: usize = 64;
const MAGIC: u32 = u32::from_le_bytes(*b"OTJ1");

/// What stands in front of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub crc: u32,
    pub incarnation: Incarnation,
    pub salt: u64,
    pub sequence: GroupSequence,
    /// Highest sequence known durable when this group was sealed.
    pub durable: GroupSequence,
    pub previous_crc: u32,
    pub entries: u32,
    pub bytes_length: u32,
    pub table_length: u32,
    pub table_crc: u32,
}

impl Header {
    /// Bytes up to the padding. At most 64 + 2 × 2³², so it never overflows.
    pub fn length(&self) -> u64 {
        HEADER as u64 + u64::from(self.bytes_length) + u64::from(self.table_length)
    }

    /// `crc` is not in here: it is patched in by `seal`.
    fn encode(&self, out: &mut [u8]) {
        out[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[8..16].copy_from_slice(&self.incarnation.0.to_le_bytes());
        out[16..24].copy_from_slice(&self.salt.to_le_bytes());
        out[24..32].copy_from_slice(&self.sequence.0.to_le_bytes());
        out[32..40].copy_from_slice(&self.durable.0.to_le_bytes());
        out[40..44].copy_from_slice(&self.previous_crc.to_le_bytes());
        out[44..48].copy_from_slice(&self.entries.to_le_bytes());
        out[48..52].copy_from_slice(&self.bytes_length.to_le_bytes());
        out[52..56].copy_from_slice(&self.table_length.to_le_bytes());
        out[56..60].copy_from_slice(&self.table_crc.to_le_bytes());
        let header_crc = crc32c(&[&out[8..60]]);
        out[60..64].copy_from_slice(&header_crc.to_le_bytes());
    }

    /// The header at the start of `block`, if there is one of this incarnation that is whole.
    pub fn decode(block: &[u8], incarnation: Incarnation, salt: u64) -> Option<Header> {
        Header::decode_any(block)
            .filter(|header| header.incarnation == incarnation)
            .filter(|header| header.salt == salt)
    }

    /// The same, of any incarnation.
    pub fn decode_any(block: &[u8]) -> Option<Header> {
        let header = block.get(..HEADER)?;
        // Cheapest first: a scan asks this of every block.
        if u32_at(header, 0) != MAGIC || u32_at(header, 60) != crc32c(&[&header[8..60]]) {
            return None;
        }
        let header = Header {
            crc: u32_at(header, 4),
            incarnation: Incarnation(u64_at(header, 8)),
            salt: u64_at(header, 16),
            sequence: GroupSequence(u64_at(header, 24)),
            durable: GroupSequence(u64_at(header, 32)),
            previous_crc: u32_at(header, 40),
            entries: u32_at(header, 44),
            bytes_length: u32_at(header, 48),
            table_length: u32_at(header, 52),
            table_crc: u32_at(header, 56),
        };
        let rows = u64::from(header.entries) * ROW as u64;
        (rows == u64::from(header.table_length)).then_some(header)
    }

    /// Writes the header of a group into `out` (64 bytes), for a body (batches, then table) with
    /// this checksum. Returns the group's checksum.
    pub fn seal(&self, out: &mut [u8], body_crc: u32) -> u32 {
        self.encode(out);
        let body_length = self.length() - HEADER as u64;
        let crc = combine(crc32c(&[&out[8..HEADER]]), body_crc, body_length);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        crc
    }
}

/// A decoded group: verified, or with a verified table at least.
#[derive(Clone, Debug)]
pub struct Group {
    pub sequence: GroupSequence,
    bytes: Slice,
    rows: Vec<Row>,
}

/// What came of decoding a group whose header was whole.
#[derive(Debug)]
pub(super) enum Decoded {
    Whole(Group),
    /// The table is whole, something in front of it is not: whose batches they were is known.
    Torn {
        keys: Vec<PartitionKey>,
    },
    /// Nothing but the header can be trusted.
    Lost,
}

impl Group {
    /// Bytes of memory its table takes.
    pub(super) fn table_memory(&self) -> u64 {
        (self.rows.len() * size_of::<Row>()) as u64
    }

    /// `bytes` is exactly `header.length()` long, header included.
    pub(super) fn decode(header: &Header, bytes: &Slice) -> Decoded {
        assert_eq!(bytes.len() as u64, header.length(), "the caller cut it");
        let table = &bytes[HEADER + header.bytes_length as usize..];
        if crc32c(&[table]) != header.table_crc {
            return Decoded::Lost;
        }
        let mut rows = Vec::with_capacity(header.entries as usize);
        let mut total = 0u64;
        for row in table.as_chunks::<ROW>().0 {
            let Some(row) = Row::decode(row) else {
                return Decoded::Lost;
            };
            total += u64::from(row.length);
            rows.push(row);
        }
        if total != u64::from(header.bytes_length) {
            return Decoded::Lost;
        }
        if crc32c(&[&bytes[8..]]) != header.crc {
            let mut keys: Vec<PartitionKey> = rows.iter().map(|row| row.key).collect();
            keys.sort();
            keys.dedup();
            return Decoded::Torn { keys };
        }
        Decoded::Whole(Group {
            sequence: header.sequence,
            bytes: bytes.clone(),
            rows,
        })
    }

    /// The same group with a copy of everything but batches' bytes, to be kept for long.
    pub(super) fn without_batches(&self) -> Group {
        let mut bytes = vec![0; HEADER];
        let mut rows = Vec::new();
        for ((_, slice), row) in self.entries().zip(&self.rows) {
            if !matches!(row.kind, Kind::Append | Kind::Copy) {
                bytes.extend_from_slice(&slice);
                rows.push(*row);
            }
        }
        Group {
            sequence: self.sequence,
            bytes: Slice::from(bytes),
            rows,
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its entries in order, each with its bytes as a shared slice.
    pub fn entries(&self) -> impl Iterator<Item = (Entry<'_>, Slice)> {
        let mut at = HEADER;
        self.rows.iter().map(move |row| {
            let end = at + row.length as usize;
            let entry = row.entry(&self.bytes[at..end]);
            let slice = self.bytes.range(at, end);
            at = end;
            (entry, slice)
        })
    }
}

/// CRC-32C (RFC 3720) over the pieces in order.
pub(super) fn crc32c(pieces: &[&[u8]]) -> u32 {
    match pieces {
        [only] => crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, only) as u32,
        pieces => {
            let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
            pieces.iter().for_each(|piece| digest.update(piece));
            digest.finalize() as u32
        }
    }
}

/// The CRC of what `crc` covers with `bytes` behind it.
pub(super) fn extend_crc(crc: u32, bytes: &[u8]) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!crc));
    digest.update(bytes);
    digest.finalize() as u32
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Incarnation = Incarnation(7);
    const SALT: u64 = 0x1234_5678_9abc_def0;

    /// A small generator for tests: splitmix64.
    struct Seeded(u64);
    impl Seeded {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
        fn below(&mut self, bound: u64) -> u64 {
            self.next() % bound
        }
    }

    fn key(seeded: &mut Seeded) -> PartitionKey {
        PartitionKey {
            topic: TopicId(u128::from(seeded.below(5)).to_be_bytes()),
            partition: seeded.below(4) as i32,
        }
    }

    fn entry<'a>(seeded: &mut Seeded, bytes: &'a [u8]) -> Entry<'a> {
        let key = key(seeded);
        let offset = Offset(seeded.next() as i64 >> 1);
        let epoch = LeaderEpoch(seeded.below(1000) as i32);
        let from = seeded.below(bytes.len() as u64) as usize;
        let bytes = &bytes[from..];
        match seeded.below(8) {
            0 => Entry::Append {
                key,
                leader_epoch: epoch,
                required: RequiredMark::Synced,
                base_offset: offset,
                bytes,
            },
            1 => Entry::Copy {
                key,
                leader_epoch: epoch,
                required: RequiredMark::Memory,
                base_offset: offset,
                bytes,
            },
            2 => Entry::Block {
                key,
                segment: offset,
                position: seeded.next() as u32,
                bytes,
            },
            3 => Entry::Truncate { key, to: offset },
            4 => Entry::LogStart { key, to: offset },
            5 => Entry::EpochStart {
                key,
                epoch,
                start: offset,
            },
            6 => Entry::Create { key, folder: bytes },
            _ => Entry::Drop { key },
        }
    }

    fn build(sequence: u64, entries: &[Entry<'_>]) -> Vec<u8> {
        let mut body = Vec::new();
        entries
            .iter()
            .for_each(|entry| body.extend_from_slice(entry.bytes()));
        let bytes_length = body.len() as u32;
        entries
            .iter()
            .for_each(|entry| body.extend_from_slice(&entry.row().encode()));
        let header = Header {
            crc: 0,
            incarnation: LIFE,
            salt: SALT,
            sequence: GroupSequence(sequence),
            durable: GroupSequence(sequence - 1),
            previous_crc: 99,
            entries: entries.len() as u32,
            bytes_length,
            table_length: (entries.len() * ROW) as u32,
            table_crc: crc32c(&[&body[bytes_length as usize..]]),
        };
        let mut out = vec![0; HEADER];
        header.seal(&mut out, crc32c(&[&body]));
        out.extend_from_slice(&body);
        out
    }

    fn decode(group: &[u8]) -> Option<Decoded> {
        let header = Header::decode(group, LIFE, SALT)?;
        let length = usize::try_from(header.length()).ok()?;
        (length <= group.len()).then(|| Group::decode(&header, &Slice::copy_of(&group[..length])))
    }

    /// Goal: what went in comes out, for every kind and many mixtures.
    #[test]
    fn entries_come_back_as_they_were() {
        let pool: Vec<u8> = (0..5000u32).map(|n| n as u8).collect();
        for seed in 0..300 {
            let mut seeded = Seeded(seed);
            let count = seeded.below(20) as usize;
            let entries: Vec<Entry<'_>> = (0..count).map(|_| entry(&mut seeded, &pool)).collect();
            let bytes = build(seed + 1, &entries);
            let Some(Decoded::Whole(group)) = decode(&bytes) else {
                panic!("seed {seed}: not whole")
            };
            assert_eq!(group.sequence, GroupSequence(seed + 1));
            assert_eq!(group.len(), count);
            for ((decoded, slice), entry) in group.entries().zip(&entries) {
                assert_eq!(decoded.bytes(), &slice[..]);
                match (decoded, *entry) {
                    (a, b) if a.row() == b.row() => assert_eq!(a.bytes(), b.bytes()),
                    (a, b) => panic!("seed {seed}: {a:?} for {b:?}"),
                }
            }
        }
    }

    /// Goal: no damaged byte goes unnoticed, and nothing panics or allocates beyond the input.
    /// Method: flip, cut, or splice; a whole group may come out only of unchanged bytes.
    #[test]
    fn damage_is_always_noticed() {
        let pool: Vec<u8> = (0..600u32).map(|n| (n * 7) as u8).collect();
        for seed in 0..3000 {
            let mut seeded = Seeded(seed);
            let entries: Vec<Entry<'_>> = (0..1 + seeded.below(6))
                .map(|_| entry(&mut seeded, &pool))
                .collect();
            let whole = build(5, &entries);
            let mut bytes = whole.clone();
            match seeded.below(3) {
                0 => {
                    let at = seeded.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << seeded.below(8);
                }
                1 => {
                    let keep = seeded.below(bytes.len() as u64) as usize;
                    bytes[keep..].fill(0);
                }
                _ => {
                    let at = seeded.below(bytes.len() as u64) as usize;
                    let noise = seeded.next().to_le_bytes();
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].copy_from_slice(&noise[..end - at]);
                }
            }
            if bytes == whole {
                continue;
            }
            assert!(
                !matches!(decode(&bytes), Some(Decoded::Whole(_))),
                "seed {seed}: damage went unnoticed"
            );
        }
    }

    #[test]
    fn a_rotten_batch_still_tells_whose_it_was() {
        let key = PartitionKey {
            topic: TopicId([3; 16]),
            partition: 2,
        };
        let mut bytes = build(
            1,
            &[Entry::Append {
                key,
                leader_epoch: LeaderEpoch(1),
                required: RequiredMark::Written,
                base_offset: Offset(10),
                bytes: b"a batch",
            }],
        );
        bytes[HEADER + 2] ^= 1;
        let Some(Decoded::Torn { keys }) = decode(&bytes) else {
            panic!("the table was whole")
        };
        assert_eq!(keys, vec![key]);
    }

    #[test]
    fn another_incarnation_or_salt_is_no_group() {
        let bytes = build(1, &[]);
        assert!(Header::decode(&bytes, LIFE, SALT).is_some());
        assert!(Header::decode(&bytes, Incarnation(8), SALT).is_none());
        assert!(Header::decode(&bytes, LIFE, SALT + 1).is_none());
    }

    /// Goal: arbitrary bytes never panic and claim no more than they have.
    #[test]
    fn noise_is_no_group() {
        for seed in 0..2000 {
            let mut seeded = Seeded(seed);
            let mut bytes: Vec<u8> = (0..seeded.below(300))
                .map(|_| seeded.next() as u8)
                .collect();
            if bytes.len() >= 24 {
                bytes[0..4].copy_from_slice(&MAGIC.to_le_bytes());
                bytes[8..16].copy_from_slice(&LIFE.0.to_le_bytes());
                bytes[16..24].copy_from_slice(&SALT.to_le_bytes());
            }
            assert!(decode(&bytes).is_none(), "seed {seed}");
        }
    }
}

//! Walks the batches of a segment file from front to back, believing nothing.
//!
//! Room:       `log`.
//! Called by:  `recovery`, `truncate`, `read` (to rebuild an index): rare and long reads, which
//! pass
//!             the block cache by.
//! Calls:      `runtime`, `protocol::record_batch`.
//! Never:      changes a file, or holds more of it than one window.

use super::batch::BatchInfo;
use super::cache::DIRECT_BYTES;
use crate::ids::Offset;
use crate::io::{Buffer, Errno, Slice};
use crate::runtime::File;
use ottla_protocol::record_batch::{
    BATCH_HEADER_BYTES, BatchHeader, MAGIC, combine, crc32c, place,
};
use std::rc::Rc;

pub(super) struct Scanner {
    file: Rc<File>,
    /// Where the next batch begins.
    position: u64,
    /// Bytes of the file that may be looked at.
    end: u64,
    window: Slice,
    window_at: u64,
    window_bytes: usize,
    /// Bytes read from disk.
    pub read_bytes: u64,
}

/// What lies at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Batch {
        info: BatchInfo,
        position: u64,
        /// False only where the checksum was asked for and is wrong.
        intact: bool,
    },
    /// Nothing, or zeros to the end of the file.
    End,
    /// Bytes that are no batch.
    Garbage,
}

impl Scanner {
    /// `window_bytes` is the size of one read: small to hop over headers, large to check all.
    pub fn new(file: Rc<File>, position: u64, end: u64, window_bytes: usize) -> Scanner {
        Scanner {
            file,
            position,
            end,
            window: Slice::empty(),
            window_at: 0,
            window_bytes,
            read_bytes: 0,
        }
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn go_to(&mut self, position: u64) {
        self.position = position;
    }

    /// The next batch. After `Garbage` or a batch that is not intact the position is its start.
    ///
    /// Checksums are looked at from offset `check_from` on; `NO_CHECK` is never.
    pub async fn next(&mut self, check_from: Offset) -> Result<Found, Errno> {
        let found = self.look(self.position, check_from).await?;
        if let Found::Batch {
            info, intact: true, ..
        } = &found
        {
            self.position += info.size() as u64;
        }
        Ok(found)
    }

    /// The next batch that begins at or above `expected`, unchecked: one below has a header that
    /// lies, and is garbage like any other.
    pub async fn next_above(&mut self, expected: Offset) -> Result<Found, Errno> {
        let at = self.position;
        let found = self.next(NO_CHECK).await?;
        if found.base_offset().is_some_and(|base| base < expected) {
            self.position = at;
            return Ok(Found::Garbage);
        }
        Ok(found)
    }

    /// What lies at `at`.
    pub async fn look(&mut self, at: u64, check_from: Offset) -> Result<Found, Errno> {
        let head = self.bytes(at, BATCH_HEADER_BYTES).await?;
        let zeros = head.iter().all(|byte| *byte == 0);
        if head.is_empty() || zeros && self.zeros_from(at).await? {
            return Ok(Found::End);
        }
        let Ok(header) = BatchHeader::parse(&head) else {
            return Ok(Found::Garbage);
        };
        let last = header
            .base_offset
            .checked_add(i64::from(header.last_offset_delta));
        let size = header.size() as u64;
        let sane = header.base_offset >= 0
            && header.last_offset_delta >= 0
            && last.is_some_and(|last| last < i64::MAX);
        if !sane || size > self.end - at {
            return Ok(Found::Garbage);
        }
        let mut info = BatchInfo::of(header);
        if header.attributes.is_control() && size <= CONTROL_BYTES_MAX {
            let bytes = self.bytes(at, size as usize).await?;
            info = BatchInfo::parse(&bytes).unwrap_or(info);
        }
        let intact = info.base_offset() < check_from || self.crc(at, size).await? == header.crc;
        Ok(Found::Batch {
            info,
            position: at,
            intact,
        })
    }

    /// The header at `at`, whatever follows it.
    pub async fn peek(&mut self, at: u64) -> Result<Option<BatchHeader>, Errno> {
        let head = self.bytes(at, BATCH_HEADER_BYTES).await?;
        Ok(BatchHeader::parse(&head).ok())
    }

    /// Behind damage at the current position: the first whole batch at or above `expected`, or
    /// `None`. Goes there.
    ///
    /// The base offset lies outside the checksum, so one that jumps is believed only if the batch
    /// behind agrees with it.
    pub async fn resync(&mut self, expected: Offset) -> Result<Option<BatchInfo>, Errno> {
        if let Some(header) = self.peek(self.position).await? {
            let next = self.position + header.size() as u64;
            let here = self.whole_at(self.position, expected).await?;
            let behind = self.whole_at(next, expected.plus(1)).await?;
            if let (Some(here), Some(behind)) = (here, &behind)
                && behind.base_offset() == here.next_offset()
            {
                return Ok(Some(here));
            }
            // If only the content is damaged, the header still says where the next batch is.
            if behind.is_some() {
                self.position = next;
                return Ok(behind);
            }
        }
        let mut at = self.position + 1;
        while at + BATCH_HEADER_BYTES as u64 <= self.end {
            let window = self.window_from(at).await?;
            if window.len() < BATCH_HEADER_BYTES {
                return Ok(None);
            }
            let starts = window.len() - BATCH_HEADER_BYTES + 1;
            let candidate = (0..starts).find(|start| plausible(&window[*start..], expected));
            match candidate {
                Some(start) => {
                    at += start as u64;
                    if let Some(found) = self.whole_at(at, expected).await? {
                        self.position = at;
                        return Ok(Some(found));
                    }
                    at += 1;
                }
                None => at += starts as u64,
            }
        }
        Ok(None)
    }

    async fn whole_at(&mut self, at: u64, lowest: Offset) -> Result<Option<BatchInfo>, Errno> {
        if at >= self.end {
            return Ok(None);
        }
        Ok(match self.look(at, Offset(0)).await? {
            Found::Batch {
                info, intact: true, ..
            } if info.base_offset() >= lowest => Some(info),
            _ => None,
        })
    }

    async fn crc(&mut self, at: u64, size: u64) -> Result<u32, Errno> {
        let mut crc = 0;
        let mut done = place::ATTRIBUTES as u64;
        while done < size {
            let piece = self.window_from(at + done).await?;
            let length = (piece.len() as u64).min(size - done);
            if length == 0 {
                return Err(super::cache::NO_DATA);
            }
            let piece_crc = crc32c(&piece[..length as usize]);
            crc = if done == place::ATTRIBUTES as u64 {
                piece_crc
            } else {
                combine(crc, piece_crc, length)
            };
            done += length;
        }
        Ok(crc)
    }

    async fn zeros_from(&mut self, mut at: u64) -> Result<bool, Errno> {
        while at < self.end {
            let window = self.window_from(at).await?;
            if window.is_empty() {
                return Ok(true);
            }
            if window.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += window.len() as u64;
        }
        Ok(true)
    }

    /// `length` bytes at `at`, fewer only at the end. `length` is below a window by a block.
    async fn bytes(&mut self, at: u64, length: usize) -> Result<Slice, Errno> {
        let length = (length as u64).min(self.end.saturating_sub(at)) as usize;
        let window = self.window_from(at).await?;
        if window.len() >= length {
            return Ok(window.range(0, length));
        }
        self.fill(at).await?;
        let window = self.window_from(at).await?;
        let length = length.min(window.len());
        Ok(window.range(0, length))
    }

    /// What the window holds from `at` on, after reading if that is nothing.
    async fn window_from(&mut self, at: u64) -> Result<Slice, Errno> {
        if at >= self.end {
            return Ok(Slice::empty());
        }
        let holds = |scanner: &Scanner| {
            at >= scanner.window_at && at < scanner.window_at + scanner.window.len() as u64
        };
        if !holds(self) {
            self.fill(at).await?;
        }
        if !holds(self) {
            // The file is shorter than it was.
            self.end = self.end.min(at);
            return Ok(Slice::empty());
        }
        let within = (at - self.window_at) as usize;
        Ok(self.window.range(within, self.window.len()))
    }

    async fn fill(&mut self, at: u64) -> Result<(), Errno> {
        let unit = DIRECT_BYTES.max(u64::from(self.file.alignment));
        let from = at - at % unit;
        let room = (self.window_bytes as u64)
            .min(self.end - from)
            .next_multiple_of(unit);
        let mut buffer = Buffer::with_room(room as usize);
        buffer.limit_room(room as usize);
        let (buffer, result) = self.file.read(from, buffer).await;
        result?;
        self.read_bytes += buffer.len() as u64;
        let length = (buffer.len() as u64).min(self.end - from) as usize;
        self.window = buffer.freeze().range(0, length);
        self.window_at = from;
        Ok(())
    }
}

/// How to look at one segment.
pub(super) struct Look {
    /// Begin with the batch that holds this offset, or earlier.
    pub from: Offset,
    /// Check from this offset on.
    pub check_from: Offset,
    /// Producers are known up to here.
    pub learn_from: Offset,
    /// Base of the next segment, `None` for the last.
    pub next_base: Option<Offset>,
}

/// What a walk over a segment's batches has seen. The last batch is held until the next one agrees
/// with where it ends: a header whose checksum nobody looked at may lie.
pub(super) struct Scan {
    /// Where it begins: a segment's base, or what an index entry and a header agree on.
    begun_at: Offset,
    /// `None` before the first batch.
    expected: Option<Offset>,
    epoch: i32,
    held: Option<Held>,
}

struct Held {
    info: BatchInfo,
    position: u64,
    /// What was expected in its place.
    expected: Option<Offset>,
    /// Its base offset was not.
    jumped: bool,
    checked: bool,
}

impl Scan {
    pub fn new(begun_at: Offset) -> Scan {
        Scan {
            begun_at,
            expected: None,
            epoch: -1,
            held: None,
        }
    }

    /// The offset that comes next.
    pub fn expected(&self) -> Offset {
        self.expected.unwrap_or(self.begun_at)
    }

    pub fn accepts(&self, info: &BatchInfo, base: Offset, look: &Look, compact: bool) -> bool {
        let lowest = self.expected.unwrap_or(base);
        let epoch = info.header.partition_leader_epoch;
        let synced = info.base_offset() < look.check_from;
        // Compaction leaves gaps; so may have an earlier life of the topic, below the checkpoint.
        let strict = !compact && self.expected.is_some() && !synced;
        let in_order = if strict {
            info.base_offset() == lowest
        } else {
            info.base_offset() >= lowest
        };
        let inside = look.next_base.is_none_or(|next| info.last_offset() < next);
        let addressable = info.last_offset().0 - base.0 <= i64::from(i32::MAX);
        // Of an older leader only a lost truncation leaves batches here, and what is synced lost
        // none: there an epoch that falls is a bit that flipped.
        in_order && inside && addressable && (synced || epoch < 0 || epoch >= self.epoch)
    }

    pub fn leads_to(&self, info: &BatchInfo) -> bool {
        self.expected
            .is_none_or(|expected| expected == info.base_offset())
    }

    /// Holds this batch; what was held before is sure now.
    pub fn hold(
        &mut self,
        info: &BatchInfo,
        position: u64,
        look: &Look,
    ) -> Option<(BatchInfo, u64)> {
        let checked = info.base_offset() >= look.check_from;
        if checked {
            self.epoch = info.header.partition_leader_epoch;
        }
        let held = Held {
            info: *info,
            position,
            expected: self.expected,
            jumped: info.base_offset() != self.expected(),
            checked,
        };
        self.expected = Some(info.next_offset());
        let before = self.held.replace(held);
        before.map(|held| (held.info, held.position))
    }

    /// Whether the batch held is whole although what lies behind it, at `behind` if it is a batch,
    /// does not fit.
    pub async fn is_sure(
        &self,
        scanner: &mut Scanner,
        behind: Option<Offset>,
    ) -> Result<bool, Errno> {
        let Some(held) = &self.held else {
            return Ok(true);
        };
        // The base offset lies outside the checksum: one that jumped needs the next to agree.
        if held.jumped && behind.is_some_and(|behind| behind < held.info.next_offset()) {
            return Ok(false);
        }
        if held.checked {
            return Ok(true);
        }
        let found = scanner.look(held.position, Offset(0)).await?;
        Ok(matches!(found, Found::Batch { intact: true, .. }))
    }

    pub fn take_back(&mut self) {
        if let Some(held) = self.held.take() {
            self.expected = held.expected;
        }
    }

    pub fn release(&mut self) -> Option<(BatchInfo, u64)> {
        self.held.take().map(|held| (held.info, held.position))
    }

    /// Behind damage.
    pub fn go_on_at(&mut self, to: Offset) {
        self.expected = Some(to);
        self.epoch = -1;
    }
}

impl Found {
    pub fn base_offset(&self) -> Option<Offset> {
        match self {
            Found::Batch { info, .. } => Some(info.base_offset()),
            Found::End | Found::Garbage => None,
        }
    }
}

/// The checksum of a batch that lies in pieces.
pub(super) fn crc_of(pieces: &[Slice]) -> u32 {
    let mut skip = place::ATTRIBUTES;
    let mut crc = None;
    for piece in pieces {
        let from = skip.min(piece.len());
        skip -= from;
        let bytes = &piece[from..];
        if bytes.is_empty() {
            continue;
        }
        let piece_crc = crc32c(bytes);
        crc = Some(match crc {
            None => piece_crc,
            Some(before) => combine(before, piece_crc, bytes.len() as u64),
        });
    }
    crc.unwrap_or(0)
}

/// Whether a batch of this log could begin here; cheap, as it is asked for every byte.
fn plausible(bytes: &[u8], expected: Offset) -> bool {
    bytes[place::MAGIC] == MAGIC as u8
        && BatchHeader::parse(bytes).is_ok_and(|header| {
            let ahead = header.base_offset.wrapping_sub(expected.0);
            (0..1 << 40).contains(&ahead) && header.last_offset_delta >= 0
        })
}

/// No offset is that large, so no checksum is looked at.
pub(super) const NO_CHECK: Offset = Offset(i64::MAX);
/// Control batches hold one small record; what is larger is none of ours.
const CONTROL_BYTES_MAX: u64 = 4096;
/// One read when every byte is checked.
pub(super) const CHECK_WINDOW_BYTES: usize = 1 << 20;
/// One read when only headers are looked at: smaller would not be cheaper on any disk.
pub(super) const HEADER_WINDOW_BYTES: usize = 64 << 10;

//! Closing segments as Kafka leaves them: exact length, indexes and producer snapshot beside them.
//!
//! Room:       `log`.
//! Called by:  `flush`, when the active segment was rolled or the log is closed.
//! Calls:      `runtime`, `storage`.
//! Never:      syncs: what a name or an index says is made durable by `sync`.

use super::Inner;
use crate::ids::Offset;
use crate::io::Errno;
use crate::log::index::{offset, time, transaction};
use crate::log::layout::FileKind;

impl Inner {
    /// Closes all segments, the active one too.
    pub(super) async fn close_files(&self) -> Result<(), Errno> {
        let growing: Vec<Offset> = {
            let state = self.state.borrow();
            if state.is_blank() {
                return Ok(());
            }
            let growing = state.segments.iter().filter(|s| s.growing.is_some());
            growing.map(|segment| segment.base).collect()
        };
        for base in growing {
            // An empty active segment needs its file: the name holds the log's end.
            self.writable_file(base).await?;
            self.close_segment(base).await?;
        }
        let (end, snapshot) = {
            let state = self.state.borrow();
            (state.log_end, state.producers.encode())
        };
        self.write_index(end, FileKind::ProducerSnapshot, 0, snapshot)
            .await?;
        self.state.borrow_mut().names_dirty = true;
        // `sync` writes the epochs where they changed.
        Ok(())
    }

    /// Leaves a segment as Kafka would: exact length, indexes beside it.
    pub(super) async fn close_segment(&self, base: Offset) -> Result<(), Errno> {
        self.write_snapshot(base).await?;
        let (size, offsets, times) = {
            let mut state = self.state.borrow_mut();
            let segment = state.segment_mut(base).expect("a flush has its turn");
            assert_eq!(segment.flushed, segment.size, "all of it is in the file");
            segment.finish_time_index();
            let growing = segment.growing.as_ref().expect("it is not closed yet");
            let offsets = &growing.offset_index;
            let times = &growing.time_index;
            (
                segment.size,
                (offsets.on_file, offset::encode(&offsets.recent)),
                (times.on_file, time::encode(&times.recent)),
            )
        };
        let file = self.writable_file(base).await?;
        file.truncate(u64::from(size)).await?;
        let at = u64::from(offsets.0) * offset::ENTRY_BYTES as u64;
        self.write_index(base, FileKind::OffsetIndex, at, offsets.1)
            .await?;
        let at = u64::from(times.0) * time::ENTRY_BYTES as u64;
        self.write_index(base, FileKind::TimeIndex, at, times.1)
            .await?;
        self.write_transactions(base).await?;
        self.storage.forget_indexes(self.id, base);
        let mut state = self.state.borrow_mut();
        state.names_dirty = true;
        if !state.dirty.contains(&base) {
            state.dirty.push(base);
        }
        let segment = state.segment_mut(base).expect("a flush has its turn");
        segment.growing = None;
        Ok(())
    }

    /// Writes the `.txnindex` anew where it changed. What it says of a segment that is not scanned
    /// again is known from here alone, so `sync` makes it durable.
    pub(super) async fn write_transactions(&self, base: Offset) -> Result<(), Errno> {
        let aborted = {
            let mut state = self.state.borrow_mut();
            let segment = state.segment_mut(base).and_then(|s| s.growing.as_mut());
            let Some(growing) = segment.filter(|growing| growing.aborted_dirty) else {
                return Ok(());
            };
            growing.aborted_dirty = false;
            transaction::encode(&growing.aborted)
        };
        let kind = FileKind::TransactionIndex;
        let written = self.write_index(base, kind, 0, aborted).await;
        if written.is_err()
            && let Some(segment) = self.state.borrow_mut().segment_mut(base)
            && let Some(growing) = &mut segment.growing
        {
            growing.aborted_dirty = true;
        }
        written
    }

    /// The state of the producers at the segment's base, if it was not written yet.
    pub(super) async fn write_snapshot(&self, base: Offset) -> Result<(), Errno> {
        let snapshot = {
            let mut state = self.state.borrow_mut();
            let segment = state.segment_mut(base).and_then(|s| s.growing.as_mut());
            segment.and_then(|growing| growing.snapshot.take())
        };
        let Some(bytes) = snapshot else {
            return Ok(());
        };
        let kind = FileKind::ProducerSnapshot;
        let written = self.write_index(base, kind, 0, bytes.clone()).await;
        if written.is_err()
            && let Some(segment) = self.state.borrow_mut().segment_mut(base)
            && let Some(growing) = &mut segment.growing
        {
            growing.snapshot = Some(bytes);
        }
        written
    }
}

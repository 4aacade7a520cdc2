//! Receiving in bulk: into a large buffer of the connection's own.
//!
//! Room:       `connection`.
//! Called by:  `frame`, of which it is a part.
//! Never:      is more than a way to receive: what a frame is, and how long its client may take, is
//!             said there.
//!
//! The frames of a producer under load are of many KiB. Nearly each would straddle two of the
//! door's buffers; putting those together took a copy of every byte, and memory for each frame.
//! In a large buffer they lie whole, one behind the other, and it is soon used again, while it is
//! still in the processor's cache.

use super::{Frame, FrameError, FrameReader, Progress};
use crate::connection::budget::BulkPlace;
use crate::io::{Buffer, Instant};
use std::time::Duration;

/// What a connection in bulk receives into: room for four of the largest frames that are put
/// together, so that about one in four has to be moved, half of it on average.
const BULK_BYTES: usize = 256 << 10;

/// Less room than this is not received into: a small receive costs as much as a large one.
const BULK_ROOM_MIN: usize = 16 << 10;

/// Frames of at least this much are worth receiving in bulk.
pub(super) const BULK_FRAME_MIN: usize = 8 << 10;

/// A connection in bulk that is silent for so long goes back to the door's buffers.
pub(super) const BULK_QUIET: Duration = Duration::from_millis(100);

/// Receiving in bulk: what of the buffer is still free.
pub(super) struct Bulk {
    room: Buffer,
    place: BulkPlace,
}

impl FrameReader {
    /// Frames that fit the buffer several times are received in bulk, if the connection does so.
    pub(super) fn is_in_bulk(&self, length: usize) -> bool {
        self.bulk.is_some() && length <= BULK_BYTES / 2 && !self.holds_back
    }

    pub(super) async fn assemble_in_bulk(
        &mut self,
        length: usize,
        progress: &Progress,
    ) -> Result<Frame, FrameError> {
        while !self.has_whole(length) {
            let Some(missing) = length.checked_sub(self.arrived_bytes).filter(|n| *n > 0) else {
                let rest = self.right_behind(Buffer::with_room(1), 0);
                if let Some(bulk) = &mut self.bulk {
                    bulk.room = rest;
                }
                continue;
            };
            if self.ended {
                return Err(FrameError::Truncated { missing });
            }
            progress.arrived(self.runtime.now(), missing);
            self.receive_in_bulk(missing, None).await?;
        }
        // All has come: however long it waits now is not the client's time.
        progress.last.set(Instant::NEVER);
        self.take_whole(length).await
    }

    /// From now on it receives in bulk, if the shard has a place left for that.
    pub(super) async fn begin_bulk(&mut self) {
        if self.bulk.is_none()
            && let Some(place) = self.budget.bulk_place()
        {
            self.stop_receiver().await;
            self.bulk = Some(Bulk {
                room: Buffer::with_room(BULK_BYTES),
                place,
            });
        }
    }

    /// One receive, behind what has arrived, with room for `missing` bytes at least. When nothing
    /// comes in `patience`, the connection no longer receives in bulk.
    pub(super) async fn receive_in_bulk(
        &mut self,
        missing: usize,
        patience: Option<Duration>,
    ) -> Result<(), FrameError> {
        let Some(Bulk { room, place }) = self.bulk.take() else {
            return Ok(());
        };
        let room = self.right_behind(room, missing);
        let (mut room, received) = self.socket.receive_into_within(room, patience).await;
        let Some(received) = received else {
            return Ok(());
        };
        if received.map_err(FrameError::Socket)? == 0 {
            self.ended = true;
            return Ok(());
        }
        let slice = room.split_frozen();
        self.bulk = Some(Bulk { room, place });
        self.arrive(slice);
        Ok(())
    }

    /// Room for `missing` bytes right behind what has arrived, which moves where it must: the room
    /// is at its end, or it came before the bulk began, or was set aside.
    fn right_behind(&mut self, mut room: Buffer, missing: usize) -> Buffer {
        let is_behind = match self.arrived.len() {
            0 => true,
            1 => self.arrived[0].joined(&room.split_frozen()).is_some(),
            _ => false,
        };
        if is_behind && room.room() >= missing.max(BULK_ROOM_MIN) {
            return room;
        }
        let mut moved = Buffer::with_room(BULK_BYTES.max(self.arrived_bytes + missing));
        self.arrived
            .drain(..)
            .for_each(|slice| moved.extend(&slice));
        if !moved.is_empty() {
            self.arrived.push_back(moved.split_frozen());
        }
        self.aside = None;
        moved
    }
}

//! Frames: a length of four bytes, then as many bytes of one request.
//!
//! Room:       `connection`.
//! Called by:  `connection::serve`, one reader per socket.
//! Never:      looks inside a frame, takes memory for bytes that were only announced, or keeps a
//!             buffer of the door's while it waits: a shard has few, and a client who sends one
//!             byte and stops, or who is not served for a while, must not hold one.
//!
//! A frame that lies whole in one received slice is a range of it: no copy. One that straddles
//! slices is put together in memory of its own; a large one is received straight into it.
//! A connection whose frames are of many KiB receives them in bulk (`bulk`).
//!
//! A client may be silent between frames as long as it is not idle for too long; inside a frame
//! it must go on, and sooner when others wait for the memory. Every byte starts that time anew.

mod bulk;

use super::budget::{Budget, Charge, Kind, Making};
use crate::io::{Buffer, Errno, Instant, Slice};
use crate::runtime::sync::{Either, either};
use crate::runtime::{Receiver, Runtime, Socket};
use bulk::{BULK_FRAME_MIN, BULK_QUIET, Bulk};
use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Frames with more than this still to come are received straight into their own memory; below
/// it, ending the multishot receive costs more than copying.
const DIRECT_BYTES_MIN: usize = 64 << 10;

/// The least a request is charged: what it needs beside its bytes (a task, its answer's place, a
/// message to another core), so that the budget bounds how many there are.
const REQUEST_BYTES_MIN: usize = 512;

/// The least room a frame put together begins with.
const HALF_BYTES_MIN: usize = 8 << 10;

/// How long a frame may stand still when others wait for the memory it takes, or when there is
/// none left.
const STALL_PRESSED: Duration = Duration::from_secs(3);

/// How long a frame waits for memory. Clients wait half a minute for an answer.
const ROOM_PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection that is not read keeps the door's buffers: longer than a disk takes to
/// make room under load, when copying would be a waste.
const REST: Duration = Duration::from_millis(50);

/// How long anything waits for memory, or keeps what was copied out of those buffers, when far more
/// has come than there is room for, as in a burst of many clients: whole requests for longer than
/// one that has stopped in the middle.
const CROWDED_PATIENCE: Duration = STALL_PRESSED;
const CROWDED_PATIENCE_MAKING: Duration = Duration::from_secs(1);

/// One request as it came, without its length.
pub struct Frame {
    pub bytes: Slice,
    /// The memory it takes, paid back when the request no longer needs it.
    pub charge: Charge,
}

/// Why a connection ends.
#[derive(Debug)]
pub enum FrameError {
    /// The length is negative, zero, or above `socket.request.max.bytes`.
    Length {
        received: i32,
        max: i32,
    },
    /// The peer closed inside a frame.
    Truncated {
        missing: usize,
    },
    /// Nothing came for too long inside a frame.
    Stalled {
        missing: usize,
    },
    /// Others, who stand still or are slow, have taken all memory for frames in the making.
    NoRoom {
        missing: usize,
    },
    /// Many connections that are not read have taken far more memory than there is for them.
    Crowded {
        bytes: usize,
    },
    Socket(Errno),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FrameError::Length { received, max } => {
                write!(
                    f,
                    "a frame of {received} bytes; socket.request.max.bytes is {max}"
                )
            }
            FrameError::Truncated { missing } => {
                write!(
                    f,
                    "the peer closed {missing} bytes before the end of a frame"
                )
            }
            FrameError::Stalled { missing } => {
                write!(
                    f,
                    "the peer stopped {missing} bytes before the end of a frame"
                )
            }
            FrameError::NoRoom { missing } => {
                write!(f, "no memory for the last {missing} bytes of a frame")
            }
            FrameError::Crowded { bytes } => {
                write!(f, "no memory for {bytes} bytes that wait to be read")
            }
            FrameError::Socket(errno) => write!(f, "{errno}"),
        }
    }
}

/// How long a client may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between frames; `None` lets idle clients live.
    pub idle: Option<Duration>,
    /// Inside a frame.
    pub stall: Duration,
}

pub struct FrameReader {
    runtime: Runtime,
    socket: Rc<Socket>,
    receiver: Option<Receiver>,
    bulk: Option<Bulk>,
    arrived: VecDeque<Slice>,
    arrived_bytes: usize,
    /// What was copied out of the door's buffers; in `arrived`, until that is empty.
    aside: Option<Charge>,
    /// The length of the next frame as far as it has come.
    length: [u8; 4],
    length_bytes: usize,
    ended: bool,
    /// Only the rest of a frame that has begun is received.
    holds_back: bool,
    bytes_max: i32,
    patience: Patience,
    budget: Rc<Budget>,
}

/// A frame in the making, as the watch over it sees it.
struct Progress {
    /// When something came for the last time, or the wait for room began.
    last: Cell<Instant>,
    waits: Cell<bool>,
    missing: Cell<usize>,
}

impl FrameReader {
    pub fn new(
        runtime: Runtime,
        socket: Rc<Socket>,
        bytes_max: i32,
        patience: Patience,
        budget: Rc<Budget>,
    ) -> FrameReader {
        FrameReader {
            runtime,
            socket,
            receiver: None,
            bulk: None,
            arrived: VecDeque::new(),
            arrived_bytes: 0,
            aside: None,
            length: [0; 4],
            length_bytes: 0,
            ended: false,
            holds_back: false,
            bytes_max,
            patience,
            budget,
        }
    }

    /// The next frame, `None` when the peer closed between frames or was idle for too long.
    /// Given up half way, it loses bytes of a frame: the connection has to end then.
    pub async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while !self.take_length() {
            if self.ended {
                return match self.length_bytes {
                    0 => Ok(None),
                    have => Err(FrameError::Truncated { missing: 4 - have }),
                };
            }
            if !self.receive_unless_idle().await? {
                return Ok(None);
            }
        }
        let length = i32::from_be_bytes(self.length);
        self.length_bytes = 0;
        if length <= 0 || length > self.bytes_max {
            return Err(FrameError::Length {
                received: length,
                max: self.bytes_max,
            });
        }
        let length = length as usize;
        if self.has_whole(length) {
            return self.take_whole(length).await.map(Some);
        }
        // Boxed, as other futures here are pinned where they are: an idle connection shall not hold
        // room for what it does not do, nor anything twice.
        Box::pin(self.assemble(length)).await.map(Some)
    }

    /// The next `length` bytes have arrived and lie in one piece.
    fn has_whole(&self, length: usize) -> bool {
        let first = self.arrived.front();
        first.is_some_and(|first| first.len() >= length)
    }

    async fn take_whole(&mut self, length: usize) -> Result<Frame, FrameError> {
        let budget = self.budget.clone();
        let room = either(pin!(budget.room_for_whole()), pin!(self.rest())).await;
        if let Either::Second(error) = room {
            return Err(error);
        }
        Ok(Frame {
            bytes: self.take_front(length),
            charge: self
                .budget
                .charge(Kind::Whole, length.max(REQUEST_BYTES_MIN)),
        })
    }

    /// Nothing of a next frame has arrived.
    pub fn is_between_frames(&self) -> bool {
        self.arrived_bytes == 0 && self.length_bytes == 0 && !self.ended
    }

    /// From now on only what has arrived is read, and the rest of a frame that has begun: the
    /// connection is about to go elsewhere.
    pub async fn hold_back(&mut self) {
        self.holds_back = true;
        self.stop_receiver().await;
    }

    /// What a connection does that is not read for now: it stops receiving, and after a while
    /// gives the door's buffers back. Completes only for want of memory, when the connection has to
    /// end; dropped, reading goes on.
    pub async fn rest(&mut self) -> FrameError {
        self.rest_at_most(CROWDED_PATIENCE).await
    }

    async fn rest_at_most(&mut self, crowded: Duration) -> FrameError {
        if let Some(receiver) = &mut self.receiver {
            receiver.pause();
        }
        self.runtime.sleep(REST).await;
        self.stop_receiver().await;
        self.set_aside();
        let mut until = self.runtime.now().plus(crowded);
        while self.aside.is_some() {
            self.runtime.sleep(crowded / 4).await;
            if !self.budget.is_crowded() {
                until = self.runtime.now().plus(crowded);
            } else if self.runtime.now() >= until {
                return self.give_up_what_arrived();
            }
        }
        std::future::pending().await
    }

    /// The next one looks at what is left once this one's memory is free.
    fn give_up_what_arrived(&mut self) -> FrameError {
        let bytes = std::mem::take(&mut self.arrived_bytes);
        self.arrived.clear();
        self.aside = None;
        FrameError::Crowded { bytes }
    }

    async fn assemble(&mut self, length: usize) -> Result<Frame, FrameError> {
        let progress = Progress {
            last: Cell::new(self.runtime.now()),
            waits: Cell::new(false),
            missing: Cell::new(length),
        };
        let kind = match length <= DIRECT_BYTES_MIN && !self.holds_back {
            true => Kind::Half,
            false => Kind::Large,
        };
        let making = self.budget.begin(kind, self.runtime.now());
        let (runtime, budget) = (self.runtime.clone(), self.budget.clone());
        let stands_still = progress.stands_still(&runtime, self.patience.stall, &budget);
        let assembled = async {
            if self.is_in_bulk(length) {
                return self.assemble_in_bulk(length, &progress).await;
            }
            match kind {
                Kind::Large => self.assemble_large(length, making, &progress).await,
                _ => self.assemble_half(length, making, &progress).await,
            }
        };
        match either(assembled, stands_still).await {
            Either::First(frame) => frame,
            Either::Second(error) => Err(error),
        }
    }

    async fn assemble_half(
        &mut self,
        length: usize,
        mut making: Making,
        progress: &Progress,
    ) -> Result<Frame, FrameError> {
        let mut bytes = Vec::new();
        loop {
            while let Some(piece) = self.take_some(length - bytes.len()) {
                let needed = bytes.len() + piece.len();
                if needed > bytes.capacity() {
                    // Twice what is there, so that few pieces cost a copy; never what was only
                    // announced, and when there is no room, what has come and no more.
                    let room = match making.has_room(0) {
                        true => (needed * 2).max(HALF_BYTES_MIN).min(length),
                        false => needed,
                    };
                    let before = bytes.capacity();
                    bytes.reserve_exact(room - bytes.len());
                    making.grow(bytes.capacity() - before);
                }
                bytes.extend_from_slice(&piece);
            }
            let missing = length - bytes.len();
            if missing == 0 {
                if length >= BULK_FRAME_MIN && !self.holds_back {
                    self.begin_bulk().await;
                }
                return Ok(Frame {
                    bytes: Slice::from(bytes),
                    charge: making.finish(),
                });
            }
            if self.ended {
                return Err(FrameError::Truncated { missing });
            }
            self.wait_for_room(&making, 0, progress, missing).await?;
            // All of it may have come meanwhile, and then nothing more does.
            if self.arrived.is_empty() && !self.ended {
                self.receive().await?;
            }
        }
    }

    async fn assemble_large(
        &mut self,
        length: usize,
        mut making: Making,
        progress: &Progress,
    ) -> Result<Frame, FrameError> {
        self.stop_receiver().await;
        self.bulk = None;
        // Memory from the pool has been touched before, so all of it counts from the start; of
        // larger memory the pages count when bytes are written to them.
        let pooled = length <= crate::io::buffer::POOLED_BYTES_MAX;
        if pooled {
            self.wait_for_room(&making, length, progress, length)
                .await?;
            making.grow(length);
        }
        let mut buffer = Buffer::with_room(length);
        buffer.limit_room(length);
        loop {
            while let Some(piece) = self.take_some(buffer.room()) {
                buffer.extend(&piece);
                if !pooled {
                    making.grow(piece.len());
                }
            }
            let missing = buffer.room();
            if missing == 0 {
                return Ok(Frame {
                    bytes: buffer.freeze(),
                    charge: making.finish(),
                });
            }
            if self.ended {
                return Err(FrameError::Truncated { missing });
            }
            progress.arrived(self.runtime.now(), missing);
            if !pooled {
                self.wait_for_room(&making, 0, progress, missing).await?;
            }
            let (returned, result) = self.socket.receive_into(buffer).await;
            buffer = returned;
            match result.map_err(FrameError::Socket)? {
                0 => self.ended = true,
                count if !pooled => making.grow(count),
                _ => {}
            }
        }
    }

    /// The time of waiting is not the client's.
    async fn wait_for_room(
        &mut self,
        making: &Making,
        wanted: usize,
        progress: &Progress,
        missing: usize,
    ) -> Result<(), FrameError> {
        progress.arrived(self.runtime.now(), missing);
        progress.waits.set(true);
        let rest = self.rest_at_most(CROWDED_PATIENCE_MAKING);
        match either(making.room(wanted), rest).await {
            Either::First(()) => progress.arrived(self.runtime.now(), missing),
            Either::Second(error) => return Err(error),
        }
        Ok(())
    }

    /// Receives something; `false` when nothing came for too long.
    async fn receive_unless_idle(&mut self) -> Result<bool, FrameError> {
        let runtime = self.runtime.clone();
        let until = match self.patience.idle {
            Some(idle) => runtime.now().plus(idle),
            None => Instant::NEVER,
        };
        let received = either(pin!(self.receive()), pin!(runtime.sleep_until(until))).await;
        match received {
            Either::First(received) => received.map(|()| true),
            Either::Second(()) => Ok(false),
        }
    }

    async fn receive(&mut self) -> Result<(), FrameError> {
        if self.holds_back {
            return self.receive_rest_of_length().await;
        }
        if self.bulk.is_some() {
            return self.receive_in_bulk(4, Some(BULK_QUIET)).await;
        }
        let receiver = self.receiver.get_or_insert_with(|| self.socket.receiver());
        let slice = receiver.next().await.map_err(FrameError::Socket)?;
        self.arrive(slice);
        Ok(())
    }

    async fn receive_rest_of_length(&mut self) -> Result<(), FrameError> {
        let mut rest = Buffer::with_room(4);
        rest.limit_room(4 - self.length_bytes);
        let (rest, result) = self.socket.receive_into(rest).await;
        result.map_err(FrameError::Socket)?;
        self.arrive(rest.freeze());
        Ok(())
    }

    /// Safe to be given up half way: what has been taken is in `arrived`.
    async fn stop_receiver(&mut self) {
        while let Some(receiver) = &mut self.receiver {
            match receiver.rest_of_it().await {
                Some(slice) => self.arrive(slice),
                None => self.receiver = None,
            }
        }
    }

    /// Copies what has arrived out of the door's buffers: a few pieces, as the receiver was
    /// paused. Memory or not, as long as they are full nobody is served.
    fn set_aside(&mut self) {
        // Behind what was set aside before, there may be more; a bulk buffer is not the door's.
        let is_aside = self.aside.is_some() && self.arrived.len() == 1;
        if self.arrived_bytes == 0 || is_aside || self.bulk.is_some() {
            return;
        }
        let mut bytes = Vec::with_capacity(self.arrived_bytes);
        for slice in self.arrived.drain(..) {
            bytes.extend_from_slice(&slice);
        }
        self.aside = Some(self.budget.charge(Kind::Aside, bytes.len()));
        self.arrived.push_back(Slice::from(bytes));
    }

    fn arrive(&mut self, slice: Slice) {
        if slice.is_empty() {
            self.ended = true;
            self.receiver = None;
            return;
        }
        self.arrived_bytes += slice.len();
        match self.arrived.back().and_then(|last| last.joined(&slice)) {
            Some(joined) => *self.arrived.back_mut().expect("it was joined") = joined,
            None => self.arrived.push_back(slice),
        }
    }

    /// Takes the length of the next frame out of what has arrived; `false` when it is not whole.
    fn take_length(&mut self) -> bool {
        while self.length_bytes < 4 {
            let Some(piece) = self.take_some(4 - self.length_bytes) else {
                return false;
            };
            let end = self.length_bytes + piece.len();
            self.length[self.length_bytes..end].copy_from_slice(&piece);
            self.length_bytes = end;
        }
        true
    }

    /// Up to `count` bytes of the oldest slice.
    fn take_some(&mut self, count: usize) -> Option<Slice> {
        let available = self.arrived.front()?.len();
        (count > 0).then(|| self.take_front(count.min(available)))
    }

    /// The first `count` bytes of the oldest slice, which has them.
    fn take_front(&mut self, count: usize) -> Slice {
        let first = self
            .arrived
            .front_mut()
            .expect("the caller has seen the slice");
        let taken = first.range(0, count);
        *first = first.range(count, first.len());
        if first.is_empty() {
            self.arrived.pop_front();
        }
        self.arrived_bytes -= count;
        if self.arrived_bytes == 0 {
            self.aside = None;
        }
        taken
    }
}

impl Progress {
    fn arrived(&self, now: Instant, missing: usize) {
        self.last.set(now);
        self.waits.set(false);
        self.missing.set(missing);
    }

    /// Completes when nothing has come for too long.
    async fn stands_still(
        &self,
        runtime: &Runtime,
        stall: Duration,
        budget: &Budget,
    ) -> FrameError {
        let pressed = STALL_PRESSED.min(stall);
        loop {
            // In steps, for others may begin to wait meanwhile.
            runtime.sleep(pressed / 3).await;
            budget.age(runtime.now());
            let stood = runtime.now().since(self.last.get());
            let missing = self.missing.get();
            let is_crowded = budget.is_crowded();
            if self.waits.get() {
                let patience = match is_crowded {
                    true => CROWDED_PATIENCE,
                    false => ROOM_PATIENCE,
                };
                if stood >= patience {
                    return FrameError::NoRoom { missing };
                }
            } else if stood >= stall || (stood >= pressed && (is_crowded || budget.is_pressed())) {
                return FrameError::Stalled { missing };
            }
        }
    }
}

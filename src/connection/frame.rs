//! Frames: a length of four bytes, then as many bytes of one request.
//!
//! Room:       `connection`.
//! Called by:  `connection::serve`, one reader per socket.
//! Never:      looks inside a frame, or takes memory for bytes that were only announced.
//!
//! A frame that lies whole in one received slice is a range of it: no copy. One that straddles
//! slices is put together in memory of its own; a large one is received straight into it.

use super::budget::{Budget, Charge};
use crate::io::{Buffer, Errno, Slice};
use crate::runtime::{Receiver, Socket};
use std::collections::VecDeque;
use std::rc::Rc;

/// Frames with more than this still to come are received straight into their own memory; below
/// it, ending the multishot receive costs more than copying.
const DIRECT_BYTES_MIN: usize = 64 << 10;

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
            FrameError::Socket(errno) => write!(f, "{errno}"),
        }
    }
}

pub struct FrameReader {
    socket: Rc<Socket>,
    receiver: Option<Receiver>,
    arrived: VecDeque<Slice>,
    arrived_bytes: usize,
    ended: bool,
    bytes_max: i32,
    budget: Rc<Budget>,
}

impl FrameReader {
    pub fn new(socket: Rc<Socket>, bytes_max: i32, budget: Rc<Budget>) -> FrameReader {
        FrameReader {
            socket,
            receiver: None,
            arrived: VecDeque::new(),
            arrived_bytes: 0,
            ended: false,
            bytes_max,
            budget,
        }
    }

    /// The next frame, `None` when the peer closed between frames.
    pub async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        while self.arrived_bytes < 4 {
            if self.ended {
                return match self.arrived_bytes {
                    0 => Ok(None),
                    have => Err(FrameError::Truncated { missing: 4 - have }),
                };
            }
            self.receive().await?;
        }
        let length = self.take_length();
        if length <= 0 || length > self.bytes_max {
            return Err(FrameError::Length {
                received: length,
                max: self.bytes_max,
            });
        }
        let length = length as usize;
        let whole = self
            .arrived
            .front()
            .is_some_and(|first| first.len() >= length);
        if whole {
            self.budget.small_room().await;
            return Ok(Some(Frame {
                bytes: self.take_front(length),
                charge: self.budget.charge(length),
            }));
        }
        if length <= DIRECT_BYTES_MIN {
            return self.assemble_small(length).await.map(Some);
        }
        self.assemble_large(length).await.map(Some)
    }

    /// Nothing of a next frame has arrived.
    pub fn is_between_frames(&self) -> bool {
        self.arrived_bytes == 0 && !self.ended
    }

    /// Stops receiving; `false` when bytes came meanwhile or the peer has closed, and reading
    /// must go on here.
    pub async fn pause(&mut self) -> bool {
        self.stop_receiver().await;
        self.is_between_frames()
    }

    async fn assemble_small(&mut self, length: usize) -> Result<Frame, FrameError> {
        self.budget.small_room().await;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            match self.take_some(length - bytes.len()) {
                Some(piece) => bytes.extend_from_slice(&piece),
                None if self.ended => {
                    return Err(FrameError::Truncated {
                        missing: length - bytes.len(),
                    });
                }
                None => self.receive().await?,
            }
        }
        Ok(Frame {
            bytes: Slice::from(bytes),
            charge: self.budget.charge(length),
        })
    }

    async fn assemble_large(&mut self, length: usize) -> Result<Frame, FrameError> {
        let turn = self.budget.enter_large();
        // Pages of it take memory only when bytes are written to them.
        let mut buffer = Buffer::with_room(length);
        buffer.limit_room(length);
        let mut charge = self.budget.charge(0);
        loop {
            while let Some(piece) = self.take_some(buffer.room()) {
                buffer.extend(&piece);
                charge.grow(piece.len());
            }
            if buffer.room() == 0 {
                return Ok(Frame {
                    bytes: buffer.freeze(),
                    charge,
                });
            }
            if self.ended {
                return Err(FrameError::Truncated {
                    missing: buffer.room(),
                });
            }
            self.budget.large_room(&turn).await;
            if self.receiver.is_some() {
                self.stop_receiver().await;
                continue;
            }
            let (returned, result) = self.socket.receive_into(buffer).await;
            buffer = returned;
            match result.map_err(FrameError::Socket)? {
                0 => self.ended = true,
                count => charge.grow(count),
            }
        }
    }

    async fn receive(&mut self) -> Result<(), FrameError> {
        let receiver = self.receiver.get_or_insert_with(|| self.socket.receiver());
        let slice = receiver.next().await.map_err(FrameError::Socket)?;
        self.arrive(slice);
        Ok(())
    }

    async fn stop_receiver(&mut self) {
        let Some(receiver) = self.receiver.take() else {
            return;
        };
        let (slices, ended) = receiver.finish().await;
        slices.into_iter().for_each(|slice| self.arrive(slice));
        self.ended |= ended;
    }

    fn arrive(&mut self, slice: Slice) {
        if slice.is_empty() {
            self.ended = true;
            self.receiver = None;
            return;
        }
        self.arrived_bytes += slice.len();
        self.arrived.push_back(slice);
    }

    /// The length of the next frame; at least four bytes have arrived.
    fn take_length(&mut self) -> i32 {
        let mut length = [0; 4];
        let mut have = 0;
        while have < 4 {
            let piece = self.take_some(4 - have).expect("four bytes have arrived");
            length[have..have + piece.len()].copy_from_slice(&piece);
            have += piece.len();
        }
        i32::from_be_bytes(length)
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
        taken
    }
}

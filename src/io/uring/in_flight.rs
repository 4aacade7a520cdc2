//! Operations under way: each owns every byte the kernel may touch, until its last completion.
//!
//! Room:       `io::uring`.
//! Called by:  `ring` (hold, entry), `complete` (advance, release).
//! Never:      frees a slot that the kernel still holds.
//!
//! A slot's number is the `user_data` of its entry. What an entry points to (buffers, slices,
//! addresses, vectors of pieces) lives on the heap behind the slot's state, so the slab may grow
//! and states may move while the kernel reads them.

use super::registered::Target;
use super::socket::SocketAddress;
use crate::io::op::{AllocateMode, Token};
use crate::io::{Buffer, Instant, Slice};
use io_uring::types::FsyncFlags;
use io_uring::{opcode, squeue};
use std::fs::File;
use std::os::fd::OwnedFd;

/// Who has the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    Kernel,
    /// A helper thread; its answer comes through the mailbox.
    Helper,
    /// A receive that waits for a provided buffer.
    Starved,
    /// Answered already, but the kernel still reads its bytes (zero-copy).
    Lingering,
}

pub struct Slot {
    pub token: Token,
    pub target: Target,
    pub state: State,
    pub holder: Holder,
    /// Cancelled by the caller or by a close: not to be resumed.
    pub canceled: bool,
}

pub enum State {
    Free,
    Accept {
        multishot: bool,
        unix: bool,
    },
    Connect {
        socket: Option<OwnedFd>,
        address: Box<SocketAddress>,
        unix: bool,
    },
    /// Into provided buffers; with `single`, one at a time into that one.
    Receive {
        single: Option<Buffer>,
    },
    /// One receive into the caller's buffer.
    ReceiveInto {
        into: Buffer,
    },
    Read {
        into: Buffer,
        at: u64,
        filled: usize,
        alignment: u32,
    },
    Send(Transfer),
    /// Zero-copy: each step ends with the kernel's notice that it has let go of the bytes.
    SendZeroCopy {
        transfer: Transfer,
        /// The result of a step that goes on after its notice.
        result: Option<i32>,
        /// The kernel would not pin the bytes: the next steps are plain sends.
        plain: bool,
    },
    Write {
        transfer: Transfer,
        at: u64,
        /// When it began, if it is to be durable.
        durable: Option<Instant>,
        alignment: u32,
    },
    Sync {
        begun: Instant,
    },
    Truncate {
        length: u64,
    },
    Allocate(Allocation),
    Signals(File),
    Helper,
}

/// Zeros or space being made, step by step.
pub struct Allocation {
    pub at: u64,
    pub length: u64,
    pub step: Step,
    pub alignment: u32,
    /// Set when zeros have to be written.
    pub zeros: Slice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// fallocate with FALLOC_FL_KEEP_SIZE; the whole operation.
    KeepSize,
    /// fallocate with FALLOC_FL_WRITE_ZEROES; `Sync` follows, or `Reserve` if it is unknown.
    WriteZeroes,
    /// Plain fallocate, so that the zeros land in one piece of disk and ENOSPC comes first.
    Reserve,
    /// Zeros are written below this many bytes of the range.
    Zeros(u64),
    /// All is there; now durable.
    Sync,
}

impl Step {
    pub fn first(mode: AllocateMode) -> Step {
        match mode {
            AllocateMode::KeepSize => Step::KeepSize,
            AllocateMode::Zeroed => Step::WriteZeroes,
        }
    }
}

/// Since Linux 6.17; libc has no name for it yet.
const FALLOC_FL_WRITE_ZEROES: i32 = 0x80;
/// Zeros written at once; larger ones would hold up the writes beside them.
pub const ZEROS_BYTES: usize = 1 << 20;

/// Bytes of a chain of slices on their way out.
pub struct Transfer {
    from: Vec<Slice>,
    /// The first piece not wholly gone, and how much of it is gone.
    piece: usize,
    offset: usize,
    /// Bytes gone in all.
    pub moved: u64,
    pub total: u64,
    vectors: Box<Vectors>,
}

/// What a vectored entry points to.
pub struct Vectors {
    header: libc::msghdr,
    pieces: Vec<libc::iovec>,
}

/// IORING_SEND_ZC_REPORT_USAGE (6.2; older kernels refuse it, and then sends are plain): the
/// notice says whether the bytes were copied all the same.
const REPORT_USAGE: u16 = 1 << 3;

/// A chain longer than this is sent or written in several steps, in order.
const PIECES_MAX: usize = 256;
/// The kernel moves at most this much in one call (MAX_RW_COUNT, rounded to a page).
const STEP_BYTES_MAX: usize = 0x7fff_f000;

impl Vectors {
    fn new() -> Box<Vectors> {
        // SAFETY: a msghdr of null pointers and zero lengths is a valid, empty one.
        let header = unsafe { std::mem::zeroed() };
        Box::new(Vectors {
            header,
            pieces: Vec::new(),
        })
    }
}

impl Transfer {
    fn new(from: Vec<Slice>, vectors: Box<Vectors>) -> Transfer {
        let total = from.iter().map(|slice| slice.len() as u64).sum();
        Transfer {
            from,
            piece: 0,
            offset: 0,
            moved: 0,
            total,
            vectors,
        }
    }

    pub fn is_complete(&self) -> bool {
        self.moved == self.total
    }

    /// `count` more bytes are gone.
    pub fn advance(&mut self, count: u64) {
        assert!(
            count <= self.total - self.moved,
            "the kernel moves no more than it was given"
        );
        self.moved += count;
        let mut rest = count as usize;
        while let Some(slice) = self.from.get(self.piece) {
            let left = slice.len() - self.offset;
            if rest < left {
                self.offset += rest;
                return;
            }
            rest -= left;
            self.piece += 1;
            self.offset = 0;
        }
    }

    /// The bytes of the next step as one piece, or none when there are several.
    fn single(&self) -> Option<(*const u8, u32)> {
        let slice = self.from.get(self.piece)?;
        if self.from[self.piece + 1..]
            .iter()
            .any(|next| !next.is_empty())
        {
            return None;
        }
        let bytes = &slice[self.offset..];
        Some((bytes.as_ptr(), bytes.len().min(STEP_BYTES_MAX) as u32))
    }

    /// The pieces of the next step.
    fn gather(&mut self) -> &mut Vectors {
        let vectors = &mut *self.vectors;
        vectors.pieces.clear();
        let mut offset = self.offset;
        let mut bytes = 0;
        for slice in &self.from[self.piece..] {
            if vectors.pieces.len() == PIECES_MAX || bytes == STEP_BYTES_MAX {
                break;
            }
            let end = slice.len().min(offset + STEP_BYTES_MAX - bytes);
            let piece = &slice[offset..end];
            offset = 0;
            if piece.is_empty() {
                continue;
            }
            bytes += piece.len();
            vectors.pieces.push(libc::iovec {
                iov_base: piece.as_ptr().cast_mut().cast(),
                iov_len: piece.len(),
            });
        }
        vectors.header.msg_iov = vectors.pieces.as_mut_ptr();
        vectors.header.msg_iovlen = vectors.pieces.len();
        vectors
    }

    fn send_entry(&mut self, target: Target) -> squeue::Entry {
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        match self.single() {
            Some((start, length)) => opcode::Send::new(target.fd(), start, length)
                .flags(flags)
                .build(),
            None => opcode::SendMsg::new(target.fd(), &self.gather().header)
                .flags(flags as u32)
                .build(),
        }
    }

    fn send_zero_copy_entry(&mut self, target: Target) -> squeue::Entry {
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        match self.single() {
            Some((start, length)) => opcode::SendZc::new(target.fd(), start, length)
                .flags(flags)
                .zc_flags(REPORT_USAGE)
                .build(),
            None => opcode::SendMsgZc::new(target.fd(), &self.gather().header)
                .flags(flags as u32)
                .ioprio(REPORT_USAGE)
                .build(),
        }
    }

    fn write_entry(&mut self, target: Target, at: u64, durable: bool) -> squeue::Entry {
        let flags = if durable { libc::RWF_DSYNC } else { 0 };
        let at = at + self.moved;
        match self.single() {
            Some((start, length)) => opcode::Write::new(target.fd(), start, length)
                .offset(at)
                .rw_flags(flags)
                .build(),
            None => {
                let pieces = &self.gather().pieces;
                opcode::Writev::new(target.fd(), pieces.as_ptr(), pieces.len() as u32)
                    .offset(at)
                    .rw_flags(flags)
                    .build()
            }
        }
    }
}

impl Allocation {
    fn entry(&self, target: Target) -> squeue::Entry {
        let fallocate = |mode| {
            opcode::Fallocate::new(target.fd(), self.length)
                .offset(self.at)
                .mode(mode)
                .build()
        };
        match self.step {
            Step::KeepSize => fallocate(libc::FALLOC_FL_KEEP_SIZE),
            Step::WriteZeroes => fallocate(FALLOC_FL_WRITE_ZEROES),
            Step::Reserve => fallocate(0),
            Step::Zeros(done) => {
                let length = (self.length - done).min(self.zeros.len() as u64) as u32;
                opcode::Write::new(target.fd(), self.zeros.as_ptr(), length)
                    .offset(self.at + done)
                    .build()
            }
            // Not only the data: the length may have changed.
            Step::Sync => opcode::Fsync::new(target.fd()).build(),
        }
    }
}

impl State {
    /// The next entry of this operation.
    fn entry(&mut self, target: Target, receive_bytes: usize) -> squeue::Entry {
        let fd = target.fd();
        match self {
            State::Accept {
                multishot: true, ..
            } => opcode::AcceptMulti::new(fd)
                .flags(libc::SOCK_CLOEXEC)
                .build(),
            State::Accept { .. } => {
                let nothing = std::ptr::null_mut();
                opcode::Accept::new(fd, nothing, std::ptr::null_mut())
                    .flags(libc::SOCK_CLOEXEC)
                    .build()
            }
            State::Connect { address, .. } => {
                let (address, length) = address.as_ptr();
                opcode::Connect::new(fd, address, length).build()
            }
            State::Receive { single: None } => {
                opcode::RecvMulti::new(fd, super::provided::GROUP).build()
            }
            State::Receive {
                single: Some(buffer),
            } => {
                *buffer = Buffer::with_room(receive_bytes);
                receive_entry(target, buffer)
            }
            State::ReceiveInto { into } => receive_entry(target, into),
            State::Read {
                into, at, filled, ..
            } => {
                let at = *at + *filled as u64;
                let room = into.room_mut();
                let length = room.len().min(STEP_BYTES_MAX) as u32;
                opcode::Read::new(fd, room.as_mut_ptr(), length)
                    .offset(at)
                    .build()
            }
            State::Send(transfer) => transfer.send_entry(target),
            State::SendZeroCopy {
                transfer,
                result,
                plain,
            } => {
                *result = None;
                match plain {
                    true => transfer.send_entry(target),
                    false => transfer.send_zero_copy_entry(target),
                }
            }
            State::Write {
                transfer,
                at,
                durable,
                ..
            } => transfer.write_entry(target, *at, durable.is_some()),
            State::Sync { .. } => opcode::Fsync::new(fd).flags(FsyncFlags::DATASYNC).build(),
            State::Truncate { length } => opcode::Ftruncate::new(fd, *length).build(),
            State::Allocate(allocation) => allocation.entry(target),
            State::Signals(_) => opcode::PollAdd::new(fd, libc::POLLIN as u32).build(),
            State::Free | State::Helper => unreachable!("the kernel has no part in it"),
        }
    }
}

fn receive_entry(target: Target, into: &mut Buffer) -> squeue::Entry {
    let room = into.room_mut();
    let length = room.len().min(STEP_BYTES_MAX) as u32;
    opcode::Recv::new(target.fd(), room.as_mut_ptr(), length).build()
}

#[derive(Default)]
pub struct InFlight {
    slots: Vec<Slot>,
    free: Vec<u32>,
    #[allow(
        clippy::vec_box,
        reason = "an entry holds the address of a chain's vectors"
    )]
    spare_vectors: Vec<Box<Vectors>>,
    /// Room of a buffer of a receive without provided buffers.
    receive_bytes: usize,
}

impl InFlight {
    pub fn new(receive_bytes: usize) -> InFlight {
        InFlight {
            receive_bytes,
            ..InFlight::default()
        }
    }

    /// The number the next `hold` will give.
    pub fn next_slot(&self) -> u32 {
        self.free.last().copied().unwrap_or(self.slots.len() as u32)
    }

    /// Takes an operation in.
    pub fn hold(&mut self, token: Token, target: Target, state: State, holder: Holder) -> u32 {
        let slot = Slot {
            token,
            target,
            state,
            holder,
            canceled: false,
        };
        match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        }
    }

    pub fn slot(&mut self, at: u32) -> &mut Slot {
        &mut self.slots[at as usize]
    }

    /// The entry to submit for the slot, which the kernel holds from then on.
    pub fn entry(&mut self, at: u32) -> squeue::Entry {
        let slot = &mut self.slots[at as usize];
        slot.holder = Holder::Kernel;
        let entry = slot.state.entry(slot.target, self.receive_bytes);
        entry.flags(slot.target.flags()).user_data(u64::from(at))
    }

    /// Frees a slot; what it owned comes out.
    pub fn release(&mut self, at: u32) -> (Token, Target, State) {
        let slot = &mut self.slots[at as usize];
        assert_ne!(slot.holder, Holder::Nobody, "a slot is released once");
        slot.holder = Holder::Nobody;
        self.free.push(at);
        let state = std::mem::replace(&mut slot.state, State::Free);
        (slot.token, slot.target, state)
    }

    /// A chain ready to go, with vectors of an earlier one.
    pub fn transfer(&mut self, from: Vec<Slice>) -> Transfer {
        let vectors = self.spare_vectors.pop().unwrap_or_else(Vectors::new);
        Transfer::new(from, vectors)
    }

    /// Takes the vectors of a finished chain back.
    pub fn recycle(&mut self, transfer: Transfer) {
        if self.spare_vectors.len() < SPARE_VECTORS_MAX {
            self.spare_vectors.push(transfer.vectors);
        }
    }

    /// The slot of an operation; a walk, for cancelling is rare.
    pub fn find(&self, token: Token) -> Option<u32> {
        let open = |slot: &Slot| !matches!(slot.holder, Holder::Nobody | Holder::Lingering);
        let of_token = |slot: &Slot| slot.token == token && open(slot);
        self.slots.iter().position(of_token).map(|at| at as u32)
    }

    /// Slots that `holder` has.
    pub fn held_by(&self, holder: Holder) -> Vec<u32> {
        let held = |at: &u32| self.slots[*at as usize].holder == holder;
        (0..self.slots.len() as u32).filter(held).collect()
    }
}

/// Vectors kept for later: 4 KiB each, and more chains than this are rarely under way.
const SPARE_VECTORS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn sync() -> State {
        let begun = Instant(0);
        State::Sync { begun }
    }

    fn transfer(lengths: &[usize]) -> Transfer {
        let from = lengths
            .iter()
            .map(|length| Slice::from(vec![1; *length]))
            .collect();
        Transfer::new(from, Vectors::new())
    }

    #[test]
    fn a_chain_resumes_in_the_middle_of_a_piece() {
        let mut chain = transfer(&[10, 0, 20, 5]);
        assert_eq!(chain.total, 35);
        chain.advance(4);
        let lengths = |chain: &mut Transfer| {
            let vectors = chain.gather();
            vectors
                .pieces
                .iter()
                .map(|piece| piece.iov_len)
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(&mut chain), vec![6, 20, 5]);
        chain.advance(6);
        assert_eq!(lengths(&mut chain), vec![20, 5]);
        chain.advance(21);
        assert_eq!(chain.single().map(|(_, length)| length), Some(4));
        assert!(!chain.is_complete());
        chain.advance(4);
        assert!(chain.is_complete());
    }

    #[test]
    fn long_chains_go_in_steps() {
        let mut chain = transfer(&[3; 600]);
        assert_eq!(chain.gather().pieces.len(), PIECES_MAX);
        chain.advance(3 * PIECES_MAX as u64);
        assert_eq!(chain.gather().pieces.len(), PIECES_MAX);
        chain.advance(3 * PIECES_MAX as u64);
        assert_eq!(chain.gather().pieces.len(), 600 - 2 * PIECES_MAX);
    }

    #[test]
    fn slots_are_reused_only_after_release() {
        let mut in_flight = InFlight::new(4096);
        let first = in_flight.hold(Token(1), Target::NONE, sync(), Holder::Kernel);
        let second = in_flight.hold(Token(2), Target::NONE, sync(), Holder::Kernel);
        assert_ne!(first, second);
        assert_eq!(in_flight.find(Token(2)), Some(second));
        in_flight.release(first);
        assert_eq!(in_flight.find(Token(1)), None);
        assert_eq!(in_flight.next_slot(), first);
        let third = in_flight.hold(Token(3), Target::NONE, sync(), Holder::Kernel);
        assert_eq!(third, first);
        assert_eq!(in_flight.held_by(Holder::Kernel), vec![first, second]);
    }
}

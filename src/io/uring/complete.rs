//! What the kernel and the helpers answer, turned into outcomes; what is not finished goes on.
//!
//! Room:       `io::uring`.
//! Called by:  `ring`, once or twice per turn.
//! Never:      lets a partial transfer out: chains, short reads and short writes are resumed here.

use super::in_flight::{Allocation, Holder, State, Step, ZEROS_BYTES};
use super::offload::Reply;
use super::provided::Provided;
use super::registered::{Kind, Target};
use super::ring::{EVENT, IGNORE, Ring, WAKE, WAKE_FAILED};
use super::{socket, system};
use crate::io::op::*;
use crate::io::{Buffer, Io, Slice};
use io_uring::cqueue;
use std::os::fd::OwnedFd;

/// Errors of a zero-copy send that a plain one would not meet.
const ZERO_COPY_REFUSALS: [i32; 4] = [libc::ENOMEM, libc::ENOBUFS, libc::EINVAL, libc::EOPNOTSUPP];

/// What becomes of an operation after a completion.
enum Next {
    /// Over; its slot is free after this.
    Finish(Outcome),
    /// Over; the outcome takes the slot's own buffer along.
    FinishFilled(Result<usize, Errno>),
    /// Answered, but the kernel still reads the slot's bytes: another completion will free it.
    Answer(Outcome),
    /// That completion: nobody waits for it.
    Free,
    /// Not over: the next entry has to be submitted.
    Again,
    /// Not over, and in the kernel's hands.
    Wait,
}

impl Ring {
    /// Takes all completions out of the queue.
    pub(super) fn reap(&mut self, done: &mut Vec<Completion>) {
        let mut reaped = std::mem::take(&mut self.reaped);
        let queue = self.uring.completion();
        reaped.extend(queue.map(|entry| (entry.user_data(), entry.result(), entry.flags())));
        for (number, result, flags) in reaped.drain(..) {
            match number {
                WAKE | IGNORE => {}
                EVENT if cqueue::more(flags) => {}
                EVENT => self.watch_event(),
                number if number >= WAKE_FAILED => {
                    let peer = PeerId((number - WAKE_FAILED) as u16);
                    self.port.wake_by_event(peer);
                }
                slot => self.complete(slot as u32, result, flags, done),
            }
        }
        self.reaped = reaped;
    }

    /// Collects what does not come through the queue: answers known at once, helpers' answers,
    /// parcels, returned buffers.
    pub(super) fn gather(&mut self, done: &mut Vec<Completion>) {
        let mut letters = std::mem::take(&mut self.letters);
        self.mailbox.take(&mut letters);
        for (slot, reply) in letters.drain(..) {
            self.complete_helper(slot, reply, done);
        }
        self.letters = letters;
        self.port.send_waiting(&mut self.ready);
        if let Some(token) = self.inbox {
            self.port.receive(token, done);
        }
        if let Some(provided) = &mut self.provided {
            if self.starved.is_empty() {
                provided.refill();
            } else {
                self.feed_starved();
            }
        }
        done.append(&mut self.ready);
    }

    /// Arms receives that waited for buffers, as many as there are buffers.
    fn feed_starved(&mut self) {
        let available = self.provided.as_mut().map_or(0, Provided::available);
        for _ in 0..available {
            let Some(slot) = self.starved.pop_front() else {
                break;
            };
            self.push_slot(slot);
        }
        if let Some(provided) = &self.provided {
            provided.set_starved(!self.starved.is_empty());
        }
    }

    fn complete(&mut self, at: u32, result: i32, flags: u32, done: &mut Vec<Completion>) {
        let mut result = result;
        if cqueue::notif(flags) {
            // Its top bit: loopback, or a device that cannot gather, has copied.
            if result < 0 {
                self.stop_zero_copy(at);
            }
            result = 0;
        }
        let next = match &self.in_flight.slot(at).state {
            State::Accept { .. } => self.complete_accept(at, result, flags, done),
            State::Receive { single: None } => self.complete_receive(at, result, flags, done),
            State::Signals(_) => self.complete_signals(at, result, done),
            _ => self.complete_single(at, result, flags, done),
        };
        match next {
            Next::Finish(outcome) => self.finish(at, outcome, done),
            Next::FinishFilled(result) => self.finish_filled(at, result, done),
            Next::Answer(outcome) => self.answer(at, outcome, done),
            Next::Free => {
                self.release(at);
            }
            Next::Again if self.in_flight.slot(at).canceled => self.finish_canceled(at, done),
            Next::Again => self.push_slot(at),
            Next::Wait => {}
        }
    }

    /// Further sends of the slot's socket are plain ones.
    fn stop_zero_copy(&mut self, at: u32) {
        let place = self.in_flight.slot(at).target.place;
        if let Some(handle) = self.handles.at(place) {
            handle.copies = true;
        }
    }

    fn complete_accept(
        &mut self,
        at: u32,
        result: i32,
        flags: u32,
        done: &mut Vec<Completion>,
    ) -> Next {
        let slot = self.in_flight.slot(at);
        let token = slot.token;
        let unix = matches!(slot.state, State::Accept { unix: true, .. });
        if result < 0 {
            return match -result {
                // The connection was gone before it was taken, or nothing is wrong at all.
                libc::ECONNABORTED | libc::EAGAIN | libc::EINTR => Next::Again,
                errno => Next::Finish(Outcome::Failed(Errno(errno))),
            };
        }
        let accepted = socket::peer_address(socket::accepted(result), unix);
        // A socket whose peer has gone in the meantime has no address, and is closed again.
        if let Ok((fd, peer)) = accepted
            && let Ok(id) = self.adopt(fd, Kind::Stream { unix })
        {
            let socket = SocketId(id);
            done.push(Completion::more(token, Outcome::Accepted { socket, peer }));
        }
        if cqueue::more(flags) {
            Next::Wait
        } else {
            Next::Again
        }
    }

    fn complete_receive(
        &mut self,
        at: u32,
        result: i32,
        flags: u32,
        done: &mut Vec<Completion>,
    ) -> Next {
        let provided = self
            .provided
            .as_mut()
            .expect("only with provided buffers is it multishot");
        let buffer = cqueue::buffer_select(flags);
        if result > 0 {
            let buffer = buffer.expect("bytes received into provided buffers name theirs");
            let slice = provided.filled(buffer, result as usize);
            let token = self.in_flight.slot(at).token;
            done.push(Completion::more(token, Outcome::Received(slice)));
            return if cqueue::more(flags) {
                Next::Wait
            } else {
                Next::Again
            };
        }
        if let Some(buffer) = buffer {
            provided.unused(buffer);
        }
        match -result {
            0 => Next::Finish(Outcome::Received(Slice::empty())),
            libc::ENOBUFS if provided.ran_dry() => Next::Again,
            libc::EAGAIN | libc::EINTR => Next::Again,
            errno => Next::Finish(Outcome::Failed(Errno(errno))),
        }
    }

    fn complete_signals(&mut self, at: u32, result: i32, done: &mut Vec<Completion>) -> Next {
        let slot = self.in_flight.slot(at);
        let token = slot.token;
        if result < 0 {
            return Next::Finish(Outcome::Failed(Errno(-result)));
        }
        let State::Signals(signals) = &mut slot.state else {
            unreachable!("the caller has looked");
        };
        while let Some(number) = system::read_signal(signals) {
            done.push(Completion::more(token, Outcome::Signalled(number)));
        }
        Next::Again
    }

    /// Operations of one completion per entry (two for zero-copy).
    fn complete_single(
        &mut self,
        at: u32,
        result: i32,
        flags: u32,
        done: &mut Vec<Completion>,
    ) -> Next {
        let slot = self.in_flight.slot(at);
        let token = slot.token;
        let moved = u64::try_from(result).map_err(|_| Errno(-result));
        match &mut slot.state {
            State::Connect { socket, unix, .. } => {
                if let Err(errno) = moved {
                    return Next::Finish(Outcome::Failed(errno));
                }
                let fd = socket.take().expect("a connect completes once");
                let unix = *unix;
                Next::Finish(self.connected(fd, unix))
            }
            State::Receive { single } => {
                let buffer = single.take();
                *single = Some(Buffer::with_room(0));
                match (moved, buffer) {
                    (Ok(1..), Some(mut buffer)) => {
                        buffer.advance(result as usize);
                        let slice = buffer.freeze();
                        done.push(Completion::more(token, Outcome::Received(slice)));
                        Next::Again
                    }
                    (Ok(_), _) => Next::Finish(Outcome::Received(Slice::empty())),
                    (Err(Errno(libc::EAGAIN | libc::EINTR)), _) => Next::Again,
                    (Err(errno), _) => Next::Finish(Outcome::Failed(errno)),
                }
            }
            State::ReceiveInto { into } => match moved {
                Ok(count) => {
                    into.advance(count as usize);
                    Next::FinishFilled(Ok(count as usize))
                }
                Err(Errno(libc::EAGAIN | libc::EINTR)) => Next::Again,
                Err(errno) => Next::FinishFilled(Err(errno)),
            },
            State::Read {
                into,
                filled,
                alignment,
                ..
            } => match moved {
                Ok(count) => {
                    let count = count as usize;
                    into.advance(count);
                    *filled += count;
                    // A direct read ends between blocks only where the file ends.
                    let at_end = count == 0 || !count.is_multiple_of(*alignment as usize);
                    if at_end || into.room() == 0 {
                        Next::FinishFilled(Ok(*filled))
                    } else {
                        Next::Again
                    }
                }
                Err(Errno(libc::EAGAIN | libc::EINTR)) => Next::Again,
                Err(errno) => Next::FinishFilled(Err(errno)),
            },
            State::Send(transfer) => match moved {
                Ok(count) => {
                    transfer.advance(count);
                    sent(transfer.is_complete(), count)
                }
                Err(Errno(libc::EAGAIN | libc::EINTR)) => Next::Again,
                Err(errno) => Next::Finish(Outcome::Failed(errno)),
            },
            State::SendZeroCopy { .. } if slot.holder == Holder::Lingering => Next::Free,
            State::SendZeroCopy {
                transfer,
                result: earlier,
                plain,
            } => {
                let notice = cqueue::notif(flags);
                let result = if notice {
                    earlier.take().unwrap_or(0)
                } else {
                    result
                };
                let next = match u64::try_from(result) {
                    Ok(count) => {
                        transfer.advance(count);
                        sent(transfer.is_complete(), count)
                    }
                    Err(_) if [-libc::EAGAIN, -libc::EINTR].contains(&result) => Next::Again,
                    // No memory may be pinned, or the kernel does not report what it does.
                    Err(_) if !*plain && ZERO_COPY_REFUSALS.contains(&-result) => {
                        *plain = true;
                        if let Some(handle) = self.handles.at(slot.target.place) {
                            handle.copies = true;
                        }
                        Next::Again
                    }
                    Err(_) => Next::Finish(Outcome::Failed(Errno(-result))),
                };
                match next {
                    Next::Finish(outcome) if cqueue::more(flags) => Next::Answer(outcome),
                    Next::Again if cqueue::more(flags) && slot.canceled => {
                        Next::Answer(Outcome::Failed(Errno::CANCELED))
                    }
                    // The step goes on with its notice, which then counts nothing more.
                    Next::Again if cqueue::more(flags) => {
                        *earlier = Some(-libc::EAGAIN);
                        Next::Wait
                    }
                    next => next,
                }
            }
            State::Write {
                transfer,
                alignment,
                ..
            } => match moved {
                Ok(count) => {
                    let count = kept(transfer.moved, count, transfer.total, *alignment);
                    transfer.advance(count);
                    match count {
                        _ if transfer.is_complete() => Next::Finish(Outcome::Done),
                        0 => Next::Finish(Outcome::Failed(Errno::IO)),
                        _ => Next::Again,
                    }
                }
                Err(Errno(libc::EAGAIN | libc::EINTR)) => Next::Again,
                Err(errno) => Next::Finish(Outcome::Failed(errno)),
            },
            State::Allocate(allocation) => advance_allocation(allocation, moved),
            State::Sync { .. } | State::Truncate { .. } => match moved {
                Ok(_) => Next::Finish(Outcome::Done),
                Err(errno) => Next::Finish(Outcome::Failed(errno)),
            },
            State::Accept { .. } | State::Signals(_) | State::Free | State::Helper => {
                unreachable!("not an operation of one completion")
            }
        }
    }

    fn connected(&mut self, fd: OwnedFd, unix: bool) -> Outcome {
        match self.adopt(fd, Kind::Stream { unix }) {
            Ok(id) => Outcome::Connected {
                socket: SocketId(id),
            },
            Err(errno) => Outcome::Failed(errno),
        }
    }

    fn complete_helper(&mut self, at: u32, reply: Reply, done: &mut Vec<Completion>) {
        let outcome = match reply {
            Reply::Outcome(outcome) => outcome,
            Reply::Opened {
                file,
                length,
                alignment,
                direct,
                inline,
            } => match self.adopt(OwnedFd::from(file), Kind::File { alignment, inline }) {
                Ok(id) => Outcome::Opened {
                    file: FileId(id),
                    length,
                    alignment,
                    direct,
                },
                Err(errno) => Outcome::Failed(errno),
            },
        };
        self.finish(at, outcome, done);
    }

    /// The last answer: frees the slot, and closes what has waited for it.
    pub(super) fn finish(&mut self, at: u32, outcome: Outcome, done: &mut Vec<Completion>) {
        let slot = self.in_flight.slot(at);
        let outcome = match outcome {
            // A cancelled operation in a worker thread ends as if by a signal.
            Outcome::Failed(Errno(libc::EINTR)) if slot.canceled => {
                Outcome::Failed(Errno::CANCELED)
            }
            other => other,
        };
        let (token, state) = self.release(at);
        match state {
            State::Send(transfer) | State::SendZeroCopy { transfer, .. } => {
                self.in_flight.recycle(transfer);
            }
            State::Write {
                transfer, durable, ..
            } => {
                if let Some(begun) = durable {
                    self.durables.end(begun, self.now());
                }
                self.in_flight.recycle(transfer);
            }
            State::Sync { begun } => self.durables.end(begun, self.now()),
            _ => {}
        }
        done.push(Completion::last(token, outcome));
    }

    /// The last answer, before the last completion: only the slot's bytes stay.
    fn answer(&mut self, at: u32, outcome: Outcome, done: &mut Vec<Completion>) {
        let slot = self.in_flight.slot(at);
        slot.holder = Holder::Lingering;
        let token = slot.token;
        let place = std::mem::replace(&mut slot.target, Target::NONE).place;
        self.leave(place, at);
        done.push(Completion::last(token, outcome));
    }

    fn finish_filled(&mut self, at: u32, result: Result<usize, Errno>, done: &mut Vec<Completion>) {
        let (token, state) = self.release(at);
        let outcome = match state {
            State::ReceiveInto { into } | State::Read { into, .. } => {
                Outcome::Filled { into, result }
            }
            _ => unreachable!("only reads and receives hand a buffer back"),
        };
        done.push(Completion::last(token, outcome));
    }

    /// Would have gone on, but somebody wants it to end.
    fn finish_canceled(&mut self, at: u32, done: &mut Vec<Completion>) {
        match &self.in_flight.slot(at).state {
            State::ReceiveInto { .. } | State::Read { .. } => {
                self.finish_filled(at, Err(Errno::CANCELED), done);
            }
            _ => self.finish(at, Outcome::Failed(Errno::CANCELED), done),
        }
    }

    fn release(&mut self, at: u32) -> (Token, State) {
        let (token, target, state) = self.in_flight.release(at);
        self.leave(target.place, at);
        (token, state)
    }

    /// The slot has no more to do with the descriptor, for which a close may have waited.
    fn leave(&mut self, place: u32, at: u32) {
        if self.handles.release(place, at) {
            let closing = self.handles.at(place).and_then(|handle| handle.closing);
            let closing = closing.expect("`release` says that a close waits");
            self.finish_close(place, closing);
        }
    }
}

fn sent(complete: bool, count: u64) -> Next {
    match count {
        _ if complete => Next::Finish(Outcome::Sent),
        // Nothing taken of something offered: there is nobody to take it.
        0 => Next::Finish(Outcome::Failed(Errno::BROKEN_PIPE)),
        _ => Next::Again,
    }
}

/// How many of `count` bytes just written count: a short direct write goes on from the last whole
/// block, so what lies behind it is written again.
fn kept(moved: u64, count: u64, total: u64, alignment: u32) -> u64 {
    let end = moved + count;
    if end == total {
        return count;
    }
    let aligned = end - end % u64::from(alignment);
    aligned.saturating_sub(moved)
}

/// One step of making space or zeros; see `Step`.
fn advance_allocation(allocation: &mut Allocation, moved: Result<u64, Errno>) -> Next {
    let unknown = matches!(
        moved,
        Err(Errno(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS))
    );
    allocation.step = match (allocation.step, moved) {
        (_, Err(Errno(libc::EINTR | libc::EAGAIN))) => return Next::Again,
        (Step::KeepSize | Step::Sync, Ok(_)) => return Next::Finish(Outcome::Done),
        (Step::WriteZeroes, Ok(_)) => Step::Sync,
        (Step::WriteZeroes, Err(_)) if unknown => Step::Reserve,
        (Step::Reserve, result) if result.is_ok() || unknown => {
            let length = allocation.length.min(ZEROS_BYTES as u64);
            allocation.zeros = Slice::zeros(length as usize);
            Step::Zeros(0)
        }
        (Step::Zeros(before), Ok(count)) => {
            let written = (before + count).min(allocation.length);
            let aligned = written - written % u64::from(allocation.alignment);
            match aligned {
                _ if written == allocation.length => Step::Sync,
                aligned if aligned <= before => return Next::Finish(Outcome::Failed(Errno::IO)),
                aligned => Step::Zeros(aligned),
            }
        }
        (_, Err(errno)) => return Next::Finish(Outcome::Failed(errno)),
        (Step::Reserve, Ok(_)) => unreachable!("handled above"),
    };
    Next::Again
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_direct_write_resumes_at_a_block() {
        assert_eq!(kept(0, 8192, 8192, 4096), 8192);
        assert_eq!(kept(0, 5000, 8192, 4096), 4096);
        assert_eq!(kept(4096, 100, 8192, 4096), 0);
        // The last piece of a file that is not direct may end anywhere.
        assert_eq!(kept(0, 5000, 8192, 1), 5000);
        assert_eq!(kept(512, 1024, 4096, 512), 1024);
    }

    fn steps(mut answers: impl FnMut(Step) -> Result<u64, Errno>) -> (Vec<Step>, Outcome) {
        let mut allocation = Allocation {
            at: 0,
            length: 3 << 20,
            step: Step::first(AllocateMode::Zeroed),
            alignment: 512,
            zeros: Slice::empty(),
        };
        let mut seen = Vec::new();
        loop {
            seen.push(allocation.step);
            let answer = answers(allocation.step);
            if let Next::Finish(outcome) = advance_allocation(&mut allocation, answer) {
                return (seen, outcome);
            }
        }
    }

    #[test]
    fn zeros_are_made_by_the_file_system_or_written() {
        let (seen, outcome) = steps(|_| Ok(0));
        assert_eq!(seen, vec![Step::WriteZeroes, Step::Sync]);
        assert!(matches!(outcome, Outcome::Done));

        let (seen, outcome) = steps(|step| match step {
            Step::WriteZeroes => Err(Errno(libc::EOPNOTSUPP)),
            // A short write inside a block, then whole ones.
            Step::Zeros(0) => Ok(1000),
            Step::Zeros(_) => Ok(1 << 20),
            _ => Ok(0),
        });
        let mib = 1 << 20;
        assert_eq!(
            seen,
            vec![
                Step::WriteZeroes,
                Step::Reserve,
                Step::Zeros(0),
                Step::Zeros(512),
                Step::Zeros(512 + mib),
                Step::Zeros(512 + 2 * mib),
                Step::Sync,
            ]
        );
        assert!(matches!(outcome, Outcome::Done));
    }

    #[test]
    fn a_full_disk_ends_the_allocation() {
        let (seen, outcome) = steps(|step| match step {
            Step::Reserve => Err(Errno::NO_SPACE),
            _ => Err(Errno(libc::EINVAL)),
        });
        assert_eq!(seen, vec![Step::WriteZeroes, Step::Reserve]);
        assert!(matches!(outcome, Outcome::Failed(Errno::NO_SPACE)));
        let (_, outcome) = steps(|step| match step {
            Step::Zeros(_) => Ok(0),
            _ => Err(Errno(libc::ENOSYS)),
        });
        assert!(matches!(outcome, Outcome::Failed(Errno::IO)));
    }
}

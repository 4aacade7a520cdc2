//! The response pipeline: answers may be ready in any order, they leave in request order.
//!
//! Room:       `connection`.
//! Called by:  `connection::serve`: its reader opens slots, its writer sends what is ready.
//! Never:      touches the socket, or hands out more at once than a client takes in good time: how
//!             long one send lasts tells who takes nothing.
//!
//!   base                                  next
//!   ├── ready ── ready ── waiting ── ready ──┤     the writer takes the leading ready ones

use crate::handlers::answers::Owed;
use crate::io::{Instant, Slice};
use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub struct Pipeline {
    slots: RefCell<VecDeque<Option<Vec<Slice>>>>,
    /// Number of the first slot in `slots`.
    base: Cell<u64>,
    unfilled: Cell<usize>,
    owed: Rc<Owed>,
    /// When the send under way began.
    sending_since: Cell<Option<Instant>>,
    /// Answers before this number have memory of their own.
    copied: Cell<u64>,
    changed: Event,
    closed: Cell<bool>,
    /// The log has heard why it ends.
    told: Cell<bool>,
}

/// The promise of one response. Dropped without one, the connection is closed: a client that
/// waits for ever is worse than one that reconnects.
pub struct Slot {
    pipeline: Rc<Pipeline>,
    number: u64,
    filled: bool,
}

/// Requests one connection may have in the works; beyond it the socket is not read.
pub const SLOTS_MAX: usize = 256;

/// Response bytes that may wait for the socket before no further request is read.
const UNSENT_BYTES_MAX: usize = 8 << 20;

/// Bytes handed to one send; larger ones measured no faster on loopback.
const SEND_BYTES: usize = 1 << 20;

/// What is a little more is not cut in two.
const SEND_BYTES_MAX: usize = 2 * SEND_BYTES;

impl Pipeline {
    pub fn new(owed: Rc<Owed>) -> Rc<Pipeline> {
        Rc::new(Pipeline {
            slots: RefCell::new(VecDeque::new()),
            base: Cell::new(0),
            unfilled: Cell::new(0),
            owed,
            sending_since: Cell::new(None),
            copied: Cell::new(0),
            changed: Event::new(),
            closed: Cell::new(false),
            told: Cell::new(false),
        })
    }

    /// The slot of the next response.
    pub fn open(self: &Rc<Self>) -> Slot {
        let mut slots = self.slots.borrow_mut();
        slots.push_back(None);
        self.unfilled.set(self.unfilled.get() + 1);
        self.owed.ask();
        let number = self.base.get() + slots.len() as u64 - 1;
        Slot {
            pipeline: self.clone(),
            number,
            filled: false,
        }
    }

    /// Ends the writer once everything that is ready has been taken.
    pub fn close(&self) {
        self.closed.set(true);
        self.changed.notify();
    }

    /// As `close`, when nothing can be sent any more: what waits is let go.
    pub fn abandon(&self) {
        self.owed.close();
        for answer in self.slots.borrow_mut().iter_mut().flatten() {
            answer.clear();
        }
        self.close();
    }

    /// Whether the log has to hear why the connection ends; once.
    pub fn tells_first(&self) -> bool {
        !self.told.replace(true)
    }

    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Completes at the next change of any kind.
    pub async fn changed(&self) {
        self.changed.next().await;
    }

    /// Every opened slot has its answer (sent or not).
    pub fn is_answered(&self) -> bool {
        self.unfilled.get() == 0
    }

    /// Everything has been handed to the writer.
    pub fn is_empty(&self) -> bool {
        self.slots.borrow().is_empty() && self.owed.bytes() == 0
    }

    /// Waits until every opened slot has its answer: the barrier before any request that is
    /// neither Produce nor Fetch.
    pub async fn answered(&self) {
        while !self.is_answered() && !self.closed.get() {
            self.changed.next().await;
        }
    }

    /// Waits until all answers are on the socket.
    pub async fn drained(&self) {
        while !self.is_empty() && !self.closed.get() {
            self.changed.next().await;
        }
    }

    /// Waits until one more request may be read.
    pub async fn room(&self) {
        while !self.closed.get()
            && (self.slots.borrow().len() >= SLOTS_MAX || self.owed.bytes() > UNSENT_BYTES_MAX)
        {
            self.changed.next().await;
        }
    }

    /// The next bytes to send, in order; `None` when closed. Call `sent` when they are out.
    pub async fn next_ready(&self) -> Option<Vec<Slice>> {
        loop {
            if let Some(ready) = self.take_ready() {
                return Some(ready);
            }
            if self.closed.get() {
                return None;
            }
            self.changed.next().await;
        }
    }

    /// `next_ready` was handed to the socket.
    pub fn sending(&self, now: Instant) {
        self.sending_since.set(Some(now));
    }

    /// Since when the client has been sent what it does not take.
    pub fn sending_since(&self) -> Option<Instant> {
        self.sending_since.get()
    }

    pub fn owed_bytes(&self) -> usize {
        self.owed.bytes()
    }

    /// The bytes of `ready` have left.
    pub fn sent(&self, bytes: usize) {
        self.sending_since.set(None);
        self.owed.release(bytes, self.base.get());
        self.changed.notify();
    }

    fn take_ready(&self) -> Option<Vec<Slice>> {
        let mut slots = self.slots.borrow_mut();
        let mut ready: Vec<Slice> = Vec::new();
        let mut bytes = 0;
        let mut taken = 0;
        while bytes < SEND_BYTES
            && let Some(Some(response)) = slots.front_mut()
        {
            match fitting(response, SEND_BYTES_MAX - bytes) {
                Some(length) => {
                    bytes += length;
                    taken += 1;
                    let response = slots.pop_front().flatten().expect("seen to be filled");
                    match ready.is_empty() {
                        true => ready = response,
                        false => ready.extend(response),
                    }
                }
                None => {
                    let first = split_off_first(response, SEND_BYTES - bytes);
                    self.base.set(self.base.get() + taken);
                    ready.extend(first);
                    return Some(ready);
                }
            }
        }
        self.base.set(self.base.get() + taken);
        (taken > 0).then_some(ready)
    }

    /// Copies what waits into memory of its own, once: a client that is slow shall not hold the
    /// slabs and read buffers that its answers are parts of.
    pub fn copy_waiting(&self) {
        let mut slots = self.slots.borrow_mut();
        let base = self.base.get();
        let from = self.copied.get().saturating_sub(base) as usize;
        let filled = slots.iter().take_while(|slot| slot.is_some()).count();
        for answer in slots.iter_mut().take(filled).skip(from).flatten() {
            if !answer.is_empty() {
                let mut bytes = Vec::with_capacity(answer.iter().map(|slice| slice.len()).sum());
                answer
                    .iter()
                    .for_each(|slice| bytes.extend_from_slice(slice));
                *answer = vec![Slice::from(bytes)];
            }
        }
        self.copied.set(self.copied.get().max(base + filled as u64));
    }
}

/// The length of an answer, unless it is longer than `bytes_max`.
fn fitting(answer: &[Slice], bytes_max: usize) -> Option<usize> {
    let mut length = 0;
    for slice in answer {
        length += slice.len();
        if length > bytes_max {
            return None;
        }
    }
    Some(length)
}

/// Takes the first `bytes` of an answer that has more.
fn split_off_first(answer: &mut Vec<Slice>, bytes: usize) -> Vec<Slice> {
    let mut left = bytes;
    let mut whole = 0;
    while left >= answer[whole].len() {
        left -= answer[whole].len();
        whole += 1;
    }
    let mut rest = answer.split_off(whole);
    if left > 0 {
        answer.push(rest[0].range(0, left));
        rest[0] = rest[0].range(left, rest[0].len());
    }
    std::mem::replace(answer, rest)
}

impl Slot {
    /// The answer, its length included; empty when the request wants none (acks=0).
    pub fn fill(mut self, mut response: Vec<Slice>) {
        let pipeline = &self.pipeline;
        if pipeline.owed.is_closed() {
            response.clear();
        }
        let bytes = response.iter().map(|slice| slice.len()).sum::<usize>();
        let mut slots = pipeline.slots.borrow_mut();
        let index = (self.number - pipeline.base.get()) as usize;
        slots[index] = Some(response);
        drop(slots);
        pipeline.unfilled.set(pipeline.unfilled.get() - 1);
        pipeline.owed.add(bytes);
        self.filled = true;
        pipeline.changed.notify();
    }
}

impl Slot {
    pub fn tells_first(&self) -> bool {
        self.pipeline.tells_first()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.filled {
            self.pipeline.unfilled.set(self.pipeline.unfilled.get() - 1);
            self.pipeline.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::answers::Answers;

    fn pipeline() -> (Rc<Answers>, Rc<Pipeline>) {
        let answers = Answers::new(0);
        let owed = Owed::new(answers.clone());
        (answers, Pipeline::new(owed))
    }

    fn text(pipeline: &Pipeline) -> Option<String> {
        let ready = pipeline.take_ready()?;
        let pieces = ready.iter().map(|slice| String::from_utf8_lossy(slice));
        Some(pieces.collect())
    }

    #[test]
    fn answers_leave_in_request_order() {
        let (_, pipeline) = pipeline();
        let (first, second, third) = (pipeline.open(), pipeline.open(), pipeline.open());
        second.fill(vec![Slice::copy_of(b"2")]);
        assert_eq!(text(&pipeline), None);
        first.fill(vec![Slice::copy_of(b"1")]);
        assert_eq!(text(&pipeline).as_deref(), Some("12"));
        assert!(!pipeline.is_answered());
        third.fill(Vec::new());
        assert!(pipeline.is_answered());
        assert_eq!(text(&pipeline).as_deref(), Some(""));
    }

    #[test]
    fn a_forgotten_answer_closes_the_connection() {
        let (_, pipeline) = pipeline();
        drop(pipeline.open());
        assert!(pipeline.is_closed());
        assert!(pipeline.tells_first());
        assert!(!pipeline.tells_first());
    }

    #[test]
    fn a_large_answer_leaves_in_pieces_and_can_be_copied_between_them() {
        let (answers, pipeline) = pipeline();
        let bytes: Vec<u8> = (0..5 * SEND_BYTES + 77).map(|at| (at / 7) as u8).collect();
        let (small, large, last) = (pipeline.open(), pipeline.open(), pipeline.open());
        small.fill(vec![Slice::copy_of(b"small")]);
        large.fill(bytes.chunks(300_000).map(Slice::copy_of).collect());
        last.fill(vec![Slice::copy_of(b"last")]);
        let all = 5 + bytes.len() + 4;
        assert_eq!(answers.bytes(), all);
        let mut sent = Vec::new();
        let mut pieces = 0;
        while let Some(ready) = pipeline.take_ready() {
            let before = sent.len();
            ready.iter().for_each(|slice| sent.extend_from_slice(slice));
            pipeline.sent(sent.len() - before);
            assert!(sent.len() - before <= SEND_BYTES_MAX);
            pieces += 1;
            if pieces == 2 {
                pipeline.copy_waiting();
                // What has been copied is one piece of memory.
                let slots = pipeline.slots.borrow();
                let lengths = slots.iter().map(|slot| slot.as_ref().map(Vec::len));
                assert_eq!(lengths.collect::<Vec<_>>(), vec![Some(1), Some(1)]);
            }
        }
        assert!(sent == [b"small", &bytes[..], b"last"].concat());
        assert_eq!(pieces, 6);
        assert!(pipeline.is_empty());
        assert_eq!(answers.bytes(), 0);
    }

    #[test]
    fn what_nobody_will_take_is_let_go() {
        let (answers, pipeline) = pipeline();
        let (early, late) = (pipeline.open(), pipeline.open());
        early.fill(vec![Slice::copy_of(&[0; 1000])]);
        assert_eq!(answers.bytes(), 1000);
        pipeline.abandon();
        late.fill(vec![Slice::copy_of(&[0; 1000])]);
        assert_eq!(answers.bytes(), 0);
        let slots = pipeline.slots.borrow();
        assert!(slots.iter().flatten().all(Vec::is_empty));
    }
}

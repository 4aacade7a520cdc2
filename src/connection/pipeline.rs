//! The response pipeline: answers may be ready in any order, they leave in request order.
//!
//! Room:       `connection`.
//! Called by:  `connection::serve`: its reader opens slots, its writer sends what is ready.
//! Never:      touches the socket.
//!
//!   base                                  next
//!   ├── ready ── ready ── waiting ── ready ──┤     the writer takes the leading ready ones

use crate::io::Slice;
use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub struct Pipeline {
    slots: RefCell<VecDeque<Option<Vec<Slice>>>>,
    /// Number of the first slot in `slots`.
    base: Cell<u64>,
    unfilled: Cell<usize>,
    unsent_bytes: Cell<usize>,
    changed: Event,
    closed: Cell<bool>,
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

impl Pipeline {
    pub fn new() -> Rc<Pipeline> {
        Rc::new(Pipeline {
            slots: RefCell::new(VecDeque::new()),
            base: Cell::new(0),
            unfilled: Cell::new(0),
            unsent_bytes: Cell::new(0),
            changed: Event::new(),
            closed: Cell::new(false),
        })
    }

    /// The slot of the next response.
    pub fn open(self: &Rc<Self>) -> Slot {
        let mut slots = self.slots.borrow_mut();
        slots.push_back(None);
        self.unfilled.set(self.unfilled.get() + 1);
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
        self.slots.borrow().is_empty() && self.unsent_bytes.get() == 0
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
            && (self.slots.borrow().len() >= SLOTS_MAX
                || self.unsent_bytes.get() > UNSENT_BYTES_MAX)
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

    /// The bytes of `ready` have left.
    pub fn sent(&self, bytes: usize) {
        self.unsent_bytes.set(self.unsent_bytes.get() - bytes);
        self.changed.notify();
    }

    fn take_ready(&self) -> Option<Vec<Slice>> {
        let mut slots = self.slots.borrow_mut();
        let mut ready: Vec<Slice> = Vec::new();
        let mut bytes = 0;
        let mut taken = 0;
        while bytes < SEND_BYTES && matches!(slots.front(), Some(Some(_))) {
            let response = slots.pop_front().flatten().expect("seen to be filled");
            taken += 1;
            bytes += response.iter().map(|slice| slice.len()).sum::<usize>();
            if ready.is_empty() {
                ready = response
            } else {
                ready.extend(response)
            }
        }
        self.base.set(self.base.get() + taken);
        (taken > 0).then_some(ready)
    }
}

impl Slot {
    /// The answer, its length included; empty when the request wants none (acks=0).
    pub fn fill(mut self, response: Vec<Slice>) {
        let pipeline = &self.pipeline;
        let bytes = response.iter().map(|slice| slice.len()).sum::<usize>();
        let mut slots = pipeline.slots.borrow_mut();
        let index = (self.number - pipeline.base.get()) as usize;
        slots[index] = Some(response);
        drop(slots);
        pipeline.unfilled.set(pipeline.unfilled.get() - 1);
        pipeline
            .unsent_bytes
            .set(pipeline.unsent_bytes.get() + bytes);
        self.filled = true;
        pipeline.changed.notify();
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

    fn text(pipeline: &Pipeline) -> Option<String> {
        let ready = pipeline.take_ready()?;
        Some(
            ready
                .iter()
                .map(|slice| String::from_utf8_lossy(slice).into_owned())
                .collect(),
        )
    }

    #[test]
    fn answers_leave_in_request_order() {
        let pipeline = Pipeline::new();
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
        let pipeline = Pipeline::new();
        drop(pipeline.open());
        assert!(pipeline.is_closed());
    }
}

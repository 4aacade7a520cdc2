//! The shard's memory for large requests as they are worked on: decoded, answered, being encoded.
//!
//! Room:       `handlers`.
//! Called by:  `registry` and `fetch`, before a request is decoded and when it is.
//! Never:      refuses one: it waits, and its frame stays charged. A request alone may always go
//!             on, and how much one may take is bounded by `protocol::Reader`.
//!
//! A frame's bytes say little about what it takes to answer: two MiB of short names become tens of
//! MiB of values. So few large requests are worked on beside each other that all of them together
//! stay within what there is for answers, and none begins while that is full of answers.

use super::answers::Answers;
use crate::runtime::sync::{Event, either};
use std::cell::Cell;
use std::rc::Rc;

pub struct Decoded {
    answers: Rc<Answers>,
    bytes: Cell<usize>,
    released: Event,
}

/// What a request takes, given back by the drop.
pub struct Held {
    decoded: Rc<Decoded>,
    bytes: usize,
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It is answered: what is looked up, the answer as values and as bytes take several times as
    /// much as the request.
    Answers,
    /// It waits for news, for seconds maybe, with no more than what it asks for.
    Waits,
}

impl Work {
    fn factor(self) -> usize {
        match self {
            Work::Answers => 4,
            Work::Waits => 1,
        }
    }
}

impl Decoded {
    pub fn new(answers: Rc<Answers>) -> Rc<Decoded> {
        Rc::new(Decoded {
            answers,
            bytes: Cell::new(0),
            released: Event::new(),
        })
    }

    /// Waits until a large request may be decoded.
    pub async fn room(&self) {
        while !self.has_room() {
            either(self.released.next(), self.answers.taken()).await;
        }
    }

    fn has_room(&self) -> bool {
        !self.answers.is_over() && self.bytes.get() < self.answers.bytes_max() / 2
    }

    pub fn hold(self: &Rc<Self>, decoded_bytes: usize, work: Work) -> Held {
        let bytes = decoded_bytes.saturating_mul(work.factor());
        self.bytes.set(self.bytes.get() + bytes);
        Held {
            decoded: self.clone(),
            bytes,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let decoded = &self.decoded;
        decoded.bytes.set(decoded.bytes.get() - self.bytes);
        decoded.released.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::Owed;
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    const MIB: usize = 1 << 20;

    fn is_ready(room: impl Future<Output = ()>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(room).poll(&mut context).is_ready()
    }

    /// Goal: large requests wait for each other, and for answers that nobody takes.
    #[test]
    fn a_large_request_waits_for_memory() {
        // 4 MiB.
        let answers = Answers::new(0);
        let decoded = Decoded::new(answers.clone());
        assert!(is_ready(decoded.room()));
        let first = decoded.hold(MIB / 8, Work::Answers);
        assert!(is_ready(decoded.room()), "there is room beside it");
        let second = decoded.hold(100 * MIB, Work::Waits);
        let mut waiting = Box::pin(decoded.room());
        assert!(!is_ready(waiting.as_mut()));
        drop(first);
        assert!(!is_ready(waiting.as_mut()));
        drop(second);
        assert!(is_ready(waiting.as_mut()));
        let owed = Owed::new(answers);
        owed.add(5 * MIB);
        let mut waiting = Box::pin(decoded.room());
        assert!(!is_ready(waiting.as_mut()));
        owed.release(2 * MIB, 1);
        assert!(is_ready(waiting.as_mut()));
    }
}

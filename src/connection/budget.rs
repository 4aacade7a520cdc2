//! The shard's memory for requests: charged as bytes arrive, never by what a client announced.
//!
//! Room:       `connection`.
//! Called by:  `frame` (arriving bytes), `connection::serve` (the share of one connection).
//! Never:      drops a request; who finds no room stops reading its socket.
//!
//! Always true:
//!   - the last quarter is kept for small frames, so that they always find room.
//!   - of the large frames in the making the oldest may always go on, so that half-received
//!     frames cannot hold each other up for ever; the budget is exceeded by one frame at most.

use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

pub struct Budget {
    bytes_max: usize,
    used: Cell<usize>,
    released: Event,
    large: RefCell<BTreeSet<u64>>,
    large_entered: Cell<u64>,
}

/// Bytes taken from the budget, paid back by the drop.
pub struct Charge {
    budget: Rc<Budget>,
    bytes: usize,
}

/// A large frame's place in the order of large frames.
pub struct LargeTurn {
    budget: Rc<Budget>,
    number: u64,
}

impl Budget {
    pub fn new(bytes_max: usize) -> Rc<Budget> {
        Rc::new(Budget {
            bytes_max,
            used: Cell::new(0),
            released: Event::new(),
            large: RefCell::new(BTreeSet::new()),
            large_entered: Cell::new(0),
        })
    }

    pub fn used(&self) -> usize {
        self.used.get()
    }

    pub fn charge(self: &Rc<Self>, bytes: usize) -> Charge {
        self.used.set(self.used.get() + bytes);
        Charge {
            budget: self.clone(),
            bytes,
        }
    }

    /// Waits until a small frame may be taken in.
    pub async fn small_room(&self) {
        while self.used.get() > self.bytes_max {
            self.released.next().await;
        }
    }

    /// Waits until more of a large frame may be received.
    pub async fn large_room(&self, turn: &LargeTurn) {
        while self.used.get() > self.bytes_max / 4 * 3 && !self.is_oldest(turn) {
            self.released.next().await;
        }
    }

    pub fn enter_large(self: &Rc<Self>) -> LargeTurn {
        let number = self.large_entered.get();
        self.large_entered.set(number + 1);
        self.large.borrow_mut().insert(number);
        LargeTurn {
            budget: self.clone(),
            number,
        }
    }

    fn is_oldest(&self, turn: &LargeTurn) -> bool {
        self.large.borrow().first() == Some(&turn.number)
    }
}

impl Charge {
    pub fn grow(&mut self, bytes: usize) {
        self.budget.used.set(self.budget.used.get() + bytes);
        self.bytes += bytes;
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.set(self.budget.used.get() - self.bytes);
        self.budget.released.notify();
    }
}

impl Drop for LargeTurn {
    fn drop(&mut self) {
        self.budget.large.borrow_mut().remove(&self.number);
        self.budget.released.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_is_paid_back() {
        let budget = Budget::new(100);
        let mut charge = budget.charge(10);
        charge.grow(5);
        assert_eq!(budget.used(), 15);
        drop(charge);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn only_the_oldest_large_frame_goes_on_over_budget() {
        let budget = Budget::new(100);
        let first = budget.enter_large();
        let second = budget.enter_large();
        assert!(budget.is_oldest(&first));
        assert!(!budget.is_oldest(&second));
        drop(first);
        assert!(budget.is_oldest(&second));
    }
}

//! The shard's memory for requests: charged as bytes arrive, never by what a client announced.
//!
//! Room:       `connection`.
//! Called by:  `frame` (arriving bytes), `connection::serve` (the share of one connection).
//! Never:      drops a request; who finds no room stops reading its socket.
//!
//! Three kinds of frames have room of their own, so that none can crowd out another:
//!
//!   whole   lies in one received slice: what small requests are, nearly always
//!   half    small, and put together from several slices
//!   large   received straight into memory of its own
//!
//! Half of the memory belongs to the shards, in equal parts; the other half is common, and a shard
//! borrows of it by the piece. So many cores do not leave each with next to nothing.
//!
//! Always true:
//!   - of the half frames, and of the large ones, the oldest may always go on and does not count
//!     against the others: frames in the making cannot hold each other up, and each kind exceeds
//!     its room by one frame at most.
//!   - who waits for room makes the kind `pressed`, and frames that stand still are cut sooner.

use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a frame is received, and which room it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Whole,
    Half,
    Large,
}

/// What the shards of a broker have in common.
pub struct Commons {
    bytes_max: usize,
    free: AtomicUsize,
    shards: usize,
}

/// What a shard borrows at once.
const LEASE_BYTES: usize = 256 << 10;

impl Commons {
    /// `bytes_max` for the requests of the whole broker.
    pub fn new(bytes_max: usize, shards: u16) -> Arc<Commons> {
        Arc::new(Commons {
            bytes_max,
            free: AtomicUsize::new(bytes_max / 2),
            shards: usize::from(shards.max(1)),
        })
    }

    /// What one connection may have in the works: a small share, and yet as much as a producer
    /// with its five batches of a MiB in flight needs.
    pub fn connection_share(&self) -> usize {
        (self.bytes_max / 8).max((6 << 20).min(self.bytes_max / 2))
    }

    fn lease(&self) -> bool {
        let take = |free: usize| free.checked_sub(LEASE_BYTES);
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.free.fetch_update(success, failure, take).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::AcqRel);
    }
}

pub struct Budget {
    commons: Arc<Commons>,
    accounts: [Account; 3],
    released: Event,
    entered: Cell<u64>,
}

/// The room of one kind.
struct Account {
    own: usize,
    leased: Cell<usize>,
    used: Cell<usize>,
    waiting: Cell<usize>,
    /// Frames in the making, by age, with what each holds.
    making: RefCell<BTreeMap<u64, usize>>,
}

/// Bytes taken from the budget, paid back by the drop.
pub struct Charge {
    budget: Rc<Budget>,
    kind: Kind,
    bytes: usize,
}

/// A frame in the making: its place in the order of its kind, and what it has been charged.
pub struct Making {
    charge: Charge,
    number: u64,
}

impl Budget {
    pub fn new(commons: Arc<Commons>) -> Rc<Budget> {
        let own = commons.bytes_max / 2 / commons.shards;
        let account = |own| Account {
            own,
            leased: Cell::new(0),
            used: Cell::new(0),
            waiting: Cell::new(0),
            making: RefCell::new(BTreeMap::new()),
        };
        Rc::new(Budget {
            commons,
            accounts: [account(own / 2), account(own / 4), account(own / 4)],
            released: Event::new(),
            entered: Cell::new(0),
        })
    }

    /// Bytes charged in all.
    pub fn used(&self) -> usize {
        self.accounts.iter().map(|account| account.used.get()).sum()
    }

    pub fn charge(self: &Rc<Self>, kind: Kind, bytes: usize) -> Charge {
        let mut charge = Charge {
            budget: self.clone(),
            kind,
            bytes: 0,
        };
        charge.grow(bytes);
        charge
    }

    /// Begins a frame that arrives in pieces.
    pub fn begin(self: &Rc<Self>, kind: Kind) -> Making {
        let number = self.entered.get();
        self.entered.set(number + 1);
        self.account(kind).making.borrow_mut().insert(number, 0);
        Making {
            charge: self.charge(kind, 0),
            number,
        }
    }

    /// Waits until another frame may be taken out of what has arrived.
    pub async fn room_for_whole(&self) {
        self.wait(Kind::Whole, || self.has_room(Kind::Whole, 0))
            .await;
    }

    /// Whether a little may be copied out of the door's buffers.
    pub fn has_room_for_half(&self) -> bool {
        self.has_room(Kind::Half, 0)
    }

    /// Somebody waits for room of this kind.
    pub fn is_pressed(&self, kind: Kind) -> bool {
        self.account(kind).waiting.get() > 0
    }

    async fn wait(&self, kind: Kind, may_go_on: impl Fn() -> bool) {
        if may_go_on() {
            return;
        }
        let _waiter = Waiter::of(&self.account(kind).waiting);
        while !may_go_on() {
            self.released.next().await;
        }
    }

    /// Whether more may be charged when `exempt` of what is charged does not count.
    fn has_room(&self, kind: Kind, exempt: usize) -> bool {
        let account = self.account(kind);
        loop {
            let used = account.used.get() - exempt;
            if used < account.own + account.leased.get() {
                return true;
            }
            if !self.commons.lease() {
                return false;
            }
            account.leased.set(account.leased.get() + LEASE_BYTES);
        }
    }

    fn account(&self, kind: Kind) -> &Account {
        &self.accounts[kind as usize]
    }

    fn pay_back(&self, kind: Kind, bytes: usize) {
        let account = self.account(kind);
        let used = account.used.get() - bytes;
        account.used.set(used);
        let leased = account.leased.get();
        // One lease is kept, or a shard at its bound would borrow and return all the time.
        let spare = (account.own + leased).saturating_sub(used + LEASE_BYTES);
        let back = match used {
            0 => leased,
            _ => (spare / LEASE_BYTES * LEASE_BYTES).min(leased),
        };
        if back > 0 {
            account.leased.set(leased - back);
            self.commons.give_back(back);
        }
        self.tell_waiters();
    }

    fn tell_waiters(&self) {
        if self
            .accounts
            .iter()
            .any(|account| account.waiting.get() > 0)
        {
            self.released.notify();
        }
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        let leased = self.accounts.iter().map(|account| account.leased.get());
        self.commons.give_back(leased.sum());
    }
}

/// Counts as waiting as long as it lives, also when the wait is given up.
struct Waiter<'a>(&'a Cell<usize>);

impl Waiter<'_> {
    fn of(count: &Cell<usize>) -> Waiter<'_> {
        count.set(count.get() + 1);
        Waiter(count)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Charge {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn grow(&mut self, bytes: usize) {
        let used = &self.budget.account(self.kind).used;
        used.set(used.get() + bytes);
        self.bytes += bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.pay_back(self.kind, self.bytes);
    }
}

impl Making {
    /// Charges `bytes` more.
    pub fn grow(&mut self, bytes: usize) {
        self.charge.grow(bytes);
        let mut making = self.account().making.borrow_mut();
        making.insert(self.number, self.charge.bytes);
    }

    /// Waits until more of the frame may be received.
    pub async fn room(&self) {
        let budget = &self.charge.budget;
        let kind = self.charge.kind;
        let may_go_on = || {
            let making = self.account().making.borrow();
            let oldest = making.first_key_value().expect("this one is in it");
            let (number, exempt) = (*oldest.0, *oldest.1);
            number == self.number || budget.has_room(kind, exempt)
        };
        budget.wait(kind, may_go_on).await;
    }

    /// The frame is whole; its memory stays charged until the request is answered.
    pub fn finish(self) -> Charge {
        let whole = Charge {
            budget: self.charge.budget.clone(),
            kind: self.charge.kind,
            bytes: 0,
        };
        // The charge changes hands; what is in the making no longer counts it.
        let mut making = self;
        std::mem::replace(&mut making.charge, whole)
    }

    pub fn is_pressed(&self) -> bool {
        self.charge.budget.is_pressed(self.charge.kind)
    }

    fn account(&self) -> &Account {
        self.charge.budget.account(self.charge.kind)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.account().making.borrow_mut().remove(&self.number);
        self.charge.budget.tell_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_ready(future: impl Future<Output = ()>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(future).poll(&mut context).is_ready()
    }

    /// One shard whose kinds own 1 MiB, 512 KiB and 512 KiB, and 2 MiB that are common.
    fn budget() -> (Arc<Commons>, Rc<Budget>) {
        let commons = Commons::new(4 << 20, 1);
        (commons.clone(), Budget::new(commons))
    }

    #[test]
    fn what_is_charged_is_paid_back_and_what_is_borrowed_returned() {
        let (commons, budget) = budget();
        let charge = budget.charge(Kind::Whole, 1 << 20);
        assert!(is_ready(budget.room_for_whole()));
        assert_eq!(
            commons.free.load(Ordering::Relaxed),
            (2 << 20) - LEASE_BYTES
        );
        assert_eq!(budget.used(), 1 << 20);
        drop(charge);
        assert_eq!(budget.used(), 0);
        assert_eq!(commons.free.load(Ordering::Relaxed), 2 << 20);
    }

    #[test]
    fn large_frames_leave_whole_ones_their_room() {
        let (_, budget) = budget();
        let (mut oldest, mut next) = (budget.begin(Kind::Large), budget.begin(Kind::Large));
        oldest.grow(100 << 20);
        next.grow(64 << 10);
        // The oldest does not count against the others.
        assert!(is_ready(oldest.room()));
        assert!(is_ready(next.room()));
        next.grow(3 << 20);
        assert!(!is_ready(next.room()));
        assert!(is_ready(oldest.room()));
        assert!(is_ready(budget.room_for_whole()));
        assert!(is_ready(budget.begin(Kind::Half).room()));
    }

    #[test]
    fn who_waits_presses_and_is_let_in_when_the_oldest_goes() {
        let (_, budget) = budget();
        let (mut first, mut second) = (budget.begin(Kind::Half), budget.begin(Kind::Half));
        first.grow(1);
        second.grow(3 << 20);
        let third = budget.begin(Kind::Half);
        assert!(!first.is_pressed());
        {
            let mut waiting = pin!(third.room());
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert!(first.is_pressed());
            // Now the second is the oldest, and what it holds counts no more.
            drop(first);
            assert!(waiting.as_mut().poll(&mut context).is_ready());
        }
        assert!(!second.is_pressed());
        // A finished frame counts again, until its request is answered.
        let charge = second.finish();
        let fourth = budget.begin(Kind::Half);
        assert!(!is_ready(fourth.room()));
        drop(charge);
        assert!(is_ready(fourth.room()));
    }

    #[test]
    fn shards_share_what_is_common_and_keep_what_is_theirs() {
        let commons = Commons::new(8 << 20, 16);
        let (busy, quiet) = (Budget::new(commons.clone()), Budget::new(commons.clone()));
        let mut charges = Vec::new();
        while is_ready(busy.room_for_whole()) {
            charges.push(busy.charge(Kind::Whole, 64 << 10));
        }
        // Its own eighth of a MiB, and all that is common.
        assert_eq!(busy.used(), (4 << 20) + (128 << 10));
        assert!(is_ready(quiet.room_for_whole()));
        charges.clear();
        assert_eq!(commons.free.load(Ordering::Relaxed), 4 << 20);
    }

    #[test]
    fn five_batches_of_a_mib_fit_on_any_number_of_cores() {
        for shards in [1, 2, 16, 128] {
            let commons = Commons::new(64 << 20, shards);
            assert!(commons.connection_share() > 5 << 20, "{shards} shards");
        }
        assert_eq!(Commons::new(4 << 20, 3).connection_share(), 2 << 20);
    }
}

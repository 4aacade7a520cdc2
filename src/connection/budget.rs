//! The shard's memory for requests: charged as bytes arrive, never by what a client announced.
//!
//! Room:       `connection`.
//! Called by:  `frame` (arriving bytes), `connection::serve` (the share of one connection).
//! Never:      drops a request for want of room: who finds none stops reading its socket. Only when
//!             what came all the same is more than twice the room is a connection cut: its memory
//!             or the door's buffers, which all others need, would be gone.
//!
//! Frames have room of their own by their kind, so that none can crowd out another:
//!
//!   whole   lies in one received slice: what small requests are, nearly always
//!   half    small, and put together from several slices
//!   large   received straight into memory of its own
//!   slow    half or large, and after a second still not whole
//!   aside   what had come of a connection when it was not read any more; has no room of its own
//!
//! Half of the memory belongs to the shards, in equal parts; the other half is common, and a shard
//! borrows of it by the piece. So many cores do not leave each with next to nothing.
//!
//! Always true:
//!   - the oldest frame in the making of each kind may always go on and does not count against the
//!     others: they cannot hold each other up, and each kind exceeds its room by one frame at most.
//!   - any other goes on only while it holds no more than half of what is left, so that many that
//!     come at once leave something for those behind them.
//!   - who waits for room presses, and frames that stand still are cut sooner.

use crate::io::Instant;
use crate::runtime::sync::Event;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How a frame is received, and which room it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Whole,
    Half,
    Large,
    Slow,
    Aside,
}

/// A frame that takes longer is a slow one.
const FAST: Duration = Duration::from_secs(1);

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

    /// Slow frames leave half of what is common to others.
    fn kept_from(&self, kind: Kind) -> usize {
        match kind {
            Kind::Slow => self.bytes_max / 4,
            _ => 0,
        }
    }

    fn free_for(&self, kind: Kind) -> usize {
        let free = self.free.load(Ordering::Relaxed);
        free.saturating_sub(self.kept_from(kind)) / LEASE_BYTES * LEASE_BYTES
    }

    fn lease(&self, kind: Kind) -> bool {
        let kept = self.kept_from(kind);
        let take = |free: usize| {
            let left = free.checked_sub(LEASE_BYTES)?;
            (left >= kept).then_some(left)
        };
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        self.free.fetch_update(success, failure, take).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::AcqRel);
    }
}

/// Connections of a shard that receive in bulk at most, each into a buffer of its own.
const BULK_PLACES: usize = 16;

/// One of them, free again by the drop.
pub struct BulkPlace(Rc<Budget>);

impl Drop for BulkPlace {
    fn drop(&mut self) {
        self.0.bulk_places.set(self.0.bulk_places.get() + 1);
    }
}

pub struct Budget {
    commons: Arc<Commons>,
    bulk_places: Cell<usize>,
    accounts: [Account; 5],
    /// Frames in the making that wait for room.
    waiting: Cell<usize>,
    /// And connections that wait to take a whole one.
    waiting_for_whole: Cell<usize>,
    released: Event,
    entered: Cell<u64>,
}

/// The room of one kind.
struct Account {
    own: usize,
    leased: Cell<usize>,
    used: Cell<usize>,
    /// Frames in the making, by age.
    making: RefCell<BTreeMap<u64, Part>>,
    /// What there is of them.
    making_bytes: Cell<usize>,
}

/// What there is of a frame.
#[derive(Clone, Copy)]
struct Part {
    begun: Instant,
    bytes: usize,
}

/// Bytes taken from the budget, paid back by the drop.
pub struct Charge {
    budget: Rc<Budget>,
    kind: Kind,
    bytes: usize,
}

/// A frame in the making: its place among those of its kind, which becomes `Slow` in time.
pub struct Making {
    budget: Rc<Budget>,
    kind: Kind,
    number: u64,
}

impl Budget {
    pub fn new(commons: Arc<Commons>) -> Rc<Budget> {
        let own = commons.bytes_max / 2 / commons.shards;
        let account = |own| Account {
            own,
            leased: Cell::new(0),
            used: Cell::new(0),
            making: RefCell::new(BTreeMap::new()),
            making_bytes: Cell::new(0),
        };
        Rc::new(Budget {
            commons,
            bulk_places: Cell::new(BULK_PLACES),
            accounts: [own / 2, own / 8, own / 8, own / 4, 0].map(account),
            waiting: Cell::new(0),
            waiting_for_whole: Cell::new(0),
            released: Event::new(),
            entered: Cell::new(0),
        })
    }

    /// Bytes charged in all.
    pub fn used(&self) -> usize {
        self.accounts.iter().map(|account| account.used.get()).sum()
    }

    pub fn charge(self: &Rc<Self>, kind: Kind, bytes: usize) -> Charge {
        let used = &self.account(kind).used;
        used.set(used.get() + bytes);
        Charge {
            budget: self.clone(),
            kind,
            bytes,
        }
    }

    /// Begins a frame that arrives in pieces.
    pub fn begin(self: &Rc<Self>, kind: Kind, now: Instant) -> Making {
        self.age(now);
        let number = self.entered.get();
        self.entered.set(number + 1);
        let part = Part {
            begun: now,
            bytes: 0,
        };
        self.account(kind).making.borrow_mut().insert(number, part);
        Making {
            budget: self.clone(),
            kind,
            number,
        }
    }

    /// Frames in the making for more than a second leave their room to others.
    pub fn age(&self, now: Instant) {
        let slow = self.account(Kind::Slow);
        let mut moved = 0;
        for kind in [Kind::Half, Kind::Large] {
            let account = self.account(kind);
            loop {
                let mut making = account.making.borrow_mut();
                let Some(oldest) = making.first_entry() else {
                    break;
                };
                if now.since(oldest.get().begun) < FAST {
                    break;
                }
                let (number, part) = oldest.remove_entry();
                drop(making);
                slow.making.borrow_mut().insert(number, part);
                add(&account.making_bytes, -(part.bytes as isize));
                add(&slow.making_bytes, part.bytes as isize);
                slow.used.set(slow.used.get() + part.bytes);
                self.pay_back(kind, part.bytes);
                moved += 1;
            }
        }
        if moved > 0 {
            self.tell_waiters();
        }
    }

    /// Waits until another frame may be taken out of what has arrived.
    pub async fn room_for_whole(&self) {
        let may_go_on = || self.has_room(Kind::Whole, 0);
        self.wait(&self.waiting_for_whole, may_go_on).await;
    }

    /// A place to receive in bulk, if one is free.
    pub fn bulk_place(self: &Rc<Self>) -> Option<BulkPlace> {
        let left = self.bulk_places.get().checked_sub(1)?;
        self.bulk_places.set(left);
        Some(BulkPlace(self.clone()))
    }

    /// Somebody waits for room to go on with a frame.
    pub fn is_pressed(&self) -> bool {
        self.waiting.get() > 0
    }

    /// Slow frames and what was set aside take more than twice the room there is for slow frames.
    pub fn is_crowded(&self) -> bool {
        let slow = self.account(Kind::Slow);
        let making = slow.making.borrow();
        let oldest = making.first_key_value();
        let exempt = oldest.map_or(0, |(_, oldest)| oldest.bytes);
        let aside = self.account(Kind::Aside).used.get();
        let most = slow.own + self.commons.bytes_max / 2 - self.commons.kept_from(Kind::Slow);
        slow.making_bytes.get() - exempt + aside > 2 * most
    }

    async fn wait(&self, waiting: &Cell<usize>, may_go_on: impl Fn() -> bool) {
        if may_go_on() {
            return;
        }
        let _waiter = Waiter::of(waiting);
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
            if !self.commons.lease(kind) {
                return false;
            }
            account.leased.set(account.leased.get() + LEASE_BYTES);
        }
    }

    /// Bytes that might still be charged.
    fn free(&self, kind: Kind, exempt: usize) -> usize {
        let account = self.account(kind);
        let room = account.own + account.leased.get() + self.commons.free_for(kind);
        room.saturating_sub(account.used.get() - exempt)
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
        if self.waiting.get() + self.waiting_for_whole.get() > 0 {
            self.released.notify();
        }
    }
}

fn add(sum: &Cell<usize>, bytes: isize) {
    sum.set(sum.get().wrapping_add_signed(bytes));
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
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.pay_back(self.kind, self.bytes);
    }
}

impl Making {
    /// Charges `bytes` more.
    pub fn grow(&mut self, bytes: usize) {
        let account = self.budget.account(self.kind());
        account.used.set(account.used.get() + bytes);
        let mut making = account.making.borrow_mut();
        if let Some(part) = making.get_mut(&self.number) {
            part.bytes += bytes;
            add(&account.making_bytes, bytes as isize);
        }
    }

    /// Waits until more of the frame may be received, and `wanted` bytes taken at once for it.
    pub async fn room(&self, wanted: usize) {
        let waiting = &self.budget.waiting;
        self.budget.wait(waiting, || self.has_room(wanted)).await;
    }

    pub fn has_room(&self, wanted: usize) -> bool {
        let kind = self.kind();
        let making = self.budget.account(kind).making.borrow();
        let (first, oldest) = making.first_key_value().expect("this one is in it");
        if *first == self.number {
            return true;
        }
        let held = making.get(&self.number).map_or(0, |part| part.bytes);
        let (budget, exempt) = (&self.budget, oldest.bytes);
        let free = budget.free(kind, exempt);
        wanted <= free && held <= free / 2 && budget.has_room(kind, exempt)
    }

    /// The frame is whole; its memory stays charged until the request is answered.
    pub fn finish(self) -> Charge {
        let (kind, bytes) = self.leave();
        Charge {
            budget: self.budget.clone(),
            kind,
            bytes,
        }
    }

    /// Takes the frame from among those in the making; what it holds stays charged.
    fn leave(&self) -> (Kind, usize) {
        let kind = self.kind();
        let account = self.budget.account(kind);
        let part = account.making.borrow_mut().remove(&self.number);
        let bytes = part.map_or(0, |part| part.bytes);
        add(&account.making_bytes, -(bytes as isize));
        (kind, bytes)
    }

    fn kind(&self) -> Kind {
        let slow = self.budget.account(Kind::Slow).making.borrow();
        match slow.contains_key(&self.number) {
            true => Kind::Slow,
            false => self.kind,
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // Of a finished one nothing is left; its place is free for another all the same.
        let (kind, bytes) = self.leave();
        self.budget.pay_back(kind, bytes);
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

    /// One shard whose kinds own 1 MiB, twice 256 KiB and 512 KiB, and 2 MiB that are common.
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

    const START: Instant = Instant(0);

    #[test]
    fn large_frames_leave_whole_ones_their_room() {
        let (_, budget) = budget();
        let begin = |kind| budget.begin(kind, START);
        let (mut oldest, mut next) = (begin(Kind::Large), begin(Kind::Large));
        oldest.grow(100 << 20);
        next.grow(64 << 10);
        // The oldest does not count against the others.
        assert!(is_ready(oldest.room(0)));
        assert!(is_ready(next.room(0)));
        next.grow(3 << 20);
        assert!(!is_ready(next.room(0)));
        assert!(is_ready(oldest.room(0)));
        assert!(is_ready(budget.room_for_whole()));
        assert!(is_ready(begin(Kind::Half).room(0)));
    }

    #[test]
    fn many_at_once_leave_something_for_those_behind_them() {
        let (_, budget) = budget();
        let begin = || budget.begin(Kind::Large, START);
        let mut greedy: Vec<Making> = (0..6).map(|_| begin()).collect();
        let grown = |making: &mut Making| {
            let grows = is_ready(making.room(0));
            making.grow(if grows { 16 << 10 } else { 0 });
            grows
        };
        greedy[0].grow(100 << 20);
        while greedy[1..]
            .iter_mut()
            .map(grown)
            .filter(|grew| *grew)
            .count()
            > 0
        {}
        let late = begin();
        assert!(is_ready(late.room(200 << 10)));
        assert!(!is_ready(late.room(2 << 20)));
    }

    #[test]
    fn who_takes_long_leaves_its_room_to_others() {
        let (_, budget) = budget();
        let mut standing: Vec<Making> = (0..2).map(|_| budget.begin(Kind::Half, START)).collect();
        standing.iter_mut().for_each(|one| one.grow(4 << 20));
        let soon = Instant(FAST.as_nanos() as u64 - 1);
        let late = budget.begin(Kind::Half, soon);
        assert!(!is_ready(late.room(0)));
        let later = Instant(soon.0 + 1);
        budget.age(later);
        assert!(is_ready(late.room(0)));
        assert!(budget.is_crowded());
        // The oldest of the slow ones goes on, the other one waits.
        assert!(is_ready(standing[0].room(0)));
        assert!(!is_ready(standing[1].room(0)));
        let charge = standing.remove(1).finish();
        drop((standing, late));
        assert_eq!(budget.used(), 4 << 20);
        assert_eq!(charge.bytes(), 4 << 20);
        drop(charge);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn who_waits_presses_and_is_let_in_when_the_oldest_goes() {
        let (_, budget) = budget();
        let begin = || budget.begin(Kind::Half, START);
        let (mut first, mut second) = (begin(), begin());
        first.grow(1);
        second.grow(3 << 20);
        let third = begin();
        assert!(!budget.is_pressed());
        {
            let mut waiting = pin!(third.room(0));
            let mut context = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert!(budget.is_pressed());
            // Now the second is the oldest, and what it holds counts no more.
            drop(first);
            assert!(waiting.as_mut().poll(&mut context).is_ready());
        }
        assert!(!budget.is_pressed());
        // A finished frame counts again, until its request is answered.
        let charge = second.finish();
        let fourth = begin();
        assert!(!is_ready(fourth.room(0)));
        drop(charge);
        assert!(is_ready(fourth.room(0)));
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

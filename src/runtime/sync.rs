//! How tasks of one thread wait for each other: replies, events, queues, counted room.
//!
//! Room:       `runtime`.
//! Called by:  every room with more than one task.
//! Never:      crosses threads; that is the mesh.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

struct ReplyState<T> {
    value: Option<T>,
    waker: Option<Waker>,
    answered: bool,
    gone: bool,
}

/// The promise to answer once.
pub struct Answer<T>(Rc<RefCell<ReplyState<T>>>);

/// A future of the answer. If the `Answer` is dropped unused it never completes: use `checked`
/// where that may happen.
pub struct Reply<T>(Rc<RefCell<ReplyState<T>>>);

/// A pair: who answers, who waits.
pub fn reply<T>() -> (Answer<T>, Reply<T>) {
    let state = ReplyState {
        value: None,
        waker: None,
        answered: false,
        gone: false,
    };
    let state = Rc::new(RefCell::new(state));
    (Answer(state.clone()), Reply(state))
}

impl<T> Answer<T> {
    pub fn send(self, value: T) {
        let mut state = self.0.borrow_mut();
        state.value = Some(value);
        state.answered = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.gone = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl<T> Reply<T> {
    /// The answer, `None` when whoever owed it has gone.
    pub async fn checked(self) -> Option<T> {
        std::future::poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            if let Some(value) = state.value.take() {
                return Poll::Ready(Some(value));
            }
            if state.gone {
                return Poll::Ready(None);
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl<T> Future for Reply<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.0.borrow_mut();
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// One at a time does something that waits in between; the others wait until it is theirs.
#[derive(Default)]
pub struct Turn {
    is_taken: Cell<bool>,
    ended: Event,
}

/// A turn, which ends when this is dropped.
pub struct Held<'a>(&'a Turn);

impl Turn {
    pub fn new() -> Turn {
        Turn::default()
    }

    /// Waits for the turn.
    pub async fn hold(&self) -> Held<'_> {
        loop {
            let seen = self.ended.count();
            if !self.is_taken.replace(true) {
                return Held(self);
            }
            self.ended.after(seen).await;
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.is_taken.set(false);
        self.0.ended.notify();
    }
}

/// Something that happens again and again; every waiter of the moment is woken. It takes memory
/// from when somebody first asks for it: there are many of which nobody ever does.
#[derive(Default)]
pub struct Event(OnceCell<Rc<EventState>>);

#[derive(Default)]
struct EventState {
    count: Cell<u64>,
    waiters: RefCell<Waiters>,
}

/// A slot per waiting future, given back when the future goes: waiting again and again for what
/// never happens takes no memory.
#[derive(Default)]
struct Waiters {
    slots: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// See `Event::after`.
pub struct Happening {
    event: Rc<EventState>,
    seen: u64,
    slot: Option<usize>,
}

impl Event {
    pub fn new() -> Event {
        Event::default()
    }

    fn state(&self) -> &Rc<EventState> {
        self.0.get_or_init(Rc::default)
    }

    /// Wakes all who wait now.
    pub fn notify(&self) {
        let Some(state) = self.0.get() else {
            return;
        };
        state.count.set(state.count.get() + 1);
        let mut at = 0;
        loop {
            // Not borrowed while waking: a waker may drop what waits here.
            let mut waiters = state.waiters.borrow_mut();
            let Some(slot) = waiters.slots.get_mut(at) else {
                return;
            };
            let waker = slot.take();
            drop(waiters);
            if let Some(waker) = waker {
                waker.wake();
            }
            at += 1;
        }
    }

    /// How often it happened since somebody first asked. Take it before the check whose change is
    /// awaited.
    pub fn count(&self) -> u64 {
        self.state().count.get()
    }

    /// Completes once it has happened more than `seen` times.
    pub fn after(&self, seen: u64) -> Happening {
        Happening {
            event: self.state().clone(),
            seen,
            slot: None,
        }
    }

    /// Completes the next time it happens.
    pub fn next(&self) -> Happening {
        self.after(self.count())
    }
}

impl Clone for Event {
    fn clone(&self) -> Event {
        Event(OnceCell::from(self.state().clone()))
    }
}

impl Future for Happening {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.event.count.get() > self.seen {
            return Poll::Ready(());
        }
        let state = self.event.clone();
        let mut waiters = state.waiters.borrow_mut();
        let slot = self.slot.or_else(|| waiters.free.pop()).unwrap_or_else(|| {
            waiters.slots.push(None);
            waiters.slots.len() - 1
        });
        waiters.slots[slot] = Some(cx.waker().clone());
        self.slot = Some(slot);
        Poll::Pending
    }
}

impl Drop for Happening {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let mut waiters = self.event.waiters.borrow_mut();
            waiters.slots[slot] = None;
            waiters.free.push(slot);
        }
    }
}

/// A queue between tasks; the caller bounds it by not pushing.
pub struct Queue<T>(Rc<QueueState<T>>);

struct QueueState<T> {
    items: RefCell<VecDeque<T>>,
    waker: RefCell<Option<Waker>>,
    closed: Cell<bool>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue(self.0.clone())
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue(Rc::new(QueueState {
            items: RefCell::new(VecDeque::new()),
            waker: RefCell::new(None),
            closed: Cell::new(false),
        }))
    }
}

impl<T> Queue<T> {
    pub fn new() -> Queue<T> {
        Queue::default()
    }

    pub fn push(&self, item: T) {
        self.0.items.borrow_mut().push_back(item);
        self.wake();
    }

    pub fn len(&self) -> usize {
        self.0.items.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is queued still comes out, then `None`.
    pub fn close(&self) {
        self.0.closed.set(true);
        self.wake();
    }

    pub fn try_next(&self) -> Option<T> {
        self.0.items.borrow_mut().pop_front()
    }

    /// The next item; `None` once closed and empty. One task may wait at a time.
    pub async fn next(&self) -> Option<T> {
        std::future::poll_fn(|cx| {
            if let Some(item) = self.try_next() {
                return Poll::Ready(Some(item));
            }
            if self.0.closed.get() {
                return Poll::Ready(None);
            }
            *self.0.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn wake(&self) {
        if let Some(waker) = self.0.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Waits for both.
pub async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let mut a = std::pin::pin!(a);
    let mut b = std::pin::pin!(b);
    let mut a_result = None;
    let mut b_result = None;
    std::future::poll_fn(|cx| {
        if a_result.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            a_result = Some(value);
        }
        if b_result.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            b_result = Some(value);
        }
        match (a_result.take(), b_result.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                a_result = a;
                b_result = b;
                Poll::Pending
            }
        }
    })
    .await
}

/// The first of two to complete; the other is dropped.
pub enum Either<A, B> {
    First(A),
    Second(B),
}

/// Waits for whichever completes first; `a` is preferred when both have.
pub async fn either<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> Either<A, B> {
    let mut a = std::pin::pin!(a);
    let mut b = std::pin::pin!(b);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::First(value));
        }
        b.as_mut().poll(cx).map(Either::Second)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll_once(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        let waker = Waker::noop();
        Pin::new(future)
            .poll(&mut Context::from_waker(waker))
            .is_ready()
    }

    #[test]
    fn waiting_in_vain_takes_no_memory() {
        let event = Event::new();
        for _ in 0..100 {
            assert!(!poll_once(&mut event.next()));
        }
        assert_eq!(event.state().waiters.borrow().slots.len(), 1);
    }

    #[test]
    fn an_event_nobody_asks_for_takes_no_memory() {
        let event = Event::new();
        event.notify();
        assert!(event.0.get().is_none());
        let (other, mut next) = (event.clone(), event.next());
        assert!(!poll_once(&mut next));
        other.notify();
        assert!(poll_once(&mut next) && event.count() == 1);
    }

    #[test]
    fn every_waiter_hears_it() {
        let event = Event::new();
        let (mut first, mut second) = (event.next(), event.next());
        assert!(!poll_once(&mut first));
        assert!(!poll_once(&mut second));
        event.notify();
        assert!(poll_once(&mut first));
        assert!(poll_once(&mut second));
    }
}

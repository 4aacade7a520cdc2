//! How tasks of one thread wait for each other: replies, events, queues, counted room.
//!
//! Room:       `runtime`.
//! Called by:  every room with more than one task.
//! Never:      crosses threads; that is the mesh.

use std::cell::{Cell, RefCell};
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

/// Something that happens again and again; every waiter of the moment is woken.
#[derive(Clone, Default)]
pub struct Event(Rc<EventState>);

#[derive(Default)]
struct EventState {
    count: Cell<u64>,
    waiters: RefCell<Vec<Waker>>,
}

impl Event {
    pub fn new() -> Event {
        Event::default()
    }

    /// Wakes all who wait now.
    pub fn notify(&self) {
        self.0.count.set(self.0.count.get() + 1);
        self.0.waiters.take().into_iter().for_each(Waker::wake);
    }

    /// How often it happened. Take it before the check whose change is awaited.
    pub fn count(&self) -> u64 {
        self.0.count.get()
    }

    /// Completes once it has happened more than `seen` times.
    pub async fn after(&self, seen: u64) {
        std::future::poll_fn(|cx| {
            if self.0.count.get() > seen {
                return Poll::Ready(());
            }
            self.0.waiters.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Completes the next time it happens.
    pub async fn next(&self) {
        self.after(self.count()).await;
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

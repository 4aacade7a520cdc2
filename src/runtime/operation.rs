//! Operations in flight: from a token to the future that waits for it.
//!
//! Room:       `runtime`.
//! Called by:  `Runtime`, `disk`, `network`.
//! Never:      keeps a buffer: those are the door's until the completion.

use super::{Runtime, token_of};
use crate::io::{Completion, Op, Outcome, Token};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    generation: u32,
    state: State,
}

enum State {
    Free,
    /// Outcomes not yet taken, and who waits for the next.
    Waiting {
        outcomes: Outcomes,
        ended: bool,
        waker: Option<Waker>,
    },
    /// Nobody waits any more; what it opens must be closed.
    Detached,
}

/// One outcome is the normal case and needs no memory of its own.
enum Outcomes {
    None,
    One(Outcome),
    Many(VecDeque<Outcome>),
}

impl Outcomes {
    fn push(&mut self, outcome: Outcome) {
        *self = match std::mem::replace(self, Outcomes::None) {
            Outcomes::None => Outcomes::One(outcome),
            Outcomes::One(first) => Outcomes::Many(VecDeque::from([first, outcome])),
            Outcomes::Many(mut many) => {
                many.push_back(outcome);
                Outcomes::Many(many)
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Outcomes::None => true,
            Outcomes::One(_) => false,
            Outcomes::Many(many) => many.is_empty(),
        }
    }

    fn pop(&mut self) -> Option<Outcome> {
        match self {
            Outcomes::None => None,
            Outcomes::One(_) => match std::mem::replace(self, Outcomes::None) {
                Outcomes::One(outcome) => Some(outcome),
                _ => unreachable!("matched as one above"),
            },
            Outcomes::Many(many) => many.pop_front(),
        }
    }
}

impl Table {
    pub fn new() -> Table {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub fn insert(&mut self) -> Token {
        self.insert_state(State::Waiting {
            outcomes: Outcomes::None,
            ended: false,
            waker: None,
        })
    }

    pub fn insert_detached(&mut self) -> Token {
        self.insert_state(State::Detached)
    }

    fn insert_state(&mut self, state: State) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                state: State::Free,
            });
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = state;
        token_of(index, slot.generation)
    }

    fn slot(&mut self, token: Token) -> &mut Slot {
        let slot = &mut self.slots[token.0 as u32 as usize];
        assert_eq!(
            slot.generation,
            (token.0 >> 32) as u32,
            "a token outlived its operation"
        );
        slot
    }

    fn release(&mut self, token: Token) {
        self.slot(token).state = State::Free;
        self.free.push(token.0 as u32);
    }

    /// Hands the outcome to who waits; returns what to submit when nobody does.
    pub fn complete(&mut self, completion: Completion) -> Option<Op> {
        let Completion {
            token,
            outcome,
            more,
        } = completion;
        match &mut self.slot(token).state {
            State::Waiting {
                outcomes,
                ended,
                waker,
            } => {
                outcomes.push(outcome);
                *ended = !more;
                if let Some(waker) = waker.take() {
                    waker.wake();
                }
                None
            }
            State::Detached => {
                if !more {
                    self.release(token);
                }
                closing(outcome)
            }
            State::Free => unreachable!("a free slot's generation never matches"),
        }
    }

    /// The next outcome of `token`, or `None` after registering `waker`. The flag says that it
    /// was the last one and the slot is free now.
    fn take(&mut self, token: Token, waker: &Waker) -> Poll<(Option<Outcome>, bool)> {
        let State::Waiting {
            outcomes,
            ended,
            waker: slot_waker,
        } = &mut self.slot(token).state
        else {
            unreachable!("only the waiting future asks")
        };
        let outcome = outcomes.pop();
        let ended = *ended && outcomes.is_empty();
        if outcome.is_none() && !ended {
            *slot_waker = Some(waker.clone());
            return Poll::Pending;
        }
        if ended {
            self.release(token);
        }
        Poll::Ready((outcome, ended))
    }

    /// The future was dropped. Returns operations that undo what nobody took.
    fn abandon(&mut self, token: Token) -> (Vec<Op>, bool) {
        let slot = self.slot(token);
        let State::Waiting {
            mut outcomes,
            ended,
            ..
        } = std::mem::replace(&mut slot.state, State::Detached)
        else {
            unreachable!("only the waiting future is dropped")
        };
        let mut undo = Vec::new();
        while let Some(outcome) = outcomes.pop() {
            undo.extend(closing(outcome));
        }
        if ended {
            self.release(token);
        }
        (undo, ended)
    }
}

/// What closes a thing that an abandoned operation opened.
fn closing(outcome: Outcome) -> Option<Op> {
    match outcome {
        Outcome::Listening { socket, .. }
        | Outcome::Accepted { socket, .. }
        | Outcome::Connected { socket } => Some(Op::CloseSocket { socket }),
        Outcome::Opened { file, .. } => Some(Op::CloseFile { file }),
        _ => None,
    }
}

/// A future of one completion. Dropped early, the operation runs on without a listener.
#[must_use = "an operation that nobody awaits should be `submit_detached`"]
pub struct Operation {
    runtime: Runtime,
    token: Token,
    taken: bool,
}

impl Operation {
    pub(super) fn new(runtime: Runtime, token: Token) -> Operation {
        Operation {
            runtime,
            token,
            taken: false,
        }
    }

    /// Asks the door to end it early; it still completes.
    pub fn cancel(&self) {
        if !self.taken {
            self.runtime
                .submit_detached(Op::Cancel { target: self.token });
        }
    }
}

impl Future for Operation {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let taken = self
            .runtime
            .0
            .operations
            .borrow_mut()
            .take(self.token, cx.waker());
        match taken {
            Poll::Pending => Poll::Pending,
            Poll::Ready((outcome, ended)) => {
                assert!(ended, "a single operation has one completion");
                self.taken = true;
                Poll::Ready(outcome.expect("an ended operation had an outcome"))
            }
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.taken {
            let (undo, _) = self.runtime.0.operations.borrow_mut().abandon(self.token);
            undo.into_iter()
                .for_each(|op| self.runtime.submit_detached(op));
        }
    }
}

/// The completions of a multishot operation, in order. Dropped early, it is cancelled.
pub struct Operations {
    runtime: Runtime,
    token: Token,
    ended: bool,
}

impl Operations {
    pub(super) fn new(runtime: Runtime, token: Token) -> Operations {
        Operations {
            runtime,
            token,
            ended: false,
        }
    }

    /// The next outcome, `None` after the last.
    pub async fn next(&mut self) -> Option<Outcome> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As `next`, for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self
            .runtime
            .0
            .operations
            .borrow_mut()
            .take(self.token, cx.waker())
        {
            Poll::Pending => Poll::Pending,
            Poll::Ready((outcome, ended)) => {
                self.ended = ended;
                Poll::Ready(outcome)
            }
        }
    }

    /// Asks the door to end it; outcomes until the last one still come.
    pub fn cancel(&self) {
        if !self.ended {
            self.runtime
                .submit_detached(Op::Cancel { target: self.token });
        }
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        if !self.ended {
            let (undo, ended) = self.runtime.0.operations.borrow_mut().abandon(self.token);
            if !ended {
                self.runtime
                    .submit_detached(Op::Cancel { target: self.token });
            }
            undo.into_iter()
                .for_each(|op| self.runtime.submit_detached(op));
        }
    }
}

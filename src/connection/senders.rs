//! Clients that do not take their answers: found, given copies, and in the end cut off.
//!
//! Room:       `connection`.
//! Called by:  `connection::write_responses` (a send begins and ends), `broker` (starts the watch).
//! Never:      costs an answer more than a count, or wakes a broker that sends nothing.
//!
//! A send is at most 2 MiB, so one that lasts is a client that takes nothing, or less than any
//! client can live with. After a second its waiting answers are copied, so that it holds no slab
//! of the log; when its patience is over it is cut off with one log line. Patience is a minute in
//! good times, and shrinks as the answers nobody takes fill the shard's memory for them.

use super::pipeline::Pipeline;
use crate::handlers::answers::Answers;
use crate::io::{Address, Instant, ShutdownHow};
use crate::runtime::sync::Event;
use crate::runtime::{Runtime, Socket};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The connections of a shard that may send.
#[derive(Default)]
pub struct Senders {
    all: RefCell<BTreeMap<u64, Sender>>,
    entered: Cell<u64>,
    sending: Cell<usize>,
    begun: Event,
}

struct Sender {
    pipeline: Rc<Pipeline>,
    socket: Rc<Socket>,
    peer: Address,
}

/// A connection's place among the senders, left by the drop.
pub struct Place {
    senders: Rc<Senders>,
    number: u64,
}

/// A send under way.
struct Sending<'a>(&'a Cell<usize>);

/// How often senders are looked at, while there are any.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// And when answers fill the memory for them.
const LOOK_INTERVAL_PRESSED: Duration = Duration::from_millis(250);

/// A send that lasts longer makes a laggard.
const LAG: Duration = Duration::from_secs(1);

impl Senders {
    pub fn enter(
        self: &Rc<Self>,
        pipeline: Rc<Pipeline>,
        socket: Rc<Socket>,
        peer: Address,
    ) -> Place {
        let number = self.entered.get();
        self.entered.set(number + 1);
        let sender = Sender {
            pipeline,
            socket,
            peer,
        };
        self.all.borrow_mut().insert(number, sender);
        Place {
            senders: self.clone(),
            number,
        }
    }

    /// Looks at those who send, as long as anybody does.
    pub async fn watch(self: Rc<Self>, runtime: Runtime, answers: Rc<Answers>, stall: Duration) {
        loop {
            while self.sending.get() == 0 {
                self.begun.next().await;
            }
            runtime
                .sleep(match answers.is_over() {
                    true => LOOK_INTERVAL_PRESSED,
                    false => LOOK_INTERVAL,
                })
                .await;
            self.look(runtime.now(), &answers, stall);
        }
    }

    fn look(&self, now: Instant, answers: &Answers, stall: Duration) {
        for sender in self.all.borrow().values() {
            let Some(since) = sender.pipeline.sending_since() else {
                continue;
            };
            let lag = now.since(since);
            if lag >= answers.patience(stall) {
                sender.cut();
            } else if lag >= LAG {
                sender.pipeline.copy_waiting();
            }
        }
    }
}

impl Sender {
    fn cut(&self) {
        if self.pipeline.tells_first() {
            tracing::info!(
                peer = %self.peer,
                bytes = self.pipeline.owed_bytes(),
                "connection closed: the client does not take its answers"
            );
        }
        // Its send fails, and with that everything of it ends; what it holds is let go now.
        self.pipeline.abandon();
        self.socket.shutdown(ShutdownHow::Both);
    }
}

impl Place {
    /// Runs a send of `pipeline`, watched.
    pub async fn watched<T>(
        &self,
        pipeline: &Pipeline,
        now: Instant,
        send: impl Future<Output = T>,
    ) -> T {
        let count = &self.senders.sending;
        pipeline.sending(now);
        if count.replace(count.get() + 1) == 0 {
            self.senders.begun.notify();
        }
        let _sending = Sending(count);
        send.await
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.senders.all.borrow_mut().remove(&self.number);
    }
}

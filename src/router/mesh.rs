//! Calls between the threads of one broker: a request, later its reply, by number.
//!
//! Room:       `router`.
//! Called by:  `Router`; `controller` for publishing images.
//! Calls:      `runtime`'s post and inbox.
//! Never:      looks into what it carries.

use crate::controller;
use crate::io::{Address, Errno, Parcel, PeerId};
use crate::map::Map;
use crate::runtime::Runtime;
use crate::runtime::sync::{Answer, Reply as Pending, reply};
use crate::shard::message::{Reply, Request};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

/// What travels between threads.
pub enum Envelope {
    Shard {
        call: u64,
        request: Request,
    },
    ShardReply {
        call: u64,
        reply: Reply,
    },
    Control {
        call: u64,
        request: controller::Request,
    },
    ControlReply {
        call: u64,
        reply: controller::Reply,
    },
    /// A connection moves to this shard, where `broker` takes it up.
    Adopt(Parcel),
    /// Whoever made this call does not wait any more.
    Withdrawn {
        call: u64,
    },
    /// From a shard to control: the disk under a log dir failed.
    DirFailed {
        path: PathBuf,
        errno: Errno,
    },
    /// From control to a shard: start, listen, stop.
    Work {
        call: u64,
        work: Work,
    },
}

/// What control has a shard do.
pub enum Work {
    Start(Box<crate::shard::Plan>),
    /// Take the address of the listener with this index, before `Start`.
    Listen {
        index: usize,
        address: Address,
    },
    /// Serve those who connect there.
    Accept,
    /// The disk under this log dir failed; another shard has met it.
    FailDir {
        path: PathBuf,
        errno: Errno,
    },
    /// Stop listening and reading; answer what was asked.
    StopClients,
    /// Make everything durable and close it.
    StopStorage,
}

/// One thread's calls that wait for replies.
pub struct Mesh {
    runtime: Runtime,
    calls: RefCell<Map<u64, Answer<Reply>>>,
    control_calls: RefCell<Map<u64, Answer<controller::Reply>>>,
    made: Cell<u64>,
}

impl Envelope {
    /// Work for a shard; the number is set when it is called.
    pub fn work(work: Work) -> Envelope {
        Envelope::Work { call: 0, work }
    }

    /// A request to a shard; the number is set when it is called.
    pub fn shard(request: Request) -> Envelope {
        Envelope::Shard { call: 0, request }
    }
}

impl Mesh {
    pub fn new(runtime: Runtime) -> Rc<Mesh> {
        Rc::new(Mesh {
            runtime,
            calls: RefCell::new(Map::default()),
            control_calls: RefCell::new(Map::default()),
            made: Cell::new(0),
        })
    }

    fn number(&self) -> u64 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// Sends a request; the number names it for `withdraw`.
    pub fn call(&self, to: PeerId, envelope: Envelope) -> (u64, Pending<Reply>) {
        let number = self.number();
        let envelope = match envelope {
            Envelope::Shard { request, .. } => Envelope::Shard {
                call: number,
                request,
            },
            Envelope::Work { work, .. } => Envelope::Work { call: number, work },
            _ => unreachable!("only requests are called"),
        };
        let (answer, pending) = reply();
        self.calls.borrow_mut().insert(number, answer);
        self.runtime.post(to, Box::new(envelope));
        (number, pending)
    }

    pub fn call_control(
        &self,
        to: PeerId,
        request: controller::Request,
    ) -> (u64, Pending<controller::Reply>) {
        let call = self.number();
        let (answer, pending) = reply();
        self.control_calls.borrow_mut().insert(call, answer);
        self.runtime
            .post(to, Box::new(Envelope::Control { call, request }));
        (call, pending)
    }

    /// Nobody waits for `call` any more.
    pub fn withdraw(&self, to: PeerId, call: u64) {
        if self.calls.borrow_mut().remove(&call).is_some() {
            self.runtime
                .post(to, Box::new(Envelope::Withdrawn { call }));
        }
    }

    pub fn reply(&self, to: PeerId, call: u64, reply: Reply) {
        self.runtime
            .post(to, Box::new(Envelope::ShardReply { call, reply }));
    }

    pub fn reply_control(&self, to: PeerId, call: u64, reply: controller::Reply) {
        self.runtime
            .post(to, Box::new(Envelope::ControlReply { call, reply }));
    }

    /// Takes a reply that came in to whoever waits for it; a request is handed back.
    pub fn deliver(&self, envelope: Envelope) -> Option<Envelope> {
        match envelope {
            Envelope::ShardReply { call, reply } => {
                if let Some(answer) = self.calls.borrow_mut().remove(&call) {
                    answer.send(reply);
                }
                None
            }
            Envelope::ControlReply { call, reply } => {
                if let Some(answer) = self.control_calls.borrow_mut().remove(&call) {
                    answer.send(reply);
                }
                None
            }
            request => Some(request),
        }
    }
}

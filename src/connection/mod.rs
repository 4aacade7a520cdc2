//! One client's connection: frames in, responses out in request order.
//!
//! Room:       `connection`: framing, the response pipeline, the memory budget, idle clients.
//! Called by:  `broker`, which hands over accepted and moved sockets.
//! Calls:      `handlers` with one frame at a time, `runtime` for the socket.
//! Never:      looks inside a request body or keeps a partition.
//!
//! Only Produce and Fetch overlap: their first stage runs in the order of the connection, the rest
//! when it can; every other request waits until all before it are answered.
//!
//! A connection moves to another core when that core owns more than four fifths of its bytes: at
//! most once a second, with nothing in flight and no half frame.

#![forbid(unsafe_code)]

mod budget;
mod frame;
mod pipeline;

pub use budget::{Budget, Charge};
pub use frame::{Frame, FrameError, FrameReader};
pub use pipeline::{Pipeline, Slot};

use crate::handlers::{
    self, Context, ListenerInfo, ShareSessions, Started, Traffic, TransactionalGate,
};
use crate::ids::ShardId;
use crate::io::{Address, DetachedSocket, Instant, Slice};
use crate::router::Router;
use crate::runtime::sync::{Either, Event, either};
use crate::runtime::{Runtime, Socket};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// What all connections of one shard share.
pub struct Host {
    pub runtime: Runtime,
    pub router: Rc<Router>,
    pub handlers: Rc<handlers::Shared>,
    pub listeners: Vec<Rc<ListenerInfo>>,
    pub budget: Rc<Budget>,
    pub settings: Settings,
    pub stopping: Cell<bool>,
    /// Notified when the broker stops.
    pub stop: Event,
    pub connections: Cell<usize>,
    /// Notified when a connection has ended.
    pub ended: Event,
}

/// Bounds of every connection.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub frame_bytes_max: i32,
    /// `connections.max.idle.ms`; `None` lets idle clients live.
    pub idle: Option<Duration>,
    /// Request bytes one connection may have in the works before its socket is not read further.
    pub share_bytes: usize,
}

/// A socket on its way to the core that shall serve it.
pub struct Arrival {
    pub socket: DetachedSocket,
    /// Index of its listener in the configuration.
    pub listener: usize,
    pub peer: Address,
}

/// How serving ended.
pub enum End {
    Closed,
    /// The socket goes on at another shard.
    Moves {
        to: ShardId,
        arrival: Arrival,
    },
}

/// How often a connection considers moving.
const MOVE_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes below which a second's traffic says nothing about where a connection belongs.
const MOVE_BYTES_MIN: u64 = 4 << 10;

/// Serves one client until it leaves, misbehaves, idles too long, the broker stops, or the
/// connection belongs elsewhere.
pub async fn serve(host: Rc<Host>, socket: Socket, listener: usize, peer: Address) -> End {
    host.connections.set(host.connections.get() + 1);
    let socket = Rc::new(socket);
    let pipeline = Pipeline::new();
    let (writer_done, writer_gone) = crate::runtime::sync::reply();
    {
        let (pipeline, socket) = (pipeline.clone(), socket.clone());
        host.runtime.spawn(async move {
            write_responses(&pipeline, &socket).await;
            drop(socket);
            writer_done.send(());
        });
    }
    let mut connection = Connection {
        context: Rc::new(Context {
            router: host.router.clone(),
            shared: host.handlers.clone(),
            listener: host.listeners[listener].clone(),
            peer: peer.clone(),
            client_software: RefCell::new(None),
            traffic: Traffic::new(host.router.shards()),
            transactional: TransactionalGate::default(),
            share_sessions: ShareSessions::default(),
        }),
        reader: FrameReader::new(
            socket.clone(),
            host.settings.frame_bytes_max,
            host.budget.clone(),
        ),
        pipeline: pipeline.clone(),
        in_flight: Rc::new(InFlight::default()),
        move_check: host.runtime.now().plus(MOVE_INTERVAL),
        host: host.clone(),
    };
    let moves = connection.read_requests().await;
    handlers::closed(&connection.context).await;
    drop(connection);
    if moves.is_some() {
        pipeline.drained().await;
    }
    pipeline.close();
    // The writer ends by itself: everything ready is out, or the socket is gone.
    writer_gone.await;
    host.connections.set(host.connections.get() - 1);
    host.ended.notify();
    match (moves, Rc::try_unwrap(socket)) {
        (Some(to), Ok(socket)) => match socket.detach().await {
            Ok(socket) => End::Moves {
                to,
                arrival: Arrival {
                    socket,
                    listener,
                    peer,
                },
            },
            Err(_) => End::Closed,
        },
        _ => End::Closed,
    }
}

/// Sends what is ready, in order, until the pipeline closes or the peer is gone.
async fn write_responses(pipeline: &Pipeline, socket: &Socket) {
    while let Some(ready) = pipeline.next_ready().await {
        let bytes = ready.iter().map(|slice| slice.len()).sum::<usize>();
        if bytes > 0 && socket.send(ready).await.is_err() {
            // Reading ends too: a client that cannot hear has nothing to say.
            socket.shutdown(crate::io::ShutdownHow::Both);
            pipeline.close();
            return;
        }
        pipeline.sent(bytes);
    }
}

struct Connection {
    host: Rc<Host>,
    context: Rc<Context>,
    reader: FrameReader,
    pipeline: Rc<Pipeline>,
    in_flight: Rc<InFlight>,
    move_check: Instant,
}

/// Request bytes of this connection that are being worked on.
#[derive(Default)]
struct InFlight {
    bytes: Cell<usize>,
    released: Event,
}

impl Connection {
    /// Reads and starts requests. Returns where the connection moves to, if it does.
    async fn read_requests(&mut self) -> Option<ShardId> {
        loop {
            if let Some(to) = self.belongs_elsewhere().await {
                return Some(to);
            }
            let frame = match self.next_frame().await {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    // What was asked before the client left is still carried out and answered.
                    self.pipeline.answered().await;
                    return None;
                }
                Err(error) => {
                    tracing::info!(peer = %self.context.peer, %error, "connection closed");
                    return None;
                }
            };
            if !self.start(frame).await {
                return None;
            }
        }
    }

    /// The next frame; `None` when the client left, idled too long, or the broker stops.
    async fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let host = self.host.clone();
        let stop = async {
            while !host.stopping.get() {
                host.stop.next().await;
            }
        };
        let gone = async {
            while !self.pipeline.is_closed() {
                self.pipeline.changed().await;
            }
        };
        let idle_at = match host.settings.idle {
            Some(idle) => host.runtime.now().plus(idle),
            None => Instant::NEVER,
        };
        let ended = either(either(stop, gone), host.runtime.sleep_until(idle_at));
        match either(self.reader.next(), ended).await {
            Either::First(frame) => frame,
            Either::Second(_) => Ok(None),
        }
    }

    /// Starts one request; `false` ends the connection.
    async fn start(&mut self, frame: Frame) -> bool {
        self.pipeline.room().await;
        let Frame { bytes, charge } = frame;
        let share = self.host.settings.share_bytes;
        while self.in_flight.bytes.get() > 0
            && self.in_flight.bytes.get() + charge.bytes() > share
            && !self.pipeline.is_closed()
        {
            self.in_flight.released.next().await;
        }
        let request = match handlers::parse(bytes) {
            Ok(request) => request,
            Err(error) => {
                tracing::info!(peer = %self.context.peer, %error, "connection closed");
                return false;
            }
        };
        if !request.overlaps() {
            self.pipeline.answered().await;
        }
        if self.pipeline.is_closed() {
            return false;
        }
        let work = Work::new(self.in_flight.clone(), charge);
        let slot = self.pipeline.open();
        match handlers::start(&self.context, request) {
            Started::Done(response) => {
                drop(work);
                answer(slot, response, &self.context)
            }
            Started::Later(future) => {
                let context = self.context.clone();
                self.host.runtime.spawn(async move {
                    let response = future.await;
                    drop(work);
                    answer(slot, response, &context);
                });
                true
            }
        }
    }

    /// Where this connection should be instead, checked once a second, if it may move now.
    async fn belongs_elsewhere(&mut self) -> Option<ShardId> {
        let now = self.host.runtime.now();
        if now < self.move_check || self.host.stopping.get() {
            return None;
        }
        self.move_check = now.plus(MOVE_INTERVAL);
        let to = self.context.traffic.take_majority(MOVE_BYTES_MIN)?;
        let stays = !self.context.share_sessions.is_empty();
        if to == self.host.router.shard.id || stays || !self.reader.is_between_frames() {
            return None;
        }
        self.pipeline.answered().await;
        self.reader.pause().await.then_some(to)
    }
}

/// Fills the slot; a request that could not be answered closes the connection with one log line.
fn answer(
    slot: Slot,
    response: Result<Vec<Slice>, handlers::Unanswerable>,
    context: &Context,
) -> bool {
    match response {
        Ok(response) => {
            slot.fill(response);
            true
        }
        Err(error) => {
            tracing::info!(peer = %context.peer, %error, "connection closed");
            false
        }
    }
}

/// A request being worked on; its bytes count against the connection's share until dropped.
struct Work {
    in_flight: Rc<InFlight>,
    charge: Charge,
}

impl Work {
    fn new(in_flight: Rc<InFlight>, charge: Charge) -> Work {
        in_flight.bytes.set(in_flight.bytes.get() + charge.bytes());
        Work { in_flight, charge }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.in_flight
            .bytes
            .set(self.in_flight.bytes.get() - self.charge.bytes());
        self.in_flight.released.notify();
    }
}

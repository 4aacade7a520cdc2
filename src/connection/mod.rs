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
//! most once a second, with nothing in flight and no half frame. So that it can move under load, it
//! stops receiving first, then serves what has arrived and the rest of a frame that has begun.
//!
//! While a connection is not read (its answers are not taken, its share is used up, a request waits
//! for those before it) it does not receive either, or it would hold the shard's receive buffers.

#![forbid(unsafe_code)]

mod budget;
mod frame;
mod pipeline;
mod senders;

pub use budget::{Budget, Charge, Commons};
pub use frame::{Frame, FrameError, FrameReader, Patience};
pub use pipeline::{Pipeline, Slot};
pub use senders::Senders;

use crate::handlers::answers::Owed;
use crate::handlers::{
    self, CarriedSession, Context, ListenerInfo, ShareSessions, Started, Traffic, TransactionalGate,
};
use crate::ids::ShardId;
use crate::io::{Address, DetachedSocket, Instant, Slice};
use crate::router::Router;
use crate::runtime::sync::{Either, Event, either};
use crate::runtime::{Runtime, Socket};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// What all connections of one shard share.
pub struct Host {
    pub runtime: Runtime,
    pub router: Rc<Router>,
    pub handlers: Rc<handlers::Shared>,
    pub listeners: Vec<Rc<ListenerInfo>>,
    pub budget: Rc<Budget>,
    pub senders: Rc<Senders>,
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
    pub patience: Patience,
    /// Request bytes one connection may have in the works before its socket is not read further.
    pub share_bytes: usize,
}

/// A socket on its way to the core that shall serve it.
pub struct Arrival {
    pub socket: DetachedSocket,
    /// Index of its listener in the configuration.
    pub listener: usize,
    pub peer: Address,
    /// What a client that comes from another shard has told and been told there.
    pub carried: Option<Carried>,
}

/// What follows a connection from shard to shard.
pub struct Carried {
    client_software: Option<(String, String)>,
    session: Option<CarriedSession>,
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
/// How long a connection that is cut for want of memory waits for the answers it is owed.
const CROWDED_ANSWERS: Duration = Duration::from_secs(10);

/// Bytes below which a second's traffic says nothing about where a connection belongs.
const MOVE_BYTES_MIN: u64 = 4 << 10;

/// How long a client may take nothing of its answers, or stop in the middle of a frame, when
/// memory is not short. Clients give up on a request after half of it.
pub const STALL: Duration = Duration::from_secs(60);

/// Serves one client until it leaves, misbehaves, idles too long, the broker stops, or the
/// connection belongs elsewhere.
pub async fn serve(
    host: Rc<Host>,
    socket: Socket,
    listener: usize,
    peer: Address,
    carried: Option<Carried>,
) -> End {
    host.connections.set(host.connections.get() + 1);
    let socket = Rc::new(socket);
    let owed = Owed::new(host.handlers.answers.clone());
    let pipeline = Pipeline::new(owed.clone());
    let writer_gone = {
        let writing = write_responses(host.clone(), pipeline.clone(), socket.clone(), peer.clone());
        host.runtime.spawn_with_result(writing)
    };
    let mut connection = Connection {
        context: Rc::new(Context {
            router: host.router.clone(),
            shared: host.handlers.clone(),
            listener: host.listeners[listener].clone(),
            peer: peer.clone(),
            client_software: RefCell::new(None),
            traffic: Traffic::new(host.router.shards()),
            owed,
            fetch_session: Cell::new(0),
            transactional: TransactionalGate::default(),
            share_sessions: ShareSessions::default(),
        }),
        reader: FrameReader::new(
            host.runtime.clone(),
            socket.clone(),
            host.settings.frame_bytes_max,
            host.settings.patience,
            host.budget.clone(),
        ),
        pipeline: pipeline.clone(),
        in_flight: Rc::new(InFlight::default()),
        move_check: host.runtime.now().plus(MOVE_INTERVAL),
        host: host.clone(),
    };
    connection.unpack(carried);
    let moves = connection.read_requests().await;
    let context = connection.context.clone();
    handlers::closed(&context).await;
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
                    carried: Some(pack(&context)),
                },
            },
            Err(_) => End::Closed,
        },
        _ => End::Closed,
    }
}

/// Sends what is ready, in order, until the pipeline closes or the peer is gone.
async fn write_responses(
    host: Rc<Host>,
    pipeline: Rc<Pipeline>,
    socket: Rc<Socket>,
    peer: Address,
) {
    let place = host.senders.enter(pipeline.clone(), socket.clone(), peer);
    while let Some(ready) = pipeline.next_ready().await {
        let bytes = ready.iter().map(|slice| slice.len()).sum::<usize>();
        if bytes > 0 {
            let sending = place.watched(&pipeline, host.runtime.now(), socket.send(ready));
            if sending.await.is_err() {
                // Reading ends too: a client that cannot hear has nothing to say.
                socket.shutdown(crate::io::ShutdownHow::Both);
                pipeline.abandon();
                return;
            }
        }
        pipeline.sent(bytes);
    }
}

/// What the next shard shall know of a connection.
fn pack(context: &Context) -> Carried {
    let mut sessions = context.shared.sessions.borrow_mut();
    Carried {
        client_software: context.client_software.take(),
        session: sessions.take(context.fetch_session.get()),
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
    /// Takes in what the last shard knew.
    fn unpack(&self, carried: Option<Carried>) {
        let Some(carried) = carried else {
            return;
        };
        *self.context.client_software.borrow_mut() = carried.client_software;
        if let Some(session) = carried.session {
            let mut sessions = self.context.shared.sessions.borrow_mut();
            let id = sessions.put(session, self.host.runtime.now());
            self.context.fetch_session.set(id);
        }
    }

    /// Reads and starts requests. Returns where the connection moves to, if it does.
    async fn read_requests(&mut self) -> Option<ShardId> {
        let mut moves = None;
        loop {
            if moves.is_none() {
                moves = self.belongs_elsewhere();
                if moves.is_some() {
                    self.reader.hold_back().await;
                }
            }
            if moves.is_some() && self.reader.is_between_frames() {
                self.pipeline.answered().await;
                return moves;
            }
            let frame = match self.next_frame().await {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    // What was asked before the client left is still carried out and answered.
                    self.pipeline.answered().await;
                    return None;
                }
                Err(error) => return self.cut(&error).await,
            };
            match self.start(frame).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return self.cut(&error).await,
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
        let (stop, gone) = (pin!(stop), pin!(gone));
        let next = either(pin!(self.reader.next()), pin!(either(stop, gone))).await;
        match next {
            Either::First(frame) => frame,
            Either::Second(_) => Ok(None),
        }
    }

    /// Nothing is read any more, because of `error`. What was asked before is still answered where
    /// only memory is wanting, or a client would ask for it twice.
    async fn cut(&self, error: &FrameError) -> Option<ShardId> {
        self.close(error);
        if let FrameError::Crowded { .. } = error {
            let until = self.host.runtime.now().plus(CROWDED_ANSWERS);
            let answered = self.pipeline.answered();
            self.host.runtime.deadline(until, answered).await;
        }
        None
    }

    /// Starts one request; `false` ends the connection, an error cuts it.
    async fn start(&mut self, frame: Frame) -> Result<bool, FrameError> {
        let Frame { bytes, charge } = frame;
        let request = match handlers::parse(bytes) {
            Ok(request) => request,
            Err(error) => {
                self.close(&error);
                return Ok(false);
            }
        };
        let share = self.host.settings.share_bytes;
        let turn = async {
            self.pipeline.room().await;
            self.in_flight
                .room(charge.bytes(), share, &self.pipeline)
                .await;
            if !request.overlaps() {
                self.pipeline.answered().await;
            }
        };
        let turn = either(pin!(turn), pin!(self.reader.rest())).await;
        if let Either::Second(error) = turn {
            return Err(error);
        }
        if self.pipeline.is_closed() {
            return Ok(false);
        }
        let work = Work::new(self.in_flight.clone(), charge);
        let slot = self.pipeline.open();
        Ok(match handlers::start(&self.context, request) {
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
        })
    }

    /// Where this connection should be instead, asked once a second.
    fn belongs_elsewhere(&mut self) -> Option<ShardId> {
        let now = self.host.runtime.now();
        if now < self.move_check || self.host.stopping.get() {
            return None;
        }
        self.move_check = now.plus(MOVE_INTERVAL);
        let to = self.context.traffic.take_majority(MOVE_BYTES_MIN)?;
        // What a share session acquired is known to this shard only.
        let stays = !self.context.share_sessions.is_empty();
        (to != self.host.router.shard.id && !stays).then_some(to)
    }

    /// Says why the connection ends, unless that has been said.
    fn close(&self, error: &dyn std::fmt::Display) {
        if self.pipeline.tells_first() {
            tracing::info!(peer = %self.context.peer, %error, "connection closed");
        }
    }
}

impl InFlight {
    /// Waits until `bytes` more fit the connection's share, or it closes.
    async fn room(&self, bytes: usize, share: usize, pipeline: &Pipeline) {
        while self.bytes.get() > 0 && self.bytes.get() + bytes > share && !pipeline.is_closed() {
            either(self.released.next(), pipeline.changed()).await;
        }
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
            if slot.tells_first() {
                tracing::info!(peer = %context.peer, %error, "connection closed");
            }
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

#[cfg(test)]
mod tests;

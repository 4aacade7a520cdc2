//! Sockets and the inbox as tasks see them.
//!
//! Room:       `runtime`.
//! Called by:  `connection`, `shard`.
//! Never:      knows a frame.

use super::sync::{Either, either};
use super::{Operations, Runtime};
use crate::io::{
    Address, Buffer, DetachedSocket, Errno, Op, Outcome, Parcel, PeerId, ShutdownHow, Slice,
    SocketId,
};
use std::time::Duration;

/// A listening socket; closed when dropped.
pub struct Listener {
    runtime: Runtime,
    id: SocketId,
    accepts: Operations,
    /// The last accept failed, which was told.
    failing: bool,
    /// Where it really listens (port 0 resolved).
    pub address: Address,
}

/// A connected socket; closed when dropped.
pub struct Socket {
    runtime: Runtime,
    id: SocketId,
    detached: bool,
}

/// What arrives on a socket, in slices of the door's own buffers.
pub struct Receiver {
    runtime: Runtime,
    id: SocketId,
    stream: Operations,
    paused: bool,
}

/// What other doors post to this one.
pub struct Inbox(Operations);

impl Runtime {
    pub async fn listen(&self, address: Address, backlog: u32) -> Result<Listener, Errno> {
        match self.operation(Op::Listen { address, backlog }).await {
            Outcome::Listening { socket, address } => Ok(Listener {
                runtime: self.clone(),
                id: socket,
                accepts: self.operations(Op::Accept { listener: socket }),
                failing: false,
                address,
            }),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("a listen completes with `Listening`"),
        }
    }

    pub async fn connect(&self, address: Address) -> Result<Socket, Errno> {
        self.connected(Op::Connect { address }).await
    }

    /// Takes over a socket that another door let go.
    pub async fn attach(&self, socket: DetachedSocket) -> Result<Socket, Errno> {
        self.connected(Op::Attach { socket }).await
    }

    async fn connected(&self, op: Op) -> Result<Socket, Errno> {
        match self.operation(op).await {
            Outcome::Connected { socket } => Ok(self.socket(socket)),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("this completes with `Connected`"),
        }
    }

    fn socket(&self, id: SocketId) -> Socket {
        Socket {
            runtime: self.clone(),
            id,
            detached: false,
        }
    }

    /// The inbox of this door; opened once.
    pub fn inbox(&self) -> Inbox {
        Inbox(self.operations(Op::Inbox))
    }

    /// SIGTERM and SIGINT of the process; opened once, on one door.
    pub fn signals(&self) -> Operations {
        self.operations(Op::Signals)
    }
}

impl Inbox {
    pub async fn next(&mut self) -> Option<(PeerId, Parcel)> {
        match self.0.next().await? {
            Outcome::Arrived { from, parcel } => Some((from, parcel)),
            _ => None,
        }
    }
}

impl Listener {
    /// The next client. An error does not end the listener; accepting goes on with the next call.
    pub async fn accept(&mut self) -> Result<(Socket, Address), Errno> {
        loop {
            match self.accepts.next().await {
                Some(Outcome::Accepted { socket, peer }) => {
                    return Ok((self.runtime.socket(socket), peer));
                }
                Some(Outcome::Failed(errno)) => return Err(errno),
                Some(_) => unreachable!("an accept completes with `Accepted`"),
                None => {
                    self.accepts = self.runtime.operations(Op::Accept { listener: self.id });
                }
            }
        }
    }
}

impl Listener {
    /// As `accept`, but rests after an error and goes on. Each spell of them is told once.
    pub async fn next_client(&mut self) -> (Socket, Address) {
        loop {
            match self.accept().await {
                Ok(accepted) => {
                    if std::mem::take(&mut self.failing) {
                        tracing::warn!(address = %self.address, "connections are accepted again");
                    }
                    return accepted;
                }
                Err(errno) => {
                    // Out of files, most likely: others may close some meanwhile.
                    if !std::mem::replace(&mut self.failing, true) {
                        let address = &self.address;
                        tracing::warn!(%address, %errno, "cannot accept connections");
                    }
                    self.runtime.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// How long accepting rests after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Drop for Listener {
    fn drop(&mut self) {
        self.runtime
            .submit_detached(Op::CloseSocket { socket: self.id });
    }
}

impl Socket {
    /// What arrives, into the door's own buffers. One receiver at a time.
    pub fn receiver(&self) -> Receiver {
        Receiver {
            runtime: self.runtime.clone(),
            id: self.id,
            stream: self.runtime.operations(Op::Receive { socket: self.id }),
            paused: false,
        }
    }

    /// One receive into the room of `into`; zero bytes at the end of the stream.
    pub async fn receive_into(&self, into: Buffer) -> (Buffer, Result<usize, Errno>) {
        match self
            .runtime
            .operation(Op::ReceiveInto {
                socket: self.id,
                into,
            })
            .await
        {
            Outcome::Filled { into, result } => (into, result),
            Outcome::Failed(errno) => (Buffer::with_room(1), Err(errno)),
            _ => unreachable!("a receive completes with `Filled`"),
        }
    }

    /// As `receive_into`, but cancelled after `patience`: the result is `None` then, unless
    /// something came at the last moment.
    pub async fn receive_into_within(
        &self,
        into: Buffer,
        patience: Option<Duration>,
    ) -> (Buffer, Option<Result<usize, Errno>>) {
        let Some(patience) = patience else {
            let (into, result) = self.receive_into(into).await;
            return (into, Some(result));
        };
        let socket = self.id;
        let operation = self.runtime.operation(Op::ReceiveInto { socket, into });
        let mut operation = std::pin::pin!(operation);
        let outcome = match either(operation.as_mut(), self.runtime.sleep(patience)).await {
            Either::First(outcome) => outcome,
            Either::Second(()) => {
                operation.cancel();
                operation.await
            }
        };
        match outcome {
            Outcome::Filled { into, result } if result == Err(Errno::CANCELED) => (into, None),
            Outcome::Filled { into, result } => (into, Some(result)),
            Outcome::Failed(errno) => (Buffer::with_room(1), Some(Err(errno))),
            _ => unreachable!("a receive completes with `Filled`"),
        }
    }

    /// Sends all of `from` in order. One send at a time.
    pub async fn send(&self, from: Vec<Slice>) -> Result<(), Errno> {
        match self
            .runtime
            .operation(Op::Send {
                socket: self.id,
                from,
            })
            .await
        {
            Outcome::Sent => Ok(()),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("a send completes with `Sent`"),
        }
    }

    /// Shuts down without waiting; pending receives and sends end.
    pub fn shutdown(&self, how: ShutdownHow) {
        self.runtime.submit_detached(Op::Shutdown {
            socket: self.id,
            how,
        });
    }

    /// Lets the socket go, to be attached by another door. Nothing may be in flight on it.
    pub async fn detach(mut self) -> Result<DetachedSocket, Errno> {
        self.detached = true;
        match self.runtime.operation(Op::Detach { socket: self.id }).await {
            Outcome::Detached(socket) => Ok(socket),
            Outcome::Failed(errno) => Err(errno),
            _ => unreachable!("a detach completes with `Detached`"),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.detached {
            self.runtime
                .submit_detached(Op::CloseSocket { socket: self.id });
        }
    }
}

impl Receiver {
    /// The next bytes; an empty slice is the end of the stream. When it was paused, or the door
    /// ran out of provided buffers, the receive is taken up again here.
    pub async fn next(&mut self) -> Result<Slice, Errno> {
        loop {
            match self.stream.next().await {
                Some(Outcome::Received(slice)) => return Ok(slice),
                Some(Outcome::Failed(errno))
                    if errno != Errno::NO_BUFFERS && !(self.paused && errno == Errno::CANCELED) =>
                {
                    return Err(errno);
                }
                Some(Outcome::Failed(_)) | None => {
                    self.stream = self.runtime.operations(Op::Receive { socket: self.id });
                    self.paused = false;
                }
                Some(_) => unreachable!("a receive completes with `Received`"),
            }
        }
    }

    /// Stops receiving until the next call of `next`, which still returns what had arrived. For
    /// who does not listen: what nobody takes would hold the door's buffers.
    pub fn pause(&mut self) {
        if !std::mem::replace(&mut self.paused, true) {
            self.stream.cancel();
        }
    }

    /// Ends the receive: returns piece by piece what had arrived, an empty slice at the end of
    /// the stream, `None` when the receive is over.
    pub async fn rest_of_it(&mut self) -> Option<Slice> {
        self.pause();
        loop {
            match self.stream.next().await? {
                Outcome::Received(slice) => return Some(slice),
                // An error shows again at the next receive.
                _ => continue,
            }
        }
    }
}

//! A small HTTP server for what programs of operators fetch: one page, by its path.
//!
//! Room:       `http`.
//! Called by:  `broker`, which gives it a listener and the pages.
//! Calls:      `runtime`; `httparse` reads what is asked.
//! Never:      knows what is on a page, keeps a connection open, or serves more than 4 at once.
//!
//! A scraper comes every few seconds and fetches one page. That needs none of hyper, which brings
//! tokio's crates along, while whoever serves REST will; sockets are the door's own here, so that
//! the simulator runs this too.

#![forbid(unsafe_code)]

mod head;

pub use head::Status;

use crate::io::{Buffer, ShutdownHow, Slice};
use crate::runtime::{Listener, Runtime, Socket};
use head::Asked;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// What is shown.
pub struct Page {
    pub content_type: &'static str,
    pub body: String,
}

/// Served at the same time, for a page may be some megabytes; who comes beyond that is closed.
const CONNECTIONS_MAX: usize = 4;

/// Bytes of a request up to its empty line.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// How long a client may take to ask: who is silent keeps others out.
const ASKING_TIME: Duration = Duration::from_secs(2);

/// How long a client may take to receive its page.
const TAKING_TIME: Duration = Duration::from_secs(10);

/// Serves whoever connects, until it is dropped. `page` makes the page of a path.
pub async fn serve<P>(runtime: Runtime, mut listener: Listener, page: P)
where
    P: AsyncFn(&str) -> Result<Page, Status> + 'static,
{
    let page = Rc::new(page);
    let connections: Rc<Cell<usize>> = Rc::default();
    loop {
        let (socket, peer) = listener.next_client().await;
        if connections.get() >= CONNECTIONS_MAX {
            tracing::debug!(%peer, "{CONNECTIONS_MAX} fetch pages already; a connection is closed");
            continue;
        }
        connections.set(connections.get() + 1);
        let (runtime, page, connections) = (runtime.clone(), page.clone(), connections.clone());
        runtime.clone().spawn(async move {
            answer(&runtime, &socket, &*page).await;
            connections.set(connections.get() - 1);
        });
    }
}

async fn answer<P>(runtime: &Runtime, socket: &Socket, page: &P)
where
    P: AsyncFn(&str) -> Result<Page, Status>,
{
    let (shown, wants_body) = match ask(runtime, socket).await {
        // Gone, or silent for too long.
        None => return,
        Some(Err(status)) => (Err(status), true),
        Some(Ok(Asked { path, wants_body })) => (page(&path).await, wants_body),
    };
    let (page, status) = match shown {
        Ok(page) => (page, Status::Ok),
        Err(status) => (status.page(), status),
    };
    let mut response = vec![Slice::from(head::response(&page, status))];
    if wants_body {
        response.push(Slice::from(page.body.into_bytes()));
    }
    let taken = async {
        if socket.send(response).await.is_ok() {
            // Closed before all is read, a connection may lose what was sent last.
            socket.shutdown(ShutdownHow::Write);
            drain(socket).await;
        }
    };
    let until = runtime.now().plus(TAKING_TIME);
    // Whoever does not take it is cut: the socket goes with this task.
    let _ = runtime.deadline(until, taken).await;
}

async fn drain(socket: &Socket) {
    loop {
        let rest = socket.receive_into(Buffer::with_room(HEAD_BYTES_MAX)).await;
        match rest.1 {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// Receives until the request's head is whole.
async fn ask(runtime: &Runtime, socket: &Socket) -> Option<Result<Asked, Status>> {
    let until = runtime.now().plus(ASKING_TIME);
    let mut received = Buffer::with_room(HEAD_BYTES_MAX);
    received.limit_room(HEAD_BYTES_MAX);
    loop {
        let left = until.since(runtime.now());
        let (buffer, got) = socket.receive_into_within(received, Some(left)).await;
        received = buffer;
        match got {
            Some(Ok(1..)) => {}
            Some(Ok(0) | Err(_)) | None => return None,
        }
        match head::parse(received.filled()) {
            Ok(None) if received.room() == 0 => return Some(Err(Status::HeadTooLarge)),
            Ok(None) => {}
            Ok(Some(asked)) => return Some(Ok(asked)),
            Err(status) => return Some(Err(status)),
        }
    }
}

#[cfg(test)]
pub mod tests;

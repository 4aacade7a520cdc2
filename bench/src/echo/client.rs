//! The client of every echo server: a closed loop over our own door.
//!
//! Room:       `bench::echo`.
//! Never:      differs between servers; what it costs is the same for all.

use super::MESSAGE;
use crate::measure::{Latencies, now};
use ottla::io::uring::{Profile, Settings, open_all};
use ottla::io::{Address, Completion, Errno, Io, Op, Outcome, Slice, SocketId, Token};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How hard the server is driven.
#[derive(Clone)]
pub struct Load {
    pub connections: usize,
    /// Messages under way per connection.
    pub in_flight: usize,
    pub span: Duration,
}

pub struct Driven {
    pub connections: usize,
    pub in_flight: usize,
    pub messages: u64,
    pub elapsed: Duration,
    pub latencies: Latencies,
}

struct Connection {
    socket: SocketId,
    /// Bytes of a message that has not come back whole.
    rest: usize,
    /// Messages to send when the send under way is done.
    owed: usize,
    sending: bool,
    sent_at: Instant,
}

pub fn drive(address: SocketAddr, load: &Load) -> Driven {
    let settings = Settings {
        profile: Profile::SpinThenPark(Duration::from_micros(50)),
        ..Settings::default()
    };
    let seed = open_all(1, settings).expect("io_uring is there").remove(0);
    let mut door = seed.open().expect("io_uring is there");
    let bytes = Slice::from(vec![7u8; MESSAGE * load.in_flight.max(1)]);
    let mut connections = Vec::new();
    for _ in 0..load.connections {
        connections.push(Connection {
            socket: connect(&mut door, address),
            rest: 0,
            owed: load.in_flight,
            sending: false,
            sent_at: now(),
        });
    }
    for (number, connection) in connections.iter_mut().enumerate() {
        let socket = connection.socket;
        door.submit(Token(number as u64 * 2), Op::Receive { socket });
        pay(&mut door, number, connection, &bytes);
    }
    let mut latencies = Latencies::default();
    let mut messages = 0;
    let start = now();
    let end = start + load.span;
    let mut done: Vec<Completion> = Vec::new();
    let mut time = start;
    while time < end {
        door.turn(None, &mut done);
        time = now();
        for completion in done.drain(..) {
            let number = (completion.token.0 / 2) as usize;
            let connection = &mut connections[number];
            match completion.outcome {
                Outcome::Received(slice) => {
                    assert!(!slice.is_empty(), "the server keeps its connections");
                    let whole = connection.rest + slice.len();
                    connection.rest = whole % MESSAGE;
                    connection.owed += whole / MESSAGE;
                    messages += (whole / MESSAGE) as u64;
                    latencies.add(time - connection.sent_at);
                }
                Outcome::Sent => connection.sending = false,
                Outcome::Failed(Errno::NO_BUFFERS) => {
                    let socket = connection.socket;
                    door.submit(completion.token, Op::Receive { socket });
                }
                _ => panic!("the server has failed"),
            }
            pay(&mut door, number, connection, &bytes);
        }
    }
    let elapsed = start.elapsed();
    // Dropping the door closes the connections, which ends the server.
    drop(door);
    Driven {
        connections: load.connections,
        in_flight: load.in_flight,
        messages,
        elapsed,
        latencies,
    }
}

/// Sends what is owed, in one piece, when no send is under way.
fn pay(door: &mut impl Io, number: usize, connection: &mut Connection, bytes: &Slice) {
    if connection.sending || connection.owed == 0 {
        return;
    }
    let from = vec![bytes.range(0, connection.owed * MESSAGE)];
    connection.owed = 0;
    connection.sending = true;
    connection.sent_at = now();
    let socket = connection.socket;
    door.submit(Token(number as u64 * 2 + 1), Op::Send { socket, from });
}

fn connect(door: &mut impl Io, address: SocketAddr) -> SocketId {
    let address = Address::Tcp(address);
    door.submit(Token(u64::MAX), Op::Connect { address });
    let mut done = Vec::new();
    loop {
        door.turn(None, &mut done);
        match done.pop().map(|completion: Completion| completion.outcome) {
            Some(Outcome::Connected { socket }) => return socket,
            None => {}
            _ => panic!("the server accepts"),
        }
    }
}

//! The echo server on our door, without tasks: what the ring itself costs.
//!
//! Room:       `bench::echo`.

use ottla::io::uring::{Profile, Settings, open_all};
use ottla::io::{Address, Errno, Io, Op, Outcome, Slice, SocketId, Token};
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

struct Connection {
    socket: SocketId,
    waiting: Vec<Slice>,
    sending: bool,
}

pub fn serve(announce: Sender<SocketAddr>, connections_max: usize) {
    serve_with(Settings::default(), announce, connections_max);
}

/// As `serve`, without looking before it sleeps.
pub fn serve_parking(announce: Sender<SocketAddr>, connections_max: usize) {
    let settings = Settings {
        profile: Profile::Park,
        ..Settings::default()
    };
    serve_with(settings, announce, connections_max);
}

fn serve_with(settings: Settings, announce: Sender<SocketAddr>, connections_max: usize) {
    let seed = open_all(1, settings).expect("io_uring is there").remove(0);
    let mut door = seed.open().expect("io_uring is there");
    let any = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    door.submit(
        Token(0),
        Op::Listen {
            address: any,
            backlog: 64,
        },
    );
    let mut connections: Vec<Connection> = Vec::new();
    let mut closed = 0;
    let mut done = Vec::new();
    while closed < connections_max {
        door.turn(None, &mut done);
        for completion in done.drain(..) {
            let token = completion.token.0;
            // 0 listens, 1 accepts; then two numbers per connection, receive and send.
            let number = (token / 2).wrapping_sub(1) as usize;
            match completion.outcome {
                Outcome::Listening { socket, address } => {
                    if let Address::Tcp(address) = address {
                        announce.send(address).expect("somebody wants to know");
                    }
                    door.submit(Token(1), Op::Accept { listener: socket });
                }
                Outcome::Accepted { socket, .. } => {
                    let token = Token(connections.len() as u64 * 2 + 2);
                    connections.push(Connection {
                        socket,
                        waiting: Vec::new(),
                        sending: false,
                    });
                    door.submit(token, Op::Receive { socket });
                }
                Outcome::Received(slice) if slice.is_empty() => closed += 1,
                Outcome::Received(slice) => connections[number].waiting.push(slice),
                Outcome::Sent => connections[number].sending = false,
                Outcome::Failed(Errno::NO_BUFFERS) => {
                    let socket = connections[number].socket;
                    door.submit(completion.token, Op::Receive { socket });
                }
                Outcome::Failed(_) if token % 2 == 0 => closed += 1,
                _ => {}
            }
            if let Some(connection) = connections.get_mut(number)
                && !connection.sending
                && !connection.waiting.is_empty()
            {
                connection.sending = true;
                let from = std::mem::take(&mut connection.waiting);
                let socket = connection.socket;
                door.submit(Token(number as u64 * 2 + 3), Op::Send { socket, from });
            }
        }
    }
}

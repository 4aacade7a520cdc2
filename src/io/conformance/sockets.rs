//! What every opener must do with sockets.
//!
//! Room:       `io`, tests only.
//! Called by:  `conformance!`.
//! Never:      knows which opener it stands before.

use super::*;

pub fn bytes_travel_both_ways_and_streams_end<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    let receive = rig.submit(0, Op::Receive { socket: server });
    rig.send(
        client,
        vec![slice(b"hello "), Slice::empty(), slice(b"server")],
    );
    assert_eq!(rig.received(0, receive, 12), b"hello server");
    rig.send(client, vec![slice(b"again")]);
    assert_eq!(rig.received(0, receive, 5), b"again");
    rig.send(server, vec![slice(b"hello client")]);
    rig.send(client, vec![]);
    let mut into = Buffer::with_room(100);
    // A stream may come in pieces of any size.
    while into.len() < 12 {
        let socket = client;
        into = match rig.run(0, Op::ReceiveInto { socket, into }) {
            Outcome::Filled { into, result } => {
                assert!(result.expect("bytes are there") > 0);
                into
            }
            _ => panic!("a receive into a buffer completes with `Filled`"),
        };
    }
    assert_eq!(into.filled(), b"hello client");
    rig.done(
        0,
        Op::Shutdown {
            socket: client,
            how: ShutdownHow::Write,
        },
    );
    let end = rig.next(0, receive);
    assert!(!end.more);
    assert!(matches!(end.outcome, Outcome::Received(slice) if slice.is_empty()));
    // The other way still works.
    rig.send(server, vec![slice(b"bye")]);
    rig.done(0, Op::CloseSocket { socket: server });
    let receive = rig.submit(0, Op::Receive { socket: client });
    assert_eq!(rig.received(0, receive, 3), b"bye");
    let end = rig.next(0, receive);
    assert!(matches!(end.outcome, Outcome::Received(slice) if slice.is_empty()));
    rig.done(0, Op::CloseSocket { socket: client });
    assert_eq!(
        rig.failed(0, Op::Receive { socket: client }),
        Errno::BAD_HANDLE
    );
}

pub fn large_sends_arrive_whole_and_in_order<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    let bytes = pattern(5 << 20);
    let mut chain: Vec<Slice> = bytes[..1 << 20].chunks(1000).map(slice).collect();
    chain.push(slice(&bytes[1 << 20..]));
    let send = rig.submit(
        0,
        Op::Send {
            socket: client,
            from: chain,
        },
    );
    let mut receive = rig.submit(0, Op::Receive { socket: server });
    let mut received = Vec::new();
    while received.len() < bytes.len() {
        match rig.next(0, receive).outcome {
            Outcome::Received(slice) => received.extend_from_slice(&slice),
            // What has come and was not looked at yet holds all buffers.
            Outcome::Failed(Errno::NO_BUFFERS) => {
                receive = rig.submit(0, Op::Receive { socket: server });
            }
            _ => panic!("a receive completes with `Received`"),
        }
    }
    same(&received, &bytes);
    assert!(matches!(rig.next(0, send).outcome, Outcome::Sent));
}

pub fn one_accept_serves_many<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (listener, address) = rig.listen(0, F::address());
    let accept = rig.submit(0, Op::Accept { listener });
    for n in 0..20u8 {
        let client = rig.connect(0, address.clone());
        let completion = rig.next(0, accept);
        assert!(completion.more);
        let Outcome::Accepted { socket, .. } = completion.outcome else {
            panic!("an accept completes with `Accepted`");
        };
        rig.send(client, vec![slice(&[n])]);
        let receive = rig.submit(0, Op::Receive { socket });
        assert_eq!(rig.received(0, receive, 1), [n]);
    }
    rig.done(0, Op::Cancel { target: accept });
    let end = rig.next(0, accept);
    assert!(!end.more);
    assert!(matches!(end.outcome, Outcome::Failed(Errno::CANCELED)));
    rig.done(0, Op::CloseSocket { socket: listener });
}

pub fn nobody_there_is_refused<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (listener, address) = rig.listen(0, F::address());
    let taken = Op::Listen {
        address: address.clone(),
        backlog: 1,
    };
    assert_eq!(rig.failed(0, taken), Errno::ADDRESS_IN_USE);
    rig.done(0, Op::CloseSocket { socket: listener });
    let refused = rig.failed(
        0,
        Op::Connect {
            address: address.clone(),
        },
    );
    assert_eq!(refused, Errno(libc::ECONNREFUSED));
    // The port is free again at once.
    rig.listen(0, address);
}

pub fn a_peer_that_is_gone_fails_the_send<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    rig.send(client, vec![slice(b"unread")]);
    rig.done(0, Op::CloseSocket { socket: server });
    for _ in 0..100 {
        let from = vec![slice(&pattern(100_000))];
        match rig.run(
            0,
            Op::Send {
                socket: client,
                from,
            },
        ) {
            Outcome::Sent => {}
            Outcome::Failed(errno) => {
                assert!(
                    [Errno::BROKEN_PIPE, Errno::RESET].contains(&errno),
                    "{errno}"
                );
                return;
            }
            _ => panic!("a send completes with `Sent`"),
        }
    }
    panic!("nobody takes these bytes");
}

pub fn a_socket_moves_between_doors<F: Fixture>() {
    let mut rig = Rig::new::<F>(2);
    let (client, server) = rig.pair::<F>();
    let receive = rig.submit(0, Op::Receive { socket: server });
    rig.send(client, vec![slice(b"one")]);
    assert_eq!(rig.received(0, receive, 3), b"one");
    let busy = rig.failed(0, Op::Detach { socket: server });
    assert_eq!(busy, Errno(libc::EBUSY));
    rig.done(0, Op::Cancel { target: receive });
    while rig.next(0, receive).more {}
    // What arrives meanwhile is not lost.
    rig.send(client, vec![slice(b"two")]);
    let Outcome::Detached(socket) = rig.run(0, Op::Detach { socket: server }) else {
        panic!("a detach completes with `Detached`");
    };
    assert_eq!(
        rig.failed(0, Op::Receive { socket: server }),
        Errno::BAD_HANDLE
    );
    let Outcome::Connected { socket: moved } = rig.run(1, Op::Attach { socket }) else {
        panic!("an attach completes with `Connected`");
    };
    let receive = rig.submit(1, Op::Receive { socket: moved });
    assert_eq!(rig.received(1, receive, 3), b"two");
    let from = vec![slice(b"three")];
    assert!(matches!(
        rig.run(
            1,
            Op::Send {
                socket: moved,
                from
            }
        ),
        Outcome::Sent
    ));
    let receive = rig.submit(0, Op::Receive { socket: client });
    assert_eq!(rig.received(0, receive, 5), b"three");
}

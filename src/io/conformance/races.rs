//! Operations that end early, doors that close, buffers that run out.
//!
//! Room:       `io`, tests only.
//! Called by:  `conformance!`.
//! Never:      knows which opener it stands before.

use super::*;

pub fn closing_ends_what_is_under_way<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    let receive = rig.submit(0, Op::Receive { socket: server });
    let into = Buffer::with_room(10);
    let fill = rig.submit(
        0,
        Op::ReceiveInto {
            socket: client,
            into,
        },
    );
    // More than any socket buffers hold.
    let from = vec![slice(&pattern(32 << 20))];
    let send = rig.submit(
        0,
        Op::Send {
            socket: client,
            from,
        },
    );
    rig.turn();
    rig.done(0, Op::CloseSocket { socket: client });
    let Outcome::Filled { result, .. } = rig.next(0, fill).outcome else {
        panic!("the buffer comes back");
    };
    assert_eq!(result, Err(Errno::CANCELED));
    assert!(matches!(rig.next(0, send).outcome, Outcome::Failed(_)));
    rig.done(0, Op::CloseSocket { socket: server });
    loop {
        let completion = rig.next(0, receive);
        if !completion.more {
            break;
        }
    }
}

pub fn a_cancelled_operation_ends_once<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    for round in 0..50 {
        let receive = rig.submit(0, Op::Receive { socket: server });
        let from = vec![slice(b"race")];
        let send = rig.submit(
            0,
            Op::Send {
                socket: client,
                from,
            },
        );
        if round % 3 == 1 {
            rig.turn();
        }
        rig.done(0, Op::Cancel { target: receive });
        assert!(matches!(rig.next(0, send).outcome, Outcome::Sent));
        let mut bytes = Vec::new();
        loop {
            let completion = rig.next(0, receive);
            match completion.outcome {
                Outcome::Received(slice) => bytes.extend_from_slice(&slice),
                Outcome::Failed(errno) => assert_eq!(errno, Errno::CANCELED),
                _ => panic!("a receive completes with `Received`"),
            }
            if !completion.more {
                break;
            }
        }
        // What the cancelled receive did not take is there for the next one.
        let receive = rig.submit(0, Op::Receive { socket: server });
        bytes.extend(rig.received(0, receive, 4 - bytes.len()));
        assert_eq!(bytes, b"race");
        rig.done(0, Op::Cancel { target: receive });
        while rig.next(0, receive).more {}
    }
    rig.done(
        0,
        Op::Cancel {
            target: Token(u64::MAX),
        },
    );
}

pub fn without_buffers_a_receive_waits_for_them<F: Fixture>() {
    let count = F::receive_buffers();
    if count == 0 {
        return;
    }
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    let mut receive = rig.submit(0, Op::Receive { socket: server });
    let mut held = Vec::new();
    let mut bytes = Vec::new();
    let mut sent = Vec::new();
    let mut ran_dry = 0;
    // Each piece is received before the next one leaves, so each takes a buffer of its own.
    for n in 0..count * 3 {
        let piece = (n as u32).to_be_bytes();
        sent.extend_from_slice(&piece);
        rig.send(client, vec![slice(&piece)]);
        while bytes.len() < sent.len() {
            match rig.next(0, receive).outcome {
                Outcome::Received(slice) => {
                    assert!(!slice.is_empty());
                    bytes.extend_from_slice(&slice);
                    held.push(slice);
                }
                Outcome::Failed(errno) => {
                    assert_eq!(errno, Errno::NO_BUFFERS);
                    ran_dry += 1;
                    receive = rig.submit(0, Op::Receive { socket: server });
                    for _ in 0..3 {
                        rig.turn();
                    }
                    // Held until buffers return, not refused again and again.
                    assert!(rig.seen(0, receive).is_none());
                    held.clear();
                }
                _ => panic!("a receive completes with `Received`"),
            }
        }
    }
    assert_eq!(bytes, sent);
    assert!(ran_dry > 0);
}

pub fn slices_outlive_their_door<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, server) = rig.pair::<F>();
    let receive = rig.submit(0, Op::Receive { socket: server });
    rig.send(client, vec![slice(b"still here")]);
    let Outcome::Received(kept) = rig.next(0, receive).outcome else {
        panic!("a receive completes with `Received`");
    };
    drop(rig);
    assert!(b"still here".starts_with(&kept));
    std::thread::spawn(move || drop(kept))
        .join()
        .expect("a drop anywhere is fine");
}

pub fn drop_under_load<F: Fixture>() {
    for _ in 0..5 {
        let mut rig = Rig::new::<F>(2);
        let (client, server) = rig.pair::<F>();
        let (file, _, _) = rig.open(F::directory("drop").join("a"), write_options());
        let (listener, _) = rig.listen(0, F::address());
        rig.submit(0, Op::Accept { listener });
        rig.submit(0, Op::Receive { socket: server });
        let from = vec![slice(&pattern(8 << 20))];
        rig.submit(
            0,
            Op::Send {
                socket: server,
                from,
            },
        );
        let into = Buffer::with_room(1 << 20);
        rig.submit(
            0,
            Op::ReceiveInto {
                socket: client,
                into,
            },
        );
        rig.submit(0, Op::Inbox);
        for n in 0..200u64 {
            let from = vec![slice(&pattern(5000)), slice(&pattern(300))];
            let at = n * 5000;
            rig.submit(
                0,
                Op::Write {
                    file,
                    at,
                    from,
                    durable: n % 10 == 0,
                },
            );
            let into = Buffer::with_room(4096);
            rig.submit(0, Op::Read { file, at, into });
            rig.submit(
                0,
                Op::Post {
                    to: PeerId(1),
                    parcel: Box::new(n),
                },
            );
        }
        rig.submit(0, Op::Sync { file });
        rig.submit(
            0,
            Op::Work {
                job: Box::new(|| Box::new(1)),
            },
        );
        rig.turn();
    }
}

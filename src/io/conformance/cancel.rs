//! Cancels that race the completion, for every kind of operation; what refuses; signals.
//!
//! Room:       `io`, tests only.
//! Called by:  `conformance!`.
//! Never:      knows which opener it stands before.
//!
//! A short write or read is not provoked here: no file system makes one on demand. That a rest is
//! carried on is shown by chains longer than one step (`files`), what is kept of a short write by
//! the tests of `complete`.

use super::*;

/// Turns between an operation and its cancel.
const ROUNDS: usize = 12;

impl Rig {
    /// Cancels `token` after some turns and returns its last outcome, of which there is one.
    fn cancelled(&mut self, token: Token, turns: usize) -> Outcome {
        for _ in 0..turns {
            self.turn();
        }
        self.done(0, Op::Cancel { target: token });
        let completion = self.next(0, token);
        assert!(!completion.more, "it ends");
        for _ in 0..3 {
            self.turn();
        }
        assert!(self.seen(0, token).is_none(), "it ends once");
        completion.outcome
    }
}

pub fn a_cancelled_accept_loses_no_client<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (listener, address) = rig.listen(0, F::address());
    for round in 0..ROUNDS {
        let accept = rig.submit(0, Op::Accept { listener });
        let address = address.clone();
        let connect = rig.submit(0, Op::Connect { address });
        for _ in 0..round % 4 {
            rig.turn();
        }
        rig.done(0, Op::Cancel { target: accept });
        let mut accepted = None;
        loop {
            let completion = rig.next(0, accept);
            match completion.outcome {
                Outcome::Accepted { socket, .. } => accepted = Some(socket),
                Outcome::Failed(errno) => assert_eq!(errno, Errno::CANCELED),
                _ => panic!("an accept completes with `Accepted`"),
            }
            if !completion.more {
                break;
            }
        }
        let Outcome::Connected { socket: client } = rig.next(0, connect).outcome else {
            panic!("somebody listens");
        };
        let accepted = accepted.unwrap_or_else(|| {
            let accept = rig.submit(0, Op::Accept { listener });
            let Outcome::Accepted { socket, .. } = rig.next(0, accept).outcome else {
                panic!("the client still waits");
            };
            rig.done(0, Op::Cancel { target: accept });
            while rig.next(0, accept).more {}
            socket
        });
        for socket in [client, accepted] {
            rig.done(0, Op::CloseSocket { socket });
        }
    }
}

pub fn a_cancelled_connect_and_send_end_once<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (_listener, address) = rig.listen(0, F::address());
    for round in 0..ROUNDS {
        let address = address.clone();
        let connect = rig.submit(0, Op::Connect { address });
        match rig.cancelled(connect, round % 3) {
            Outcome::Connected { socket } => rig.done(0, Op::CloseSocket { socket }),
            Outcome::Failed(errno) => assert_eq!(errno, Errno::CANCELED),
            _ => panic!("a connect completes with `Connected`"),
        }
    }
    let (client, server) = rig.pair::<F>();
    // More than any socket buffers hold, and nobody reads.
    let from = vec![slice(&pattern(32 << 20))];
    let socket = client;
    let send = rig.submit(0, Op::Send { socket, from });
    let ended = rig.cancelled(send, 3);
    assert!(matches!(ended, Outcome::Failed(Errno::CANCELED)));
    for socket in [client, server] {
        rig.done(0, Op::CloseSocket { socket });
    }
}

pub fn a_shutdown_ends_a_send_that_waits<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (client, _server) = rig.pair::<F>();
    let socket = client;
    let from = vec![slice(&pattern(32 << 20))];
    let send = rig.submit(0, Op::Send { socket, from });
    for _ in 0..3 {
        rig.turn();
    }
    let how = ShutdownHow::Both;
    rig.done(0, Op::Shutdown { socket, how });
    let Outcome::Failed(errno) = rig.next(0, send).outcome else {
        panic!("nobody takes these bytes");
    };
    assert_eq!(errno, Errno::BROKEN_PIPE);
    rig.done(0, Op::CloseSocket { socket });
}

pub fn cancelled_file_operations_happen_or_not<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (file, _, _) = rig.open(F::directory("cancel").join("a"), write_options());
    let old = pattern(100_000);
    let new: Vec<u8> = old.iter().map(|byte| !byte).collect();
    rig.write(file, 0, vec![slice(&old)], false);
    for round in 0..ROUNDS {
        let (at, durable, turns) = (0, round % 2 == 0, round % 3);
        let from = vec![slice(&new)];
        let write = Op::Write {
            file,
            at,
            from,
            durable,
        };
        let write = rig.submit(0, write);
        match rig.cancelled(write, turns) {
            Outcome::Done => same(&rig.read(file, 0, 100_000), &new),
            Outcome::Failed(errno) => assert_eq!(errno, Errno::CANCELED),
            _ => panic!("a write completes with `Done`"),
        }
        rig.write(file, 0, vec![slice(&old)], false);
        let into = Buffer::with_room(4096);
        let read = rig.submit(0, Op::Read { file, at, into });
        match rig.cancelled(read, turns) {
            Outcome::Filled { into, result } => match result {
                Ok(count) => same(into.filled(), &old[..count]),
                Err(errno) => assert_eq!(errno, Errno::CANCELED),
            },
            _ => panic!("a read completes with `Filled`"),
        }
        let length = 100_000;
        let others = [Op::Sync { file }, Op::Truncate { file, length }];
        for op in others {
            let token = rig.submit(0, op);
            match rig.cancelled(token, turns) {
                Outcome::Done => {}
                Outcome::Failed(errno) => assert_eq!(errno, Errno::CANCELED),
                _ => panic!("it completes with `Done`"),
            }
        }
    }
    same(&rig.read(file, 0, 200_000), &old);
}

pub fn a_cancelled_post_arrives_or_not<F: Fixture>() {
    let mut rig = Rig::new::<F>(2);
    let posts = (0..2000u64).map(|n| {
        let (to, parcel): (_, Parcel) = (PeerId(1), Box::new(n));
        rig.submit(0, Op::Post { to, parcel })
    });
    let posts: Vec<Token> = posts.collect();
    let mut expected = Vec::new();
    for target in posts.iter().rev().step_by(3).copied() {
        rig.done(0, Op::Cancel { target });
    }
    let inbox = rig.submit(1, Op::Inbox);
    for (n, token) in posts.into_iter().enumerate() {
        match rig.next(0, token).outcome {
            Outcome::Done => expected.push(n as u64),
            Outcome::Failed(errno) => assert_eq!(errno, Errno::CANCELED),
            _ => panic!("a post completes with `Done`"),
        }
    }
    for number in expected {
        let Outcome::Arrived { parcel, .. } = rig.next(1, inbox).outcome else {
            panic!("an inbox has arrivals");
        };
        assert_eq!(parcel.downcast_ref::<u64>(), Some(&number));
    }
}

pub fn a_disk_that_refuses_is_told_apart<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    for expected in [Errno::NO_SPACE, Errno::IO] {
        let Some(path) = F::refusing_file(expected) else {
            continue;
        };
        let options = OpenOptions {
            write: true,
            ..OpenOptions::default()
        };
        let (file, _, _) = rig.open(path, options);
        for durable in [false, true] {
            let from = vec![slice(b"it "), slice(b"cannot be")];
            let write = Op::Write {
                file,
                at: 0,
                from,
                durable,
            };
            assert_eq!(rig.failed(0, write), expected);
        }
        rig.done(0, Op::CloseFile { file });
    }
}

pub fn signals_arrive<F: Fixture>() {
    F::block_signals();
    let mut rig = Rig::new::<F>(1);
    let signals = rig.submit(0, Op::Signals);
    rig.turn();
    for _ in 0..2 {
        F::signal();
        let completion = rig.next(0, signals);
        assert!(completion.more);
        assert!(matches!(
            completion.outcome,
            Outcome::Signalled(libc::SIGTERM)
        ));
    }
    rig.done(0, Op::Cancel { target: signals });
    let end = rig.next(0, signals).outcome;
    assert!(matches!(end, Outcome::Failed(Errno::CANCELED)));
}

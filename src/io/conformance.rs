//! What every opener of the door must do: one test per operation, and the races between them.
//!
//! Room:       `io`, tests only.
//! Called by:  the tests of each opener, through `conformance!`.
//! Never:      knows which opener it stands before, sleeps, or counts on timing: it turns the
//!             doors until something has come, and gives up after many turns.

use super::*;
use std::path::PathBuf;
use std::time::Duration;

/// A way to open doors that know each other, and a directory that is theirs.
pub trait Fixture {
    fn open(count: usize) -> Vec<Box<dyn Io>>;
    /// A fresh directory for this test.
    fn directory(name: &str) -> PathBuf;
    /// An address nobody listens on; `listen` answers with the real one.
    fn address() -> Address {
        Address::Tcp("127.0.0.1:0".parse().expect("an address"))
    }
    /// Provided buffers a door has in all, when that is worth exhausting; 0 when it never runs dry.
    fn receive_buffers() -> usize;
}

/// Doors and what came out of them and was not asked for yet.
pub struct Rig {
    doors: Vec<Box<dyn Io>>,
    done: Vec<Vec<Completion>>,
    next_token: u64,
}

const TURNS_MAX: usize = 20_000;

impl Rig {
    pub fn new<F: Fixture>(count: usize) -> Rig {
        Rig {
            doors: F::open(count),
            done: (0..count).map(|_| Vec::new()).collect(),
            next_token: 1,
        }
    }

    pub fn submit(&mut self, door: usize, op: Op) -> Token {
        let token = Token(self.next_token);
        self.next_token += 1;
        self.doors[door].submit(token, op);
        token
    }

    /// Every door turns once; none waits long.
    pub fn turn(&mut self) {
        for (door, done) in self.doors.iter_mut().zip(&mut self.done) {
            let until = door.now().plus(Duration::from_micros(200));
            door.turn(Some(until), done);
        }
    }

    /// The next completion of `token`.
    pub fn next(&mut self, door: usize, token: Token) -> Completion {
        for _ in 0..TURNS_MAX {
            if let Some(completion) = self.seen(door, token) {
                return completion;
            }
            self.turn();
        }
        panic!("{token:?} has not completed");
    }

    /// A completion of `token` that has come already.
    pub fn seen(&mut self, door: usize, token: Token) -> Option<Completion> {
        let at = self.done[door]
            .iter()
            .position(|completion| completion.token == token)?;
        Some(self.done[door].remove(at))
    }

    /// Submits and waits for the only answer.
    pub fn run(&mut self, door: usize, op: Op) -> Outcome {
        let token = self.submit(door, op);
        let completion = self.next(door, token);
        assert!(!completion.more, "one answer was expected");
        completion.outcome
    }

    pub fn done(&mut self, door: usize, op: Op) {
        match self.run(door, op) {
            Outcome::Done => {}
            Outcome::Failed(errno) => panic!("failed: {errno}"),
            _ => panic!("an unexpected outcome"),
        }
    }

    pub fn failed(&mut self, door: usize, op: Op) -> Errno {
        match self.run(door, op) {
            Outcome::Failed(errno) => errno,
            _ => panic!("it did not fail"),
        }
    }

    pub fn open(&mut self, path: PathBuf, options: OpenOptions) -> (FileId, u64, u32) {
        match self.run(0, Op::Open { path, options }) {
            Outcome::Opened {
                file,
                length,
                alignment,
                ..
            } => (file, length, alignment),
            Outcome::Failed(errno) => panic!("open failed: {errno}"),
            _ => panic!("an open completes with `Opened`"),
        }
    }

    pub fn write(&mut self, file: FileId, at: u64, from: Vec<Slice>, durable: bool) {
        self.done(
            0,
            Op::Write {
                file,
                at,
                from,
                durable,
            },
        );
    }

    pub fn read(&mut self, file: FileId, at: u64, room: usize) -> Vec<u8> {
        let mut into = Buffer::with_room(room);
        into.limit_room(room);
        match self.run(0, Op::Read { file, at, into }) {
            Outcome::Filled {
                into,
                result: Ok(count),
            } => {
                assert_eq!(count, into.len());
                into.filled().to_vec()
            }
            _ => panic!("the read failed"),
        }
    }

    pub fn listen(&mut self, door: usize, address: Address) -> (SocketId, Address) {
        match self.run(
            door,
            Op::Listen {
                address,
                backlog: 64,
            },
        ) {
            Outcome::Listening { socket, address } => (socket, address),
            Outcome::Failed(errno) => panic!("listen failed: {errno}"),
            _ => panic!("a listen completes with `Listening`"),
        }
    }

    pub fn connect(&mut self, door: usize, address: Address) -> SocketId {
        match self.run(door, Op::Connect { address }) {
            Outcome::Connected { socket } => socket,
            Outcome::Failed(errno) => panic!("connect failed: {errno}"),
            _ => panic!("a connect completes with `Connected`"),
        }
    }

    /// Two ends of a connection of door 0.
    pub fn pair<F: Fixture>(&mut self) -> (SocketId, SocketId) {
        let (listener, address) = self.listen(0, F::address());
        let accept = self.submit(0, Op::Accept { listener });
        let client = self.connect(0, address);
        let completion = self.next(0, accept);
        assert!(completion.more);
        let Outcome::Accepted { socket, .. } = completion.outcome else {
            panic!("an accept completes with `Accepted`");
        };
        self.done(0, Op::CloseSocket { socket: listener });
        assert!(matches!(
            self.next(0, accept).outcome,
            Outcome::Failed(Errno::CANCELED)
        ));
        (client, socket)
    }

    /// Receives `count` bytes through the multishot receive `token`.
    pub fn received(&mut self, door: usize, token: Token, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            match self.next(door, token).outcome {
                Outcome::Received(slice) => {
                    assert!(!slice.is_empty(), "the stream ended early");
                    bytes.extend_from_slice(&slice);
                }
                Outcome::Failed(errno) => panic!("receive failed: {errno}"),
                _ => panic!("a receive completes with `Received`"),
            }
        }
        bytes
    }

    pub fn send(&mut self, socket: SocketId, from: Vec<Slice>) {
        let outcome = self.run(0, Op::Send { socket, from });
        assert!(matches!(outcome, Outcome::Sent));
    }
}

fn write_options() -> OpenOptions {
    OpenOptions {
        write: true,
        create: true,
        ..OpenOptions::default()
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// Compares without printing megabytes.
fn same(actual: &[u8], expected: &[u8]) {
    let differs = actual.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!((actual.len(), differs), (expected.len(), None));
}

fn slice(bytes: &[u8]) -> Slice {
    Slice::copy_of(bytes)
}

// ── files ──

pub fn a_file_is_written_read_and_found<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("file").join("a");
    let missing = rig.failed(
        0,
        Op::Open {
            path: path.clone(),
            options: OpenOptions::default(),
        },
    );
    assert_eq!(missing, Errno::NO_ENTRY);
    let (file, length, alignment) = rig.open(path.clone(), write_options());
    assert_eq!((length, alignment), (0, 1));
    rig.write(
        file,
        0,
        vec![slice(b"hello "), Slice::empty(), slice(b"world")],
        false,
    );
    rig.write(file, 11, vec![slice(b"!")], true);
    rig.write(file, 0, vec![], true);
    rig.done(0, Op::Sync { file });
    assert_eq!(rig.read(file, 0, 100), b"hello world!");
    assert_eq!(rig.read(file, 6, 5), b"world");
    assert_eq!(rig.read(file, 12, 5), b"");
    assert_eq!(rig.read(file, 1000, 5), b"");
    rig.done(0, Op::Truncate { file, length: 5 });
    assert_eq!(rig.read(file, 0, 100), b"hello");
    rig.done(0, Op::CloseFile { file });
    assert_eq!(rig.failed(0, Op::Sync { file }), Errno::BAD_HANDLE);
    assert_eq!(rig.failed(0, Op::CloseFile { file }), Errno::BAD_HANDLE);
    let (file, length, _) = rig.open(path.clone(), OpenOptions::default());
    assert_eq!(length, 5);
    rig.done(0, Op::CloseFile { file });
    match rig.run(0, Op::Status { path: path.clone() }) {
        Outcome::Status(status) => {
            assert_eq!((status.length, status.is_directory), (5, false));
        }
        _ => panic!("it is there"),
    }
    let exclusive = OpenOptions {
        create_new: true,
        ..write_options()
    };
    let options = exclusive;
    assert_eq!(rig.failed(0, Op::Open { path, options }), Errno::EXISTS);
}

pub fn long_chains_and_large_pieces_are_written_whole<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (file, _, _) = rig.open(F::directory("chain").join("a"), write_options());
    let bytes = pattern(700 * 100);
    let chain = bytes.chunks(100).map(slice).collect();
    rig.write(file, 10, chain, false);
    same(&rig.read(file, 10, bytes.len() + 5), &bytes);
    let large = pattern(3 << 20);
    rig.write(
        file,
        0,
        vec![slice(&large[..1 << 20]), slice(&large[1 << 20..])],
        true,
    );
    same(&rig.read(file, 0, large.len()), &large);
}

pub fn direct_files_keep_their_alignment<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("direct").join("a");
    let options = OpenOptions {
        direct: true,
        ..write_options()
    };
    let (file, _, alignment) = rig.open(path, options);
    assert!(alignment.is_power_of_two());
    assert!(alignment <= 4096);
    rig.done(
        0,
        Op::Allocate {
            file,
            at: 0,
            length: 1 << 20,
            mode: AllocateMode::Zeroed,
        },
    );
    same(&rig.read(file, 0, 1 << 20), &[0; 1 << 20]);
    let bytes = pattern(64 << 10);
    let mut buffer = Buffer::with_room(bytes.len());
    buffer.extend(&bytes);
    let chain: Vec<Slice> = {
        let whole = buffer.freeze();
        (0..16)
            .map(|n| whole.range(n * 4096, (n + 1) * 4096))
            .collect()
    };
    rig.write(file, 8192, chain, true);
    same(&rig.read(file, 8192, bytes.len()), &bytes);
    rig.done(0, Op::Sync { file });
    // The end of the file may lie between two blocks.
    rig.done(
        0,
        Op::Truncate {
            file,
            length: 10_000,
        },
    );
    assert_eq!(rig.read(file, 8192, 8192).len(), 10_000 - 8192);
}

pub fn space_is_taken_without_changing_the_length<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let directory = F::directory("space");
    let path = directory.join("a");
    let (file, _, _) = rig.open(path.clone(), write_options());
    rig.write(file, 0, vec![slice(b"x")], false);
    rig.done(
        0,
        Op::Allocate {
            file,
            at: 0,
            length: 1 << 20,
            mode: AllocateMode::KeepSize,
        },
    );
    match rig.run(0, Op::Status { path }) {
        Outcome::Status(status) => {
            assert_eq!(status.length, 1);
            assert!(status.allocated >= 1 << 20);
        }
        _ => panic!("it is there"),
    }
    rig.done(
        0,
        Op::Allocate {
            file,
            at: 0,
            length: 3 << 20,
            mode: AllocateMode::Zeroed,
        },
    );
    assert_eq!(rig.read(file, 0, 4 << 20).len(), 3 << 20);
    match rig.run(0, Op::Space { path: directory }) {
        Outcome::Space { total, available } => {
            assert!(total > 0);
            assert!(available <= total);
        }
        _ => panic!("the file system answers"),
    }
}

pub fn names_are_made_moved_listed_and_removed<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let root = F::directory("names");
    let inner = root.join("inner");
    rig.done(
        0,
        Op::CreateDirectory {
            path: inner.clone(),
        },
    );
    let again = rig.failed(
        0,
        Op::CreateDirectory {
            path: inner.clone(),
        },
    );
    assert_eq!(again, Errno::EXISTS);
    for name in ["b", "a", "c"] {
        let (file, _, _) = rig.open(inner.join(name), write_options());
        rig.write(file, 0, vec![slice(name.as_bytes())], false);
        rig.done(0, Op::CloseFile { file });
    }
    let from = inner.join("c");
    let to = inner.join("a");
    rig.done(
        0,
        Op::Rename {
            from: from.clone(),
            to: to.clone(),
        },
    );
    assert_eq!(
        rig.failed(
            0,
            Op::Rename {
                from: from.clone(),
                to: to.clone()
            }
        ),
        Errno::NO_ENTRY
    );
    rig.done(
        0,
        Op::SyncDirectory {
            path: inner.clone(),
        },
    );
    let (file, _, _) = rig.open(to.clone(), OpenOptions::default());
    assert_eq!(rig.read(file, 0, 10), b"c");
    let names = |outcome| match outcome {
        Outcome::Listed(entries) => entries
            .into_iter()
            .map(|entry: Entry| (entry.name, entry.is_directory))
            .collect::<Vec<_>>(),
        _ => panic!("a list completes with `Listed`"),
    };
    let path = inner.clone();
    let listed = names(rig.run(0, Op::ListDirectory { path }));
    assert_eq!(
        listed,
        vec![("a".to_owned(), false), ("b".to_owned(), false)]
    );
    let listed = names(rig.run(0, Op::ListDirectory { path: root.clone() }));
    assert_eq!(listed, vec![("inner".to_owned(), true)]);
    let busy = rig.failed(
        0,
        Op::RemoveDirectory {
            path: inner.clone(),
        },
    );
    assert_eq!(busy, Errno(libc::ENOTEMPTY));
    rig.done(0, Op::Unlink { path: to.clone() });
    assert_eq!(rig.failed(0, Op::Unlink { path: to }), Errno::NO_ENTRY);
    // An open file outlives its name.
    assert_eq!(rig.read(file, 0, 10), b"c");
    rig.done(
        0,
        Op::Unlink {
            path: inner.join("b"),
        },
    );
    rig.done(
        0,
        Op::RemoveDirectory {
            path: inner.clone(),
        },
    );
    assert_eq!(
        rig.failed(
            0,
            Op::ListDirectory {
                path: inner.clone()
            }
        ),
        Errno::NO_ENTRY
    );
    assert_eq!(rig.failed(0, Op::Status { path: inner }), Errno::NO_ENTRY);
}

pub fn a_locked_file_is_locked_for_others<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("lock").join("a");
    let (first, _, _) = rig.open(path.clone(), write_options());
    let (second, _, _) = rig.open(path, write_options());
    rig.done(0, Op::Lock { file: first });
    assert_eq!(rig.failed(0, Op::Lock { file: second }), Errno::WOULD_BLOCK);
    rig.done(0, Op::CloseFile { file: first });
    rig.done(0, Op::Lock { file: second });
}

pub fn many_operations_at_once_all_complete<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (file, _, _) = rig.open(F::directory("many").join("a"), write_options());
    let writes: Vec<Token> = (0..3000u64)
        .map(|n| {
            let from = vec![slice(&n.to_be_bytes())];
            let at = n * 8;
            rig.submit(
                0,
                Op::Write {
                    file,
                    at,
                    from,
                    durable: false,
                },
            )
        })
        .collect();
    for token in writes {
        assert!(matches!(rig.next(0, token).outcome, Outcome::Done));
    }
    let bytes = rig.read(file, 0, 3000 * 8);
    for (n, word) in bytes.chunks(8).enumerate() {
        assert_eq!(word, (n as u64).to_be_bytes());
    }
}

// ── sockets ──

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
    let into = Buffer::with_room(100);
    match rig.run(
        0,
        Op::ReceiveInto {
            socket: client,
            into,
        },
    ) {
        Outcome::Filled { into, result } => {
            let count = result.expect("bytes are there");
            assert!(count > 0);
            assert_eq!(into.filled(), &b"hello client"[..count]);
        }
        _ => panic!("a receive into a buffer completes with `Filled`"),
    }
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

// ── between threads ──

pub fn parcels_keep_their_order_under_a_full_ring<F: Fixture>() {
    let mut rig = Rig::new::<F>(2);
    const PARCELS: u64 = 5000;
    let posts: Vec<Token> = (0..PARCELS)
        .map(|n| {
            rig.submit(
                0,
                Op::Post {
                    to: PeerId(1),
                    parcel: Box::new(n),
                },
            )
        })
        .collect();
    for _ in 0..10 {
        rig.turn();
    }
    let inbox = rig.submit(1, Op::Inbox);
    for expected in 0..PARCELS {
        let completion = rig.next(1, inbox);
        assert!(completion.more);
        let Outcome::Arrived { from, parcel } = completion.outcome else {
            panic!("an inbox has arrivals");
        };
        assert_eq!(from, PeerId(0));
        assert_eq!(parcel.downcast_ref::<u64>(), Some(&expected));
    }
    for token in posts {
        assert!(matches!(rig.next(0, token).outcome, Outcome::Done));
    }
    // Both ways, and to oneself.
    let own = rig.submit(0, Op::Inbox);
    rig.done(
        1,
        Op::Post {
            to: PeerId(0),
            parcel: Box::new("reply"),
        },
    );
    rig.done(
        0,
        Op::Post {
            to: PeerId(0),
            parcel: Box::new("note"),
        },
    );
    let mut senders = Vec::new();
    for _ in 0..2 {
        match rig.next(0, own).outcome {
            Outcome::Arrived { from, .. } => senders.push(from.0),
            _ => panic!("an inbox has arrivals"),
        }
    }
    senders.sort_unstable();
    assert_eq!(senders, vec![0, 1]);
    rig.done(0, Op::Cancel { target: own });
    assert!(matches!(
        rig.next(0, own).outcome,
        Outcome::Failed(Errno::CANCELED)
    ));
}

pub fn work_comes_back<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let jobs: Vec<Token> = (0..20u64)
        .map(|n| {
            rig.submit(
                0,
                Op::Work {
                    job: Box::new(move || Box::new(n * n)),
                },
            )
        })
        .collect();
    for (n, token) in jobs.into_iter().enumerate() {
        let Outcome::Worked(parcel) = rig.next(0, token).outcome else {
            panic!("work completes with `Worked`");
        };
        assert_eq!(parcel.downcast_ref::<u64>(), Some(&((n * n) as u64)));
    }
}

pub fn a_turn_ends_at_its_deadline_and_time_moves_forward<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let start = rig.doors[0].now();
    let until = start.plus(Duration::from_millis(2));
    let mut done = Vec::new();
    while rig.doors[0].now() < until {
        rig.doors[0].turn(Some(until), &mut done);
    }
    // A deadline behind us: not at all.
    rig.doors[0].turn(Some(start), &mut done);
    assert!(done.is_empty());
    assert!(rig.doors[0].now() >= until);
    assert!(rig.doors[0].wall().0 > 0);
    assert_ne!(rig.doors[0].random(), rig.doors[0].random());
    assert!(!rig.doors[0].describe().is_empty());
}

pub fn a_wake_ends_the_turn<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let waker = rig.doors[0].waker();
    let mut done = Vec::new();
    for _ in 0..3 {
        waker.wake();
        waker.wake();
        // Without the wake this would wait for ever.
        rig.doors[0].turn(None, &mut done);
    }
    assert!(done.is_empty());
}

/// One test per function above, for the opener `$fixture`.
#[macro_export]
macro_rules! conformance {
    ($fixture:ty) => {
        $crate::conformance!($fixture:
            a_file_is_written_read_and_found,
            long_chains_and_large_pieces_are_written_whole,
            direct_files_keep_their_alignment,
            space_is_taken_without_changing_the_length,
            names_are_made_moved_listed_and_removed,
            a_locked_file_is_locked_for_others,
            many_operations_at_once_all_complete,
            bytes_travel_both_ways_and_streams_end,
            large_sends_arrive_whole_and_in_order,
            one_accept_serves_many,
            nobody_there_is_refused,
            a_peer_that_is_gone_fails_the_send,
            closing_ends_what_is_under_way,
            a_cancelled_operation_ends_once,
            without_buffers_a_receive_waits_for_them,
            slices_outlive_their_door,
            drop_under_load,
            a_socket_moves_between_doors,
            parcels_keep_their_order_under_a_full_ring,
            work_comes_back,
            a_turn_ends_at_its_deadline_and_time_moves_forward,
            a_wake_ends_the_turn,
        );
    };
    ($fixture:ty: $($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                $crate::io::conformance::$name::<$fixture>();
            }
        )*
    };
}

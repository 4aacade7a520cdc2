//! What every opener of the door must do: one test per operation, and the races between them.
//!
//! Room:       `io`, tests only.
//! Called by:  the tests of each opener, through `conformance!`.
//! Never:      knows which opener it stands before, sleeps, or counts on timing: it turns the
//!             doors until something has come, and gives up after many turns.

mod cancel;
mod files;
mod races;
mod sockets;
mod threads;

pub use cancel::*;
pub use files::*;
pub use races::*;
pub use sockets::*;
pub use threads::*;

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
    /// A file whose writes fail with this error; `None` where none can be made.
    fn refusing_file(errno: Errno) -> Option<PathBuf>;
    /// Keeps SIGTERM from ending the thread's process.
    fn block_signals();
    /// Sends SIGTERM to the doors of this thread.
    fn signal();
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

/// One test per function above, for the opener `$fixture`.
#[macro_export]
macro_rules! conformance {
    ($fixture:ty) => {
        $crate::conformance!($fixture:
            a_file_is_written_read_and_found,
            what_a_thread_writes_itself_is_read_by_all,
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
            a_cancelled_accept_loses_no_client,
            a_cancelled_connect_and_send_end_once,
            a_shutdown_ends_a_send_that_waits,
            cancelled_file_operations_happen_or_not,
            a_cancelled_post_arrives_or_not,
            a_disk_that_refuses_is_told_apart,
            signals_arrive,
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

//! The ring before the conformance suite, with all its features and with the oldest, and what
//! only it has: threads that sleep, signals, Unix sockets.

use super::*;
use crate::io::conformance::{Fixture, Rig};
use crate::io::*;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Directories made by a test, removed when its thread ends.
#[derive(Default)]
struct Made(RefCell<Vec<PathBuf>>);

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.take() {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

thread_local! {
    static MADE: Made = Made::default();
}

fn directory(name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unique = format!("ottla-io-{}-{number}-{name}", std::process::id());
    let path = std::env::temp_dir().join(unique);
    std::fs::create_dir_all(&path).unwrap();
    MADE.with(|made| made.0.borrow_mut().push(path.clone()));
    path
}

fn open(count: usize, settings: Settings) -> Vec<Box<dyn Io>> {
    let seeds = open_all(count, settings).unwrap();
    let rings = seeds.into_iter().map(|seed| seed.open().unwrap());
    rings.map(|ring| Box::new(ring) as Box<dyn Io>).collect()
}

fn small() -> Settings {
    Settings {
        queue_depth: 64,
        receive_buffers: 32,
        receive_buffer_bytes: 4096,
        mesh_capacity: 16,
        ..Settings::default()
    }
}

/// Linux has a device that is always full; none that always breaks.
fn refusing_file(errno: Errno) -> Option<PathBuf> {
    (errno == Errno::NO_SPACE).then(|| PathBuf::from("/dev/full"))
}

/// Only this thread: other tests run beside it.
fn signal_this_thread() {
    // SAFETY: it has no conditions.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: the calling thread lives, and has blocked the signal.
    let result = unsafe { libc::pthread_kill(thread, libc::SIGTERM) };
    assert_eq!(result, 0, "the thread is alive");
}

/// With all that this kernel has.
struct Newest;

impl Fixture for Newest {
    fn open(count: usize) -> Vec<Box<dyn Io>> {
        open(count, small())
    }

    fn directory(name: &str) -> PathBuf {
        directory(name)
    }

    fn receive_buffers() -> usize {
        32
    }

    fn refusing_file(errno: Errno) -> Option<PathBuf> {
        refusing_file(errno)
    }

    fn block_signals() {
        system::block_signals();
    }

    fn signal() {
        signal_this_thread();
    }
}

/// As on a kernel from before 5.19: the fallbacks must not be told from the real thing.
struct Oldest;

impl Fixture for Oldest {
    fn open(count: usize) -> Vec<Box<dyn Io>> {
        let settings = Settings {
            oldest_features: true,
            profile: Profile::Park,
            registered_files_max: 2,
            ..small()
        };
        open(count, settings)
    }

    fn directory(name: &str) -> PathBuf {
        directory(name)
    }

    fn receive_buffers() -> usize {
        0
    }

    fn refusing_file(errno: Errno) -> Option<PathBuf> {
        refusing_file(errno)
    }

    fn block_signals() {
        system::block_signals();
    }

    fn signal() {
        signal_this_thread();
    }
}

mod full {
    crate::conformance!(super::Newest);
}

mod oldest {
    crate::conformance!(super::Oldest);
}

/// Unix sockets, zero-copy sends, and a door that never sleeps.
struct UnixZeroCopy;

impl Fixture for UnixZeroCopy {
    fn open(count: usize) -> Vec<Box<dyn Io>> {
        let settings = Settings {
            profile: Profile::Spin,
            send_zero_copy_bytes_min: Some(1),
            ..small()
        };
        open(count, settings)
    }

    fn directory(name: &str) -> PathBuf {
        directory(name)
    }

    fn address() -> Address {
        Address::Unix(directory("unix").join("socket"))
    }

    fn receive_buffers() -> usize {
        32
    }

    fn refusing_file(errno: Errno) -> Option<PathBuf> {
        refusing_file(errno)
    }

    fn block_signals() {
        system::block_signals();
    }

    fn signal() {
        signal_this_thread();
    }
}

mod unix {
    crate::conformance!(super::UnixZeroCopy:
        bytes_travel_both_ways_and_streams_end,
        large_sends_arrive_whole_and_in_order,
        one_accept_serves_many,
        a_cancelled_operation_ends_once,
        a_socket_moves_between_doors,
        drop_under_load,
    );
}

/// TCP with zero-copy sends, whose slices are held until the kernel's notification.
struct ZeroCopy;

impl Fixture for ZeroCopy {
    fn open(count: usize) -> Vec<Box<dyn Io>> {
        let settings = Settings {
            send_zero_copy_bytes_min: Some(1),
            ..small()
        };
        open(count, settings)
    }

    fn directory(name: &str) -> PathBuf {
        directory(name)
    }

    fn receive_buffers() -> usize {
        32
    }

    fn refusing_file(errno: Errno) -> Option<PathBuf> {
        refusing_file(errno)
    }

    fn block_signals() {
        system::block_signals();
    }

    fn signal() {
        signal_this_thread();
    }
}

mod zero_copy {
    crate::conformance!(super::ZeroCopy:
        bytes_travel_both_ways_and_streams_end,
        large_sends_arrive_whole_and_in_order,
        a_peer_that_is_gone_fails_the_send,
        closing_ends_what_is_under_way,
        a_cancelled_operation_ends_once,
        drop_under_load,
    );
}

/// Goal: no parcel is left lying before a door that sleeps.
/// Method: two threads without any deadline pass a number back and forth; a lost wake hangs.
fn ping_pong(settings: Settings) {
    const ROUNDS: u64 = 2000;
    let seeds = open_all(2, settings).unwrap();
    let threads = seeds.into_iter().map(|seed| {
        std::thread::spawn(move || {
            let mut door = seed.open().unwrap();
            let me = door.id().0;
            let other = PeerId(1 - me);
            door.submit(Token(1), Op::Inbox);
            if me == 0 {
                let parcel = Box::new(0u64);
                door.submit(Token(2), Op::Post { to: other, parcel });
            }
            let mut done = Vec::new();
            loop {
                door.turn(None, &mut done);
                for completion in done.drain(..) {
                    let Outcome::Arrived { parcel, .. } = completion.outcome else {
                        continue;
                    };
                    let number = *parcel.downcast::<u64>().unwrap();
                    if number < ROUNDS {
                        let parcel = Box::new(number + 1);
                        door.submit(Token(2), Op::Post { to: other, parcel });
                    }
                    if number + 1 >= ROUNDS {
                        // One more turn delivers the last wake.
                        let now = door.now();
                        door.turn(Some(now), &mut Vec::new());
                        return number;
                    }
                }
            }
        })
    });
    let ends: Vec<u64> = threads
        .collect::<Vec<_>>()
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(ends.iter().max(), Some(&ROUNDS));
}

#[test]
fn sleeping_doors_hear_every_parcel() {
    ping_pong(Settings {
        profile: Profile::Park,
        ..small()
    });
}

#[test]
fn looking_doors_hear_every_parcel() {
    ping_pong(small());
}

#[test]
fn sleeping_doors_hear_every_parcel_without_msg_ring() {
    ping_pong(Settings {
        profile: Profile::Park,
        oldest_features: true,
        ..small()
    });
}

#[test]
fn a_sleeping_door_is_woken_from_any_thread() {
    for oldest_features in [false, true] {
        let settings = Settings {
            profile: Profile::Park,
            oldest_features,
            ..small()
        };
        let mut doors = open(1, settings);
        let waker = doors[0].waker();
        let (asked, wanted) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            while wanted.recv().is_ok() {
                waker.wake();
            }
        });
        for _ in 0..100 {
            asked.send(()).unwrap();
            doors[0].turn(None, &mut Vec::new());
        }
        drop(asked);
        thread.join().unwrap();
    }
}

/// An idle door must not burn its core: with nothing to do until a deadline, one turn reaches it.
#[test]
fn an_idle_turn_sleeps_to_its_deadline() {
    for oldest_features in [false, true] {
        let settings = Settings {
            oldest_features,
            ..small()
        };
        let mut door = open(1, settings).remove(0);
        door.submit(Token(1), Op::Inbox);
        let mut turns = 0;
        let mut done = Vec::new();
        // The first turns take the notice of the door's own set-up.
        for _ in 0..3 {
            let now = door.now();
            door.turn(Some(now), &mut done);
        }
        let until = door.now().plus(Duration::from_millis(20));
        while door.now() < until {
            door.turn(Some(until), &mut done);
            turns += 1;
        }
        assert!(turns <= 2, "{turns} turns");
    }
}

#[test]
fn a_socket_file_goes_with_its_listener() {
    let mut rig = Rig::new::<UnixZeroCopy>(1);
    let path = directory("listener").join("socket");
    let (socket, _) = rig.listen(0, Address::Unix(path.clone()));
    assert!(path.exists());
    rig.done(0, Op::CloseSocket { socket });
    assert!(!path.exists());
}

#[test]
fn the_description_names_what_was_found() {
    let newest = open(1, small()).remove(0).describe();
    assert!(newest.starts_with("io_uring ("), "{newest}");
    let oldest = Settings {
        oldest_features: true,
        ..small()
    };
    let oldest = open(1, oldest).remove(0).describe();
    assert!(oldest.contains("-multishot-receive"), "{oldest}");
    assert!(oldest.contains("no provided buffers"), "{oldest}");
}

/// A door dropped while others still post to it, and one whose posts wait for room for ever.
#[test]
fn a_door_that_closes_fails_the_posts_that_wait() {
    let mut doors = open(2, small());
    let gone = doors.pop().unwrap();
    let mut door = doors.pop().unwrap();
    let mut done = Vec::new();
    for n in 0..100u64 {
        let parcel = Box::new(n);
        door.submit(
            Token(n),
            Op::Post {
                to: PeerId(1),
                parcel,
            },
        );
    }
    let now = door.now();
    door.turn(Some(now), &mut done);
    assert_eq!(done.len(), small().mesh_capacity);
    drop(gone);
    door.turn(None, &mut done);
    let failed = |completion: &&Completion| {
        matches!(completion.outcome, Outcome::Failed(Errno::BROKEN_PIPE))
    };
    assert_eq!(done.len(), 100);
    assert_eq!(
        done.iter().filter(failed).count(),
        100 - small().mesh_capacity
    );
}

#[test]
fn signals_arrive_as_completions() {
    // On a thread of its own: what it blocks stays blocked.
    let thread = std::thread::spawn(|| {
        block_signals();
        for oldest_features in [false, true] {
            let settings = Settings {
                oldest_features,
                ..small()
            };
            let mut door = open(1, settings).remove(0);
            door.submit(Token(1), Op::Signals);
            let mut done = Vec::new();
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGTERM] {
                // SAFETY: sends to this very thread, which is alive and has it blocked.
                let result = unsafe { libc::raise(signal) };
                assert_eq!(result, 0);
                while done.is_empty() {
                    door.turn(None, &mut done);
                }
                let completion = done.remove(0);
                assert!(completion.more);
                assert!(
                    matches!(completion.outcome, Outcome::Signalled(number) if number == signal)
                );
            }
            door.submit(Token(2), Op::Cancel { target: Token(1) });
            while done.len() < 2 {
                door.turn(None, &mut done);
            }
            assert!(done.iter().any(|completion| completion.token == Token(1)));
        }
    });
    thread.join().unwrap();
}

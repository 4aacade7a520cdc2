//! Frames behind simulated sockets: any split of the bytes, any client that goes slow or silent.
//!
//! Room:       `connection`, tests only.

use super::budget::{Budget, Commons, Kind};
use super::frame::{Frame, FrameError, FrameReader, Patience};
use crate::io::{Address, Slice};
use crate::runtime::{Runtime, Socket};
use crate::sim::World;
use std::rc::Rc;
use std::time::Duration;

const FRAME_BYTES_MAX: i32 = 100 << 20;

/// A door with a server's and a client's end on it; the door has 64 receive buffers of 4 KiB.
#[derive(Clone)]
struct Rig {
    runtime: Runtime,
    budget: Rc<Budget>,
}

/// Runs `test` in a world of its own.
fn run<F: Future<Output = ()> + 'static>(
    seed: u64,
    piece_bytes_max: usize,
    test: impl FnOnce(Rig) -> F,
) {
    let world = World::new(seed);
    world.network(|network| network.faults.piece_bytes_max = piece_bytes_max);
    let machine = world.machine();
    let runtime = Runtime::new(world.door(machine));
    let budget = Budget::new(Commons::new(4 << 20, 1));
    let rig = Rig {
        runtime: runtime.clone(),
        budget: budget.clone(),
    };
    runtime.block_on(test(rig));
    runtime.abandon();
    assert_eq!(budget.used(), 0, "everything is paid back");
}

impl Rig {
    async fn pair(&self) -> (Socket, Rc<Socket>) {
        let any = Address::Tcp("127.0.0.1:0".parse().expect("an address"));
        let mut listener = self.runtime.listen(any, 16).await.expect("a free port");
        let client = self.runtime.connect(listener.address.clone()).await;
        let (server, _) = listener.accept().await.expect("somebody has connected");
        (client.expect("somebody listens"), Rc::new(server))
    }

    fn reader(&self, socket: &Rc<Socket>) -> FrameReader {
        let patience = Patience {
            idle: Some(Duration::from_secs(600)),
            stall: Duration::from_secs(60),
        };
        let (runtime, budget) = (self.runtime.clone(), self.budget.clone());
        FrameReader::new(runtime, socket.clone(), FRAME_BYTES_MAX, patience, budget)
    }

    /// Sends in a task of its own; the client's end is closed behind it.
    fn send_and_close(&self, client: Socket, bytes: Vec<u8>) {
        self.runtime.spawn(async move {
            // Fails when the server gave up, as some tests want.
            let _ = client.send(vec![Slice::from(bytes)]).await;
        });
    }

    /// What a client sees of a server that answers one byte with the same byte.
    async fn echoes(&self) {
        self.echoes_within(Duration::from_secs(1)).await;
    }

    async fn echoes_within(&self, soon: Duration) {
        let (client, server) = self.pair().await;
        let asked = async {
            client.send(vec![Slice::copy_of(b"?")]).await.expect("open");
            let heard = server.receiver().next().await;
            assert_eq!(&heard.expect("open")[..], b"?");
        };
        let soon = self.runtime.now().plus(soon);
        let heard = self.runtime.deadline(soon, asked).await;
        assert!(heard.is_some(), "a bystander is not served");
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

/// Bytes that tell where they stand.
fn body(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + number) as u8).collect()
}

const LENGTHS: [usize; 12] = [
    1,
    3,
    100,
    4091,
    4092,
    4093,
    9000,
    40_000,
    64 << 10,
    (64 << 10) + 1,
    200_000,
    (1 << 20) + 5,
];

#[test]
fn frames_of_any_length_survive_any_split() {
    for seed in 1..=6 {
        let piece = [1, 7, 1000, 4096, 16 << 10, 100_000][seed as usize % 6];
        run(seed, piece, move |rig| async move {
            let mut order: Vec<usize> = LENGTHS.to_vec();
            order.rotate_left(rig.runtime.random() as usize % LENGTHS.len());
            order.retain(|length| piece >= 1000 || *length < 10_000);
            let frames = order.iter().enumerate();
            let sent: Vec<Vec<u8>> = frames.map(|(n, length)| body(n, *length)).collect();
            let (client, server) = rig.pair().await;
            let bytes: Vec<u8> = sent.iter().flat_map(|body| frame(body)).collect();
            rig.send_and_close(client, bytes);
            let mut reader = rig.reader(&server);
            for expected in &sent {
                let frame = reader.next().await.expect("sound").expect("one more");
                assert!(frame.bytes[..] == expected[..], "{} bytes", expected.len());
                assert!(frame.charge.bytes() >= expected.len());
            }
            assert!(reader.next().await.expect("sound").is_none());
        });
    }
}

/// Goal: a connection goes into bulk and out of it, again and again, and loses no byte: large
/// frames, small ones between them, silences at any place of the stream.
#[test]
fn frames_survive_the_way_into_bulk_and_back() {
    for seed in 1..=12 {
        let piece = [700, 5000, 30_000, 300_000][seed as usize % 4];
        run(seed, piece, move |rig| async move {
            let chance = |of: u64| rig.runtime.random() % of;
            let sent: Vec<Vec<u8>> = (0..120)
                .map(|n| match chance(4) {
                    0 => body(n, 1 + chance(5000) as usize),
                    1 => body(n, 100_000 + chance(100_000) as usize),
                    _ => body(n, 9000 + chance(56_000) as usize),
                })
                .collect();
            let (client, server) = rig.pair().await;
            let bytes: Vec<u8> = sent.iter().flat_map(|body| frame(body)).collect();
            let runtime = rig.runtime.clone();
            rig.runtime.spawn(async move {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let count = 1 + runtime.random() as usize % 900_000.min(rest.len());
                    let (now, later) = rest.split_at(count);
                    let sending = client.send(vec![Slice::copy_of(now)]);
                    sending.await.expect("it is read to the end");
                    rest = later;
                    runtime
                        .sleep(Duration::from_millis(runtime.random() % 250))
                        .await;
                }
            });
            let mut reader = rig.reader(&server);
            for (n, body) in sent.iter().enumerate() {
                let frame = reader
                    .next()
                    .await
                    .expect("whole frames")
                    .expect("more of them");
                assert_eq!(&frame.bytes[..], &body[..], "frame {n}");
            }
            assert!(reader.next().await.expect("no half frame").is_none());
        });
    }
}

#[test]
fn a_frame_that_cannot_be_one_ends_the_connection() {
    let ends = |bytes: Vec<u8>, is_expected: fn(&FrameError) -> bool| {
        run(1, 1000, move |rig| async move {
            let (client, server) = rig.pair().await;
            rig.send_and_close(client, bytes);
            match rig.reader(&server).next().await {
                Err(error) => assert!(is_expected(&error), "{error}"),
                Ok(_) => panic!("not a frame"),
            }
        });
    };
    for length in [0, -1, i32::MIN, i32::MAX, FRAME_BYTES_MAX + 1] {
        ends(length.to_be_bytes().to_vec(), |error| {
            matches!(error, FrameError::Length { .. })
        });
    }
    ends(vec![0, 0], |error| {
        matches!(error, FrameError::Truncated { missing: 2 })
    });
    for length in [10, 50_000, 3 << 20] {
        let whole = frame(&body(0, length));
        ends(whole[..whole.len() - 7].to_vec(), |error| {
            matches!(error, FrameError::Truncated { missing: 7 })
        });
    }
}

/// A connection that is about to move reads what has arrived and the rest of a frame, and leaves
/// everything behind it to the next reader.
#[test]
fn who_holds_back_stops_between_two_frames() {
    for seed in 1..=20 {
        let piece = [3, 500, 5000, 16 << 10][seed as usize % 4];
        run(seed, piece, move |rig| async move {
            let lengths = [10, 3000, 70_000, 5, 5000, 30_000, 2, 150_000, 100, 9000];
            let lengths = lengths.map(|length| {
                if piece == 3 {
                    length % 4000 + 1
                } else {
                    length
                }
            });
            let sent = lengths.iter().enumerate().map(|(n, l)| body(n, *l));
            let sent: Vec<Vec<u8>> = sent.collect();
            let (client, server) = rig.pair().await;
            rig.send_and_close(client, sent.iter().flat_map(|body| frame(body)).collect());
            let mut read = 0;
            let mut held = 0;
            while read < sent.len() {
                let mut reader = rig.reader(&server);
                let before = 1 + rig.runtime.random() as usize % 3;
                for round in 0.. {
                    if round == before {
                        reader.hold_back().await;
                    }
                    if round >= before && reader.is_between_frames() {
                        held += 1;
                        break;
                    }
                    let Some(frame) = reader.next().await.expect("sound") else {
                        break;
                    };
                    assert!(frame.bytes[..] == sent[read][..]);
                    read += 1;
                }
            }
            assert!(held > 0);
        });
    }
}

/// A hundred clients send one byte of a length, or of a frame, or more than is read of them: none
/// holds a buffer of the door's, of which there are 64.
#[test]
fn clients_that_are_not_read_leave_the_receive_buffers_to_others() {
    let beginnings: [Vec<u8>; 3] = [
        vec![0],
        vec![0, 0, 1, 0, 9],
        [frame(&[1; 20]), frame(&[2; 3000]), vec![0, 0]].concat(),
    ];
    for (seed, beginning) in beginnings.into_iter().enumerate() {
        run(seed as u64, 16 << 10, move |rig| async move {
            let mut clients = Vec::new();
            for _ in 0..100 {
                let (client, server) = rig.pair().await;
                let mut reader = rig.reader(&server);
                let bytes = beginning.clone();
                rig.runtime.spawn(async move {
                    // One frame at most is read; then the connection is busy for ever.
                    if let Ok(Some(frame)) = reader.next().await {
                        drop(frame);
                        panic!("there is memory: {}", reader.rest().await);
                    }
                });
                client
                    .send(vec![Slice::from(bytes)])
                    .await
                    .expect("it is open");
                clients.push((client, server));
                rig.runtime.sleep(Duration::from_millis(1)).await;
            }
            for _ in 0..3 {
                for (client, _) in &clients {
                    // Another byte each: a trickle.
                    let trickle = client.send(vec![Slice::copy_of(&[0])]);
                    trickle.await.expect("it is open");
                }
                rig.runtime.sleep(Duration::from_millis(200)).await;
                rig.echoes().await;
            }
        });
    }
}

/// Far more frames that lack their end than there is memory for, pushed on piece by piece: what
/// has come of them does not stay in the door's buffers, and those beyond the memory are cut.
#[test]
fn half_frames_without_number_leave_the_receive_buffers_to_others() {
    run(1, 16 << 10, move |rig| async move {
        let mut servers = Vec::new();
        for _ in 0..600 {
            let (client, server) = rig.pair().await;
            let mut reader = rig.reader(&server);
            rig.runtime
                .spawn(async move { assert!(reader.next().await.is_err()) });
            let runtime = rig.runtime.clone();
            rig.runtime.spawn(async move {
                let whole = frame(&[7; 63 << 10]);
                for piece in whole[..62 << 10].chunks(20 << 10) {
                    // Fails when the server gave up.
                    let _ = client.send(vec![Slice::copy_of(piece)]).await;
                    runtime.sleep(Duration::from_millis(30)).await;
                }
                std::future::pending::<()>().await;
            });
            servers.push(server);
        }
        for _ in 0..40 {
            rig.echoes_within(Duration::from_secs(2)).await;
            rig.runtime.sleep(Duration::from_millis(200)).await;
        }
        let used = rig.budget.used();
        assert!(used < 12 << 20, "{used} bytes are charged");
        rig.runtime.sleep(Duration::from_secs(70)).await;
    });
}

/// The last piece of a frame comes while the frame waits for room: nothing more comes behind it.
#[test]
fn a_frame_that_came_whole_while_it_waited_for_room_is_read() {
    run(1, 100_000, move |rig| async move {
        let others = rig.budget.charge(Kind::Half, 10 << 20);
        // The oldest frame of its kind may always go on.
        let (first, server) = rig.pair().await;
        let mut oldest = rig.reader(&server);
        let beginning = Slice::copy_of(&frame(&[1; 9000])[..5000]);
        first.send(vec![beginning]).await.expect("it is open");
        rig.runtime
            .spawn(async move { assert!(oldest.next().await.is_err()) });

        let (client, server) = rig.pair().await;
        let mut reader = rig.reader(&server);
        let read = rig
            .runtime
            .spawn_with_result(async move { reader.next().await });
        let whole = Slice::from(frame(&body(7, 9000)));
        client.send(vec![whole]).await.expect("it is open");
        rig.runtime.sleep(Duration::from_millis(300)).await;
        drop(others);
        let soon = rig.runtime.now().plus(Duration::from_millis(100));
        let read = rig.runtime.deadline(soon, read).await.expect("in time");
        assert!(read.expect("sound").expect("whole").bytes[..] == body(7, 9000)[..]);
        drop(first);
        rig.runtime.sleep(Duration::from_secs(1)).await;
    });
}

#[test]
fn memory_follows_the_bytes_not_what_was_announced() {
    run(1, 16 << 10, move |rig| async move {
        let mut clients = Vec::new();
        for length in [63 << 10, 100_000_000].repeat(50) {
            let (client, server) = rig.pair().await;
            let mut reader = rig.reader(&server);
            rig.runtime
                .spawn(async move { assert!(reader.next().await.is_err()) });
            let mut bytes = i32::to_be_bytes(length).to_vec();
            bytes.extend_from_slice(&[7; 1000]);
            client
                .send(vec![Slice::from(bytes)])
                .await
                .expect("it is open");
            clients.push(client);
        }
        rig.runtime.sleep(Duration::from_secs(1)).await;
        let used = rig.budget.used();
        assert!(used >= 100 * 1000, "{used} bytes are charged");
        assert!(used <= 50 * (8 << 10) + 50 * 1000, "{used} bytes");
        drop(clients);
        rig.runtime.sleep(Duration::from_secs(1)).await;
    });
}

/// 6 of 8 MiB, then nothing, where all requests of the shard have 4 MiB.
#[test]
fn a_stalled_upload_holds_up_nobody_and_is_cut() {
    run(1, 128 << 10, move |rig| async move {
        let (staller, server) = rig.pair().await;
        let mut reader = rig.reader(&server);
        let began = rig.runtime.now();
        let cut = rig
            .runtime
            .spawn_with_result(async move { reader.next().await.err() });
        let mut bytes = (8i32 << 20).to_be_bytes().to_vec();
        bytes.resize(6 << 20, 1);
        staller
            .send(vec![Slice::from(bytes)])
            .await
            .expect("it is open");
        rig.runtime.sleep(Duration::from_secs(1)).await;
        assert!(rig.budget.used() > 5 << 20);
        for length in [10, 50_000, 1 << 20, 2 << 20] {
            let (client, server) = rig.pair().await;
            rig.send_and_close(client, frame(&body(0, length)));
            let mut reader = rig.reader(&server);
            let soon = rig.runtime.now().plus(Duration::from_secs(1));
            let read = rig.runtime.deadline(soon, reader.next()).await;
            let read = read.unwrap_or_else(|| panic!("{length} bytes wait"));
            assert!(read.expect("sound").is_some());
        }
        let cut = cut.await;
        let stood = rig.runtime.now().since(began);
        assert!(matches!(cut, Some(FrameError::Stalled { .. })), "{cut:?}");
        assert!(stood > Duration::from_secs(55), "{stood:?}");
        assert!(stood < Duration::from_secs(70), "{stood:?}");
    });
}

/// Frames that stand still make room for those that wait, in seconds.
#[test]
fn standing_still_is_cut_sooner_when_others_wait() {
    run(1, 128 << 10, move |rig| async move {
        let mut stallers = Vec::new();
        for _ in 0..3 {
            let (client, server) = rig.pair().await;
            let mut reader = rig.reader(&server);
            rig.runtime.spawn(async move {
                assert!(matches!(
                    reader.next().await,
                    Err(FrameError::Stalled { .. })
                ));
            });
            let mut bytes = (8i32 << 20).to_be_bytes().to_vec();
            bytes.resize(3 << 20, 1);
            rig.runtime.spawn(async move {
                let _ = client.send(vec![Slice::from(bytes)]).await;
                std::future::pending::<()>().await;
            });
            stallers.push(server);
        }
        rig.runtime.sleep(Duration::from_secs(1)).await;
        let (client, server) = rig.pair().await;
        rig.send_and_close(client, frame(&body(0, 2 << 20)));
        let mut reader = rig.reader(&server);
        let soon = rig.runtime.now().plus(Duration::from_secs(15));
        let read = rig.runtime.deadline(soon, reader.next()).await;
        assert!(read.expect("in time").expect("sound").is_some());
        rig.runtime.sleep(Duration::from_secs(70)).await;
    });
}

/// A byte every half minute is progress, however long the whole frame takes; no byte is not.
#[test]
fn slow_uploads_live_and_idle_clients_leave_in_time() {
    run(1, 16 << 10, move |rig| async move {
        let (client, server) = rig.pair().await;
        let inner = rig.runtime.clone();
        rig.runtime.spawn(async move {
            for piece in frame(&body(0, 40)).chunks(1) {
                let sent = client.send(vec![Slice::copy_of(piece)]).await;
                sent.expect("it is open");
                inner.sleep(Duration::from_secs(30)).await;
            }
            std::future::pending::<()>().await;
        });
        let mut reader = rig.reader(&server);
        let Frame { bytes, charge } = reader.next().await.expect("sound").expect("whole");
        assert_eq!(bytes[..], body(0, 40)[..]);
        drop(charge);
        assert!(rig.runtime.now().0 > 1200 * 1_000_000_000);
        let before = rig.runtime.now();
        assert!(reader.next().await.expect("sound").is_none());
        let idle = rig.runtime.now().since(before);
        assert!(idle >= Duration::from_secs(599), "{idle:?}");
        assert!(idle < Duration::from_secs(640), "{idle:?}");
    });
}

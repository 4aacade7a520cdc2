//! Question:  how long does a parcel take to another core and back?
//! Budget:    both looking: <= 0.5 us; both asleep: two wakes by MSG_RING, 40–50 us each.
//! Workload:  two threads on two cores pass one boxed number back and forth; with a pause that
//!            lets the peer fall asleep, and without.
//! Prints:    round-trip percentiles per way of waiting, and of the standard library's channel.

use crate::Size;
use crate::measure::{Latencies, now, pin};
use ottla::io::uring::{Profile, RingSeed, Settings, open_all};
use ottla::io::{Io, Op, Outcome, PeerId, Token};
use std::time::Duration;

pub fn run(size: &Size) {
    let looking = Profile::SpinThenPark(Duration::from_micros(20));
    doors(size, "doors, look 20 us", looking);
    doors(size, "doors, park", Profile::Park);
    doors(size, "doors, spin", Profile::Spin);
    channel(size);
    #[cfg(feature = "peers")]
    tokio_channel(size);
}

fn report(name: &str, mut latencies: Latencies) {
    println!("cross    {name:<20} {}", latencies.line());
}

fn doors(size: &Size, name: &str, profile: Profile) {
    let settings = Settings {
        profile,
        ..Settings::default()
    };
    let mut seeds = open_all(2, settings).expect("io_uring is there");
    let answering = seeds.pop().expect("two were asked for");
    let asking = seeds.pop().expect("two were asked for");
    let span = size.span;
    let thread = std::thread::spawn(move || {
        pin(1);
        answer(answering);
    });
    let latencies = std::thread::spawn(move || {
        pin(0);
        ask(asking, span)
    });
    let latencies = latencies.join().expect("the asking thread ends");
    thread.join().expect("the answering thread ends");
    report(name, latencies);
}

/// Sends `true` and times its return; `false` ends the peer.
fn ask(seed: RingSeed, span: Duration) -> Latencies {
    let mut door = seed.open().expect("io_uring is there");
    door.submit(Token(0), Op::Inbox);
    let mut latencies = Latencies::default();
    let mut done = Vec::new();
    let end = now() + span;
    loop {
        let start = now();
        let more = start < end || latencies.len() == 0;
        let parcel = Box::new(more);
        door.submit(
            Token(1),
            Op::Post {
                to: PeerId(1),
                parcel,
            },
        );
        if !more {
            // Delivers the wake; nothing comes back.
            let at = door.now();
            door.turn(Some(at), &mut done);
            return latencies;
        }
        let mut back = false;
        while !back {
            door.turn(None, &mut done);
            back = done
                .drain(..)
                .any(|completion| matches!(completion.outcome, Outcome::Arrived { .. }));
        }
        latencies.add(start.elapsed());
    }
}

fn answer(seed: RingSeed) {
    let mut door = seed.open().expect("io_uring is there");
    door.submit(Token(0), Op::Inbox);
    let mut done = Vec::new();
    loop {
        door.turn(None, &mut done);
        for completion in done.drain(..) {
            let Outcome::Arrived { from, parcel } = completion.outcome else {
                continue;
            };
            if parcel.downcast_ref::<bool>() == Some(&false) {
                return;
            }
            door.submit(Token(1), Op::Post { to: from, parcel });
        }
    }
}

fn channel(size: &Size) {
    let (to_peer, inbox) = std::sync::mpsc::sync_channel::<bool>(1);
    let (to_us, replies) = std::sync::mpsc::sync_channel::<bool>(1);
    let thread = std::thread::spawn(move || {
        pin(1);
        while let Ok(parcel) = inbox.recv() {
            if to_us.send(parcel).is_err() {
                return;
            }
        }
    });
    let span = size.span;
    let asking = std::thread::spawn(move || {
        pin(0);
        let mut latencies = Latencies::default();
        let end = now() + span;
        while now() < end {
            let start = now();
            if to_peer.send(true).is_err() || replies.recv().is_err() {
                break;
            }
            latencies.add(start.elapsed());
        }
        latencies
    });
    let latencies = asking.join().expect("the asking thread ends");
    thread.join().expect("the answering thread ends");
    report("std channel", latencies);
}

#[cfg(feature = "peers")]
fn tokio_channel(size: &Size) {
    use tokio::runtime::Builder;
    use tokio::sync::mpsc;
    let (to_peer, mut inbox) = mpsc::channel::<bool>(1);
    let (to_us, mut replies) = mpsc::channel::<bool>(1);
    let thread = std::thread::spawn(move || {
        pin(1);
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async move {
            while let Some(parcel) = inbox.recv().await {
                if to_us.send(parcel).await.is_err() {
                    return;
                }
            }
        });
    });
    let span = size.span;
    let asking = std::thread::spawn(move || {
        pin(0);
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async move {
            let mut latencies = Latencies::default();
            let end = now() + span;
            while now() < end {
                let start = now();
                if to_peer.send(true).await.is_err() || replies.recv().await.is_none() {
                    break;
                }
                latencies.add(start.elapsed());
            }
            latencies
        })
    });
    let latencies = asking.join().expect("the asking thread ends");
    thread.join().expect("the answering thread ends");
    report("tokio channel", latencies);
}

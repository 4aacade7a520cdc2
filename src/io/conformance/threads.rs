//! Parcels, work, clocks and wakes.
//!
//! Room:       `io`, tests only.
//! Called by:  `conformance!`.
//! Never:      knows which opener it stands before.

use super::*;

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

//! The ring before the conformance suite, with all its features and with the oldest, and what
//! only it has: threads that sleep, signals, Unix sockets.

use super::*;
use crate::io::conformance::Fixture;
use crate::io::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

fn directory(name: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unique = format!("ottla-io-{}-{number}-{name}", std::process::id());
    let path = std::env::temp_dir().join(unique);
    std::fs::create_dir_all(&path).unwrap();
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
}

mod full {
    crate::conformance!(super::Newest);
}

mod oldest {
    crate::conformance!(super::Oldest);
}

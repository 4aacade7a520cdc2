//! A simulated world behind the same door: disks, network, clock, from one seed.
//!
//! Room:       `sim`, world, door, disk, network; then scenarios, models, checker.
//! Called by:  `ottla-sim` and tests.
//! Calls:      everything.
//! Never:      is seen by any other room; draws on a real clock, disk, network or random source.
//!
//! ```text
//!   World ── Timeline: what happens next, ordered by (time, a draw from the seed)
//!     ├── Machine: disk (written and synced copies), clocks, one process with its doors
//!     ├── Network: streams between machines, links that can be cut
//!     └── Doors: operations in flight, completions that have come, a driver that takes turns
//! ```
//!
//! An operation takes effect when its latency has passed, and completes at that moment: until
//! then a kill or a power cut leaves any part of it.

#![forbid(unsafe_code)]

pub mod checker;
mod clients;
pub mod clock;
pub mod compaction;
#[cfg(test)]
mod coordinators;
pub mod disk;
mod door;
mod files;
mod mesh;
pub mod model;
#[cfg(test)]
mod moves;
mod network;
pub mod node;
#[cfg(test)]
mod one_node;
pub mod scenario;
pub mod seed;
pub mod storage;
mod storage_model;
mod stream;
#[cfg(test)]
mod tests;
mod trace;
#[cfg(test)]
mod transactions;
mod whole;
pub mod wire;
pub mod workload;
mod world;

pub use disk::{Disk, Fault, FaultKind, Faults};
pub use network::{Network, NetworkFaults};
pub use seed::{Rng, Seeds};
pub use trace::Trace;
pub use world::{DoorKey, Driver, MachineId, Pace, World};

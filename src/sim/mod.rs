//! A simulated world behind the same door: disks, network, clock, from one seed.
//!
//! Room:       `sim`, world, disk, network, workload, model, checker.
//! Called by:  `ottla-sim` and tests.
//! Calls:      everything.
//! Never:      is seen by any other room.

#![forbid(unsafe_code)]

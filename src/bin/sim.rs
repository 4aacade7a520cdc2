//! `ottla-sim`, the simulator's front door: one seed in, one verdict out.

fn main() {}

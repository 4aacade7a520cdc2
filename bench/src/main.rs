//! Micro benches and yardsticks: the same small work on our ring and on others.

fn main() {}

//! Question:  what does the checksum of a record batch cost, and that of a patched header?
//! Budget:    >= 20 GB/s on large batches: folding eats 16 to 64 bytes a cycle, memory is the
//! limit.
//! Workload:  buffers of 64 B to 1 MiB, the same bytes each time, so from the cache.
//! Prints:    GB/s and ns per size, and a hash of the results, so nobody optimises the work away.

use crate::Size;
use crate::measure::repeat;
use ottla_protocol::record_batch::{combine, crc32c};
use std::hint::black_box;

pub fn run(size: &Size) {
    let bytes: Vec<u8> = (0..1usize << 20)
        .map(|at| (at * 31 + at / 997) as u8)
        .collect();
    let mut hash = 0u32;
    for length in [64, 1 << 10, 16 << 10, 128 << 10, 1 << 20] {
        let (count, elapsed) = repeat(size.span, || {
            hash = hash.rotate_left(1) ^ crc32c(black_box(&bytes[..length]));
        });
        let gb_per_s = (count * length as u64) as f64 / elapsed.as_nanos() as f64;
        let each = elapsed.as_nanos() as f64 / count as f64;
        println!("crc      {length:>8} B  {gb_per_s:6.1} GB/s  {each:9.1} ns");
    }
    let (count, elapsed) = repeat(size.span, || {
        hash ^= combine(black_box(hash), black_box(7), black_box(16 << 10));
    });
    let each = elapsed.as_nanos() as f64 / count as f64;
    println!("crc      combine             {each:9.1} ns");
    println!("crc      hash {:08x}", black_box(hash));
}

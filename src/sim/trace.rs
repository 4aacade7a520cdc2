//! A hash of everything that happened, by which two runs are compared.
//!
//! Room:       `sim`.
//! Called by:  `world`, `files`, `disk`; tests that run a seed twice.
//! Never:      holds addresses, real times or anything else that differs between runs.

use crate::io::Outcome;
use crate::protocol::record_batch::crc32c;

/// A running hash of what happened (FNV-1a over 64-bit words).
#[derive(Clone, Copy, Debug)]
pub struct Trace(u64);

impl Default for Trace {
    fn default() -> Trace {
        Trace(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    pub fn number(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }

    /// By their checksum: it is the one loop over bytes that is quick in a debug build, too.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.number(u64::from(crc32c(bytes)));
    }

    pub fn outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Failed(errno) => self.number(errno.0 as u64),
            Outcome::Received(slice) => self.bytes(slice),
            Outcome::Filled { into, result } => {
                self.number(match result {
                    Ok(count) => *count as u64,
                    Err(errno) => !(errno.0 as u64),
                });
                let filled = into.filled();
                let count = result.unwrap_or(0).min(filled.len());
                self.bytes(&filled[filled.len() - count..]);
            }
            _ => self.number(1),
        }
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}

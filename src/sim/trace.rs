//! A hash of everything that happened, by which two runs are compared.
//!
//! Room:       `sim`.
//! Called by:  `world`, `files`, `disk`; tests that run a seed twice.
//! Never:      holds addresses, real times or anything else that differs between runs.

use crate::io::Outcome;

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

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.number(u64::from(*byte));
        }
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
                self.bytes(into.filled());
            }
            _ => self.number(1),
        }
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}

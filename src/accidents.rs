//! Seeded damage to bytes: what the fuzzers of on-disk formats feed their parsers.
//!
//! Room:       every room's tests; nothing of it is in the broker.
//! Called by:  `cargo test`; `OTTLA_SEED` repeats a run, `OTTLA_FUZZ_ROUNDS` makes it longer.
//! Never:      draws from anything but its seed.

/// Makes damaged copies of sound bytes; the same seed makes the same ones.
pub struct Accidents(u64);

impl Accidents {
    /// Runs `try_one` with a damaged copy of one of `sound`, some thousand times.
    pub fn each(sound: &[Vec<u8>], mut try_one: impl FnMut(&[u8])) {
        let mut accidents = Accidents(number("OTTLA_SEED").unwrap_or(42).max(1));
        for round in 0..number("OTTLA_FUZZ_ROUNDS").unwrap_or(3_000) {
            let length = accidents.below(200);
            let bytes = match round % 16 {
                0 => accidents.noise(length),
                _ => accidents.damaged(&sound[round as usize % sound.len()]),
            };
            try_one(&bytes);
        }
    }

    /// Runs `try_one` with damaged text.
    pub fn each_text(sound: &[String], mut try_one: impl FnMut(&str)) {
        let bytes: Vec<Vec<u8>> = sound.iter().map(|text| text.clone().into_bytes()).collect();
        Self::each(&bytes, |bytes| try_one(&String::from_utf8_lossy(bytes)));
    }

    /// One to three accidents: bits, bytes that are borders, cuts, holes, noise, lengths that lie.
    fn damaged(&mut self, sound: &[u8]) -> Vec<u8> {
        const BORDERS: [u8; 10] = [0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'-', b'\n', b' '];
        let mut bytes = sound.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let kind = self.below(7);
            match (kind, bytes.get_mut(at)) {
                (0, Some(byte)) => *byte ^= 1 << self.below(8),
                (1, Some(byte)) => *byte = BORDERS[self.below(BORDERS.len())],
                (2, _) => bytes.truncate(at),
                (3, _) => {
                    let noise = self.noise(6);
                    bytes.splice(at..at, noise);
                }
                (4, _) => {
                    let end = at + self.below(bytes.len() - at + 1);
                    bytes.drain(at..end);
                }
                (5, _) => {
                    let lengths = [-1_i32, i32::MAX, i32::MIN, 1 << 16];
                    let length = lengths[self.below(lengths.len())].to_le_bytes();
                    let places = bytes.iter_mut().skip(at);
                    places.zip(length).for_each(|(byte, new)| *byte = new);
                }
                _ => bytes.extend_from_slice(&sound[self.below(sound.len())..]),
            }
        }
        bytes
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    /// xorshift64*: small, and the same everywhere.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

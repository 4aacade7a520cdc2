//! Seeded fuzzers of every decoder: golden bytes with accidents, and plain noise.
//!
//! Room:       `protocol`, tests only.
//! Called by:  `cargo test`; `OTTLA_SEED` repeats a run, `OTTLA_FUZZ_ROUNDS` makes it longer.
//! Never:      needs a nightly compiler or the network.
//!
//! Always true, whatever the bytes:
//!   - no panic, and no memory asked for beyond the budget of the message's length.
//!   - what was decoded can be encoded, and that decodes and encodes to the same bytes again.
//!   - the views of Produce and Fetch accept exactly what the generated structs accept.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fetch::FetchView;
use crate::golden::{Outcome, all, transcode};
use crate::header::RequestFrame;
use crate::messages::{FetchRequest, ProduceRequest};
use crate::primitive::{DecodeError, Reader};
use crate::produce::ProduceView;
use crate::records::group::GroupRecordKey;
use crate::records::metadata::MetadataRecord;
use crate::records::remote_log::RemoteLogRecord;
use crate::records::share::ShareRecordKey;
use crate::records::transaction::TransactionRecordKey;

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// One to three accidents.
    fn mutate(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => {
                    bytes[at] = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff][self.below(8)];
                }
                2 => bytes.truncate(at),
                3 => bytes.extend(self.noise(5)),
                4 => {
                    let noise = [1, 2, 4, 8][self.below(4)];
                    let noise = self.noise(noise);
                    bytes.splice(at..at, noise);
                }
                5 => {
                    let lengths = [-1_i32, -2, i32::MAX, i32::MIN, 1 << 16, bytes.len() as i32];
                    let length = lengths[self.below(6)].to_be_bytes();
                    bytes
                        .iter_mut()
                        .skip(at)
                        .zip(length)
                        .for_each(|(byte, new)| *byte = new);
                }
                6 => {
                    let end = at + self.below(bytes.len() - at + 1);
                    bytes.drain(at..end);
                }
                _ => bytes.extend(&other[self.below(other.len() + 1)..]),
            }
        }
        bytes
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Runs `check` and says what the bytes were when it fails.
fn judge(what: &str, bytes: &[u8], check: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(check)).is_err() {
        panic!("{what} with {bytes:02x?}");
    }
}

/// Decodes; what can be decoded must survive encode, decode, encode.
fn check(name: &str, version: i16, bytes: &[u8]) -> bool {
    match transcode(name, version, bytes) {
        Outcome::Same { .. } => true,
        Outcome::NotDecoded(_) => false,
        Outcome::Different(out) => {
            let again = transcode(name, version, &out);
            assert!(matches!(again, Outcome::Same { .. }), "{again:?}");
            true
        }
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn accidents_never_break_a_decoder() {
    let (seed, rounds) = (number("OTTLA_SEED", 1), number("OTTLA_FUZZ_ROUNDS", 40));
    println!("OTTLA_SEED={seed} OTTLA_FUZZ_ROUNDS={rounds}");
    let (golden, mut random) = (all(), Random(seed | 1));
    let (mut runs, mut decoded) = (0, 0);
    for line in &golden {
        for _ in 0..rounds {
            let other = &golden[random.below(golden.len())].bytes;
            let bytes = random.mutate(&line.bytes, other);
            judge(&format!("{} {}", line.name, line.version), &bytes, || {
                decoded += u64::from(check(line.name, line.version, &bytes));
            });
            runs += 1;
        }
    }
    assert!(
        decoded > runs / 50,
        "mutations too wild: {decoded} of {runs} decoded"
    );
}

#[test]
fn noise_never_breaks_a_decoder() {
    let (seed, rounds) = (number("OTTLA_SEED", 2), number("OTTLA_FUZZ_ROUNDS", 40));
    println!("OTTLA_SEED={seed} OTTLA_FUZZ_ROUNDS={rounds}");
    let mut random = Random(seed | 1);
    for line in all().iter().filter(|line| line.kind == "full") {
        for _ in 0..rounds {
            let length = random.below(200);
            let mut bytes = random.noise(length);
            if random.below(2) == 0 {
                bytes.iter_mut().for_each(|byte| *byte %= 4);
            }
            judge(&format!("{} {}", line.name, line.version), &bytes, || {
                check(line.name, line.version, &bytes);
            });
        }
    }
}

#[test]
fn views_accept_what_the_generated_structs_accept() {
    let (seed, rounds) = (
        number("OTTLA_SEED", 3),
        number("OTTLA_FUZZ_ROUNDS", 40) * 10,
    );
    println!("OTTLA_SEED={seed} OTTLA_FUZZ_ROUNDS={rounds}");
    let (golden, mut random) = (all(), Random(seed | 1));
    let is_hot = |name: &str| ["ProduceRequest", "FetchRequest"].contains(&name);
    for line in golden.iter().filter(|line| is_hot(line.name)) {
        for _ in 0..rounds {
            let other = &golden[random.below(golden.len())].bytes;
            let bytes = random.mutate(&line.bytes, other);
            judge(
                &format!("{} {}", line.name, line.version),
                &bytes,
                || match line.name {
                    "ProduceRequest" => compare_produce(&bytes, line.version),
                    _ => compare_fetch(&bytes, line.version),
                },
            );
        }
    }
}

fn compare_produce(bytes: &[u8], version: i16) {
    let (mut one, mut two) = (Reader::new(bytes), Reader::new(bytes));
    let view = ProduceView::decode(&mut one, version);
    let request = ProduceRequest::decode(&mut two, version);
    match (view, request) {
        (Ok(view), Ok(request)) => {
            assert_eq!(one.position(), two.position());
            let topics = &request.topic_data;
            let mut expected = topics.iter().flat_map(|topic| {
                topic
                    .partition_data
                    .iter()
                    .map(|data| (topic.name, data.index, data.records))
            });
            for part in view.partitions() {
                assert_eq!(
                    expected.next(),
                    Some((part.topic.name, part.index, part.records))
                );
                assert_eq!(&bytes[part.range], part.records.unwrap_or_default());
            }
            assert_eq!(expected.next(), None);
        }
        (Ok(_), Err(DecodeError::AllocationTooLarge { .. })) => (),
        (view, request) => assert_eq!(view.is_ok(), request.is_ok(), "{view:?} {request:?}"),
    }
}

fn compare_fetch(bytes: &[u8], version: i16) {
    let (mut one, mut two) = (Reader::new(bytes), Reader::new(bytes));
    let view = FetchView::decode(&mut one, version);
    let request = FetchRequest::decode(&mut two, version);
    match (view, request) {
        (Ok(view), Ok(request)) => {
            assert_eq!(one.position(), two.position());
            let of = |topic: &crate::messages::fetch::FetchTopic| topic.partitions.clone();
            let expected: Vec<_> = request.topics.iter().flat_map(of).collect();
            let seen: Vec<_> = view.partitions().map(|(_, partition)| partition).collect();
            assert_eq!(seen, expected);
            let forgotten = &request.forgotten_topics_data;
            let expected = forgotten
                .iter()
                .flat_map(|topic| topic.partitions.iter().copied());
            assert!(view.forgotten().map(|(_, index)| index).eq(expected));
        }
        (Ok(_), Err(DecodeError::AllocationTooLarge { .. })) => (),
        (view, request) => assert_eq!(view.is_ok(), request.is_ok(), "{view:?} {request:?}"),
    }
}

#[test]
fn frames_and_record_frames_survive_noise() {
    let (seed, rounds) = (
        number("OTTLA_SEED", 4),
        number("OTTLA_FUZZ_ROUNDS", 40) * 500,
    );
    println!("OTTLA_SEED={seed} OTTLA_FUZZ_ROUNDS={rounds}");
    let (golden, mut random) = (all(), Random(seed | 1));
    for _ in 0..rounds {
        let tail = &golden[random.below(golden.len())].bytes;
        let mut bytes = vec![0, random.below(100) as u8, 0, random.below(16) as u8];
        bytes.extend(random.mutate(tail, &[]));
        let mut framed = bytes.clone();
        framed[0] = 1;
        judge("frame", &bytes, || {
            let _ = RequestFrame::decode(&bytes);
            if let Ok(key) = GroupRecordKey::decode(&bytes) {
                let _ = key.decode_value(Some(tail));
            }
            let _ = ShareRecordKey::decode(&bytes);
            let _ = TransactionRecordKey::decode(&bytes);
            let _ = MetadataRecord::decode(&framed);
            let _ = RemoteLogRecord::decode(&framed);
        });
    }
}

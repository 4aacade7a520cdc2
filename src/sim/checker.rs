//! Compares what a broker serves with what clients were promised.
//!
//! Room:       `sim`.
//! Called by:  `workload`, on every answer and after every recovery.
//! Never:      excuses anything: what is wrong ends the run.
//!
//! What holds of every partition, always:
//!   - batches lie back to back, whole, with right checksums, each one that a client sent, none
//!     twice, a producer's in the order of their numbers without gap, others in the order in
//!     which their connection carried them.
//!   - what was promised is where it was promised, if the crash was one it should survive; also
//!     if it was not, unless the whole end of the log is gone.
//!   - what was not there after one recovery is not there after the next one.
//!   - a batch whose bytes rotted answers an error, or is cut off where the log ends; no other
//!     batch suffers from it.

use super::model::{Level, Model};
use crate::ids::Offset;
use crate::map::Map;
use crate::protocol::record_batch::Batches;

/// How the life before this one ended, from bad to worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    Clean,
    Kill,
    PowerCut,
}

impl Ending {
    /// The least that survives it.
    fn kept(self) -> Level {
        match self {
            Ending::Clean => Level::Memory,
            Ending::Kill => Level::Written,
            Ending::PowerCut => Level::Synced,
        }
    }
}

/// A batch as it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    pub id: usize,
    pub base: Offset,
    pub next: Offset,
}

impl Model {
    /// Takes the bytes of one fetch apart: whole batches in order, each of them known. `from` is
    /// what was asked for: the first batch holds it, unless nothing was served.
    pub fn parse_served(&self, partition: usize, from: Offset, bytes: &[u8]) -> Vec<Served> {
        let mut served: Vec<Served> = Vec::new();
        for batch in Batches::new(bytes) {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => panic!("partition {partition}: a torn batch was served: {error:?}"),
            };
            assert!(
                batch.crc_is_valid(),
                "partition {partition}: a wrong checksum at {}",
                batch.header.base_offset
            );
            let Some(id) = self.identify(batch.bytes) else {
                panic!(
                    "partition {partition}: nobody sent what is at {}",
                    batch.header.base_offset
                );
            };
            let sent = &self.batches[id];
            assert_eq!(
                sent.partition, partition,
                "batch {id} is of another partition"
            );
            assert!(
                !sent.dead,
                "partition {partition}: batch {id} at {} was gone after an earlier recovery",
                batch.header.base_offset
            );
            let base = Offset(batch.header.base_offset);
            let next = Offset(batch.header.next_offset());
            match served.last() {
                Some(last) => assert_eq!(last.next, base, "partition {partition}: a gap"),
                None => assert!(
                    base <= from && from < next,
                    "partition {partition}: asked for {from}, served {base}..{next}"
                ),
            }
            served.push(Served { id, base, next });
        }
        served
    }

    /// A consumer has read these: from now on they must be where it saw them.
    pub fn observe(&mut self, served: &[Served]) {
        for one in served {
            let level = self.batches[one.id].seen;
            self.promise(one.id, one.base, level);
        }
        self.fetched += served.len() as u64;
    }

    /// Holds a partition's whole log, as it is after a start, against all promises.
    pub fn check_log(
        &mut self,
        partition: usize,
        log_start: Offset,
        log_end: Offset,
        served: &[Served],
        ending: Ending,
    ) {
        let promised_start = self.log_start[partition];
        assert!(
            log_start >= promised_start,
            "partition {partition}: deleted records are back, {log_start} < {promised_start}"
        );
        let mut end = served.last().map_or(log_start, |last| last.next);
        while end < log_end
            && let Some(behind) = self.behind_rotten(partition, end)
        {
            end = behind;
        }
        assert_eq!(end, log_end, "partition {partition}: the end is not served");
        self.check_order(partition, served);
        let present: Map<usize, Offset> = served.iter().map(|one| (one.id, one.base)).collect();
        let mut numbered_lost = false;
        for (id, sent) in self.batches.iter_mut().enumerate() {
            if sent.partition != partition {
                continue;
            }
            match (present.get(&id), sent.promised) {
                (Some(base), Some((promised, _))) => assert_eq!(
                    *base, promised,
                    "partition {partition}: batch {id} has moved"
                ),
                // Recovery syncs before it serves: from here on it is there for good.
                (Some(_), None) => {}
                (None, Some((base, level))) => {
                    let deleted = base.plus(i64::from(sent.records)) <= log_start;
                    let may_be_lost = level < ending.kept() && base >= log_end;
                    assert!(
                        deleted || may_be_lost || sent.rotten,
                        "partition {partition}: batch {id}, promised as {level:?} at {base}, is \
                         gone after {ending:?}; the log is {log_start}..{log_end}"
                    );
                    if sent.rotten && base < log_end {
                        continue;
                    }
                    if !deleted {
                        sent.promised = None;
                        numbered_lost |= sent.producer.is_some();
                    }
                    sent.dead = true;
                }
                (None, None) => sent.dead = true,
            }
        }
        for one in served {
            self.promise(one.id, one.base, Level::Synced);
        }
        if numbered_lost {
            self.producers[partition].begin_anew();
        }
    }

    /// Where the rotten batch ends that holds `offset`.
    pub fn behind_rotten(&self, partition: usize, offset: Offset) -> Option<Offset> {
        let rotten = self.batches.iter().filter(|sent| sent.rotten);
        rotten
            .filter(|sent| sent.partition == partition)
            .filter_map(|sent| Some((sent.promised?.0, i64::from(sent.records))))
            .map(|(base, records)| (base, base.plus(records)))
            .find(|(base, next)| *base <= offset && offset < *next)
            .map(|(_, next)| next)
    }

    fn check_order(&self, partition: usize, served: &[Served]) {
        // By stream, and by producer: what lies nearest before.
        let mut last_plain: Map<u64, usize> = Map::default();
        let mut next_sequence: Map<(i64, i16), i32> = Map::default();
        for one in served {
            let sent = &self.batches[one.id];
            match sent.producer {
                Some((producer, epoch, sequence)) => {
                    let next = sequence + sent.records;
                    if let Some(expected) = next_sequence.insert((producer, epoch), next) {
                        assert_eq!(
                            sequence, expected,
                            "partition {partition}: batch {} is out of its producer's order",
                            one.id
                        );
                    }
                }
                None => {
                    let before = last_plain.insert(sent.stream, one.id);
                    assert!(
                        before < Some(one.id),
                        "partition {partition}: batch {} is twice there or out of order",
                        one.id
                    );
                }
            }
        }
    }
}

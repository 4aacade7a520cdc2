//! Files beside a segment: offset, time and transaction index, producer snapshot.
//!
//! Room:       `cli::log`.
//! Called by:  `log dump`, `log verify`.
//! Calls:      `log` for the formats.
//! Never:      holds an index right without looking into its segment.

use super::Dump;
use super::batches::{refuse, walk};
use crate::cli::output::{Refusal, note};
use crate::ids::Offset;
use crate::log::ProducerState;
use crate::log::index::{self, offset::OffsetEntry, time::TimeEntry};
use crate::log::layout::FileKind;
use crate::protocol::record_batch::{BATCH_HEADER_BYTES, BatchHeader};
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What stands in an index and not in its segment, in the words of Kafka's tool.
#[derive(Debug, Default)]
pub struct Mismatches(Vec<String>);

/// Prints one of these files.
pub fn dump(
    dump: &Dump,
    path: &Path,
    base: i64,
    kind: FileKind,
    out: &mut impl Write,
) -> Result<(), Refusal> {
    let bytes = std::fs::read(path).map_err(|error| refuse(path, error))?;
    let mut rows = Vec::new();
    let mismatches = match kind {
        FileKind::OffsetIndex => {
            let (entries, sane) = index::offset::parse(&bytes, u64::MAX);
            if entries.is_empty() && !dump.json {
                let _ = writeln!(out, "{} is empty.", path.display());
                return Ok(());
            }
            if dump.index_sanity_check {
                return sanity(path, sane, out);
            }
            rows.extend(entries.iter().map(|entry| {
                let offset = base + i64::from(entry.relative_offset);
                let position = entry.position;
                Row {
                    text: format!("offset: {offset} position: {position}"),
                    json: json!({ "offset": offset, "position": position }),
                }
            }));
            offset_mismatches(path, base, &entries)?
        }
        FileKind::TimeIndex => {
            let (entries, sane) = index::time::parse(&bytes);
            if dump.index_sanity_check {
                return sanity(path, sane, out);
            }
            rows.extend(entries.iter().map(|entry| {
                let offset = base + i64::from(entry.relative_offset);
                let timestamp = entry.timestamp;
                Row {
                    text: format!("timestamp: {timestamp} offset: {offset}"),
                    json: json!({ "timestamp": timestamp, "offset": offset }),
                }
            }));
            time_mismatches(path, base, &entries)?
        }
        FileKind::TransactionIndex => {
            rows = transaction_rows(&bytes);
            Mismatches::default()
        }
        FileKind::ProducerSnapshot => {
            let state = ProducerState::decode(&bytes).map_err(|error| refuse(path, error))?;
            rows = producer_rows(&state);
            Mismatches::default()
        }
        FileKind::Log => unreachable!("a segment is dumped batch by batch"),
    };
    let only_verify =
        dump.verify_index_only && matches!(kind, FileKind::OffsetIndex | FileKind::TimeIndex);
    for row in rows.iter().filter(|_| !only_verify) {
        let _ = match dump.json {
            true => writeln!(out, "{}", row.json),
            false => writeln!(out, "{}", row.text),
        };
    }
    mismatches.0.iter().for_each(note);
    Ok(())
}

/// A line of a file, for eyes and for programs.
struct Row {
    text: String,
    json: serde_json::Value,
}

fn sanity(path: &Path, sane: bool, out: &mut impl Write) -> Result<(), Refusal> {
    if !sane {
        return Err(refuse(path, "the entries do not rise; it will be rebuilt"));
    }
    let _ = writeln!(out, "{} passed sanity check.", path.display());
    Ok(())
}

fn transaction_rows(bytes: &[u8]) -> Vec<Row> {
    let (entries, _) = index::transaction::parse(bytes, Offset(0), Offset(i64::MAX));
    let rows = entries.iter().map(|entry| {
        let (producer, first) = (entry.producer_id, entry.first_offset.0);
        let (last, stable) = (entry.last_offset.0, entry.last_stable_offset.0);
        Row {
            text: format!(
                "version: 0 producerId: {producer} firstOffset: {first} lastOffset: {last} \
                 lastStableOffset: {stable}"
            ),
            json: json!({
                "producerId": producer, "firstOffset": first, "lastOffset": last,
                "lastStableOffset": stable,
            }),
        }
    });
    rows.collect()
}

fn producer_rows(state: &ProducerState) -> Vec<Row> {
    let rows = state.entries().into_iter().map(|(id, entry)| {
        let first = entry.transaction_first_offset.map(|first| first.0);
        let open = match first {
            Some(first) => format!("OptionalLong[{first}]"),
            None => "OptionalLong.empty".to_owned(),
        };
        let mut text = format!(
            "producerId: {id} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {open} \
             lastTimestamp: {} ",
            entry.producer_epoch, entry.coordinator_epoch, entry.last_timestamp
        );
        let last = entry.batches.last();
        if let Some(batch) = last {
            text += &format!(
                "firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                batch.first_sequence(),
                batch.last_sequence,
                batch.last_offset.0,
                batch.offset_delta,
                batch.timestamp
            );
        }
        Row {
            text,
            json: json!({
                "producerId": id, "producerEpoch": entry.producer_epoch,
                "coordinatorEpoch": entry.coordinator_epoch, "currentTxnFirstOffset": first,
                "lastTimestamp": entry.last_timestamp,
                "lastSequence": last.map(|batch| batch.last_sequence),
                "lastOffset": last.map(|batch| batch.last_offset.0),
            }),
        }
    });
    rows.collect()
}

/// The header of the batch at `position` of the segment beside an index.
fn batch_at(segment: &File, position: u64) -> Option<BatchHeader> {
    let mut bytes = [0; BATCH_HEADER_BYTES];
    segment.read_exact_at(&mut bytes, position).ok()?;
    BatchHeader::parse(&bytes).ok()
}

fn segment_of(path: &Path) -> Result<File, Refusal> {
    let segment = path.with_extension("log");
    File::open(&segment).map_err(|error| refuse(&segment, error))
}

/// Entries that do not stand for the batch they point at.
pub fn offset_mismatches(
    path: &Path,
    base: i64,
    entries: &[OffsetEntry],
) -> Result<Mismatches, Refusal> {
    let segment = segment_of(path)?;
    let mut lines = Vec::new();
    for entry in entries {
        let offset = base + i64::from(entry.relative_offset);
        let found = batch_at(&segment, u64::from(entry.position));
        let found = found.map_or(-1, |header| header.last_offset());
        if found != offset {
            if lines.is_empty() {
                lines.push(format!("Mismatches in :{}", path.display()));
            }
            lines.push(format!("  Index offset: {offset}, log offset: {found}"));
        }
    }
    Ok(Mismatches(lines))
}

/// Entries whose offset or time is not that of the batch they stand for.
pub fn time_mismatches(
    path: &Path,
    base: i64,
    entries: &[TimeEntry],
) -> Result<Mismatches, Refusal> {
    let mut batches: Vec<(i64, i64)> = Vec::new();
    let segment = path.with_extension("log");
    walk(&segment, u64::MAX, |batch, _| {
        batches.push((batch.header.last_offset(), batch.header.max_timestamp));
    })?;
    let (mut times, mut order, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = -1;
    for entry in entries {
        let offset = base + i64::from(entry.relative_offset);
        let at = batches.partition_point(|(last, _)| *last < offset);
        match batches.get(at) {
            Some((last, timestamp)) if *last == offset => {
                if *timestamp != entry.timestamp {
                    let index = entry.timestamp;
                    times.push(format!(
                        "  Index timestamp: {index}, log timestamp: {timestamp}"
                    ));
                }
                if before >= entry.timestamp {
                    let index = entry.timestamp;
                    order.push(format!(
                        "  Index timestamp: {index}, Previously indexed timestamp: {before}"
                    ));
                }
            }
            found => {
                let found = found.map_or(-1, |(last, _)| *last);
                offsets.push(format!(
                    "Indexed offset: {offset}, found log offset: {found}"
                ));
            }
        }
        before = entry.timestamp;
    }
    let shown = path.display();
    let mut lines = Vec::new();
    for (head, found) in [
        (format!("Found timestamp mismatch in :{shown}"), times),
        (format!("Found out of order timestamp in :{shown}"), order),
        (
            "The following indexed offsets are not found in the log.".to_owned(),
            offsets,
        ),
    ] {
        if !found.is_empty() {
            lines.push(head);
            lines.extend(found);
        }
    }
    Ok(Mismatches(lines))
}

/// How many entries one of these files has, and the first thing that is wrong with it.
pub fn check(path: &Path, base: i64, kind: FileKind) -> Result<(u64, Option<String>), Refusal> {
    let bytes = std::fs::read(path).map_err(|error| refuse(path, error))?;
    let insane = |sane: bool| (!sane).then(|| "the entries do not rise".to_owned());
    let (count, wrong, mismatches) = match kind {
        FileKind::OffsetIndex => {
            let (entries, sane) = index::offset::parse(&bytes, u64::MAX);
            let found = offset_mismatches(path, base, &entries)?;
            (entries.len(), insane(sane), found)
        }
        FileKind::TimeIndex => {
            let (entries, sane) = index::time::parse(&bytes);
            let found = time_mismatches(path, base, &entries)?;
            (entries.len(), insane(sane), found)
        }
        FileKind::TransactionIndex => {
            let (entries, sane) = index::transaction::parse(&bytes, Offset(base), Offset(i64::MAX));
            (entries.len(), insane(sane), Mismatches::default())
        }
        FileKind::ProducerSnapshot => match ProducerState::decode(&bytes) {
            Ok(state) => (state.len(), None, Mismatches::default()),
            Err(error) => (0, Some(error.to_string()), Mismatches::default()),
        },
        FileKind::Log => unreachable!("a segment is checked batch by batch"),
    };
    let mismatch = mismatches.0.get(1).map(|line| line.trim().to_owned());
    Ok((count as u64, wrong.or(mismatch)))
}

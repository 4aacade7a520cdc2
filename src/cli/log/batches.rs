//! Files of record batches, batch by batch, and how they are printed.
//!
//! Room:       `cli::log`.
//! Called by:  `log dump`, `log verify`.
//! Calls:      `protocol::record_batch`; `decode` for what records of internal logs say.
//! Never:      trusts a length in a file.

use super::Dump;
use super::decode::{Decoder, control};
use crate::cli::output::{Outcome, Refusal, note};
use crate::protocol::record_batch::{
    BATCH_HEADER_BYTES, Batch, BatchHeader, Compression, Record, Records, TimestampType, decompress,
};
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

/// What a file turned out to be.
#[derive(Debug, Default)]
pub struct Checked {
    pub batches: u64,
    pub records: u64,
    /// The first thing that is wrong: where, and what.
    pub damage: Option<(u64, String)>,
}

/// The most that a batch may become when looked into.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

/// Prints a whole file of batches; true when it is damaged.
pub fn dump(dump: &Dump, path: &Path, out: &mut impl Write) -> Result<bool, Refusal> {
    let decoder = dump.decoder()?;
    let deep = dump.deep_iteration || decoder.is_some();
    let mut last_offset = None;
    let mut jumps = Vec::new();
    let checked = walk(path, dump.max_bytes, |batch, position| {
        if dump.json {
            let _ = writeln!(out, "{}", as_json(batch, position));
        } else {
            let _ = writeln!(out, "{}", as_text(batch, position));
        }
        if !deep || dump.json {
            return;
        }
        let shown = with_records(batch, |record| {
            let offset = batch.header.base_offset + i64::from(record.offset_delta);
            if let Some(last) = last_offset.replace(offset)
                && offset != last + 1
            {
                jumps.push((last, offset));
            }
            let _ = writeln!(
                out,
                "{}",
                record_text(dump, decoder.as_ref(), batch, record)
            );
        });
        if let Err(what) = shown {
            let _ = writeln!(out, "{what}");
        }
    })?;
    if !jumps.is_empty() {
        note(format_args!(
            "Non-consecutive offsets in {}",
            path.display()
        ));
        for (before, after) in jumps {
            note(format_args!("  {before} is followed by {after}"));
        }
    }
    if let Some((position, what)) = &checked.damage {
        if !dump.json {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let _ = writeln!(out, "{what} at the end of {name}");
            note(format_args!("the last whole batch ends at {position}"));
        }
        return Ok(true);
    }
    Ok(false)
}

fn as_json(batch: &Batch<'_>, position: u64) -> serde_json::Value {
    let header = &batch.header;
    json!({
        "baseOffset": header.base_offset, "lastOffset": header.last_offset(),
        "count": header.records_count, "producerId": header.producer_id,
        "producerEpoch": header.producer_epoch, "baseSequence": header.base_sequence,
        "partitionLeaderEpoch": header.partition_leader_epoch,
        "isTransactional": header.attributes.is_transactional(),
        "isControl": header.attributes.is_control(), "position": position,
        "maxTimestamp": header.max_timestamp, "size": header.size(),
        "compression": codec(header), "crc": header.crc, "isValid": batch.crc_is_valid(),
    })
}

fn as_text(batch: &Batch<'_>, position: u64) -> String {
    let header = &batch.header;
    let last_sequence = if header.base_sequence < 0 {
        -1
    } else {
        header.last_sequence()
    };
    let horizon = match header.attributes.has_delete_horizon() {
        true => format!("OptionalLong[{}]", header.base_timestamp),
        false => "OptionalLong.empty".to_owned(),
    };
    format!(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {last_sequence} \
         producerId: {} producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: \
         {} deleteHorizonMs: {horizon} position: {position} {}: {} size: {} magic: 2 \
         compresscodec: {} crc: {} isvalid: {}",
        header.base_offset,
        header.last_offset(),
        header.records_count,
        header.base_sequence,
        header.producer_id,
        header.producer_epoch,
        header.partition_leader_epoch,
        header.attributes.is_transactional(),
        header.attributes.is_control(),
        time_name(header),
        header.max_timestamp,
        header.size(),
        codec(header),
        header.crc,
        batch.crc_is_valid(),
    )
}

fn record_text(
    dump: &Dump,
    decoder: Option<&Decoder>,
    batch: &Batch<'_>,
    record: &Record<'_>,
) -> String {
    let header = &batch.header;
    let mut line = String::from("|");
    if !dump.skip_record_metadata {
        line += &metadata_text(header, record);
        if header.attributes.is_control() {
            line += &control(record);
        }
    }
    if let (Some(decoder), false) = (decoder, header.attributes.is_control()) {
        let offset = header.base_offset + i64::from(record.offset_delta);
        let (key, payload) = decoder.read(offset, record.key, record.value);
        if let Some(key) = key {
            line += &format!(" key: {key}");
        }
        if let Some(payload) = payload {
            line += &format!(" payload: {payload}");
        }
    }
    // Of which there is nothing to tell, the line is empty.
    if line == "|" { String::new() } else { line }
}

fn metadata_text(header: &BatchHeader, record: &Record<'_>) -> String {
    let size = |bytes: Option<&[u8]>| bytes.map_or(-1, |bytes| bytes.len() as i64);
    let timestamp = match header.attributes.timestamp_type() {
        TimestampType::CreateTime => header.base_timestamp + record.timestamp_delta,
        TimestampType::LogAppendTime => header.max_timestamp,
    };
    let sequence = match header.base_sequence {
        -1 => -1,
        base => base.wrapping_add(record.offset_delta) & i32::MAX,
    };
    let keys: Vec<String> = record
        .headers
        .iter()
        .map(|header| String::from_utf8_lossy(header.key).into_owned())
        .collect();
    format!(
        " offset: {} {}: {timestamp} keySize: {} valueSize: {} sequence: {sequence} headerKeys: \
         [{}]",
        header.base_offset + i64::from(record.offset_delta),
        time_name(header),
        size(record.key),
        size(record.value),
        keys.join(","),
    )
}

/// Reads batch after batch of the first `bytes_max` bytes. Zeros to the end are the tail of an
/// open segment, not damage.
pub fn walk(
    path: &Path,
    bytes_max: u64,
    mut see: impl FnMut(&Batch<'_>, u64),
) -> Result<Checked, Refusal> {
    let file = File::open(path).map_err(|error| refuse(path, error))?;
    let whole = file.metadata().map_err(|error| refuse(path, error))?.len();
    let length = whole.min(bytes_max);
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut checked = Checked::default();
    let mut position = 0;
    let mut bytes = Vec::new();
    while position < length {
        let left = length - position;
        bytes.resize(left.min(BATCH_HEADER_BYTES as u64) as usize, 0);
        reader
            .read_exact(&mut bytes)
            .map_err(|error| refuse(path, error))?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(checked);
        }
        let header = match BatchHeader::parse(&bytes) {
            Ok(header) if header.size() as u64 <= left => header,
            // What was cut off was asked for.
            _ if length < whole => return Ok(checked),
            _ => {
                checked.damage = Some((position, format!("Found {left} invalid bytes")));
                return Ok(checked);
            }
        };
        bytes.resize(header.size(), 0);
        let rest = &mut bytes[BATCH_HEADER_BYTES..];
        reader
            .read_exact(rest)
            .map_err(|error| refuse(path, error))?;
        if let Ok(batch) = Batch::parse(&bytes) {
            see(&batch, position);
        }
        checked.batches += 1;
        checked.records += u64::from(header.records_count.unsigned_abs());
        position += header.size() as u64;
    }
    Ok(checked)
}

/// The records of a batch, decompressed.
pub fn with_records(batch: &Batch<'_>, mut see: impl FnMut(&Record<'_>)) -> Result<(), String> {
    let codec = batch
        .header
        .attributes
        .codec()
        .map_err(|id| format!("codec {id} is unknown"))?;
    let mut plain = Vec::new();
    let bytes = match codec {
        Compression::None => batch.records_bytes(),
        codec => {
            decompress(
                codec,
                batch.records_bytes(),
                DECOMPRESSED_BYTES_MAX,
                &mut plain,
            )
            .map_err(|error| error.to_string())?;
            &plain
        }
    };
    for record in Records::new(bytes, batch.header.records_count) {
        see(&record.map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// Reads a whole file of batches and judges it.
pub fn check(path: &Path) -> Result<Checked, Refusal> {
    let mut next_offset = None;
    let mut disorder = None;
    let mut bad = None;
    let mut checked = walk(path, u64::MAX, |batch, position| {
        if next_offset.is_some_and(|next| batch.header.base_offset < next) {
            disorder.get_or_insert(position);
        }
        next_offset = Some(batch.header.next_offset());
        if !batch.crc_is_valid() {
            bad.get_or_insert((position, "wrong checksum".to_owned()));
        } else if let Err(what) = with_records(batch, |_| {}) {
            bad.get_or_insert((position, what));
        }
    })?;
    let disorder = disorder.map(|position| (position, "offsets run backwards".to_owned()));
    checked.damage = bad.or(disorder).or(checked.damage);
    Ok(checked)
}

fn codec(header: &BatchHeader) -> &'static str {
    header
        .attributes
        .codec()
        .map_or("unknown", Compression::name)
}

fn time_name(header: &BatchHeader) -> &'static str {
    match header.attributes.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    }
}

/// One line about a file.
pub fn refuse(path: &Path, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(format_args!("{}: {reason}", path.display()))
}

/// What is wrong with files, as the end of a tool.
pub fn damaged(files: &[String]) -> Outcome {
    match files {
        [] => Ok(()),
        files => Err(Refusal::new(format_args!("damaged: {}", files.join(", ")))),
    }
}

//! `ottla log`: prints and checks the files of a log dir, as `kafka-dump-log` does.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `log` for the formats of its files; reads them itself.
//! Never:      changes a file, trusts a length in one, or needs a broker.

use super::output::{Outcome, Refusal};
use crate::log::index;
use crate::log::layout::{FileKind, FileName};
use crate::protocol::record_batch::{
    BATCH_HEADER_BYTES, Batch, BatchHeader, Compression, Record, Records, TimestampType, decompress,
};
use crate::protocol::records::metadata::MetadataRecord;
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The commands of `ottla log`.
#[derive(clap::Args, Debug)]
pub struct Log {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Prints batches, records and index entries.
    Dump(Dump),
    /// Reads everything and says what is damaged; exits 1 when something is.
    Verify {
        /// Files, partition folders or log dirs.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Print each file as one line of JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args, Debug)]
struct Dump {
    /// Files to print: .log, .index, .timeindex; separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    files: Vec<PathBuf>,
    /// Print keys and values of records.
    #[arg(long)]
    print_data_log: bool,
    /// Look inside batches, compressed ones too.
    #[arg(long)]
    deep_iteration: bool,
    /// Read records as those of the metadata log.
    #[arg(long)]
    cluster_metadata_decoder: bool,
    /// Print each batch as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What a file turned out to be.
#[derive(Debug, Default)]
struct Checked {
    batches: u64,
    records: u64,
    /// The first thing that is wrong: where, and what.
    damage: Option<(u64, String)>,
}

/// The most that a batch may become when looked into.
const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

impl Log {
    pub fn run(self) -> Outcome {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let outcome = match self.command {
            Command::Dump(dump) => dump.run(&mut out),
            Command::Verify { paths, json } => verify(&paths, json, &mut out),
        };
        match (outcome, out.flush()) {
            (Err(refusal), _) => Err(refusal),
            (Ok(()), Err(error)) if error.kind() != ErrorKind::BrokenPipe => Err(Refusal::new(
                format_args!("cannot write to stdout: {error}"),
            )),
            _ => Ok(()),
        }
    }
}

impl Dump {
    fn run(&self, out: &mut impl Write) -> Outcome {
        let mut damaged = Vec::new();
        for path in &self.files {
            if !self.json {
                let _ = writeln!(out, "Dumping {}", path.display());
            }
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let (base, kind) = match FileName::parse(name) {
                FileName::Segment { base, kind } => (base.0, kind),
                _ => {
                    return Err(refuse(
                        path,
                        "is no file of a segment; name a .log or an index",
                    ));
                }
            };
            match kind {
                FileKind::Log => {
                    if !self.json {
                        let _ = writeln!(out, "Log starting offset: {base}");
                    }
                    let checked = walk(path, |batch, position| self.print(out, batch, position))?;
                    if let Some((position, what)) = checked.damage {
                        if !self.json {
                            let _ = writeln!(out, "{what} at position {position}");
                        }
                        damaged.push(path.display().to_string());
                    }
                }
                FileKind::OffsetIndex => {
                    let bytes = std::fs::read(path).map_err(|error| refuse(path, error))?;
                    for entry in index::offset::parse(&bytes, u64::MAX).0 {
                        let offset = base + i64::from(entry.relative_offset);
                        let position = entry.position;
                        let _ = match self.json {
                            true => {
                                let line = json!({ "offset": offset, "position": position });
                                writeln!(out, "{line}")
                            }
                            false => writeln!(out, "offset: {offset} position: {position}"),
                        };
                    }
                }
                FileKind::TimeIndex => {
                    let bytes = std::fs::read(path).map_err(|error| refuse(path, error))?;
                    for entry in index::time::parse(&bytes).0 {
                        let offset = base + i64::from(entry.relative_offset);
                        let timestamp = entry.timestamp;
                        let _ = match self.json {
                            true => {
                                let line = json!({ "timestamp": timestamp, "offset": offset });
                                writeln!(out, "{line}")
                            }
                            false => writeln!(out, "timestamp: {timestamp} offset: {offset}"),
                        };
                    }
                }
                _ => {
                    return Err(refuse(
                        path,
                        "is not printed; .log, .index and .timeindex are",
                    ));
                }
            }
        }
        match damaged.is_empty() {
            true => Ok(()),
            false => Err(Refusal::new(format_args!(
                "damaged: {}",
                damaged.join(", ")
            ))),
        }
    }

    fn print(&self, out: &mut impl Write, batch: &Batch<'_>, position: u64) {
        let header = &batch.header;
        let is_valid = batch.crc_is_valid();
        if self.json {
            let line = json!({
                "baseOffset": header.base_offset, "lastOffset": header.last_offset(),
                "count": header.records_count, "producerId": header.producer_id,
                "producerEpoch": header.producer_epoch, "baseSequence": header.base_sequence,
                "partitionLeaderEpoch": header.partition_leader_epoch,
                "isTransactional": header.attributes.is_transactional(),
                "isControl": header.attributes.is_control(), "position": position,
                "maxTimestamp": header.max_timestamp, "size": header.size(),
                "compression": codec(header), "crc": header.crc, "isValid": is_valid,
            });
            let _ = writeln!(out, "{line}");
            return;
        }
        let last_sequence = if header.base_sequence < 0 {
            -1
        } else {
            header.last_sequence()
        };
        let horizon = match header.attributes.has_delete_horizon() {
            true => format!("OptionalLong[{}]", header.base_timestamp),
            false => "OptionalLong.empty".to_owned(),
        };
        let _ = writeln!(
            out,
            "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: \
             {last_sequence} producerId: {} producerEpoch: {} partitionLeaderEpoch: {} \
             isTransactional: {} isControl: {} deleteHorizonMs: {horizon} position: {position} \
             {}: {} size: {} magic: 2 compresscodec: {} crc: {} isvalid: {is_valid}",
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
        );
        if self.deep_iteration || self.print_data_log || self.cluster_metadata_decoder {
            let shown = with_records(batch, |record| self.print_record(out, header, record));
            if let Err(what) = shown {
                let _ = writeln!(out, "{what}");
            }
        }
    }

    fn print_record(&self, out: &mut impl Write, header: &BatchHeader, record: &Record<'_>) {
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
            .map(|h| String::from_utf8_lossy(h.key).into_owned())
            .collect();
        let _ = write!(
            out,
            "| offset: {} {}: {timestamp} keySize: {} valueSize: {} sequence: {sequence} \
             headerKeys: [{}]",
            header.base_offset + i64::from(record.offset_delta),
            time_name(header),
            size(record.key),
            size(record.value),
            keys.join(","),
        );
        if self.cluster_metadata_decoder && !header.attributes.is_control() {
            let _ = match MetadataRecord::decode(record.value.unwrap_or_default()) {
                Ok(decoded) => write!(out, " payload: {decoded:?}"),
                Err(error) => write!(out, " payload: {error}"),
            };
        } else if self.print_data_log {
            if let Some(key) = record.key {
                let _ = write!(out, " key: {}", String::from_utf8_lossy(key));
            }
            let value = String::from_utf8_lossy(record.value.unwrap_or_default());
            let _ = write!(out, " payload: {value}");
        }
        let _ = writeln!(out);
    }
}

/// Every `.log` file at or below the paths is read whole and judged.
fn verify(paths: &[PathBuf], as_json: bool, out: &mut impl Write) -> Outcome {
    let mut files = Vec::new();
    paths
        .iter()
        .try_for_each(|path| collect(path, 0, &mut files))?;
    files.sort();
    if files.is_empty() {
        return Err(Refusal::new(
            "there is no .log file at or below these paths",
        ));
    }
    let mut damaged = 0;
    for path in &files {
        let mut next_offset = None;
        let mut disorder = None;
        let mut bad = None;
        let checked = walk(path, |batch, position| {
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
        let Checked {
            batches,
            records,
            damage,
        } = checked;
        let damage = bad.or(disorder).or(damage);
        damaged += usize::from(damage.is_some());
        let shown = path.display();
        let _ = match (as_json, &damage) {
            (true, damage) => {
                let line = json!({
                    "file": shown.to_string(), "batches": batches, "records": records,
                    "damage": damage.as_ref().map(|(position, what)| {
                        json!({ "position": position, "what": what })
                    }),
                });
                writeln!(out, "{line}")
            }
            (false, None) => writeln!(out, "ok {shown}: {batches} batches, {records} records"),
            (false, Some((position, what))) => {
                writeln!(out, "DAMAGED {shown}: {what} at position {position}")
            }
        };
    }
    match damaged {
        0 => Ok(()),
        count => Err(Refusal::new(format_args!(
            "{count} of {} files are damaged",
            files.len()
        ))),
    }
}

/// Folders lie at most this deep in a log dir.
const DEPTH_MAX: usize = 3;

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Outcome {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(|error| refuse(path, error))? {
        let entry = entry.map_err(|error| refuse(path, error))?.path();
        let is_log = entry
            .extension()
            .is_some_and(|extension| extension == "log");
        if is_log || entry.is_dir() && depth < DEPTH_MAX {
            collect(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Reads batch after batch. Zeros to the end are the tail of an open segment, not damage.
fn walk(path: &Path, mut see: impl FnMut(&Batch<'_>, u64)) -> Result<Checked, Refusal> {
    let file = File::open(path).map_err(|error| refuse(path, error))?;
    let length = file.metadata().map_err(|error| refuse(path, error))?.len();
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

fn with_records(batch: &Batch<'_>, mut see: impl FnMut(&Record<'_>)) -> Result<(), String> {
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

fn refuse(path: &Path, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(format_args!("{}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions};

    fn batch(base_offset: i64, codec: Compression) -> Vec<u8> {
        let options = BatchOptions {
            base_offset,
            codec,
            ..BatchOptions::default()
        };
        let mut builder = BatchBuilder::new(options);
        builder.append(1000, Some(b"key"), Some(b"value"), &[]);
        builder.finish()
    }

    fn file(name: &str, bytes: &[u8]) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("ottla-log-tool-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("the temporary folder is writable");
        path
    }

    #[test]
    fn whole_files_pass_and_torn_ones_are_named() {
        let mut bytes = batch(0, Compression::None);
        bytes.extend(batch(1, Compression::Zstd));
        let torn_at = bytes.len();
        let whole = file("whole.log", &[bytes.as_slice(), &[0; 100]].concat());
        bytes.extend(&batch(2, Compression::None)[..70]);
        let torn = file("torn.log", &bytes);
        let checked = walk(&whole, |_, _| {}).expect("readable");
        assert_eq!((checked.batches, checked.damage), (2, None));
        let checked = walk(&torn, |_, _| {}).expect("readable");
        assert_eq!(
            checked.damage,
            Some((torn_at as u64, "Found 70 invalid bytes".to_owned()))
        );
        let mut out = Vec::new();
        assert!(verify(std::slice::from_ref(&whole), false, &mut out).is_ok());
        assert!(verify(std::slice::from_ref(&torn), true, &mut out).is_err());
        for path in [whole, torn] {
            std::fs::remove_file(path).expect("it was written above");
        }
    }
}

//! `ottla log`: prints and checks the files of a log dir, as `kafka-dump-log` does.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `log`, `journal` and `shard` for the formats of their files; reads them itself.
//! Never:      changes a file, trusts a length in one, or needs a broker.

mod batches;
mod decode;
mod indexes;
mod ours;
mod verify;

use super::output::{Outcome, Refusal, note};
use super::schemas::Source;
use crate::log::layout::{FileKind, FileName};
use decode::{Decoder, Plain};
use ours::Ours;
use std::io::{BufWriter, ErrorKind, Write};
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
    Dump(Box<Dump>),
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

/// The flags of `ottla log dump`.
#[derive(clap::Args, Debug)]
struct Dump {
    /// Files to print, separated by commas: segments, their indexes and snapshots, metadata
    /// snapshots, checkpoints, journals.
    #[arg(long, value_delimiter = ',', required = true)]
    files: Vec<PathBuf>,
    /// Print keys and values of records.
    #[arg(long)]
    print_data_log: bool,
    /// Look inside batches, compressed ones too.
    #[arg(long)]
    deep_iteration: bool,
    /// Leave out what surrounds keys and values, and control records.
    #[arg(long)]
    skip_record_metadata: bool,
    /// Read no more than so many bytes of each file of batches.
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "2147483647",
        hide_default_value = true
    )]
    max_bytes: u64,
    /// Accepted; batches of any size are read.
    #[arg(long, value_name = "BYTES")]
    max_message_size: Option<u64>,
    /// Compare indexes with their segments without printing them.
    #[arg(long)]
    verify_index_only: bool,
    /// Only say whether indexes would be taken as they are at a start.
    #[arg(long)]
    index_sanity_check: bool,
    /// Read records as those of __consumer_offsets.
    #[arg(long, group = "decoder")]
    offsets_decoder: bool,
    /// Read records as those of __transaction_state.
    #[arg(long, group = "decoder")]
    transaction_log_decoder: bool,
    /// Read records as those of __share_group_state.
    #[arg(long, group = "decoder")]
    share_group_state_decoder: bool,
    /// Read records as those of the metadata log.
    #[arg(long, group = "decoder")]
    cluster_metadata_decoder: bool,
    /// Read records as those of __remote_log_metadata.
    #[arg(long, group = "decoder")]
    remote_log_metadata_decoder: bool,
    /// How keys are read: String-, Default-, Integer- or LongDecoder.
    #[arg(long, value_name = "CLASS", num_args = 0..=1, default_missing_value = "StringDecoder")]
    key_decoder_class: Option<String>,
    /// How values are read.
    #[arg(long, value_name = "CLASS", num_args = 0..=1, default_missing_value = "StringDecoder")]
    value_decoder_class: Option<String>,
    /// Print each batch or entry as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// A file that this tool understands, by its name.
enum Known {
    /// A file of the segment that begins at this offset.
    Segment(i64, FileKind),
    /// A snapshot of the metadata.
    Snapshot,
    Ours(Ours),
}

fn known(path: &Path) -> Option<Known> {
    let name = path.file_name()?.to_str()?;
    if let FileName::Segment { base, kind } = FileName::parse(name) {
        return Some(Known::Segment(base.0, kind));
    }
    if name == BOOTSTRAP || snapshot_id(name).is_some() {
        return Some(Known::Snapshot);
    }
    Ours::of(name).map(Known::Ours)
}

/// End offset and epoch in the name of a snapshot.
fn snapshot_id(name: &str) -> Option<(i64, i32)> {
    let (offset, epoch) = name.strip_suffix(".checkpoint")?.split_once('-')?;
    Some((offset.parse().ok()?, epoch.parse().ok()?))
}

impl Log {
    pub fn run(self) -> Outcome {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let outcome = match self.command {
            Command::Dump(dump) => dump.run(&mut out),
            Command::Verify { paths, json } => verify::verify(&paths, json, &mut out),
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
        self.decoder()?;
        let mut damaged = Vec::new();
        for path in &self.files {
            if !self.json {
                let _ = writeln!(out, "Dumping {}", path.display());
            }
            let is_damaged = match known(path) {
                Some(Known::Segment(base, FileKind::Log)) => {
                    self.head(out, format_args!("Log starting offset: {base}"));
                    batches::dump(self, path, out)?
                }
                Some(Known::Segment(base, kind)) => {
                    indexes::dump(self, path, base, kind, out)?;
                    false
                }
                Some(Known::Snapshot) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    match snapshot_id(&name) {
                        Some((offset, epoch)) => self.head(
                            out,
                            format_args!("Snapshot end offset: {offset}, epoch: {epoch}"),
                        ),
                        None => self.head(out, format_args!("KRaft bootstrap snapshot")),
                    }
                    batches::dump(self, path, out)?
                }
                Some(Known::Ours(kind)) => ours::dump(self, path, kind, out)?,
                None => {
                    note(format_args!("Ignoring unknown file {}", path.display()));
                    false
                }
            };
            if is_damaged {
                damaged.push(path.display().to_string());
            }
        }
        batches::damaged(&damaged)
    }

    fn head(&self, out: &mut impl Write, line: std::fmt::Arguments<'_>) {
        if !self.json {
            let _ = writeln!(out, "{line}");
        }
    }

    /// How keys and values are read; `None` when they are not printed.
    fn decoder(&self) -> Result<Option<Decoder>, Refusal> {
        let plain = |class: &Option<String>| match class {
            Some(class) => Plain::of(class),
            None => Ok(Plain::Text),
        };
        let shown = self.print_data_log
            || self.key_decoder_class.is_some()
            || self.value_decoder_class.is_some();
        Ok(if self.offsets_decoder {
            Some(Decoder::Coordinator(Source::Group))
        } else if self.transaction_log_decoder {
            Some(Decoder::Coordinator(Source::Transaction))
        } else if self.share_group_state_decoder {
            Some(Decoder::Coordinator(Source::Share))
        } else if self.cluster_metadata_decoder {
            Some(Decoder::Framed(Source::Metadata))
        } else if self.remote_log_metadata_decoder {
            Some(Decoder::Framed(Source::RemoteLog))
        } else if shown {
            let (key, value) = (&self.key_decoder_class, &self.value_decoder_class);
            Some(Decoder::Plain {
                key: plain(key)?,
                value: plain(value)?,
            })
        } else {
            None
        })
    }
}

/// What Kafka's tools leave for the first start of a controller.
const BOOTSTRAP: &str = "bootstrap.checkpoint";

#[cfg(test)]
mod tests {
    use super::batches::walk;
    use super::verify::verify;
    use super::*;
    use crate::protocol::record_batch::{BatchBuilder, BatchOptions, Compression};

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

    /// A folder of one test, gone when the test ends.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = format!("ottla-log-tool-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
            Self(folder)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, bytes).expect("the folder is ours");
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn dumped(flags: &[&str], path: &Path) -> String {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            dump: Dump,
        }
        let file = path.display().to_string();
        let line = ["dump", "--files", &file].into_iter();
        let only: Only = clap::Parser::parse_from(line.chain(flags.iter().copied()));
        let mut out = Vec::new();
        only.dump.run(&mut out).expect("nothing is damaged");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn whole_files_pass_and_torn_ones_are_named() {
        let scratch = Scratch::new("torn");
        let mut bytes = batch(0, Compression::None);
        bytes.extend(batch(1, Compression::Zstd));
        let torn_at = bytes.len();
        let whole = scratch.file(
            "00000000000000000000.log",
            &[bytes.as_slice(), &[0; 100]].concat(),
        );
        bytes.extend(&batch(2, Compression::None)[..70]);
        let torn = scratch.file("00000000000000000001.log", &bytes);
        let checked = walk(&whole, u64::MAX, |_, _| {}).expect("readable");
        assert_eq!((checked.batches, checked.damage), (2, None));
        let checked = walk(&torn, u64::MAX, |_, _| {}).expect("readable");
        assert_eq!(
            checked.damage,
            Some((torn_at as u64, "Found 70 invalid bytes".to_owned()))
        );
        let mut out = Vec::new();
        assert!(verify(std::slice::from_ref(&whole), false, &mut out).is_ok());
        assert!(verify(std::slice::from_ref(&torn), true, &mut out).is_err());
        assert!(verify(std::slice::from_ref(&scratch.0), true, &mut out).is_err());
    }

    #[test]
    fn records_and_indexes_are_printed_and_compared() {
        let scratch = Scratch::new("print");
        let mut bytes = batch(5, Compression::None);
        let second = bytes.len() as u32;
        bytes.extend(batch(6, Compression::None));
        let log = scratch.file("00000000000000000005.log", &bytes);
        let told = dumped(&["--print-data-log"], &log);
        assert!(told.contains("\n| offset: 5 CreateTime: 1000 keySize: 3 valueSize: 5 "));
        assert!(
            told.ends_with(" headerKeys: [] key: key payload: value\n"),
            "{told}"
        );
        let told = dumped(&["--print-data-log", "--skip-record-metadata"], &log);
        assert!(told.ends_with("\n| key: key payload: value\n"), "{told}");
        let mut nothing = BatchBuilder::new(BatchOptions::default());
        nothing.append(1000, None, None, &[]);
        let nothing = scratch.file("00000000000000000000.log", &nothing.finish());
        let told = dumped(&["--print-data-log", "--skip-record-metadata"], &nothing);
        assert!(told.ends_with(" isvalid: true\n\n"), "{told}");
        std::fs::remove_file(nothing).expect("the folder is ours");
        let told = dumped(&["--max-bytes", &second.to_string()], &log);
        assert_eq!(told.matches("baseOffset").count(), 1);

        let entry = [1u32.to_be_bytes(), second.to_be_bytes()].concat();
        let index = scratch.file("00000000000000000005.index", &entry);
        let told = dumped(&[], &index);
        assert!(told.ends_with(&format!("\noffset: 6 position: {second}\n")));
        assert!(dumped(&["--index-sanity-check"], &index).ends_with("passed sanity check.\n"));
        let mut out = Vec::new();
        assert!(verify(std::slice::from_ref(&scratch.0), false, &mut out).is_ok());
        let wrong = [1u32.to_be_bytes(), 1u32.to_be_bytes()].concat();
        scratch.file("00000000000000000005.index", &wrong);
        assert!(verify(std::slice::from_ref(&scratch.0), false, &mut out).is_err());
        let told = String::from_utf8(out).expect("text");
        assert!(told.contains("Index offset: 6, log offset: -1"), "{told}");
    }

    #[test]
    fn checkpoints_are_printed() {
        let scratch = Scratch::new("epochs");
        let path = scratch.file("leader-epoch-checkpoint", b"0\n1\n3 7\n");
        assert!(dumped(&[], &path).ends_with("\nepoch: 3 startOffset: 7\n"));
    }
}

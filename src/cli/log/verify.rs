//! `ottla log verify`: reads every file of a log dir that can be judged, and judges it.
//!
//! Room:       `cli::log`.
//! Called by:  `log`.
//! Calls:      `batches`, `indexes`, `ours`.
//! Never:      changes a file; stops at the first that is damaged.

use super::batches::{self, refuse};
use super::ours::{self, Ours};
use super::{Known, indexes, known};
use crate::cli::output::{Outcome, Refusal};
use crate::log::layout::FileKind;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Folders lie at most this deep in a log dir.
const DEPTH_MAX: usize = 3;

/// What a file came to: what was counted in it, and its first damage.
struct Judged {
    has_batches: bool,
    batches: u64,
    records: u64,
    entries: u64,
    damage: Option<(Option<u64>, String)>,
}

pub fn verify(paths: &[PathBuf], as_json: bool, out: &mut impl Write) -> Outcome {
    let mut files = Vec::new();
    paths
        .iter()
        .try_for_each(|path| collect(path, 0, &mut files))?;
    files.sort();
    if files.is_empty() {
        return Err(Refusal::new(
            "there is no file to judge at or below these paths",
        ));
    }
    let mut damaged = 0;
    for path in &files {
        let judged = judge(path)?;
        damaged += usize::from(judged.damage.is_some());
        let shown = path.display();
        let _ = match (as_json, &judged.damage) {
            (true, damage) => {
                let line = json!({
                    "file": shown.to_string(), "batches": judged.batches,
                    "records": judged.records, "entries": judged.entries,
                    "damage": damage.as_ref().map(|(position, what)| {
                        json!({ "position": position, "what": what })
                    }),
                });
                writeln!(out, "{line}")
            }
            (false, None) if judged.has_batches => writeln!(
                out,
                "ok {shown}: {} batches, {} records",
                judged.batches, judged.records
            ),
            (false, None) => writeln!(out, "ok {shown}: {} entries", judged.entries),
            (false, Some((Some(position), what))) => {
                writeln!(out, "DAMAGED {shown}: {what} at position {position}")
            }
            (false, Some((None, what))) => writeln!(out, "DAMAGED {shown}: {what}"),
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

fn judge(path: &Path) -> Result<Judged, Refusal> {
    let mut judged = Judged {
        has_batches: false,
        batches: 0,
        records: 0,
        entries: 0,
        damage: None,
    };
    match known(path) {
        Some(Known::Segment(_, FileKind::Log) | Known::Snapshot) => {
            let checked = batches::check(path)?;
            judged.has_batches = true;
            (judged.batches, judged.records) = (checked.batches, checked.records);
            let damage = checked.damage;
            judged.damage = damage.map(|(position, what)| (Some(position), what));
        }
        Some(Known::Segment(base, kind)) => {
            let (entries, wrong) = indexes::check(path, base, kind)?;
            judged.entries = entries;
            judged.damage = wrong.map(|what| (None, what));
        }
        Some(Known::Ours(kind)) => {
            let seen = ours::read(path, kind, false, |_, _| {})?;
            judged.entries = seen.entries;
            judged.damage = seen.damage.map(|(position, what)| (Some(position), what));
        }
        None => judged.damage = Some((None, "is no file of a log dir".to_owned())),
    }
    Ok(judged)
}

/// Files that can be judged; a file that is named itself is judged whatever it is. Journals are
/// left out of folders: a ring file is full of what earlier laps left.
fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Outcome {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(|error| refuse(path, error))? {
        let entry = entry.map_err(|error| refuse(path, error))?.path();
        let judged = match known(&entry) {
            Some(Known::Ours(Ours::Ring)) | None => false,
            // An index without its segment is rubbish that a start removes.
            Some(Known::Segment(_, FileKind::OffsetIndex | FileKind::TimeIndex)) => {
                entry.with_extension("log").exists()
            }
            Some(_) => true,
        };
        if judged || entry.is_dir() && depth < DEPTH_MAX {
            collect(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}

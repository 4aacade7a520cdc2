//! `ottla storage accept-loss`: a partition that refuses serves again what is left of it.
//!
//! Room:       `broker`.
//! Called by:  `cli::storage`, while no broker runs on the folders.
//! Calls:      `shard::recovery`, `start` for the folders.
//! Never:      changes anything before it is known whose folder it is.

use super::StartError;
use super::start::{mark, take_folders};
use crate::config::BrokerConfig;
use crate::runtime::Runtime;
use crate::shard::recovery::{accept_loss, refused, set_aside};
use std::fmt::Display;
use std::path::Path;

/// Accepts the loss of `topic`-`partition`, or with `dry_run` only says what it is. Returns what
/// there is to tell, a line for each fact.
pub async fn accept(
    runtime: Runtime,
    config: BrokerConfig,
    topic: &str,
    partition: i32,
    dry_run: bool,
) -> Result<Vec<String>, StartError> {
    let wanted = format!("{topic}-{partition}");
    let folders = take_folders(&runtime, &config).await?;
    let mut others = Vec::new();
    for folder in folders
        .iter()
        .filter(|folder| config.log_dirs.contains(&folder.path))
    {
        let dir = &folder.path;
        let failed = |errno| failed(dir, &errno);
        let refused = refused(&runtime, dir).await.map_err(failed)?;
        let Some(found) = refused.iter().find(|found| found.folder == wanted) else {
            others.extend(refused.into_iter().map(|found| found.folder));
            continue;
        };
        let mut lines = vec![
            format!(
                "{}: acknowledged records from offset {} on are lost",
                dir.join(&wanted).display(),
                found.log_end
            ),
            match found.log_end.0 - found.log_start.0 {
                ..1 => "nothing is left of it".to_owned(),
                left => format!(
                    "offsets {} to {} are left, {left} of them",
                    found.log_start,
                    found.log_end.plus(-1)
                ),
            },
        ];
        for file in set_aside(&runtime, dir).await.map_err(failed)? {
            let file = file.display();
            lines.push(format!(
                "{file} holds what could not be replayed; delete it when nobody needs it"
            ));
        }
        if dry_run {
            lines.push("nothing was changed (--dry-run)".to_owned());
            return Ok(lines);
        }
        // First the mark: the partition must not serve in a leader epoch in which it had more.
        mark(&runtime, folder, true).await.map_err(failed)?;
        let accepted = accept_loss(&runtime, dir, &wanted).await;
        accepted.map_err(failed)?;
        lines.push("accepted: it serves what is left from the next start on".to_owned());
        return Ok(lines);
    }
    Err(StartError(match others.is_empty() {
        true => format!("{wanted} does not refuse, nor does any other partition"),
        false => format!(
            "{wanted} does not refuse; those that do: {}",
            others.join(", ")
        ),
    }))
}

fn failed(dir: &Path, reason: &dyn Display) -> StartError {
    StartError(format!("{}: {reason}", dir.display()))
}

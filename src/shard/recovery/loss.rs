//! What recovery says of lost records: one ERROR line for each loss, with place and remedy.
//!
//! Room:       `shard`.
//! Called by:  `recovery`, `open`.
//! Never:      tells a loss twice: the next checkpoint remembers it.

use crate::log::layout::FolderName;
use crate::log::{Log, Loss, OpenReport};
use std::path::Path;

/// The losses that an opening found.
pub fn tell_all(log: &Log, report: &OpenReport) {
    report.damage.iter().for_each(|loss| tell(log, loss));
    if let Some(cut) = &report.cut {
        tracing::error!(
            file = %cut.file.display(), position = cut.position,
            first_lost = cut.first_lost.0, records = cut.records,
            "the end of a segment is damaged and was cut"
        );
    }
}

/// One loss: at the log's end it was cut, elsewhere the range answers an error.
pub fn tell(log: &Log, loss: &Loss) {
    let what = match loss.range.from >= log.log_end_offset() {
        true => "acknowledged records at the end of the log are lost; it goes on before them",
        false => "acknowledged records are lost: this range answers an error, the rest serves",
    };
    tracing::error!(
        file = %loss.file.display(), position = loss.position,
        first_lost = loss.range.from.0, records = loss.range.records(),
        "{what}"
    );
}

/// What brings a partition back that refuses.
pub fn remedy(folder: &Path) -> String {
    let name = folder.file_name().map(|name| name.to_string_lossy());
    match FolderName::parse(&name.unwrap_or_default()) {
        FolderName::Partition { topic, partition } => format!(
            "stop the broker; `ottla storage accept-loss --topic {topic} --partition {partition} \
             -c FILE` says what is left and brings it back"
        ),
        _ => "delete the topic".to_owned(),
    }
}

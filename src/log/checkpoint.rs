//! Kafka's checkpoint files: a version, a count, one row per entry.
//!
//! Room:       `log`.
//! Called by:  `shard` (recovery points, log starts, high watermarks), `leader_epoch`, the tools.
//! Never:      touches a disk.
//!
//! ```text
//!   0              version
//!   2              number of rows
//!   orders 0 4711  topic partition offset
//!   orders 1 12
//! ```

use crate::ids::Offset;

/// One row of a `…-offset-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetRow {
    pub topic: String,
    pub partition: i32,
    pub offset: Offset,
}

/// Why a checkpoint file is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    Version,
    /// The count is missing, or not the number of rows.
    Count,
    /// A row that cannot be read; lines count from 1.
    Line {
        number: usize,
    },
}

impl std::fmt::Display for FormatError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FormatError::Version => write!(f, "the first line is not version 0"),
            FormatError::Count => write!(f, "the number of rows is wrong"),
            FormatError::Line { number } => write!(f, "line {number} is malformed"),
        }
    }
}

impl std::error::Error for FormatError {}

/// The rows of a checkpoint file of version 0, with their line numbers. Kafka makes the file before
/// it has anything to write there: an empty one has no rows.
pub(super) fn rows(text: &str) -> Result<Vec<(usize, &str)>, FormatError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some("0") {
        return Err(FormatError::Version);
    }
    let count: usize = lines
        .next()
        .and_then(|line| line.trim().parse().ok())
        .ok_or(FormatError::Count)?;
    let rows: Vec<(usize, &str)> = lines
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| (index + 3, line))
        .collect();
    if rows.len() != count {
        return Err(FormatError::Count);
    }
    Ok(rows)
}

/// Reads a `recovery-point-offset-checkpoint`, `log-start-offset-checkpoint` or
/// `replication-offset-checkpoint`.
pub fn parse_offsets(text: &str) -> Result<Vec<OffsetRow>, FormatError> {
    let mut parsed = Vec::new();
    for (number, row) in rows(text)? {
        let bad = FormatError::Line { number };
        let mut fields = row.split_ascii_whitespace();
        let topic = fields.next().ok_or(bad)?.to_owned();
        let partition = fields.next().and_then(|f| f.parse().ok()).ok_or(bad)?;
        let offset = fields.next().and_then(|f| f.parse().ok()).ok_or(bad)?;
        if fields.next().is_some() {
            return Err(bad);
        }
        parsed.push(OffsetRow {
            topic,
            partition,
            offset: Offset(offset),
        });
    }
    Ok(parsed)
}

/// The reverse of `parse_offsets`.
pub fn format_offsets<'a>(rows: impl IntoIterator<Item = (&'a str, i32, Offset)>) -> String {
    let mut body = String::new();
    let mut count = 0;
    for (topic, partition, offset) in rows {
        body.push_str(&format!("{topic} {partition} {offset}\n"));
        count += 1;
    }
    format!("0\n{count}\n{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_go_both_ways() {
        let text = format_offsets([("orders", 0, Offset(4711)), ("a-b", 1, Offset(12))]);
        assert_eq!(text, "0\n2\norders 0 4711\na-b 1 12\n");
        let rows = parse_offsets(&text).expect("it was just formatted");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].topic, "a-b");
        assert_eq!(rows[1].offset, Offset(12));
    }

    #[test]
    fn a_file_that_was_only_made_has_no_rows() {
        assert_eq!(parse_offsets(""), Ok(Vec::new()));
    }

    #[test]
    fn garbage_is_refused_with_its_place() {
        assert_eq!(parse_offsets("\n"), Err(FormatError::Version));
        assert_eq!(parse_offsets("0\n"), Err(FormatError::Count));
        assert_eq!(parse_offsets("0\n2\na 0 1\n"), Err(FormatError::Count));
        let bad = parse_offsets("0\n2\na 0 1\na b 1\n");
        assert_eq!(bad, Err(FormatError::Line { number: 4 }));
    }
}

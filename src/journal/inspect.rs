//! Journal files as a person looks at them: outside of any shard, whatever their incarnation.
//!
//! Room:       `journal`.
//! Called by:  `cli::log`.
//! Calls:      `superblock` and `group` for the formats.
//! Never:      decides what counts: that is `replay`'s, which knows the checkpoint.

use super::group::{Decoded, Group, HEADER, Header};
use super::ring::{Name, name_of};
use super::superblock::Superblock;
use crate::ids::PartitionKey;
use crate::io::Slice;

/// What a file in a log dir is to a journal, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFile {
    Superblock,
    Ring,
}

/// The kind of file a name stands for; `None` for files of others, and for one in the making.
pub fn kind_of(name: &str) -> Option<JournalFile> {
    match name_of(name)? {
        Name::Superblock(_) => Some(JournalFile::Superblock),
        Name::Ring(..) | Name::Copies(_) => Some(JournalFile::Ring),
        Name::Unfinished(_) => None,
    }
}

/// The copies in a superblock's file, by their position, as text of names and values. `None` for
/// one that is not whole.
pub fn superblocks(bytes: &[u8]) -> Vec<(u64, Option<String>)> {
    Superblock::copies(bytes)
        .into_iter()
        .map(|(at, copy)| {
            let text = copy.map(|copy| {
                format!(
                    "shard: {} incarnation: {} generation: {} block: {} start: {} durable: {} \
                     clean: {}",
                    copy.shard.0,
                    copy.incarnation.0,
                    copy.generation,
                    copy.block,
                    copy.start.0,
                    copy.durable.0,
                    copy.clean
                )
            });
            (at, text)
        })
        .collect()
}

/// A group's header, as far as it is of use to somebody who reads a file.
#[derive(Clone, Copy, Debug)]
pub struct GroupHeader(Header);

/// What stands behind a header.
#[derive(Debug)]
pub enum Inspected {
    Whole(Group),
    /// The table is whole, batches in front of it are not: these are theirs.
    Torn(Vec<PartitionKey>),
    /// Only the header is.
    Lost,
}

/// Groups begin at multiples of it, or of a larger block.
pub const BLOCK_BYTES: u64 = 4096;

impl GroupHeader {
    /// The header at the start of a block, if one is there.
    pub fn at(block: &[u8]) -> Option<Self> {
        Header::decode_any(block).map(Self)
    }

    /// Bytes of the group, header included, padding not.
    pub fn length(&self) -> u64 {
        self.0.length()
    }

    /// Sequence, highest durable sequence, incarnation, entries, checksum: names and values.
    pub fn describe(&self) -> String {
        format!(
            "group: {} incarnation: {} durable: {} entries: {} size: {} crc: {}",
            self.0.sequence.0,
            self.0.incarnation.0,
            self.0.durable.0,
            self.0.entries,
            self.length(),
            self.0.crc
        )
    }

    /// Decodes the whole group; `bytes` are `length()` long.
    pub fn open(&self, bytes: Vec<u8>) -> Inspected {
        if bytes.len() as u64 != self.length() || bytes.len() < HEADER {
            return Inspected::Lost;
        }
        match Group::decode(&self.0, &Slice::from(bytes)) {
            Decoded::Whole(group) => Inspected::Whole(group),
            Decoded::Torn { keys } => Inspected::Torn(keys),
            Decoded::Lost => Inspected::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a file that a running broker is filling with zeros is not taken for a damaged one.
    #[test]
    fn a_file_in_the_making_is_none_of_the_journals_files() {
        let superblock = kind_of("ottla-journal-0");
        let ring = kind_of("ottla-journal-0-4");
        assert_eq!(superblock, Some(JournalFile::Superblock));
        assert_eq!(ring, Some(JournalFile::Ring));
        assert_eq!(kind_of("ottla-journal-0-5.new"), None);
    }
}

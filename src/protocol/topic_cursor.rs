//! Walks the topics and partitions of a Produce or Fetch request without keeping them.
//!
//! Room:       `protocol`.
//! Called by:  `produce`, `fetch`.
//! Never:      allocates. The request is walked once to check it, and again to use it.

use crate::{DecodeError, Reader, TopicName, Uuid};

/// Which topic a request means: by name up to version 12, by id from version 13 on (KIP-516).
/// The other one is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TopicRef<'a> {
    pub name: TopicName<'a>,
    pub id: Uuid,
}

impl<'a> TopicRef<'a> {
    pub fn decode(
        reader: &mut Reader<'a>,
        version: i16,
        flexible: bool,
    ) -> Result<Self, DecodeError> {
        if version <= NAMES_UP_TO {
            Ok(Self {
                name: TopicName(reader.string(flexible)?),
                id: Uuid::ZERO,
            })
        } else {
            Ok(Self {
                name: TopicName(""),
                id: reader.uuid()?,
            })
        }
    }
}

/// The last version of Produce and Fetch that names topics.
pub(crate) const NAMES_UP_TO: i16 = 12;

/// Stands between two partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicCursor<'a> {
    pub reader: Reader<'a>,
    version: i16,
    flexible: bool,
    topics_left: usize,
    partitions_left: usize,
    is_in_topic: bool,
    partition_bytes_min: usize,
    topic: TopicRef<'a>,
}

impl<'a> TopicCursor<'a> {
    /// `reader` stands before the count of topics and is moved behind it.
    pub fn open(
        mut reader: Reader<'a>,
        version: i16,
        flexible: bool,
        partition_bytes_min: usize,
    ) -> Result<Self, DecodeError> {
        let topics_left = reader.array_length(flexible, TOPIC_BYTES_MIN)?;
        Ok(Self {
            reader,
            version,
            flexible,
            topics_left,
            partitions_left: 0,
            is_in_topic: false,
            partition_bytes_min,
            topic: TopicRef::default(),
        })
    }

    /// The next partition, read by `decode`, or `None` with the reader behind the last topic.
    pub fn next<T>(
        &mut self,
        decode: impl FnOnce(&mut Reader<'a>, TopicRef<'a>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        while self.partitions_left == 0 {
            if self.is_in_topic && self.flexible {
                self.reader.skip_tags()?;
            }
            self.is_in_topic = false;
            if self.topics_left == 0 {
                return Ok(None);
            }
            self.topics_left -= 1;
            self.is_in_topic = true;
            self.topic = TopicRef::decode(&mut self.reader, self.version, self.flexible)?;
            self.partitions_left = self
                .reader
                .array_length(self.flexible, self.partition_bytes_min)?;
        }
        self.partitions_left -= 1;
        self.reader.charge(PARTITION_BYTES)?;
        decode(&mut self.reader, self.topic).map(Some)
    }
}

/// What a partition counts towards the memory of its request, though nothing is kept here: whoever
/// answers keeps something about each.
const PARTITION_BYTES: usize = 64;

/// A topic's name and its count of partitions, both empty, and no tags.
const TOPIC_BYTES_MIN: usize = 3;

//! `OffsetCommitKey`, `OffsetCommitValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitKey<'a> {
    /// Versions 0.
    pub group: &'a str,
    /// Versions 0.
    pub topic: &'a str,
    /// Versions 0.
    pub partition: i32,
}

impl<'a> OffsetCommitKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group = reader.string(false)?;
        this.topic = reader.string(false)?;
        this.partition = reader.i32()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group, false)?;
        out.put_string(self.topic, false)?;
        out.put_i32(self.partition);
        Ok(())
    }
}

message! { OffsetCommitKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitValue<'a> {
    /// Versions 0+.
    pub offset: i64,
    /// Versions 3+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub metadata: &'a str,
    /// Versions 0+.
    pub commit_timestamp: i64,
    /// Versions 1.
    pub expire_timestamp: i64,
    /// Versions 4+, tag 0.
    pub topic_id: Uuid,
}

impl Default for OffsetCommitValue<'_> {
    fn default() -> Self {
        Self {
            offset: Default::default(),
            leader_epoch: -1,
            metadata: Default::default(),
            commit_timestamp: Default::default(),
            expire_timestamp: -1,
            topic_id: Default::default(),
        }
    }
}

impl<'a> OffsetCommitValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 4)?;
        let flexible = version >= 4;
        let mut this = Self::default();
        this.offset = reader.i64()?;
        if version >= 3 {
            this.leader_epoch = reader.i32()?;
        }
        this.metadata = reader.string(flexible)?;
        this.commit_timestamp = reader.i64()?;
        if version == 1 {
            this.expire_timestamp = reader.i64()?;
        }
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => this.topic_id = reader.uuid()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 4)?;
        let flexible = version >= 4;
        out.put_i64(self.offset);
        if version >= 3 {
            out.put_i32(self.leader_epoch);
        }
        out.put_string(self.metadata, flexible)?;
        out.put_i64(self.commit_timestamp);
        if version == 1 {
            out.put_i64(self.expire_timestamp);
        }
        if flexible {
            let has_topic_id = !self.topic_id.is_zero();
            out.put_unsigned_varint(u32::from(has_topic_id));
            if has_topic_id {
                out.put_tag(0, |out| {
                    out.put_uuid(self.topic_id);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

message! { OffsetCommitValue<'a>, versions 0..=4, flexible 4 }

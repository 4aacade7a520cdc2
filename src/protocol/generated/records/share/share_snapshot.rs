//! `ShareSnapshotKey`, `ShareSnapshotValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/share.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareSnapshotKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
    /// Versions 0.
    pub topic_id: Uuid,
    /// Versions 0.
    pub partition: i32,
}

impl<'a> ShareSnapshotKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        this.topic_id = reader.uuid()?;
        this.partition = reader.i32()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        out.put_uuid(self.topic_id);
        out.put_i32(self.partition);
        Ok(())
    }
}

message! { ShareSnapshotKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct ShareSnapshotValue {
    /// Versions 0+.
    pub snapshot_epoch: i32,
    /// Versions 0+.
    pub state_epoch: i32,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub start_offset: i64,
    /// Versions 0+, tag 0.
    pub delivery_complete_count: i32,
    /// Versions 0+.
    pub create_timestamp: i64,
    /// Versions 0+.
    pub write_timestamp: i64,
    /// Versions 0+.
    pub state_batches: Vec<StateBatch>,
}

impl Default for ShareSnapshotValue {
    fn default() -> Self {
        Self {
            snapshot_epoch: Default::default(),
            state_epoch: Default::default(),
            leader_epoch: Default::default(),
            start_offset: Default::default(),
            delivery_complete_count: -1,
            create_timestamp: Default::default(),
            write_timestamp: Default::default(),
            state_batches: Default::default(),
        }
    }
}

impl ShareSnapshotValue {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.snapshot_epoch = reader.i32()?;
        this.state_epoch = reader.i32()?;
        this.leader_epoch = reader.i32()?;
        this.start_offset = reader.i64()?;
        this.create_timestamp = reader.i64()?;
        this.write_timestamp = reader.i64()?;
        this.state_batches =
            reader.array(true, 20, |reader| StateBatch::decode(reader, version))?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.delivery_complete_count = reader.i32()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.snapshot_epoch);
        out.put_i32(self.state_epoch);
        out.put_i32(self.leader_epoch);
        out.put_i64(self.start_offset);
        out.put_i64(self.create_timestamp);
        out.put_i64(self.write_timestamp);
        out.put_array(&self.state_batches, true, |out, item| {
            item.encode(out, version)
        })?;
        let has_delivery_complete_count = self.delivery_complete_count != -1;
        out.put_unsigned_varint(u32::from(has_delivery_complete_count));
        if has_delivery_complete_count {
            out.put_tag(0, |out| {
                out.put_i32(self.delivery_complete_count);
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateBatch {
    /// Versions 0+.
    pub first_offset: i64,
    /// Versions 0+.
    pub last_offset: i64,
    /// Versions 0+.
    pub delivery_state: i8,
    /// Versions 0+.
    pub delivery_count: i16,
}

impl StateBatch {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.first_offset = reader.i64()?;
        this.last_offset = reader.i64()?;
        this.delivery_state = reader.i8()?;
        this.delivery_count = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_i8(self.delivery_state);
        out.put_i16(self.delivery_count);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareSnapshotValue, versions 0..=0, flexible 0 }

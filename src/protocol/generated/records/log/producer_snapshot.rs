//! `ProducerSnapshot`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducerSnapshot {
    /// Versions 1.
    pub crc: u32,
    /// Versions 1.
    pub producer_entries: Vec<ProducerEntry>,
}

impl ProducerSnapshot {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 1)?;
        let mut this = Self::default();
        this.crc = reader.u32()?;
        this.producer_entries =
            reader.array(false, 46, |reader| ProducerEntry::decode(reader, version))?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 1)?;
        out.put_u32(self.crc);
        out.put_array(&self.producer_entries, false, |out, item| {
            item.encode(out, version)
        })?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProducerEntry {
    /// Versions 1.
    pub producer_id: i64,
    /// Versions 1.
    pub epoch: i16,
    /// Versions 1.
    pub last_sequence: i32,
    /// Versions 1.
    pub last_offset: i64,
    /// Versions 1.
    pub offset_delta: i32,
    /// Versions 1.
    pub timestamp: i64,
    /// Versions 1.
    pub coordinator_epoch: i32,
    /// Versions 1.
    pub current_txn_first_offset: i64,
}

impl ProducerEntry {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.producer_id = reader.i64()?;
        this.epoch = reader.i16()?;
        this.last_sequence = reader.i32()?;
        this.last_offset = reader.i64()?;
        this.offset_delta = reader.i32()?;
        this.timestamp = reader.i64()?;
        this.coordinator_epoch = reader.i32()?;
        this.current_txn_first_offset = reader.i64()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.producer_id);
        out.put_i16(self.epoch);
        out.put_i32(self.last_sequence);
        out.put_i64(self.last_offset);
        out.put_i32(self.offset_delta);
        out.put_i64(self.timestamp);
        out.put_i32(self.coordinator_epoch);
        out.put_i64(self.current_txn_first_offset);
        Ok(())
    }
}

message! { ProducerSnapshot, versions 1..=1, flexible i16::MAX }

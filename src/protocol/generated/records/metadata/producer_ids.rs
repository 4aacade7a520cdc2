//! `ProducerIdsRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ProducerIdsRecord {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub broker_epoch: i64,
    /// Versions 0+.
    pub next_producer_id: i64,
}

impl Default for ProducerIdsRecord {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            broker_epoch: -1,
            next_producer_id: Default::default(),
        }
    }
}

impl ProducerIdsRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        this.next_producer_id = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        out.put_i64(self.next_producer_id);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ProducerIdsRecord, versions 0..=0, flexible 0 }

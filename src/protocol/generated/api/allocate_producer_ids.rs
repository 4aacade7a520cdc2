//! `AllocateProducerIdsRequest`, `AllocateProducerIdsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/allocate_producer_ids.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct AllocateProducerIdsRequest {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub broker_epoch: i64,
}

impl Default for AllocateProducerIdsRequest {
    fn default() -> Self {
        Self {
            broker_id: Default::default(),
            broker_epoch: -1,
        }
    }
}

impl AllocateProducerIdsRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AllocateProducerIdsRequest, versions 0..=0, flexible 0 }

request! {
    AllocateProducerIds,
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AllocateProducerIdsResponse {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub producer_id_start: ProducerId,
    /// Versions 0+.
    pub producer_id_len: i32,
}

impl AllocateProducerIdsResponse {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.producer_id_start = ProducerId(reader.i64()?);
        this.producer_id_len = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_i64(self.producer_id_start.0);
        out.put_i32(self.producer_id_len);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { AllocateProducerIdsResponse, versions 0..=0, flexible 0 }

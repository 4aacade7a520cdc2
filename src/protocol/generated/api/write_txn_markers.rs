//! `WriteTxnMarkersRequest`, `WriteTxnMarkersResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/write_txn_markers.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersRequest<'a> {
    /// Versions 0+.
    pub markers: Vec<WritableTxnMarker<'a>>,
}

impl<'a> WriteTxnMarkersRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let mut this = Self::default();
        this.markers = reader.array(true, 17, |reader| {
            WritableTxnMarker::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        out.put_array(&self.markers, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarker<'a> {
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub producer_epoch: i16,
    /// Versions 0+.
    pub transaction_result: bool,
    /// Versions 0+.
    pub topics: Vec<WritableTxnMarkerTopic<'a>>,
    /// Versions 0+.
    pub coordinator_epoch: i32,
    /// Versions 2+.
    pub transaction_version: i8,
}

impl<'a> WritableTxnMarker<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.producer_id = ProducerId(reader.i64()?);
        this.producer_epoch = reader.i16()?;
        this.transaction_result = reader.bool()?;
        this.topics = reader.array(true, 3, |reader| {
            WritableTxnMarkerTopic::decode(reader, version)
        })?;
        this.coordinator_epoch = reader.i32()?;
        if version >= 2 {
            this.transaction_version = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.producer_id.0);
        out.put_i16(self.producer_epoch);
        out.put_bool(self.transaction_result);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_i32(self.coordinator_epoch);
        if version >= 2 {
            out.put_i8(self.transaction_version);
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerTopic<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partition_indexes: Vec<i32>,
}

impl<'a> WritableTxnMarkerTopic<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partition_indexes = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name.0, true)?;
        out.put_array(&self.partition_indexes, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { WriteTxnMarkersRequest<'a>, versions 1..=2, flexible 1 }

request! {
    WriteTxnMarkers,
    WriteTxnMarkersRequest<'a>,
    WriteTxnMarkersResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersResponse<'a> {
    /// Versions 0+.
    pub markers: Vec<WritableTxnMarkerResult<'a>>,
}

impl<'a> WriteTxnMarkersResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 1, 2)?;
        let mut this = Self::default();
        this.markers = reader.array(true, 10, |reader| {
            WritableTxnMarkerResult::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 1, 2)?;
        out.put_array(&self.markers, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerResult<'a> {
    /// Versions 0+.
    pub producer_id: ProducerId,
    /// Versions 0+.
    pub topics: Vec<WritableTxnMarkerTopicResult<'a>>,
}

impl<'a> WritableTxnMarkerResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.producer_id = ProducerId(reader.i64()?);
        this.topics = reader.array(true, 3, |reader| {
            WritableTxnMarkerTopicResult::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i64(self.producer_id.0);
        out.put_array(&self.topics, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerTopicResult<'a> {
    /// Versions 0+.
    pub name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<WritableTxnMarkerPartitionResult>,
}

impl<'a> WritableTxnMarkerTopicResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 7, |reader| {
            WritableTxnMarkerPartitionResult::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerPartitionResult {
    /// Versions 0+.
    pub partition_index: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
}

impl WritableTxnMarkerPartitionResult {
    pub fn decode(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.partition_index = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.partition_index);
        out.put_i16(self.error_code.code());
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { WriteTxnMarkersResponse<'a>, versions 1..=2, flexible 1 }

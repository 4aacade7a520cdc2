//! `StreamsGroupMetadataKey`, `StreamsGroupMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
}

impl<'a> StreamsGroupMetadataKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        Ok(())
    }
}

message! { StreamsGroupMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct StreamsGroupMetadataValue<'a> {
    /// Versions 0+.
    pub epoch: i32,
    /// Versions 0+.
    pub metadata_hash: i64,
    /// Versions 0+, tag 0.
    pub validated_topology_epoch: i32,
    /// Versions 0+, nullable 0+, tag 1.
    pub last_assignment_configs: Option<Vec<LastAssignmentConfig<'a>>>,
    /// Versions 0+, tag 2.
    pub stored_description_topology_epoch: i32,
    /// Versions 0+, tag 3.
    pub failed_description_topology_epoch: i32,
}

impl Default for StreamsGroupMetadataValue<'_> {
    fn default() -> Self {
        Self {
            epoch: Default::default(),
            metadata_hash: Default::default(),
            validated_topology_epoch: -1,
            last_assignment_configs: Some(Vec::new()),
            stored_description_topology_epoch: -1,
            failed_description_topology_epoch: -1,
        }
    }
}

impl<'a> StreamsGroupMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.epoch = reader.i32()?;
        this.metadata_hash = reader.i64()?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.validated_topology_epoch = reader.i32()?,
                1 => {
                    this.last_assignment_configs = reader.nullable_array(true, 3, |reader| {
                        LastAssignmentConfig::decode(reader, version)
                    })?
                }
                2 => this.stored_description_topology_epoch = reader.i32()?,
                3 => this.failed_description_topology_epoch = reader.i32()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.epoch);
        out.put_i64(self.metadata_hash);
        let has_validated_topology_epoch = self.validated_topology_epoch != -1;
        let has_last_assignment_configs = !self
            .last_assignment_configs
            .as_ref()
            .is_some_and(Vec::is_empty);
        let has_stored_description_topology_epoch = self.stored_description_topology_epoch != -1;
        let has_failed_description_topology_epoch = self.failed_description_topology_epoch != -1;
        out.put_unsigned_varint(
            u32::from(has_validated_topology_epoch)
                + u32::from(has_last_assignment_configs)
                + u32::from(has_stored_description_topology_epoch)
                + u32::from(has_failed_description_topology_epoch),
        );
        if has_validated_topology_epoch {
            out.put_tag(0, |out| {
                out.put_i32(self.validated_topology_epoch);
                Ok(())
            })?;
        }
        if has_last_assignment_configs {
            out.put_tag(1, |out| {
                out.put_nullable_array(
                    self.last_assignment_configs.as_deref(),
                    true,
                    |out, item| item.encode(out, version),
                )
            })?;
        }
        if has_stored_description_topology_epoch {
            out.put_tag(2, |out| {
                out.put_i32(self.stored_description_topology_epoch);
                Ok(())
            })?;
        }
        if has_failed_description_topology_epoch {
            out.put_tag(3, |out| {
                out.put_i32(self.failed_description_topology_epoch);
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastAssignmentConfig<'a> {
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: &'a str,
}

impl<'a> LastAssignmentConfig<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.key = reader.string(true)?;
        this.value = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.key, true)?;
        out.put_string(self.value, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { StreamsGroupMetadataValue<'a>, versions 0..=0, flexible 0 }

//! `ConsumerGroupMemberMetadataKey`, `ConsumerGroupMemberMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMemberMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
    /// Versions 0.
    pub member_id: &'a str,
}

impl<'a> ConsumerGroupMemberMetadataKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        this.member_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        out.put_string(self.member_id, false)?;
        Ok(())
    }
}

message! { ConsumerGroupMemberMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue<'a> {
    /// Versions 0+, nullable 0+.
    pub instance_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 0+.
    pub subscribed_topic_names: Vec<&'a str>,
    /// Versions 0+, nullable 0+.
    pub subscribed_topic_regex: Option<&'a str>,
    /// Versions 0+.
    pub rebalance_timeout_ms: i32,
    /// Versions 0+, nullable 0+.
    pub server_assignor: Option<&'a str>,
    /// Versions 0+, nullable 0+, tag 0.
    pub classic_member_metadata: Option<ClassicMemberMetadata<'a>>,
}

impl Default for ConsumerGroupMemberMetadataValue<'_> {
    fn default() -> Self {
        Self {
            instance_id: Some(""),
            rack_id: Some(""),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Some(""),
            rebalance_timeout_ms: -1,
            server_assignor: Some(""),
            classic_member_metadata: Some(Default::default()),
        }
    }
}

impl<'a> ConsumerGroupMemberMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.instance_id = reader.nullable_string(true)?;
        this.rack_id = reader.nullable_string(true)?;
        this.client_id = reader.string(true)?;
        this.client_host = reader.string(true)?;
        this.subscribed_topic_names = reader.array(true, 1, |reader| reader.string(true))?;
        this.subscribed_topic_regex = reader.nullable_string(true)?;
        this.rebalance_timeout_ms = reader.i32()?;
        this.server_assignor = reader.nullable_string(true)?;
        reader.tags(|reader, tag| {
            match tag {
                0 => {
                    this.classic_member_metadata = if reader.is_present_in_tag()? {
                        Some(ClassicMemberMetadata::decode(reader, version)?)
                    } else {
                        None
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_nullable_string(self.instance_id, true)?;
        out.put_nullable_string(self.rack_id, true)?;
        out.put_string(self.client_id, true)?;
        out.put_string(self.client_host, true)?;
        out.put_array(&self.subscribed_topic_names, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_nullable_string(self.subscribed_topic_regex, true)?;
        out.put_i32(self.rebalance_timeout_ms);
        out.put_nullable_string(self.server_assignor, true)?;
        let has_classic_member_metadata = self.classic_member_metadata != Some(Default::default());
        out.put_unsigned_varint(u32::from(has_classic_member_metadata));
        if has_classic_member_metadata {
            out.put_tag(0, |out| {
                put_tagged_nullable(out, self.classic_member_metadata.as_ref(), |out, value| {
                    value.encode(out, version)
                })
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicMemberMetadata<'a> {
    /// Versions 0+.
    pub session_timeout_ms: i32,
    /// Versions 0+.
    pub supported_protocols: Vec<ClassicProtocol<'a>>,
}

impl<'a> ClassicMemberMetadata<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.session_timeout_ms = reader.i32()?;
        this.supported_protocols =
            reader.array(true, 3, |reader| ClassicProtocol::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.session_timeout_ms);
        out.put_array(&self.supported_protocols, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicProtocol<'a> {
    /// Versions 0+.
    pub name: &'a str,
    /// Versions 0+.
    pub metadata: &'a [u8],
}

impl<'a> ClassicProtocol<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.metadata = reader.bytes(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_bytes(self.metadata, true);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ConsumerGroupMemberMetadataValue<'a>, versions 0..=0, flexible 0 }

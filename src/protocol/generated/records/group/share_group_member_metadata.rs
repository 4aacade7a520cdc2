//! `ShareGroupMemberMetadataKey`, `ShareGroupMemberMetadataValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShareGroupMemberMetadataKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
    /// Versions 0.
    pub member_id: &'a str,
}

impl<'a> ShareGroupMemberMetadataKey<'a> {
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

message! { ShareGroupMemberMetadataKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, PartialEq)]
pub struct ShareGroupMemberMetadataValue<'a> {
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 0+.
    pub subscribed_topic_names: Vec<&'a str>,
}

impl Default for ShareGroupMemberMetadataValue<'_> {
    fn default() -> Self {
        Self {
            rack_id: Some(""),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
        }
    }
}

impl<'a> ShareGroupMemberMetadataValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.rack_id = reader.nullable_string(true)?;
        this.client_id = reader.string(true)?;
        this.client_host = reader.string(true)?;
        this.subscribed_topic_names = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_nullable_string(self.rack_id, true)?;
        out.put_string(self.client_id, true)?;
        out.put_string(self.client_host, true)?;
        out.put_array(&self.subscribed_topic_names, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ShareGroupMemberMetadataValue<'a>, versions 0..=0, flexible 0 }

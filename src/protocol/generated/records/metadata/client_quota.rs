//! `ClientQuotaRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientQuotaRecord<'a> {
    /// Versions 0+.
    pub entity: Vec<EntityData<'a>>,
    /// Versions 0+.
    pub key: &'a str,
    /// Versions 0+.
    pub value: f64,
    /// Versions 0+.
    pub remove: bool,
}

impl<'a> ClientQuotaRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.entity = reader.array(true, 3, |reader| EntityData::decode(reader, version))?;
        this.key = reader.string(true)?;
        this.value = reader.f64()?;
        this.remove = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_array(&self.entity, true, |out, item| item.encode(out, version))?;
        out.put_string(self.key, true)?;
        out.put_f64(self.value);
        out.put_bool(self.remove);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EntityData<'a> {
    /// Versions 0+.
    pub entity_type: &'a str,
    /// Versions 0+, nullable 0+.
    pub entity_name: Option<&'a str>,
}

impl Default for EntityData<'_> {
    fn default() -> Self {
        Self {
            entity_type: Default::default(),
            entity_name: Some(""),
        }
    }
}

impl<'a> EntityData<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.entity_type = reader.string(true)?;
        this.entity_name = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.entity_type, true)?;
        out.put_nullable_string(self.entity_name, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ClientQuotaRecord<'a>, versions 0..=0, flexible 0 }

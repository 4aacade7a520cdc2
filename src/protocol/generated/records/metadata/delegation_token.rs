//! `DelegationTokenRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelegationTokenRecord<'a> {
    /// Versions 0+.
    pub owner: &'a str,
    /// Versions 0+.
    pub requester: &'a str,
    /// Versions 0+.
    pub renewers: Vec<&'a str>,
    /// Versions 0+.
    pub issue_timestamp: i64,
    /// Versions 0+.
    pub max_timestamp: i64,
    /// Versions 0+.
    pub expiration_timestamp: i64,
    /// Versions 0+.
    pub token_id: &'a str,
}

impl<'a> DelegationTokenRecord<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.owner = reader.string(true)?;
        this.requester = reader.string(true)?;
        this.renewers = reader.array(true, 1, |reader| reader.string(true))?;
        this.issue_timestamp = reader.i64()?;
        this.max_timestamp = reader.i64()?;
        this.expiration_timestamp = reader.i64()?;
        this.token_id = reader.string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.owner, true)?;
        out.put_string(self.requester, true)?;
        out.put_array(&self.renewers, true, |out, item| out.put_string(item, true))?;
        out.put_i64(self.issue_timestamp);
        out.put_i64(self.max_timestamp);
        out.put_i64(self.expiration_timestamp);
        out.put_string(self.token_id, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DelegationTokenRecord<'a>, versions 0..=0, flexible 0 }

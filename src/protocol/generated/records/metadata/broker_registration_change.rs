//! `BrokerRegistrationChangeRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerRegistrationChangeRecord {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub broker_epoch: i64,
    /// Versions 0+, tag 0.
    pub fenced: i8,
    /// Versions 1+, tag 1.
    pub in_controlled_shutdown: i8,
    /// Versions 2+, tag 2.
    pub log_dirs: Vec<Uuid>,
    /// Versions 3+, nullable 3+, tag 3.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl BrokerRegistrationChangeRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 3)?;
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.broker_epoch = reader.i64()?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.fenced = reader.i8()?,
                1 if version >= 1 => this.in_controlled_shutdown = reader.i8()?,
                2 if version >= 2 => this.log_dirs = reader.array(true, 16, Reader::uuid)?,
                3 if version >= 3 => {
                    this.cordoned_log_dirs = reader.nullable_array(true, 16, Reader::uuid)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 3)?;
        out.put_i32(self.broker_id.0);
        out.put_i64(self.broker_epoch);
        let has_fenced = self.fenced != 0;
        let has_in_controlled_shutdown = version >= 1 && self.in_controlled_shutdown != 0;
        let has_log_dirs = version >= 2 && !self.log_dirs.is_empty();
        let has_cordoned_log_dirs = version >= 3 && self.cordoned_log_dirs.is_some();
        out.put_unsigned_varint(
            u32::from(has_fenced)
                + u32::from(has_in_controlled_shutdown)
                + u32::from(has_log_dirs)
                + u32::from(has_cordoned_log_dirs),
        );
        if has_fenced {
            out.put_tag(0, |out| {
                out.put_i8(self.fenced);
                Ok(())
            })?;
        }
        if has_in_controlled_shutdown {
            out.put_tag(1, |out| {
                out.put_i8(self.in_controlled_shutdown);
                Ok(())
            })?;
        }
        if has_log_dirs {
            out.put_tag(2, |out| {
                out.put_array(&self.log_dirs, true, |out, item| {
                    out.put_uuid(*item);
                    Ok(())
                })
            })?;
        }
        if has_cordoned_log_dirs {
            out.put_tag(3, |out| {
                out.put_nullable_array(self.cordoned_log_dirs.as_deref(), true, |out, item| {
                    out.put_uuid(*item);
                    Ok(())
                })
            })?;
        }
        if version < 1 {
            absent(
                self.in_controlled_shutdown == 0,
                "InControlledShutdown",
                version,
            )?;
        }
        if version < 2 {
            absent(self.log_dirs.is_empty(), "LogDirs", version)?;
        }
        if version < 3 {
            absent(self.cordoned_log_dirs.is_none(), "CordonedLogDirs", version)?;
        }
        Ok(())
    }
}

message! { BrokerRegistrationChangeRecord, versions 0..=3, flexible 0 }

//! What the generated messages are written in: primitives, entity types, and a few checks.
//!
//! Room:       `protocol`.
//! Called by:  `generated`, by `use crate::codec::*`.
//! Never:      is needed elsewhere; the crate's root re-exports what users want.

pub use crate::error_code::ErrorCode;
pub use crate::ids::{BrokerId, GroupId, ProducerId, TopicName, TransactionalId};
pub(crate) use crate::message::{message, request};
pub use crate::primitive::{DecodeError, EncodeError, Reader, Writer};
pub use crate::uuid::Uuid;

/// Refuses versions the message does not have.
pub fn check_decode(version: i16, low: i16, high: i16) -> Result<(), DecodeError> {
    match version < low || version > high {
        true => Err(DecodeError::VersionUnsupported { version }),
        false => Ok(()),
    }
}

/// Refuses versions the message does not have.
pub fn check_encode(version: i16, low: i16, high: i16) -> Result<(), EncodeError> {
    match version < low || version > high {
        true => Err(EncodeError::VersionUnsupported { version }),
        false => Ok(()),
    }
}

/// A value read from a version in which null is allowed or not.
pub fn null_if<T>(allowed: bool, value: Option<T>) -> Result<Option<T>, DecodeError> {
    if value.is_none() && !allowed {
        Err(DecodeError::UnexpectedNull)
    } else {
        Ok(value)
    }
}

/// Refuses null where the version has no form for it.
pub fn not_null(allowed: bool, field: &'static str, version: i16) -> Result<(), EncodeError> {
    if allowed {
        Ok(())
    } else {
        Err(EncodeError::UnexpectedNull { field, version })
    }
}

/// Refuses a value that the version has no place for and that may not be dropped.
pub fn absent(is_default: bool, field: &'static str, version: i16) -> Result<(), EncodeError> {
    if is_default {
        Ok(())
    } else {
        Err(EncodeError::FieldNotInVersion { field, version })
    }
}

/// A struct that may be null: one byte says so, in the versions that have it.
pub fn put_nullable<T>(
    out: &mut Vec<u8>,
    has_prefix: bool,
    value: Option<&T>,
    encode: impl FnOnce(&mut Vec<u8>, &T) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    if has_prefix {
        out.put_i8(if value.is_some() { 1 } else { -1 });
    }
    value.map_or(Ok(()), |value| encode(out, value))
}

/// The same as the payload of a tagged field, where zero says null.
pub fn put_tagged_nullable<T>(
    out: &mut Vec<u8>,
    value: Option<&T>,
    encode: impl FnOnce(&mut Vec<u8>, &T) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.put_unsigned_varint(u32::from(value.is_some()));
    value.map_or(Ok(()), |value| encode(out, value))
}

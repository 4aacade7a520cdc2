//! How records of internal logs say what they are: the frames around the record schemas.
//!
//! Room:       `protocol`.
//! Called by:  `generated::records`, through its two macros.
//! Never:      sees record batches: it gets the bytes of one key or one value.
//!
//! KRaft metadata and remote-log metadata, one value:
//!   frame version (unsigned varint, 1) │ record type (unsigned varint) │ version │ record
//! Coordinators, a key and a value (null for a tombstone):
//!   key: record type (i16) │ record        value: version (i16) │ record

use crate::{DecodeError, Reader, Writer};

/// `(record type, version)` of a framed record.
pub(crate) fn read_frame(reader: &mut Reader<'_>) -> Result<(i32, i16), DecodeError> {
    let frame_version = reader.unsigned_varint()?;
    if frame_version != FRAME_VERSION {
        return Err(DecodeError::FrameVersionUnsupported { frame_version });
    }
    let record_type = reader.unsigned_varint()?;
    let version = reader.unsigned_varint()?;
    let Ok(record_type) = i32::try_from(record_type) else {
        return Err(DecodeError::RecordTypeUnknown {
            record_type: i32::MAX,
        });
    };
    let Ok(version) = i16::try_from(version) else {
        return Err(DecodeError::VersionUnsupported { version: i16::MAX });
    };
    Ok((record_type, version))
}

pub(crate) fn put_frame(out: &mut Vec<u8>, record_type: i32, version: i16) {
    out.put_unsigned_varint(FRAME_VERSION);
    out.put_unsigned_varint(record_type as u32);
    out.put_unsigned_varint(version as u32);
}

const FRAME_VERSION: u32 = 1;

/// An enum of all record types that share the KRaft frame.
macro_rules! framed_records {
    ($record:ident; $($key:literal $variant:ident $name:ident($type:ty);)*) => {
        /// Any record of this log.
        #[derive(Clone, Debug, PartialEq)]
        pub enum $record<'a> {
            $($variant($type),)*
        }

        impl<'a> $record<'a> {
            /// Decodes one value, frame and record, to its end.
            ///
            /// # Errors
            /// When the frame, the type or the version is unknown, or the bytes do not fit it.
            pub fn decode(bytes: &'a [u8]) -> Result<Self, $crate::DecodeError> {
                let mut reader = $crate::Reader::new(bytes);
                let (record_type, version) = $crate::record_frame::read_frame(&mut reader)?;
                let record = match record_type {
                    $($key => Self::$variant($name::decode(&mut reader, version)?),)*
                    _ => return Err($crate::DecodeError::RecordTypeUnknown { record_type }),
                };
                reader.finish()?;
                Ok(record)
            }

            /// Appends frame and record.
            ///
            /// # Errors
            /// When a field has no place in this version.
            pub fn encode(
                &self,
                out: &mut Vec<u8>,
                version: i16,
            ) -> Result<(), $crate::EncodeError> {
                $crate::record_frame::put_frame(out, self.record_type(), version);
                match self {
                    $(Self::$variant(record) => record.encode(out, version),)*
                }
            }

            /// Kafka's number of the record's type.
            pub fn record_type(&self) -> i32 {
                match self {
                    $(Self::$variant(_) => $key,)*
                }
            }

            /// Kafka's name of the record's type.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($name),)*
                }
            }

            /// The newest version of this record type.
            pub fn max_version(&self) -> i16 {
                match self {
                    $(Self::$variant(_) => <$name as $crate::Message<'_>>::MAX_VERSION,)*
                }
            }
        }

        $(
            impl<'a> From<$type> for $record<'a> {
                fn from(record: $type) -> Self {
                    Self::$variant(record)
                }
            }
        )*
    };
}

/// Two enums, of keys and of values, for a coordinator's log.
macro_rules! keyed_records {
    (
        $key_enum:ident $value_enum:ident $(<$borrow:lifetime>)?;
        $($type:literal $variant:ident $key:ident($key_type:ty) $value:ident($value_type:ty);)*
    ) => {
        /// Any key of this log. Its number says which value belongs to it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum $key_enum<'a> {
            $($variant($key_type),)*
        }

        impl<'a> $key_enum<'a> {
            /// Decodes a key to its end.
            ///
            /// # Errors
            /// `RecordTypeUnknown` for a newer type, which Kafka skips; or the bytes do not fit.
            pub fn decode(bytes: &'a [u8]) -> Result<Self, $crate::DecodeError> {
                let mut reader = $crate::Reader::new(bytes);
                let record_type = reader.i16()?.into();
                let key = match record_type {
                    $($type => Self::$variant($key::decode(&mut reader, 0)?),)*
                    _ => return Err($crate::DecodeError::RecordTypeUnknown { record_type }),
                };
                reader.finish()?;
                Ok(key)
            }

            /// Appends type and key.
            ///
            /// # Errors
            /// When a string is too long.
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), $crate::EncodeError> {
                $crate::Writer::put_i16(out, self.record_type());
                match self {
                    $(Self::$variant(key) => key.encode(out, 0),)*
                }
            }

            /// Kafka's number of the record's type.
            pub fn record_type(&self) -> i16 {
                match self {
                    $(Self::$variant(_) => $type,)*
                }
            }

            /// Decodes the value that belongs to this key; `None` is a tombstone.
            ///
            /// # Errors
            /// When the version is unknown or the bytes do not fit.
            pub fn decode_value(
                &self,
                bytes: Option<&'a [u8]>,
            ) -> Result<Option<$value_enum $(<$borrow>)?>, $crate::DecodeError> {
                let Some(bytes) = bytes else { return Ok(None) };
                let mut reader = $crate::Reader::new(bytes);
                let version = reader.i16()?;
                let value = match self {
                    $(Self::$variant(_) => {
                        $value_enum::$variant($value::decode(&mut reader, version)?)
                    })*
                };
                reader.finish()?;
                Ok(Some(value))
            }
        }

        /// Any value of this log.
        #[derive(Clone, Debug, PartialEq)]
        pub enum $value_enum $(<$borrow>)? {
            $($variant($value_type),)*
        }

        impl $(<$borrow>)? $value_enum $(<$borrow>)? {
            /// Appends version and value.
            ///
            /// # Errors
            /// When a field has no place in this version.
            pub fn encode(
                &self,
                out: &mut Vec<u8>,
                version: i16,
            ) -> Result<(), $crate::EncodeError> {
                $crate::Writer::put_i16(out, version);
                match self {
                    $(Self::$variant(value) => value.encode(out, version),)*
                }
            }

            /// The newest version of this record type.
            pub fn max_version(&self) -> i16 {
                match self {
                    $(Self::$variant(_) => <$value as $crate::Message<'_>>::MAX_VERSION,)*
                }
            }
        }
    };
}

pub(crate) use {framed_records, keyed_records};

#[cfg(test)]
mod tests {
    use crate::records::group::{
        GroupRecordKey, GroupRecordValue, OffsetCommitKey, OffsetCommitValue,
    };
    use crate::records::metadata::{MetadataRecord, TopicRecord};
    use crate::records::share::ShareRecordKey;
    use crate::{DecodeError, TopicName, Uuid};

    #[test]
    fn a_metadata_record_carries_frame_type_and_version() {
        let record = TopicRecord {
            name: TopicName("t"),
            topic_id: Uuid::from_u128(1),
        };
        let record = MetadataRecord::from(record);
        let mut out = Vec::new();
        record.encode(&mut out, record.max_version()).unwrap();
        assert_eq!(out[..5], [1, 2, 0, 2, b't']);
        assert_eq!(MetadataRecord::decode(&out), Ok(record));
        let decode = MetadataRecord::decode;
        let frame = DecodeError::FrameVersionUnsupported { frame_version: 0 };
        assert_eq!(decode(&[0, 2, 0]), Err(frame));
        let unknown = DecodeError::RecordTypeUnknown { record_type: 99 };
        assert_eq!(decode(&[1, 99, 0]), Err(unknown));
        assert_eq!(
            decode(&[1, 2, 9]),
            Err(DecodeError::VersionUnsupported { version: 9 })
        );
        out.push(0);
        assert_eq!(decode(&out), Err(DecodeError::TrailingBytes { left: 1 }));
    }

    #[test]
    fn a_coordinator_key_says_which_value_follows() {
        let key = OffsetCommitKey {
            group: "g",
            topic: "t",
            partition: 3,
        };
        let key = GroupRecordKey::OffsetCommit(key);
        let mut out = Vec::new();
        key.encode(&mut out).unwrap();
        assert_eq!(out, [0, 1, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 3]);
        assert_eq!(GroupRecordKey::decode(&out), Ok(key.clone()));
        assert_eq!(key.decode_value(None), Ok(None));
        let value = OffsetCommitValue {
            offset: 42,
            ..Default::default()
        };
        let value = GroupRecordValue::OffsetCommit(value);
        let mut bytes = Vec::new();
        value.encode(&mut bytes, 4).unwrap();
        assert_eq!(bytes[..2], [0, 4]);
        assert_eq!(key.decode_value(Some(&bytes)), Ok(Some(value)));
        let unknown = DecodeError::RecordTypeUnknown { record_type: 9 };
        assert_eq!(ShareRecordKey::decode(&[0, 9]), Err(unknown));
    }
}

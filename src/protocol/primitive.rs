//! The primitive types of Kafka's wire format: fixed integers, varints, strings, bytes, arrays,
//! uuids and tagged fields.
//!
//! Room:       `protocol`. Every codec, generated or written by hand, is made of these.
//! Called by:  `generated`, `produce`, `fetch`, `record_batch`.
//! Never:      trusts a length. It is compared with the bytes left before anything is reserved.
//!
//! Always true:
//!   - a `Reader` never reads past its slice and borrows from it everything it hands out.
//!   - memory for an array is taken as its elements are really there, not as its count announces.
//!   - what decoding one message may take is bounded: `ALLOCATION_PER_BYTE` times its length, and
//!     for one a client sent `ALLOCATION_BEYOND` more than its length.
//!
//! In *flexible* versions (KIP-482) lengths are unsigned varints holding length + 1, zero being
//! null, and each struct ends with tagged fields; before that, lengths are i16 or i32, -1 null.

use std::fmt;

use crate::Uuid;

/// Reads from a borrowed slice. Copying a reader is cheap and is how one looks ahead.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    left: &'a [u8],
    length: usize,
    budget: usize,
}

impl<'a> Reader<'a> {
    /// Over bytes of a stranger.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with_budget(bytes, Self::budget_of_stranger(bytes.len()))
    }

    /// Over bytes of a broker that this process chose to ask: an answer about a large cluster is
    /// as large as it is.
    pub fn over_answer(bytes: &'a [u8]) -> Self {
        Self::with_budget(bytes, Self::budget_of(bytes.len()))
    }

    fn with_budget(bytes: &'a [u8], budget: usize) -> Self {
        Self {
            left: bytes,
            length: bytes.len(),
            budget,
        }
    }

    fn budget_of_stranger(length: usize) -> usize {
        Self::budget_of(length).min(length.saturating_add(ALLOCATION_BEYOND))
    }

    fn budget_of(length: usize) -> usize {
        length
            .saturating_mul(ALLOCATION_PER_BYTE)
            .saturating_add(ALLOCATION_FREE)
    }

    /// Bytes not read yet.
    pub fn left(&self) -> &'a [u8] {
        self.left
    }

    /// How many bytes were read since `new`; an index into the slice given there.
    pub fn position(&self) -> usize {
        self.length - self.left.len()
    }

    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Fails when bytes are left over. For what we wrote ourselves: Kafka ignores what follows a
    /// request, so a request is not held to this.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.left.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes { left }),
        }
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, tail)) = self.left.split_at_checked(length) else {
            return Err(DecodeError::Truncated {
                needed: length,
                left: self.left.len(),
            });
        };
        self.left = tail;
        Ok(head)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((head, tail)) = self.left.split_first_chunk::<N>() else {
            return Err(DecodeError::Truncated {
                needed: N,
                left: self.left.len(),
            });
        };
        self.left = tail;
        Ok(*head)
    }

    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.fixed::<1>()?[0] != 0)
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.fixed()?))
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.fixed()?))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.fixed()?))
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_be_bytes(self.fixed()?))
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid(self.fixed()?))
    }

    /// Unsigned varint of at most five bytes, least significant group first.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0_u32;
        for (index, byte) in self.left.iter().copied().enumerate() {
            if index == 4 && byte > 0x0f {
                return Err(DecodeError::VarintTooLong);
            }
            value |= u32::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.left = &self.left[index + 1..];
                return Ok(value);
            }
        }
        Err(DecodeError::Truncated {
            needed: self.left.len() + 1,
            left: self.left.len(),
        })
    }

    /// Unsigned varlong of at most ten bytes.
    pub fn unsigned_varlong(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (index, byte) in self.left.iter().copied().enumerate() {
            if index == 9 && byte > 0x01 {
                return Err(DecodeError::VarintTooLong);
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.left = &self.left[index + 1..];
                return Ok(value);
            }
        }
        Err(DecodeError::Truncated {
            needed: self.left.len() + 1,
            left: self.left.len(),
        })
    }

    /// Zigzag varint, as in records.
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let value = self.unsigned_varint()?;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// Zigzag varlong, as in records.
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let value = self.unsigned_varlong()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Compact length: `None` is null.
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self
            .unsigned_varint()?
            .checked_sub(1)
            .map(|length| length as usize))
    }

    pub fn nullable_string(&mut self, flexible: bool) -> Result<Option<&'a str>, DecodeError> {
        let length = if flexible {
            self.compact_length()?
        } else {
            match self.i16()? {
                -1 => None,
                length => Some(not_negative(length.into())?),
            }
        };
        let Some(length) = length else {
            return Ok(None);
        };
        if length > STRING_BYTES_MAX {
            return Err(DecodeError::LengthTooLarge {
                length,
                left: STRING_BYTES_MAX,
            });
        }
        let position = self.position();
        match std::str::from_utf8(self.take(length)?) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(DecodeError::NotUtf8 {
                position: position + error.valid_up_to(),
            }),
        }
    }

    pub fn string(&mut self, flexible: bool) -> Result<&'a str, DecodeError> {
        self.nullable_string(flexible)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// Bytes, and records: a 32-bit length in fixed versions.
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.nullable_length(flexible)? {
            None => Ok(None),
            Some(length) => Ok(Some(self.take(length)?)),
        }
    }

    pub fn bytes(&mut self, flexible: bool) -> Result<&'a [u8], DecodeError> {
        self.nullable_bytes(flexible)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// Length of an array or of bytes; `None` is null.
    fn nullable_length(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        if flexible {
            return self.compact_length();
        }
        match self.i32()? {
            -1 => Ok(None),
            length => Ok(Some(not_negative(length)?)),
        }
    }

    /// Count of the elements that follow, each of which takes at least `element_bytes_min`.
    /// The count is compared with the bytes left, so it can be trusted as a capacity.
    pub fn nullable_array_length(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let Some(length) = self.nullable_length(flexible)? else {
            return Ok(None);
        };
        if length > self.left.len() / element_bytes_min.max(1) {
            return Err(DecodeError::LengthTooLarge {
                length,
                left: self.left.len(),
            });
        }
        Ok(Some(length))
    }

    pub fn array_length(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
    ) -> Result<usize, DecodeError> {
        self.nullable_array_length(flexible, element_bytes_min)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    pub fn nullable_array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(length) = self.nullable_array_length(flexible, element_bytes_min)? else {
            return Ok(None);
        };
        // No more at first than the bytes that are left could be copied into.
        let room = self.left.len() / size_of::<T>().max(1);
        let mut elements = Vec::new();
        self.reserve(&mut elements, length.min(room.max(FIRST_ELEMENTS)))?;
        for _ in 0..length {
            if elements.len() == elements.capacity() {
                let more = elements.len().min(length - elements.len());
                self.reserve(&mut elements, more)?;
            }
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    pub fn array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(flexible, element_bytes_min, element)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    fn reserve<T>(&mut self, elements: &mut Vec<T>, more: usize) -> Result<(), DecodeError> {
        self.charge(more.saturating_mul(size_of::<T>().max(ELEMENT_BYTES_MIN)))?;
        elements.reserve_exact(more);
        Ok(())
    }

    /// Takes what is about to be reserved from this message's budget of memory.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(DecodeError::AllocationTooLarge {
                bytes,
                left: self.budget,
            }),
        }
    }

    /// How much memory decoding has asked for since `new`.
    pub fn charged(&self) -> usize {
        Self::budget_of_stranger(self.length) - self.budget
    }

    /// A nullable struct is preceded by one byte: negative for null.
    pub fn is_present(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? >= 0)
    }

    /// The same as the payload of a tagged field: zero for null. Early logs of Ottla hold -1 there,
    /// which is null, too.
    pub fn is_present_in_tag(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? > 0)
    }

    /// Tagged fields. `known` gets each tag with a reader over its payload alone and answers
    /// whether it knows the tag; a known one must be read to its end, an unknown one is skipped.
    pub fn tags(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            let payload = self.take(size)?;
            let mut inner = Reader {
                left: payload,
                length: size,
                budget: self.budget,
            };
            if known(&mut inner, tag)? && !inner.is_empty() {
                return Err(DecodeError::TagNotConsumed {
                    tag,
                    left: inner.left.len(),
                });
            }
            self.budget = inner.budget;
        }
        Ok(())
    }

    pub fn skip_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(false))
    }
}

fn not_negative(length: i32) -> Result<usize, DecodeError> {
    usize::try_from(length).map_err(|_| DecodeError::LengthNegative { length })
}

/// Appends Kafka's primitive types to a `Vec<u8>`.
///
/// Lengths above `i32::MAX` are not checked here: nobody can build such a message in a frame.
pub trait Writer {
    fn put(&mut self, bytes: &[u8]);
    fn put_bool(&mut self, value: bool) {
        self.put(&[u8::from(value)]);
    }
    fn put_i8(&mut self, value: i8) {
        self.put(&value.to_be_bytes());
    }
    fn put_i16(&mut self, value: i16) {
        self.put(&value.to_be_bytes());
    }
    fn put_u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }
    fn put_i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }
    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }
    fn put_i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }
    fn put_f64(&mut self, value: f64) {
        self.put(&value.to_be_bytes());
    }
    fn put_uuid(&mut self, value: Uuid) {
        self.put(&value.0);
    }
    fn put_unsigned_varint(&mut self, value: u32);
    fn put_unsigned_varlong(&mut self, value: u64);
    /// Zigzag varint.
    fn put_varint(&mut self, value: i32) {
        self.put_unsigned_varint(((value << 1) ^ (value >> 31)) as u32);
    }
    /// Zigzag varlong.
    fn put_varlong(&mut self, value: i64) {
        self.put_unsigned_varlong(((value << 1) ^ (value >> 63)) as u64);
    }
    /// A string; longer than 32,767 bytes is an error, as in Kafka.
    fn put_nullable_string(
        &mut self,
        value: Option<&str>,
        flexible: bool,
    ) -> Result<(), EncodeError>;
    fn put_string(&mut self, value: &str, flexible: bool) -> Result<(), EncodeError> {
        self.put_nullable_string(Some(value), flexible)
    }
    /// The length of bytes or of an array, `None` for null; the content follows.
    fn put_nullable_length(&mut self, length: Option<usize>, flexible: bool) {
        match (length, flexible) {
            (Some(length), true) => self.put_unsigned_varint(length as u32 + 1),
            (None, true) => self.put_unsigned_varint(0),
            (Some(length), false) => self.put_i32(length as i32),
            (None, false) => self.put_i32(-1),
        }
    }
    fn put_length(&mut self, length: usize, flexible: bool) {
        self.put_nullable_length(Some(length), flexible);
    }
    fn put_nullable_bytes(&mut self, value: Option<&[u8]>, flexible: bool) {
        self.put_nullable_length(value.map(<[u8]>::len), flexible);
        self.put(value.unwrap_or_default());
    }
    fn put_bytes(&mut self, value: &[u8], flexible: bool) {
        self.put_nullable_bytes(Some(value), flexible);
    }
    fn put_array<T>(
        &mut self,
        elements: &[T],
        flexible: bool,
        mut element: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.put_length(elements.len(), flexible);
        elements.iter().try_for_each(|value| element(self, value))
    }
    fn put_nullable_array<T>(
        &mut self,
        elements: Option<&[T]>,
        flexible: bool,
        element: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match elements {
            Some(elements) => self.put_array(elements, flexible, element),
            None => {
                self.put_nullable_length(None, flexible);
                Ok(())
            }
        }
    }
    /// One tagged field: tag, size, payload. The size is put before the payload afterwards.
    fn put_tag(
        &mut self,
        tag: u32,
        payload: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>;
}

impl Writer for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_unsigned_varint(&mut self, value: u32) {
        self.put_unsigned_varlong(value.into());
    }

    fn put_unsigned_varlong(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_nullable_string(
        &mut self,
        value: Option<&str>,
        flexible: bool,
    ) -> Result<(), EncodeError> {
        let length = value.map(str::len);
        if length.unwrap_or(0) > STRING_BYTES_MAX {
            return Err(EncodeError::StringTooLong {
                length: length.unwrap_or(0),
            });
        }
        if flexible {
            self.put_nullable_length(length, true);
        } else {
            self.put_i16(length.map_or(-1, |length| length as i16));
        }
        self.put(value.unwrap_or_default().as_bytes());
        Ok(())
    }

    fn put_tag(
        &mut self,
        tag: u32,
        payload: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.put_unsigned_varint(tag);
        let start = self.len();
        payload(self)?;
        let end = self.len();
        self.put_unsigned_varint((end - start) as u32);
        let size_bytes = self.len() - end;
        self[start..].rotate_right(size_bytes);
        Ok(())
    }
}

/// Why bytes could not be read. Nothing here is prose, so that tests and logs compare numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The message ends `needed - left` bytes too early.
    Truncated {
        needed: usize,
        left: usize,
    },
    /// A message was read to its end and bytes are left over.
    TrailingBytes {
        left: usize,
    },
    LengthNegative {
        length: i32,
    },
    /// A length says more than `left` bytes can hold, or more than its type allows.
    LengthTooLarge {
        length: usize,
        left: usize,
    },
    /// The message asks for more memory than any honest one of its length.
    AllocationTooLarge {
        bytes: usize,
        left: usize,
    },
    VarintTooLong,
    /// The first byte that is not UTF-8, from the start of the message.
    NotUtf8 {
        position: usize,
    },
    /// Null in a field that cannot be null in this version.
    UnexpectedNull,
    /// A tagged field is longer than its type says.
    TagNotConsumed {
        tag: u32,
        left: usize,
    },
    /// The message does not exist in this version.
    VersionUnsupported {
        version: i16,
    },
    ApiKeyUnknown {
        api_key: i16,
    },
    /// A record of an internal log has a type we do not know.
    RecordTypeUnknown {
        record_type: i32,
    },
    /// The record's frame (KRaft) has a version we do not know.
    FrameVersionUnsupported {
        frame_version: u32,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot decode: {self:?}")
    }
}

impl std::error::Error for DecodeError {}

/// Why a message cannot be written in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A field that may not be dropped silently has a value, and the version has no place for it.
    FieldNotInVersion {
        field: &'static str,
        version: i16,
    },
    /// Null in a field that cannot be null in this version.
    UnexpectedNull {
        field: &'static str,
        version: i16,
    },
    StringTooLong {
        length: usize,
    },
    VersionUnsupported {
        version: i16,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot encode: {self:?}")
    }
}

impl std::error::Error for EncodeError {}

/// How much memory decoding may reserve per byte of the message. Honest messages of all APIs
/// stay below a quarter of it (the golden bytes are the witness).
const ALLOCATION_PER_BYTE: usize = 64;

/// What decoding a client's message may take beyond its length: honest ones of many megabytes are
/// records, which are not copied, or names of some length. It bounds what one request names to a
/// few hundred thousand things, which are decoded in one turn of some milliseconds.
const ALLOCATION_BEYOND: usize = 8 << 20;

/// What an element counts at least: whoever answers keeps something about each.
const ELEMENT_BYTES_MIN: usize = 32;

/// Room for so few elements is taken whatever is left of the message.
const FIRST_ELEMENTS: usize = 16;

/// What even the shortest message may reserve, in bytes.
const ALLOCATION_FREE: usize = 4096;

/// Kafka refuses longer strings in compact form too.
const STRING_BYTES_MAX: usize = i16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_keep_their_value_and_java_bytes() {
        for (value, bytes) in [
            (0_u32, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (300, &[0xac, 0x02]),
            (u32::MAX, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = Vec::new();
            out.put_unsigned_varint(value);
            assert_eq!(out, bytes);
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.unsigned_varint(), Ok(value));
            assert!(reader.is_empty());
        }
        for value in [0, -1, 1, 63, -64, 64, i32::MAX, i32::MIN] {
            let mut out = Vec::new();
            out.put_varint(value);
            out.put_varlong(i64::from(value) * 3);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.varlong(), Ok(i64::from(value) * 3));
        }
        for value in [i64::MIN, i64::MAX, -1, 1 << 40] {
            let mut out = Vec::new();
            out.put_varlong(value);
            assert_eq!(Reader::new(&out).varlong(), Ok(value));
        }
    }

    #[test]
    fn varints_too_long_or_cut_are_refused() {
        let too_long = [0xff, 0xff, 0xff, 0xff, 0x10];
        assert_eq!(
            Reader::new(&too_long).unsigned_varint(),
            Err(DecodeError::VarintTooLong)
        );
        assert_eq!(
            Reader::new(&[0xff; 10]).unsigned_varlong(),
            Err(DecodeError::VarintTooLong)
        );
        assert_eq!(
            Reader::new(&[0x80]).unsigned_varint(),
            Err(DecodeError::Truncated { needed: 2, left: 1 })
        );
    }

    #[test]
    fn strings_and_bytes_in_both_shapes() {
        for flexible in [false, true] {
            let mut out = Vec::new();
            out.put_string("größe", flexible).unwrap();
            out.put_nullable_string(None, flexible).unwrap();
            out.put_bytes(b"ab", flexible);
            out.put_nullable_bytes(None, flexible);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.string(flexible), Ok("größe"));
            assert_eq!(reader.nullable_string(flexible), Ok(None));
            assert_eq!(reader.bytes(flexible), Ok(&b"ab"[..]));
            assert_eq!(reader.nullable_bytes(flexible), Ok(None));
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn lengths_are_compared_with_what_is_left() {
        assert_eq!(
            Reader::new(&[0x7f, 0xff, 0xff, 0xff, 0]).array(false, 1, Reader::i8),
            Err(DecodeError::LengthTooLarge {
                length: i32::MAX as usize,
                left: 1
            })
        );
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xfe]).array(false, 1, Reader::i8),
            Err(DecodeError::LengthNegative { length: -2 })
        );
        assert_eq!(
            Reader::new(&[3, 0, 0, 0]).array(true, 2, Reader::i16),
            Err(DecodeError::LengthTooLarge { length: 2, left: 3 })
        );
        let large = vec![1_u8; 100_000];
        let mut reader = Reader::new(&large);
        let asked = reader.nullable_array(false, 0, |_| Ok([0_u64; 1000]));
        assert!(matches!(asked, Err(DecodeError::LengthTooLarge { .. })));
    }

    #[test]
    fn a_message_cannot_ask_for_more_memory_than_its_length_justifies() {
        let mut bytes = vec![0; 1004];
        bytes[2..4].copy_from_slice(&1000_u16.to_be_bytes());
        let asked = Reader::new(&bytes).array(false, 1, |reader| Ok([reader.i8()? as u64; 100]));
        assert!(matches!(asked, Err(DecodeError::AllocationTooLarge { .. })));
    }

    #[test]
    fn memory_comes_as_elements_come() {
        // A megabyte announces as many elements as it has bytes, each a hundred times as large;
        // the third is not there.
        let mut bytes = vec![0; 1 << 20];
        bytes[..4].copy_from_slice(&((1 << 20) - 4_i32).to_be_bytes());
        let mut reader = Reader::new(&bytes);
        let mut seen = 0;
        let decoded = reader.array(false, 1, |reader| {
            seen += 1;
            match seen {
                3 => reader.take(usize::MAX).map(|_| [0_u8; 100]),
                _ => reader.i8().map(|_| [0_u8; 100]),
            }
        });
        assert!(matches!(decoded, Err(DecodeError::Truncated { .. })));
        assert!(reader.charged() <= bytes.len(), "{}", reader.charged());
    }

    #[test]
    fn a_large_message_of_a_stranger_takes_little_more_than_its_length() {
        let mut bytes = vec![0; 8 << 20];
        bytes[..4].copy_from_slice(&((8 << 20) - 4_i32).to_be_bytes());
        let decode = |reader: &mut Reader| {
            let decoded = reader.array(false, 1, |reader| reader.i8().map(|_| [0_u8; 32]));
            decoded.is_ok()
        };
        let mut reader = Reader::new(&bytes);
        assert!(!decode(&mut reader));
        let charged = reader.charged();
        assert!(charged <= bytes.len() + ALLOCATION_BEYOND, "{charged}");
        assert!(decode(&mut Reader::over_answer(&bytes)));
    }

    #[test]
    fn tags_are_skipped_when_unknown_and_read_whole_when_known() {
        let mut out = Vec::new();
        out.put_unsigned_varint(2);
        out.put_tag(0, |out| {
            out.put(&[7; 300]);
            Ok(())
        })
        .unwrap();
        out.put_tag(5, |out| {
            out.put_i32(42);
            Ok(())
        })
        .unwrap();
        let mut seen = None;
        let mut reader = Reader::new(&out);
        reader
            .tags(|reader, tag| match tag {
                5 => {
                    seen = Some(reader.i32()?);
                    Ok(true)
                }
                _ => Ok(false),
            })
            .unwrap();
        assert!(reader.is_empty());
        assert_eq!(seen, Some(42));
        assert_eq!(
            Reader::new(&out).tags(|_, tag| Ok(tag == 0)),
            Err(DecodeError::TagNotConsumed { tag: 0, left: 300 })
        );
    }
}

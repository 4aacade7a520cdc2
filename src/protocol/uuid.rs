//! Kafka's 128-bit ids.
//!
//! Room:       `protocol`.
//! Called by:  everybody who holds a topic id, a directory id, a member id.
//! Never:      draws random bits itself: they come from the door.

use std::fmt;
use std::str::FromStr;

/// A topic, directory, incarnation or member id. Shown as Kafka shows it: base64url, 22 characters.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    pub const ZERO: Self = Self([0; 16]);
    /// `Uuid.ONE_UUID`, reserved: the topic id of the cluster metadata topic.
    pub const METADATA_TOPIC: Self = Self::from_u128(1);

    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// A version 4 uuid from 128 random bits. Kafka never hands out one whose text starts with
    /// `-`, or the reserved ones (0 and 1): `None` asks for other bits.
    pub fn from_random(bits: u128) -> Option<Self> {
        let bits = bits & !(0xf000 << 64) & !(0xc000 << 48) | (0x4000 << 64) | (0x8000 << 48);
        let uuid = Self::from_u128(bits);
        (uuid.0[0] >> 2 != 62).then_some(uuid)
    }

    pub const fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.to_u128();
        let mut text = [0_u8; 22];
        for (index, byte) in text.iter_mut().enumerate().take(21) {
            *byte = BASE64_URL[(bits >> (122 - 6 * index)) as usize & 63];
        }
        text[21] = BASE64_URL[(bits << 4) as usize & 63];
        formatter.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    /// 22 characters of base64url; two `=` of padding are accepted as Java accepts them.
    fn from_str(text: &str) -> Result<Self, UuidError> {
        let digits = text.strip_suffix("==").unwrap_or(text).as_bytes();
        if digits.len() != 22 {
            return Err(UuidError::Length { length: text.len() });
        }
        let mut bits = 0_u128;
        for (index, digit) in digits.iter().enumerate() {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return Err(UuidError::Character { index }),
            };
            bits = if index < 21 {
                bits << 6 | u128::from(value)
            } else {
                bits << 2 | u128::from(value >> 4)
            };
        }
        Ok(Self::from_u128(bits))
    }
}

/// Why a text is not a uuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UuidError {
    Length { length: usize },
    Character { index: usize },
}

impl fmt::Display for UuidError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { length } => write!(formatter, "a uuid has 22 characters, not {length}"),
            Self::Character { index } => {
                write!(
                    formatter,
                    "character {} of the uuid is not base64url",
                    index + 1
                )
            }
        }
    }
}

impl std::error::Error for UuidError {}

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_look_as_in_kafka() {
        let uuid = Uuid::from_u128(1);
        assert_eq!(uuid.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAQ".parse(), Ok(uuid));
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAQ==".parse(), Ok(uuid));
        let mixed = Uuid::from_u128(0xfbff_0123_4567_89ab_cdef_0011_2233_4455);
        assert_eq!(mixed.to_string().parse(), Ok(mixed));
        assert_eq!(
            "short".parse::<Uuid>(),
            Err(UuidError::Length { length: 5 })
        );
        assert_eq!(
            "AAAAAAAAAAA+AAAAAAAAAQ".parse::<Uuid>(),
            Err(UuidError::Character { index: 11 })
        );
    }

    #[test]
    fn random_uuids_are_version_4_and_never_start_with_a_dash() {
        assert_eq!(Uuid::from_random(0xf8 << 120), None);
        let uuid = Uuid::from_random(u128::MAX >> 2).unwrap();
        assert_eq!(uuid.0[6] >> 4, 4);
        assert_eq!(uuid.0[8] >> 6, 2);
    }
}

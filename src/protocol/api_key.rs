//! The facts about each API: name, versions, headers, listeners.
//!
//! Room:       `protocol`. The list itself is generated.
//! Called by:  `connection` and `client` to frame, `handlers::registry` to advertise.
//! Never:      says what this broker serves; it says what Apache Kafka 4.4 knows.

use std::fmt;

pub use crate::generated::api_key::ApiKey;
use crate::generated::api_key::FACTS;

impl ApiKey {
    /// Every key, ascending, the removed ones included.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(|facts| facts.key)
    }

    pub fn from_code(code: i16) -> Option<Self> {
        FACTS
            .get(usize::try_from(code).ok()?)
            .map(|facts| facts.key)
    }

    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name, as in `Metadata`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The stable versions, or `None` for an API that was removed.
    pub fn versions(self) -> Option<(i16, i16)> {
        let Facts { min, max, .. } = *self.facts();
        (min <= max).then_some((min, max))
    }

    /// The versions to tell clients. Produce says 0 although 0–2 are refused: older librdkafka
    /// silently stops compressing otherwise (KAFKA-18659).
    pub fn advertised_versions(self) -> Option<(i16, i16)> {
        let (min, max) = self.versions()?;
        Some((if self == Self::Produce { 0 } else { min }, max))
    }

    /// Whether the version has compact lengths and tagged fields (KIP-482).
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.facts().flexible
    }

    pub const fn request_header_version(self, version: i16) -> i16 {
        1 + self.is_flexible(version) as i16
    }

    /// Always 0 for ApiVersions, so that a client can read an answer of a version it knows not.
    pub fn response_header_version(self, version: i16) -> i16 {
        i16::from(self.is_flexible(version) && self != Self::ApiVersions)
    }

    pub const fn is_for_broker(self) -> bool {
        self.facts().listeners & BROKER != 0
    }

    pub const fn is_for_controller(self) -> bool {
        self.facts().listeners & CONTROLLER != 0
    }

    const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A row of the generated table.
pub(crate) struct Facts {
    pub key: ApiKey,
    pub name: &'static str,
    pub min: i16,
    pub max: i16,
    pub flexible: i16,
    pub listeners: u8,
}

pub(crate) const BROKER: u8 = 1;
pub(crate) const CONTROLLER: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_indexed_by_key() {
        for (index, key) in ApiKey::all().enumerate() {
            assert_eq!(usize::try_from(key.code()), Ok(index));
            assert_eq!(ApiKey::from_code(key.code()), Some(key));
        }
        assert_eq!(ApiKey::from_code(-1), None);
        assert_eq!(ApiKey::from_code(95), None);
    }

    #[test]
    fn versions_as_kafka_4_4_advertises_them() {
        assert_eq!(ApiKey::Produce.versions(), Some((3, 13)));
        assert_eq!(ApiKey::Produce.advertised_versions(), Some((0, 13)));
        assert_eq!(ApiKey::InitProducerId.versions(), Some((0, 5)));
        assert_eq!(ApiKey::LeaderAndIsr.versions(), None);
        assert_eq!(ApiKey::Metadata.advertised_versions(), Some((0, 13)));
    }

    #[test]
    fn header_versions_follow_flexibility() {
        assert_eq!(ApiKey::Metadata.request_header_version(8), 1);
        assert_eq!(ApiKey::Metadata.request_header_version(9), 2);
        assert_eq!(ApiKey::Metadata.response_header_version(9), 1);
        assert_eq!(ApiKey::ApiVersions.request_header_version(3), 2);
        assert_eq!(ApiKey::ApiVersions.response_header_version(3), 0);
        assert_eq!(ApiKey::SaslHandshake.request_header_version(1), 1);
    }
}
